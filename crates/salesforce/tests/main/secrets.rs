//! No secret leaves by an error, a log line, a debug print or an address, however hard the other
//! side tries.

use std::io;
use std::sync::{Arc, Mutex};

use orgtap_salesforce::{Error, IntervalChoice, Listing, LogFileShape, Org};
use orgtap_transport::Explain;
use serde_json::json;

use crate::server::{FakeOrg, KEY, PASSWORD, Reply, SECRET, Seen, TOKEN, file_id, session_token};

/// What a log line writer leaves behind.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn assert_clean(text: &str, what: &str) {
    let form: String = url::form_urlencoded::byte_serialize(PASSWORD.as_bytes()).collect();
    let html = PASSWORD.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for secret in [PASSWORD, &form, &html, TOKEN, KEY, SECRET, "SessionPlanted"] {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}

/// Everything the server was sent, as a careless server would print it.
fn echo(seen: &Seen) -> String {
    let headers: Vec<String> =
        seen.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    let form = url::form_urlencoded::parse(seen.body.as_bytes());
    let plain: Vec<String> = form.map(|(name, value)| format!("{name}={value}")).collect();
    let authorization = seen.header("authorization");
    format!("{authorization} {} {} {}", seen.body, plain.join(" "), headers.join(" "))
}

fn careless(mode: usize, seen: &Seen) -> Reply {
    let echo = echo(seen);
    let bearer = seen.header("authorization").to_owned();
    match mode {
        0 => Reply::html(500, &format!("<pre>{echo}</pre>")),
        1 => Reply::html(200, &format!("<pre>{echo}</pre>")),
        2 => Reply::json(400, &json!({ "error": "invalid_grant", "error_description": echo })),
        3 => Reply::json(400, &json!({ "error": echo, "error_description": echo })),
        4 => Reply::error(400, "SOMETHING", &echo),
        5 => Reply::error(400, &echo, &echo),
        6 => Reply::html(302, "")
            .with("location", &format!("https://{}.example/", KEY.to_lowercase())),
        7 => Reply::error(400, "INVALID_FIELD", &format!("No such column '{echo}'")),
        8 => Reply::new(200, "application/json", format!("{{\"x\": {echo}")),
        9 => Reply::new(200, "application/octetstream", "x").with("content-encoding", &bearer),
        10 => Reply::json(
            200,
            &json!({ "access_token": session_token(1), "instance_url": format!("https://{SECRET}.example"), "id": echo, "records": [{ "Id": echo, "EventType": echo }], "nextRecordsUrl": echo, "fields": [{ "name": echo }] }),
        ),
        _ => Reply::html(401, &echo),
    }
}

async fn provoke(org: &Org) -> Vec<Error> {
    let listing = Listing {
        select: IntervalChoice::Both,
        shape: LogFileShape::default(),
        after: jiff::Timestamp::UNIX_EPOCH,
        before: None,
        log_dates: None,
        event_types: vec!["Login".into()],
    };
    let mut errors = Vec::new();
    errors.extend(org.versions().await.err());
    errors.extend(org.sign_in().await.err());
    errors.extend(org.log_file_shape().await.err());
    errors.extend(org.limits().await.err());
    errors.extend(org.download(&file_id(1)).await.err());
    errors.extend(org.list(listing).next().await.and_then(Result::err));
    errors
}

#[tokio::test]
async fn no_secret_shows_in_errors_logs_debug_prints_or_addresses() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // For all threads, so that the log of the tests beside this one is looked at too.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let mut provoked = 0;
    for mode in 0..12 {
        for sign_in_too in [true, false] {
            let server = FakeOrg::start(move |seen| {
                let spare = seen.path == "/services/data/" || (seen.is("/token") && !sign_in_too);
                if spare { None } else { Some(careless(mode, seen)) }
            })
            .await;
            let org = server.org();
            for error in provoke(&org).await {
                provoked += 1;
                let what = format!("mode {mode}");
                assert_clean(&format!("{error} {error:?} {error:#?}"), &what);
                assert_clean(&format!("{:?}", error.problem()), &what);
                assert!(error.to_string().len() < 600, "{error}");
            }
            assert_clean(&format!("{org:?} {:?}", server.settings()), "debug print");
            assert_clean(&org.credentials_fingerprint(&[7; 32]), "fingerprint");
            for seen in server.seen() {
                assert_clean(&format!("{} {}", seen.path, seen.query), "address");
            }
        }
    }
    assert!(provoked > 60, "only {provoked} errors were provoked");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("sign_in"), "calls are logged");
    assert_clean(&log, "the log");
}
