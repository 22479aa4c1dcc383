//! Test Connection while it runs: a line of JSON for everything that happens, and the report last; of
//! each connector once at a time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use http::header;
use orgtap_collector::TestEvent;
use orgtap_transport::Explain;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::app::App;
use crate::error::{Error, Result};

/// Media type of lines of JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// The connectors that are being tested.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderTest(Arc<Mutex<HashSet<String>>>);

/// A connector's test, until it is dropped.
#[derive(Debug)]
struct Turn {
    under_test: UnderTest,
    name: String,
}

impl UnderTest {
    /// Whether a connector is being tested.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn begin(&self, name: &str) -> Result<Turn> {
        let is_first =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        if !is_first {
            let message = format!("a test of {name} is under way; wait for its result");
            return Err(Error::conflict(message));
        }
        Ok(Turn { under_test: self.clone(), name: name.to_owned() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.under_test.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// Tests a connector to the end.
pub(crate) async fn whole(app: &App, name: &str) -> Result<()> {
    let _turn = app.under_test().begin(name)?;
    app.fleet().test(name, |_| {}).await?;
    Ok(())
}

/// Begins to test a connector. The answer ends with a line whose `event` is `report`, or `failed` if
/// there cannot be one. Whoever stops reading stops the telling, not the test: its result is kept.
pub(crate) fn stream(app: App, name: String) -> Result<Response> {
    let turn = app.under_test().begin(&name)?;
    let (lines, told) = mpsc::unbounded_channel::<Value>();
    tokio::spawn(async move {
        let tell = lines.clone();
        let tested = app.fleet().test(&name, move |event| drop(tell.send(line(&event)))).await;
        let last = match tested {
            Ok(report) => json!({ "event": "report", "report": report }),
            Err(error) => json!({ "event": "failed", "problem": error.problem() }),
        };
        drop(turn);
        // Nobody may be listening any more.
        lines.send(last).ok();
    });
    let lines = unfold(told, async |mut told| {
        let line = told.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(format!("{line}\n")), told))
    });
    Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response())
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
