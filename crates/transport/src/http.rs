//! The one place that builds HTTP clients, so that time-outs and trust are the same everywhere.

use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::tls::{self, Identity};

/// What a client may differ in. Everything else is fixed here. `Debug` shows no password, no
/// certificate and no key.
#[derive(Clone, Default)]
pub struct ClientSettings {
    /// Proxy for all requests, for example `http://proxy.example:3128`. Without it the usual
    /// environment variables (`HTTPS_PROXY`, `NO_PROXY`) count.
    pub proxy: Option<url::Url>,
    /// Certificates (PEM) trusted besides the system's own.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// Client certificate and key (PEM, concatenated) for mutual TLS.
    pub identity_pem: Option<Vec<u8>>,
}

impl std::fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSettings")
            .field("proxy", &self.proxy.as_ref().and_then(url::Url::host_str))
            .field("extra_roots_pem", &self.extra_roots_pem.is_some())
            .field("identity_pem", &self.identity_pem.is_some())
            .finish()
    }
}

/// The settings could not be turned into a client: wrong proxy, unreadable certificate.
#[derive(Debug, thiserror::Error)]
#[error("cannot build the HTTP client")]
pub struct ClientError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl ClientError {
    fn of(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }
}

/// Longest wait for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection nobody uses is kept: over the pauses within a pass. After a download it
/// holds 400 KiB to read into, which many connectors that wait for their next pass do not need.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest silence before or inside an answer; an org may think about a query for two minutes.
/// There is no limit on a whole download.
pub const READ_TIMEOUT: Duration = Duration::from_secs(150);

/// Builds a client: verified TLS, HTTP/2 where offered, no automatic decompression, no redirects.
///
/// Bodies arrive as they were sent, because automatic gunzip stops after the first gzip member.
/// Redirects are refused, because following one turns a POST with a secret into a GET elsewhere.
#[expect(clippy::disallowed_methods, reason = "this is the builder everything else must use")]
pub fn client(settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    let mut tls = tls::client_config(settings.extra_roots()?, settings.identity()?)
        .map_err(ClientError::of)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("orgtap/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true);
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(ClientError::of)?);
    }
    builder.build().map_err(ClientError::of)
}

impl ClientSettings {
    fn extra_roots(&self) -> Result<Vec<CertificateDer<'static>>, ClientError> {
        self.extra_roots_pem.as_deref().map_or(Ok(Vec::new()), certificates)
    }

    fn identity(&self) -> Result<Option<Identity>, ClientError> {
        let Some(pem) = &self.identity_pem else { return Ok(None) };
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(ClientError::of)?;
        Ok(Some((certificates(pem)?, key)))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(ClientError::of)
}

/// The proxy the environment (`HTTPS_PROXY`, `NO_PROXY` and so on) names for an address, as the
/// client of [`client`] will use it. Without its user and password.
pub fn proxy_of_environment(url: &url::Url) -> Option<url::Url> {
    let matcher = hyper_util::client::proxy::matcher::Matcher::from_system();
    let proxy = matcher.intercept(&url.as_str().parse().ok()?)?;
    proxy.uri().to_string().parse().ok()
}

/// Reads a `Retry-After` header in seconds or as an HTTP date.
pub fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    let text = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let at = date(text)?;
    let wait = at.duration_since(jiff::Timestamp::now()).as_secs().clamp(0, 86_400);
    Some(Duration::from_secs(wait.unsigned_abs()))
}

/// How much of a page is looked at, bytes. Its head may be long.
const PAGE: usize = 16 * 1024;

