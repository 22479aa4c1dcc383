//! What the org answers before it becomes bytes on the wire.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::faults::{RestBody, RestRefusal};
use crate::soql::Refusal;

/// JSON, as the platform labels it.
const JSON: &str = "application/json;charset=UTF-8";
/// HTML, as proxies label it. jsforce compares for exactly this.
const HTML: &str = "text/html";

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Whether it may be compressed.
    pub(crate) compressible: bool,
}

impl Reply {
    /// JSON.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        // These values hold no maps with keys other than text, the one thing that can fail.
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self { compressible: true, ..Self::new(status, Some(JSON), body) }
    }

    /// A page for people.
    pub(crate) fn html(status: u16, title: &str, text: &str) -> Self {
        let body = format!(
            "<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
        );
        Self::new(status, Some(HTML), body)
    }

    /// Plain text.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, Some("text/plain;charset=UTF-8"), text.to_owned())
    }

    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, None, Bytes::new())
    }

    /// A log file, under the type the platform gives it.
    pub(crate) fn file(body: Bytes) -> Self {
        Self { compressible: true, ..Self::new(200, Some("application/octetstream"), body) }
    }

    /// The same with one more header, if its value can be one.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// A refusal that a fault forces.
    pub(crate) fn refusal(refusal: RestRefusal) -> Self {
        let status = refusal.status();
        match refusal.body() {
            RestBody::Json(code, message, fields) => {
                ApiError { fields, ..ApiError::new(status, code, message) }.reply()
            }
            RestBody::Html(title, text) => Self::html(status, title, text),
            RestBody::CdnHtml(title, text) => {
                Self::html(status, title, text).with(header::SERVER, "AkamaiNetStorage")
            }
            RestBody::Text(text) => Self::text(status, text),
            RestBody::Empty => Self::empty(status),
        }
    }

    /// A redirection.
    pub(crate) fn redirect(to: &str) -> Self {
        Self::html(301, "Moved", "The page has moved.").with(header::LOCATION, to)
    }

    /// The same with the JSON spread over lines, which `X-PrettyPrint: 1` asks for.
    #[must_use]
    pub(crate) fn pretty(mut self) -> Self {
        if self.content_type == Some(JSON) {
            self.body = indent(&String::from_utf8_lossy(&self.body)).into();
        }
        self
    }

    fn new(status: u16, content_type: Option<&'static str>, body: impl Into<Bytes>) -> Self {
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            content_type,
            headers: Vec::new(),
            body: body.into(),
            compressible: false,
        }
    }
}

/// Indents JSON without reading numbers or changing the order of names.
fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            out.push(c);
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                let close = chars.peek().copied();
                if matches!(close, Some('}' | ']')) {
                    out.extend(chars.next());
                    continue;
                }
                depth += 1;
                line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(" : "),
            '"' => {
                quoted = true;
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// An error of the data API: always an array in the answer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ApiError {
    message: Cow<'static, str>,
    #[serde(rename = "errorCode")]
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'static [&'static str],
    #[serde(skip)]
    status: u16,
}

impl ApiError {
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), fields: &[] }
    }

    /// There is nothing at this address.
    pub(crate) fn not_found() -> Self {
        Self::new(404, "NOT_FOUND", "The requested resource does not exist")
    }

    /// The token is missing, wrong or dead.
    pub(crate) fn dead_session() -> Self {
        Self::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    /// The answer.
    pub(crate) fn reply(&self) -> Reply {
        let reply = Reply::json(self.status, &[self]);
        if self.status == 401 { reply.with(header::WWW_AUTHENTICATE, "Token") } else { reply }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self::new(400, refusal.code, refusal.message)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn pretty_printing_keeps_order_and_numbers() {
        let reply = Reply::json(200, &json!([{ "z": 2692.0, "a": "b\\\"{,", "c": [], "d": {} }]));
        let text = String::from_utf8(reply.clone().pretty().body.to_vec()).unwrap();
        assert!(text.contains('\n') && text.contains("2692.0"), "{text}");
        let before: Value = serde_json::from_slice(&reply.body).unwrap();
        let after: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(before, after);
    }
}
