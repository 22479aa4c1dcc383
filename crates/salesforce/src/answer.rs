//! What an answer that is not a success means.
//!
//! Salesforce's error code decides, whatever the status; the status decides when there is no code.
//! Only an answer in Salesforce's own form can mean that something is gone or forbidden: a page
//! of a proxy never does.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use serde_json::Value;

use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::reach::Unreachable;
use orgtap_transport::http;

/// Largest part of an error answer that is read.
pub(crate) const LARGEST_ERROR: usize = 64 * 1024;

/// The header only Salesforce's API sends.
pub(crate) const LIMIT_INFO: &str = "sforce-limit-info";

/// What is looked at besides the body.
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    html: bool,
    from_api: bool,
    location: Option<String>,
}

impl Head {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Self {
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        Self {
            status,
            retry_after: http::retry_after(headers),
            html: is_html(headers),
            from_api: headers.contains_key(LIMIT_INFO),
            location: location.map(host_of),
        }
    }
}

/// Whether the headers announce a page for people.
pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    kind.to_ascii_lowercase().contains("html")
}

/// The host of a redirect's target; its path may hold a session.
fn host_of(location: &str) -> String {
    let url = url::Url::parse(location).ok();
    url.as_ref().and_then(url::Url::host_str).unwrap_or("another path of this host").to_owned()
}

