//! Sending requests and reading answers, bounded, counted and observed.
//!
//! Knows nothing of sessions: a caller brings the one to send.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use orgtap_transport::http;
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::answer::{self, Head, LARGEST_ERROR};
use crate::call::{Call, Counters, RequestIds};
use crate::error::{Error, ErrorKind};
use crate::limits::ApiUsage;
use crate::reach::{self, Unreachable};
use crate::redact::Redactor;
use crate::session::Session;
use crate::sign_in;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-sfdc-request-id");
const QUERY_OPTIONS: HeaderName = HeaderName::from_static("sforce-query-options");

/// Largest answer read into memory. A page of 2,000 log files is about 1 MiB.
pub(crate) const LARGEST_JSON: usize = 16 * 1024 * 1024;

/// Longest time for what comes with a refusal.
const ERROR_TIME: Duration = Duration::from_secs(20);

/// The HTTP client with its instruments.
pub(crate) struct Wire {
    pub(crate) client: reqwest::Client,
    pub(crate) counters: Counters,
    pub(crate) redactor: Redactor,
    ids: RequestIds,
    usage: Mutex<Option<ApiUsage>>,
    clock: Mutex<Option<(Timestamp, Instant)>>,
}

/// Longest time for a whole answer. Downloads have none: only silence ends them.
const fn time_limit(call: Call) -> Option<Duration> {
    match call {
        Call::Download => None,
        // The org itself gives a query two minutes.
        Call::List => Some(Duration::from_mins(3)),
        _ => Some(Duration::from_secs(90)),
    }
}

impl Wire {
    pub(crate) fn new(client: reqwest::Client, redactor: Redactor) -> Self {
        Self {
            client,
            counters: Counters::default(),
            redactor,
            ids: RequestIds::new(),
            usage: Mutex::default(),
            clock: Mutex::default(),
        }
    }

