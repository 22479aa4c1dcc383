//! Whether a request is meant for this console, and comes from a page of it.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::Request;
use http::uri::Authority;
use http::{HeaderMap, Method, header};
use orgtap_collector::config::ConsoleSettings;
use url::form_urlencoded;

use crate::error::{Error, Result};

/// Header in which scripts send the session's CSRF token.
const CSRF_HEADER: &str = "x-csrf-token";
/// Field in which forms do.
const CSRF_FIELD: &str = "csrf";

/// Whether a method may change something.
pub(super) fn may_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The host must be an address, or a name that is known to be this console's: a page of another
/// site whose name leads here (DNS rebinding) comes with that site's name.
pub(super) fn check_host(request: &Request, console: &ConsoleSettings) -> Result<()> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return Err(Error::ForeignHost) };
    let host: Authority =
        host.to_str().ok().and_then(|host| host.parse().ok()).ok_or(Error::ForeignHost)?;
    if let Some(authority) = request.uri().authority()
        && *authority != host
    {
        return Err(Error::ForeignHost);
    }
    let name = host.host().to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    let known =
        name == "localhost" || address.parse::<IpAddr>().is_ok() || console.hosts.contains(&name);
    if known && !host.as_str().contains('@') { Ok(()) } else { Err(Error::ForeignHost) }
}

/// What browsers say about where a change comes from must be this console. Programs say nothing;
/// `demand` refuses those too.
pub(super) fn check_origin(headers: &HeaderMap, demand: bool) -> Result<()> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match text("sec-fetch-site") {
        Some("same-origin") => return Ok(()),
        Some(_) => return Err(Error::Forged),
        None => {}
    }
    let host = text("host").unwrap_or_default();
    match text("origin") {
        Some(origin) => {
            let (_, from) = origin.split_once("://").ok_or(Error::Forged)?;
            if from.eq_ignore_ascii_case(host) { Ok(()) } else { Err(Error::Forged) }
        }
        None if demand => Err(Error::Forged),
        None => Ok(()),
    }
}

/// The session's token must come along, in the header or in the form.
pub(super) fn check_csrf(headers: &HeaderMap, body: &[u8], csrf: &str) -> Result<()> {
    let fits = |sent: &[u8]| verify_slices_are_equal(sent, csrf.as_bytes()).is_ok();
    let in_header = headers.get(CSRF_HEADER).is_some_and(|sent| fits(sent.as_bytes()));
    let in_form = || {
        is_form(headers)
            && form_urlencoded::parse(body)
                .any(|(key, value)| key == CSRF_FIELD && fits(value.as_bytes()))
    };
    if !csrf.is_empty() && (in_header || in_form()) { Ok(()) } else { Err(Error::Forged) }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// An address to go on to, if it is a path of this console; else its beginning.
pub(crate) fn local_path(next: &str) -> &str {
    let mut bytes = next.bytes();
    let sound = bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && next.len() <= 512
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if sound { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_led_on_to_paths_of_this_console_alone() {
        for path in ["/", "/connectors/acme?tab=1#x", "/a//b", "/%2F%2Fevil.example"] {
            assert_eq!(local_path(path), path);
        }
        for hostile in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nset-cookie: x",
            "connectors",
            "/é",
        ] {
            assert_eq!(local_path(hostile), "/", "{hostile:?}");
        }
    }
}
