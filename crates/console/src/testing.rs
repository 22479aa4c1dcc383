//! Test Connection while it runs: a line of JSON for everything that happens, and the report last.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use http::header;
use orgtap_collector::TestEvent;
use orgtap_transport::Explain;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::App;

/// Media type of lines of JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// Begins to test a connector. The answer ends with a line whose `event` is `report`, or `failed` if
/// there cannot be one. Whoever stops reading stops the telling, not the test: its result is kept.
pub(crate) fn stream(app: App, name: String) -> Response {
    let (lines, told) = mpsc::unbounded_channel::<Value>();
    tokio::spawn(async move {
        let tell = lines.clone();
        let tested = app.fleet().test(&name, move |event| drop(tell.send(line(&event)))).await;
        let last = match tested {
            Ok(report) => json!({ "event": "report", "report": report }),
            Err(error) => json!({ "event": "failed", "problem": error.problem() }),
        };
        // Nobody may be listening any more.
        lines.send(last).ok();
    });
    let lines = unfold(told, async |mut told| {
        let line = told.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(format!("{line}\n")), told))
    });
    ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response()
}

fn line(event: &TestEvent<'_>) -> Value {
    match event {
        TestEvent::Began(stage) => json!({ "event": "began", "stage": stage }),
        TestEvent::Found(stage, finding) => {
            json!({ "event": "found", "stage": stage, "finding": finding })
        }
        TestEvent::Ended(report) => {
            json!({ "event": "ended", "stage": report.stage, "report": report })
        }
    }
}