    /// Sends a request and answers only a 200; anything else is an error that says what it was.
    pub(crate) async fn send(
        &self,
        call: Call,
        request: RequestBuilder,
        session: Option<&Session>,
    ) -> Result<Response, Error> {
        let id = self.ids.next();
        let began = Instant::now();
        let mut request = request.header(REQUEST_ID, &id);
        if let Some(session) = session {
            request = request.header(header::AUTHORIZATION, session.header.clone());
        }
        if call == Call::List {
            request = request.header(QUERY_OPTIONS, "batchSize=2000");
        }
        request = match call {
            Call::Download => request.header(header::ACCEPT_ENCODING, "gzip"),
            _ => request.header(header::ACCEPT, "application/json"),
        };
        if let Some(limit) = time_limit(call) {
            request = request.timeout(limit);
        }
        self.counters.add(call);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let error = unsent(call, error);
                tracing::debug!(call = call.name(), request_id = id, %error, "no answer");
                return Err(error);
            }
        };
        self.observe(response.headers());
        let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis() as u64);
        tracing::debug!(call = call.name(), request_id = id, status, ms, "answer");
        if response.status() == StatusCode::OK {
            Ok(response)
        } else {
            Err(self.refusal(call, response, session).await)
        }
    }

    async fn refusal(&self, call: Call, response: Response, session: Option<&Session>) -> Error {
        let head = Head::of(response.status(), response.headers());
        let body = read_start(response, LARGEST_ERROR).await;
        let clean = |text: &[u8]| self.excerpt(text, session);
        let sign_in =
            if call == Call::SignIn { sign_in::refused(&head, &body, &clean) } else { None };
        sign_in.unwrap_or_else(|| answer::refused(call, &head, &body, &clean))
    }

    /// The start of what the other side said, without secrets.
    pub(crate) fn excerpt(&self, text: &[u8], session: Option<&Session>) -> String {
        self.redactor.excerpt(text, session.map(|session| &session.token))
    }

    /// Reads an answer that must be JSON for a program; a page for people is refused.
    async fn body(
        &self,
        call: Call,
        mut response: Response,
        session: Option<&Session>,
    ) -> Result<Vec<u8>, Error> {
        let html = answer::is_html(response.headers());
        let announced = response.content_length().unwrap_or(0);
        let mut body = Vec::new();
        if announced > LARGEST_JSON as u64 {
            return Err(too_large(call));
        }
        while let Some(bytes) =
            response.chunk().await.map_err(|error| reach::failure(error).during(call))?
        {
            if body.len() + bytes.len() > LARGEST_JSON {
                return Err(too_large(call));
            }
            body.extend_from_slice(&bytes);
        }
        let blank = body.iter().all(u8::is_ascii_whitespace);
        if html || blank || body.trim_ascii_start().starts_with(b"<") {
            return Err(self.not_json(call, &body, session));
        }
        Ok(body)
    }

    /// The error for a page for people, with its beginning.
    pub(crate) async fn page_for_people(
        &self,
        call: Call,
        response: Response,
        session: &Session,
    ) -> Error {
        let body = read_start(response, LARGEST_ERROR).await;
        self.not_json(call, &body, Some(session))
    }

    /// Reads an answer as JSON of any shape.
    pub(crate) async fn json(
        &self,
        call: Call,
        response: Response,
        session: Option<&Session>,
    ) -> Result<Value, Error> {
        let body = self.body(call, response, session).await?;
        serde_json::from_slice(&body).map_err(|_| self.not_json(call, &body, session))
    }

    pub(crate) fn not_json(&self, call: Call, body: &[u8], session: Option<&Session>) -> Error {
        let detail = if call == Call::SignIn {
            // A success of the token endpoint may hold the token wherever it stands.
            format!("{} bytes that are not JSON", body.len())
        } else if body.is_empty() {
            "an empty answer".to_owned()
        } else {
            self.excerpt(body, session)
        };
        Error::new(ErrorKind::NotJson, detail).during(call).with_status(200)
    }

    fn observe(&self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(usage) = text(answer::LIMIT_INFO).and_then(ApiUsage::parse) {
            *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage);
        }
        // A cache in between repeats an old date.
        let date = text("date").filter(|_| !headers.contains_key(header::AGE));
        if let Some(date) = date.and_then(http::date) {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((date, Instant::now()));
        }
    }

    pub(crate) fn usage(&self) -> Option<ApiUsage> {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn server_time(&self) -> Option<Timestamp> {
        let (date, seen) = (*self.clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        date.checked_add(jiff::SignedDuration::try_from(seen.elapsed()).ok()?).ok()
    }
}

fn too_large(call: Call) -> Error {
    let limit = LARGEST_JSON / (1024 * 1024);
    Error::new(ErrorKind::TooLarge, format!("more than {limit} MiB")).during(call)
}

/// A query that reached the org and got no answer in time was too heavy.
fn unsent(call: Call, error: reqwest::Error) -> Error {
    let connected = !error.is_connect();
    let error = reach::failure(error);
    let slow = *error.kind() == ErrorKind::Unreachable(Unreachable::Timeout);
    if call == Call::List && connected && slow {
        let late = "no answer to the query in time";
        return Error::new(ErrorKind::QueryTimeout, late).with_source(error).during(call);
    }
    error.during(call)
}

/// As much of an answer as fits and comes soon; the rest is left out.
async fn read_start(mut response: Response, most: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let end = Instant::now() + ERROR_TIME;
    while let Ok(Ok(Some(bytes))) = tokio::time::timeout_at(end, response.chunk()).await {
        let room = most.saturating_sub(body.len());
        body.extend_from_slice(bytes.get(..room).unwrap_or(&bytes));
        if body.len() >= most {
            break;
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_transport::http::{ClientSettings, client};

    /// Waits a moment for an answer from a server that takes connections and never speaks.
    async fn silence() -> reqwest::Error {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = client(&ClientSettings::default()).unwrap();
        client.get(url).timeout(Duration::from_millis(20)).send().await.unwrap_err()
    }

    #[tokio::test]
    async fn a_query_without_an_answer_in_time_was_too_heavy() {
        let error = unsent(Call::List, silence().await);
        assert_eq!(*error.kind(), ErrorKind::QueryTimeout);
        let error = unsent(Call::Download, silence().await);
        assert_eq!(*error.kind(), ErrorKind::Unreachable(Unreachable::Timeout));
        assert!(!format!("{error} {error:?}").contains("http://"), "{error:?}");
    }
}