/// An error as Salesforce writes it, cleaned of secrets.
pub(crate) struct Remote {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Reads `[{"errorCode", "message"}]`, the same without the list, or the token endpoint's
/// `{"error", "error_description"}`.
pub(crate) fn remote(body: &[u8]) -> Option<Remote> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let object = match &value {
        Value::Array(items) => items.first()?.as_object()?,
        Value::Object(object) => object,
        _ => return None,
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let code = text("errorCode").or_else(|| text("error"))?;
    let message = text("message").or_else(|| text("error_description")).unwrap_or("");
    Some(Remote { code: code.to_owned(), message: message.to_owned() })
}

/// Turns an answer that is no success into an error. `clean` takes secrets out of a text.
pub(crate) fn refused(
    call: Call,
    head: &Head,
    body: &[u8],
    clean: &dyn Fn(&[u8]) -> String,
) -> Error {
    let status = head.status;
    let (kind, said) = match remote(body) {
        Some(remote) => {
            let message = essence(&remote.message);
            let kind = of_code(call, &remote.code, &remote.message)
                .or_else(|| of_status(call, status, true))
                .unwrap_or(ErrorKind::Refused);
            (kind, clean(format!("{}, {message}", remote.code).as_bytes()))
        }
        None if body.starts_with(b"Bad_OAuth_Token") => {
            (ErrorKind::SessionExpired, "Bad_OAuth_Token".to_owned())
        }
        None => {
            let kind =
                of_status(call, status, head.from_api && !head.html).unwrap_or(ErrorKind::NotJson);
            (kind, clean(body))
        }
    };
    let mut detail = format!("HTTP {}", status.as_u16());
    if let Some(host) = head.location.as_ref().filter(|_| status.is_redirection()) {
        detail = format!("{detail} to {}", clean(host.as_bytes()));
    } else if !said.is_empty() {
        detail = format!("{detail} {said}");
    }
    Error::new(kind, detail)
        .during(call)
        .with_status(status.as_u16())
        .retry_after(head.retry_after.filter(|wait| !wait.is_zero()))
}

/// The message without the copy of the query that some begin with.
fn essence(message: &str) -> &str {
    message.find("ERROR at Row").and_then(|at| message.get(at..)).unwrap_or(message)
}

fn of_code(call: Call, code: &str, message: &str) -> Option<ErrorKind> {
    let said = message.to_ascii_lowercase();
    Some(match code {
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => ErrorKind::SessionExpired,
        "REQUEST_LIMIT_EXCEEDED" if said.contains("concurrent") => ErrorKind::Busy,
        "REQUEST_LIMIT_EXCEEDED" => ErrorKind::QuotaExhausted,
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => ErrorKind::ApiDisabled,
        "INVALID_FIELD" => ErrorKind::InvalidField(column(message)),
        "INVALID_TYPE"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INSUFFICIENT_PRIVILEGES"
        | "FORBIDDEN" => ErrorKind::PermissionMissing,
        "INVALID_QUERY_LOCATOR" => ErrorKind::InvalidLocator,
        // The same code ends any call that takes longer than ten minutes.
        "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" if call != Call::List => ErrorKind::Busy,
        "QUERY_TIMEOUT"
        | "REQUEST_RUNNING_TOO_LONG"
        | "QUERY_TOO_COMPLICATED"
        | "EXCEEDED_ID_LIMIT" => ErrorKind::QueryTimeout,
        "MALFORMED_QUERY"
        | "MALFORMED_ID"
        | "INVALID_QUERY_FILTER_OPERATOR"
        | "NUMBER_OUTSIDE_VALID_RANGE" => ErrorKind::BadRequest,
        "TXN_SECURITY_NO_ACCESS" => ErrorKind::PolicyBlocked,
        "FUNCTIONALITY_NOT_ENABLED" => ErrorKind::NotEnabled,
        "UNSUPPORTED_API_VERSION" => ErrorKind::UnsupportedVersion,
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD"
        | "PASSWORD_LOCKOUT"
        | "LOGIN_DURING_RESTRICTED_DOMAIN"
        | "LOGIN_DURING_RESTRICTED_TIME"
        | "INACTIVE_OWNER_OR_USER"
        | "ORG_LOCKED"
        | "TRIAL_EXPIRED" => ErrorKind::AccountBlocked,
        "SERVER_UNAVAILABLE" => ErrorKind::Busy,
        "UNKNOWN_EXCEPTION" => ErrorKind::ServerError,
        "NOT_FOUND" | "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY" => not_found(call),
        _ => return None,
    })
}

/// What it means that the API itself knows no such thing.
fn not_found(call: Call) -> ErrorKind {
    match call {
        Call::Download => ErrorKind::Gone,
        // An object the user may not see is described as if it did not exist.
        Call::Describe | Call::Limits | Call::Account => ErrorKind::PermissionMissing,
        Call::List => ErrorKind::UnsupportedVersion,
        Call::Versions | Call::SignIn => ErrorKind::WrongHost,
    }
}

/// `by_api` says that the answer surely came from Salesforce's API.
fn of_status(call: Call, status: StatusCode, by_api: bool) -> Option<ErrorKind> {
    Some(match status.as_u16() {
        300..=399 => ErrorKind::WrongHost,
        401 => ErrorKind::SessionExpired,
        404 if by_api => not_found(call),
        404 if call == Call::Versions => ErrorKind::WrongHost,
        407 => ErrorKind::Unreachable(Unreachable::Proxy),
        408 => ErrorKind::Unreachable(Unreachable::Timeout),
        410 => ErrorKind::UnsupportedVersion,
        405 | 414 | 415 | 431 => ErrorKind::BadRequest,
        429 => ErrorKind::Busy,
        500..=599 => ErrorKind::ServerError,
        _ => return None,
    })
}

/// The column of `No such column 'X' on entity 'Y'`; empty if the message names none.
fn column(message: &str) -> String {
    let named = message.split_once("No such column '").map_or("", |(_, rest)| rest);
    let name = named.split('\'').next().unwrap_or("");
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    if plain && name.len() <= 80 { name.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_transport::{Disposition, Explain};

    fn read(call: Call, status: u16, kind: &str, body: &str) -> Error {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        let head = Head::of(StatusCode::from_u16(status).unwrap(), &headers);
        refused(call, &head, body.as_bytes(), &http::excerpt)
    }

    fn json(call: Call, status: u16, code: &str, message: &str) -> Error {
        let body = serde_json::json!([{ "errorCode": code, "message": message }]).to_string();
        read(call, status, "application/json;charset=UTF-8", &body)
    }

    #[test]
    fn reads_every_code_of_the_api() {
        use ErrorKind as K;
        for (call, status, code, message, expected) in [
            (
                Call::List,
                401,
                "INVALID_SESSION_ID",
                "Session expired or invalid",
                K::SessionExpired,
            ),
            (Call::List, 403, "INVALID_SESSION_ID", "", K::SessionExpired),
            (Call::List, 401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT", K::SessionExpired),
            (Call::List, 401, "SOMETHING_NEW", "", K::SessionExpired),
            (
                Call::List,
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "TotalRequests Limit exceeded.",
                K::QuotaExhausted,
            ),
            (
                Call::Download,
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "ConcurrentPerOrgLongTxn Limit exceeded.",
                K::Busy,
            ),
            (Call::List, 403, "API_DISABLED_FOR_ORG", "", K::ApiDisabled),
            (Call::List, 403, "API_CURRENTLY_DISABLED", "", K::ApiDisabled),
            (Call::List, 400, "INVALID_TYPE", "sObject type 'EventLogFile'", K::PermissionMissing),
            (Call::List, 403, "INSUFFICIENT_ACCESS", "", K::PermissionMissing),
            (Call::List, 400, "MALFORMED_QUERY", "unexpected token: x", K::BadRequest),
            (Call::List, 400, "INVALID_QUERY_LOCATOR", "invalid query locator", K::InvalidLocator),
            (Call::List, 400, "QUERY_TIMEOUT", "too long", K::QueryTimeout),
            (Call::List, 500, "QUERY_TIMEOUT", "too long", K::QueryTimeout),
            (Call::Download, 400, "QUERY_TIMEOUT", "too long", K::Busy),
            (Call::List, 403, "TXN_SECURITY_NO_ACCESS", "", K::PolicyBlocked),
            (Call::List, 403, "FUNCTIONALITY_NOT_ENABLED", "", K::NotEnabled),
            (Call::Download, 404, "NOT_FOUND", "does not exist", K::Gone),
            (Call::Describe, 404, "NOT_FOUND", "does not exist", K::PermissionMissing),
            (Call::List, 404, "NOT_FOUND", "does not exist", K::UnsupportedVersion),
            (Call::List, 404, "UNSUPPORTED_API_VERSION", "", K::UnsupportedVersion),
            (Call::List, 410, "GONE", "", K::UnsupportedVersion),
            (Call::List, 403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "", K::AccountBlocked),
            (Call::List, 503, "SERVER_UNAVAILABLE", "Server too busy", K::Busy),
            (Call::List, 500, "UNKNOWN_EXCEPTION", "ErrorId 1", K::ServerError),
            (Call::List, 500, "SOMETHING_NEW", "", K::ServerError),
            (Call::List, 400, "SOMETHING_NEW", "", K::Refused),
            (Call::List, 429, "SOMETHING_NEW", "", K::Busy),
        ] {
            let error = json(call, status, code, message);
            assert_eq!(*error.kind(), expected, "{status} {code}");
            assert!(error.to_string().contains(code), "{error}");
        }
    }

    #[test]
    fn names_the_column_the_org_lacks() {
        let message = "\nSELECT Id, Interval FROM EventLogFile\n           ^\nERROR at Row:1:Column:12\nNo such column 'Interval' on entity 'EventLogFile'. If you are attempting to use a custom field";
        let error = json(Call::List, 400, "INVALID_FIELD", message);
        assert_eq!(*error.kind(), ErrorKind::InvalidField("Interval".into()));
        assert!(error.detail().contains("ERROR at Row:1:Column:12 No such column 'Interval'"));
        let error = json(Call::List, 400, "INVALID_FIELD", "No such column 'a b\u{0}'");
        assert_eq!(*error.kind(), ErrorKind::InvalidField(String::new()));
    }

    #[test]
    fn reads_an_error_that_is_not_in_a_list() {
        let body = r#"{"message":"INVALID_JWT_FORMAT","errorCode":"INVALID_AUTH_HEADER"}"#;
        let error = read(Call::Download, 401, "application/json", body);
        assert_eq!(error.disposition(), Disposition::RefreshCredentials);
        let error = read(Call::Download, 403, "text/plain", "Bad_OAuth_Token");
        assert_eq!(error.disposition(), Disposition::RefreshCredentials);
    }

    #[test]
    fn a_page_of_a_proxy_never_means_gone_or_forbidden() {
        let page = "<html><body>Not here, said the proxy</body></html>";
        for status in [403, 404, 418] {
            let error = read(Call::Download, status, "text/html", page);
            assert_eq!(*error.kind(), ErrorKind::NotJson, "{status}");
            assert!(error.to_string().contains("said the proxy"), "{error}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(LIMIT_INFO, "api-usage=1/2".parse().unwrap());
        let head = Head::of(StatusCode::NOT_FOUND, &headers);
        let error = refused(Call::Download, &head, b"", &http::excerpt);
        assert_eq!(*error.kind(), ErrorKind::Gone, "an empty 404 of the API itself");
    }

    #[test]
    fn statuses_without_a_code_are_read_by_themselves() {
        use ErrorKind as K;
        for (status, expected) in [
            (401, K::SessionExpired),
            (405, K::BadRequest),
            (407, K::Unreachable(Unreachable::Proxy)),
            (408, K::Unreachable(Unreachable::Timeout)),
            (410, K::UnsupportedVersion),
            (414, K::BadRequest),
            (420, K::NotJson),
            (431, K::BadRequest),
            (429, K::Busy),
            (500, K::ServerError),
            (502, K::ServerError),
            (503, K::ServerError),
        ] {
            assert_eq!(*read(Call::List, status, "text/html", "").kind(), expected, "{status}");
        }
    }

    #[test]
    fn a_redirect_is_explained_without_its_path() {
        let mut headers = HeaderMap::new();
        let target = "https://acme.my.salesforce.com/secur/frontdoor.jsp?sid=00Dsecret";
        headers.insert(LOCATION, target.parse().unwrap());
        let head = Head::of(StatusCode::FOUND, &headers);
        let error = refused(Call::Versions, &head, b"", &http::excerpt);
        assert_eq!(*error.kind(), ErrorKind::WrongHost);
        assert!(error.to_string().contains("HTTP 302 to acme.my.salesforce.com"), "{error}");
        assert!(!error.to_string().contains("00Dsecret"));
    }
}
