//! Sends one request and reads its answer, with a bound on everything the target says.

use std::time::Duration;

use bytes::Bytes;
use orgtap_transport::http::{ClientSettings, READ_TIMEOUT, client, excerpt};
use orgtap_transport::{ConfigDuration, Secret};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};

use super::answer::{self, Answer, Said};
use super::auth::{Auth, header_of, resolve, value_of};
use super::{Body, Method, Settings, body};
use crate::config::TargetUrl;
use crate::error::{Kind, connection_kind};
use crate::{Error, Events};

/// Bytes read of an answer, at most.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Bytes of what was sent that, repeated in an answer, make the answer unfit to be shown.
const ECHO: usize = 32;

/// Shown instead of an answer that repeats what was sent.
const WITHHELD: &str = "(its answer repeats what was sent and is not shown)";

/// Everything requests of one destination have in common.
pub(super) struct Client {
    name: String,
    http: reqwest::Client,
    method: reqwest::Method,
    url: TargetUrl,
    headers: HeaderMap,
    auth: Auth,
    body: Body,
    gzip: bool,
    names_batches: bool,
    timeout: Duration,
    /// Texts that are cut out of whatever is shown.
    secrets: Vec<Secret>,
}

impl Client {
    /// Resolves the settings. Sends nothing.
    pub(super) fn build(settings: &Settings<'_>) -> Result<Self, Error> {
        let name = settings.name;
        if settings.url.is_plaintext_abroad() && !settings.allow_plaintext {
            return Err(Error::new(
                Kind::Configuration,
                name,
                "url is http, which anybody on the way can read: use https, or set \
                 allow_plaintext: true",
            ));
        }
        if settings.timeout.is_zero() || settings.timeout > READ_TIMEOUT {
            let most = ConfigDuration::new(READ_TIMEOUT);
            let detail = format!("timeout must be longer than 0s and at most {most}");
            return Err(Error::new(Kind::Configuration, name, detail));
        }
        let mut secrets = Vec::new();
        let auth = Auth::build(name, settings.auth, settings.vault, &mut secrets)?;
        let http = client(&ClientSettings {
            proxy: settings.proxy.map(|proxy| proxy.url().clone()),
            extra_roots_pem: settings.tls.roots_pem(name)?,
            identity_pem: settings.tls.identity_pem(name)?,
        })
        .map_err(|error| Error::new(Kind::Configuration, name, "").with_source(error))?;
        Ok(Self {
            name: name.to_owned(),
            http,
            method: match settings.method {
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
            },
            url: settings.url.clone(),
            headers: headers(settings, &auth, &mut secrets)?,
            auth,
            body: settings.body,
            gzip: settings.gzip,
            names_batches: settings.names_batches,
            timeout: settings.timeout,
            secrets,
        })
    }

    /// The destination's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Method and host, for people.
    pub(super) fn target(&self) -> String {
        format!("{} to {}", self.method, self.url)
    }

    /// Sends events as one request. `id` names them in the `Idempotency-Key` header.
    pub(super) async fn send(&self, id: &str, events: &Events) -> Result<Answer, Error> {
        let plain = self.body.encode(events);
        let body = if self.gzip { self.compress(plain.clone()).await? } else { plain.clone() };
        let mut headers = self.headers.clone();
        self.auth.apply(&mut headers, &body);
        if self.names_batches {
            headers.insert(HeaderName::from_static("idempotency-key"), visible(id));
        }
        let response = self
            .http
            .request(self.method.clone(), self.url.url().clone())
            .headers(headers)
            .timeout(self.timeout)
            .body(body)
            .send()
            .await
            .map_err(|error| self.failed(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        // Read in any case, so that the connection can be used again.
        let said = read_bounded(response).await;
        let said = Said { page: is_page(&said), excerpt: self.excerpt(status, &said, &plain) };
        tracing::debug!(
            destination = self.name,
            status = status.as_u16(),
            events = events.len(),
            bytes = plain.len(),
            "request answered"
        );
        answer::read(&self.name, status, &headers, &said)
    }

    async fn compress(&self, plain: Bytes) -> Result<Bytes, Error> {
        let compressed = tokio::task::spawn_blocking(move || body::gzip(&plain)).await;
        compressed.map_err(std::io::Error::other).flatten().map_err(|error| {
            Error::new(Kind::Misused, &self.name, "compressing a body").with_source(error)
        })
    }

    /// What the target says, fit to be shown; empty when it took the events.
    fn excerpt(&self, status: StatusCode, body: &[u8], sent: &[u8]) -> String {
        if status.is_success() {
            return String::new();
        }
        // Secrets go first: a cut that went through one would leave its beginning.
        let mut text = String::from_utf8_lossy(body).into_owned();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.expose(), "...");
        }
        let said = excerpt(text.as_bytes());
        if repeats(&said, sent) { WITHHELD.to_owned() } else { said }
    }

