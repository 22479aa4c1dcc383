//! An HTTP target that remembers what it was sent and can be told to refuse.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How the target answers.
#[derive(Debug, Clone, Default)]
pub(crate) enum Manner {
    /// It takes everything.
    #[default]
    Takes,
    /// It answers everything with a status, headers and a body.
    Answers(u16, Vec<(&'static str, String)>, String),
    /// It answers requests that hold one of these events with a status.
    Refuses(u16, BTreeSet<String>),
    /// It answers bodies above so many bytes with 413.
    AtMost(usize),
    /// It answers with what it was sent, and a status.
    Echoes(u16),
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) events: Vec<Value>,
    pub(crate) status: StatusCode,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Shared {
    manner: Mutex<Manner>,
    seen: Mutex<Vec<Seen>>,
    wanted: Mutex<Option<(&'static str, String)>>,
}

/// The running target.
pub(crate) struct FakeHttp {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl FakeHttp {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, serving }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// From now on answers 401 to requests without this header.
    pub(crate) fn want(&self, header: &'static str, value: &str) {
        *self.shared.wanted.lock().unwrap() = Some((header, value.to_owned()));
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The `event_uid`s of the events it took.
    pub(crate) fn taken(&self) -> Vec<String> {
        let seen = self.seen();
        let taken = seen.iter().filter(|seen| seen.status.is_success());
        taken.flat_map(|seen| seen.events.iter().map(uid)).collect()
    }
}

impl Drop for FakeHttp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn uid(event: &Value) -> String {
    event["_orgtap"]["event_uid"].as_str().unwrap().to_owned()
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let events = parse(&headers, &body);
    let (status, extra, text) = decide(&shared, &headers, &body, &events);
    let seen = Seen { method, path: uri.path().to_owned(), headers, body, events, status };
    shared.seen.lock().unwrap().push(seen);
    let mut response = (status, text).into_response();
    for (name, value) in extra {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

type Decision = (StatusCode, Vec<(&'static str, String)>, Vec<u8>);

fn decide(shared: &Shared, headers: &HeaderMap, body: &Bytes, events: &[Value]) -> Decision {
    if let Some((header, wanted)) = &*shared.wanted.lock().unwrap()
        && headers.get(*header).is_none_or(|value| value != wanted.as_str())
    {
        return (StatusCode::UNAUTHORIZED, Vec::new(), b"who are you".to_vec());
    }
    let with = |status: u16| StatusCode::from_u16(status).unwrap();
    match &*shared.manner.lock().unwrap() {
        Manner::Takes => (StatusCode::OK, Vec::new(), b"thanks".to_vec()),
        Manner::Answers(status, extra, text) => {
            (with(*status), extra.clone(), text.clone().into_bytes())
        }
        Manner::Refuses(status, uids) if events.iter().any(|event| uids.contains(&uid(event))) => {
            (with(*status), Vec::new(), b"a field is not to my taste".to_vec())
        }
        Manner::AtMost(bytes) if body.len() > *bytes => {
            (StatusCode::PAYLOAD_TOO_LARGE, Vec::new(), Vec::new())
        }
        Manner::Refuses(..) | Manner::AtMost(_) => (StatusCode::NO_CONTENT, Vec::new(), Vec::new()),
        Manner::Echoes(status) => {
            let mut text = b"cannot take this: ".to_vec();
            text.extend_from_slice(body);
            for value in headers.values() {
                text.extend_from_slice(b" ");
                text.extend_from_slice(value.as_bytes());
            }
            (with(*status), Vec::new(), text)
        }
    }
}

/// Reads a body as strictly as a target would: a JSON array, or lines of objects.
fn parse(headers: &HeaderMap, body: &Bytes) -> Vec<Value> {
    let mut plain = Vec::new();
    if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
        flate2::read::MultiGzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
    } else {
        plain.extend_from_slice(body);
    }
    if plain.first() == Some(&b'[') {
        return serde_json::from_slice(&plain).unwrap();
    }
    let text = std::str::from_utf8(&plain).unwrap();
    assert!(text.ends_with('\n'), "the last line is ended too");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
