//! What an HTTP answer means. Pure: no network, no clock besides `Retry-After` dates.

use orgtap_transport::http::retry_after;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use crate::Error;
use crate::error::Kind;

/// What the target said about the events of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has them.
    Taken(StatusCode),
    /// They are too many bytes at once.
    TooLarge(String),
    /// At least one of them is malformed in its eyes.
    Malformed(String),
}

/// What a body says.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    /// Whether it is a web page.
    pub(super) page: bool,
    /// Its start, cleaned for people, or empty.
    pub(super) excerpt: String,
}

/// Tells apart what concerns the events from what concerns the target or the configuration.
pub(super) fn read(
    name: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &Said,
) -> Result<Answer, Error> {
    let mut detail = format!("it answered {}", said(status));
    if status.is_success() {
        if body.page {
            let detail = format!("{detail} with a web page, like one to sign in or a block page");
            return Err(Error::new(Kind::NotUnderstood, name, detail));
        }
        return Ok(Answer::Taken(status));
    }
    if !body.excerpt.is_empty() {
        detail = format!("{detail}: {}", body.excerpt);
    }
    let error = |kind| Error::new(kind, name, detail.clone());
    Err(match status.as_u16() {
        413 => return Ok(Answer::TooLarge(detail)),
        400 | 422 => return Ok(Answer::Malformed(detail)),
        401 | 403 | 407 => error(Kind::RefusedCredentials),
        404 | 405 | 410 => error(Kind::WrongAddress),
        // 409 is what a target that knows Idempotency-Key answers while it still works on the
        // same batch.
        408 | 409 | 425 | 429 | 500..=599 => error(Kind::Busy).with_after(retry_after(headers)),
        300..=399 => {
            let host = redirect_host(headers);
            let detail = format!("it answered {} to {host}", said(status));
            Error::new(Kind::Redirected, name, detail)
        }
        400..=499 => error(Kind::RefusedAll),
        _ => error(Kind::NotUnderstood),
    })
}

/// `503 Service Unavailable`.
fn said(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// The host a redirect points to; not its path, which may hold an identifier.
fn redirect_host(headers: &HeaderMap) -> String {
    let Some(location) = headers.get(LOCATION).and_then(|value| value.to_str().ok()) else {
        return "nowhere".to_owned();
    };
    match Url::parse(location) {
        Ok(url) => url
            .host_str()
            .map_or_else(|| "nowhere".to_owned(), |host| host.chars().take(100).collect()),
        Err(_) => "another path of the same host".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_transport::{Disposition, Explain};
    use reqwest::header::{HeaderValue, RETRY_AFTER};
    use std::time::Duration;

    fn kind(status: u16) -> Result<Answer, Kind> {
        let status = StatusCode::from_u16(status).unwrap();
        read("siem", status, &HeaderMap::new(), &Said::default()).map_err(|error| error.kind())
    }

    #[test]
    fn every_status_has_a_meaning() {
        for status in [200, 201, 202, 204, 207, 299] {
            assert!(matches!(kind(status), Ok(Answer::Taken(_))), "{status}");
        }
        for (status, wanted) in [
            (301, Kind::Redirected),
            (308, Kind::Redirected),
            (401, Kind::RefusedCredentials),
            (403, Kind::RefusedCredentials),
            (407, Kind::RefusedCredentials),
            (404, Kind::WrongAddress),
            (405, Kind::WrongAddress),
            (410, Kind::WrongAddress),
            (408, Kind::Busy),
            (409, Kind::Busy),
            (425, Kind::Busy),
            (429, Kind::Busy),
            (500, Kind::Busy),
            (503, Kind::Busy),
            (599, Kind::Busy),
            (402, Kind::RefusedAll),
            (406, Kind::RefusedAll),
            (411, Kind::RefusedAll),
            (415, Kind::RefusedAll),
            (101, Kind::NotUnderstood),
            (700, Kind::NotUnderstood),
        ] {
            assert_eq!(kind(status), Err(wanted), "{status}");
        }
        assert!(matches!(kind(413), Ok(Answer::TooLarge(_))));
        assert!(matches!(kind(400), Ok(Answer::Malformed(_))));
        assert!(matches!(kind(422), Ok(Answer::Malformed(_))));
    }

    #[test]
    fn a_web_page_is_no_answer_of_a_target() {
        let page = Said { page: true, excerpt: String::new() };
        let error = read("siem", StatusCode::OK, &HeaderMap::new(), &page).unwrap_err();
        assert_eq!(error.kind(), Kind::NotUnderstood);
        assert!(error.to_string().contains("200 OK with a web page"), "{error}");
    }

    #[test]
    fn a_busy_target_says_how_long() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("17"));
        let error =
            read("siem", StatusCode::TOO_MANY_REQUESTS, &headers, &Said::default()).unwrap_err();
        let after = Some(Duration::from_secs(17));
        assert_eq!(error.disposition(), Disposition::Retry { after });
    }

    #[test]
    fn a_redirect_names_the_host_and_not_the_path() {
        let mut headers = HeaderMap::new();
        let location = HeaderValue::from_static("https://login.example/secret-path?token=x");
        headers.insert(LOCATION, location);
        let error = read("siem", StatusCode::FOUND, &headers, &Said::default()).unwrap_err();
        assert_eq!(error.disposition(), Disposition::Pause);
        let text = error.to_string();
        assert!(text.contains("login.example") && !text.contains("secret-path"), "{text}");
    }
}