    /// A request without an answer. The address is taken out of the error: its path may hold an
    /// identifier others should not see.
    fn failed(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let kind = connection_kind(&error).unwrap_or_else(|| kind_of(&error));
        let doing = if error.is_timeout() && !error.is_connect() {
            format!("no answer from {} within {}", self.url, ConfigDuration::new(self.timeout))
        } else {
            self.target()
        };
        Error::new(kind, &self.name, doing).with_source(error)
    }
}

/// Whether it is a web page, which no interface answers with.
fn is_page(body: &[u8]) -> bool {
    let begins = |start: &str| {
        let body = body.trim_ascii_start();
        body.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes()))
    };
    begins("<!doctype html") || begins("<html")
}

/// The headers every request has.
fn headers(
    settings: &Settings<'_>,
    auth: &Auth,
    secrets: &mut Vec<Secret>,
) -> Result<HeaderMap, Error> {
    let name = settings.name;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(settings.content_type));
    if settings.gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (header, value) in settings.headers {
        let parsed = header_of(name, header)?;
        if Some(&parsed) == auth.header() {
            let detail = format!("header {parsed} is set twice: by headers and by auth");
            return Err(Error::new(Kind::Configuration, name, detail));
        }
        let what = format!("headers.{parsed}");
        let value = resolve(settings.name, &what, value, settings.vault)?;
        headers.insert(parsed, value_of(name, &what, value.expose())?);
        // Short values are plain words more often than secrets, and would garble every answer.
        if value.expose().len() >= 8 {
            secrets.push(value);
        }
    }
    Ok(headers)
}

/// What a request that brought no answer failed of.
fn kind_of(error: &reqwest::Error) -> Kind {
    if error.is_connect() {
        return Kind::Unreachable;
    }
    if error.is_timeout() {
        return Kind::Broken;
    }
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = link {
        // The HTTP library names a peer that speaks another protocol only in words.
        if error.to_string().contains("invalid HTTP") {
            return Kind::NotUnderstood;
        }
        link = error.source();
    }
    Kind::Broken
}

/// The start of an answer's body. A body that breaks off is as good as what came of it.
async fn read_bounded(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = LONGEST_ANSWER - body.len();
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            }
            Ok(None) | Err(_) => break,
        }
    }
    body
}

/// Whether a text shares a long enough run with what was sent.
///
/// Every second of the steps of half the length lies wholly inside such a run.
fn repeats(said: &str, sent: &[u8]) -> bool {
    said.as_bytes().chunks_exact(ECHO / 2).any(|piece| memchr::memmem::find(sent, piece).is_some())
}

/// A batch id as a header value: what a header cannot carry is percent-encoded.
fn visible(id: &str) -> HeaderValue {
    use std::fmt::Write as _;
    let text = id.bytes().fold(String::with_capacity(id.len()), |mut text, byte| {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(text, "%{byte:02X}").ok();
        }
        text
    });
    // Cannot fail: only visible ASCII is left.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("-"))
}

/// Whether an answer is a success, for people: `POST to https://x answered 200`.
pub(super) fn proof(client: &Client, status: StatusCode) -> String {
    format!("{} answered {}", client.target(), status.as_u16())
}