/// What a page in HTML or XML says: its text, without scripts, styles and comments; its title only if
/// it says nothing else. None: it is no page.
///
/// What is escaped stays so, and a tag becomes a space: nothing comes together here that whoever took
/// secrets out before did not see.
fn said(page: &str) -> Option<String> {
    let mut rest = page.trim_start();
    begins(rest, &["<!doctype html", "<html", "<?xml"])?;
    let (mut said, mut title) = (String::new(), "");
    while let Some((text, tag)) = rest.split_once('<') {
        said.push_str(text);
        said.push(' ');
        let end = match begins(tag, &["!--", "script", "style", "title"]) {
            Some("!--") => tag.find("-->"),
            Some(name) => tag.to_ascii_lowercase().find(&format!("</{name}")),
            None => Some(0),
        };
        // A page that was cut may end within.
        let (inside, end) = end.and_then(|end| tag.split_at_checked(end)).unwrap_or((tag, ""));
        if begins(tag, &["title"]).is_some() {
            title = inside.split_once('>').map_or("", |(_, title)| title);
        }
        rest = end.split_once('>').map_or("", |(_, after)| after);
    }
    said.push_str(rest);
    Some(if said.trim().is_empty() { title.to_owned() } else { said })
}

/// With which of these a text begins, in small or capital letters.
fn begins(text: &str, with: &[&'static str]) -> Option<&'static str> {
    let start =
        |with: &&&str| text.get(..with.len()).is_some_and(|at| at.eq_ignore_ascii_case(with));
    with.iter().find(start).copied()
}

/// Reads an HTTP date such as `Mon, 23 Nov 2026 19:00:00 GMT`.
pub fn date(text: &str) -> Option<jiff::Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

/// The start of an answer's body as a person may read it: one line, no control characters, short;
/// of a page what it says.
pub fn excerpt(body: &[u8]) -> String {
    let start = |bytes: usize| String::from_utf8_lossy(body.get(..bytes).unwrap_or(body));
    let one_line = |text: &str| {
        let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        line.retain(|c| !c.is_control());
        line
    };
    let mut line = one_line(&said(&start(PAGE)).unwrap_or_default());
    if line.is_empty() {
        line = one_line(&start(600));
    }
    if line.chars().count() > 200 {
        line = line.chars().take(200).collect::<String>() + "...";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

    #[test]
    fn reads_retry_after_as_seconds_and_as_a_date() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("120"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(120)));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("Mon, 01 Jan 2001 00:00:00 GMT"));
        assert_eq!(retry_after(&headers), Some(Duration::ZERO));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("soon"));
        assert_eq!(retry_after(&headers), None);
    }

    #[test]
    fn settings_show_no_password_of_a_proxy_and_no_key() {
        let settings = ClientSettings {
            proxy: Some("http://user:hunter22@proxy.example:3128".parse().unwrap()),
            extra_roots_pem: None,
            identity_pem: Some(b"hunter33".to_vec()),
        };
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hunter") && shown.contains("proxy.example"), "{shown}");
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        let json = b"[{\r\n\"message\": \x07\"Service\n unavailable\"}]".to_vec();
        assert_eq!(excerpt(&json), "[{ \"message\": \"Service unavailable\"}]");
        assert!(excerpt(&vec![b'x'; 10_000]).len() <= 203);
    }

    #[test]
    fn an_excerpt_of_a_page_is_what_it_says() {
        let style = "p { color: red }".repeat(100);
        let page = format!(
            "\n<!DOCTYPE html><HTML><head><title>Maintenance</title><STYLE type=a>{style}</Style >\
             <script>if (1 < 2) alert('>')</script></head>\r\n<body><!-- <b>old</b> -->\
             <p class=\"x\">We are down\n for you &amp; yours\x07</p><br/>1 &lt; 2</body></HTML>"
        );
        assert_eq!(excerpt(page.as_bytes()), "We are down for you &amp; yours 1 &lt; 2");
        let title = b"<html><head><TITLE id=a>Bad Gateway</Title></head><body></body>";
        assert_eq!(excerpt(title), "Bad Gateway");
        let xml = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><No/></Error>";
        assert_eq!(excerpt(xml), "AccessDenied");
        // What says nothing is shown as it is, and one that ends early says what it says.
        assert_eq!(excerpt(b"<html><body></body>"), "<html><body></body>");
        assert_eq!(excerpt(b"<html>Gone<script>if"), "Gone");
        assert_eq!(excerpt(b"<html>Gone<p cl"), "Gone");
        assert_eq!(excerpt(b"<xml>1</xml>"), "<xml>1</xml>");
    }
}
