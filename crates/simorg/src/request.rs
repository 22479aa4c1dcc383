//! A request as the org reads it.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderMap, Method, header};

use crate::token::form;

/// A request, its body in memory.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The address without the query.
    pub(crate) path: String,
    /// What follows the question mark.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// The path's parts. One slash at the end makes no difference; two slashes in a row do.
    pub(crate) fn segments(&self) -> Vec<&str> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.strip_suffix('/').unwrap_or(path).split('/').collect()
    }

    /// A header's text, empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A parameter after the question mark.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form(self.query.as_bytes()).remove(name)
    }

    /// The body's form, if it is one.
    pub(crate) fn form(&self) -> Option<HashMap<String, String>> {
        let kind = self.header(header::CONTENT_TYPE.as_str());
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_form = kind.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        is_form.then(|| form(&self.body))
    }

    /// The token of the `Authorization` header: none without the header, an error if the header is
    /// of another scheme.
    pub(crate) fn token(&self) -> Result<Option<&str>, ()> {
        let value = self.header(header::AUTHORIZATION.as_str());
        if value.is_empty() {
            return Ok(None);
        }
        match value.split_once(' ') {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("bearer")
                    || scheme.eq_ignore_ascii_case("oauth") =>
            {
                Ok(Some(token.trim()))
            }
            _ => Err(()),
        }
    }

    /// Whether a compressed answer is welcome.
    pub(crate) fn accepts_gzip(&self) -> bool {
        let accepted = self.header(header::ACCEPT_ENCODING.as_str());
        accepted.split(',').any(|entry| {
            let (name, quality) = entry.split_once(';').unwrap_or((entry, ""));
            let quality =
                quality.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            matches!(name.trim(), "gzip" | "*") && quality > 0.0
        })
    }

    /// Bytes of the request line and headers that count against the limit.
    pub(crate) fn head_size(&self) -> usize {
        let headers =
            self.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        self.uri_size() + headers.sum::<usize>()
    }

    /// Bytes of the address.
    pub(crate) fn uri_size(&self) -> usize {
        self.path.len() + self.query.len() + usize::from(!self.query.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let path = "/services/data/".to_owned();
        Request { method: Method::GET, path, query: String::new(), headers, body: Bytes::new() }
    }

    #[test]
    fn knows_whether_gzip_is_welcome() {
        for (value, welcome) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("*", true),
        ] {
            assert_eq!(with("accept-encoding", value).accepts_gzip(), welcome, "{value}");
        }
    }

    #[test]
    fn reads_tokens_of_either_scheme() {
        assert_eq!(with("authorization", "Bearer a!b").token(), Ok(Some("a!b")));
        assert_eq!(with("authorization", "OAuth a!b").token(), Ok(Some("a!b")));
        assert_eq!(with("authorization", "Basic eHg6eQ==").token(), Err(()));
        assert_eq!(with("x", "y").token(), Ok(None));
    }
}
