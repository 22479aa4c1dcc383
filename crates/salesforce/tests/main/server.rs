//! A scripted org: sensible answers to every call, and a script that may give others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use orgtap_salesforce::{Org, OrgSettings, SignIn};
use orgtap_transport::Secret;
use orgtap_transport::http::ClientSettings;
use serde_json::{Value, json};
use url::Url;

pub(crate) const ORG: &str = "00Dxx0000001gEREAY";
pub(crate) const USER: &str = "005xx000001SwiUAAS";
pub(crate) const PASSWORD: &str = "pass-w0rd&<planted>";
pub(crate) const TOKEN: &str = "SecurityTokenPlanted";
pub(crate) const KEY: &str = "3MVG9.ConsumerKeyPlanted";
pub(crate) const SECRET: &str = "ConsumerSecretPlanted";

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// How many requests for this path came before.
    pub(crate) nth: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"))
    }

    pub(crate) fn is(&self, end: &str) -> bool {
        self.path.ends_with(end)
    }

    /// The SOQL of a query.
    pub(crate) fn soql(&self) -> String {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.filter(|(name, _)| name == "q").map(|(_, value)| value.into_owned()).collect()
    }
}

/// What the server answers.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json;charset=UTF-8", body.to_string())
    }

    pub(crate) fn new(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![("content-type", kind.into())], body: body.into() }
    }

    /// An error as the data API writes it.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!([{ "errorCode": code, "message": message }]))
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        Self::new(status, "text/html; charset=UTF-8", body)
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn response(self) -> Response {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).unwrap()
    }
}

/// The running server.
pub(crate) struct FakeOrg {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    tokens: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FakeOrg {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FakeOrg {
    /// Starts a server that asks `script` first. Sessions are good only if they are the newest.
    pub(crate) async fn start(
        script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let tokens = Arc::new(AtomicUsize::new(0));
        let (script, base) = (Arc::new(script), url.clone());
        let (record, counter) = (Arc::clone(&seen), Arc::clone(&tokens));
        let app = axum::Router::new().fallback(move |request: Request| {
            let (script, base) = (Arc::clone(&script), base.clone());
            let (record, counter) = (Arc::clone(&record), Arc::clone(&counter));
            async move {
                let seen = look(request, &record).await;
                let reply = script(&seen);
                reply.unwrap_or_else(|| usual(&seen, &base, &counter)).response()
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen, tokens, task }
    }

    pub(crate) fn settings(&self) -> OrgSettings {
        settings(self.url.clone())
    }

    pub(crate) fn org(&self) -> Org {
        Org::new(self.settings()).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests there were for paths with this end.
    pub(crate) fn count(&self, end: &str) -> usize {
        self.seen().iter().filter(|seen| seen.is(end)).count()
    }

    /// Ends every session given so far.
    pub(crate) fn end_sessions(&self) {
        self.tokens.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn settings(instance_url: Url) -> OrgSettings {
    OrgSettings {
        instance_url,
        login_url: None,
        consumer_key: Secret::new(KEY),
        consumer_secret: Some(Secret::new(SECRET)),
        sign_in: SignIn::Password {
            user: "collector@acme.example".into(),
            password: Secret::new(PASSWORD),
            security_token: Some(Secret::new(TOKEN)),
        },
        api_version: None,
        client: ClientSettings::default(),
        keep: None,
    }
}

async fn look(request: Request, record: &Mutex<Vec<Seen>>) -> Seen {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut record = record.lock().unwrap();
    let path = parts.uri.path().to_owned();
    let seen = Seen {
        method: parts.method.to_string(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        nth: record.iter().filter(|seen| seen.path == path).count(),
        path,
    };
    record.push(seen.clone());
    seen
}

pub(crate) fn token_answer(base: &Url, token: &str) -> Value {
    json!({
        "access_token": token,
        "instance_url": base.as_str().trim_end_matches('/'),
        "id": format!("https://login.salesforce.com/id/{ORG}/{USER}"),
        "token_type": "Bearer",
        "issued_at": "1795427200000",
        "signature": "c2lnbmF0dXJl"
    })
}

pub(crate) fn versions_answer() -> Value {
    let entry = |n: u32| json!({ "label": "x", "url": format!("/services/data/v{n}.0"), "version": format!("{n}.0") });
    (60..=66).map(entry).collect()
}

pub(crate) fn describe_answer() -> Value {
    json!({ "name": "EventLogFile", "queryable": true, "fields": [
        { "name": "EventType", "picklistValues": [{ "value": "Login", "active": true }] },
        { "name": "Interval" }, { "name": "Sequence" } ] })
}

fn usual(seen: &Seen, base: &Url, tokens: &AtomicUsize) -> Reply {
    if seen.is("/services/oauth2/token") {
        let number = tokens.fetch_add(1, Ordering::SeqCst) + 1;
        return Reply::json(200, &token_answer(base, &session_token(number)));
    }
    if seen.path == "/services/data/" {
        return Reply::json(200, &versions_answer());
    }
    let newest = session_token(tokens.load(Ordering::SeqCst));
    if seen.header("authorization") != format!("Bearer {newest}") {
        return Reply::error(401, "INVALID_SESSION_ID", "Session expired or invalid");
    }
    let reply = if seen.is("/describe") {
        Reply::json(200, &describe_answer())
    } else if seen.is("/query") {
        Reply::json(200, &page(&[1, 2], None))
    } else if seen.is("/limits") {
        Reply::json(200, &json!({ "DailyApiRequests": { "Max": 15000, "Remaining": 14990 } }))
    } else if seen.is("/LogFile") {
        Reply::new(200, "application/octetstream", "\"EVENT_TYPE\"\n\"Login\"\n")
    } else {
        Reply::error(404, "NOT_FOUND", "The requested resource does not exist")
    };
    reply.with("sforce-limit-info", "api-usage=18/15000")
}

/// The session token of the nth sign-in.
pub(crate) fn session_token(number: usize) -> String {
    format!("{}!SessionPlanted.{number}", &ORG[..15])
}

/// An answer to a query with log files of these numbers.
pub(crate) fn page(numbers: &[u32], next: Option<&str>) -> Value {
    let records: Vec<Value> = numbers.iter().map(|number| record(*number)).collect();
    let mut page =
        json!({ "totalSize": records.len(), "done": next.is_none(), "records": records });
    if let Some(next) = next {
        page["nextRecordsUrl"] = json!(format!("/services/data/v66.0/query/{next}"));
    }
    page
}

pub(crate) fn record(number: u32) -> Value {
    let id = file_id(number);
    json!({
        "attributes": { "type": "EventLogFile" },
        "Id": id, "EventType": "Login", "Interval": "Hourly", "Sequence": 1.0,
        "LogDate": "2026-11-23T04:00:00.000+0000",
        "CreatedDate": format!("2026-11-23T07:00:{:02}.000+0000", number % 60),
        "LogFileLength": 2692.0,
        "LogFile": format!("/services/data/v66.0/sobjects/EventLogFile/{id}/LogFile")
    })
}

pub(crate) fn file_id(number: u32) -> String {
    format!("0AT{number:012}AAA")
}

#[tokio::test]
async fn the_scripted_org_refuses_sessions_it_did_not_give() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    org.log_file_shape().await.unwrap();
    server.end_sessions();
    org.log_file_shape().await.unwrap();
    let statuses = server.count("/describe");
    assert_eq!(statuses, 3, "one answered, one refused, one repeated");
    assert_eq!(StatusCode::OK, 200);
}
