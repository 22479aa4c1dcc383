//! What an operator wants to know of a connector, from the ledger alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use orgtap_events::time::rfc3339;
use orgtap_ledger::{ApiCalls, Backfill, ConnectorRecord, Ledger, Outcome, Summary};
use orgtap_transport::{Explain, Problem};
use serde::Serialize;

use crate::clock;
use crate::collector::is_running;
use crate::config::{ConnectorSettings, Settings};
use crate::connector::Connector;
use crate::error::{Error, Result, UnitFault};

/// State of a connector: one word a person can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorState {
    /// Configured, and never polled yet.
    Pending,
    /// Polling works, and everything found is delivered or on its way.
    Active,
    /// It works, but something waits out a failure or was set aside, or the API budget slows it.
    Degraded,
    /// It does not work until a person acts.
    Error,
}

/// A connector's status.
#[derive(Debug, Clone, Serialize)]
pub struct ConnectorStatus {
    /// The connector.
    pub connector: String,
    /// Its state.
    pub state: ConnectorState,
    /// Why, in a sentence.
    pub reason: String,
    /// The org's id, once known.
    pub org_id: Option<String>,
    /// When the org was last polled, RFC 3339.
    pub last_poll: Option<String>,
    /// When the newest file known was made by the org, RFC 3339.
    pub newest_file: Option<String>,
    /// Units by state.
    pub units: BTreeMap<String, i64>,
    /// Event types seen, with their units.
    pub event_types: BTreeMap<String, i64>,
    /// Rows admitted.
    pub admitted: i64,
    /// Rows dropped as delivered before.
    pub repeats: i64,
    /// Rows that could not be decoded.
    pub undecodable: i64,
    /// Bytes of log files, decompressed.
    pub bytes: i64,
    /// Files gone before they could be fetched, with no later version.
    pub lost: i64,
    /// Files set aside because hourly and daily copies do not agree, with no later version.
    pub disputed: i64,
    /// Open dead letters.
    pub dead_letters: i64,
    /// Replays that wait or are under way.
    pub replays: i64,
    /// API calls used and allowed in the org's day, as last heard.
    pub api_usage: Option<(i64, i64)>,
    /// When that was heard, RFC 3339.
    pub api_usage_at: Option<String>,
    /// Orgtap's own calls in this UTC day, by purpose. `sign_in` and `versions` do not count
    /// against the org's allowance.
    pub api_calls: BTreeMap<String, i64>,
    /// Why calls to the org are slowed or stopped, while they are.
    pub api_restraint: Option<serde_json::Value>,
    /// Backfills under way, and the last one, newest first.
    pub backfills: Vec<BackfillStatus>,
    /// Per destination.
    pub destinations: Vec<DestinationStatus>,
    /// The last Test Connection.
    pub test: Option<serde_json::Value>,
    /// The problem behind the state, if there is one.
    pub problem: Option<serde_json::Value>,
}

/// How far a backfill has come.
#[derive(Debug, Clone, Serialize)]
pub struct BackfillStatus {
    /// Its number.
    pub id: i64,
    /// `open` while its files are listed, `listed` while they are on their way, `done`,
    /// `cancelled`.
    pub state: &'static str,
    /// Log dates from this time on, RFC 3339.
    pub from: String,
    /// Log dates before this time, RFC 3339.
    pub to: String,
    /// Patterns of event types; empty for all the connector collects.
    pub event_types: Vec<String>,
    /// Files it brought so far.
    pub files: i64,
    /// Files it met that were known before.
    pub known: i64,
    /// Of its files, those that every destination has or that can get no further.
    pub finished: i64,
    /// Bytes of its files, decompressed.
    pub bytes: i64,
    /// When it was asked for, RFC 3339.
    pub begun_at: String,
    /// When it was done or cancelled, RFC 3339.
    pub ended_at: Option<String>,
}

impl From<Backfill> for BackfillStatus {
    fn from(one: Backfill) -> Self {
        Self {
            id: one.id,
            state: one.state.name(),
            from: rfc3339(one.wish.from),
            to: rfc3339(one.wish.to),
            event_types: one.wish.event_types,
            files: one.files,
            known: one.known,
            finished: one.finished,
            bytes: one.bytes,
            begun_at: rfc3339(one.begun_at),
            ended_at: one.ended_at.map(rfc3339),
        }
    }
}

/// How far a destination has come.
#[derive(Debug, Clone, Serialize)]
pub struct DestinationStatus {
    /// The destination.
    pub destination: String,
    /// Events delivered.
    pub delivered: i64,
    /// Events it refused for good.
    pub rejected: i64,
    /// Units finished.
    pub finished: i64,
    /// Units waiting.
    pub waiting: i64,
}

/// The status of every configured connector.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Now, RFC 3339.
    pub at: String,
    /// Whether `orgtap run` or `collect` is at work on this data folder.
    pub running: bool,
    /// One per connector.
    pub connectors: Vec<ConnectorStatus>,
}

/// Reads the status of all connectors of a configuration.
pub async fn status(settings: &Settings, ledger: &Arc<dyn Ledger>) -> Result<Status> {
    let mut connectors = Vec::with_capacity(settings.connectors.len());
    for connector in &settings.connectors {
        let record = ledger.connector(&connector.name).await?;
        let summary = ledger.summary(&connector.name).await?;
        let today: String = rfc3339(clock::now()).chars().take(10).collect();
        let calls = ledger.api_calls(&connector.name, &today).await?;
        let mut status = connector_status(connector, record, summary, calls);
        let backfills = ledger.backfills(&connector.name).await?.into_iter().enumerate();
        let shown = backfills.filter(|(place, one)| *place == 0 || one.state.is_under_way());
        status.backfills = shown.map(|(_, one)| one.into()).collect();
        connectors.push(status);
    }
    Ok(Status { at: rfc3339(clock::now()), running: is_running(&settings.data_dir), connectors })
}

fn connector_status(
    settings: &ConnectorSettings,
    record: ConnectorRecord,
    summary: Summary,
    calls: Vec<ApiCalls>,
) -> ConnectorStatus {
    let (state, reason, problem) = judge(&record, &summary);
    let time = |micros: i64| rfc3339(micros);
    ConnectorStatus {
        connector: settings.name.clone(),
        state,
        reason,
        org_id: record.org_id,
        last_poll: record.poll.map(|poll| time(poll.at)),
        newest_file: summary.newest_file.map(time),
        units: summary.units,
        event_types: summary.event_types,
        admitted: summary.admitted,
        repeats: summary.repeats,
        undecodable: summary.undecodable,
        bytes: summary.raw_bytes,
        lost: summary.lost,
        disputed: summary.disputed,
        dead_letters: summary.dead_letters,
        replays: summary.replays,
        api_usage: record.api_usage,
        api_usage_at: record.api_usage_at.map(time),
        api_calls: calls.into_iter().map(|one| (one.purpose, one.calls)).collect(),
        api_restraint: record.api_restraint,
        backfills: Vec::new(),
        destinations: summary
            .destinations
            .into_iter()
            .map(|(destination, (delivered, rejected, finished, waiting))| DestinationStatus {
                destination,
                delivered,
                rejected,
                finished,
                waiting,
            })
            .collect(),
        test: record.test,
        problem,
    }
}

/// Keeps in the ledger why nothing is fetched just now, and forgets it when that is over.
pub(crate) async fn note_hold(connector: &Connector) -> Result<()> {
    let now = clock::now();
    // A full spool stays the reason until something was fetched again.
    let full = |problem: &Problem| problem.code == "OT-DISK-04";
    let held = connector.hold.until(now).is_some();
    let reason = connector.hold.reason().filter(|(problem, _)| held || full(problem));
    let problem = reason.and_then(|(problem, _)| serde_json::to_value(problem).ok());
    let mut record = connector.ledger.connector(connector.name()).await?;
    let before = record.hold.as_ref().and_then(|outcome| outcome.problem.as_ref());
    if before != problem.as_ref() {
        record.hold = problem.map(|problem| Outcome { at: now, problem: Some(problem) });
        connector.ledger.set_connector(connector.name(), &record).await?;
    }
    Ok(())
}

type Judged = (ConnectorState, String, Option<serde_json::Value>);

/// The state and its reason. The gravest thing wins.
fn judge(record: &ConnectorRecord, summary: &Summary) -> Judged {
    let failed =
        |outcome: &Option<Outcome>| outcome.as_ref().and_then(|outcome| outcome.problem.clone());
    let message = |problem: &serde_json::Value| {
        problem.get("message").and_then(|text| text.as_str()).unwrap_or("unknown").to_owned()
    };
    if let Some(problem) = failed(&record.sign_in) {
        return (ConnectorState::Error, format!("sign-in: {}", message(&problem)), Some(problem));
    }
    if let Some(problem) = &record.api_restraint {
        return (ConnectorState::Degraded, message(problem), Some(problem.clone()));
    }
    if record.poll.is_none() {
        return (ConnectorState::Pending, "not polled yet".to_owned(), None);
    }
    if let Some(problem) = failed(&record.poll) {
        let pause = problem.get("disposition").and_then(|word| word.as_str()) != Some("retry");
        let state = if pause { ConnectorState::Error } else { ConnectorState::Degraded };
        return (state, format!("listing: {}", message(&problem)), Some(problem));
    }
    if let Some(problem) = failed(&record.hold) {
        let reason = format!("fetching waits: {}", message(&problem));
        return (ConnectorState::Degraded, reason, Some(problem));
    }
    let mut troubles = Vec::new();
    let mut problem = None;
    if summary.disputed > 0 {
        let fault = UnitFault::Disagree { rows: 0, both: 0, example: None };
        let message = format!("{} files do not agree with the lane's other copy", summary.disputed);
        troubles.push(message.clone());
        let disputed = Problem { message, ..Error::Unit(fault).problem() };
        problem = serde_json::to_value(disputed).ok();
    }
    if summary.lost > 0 {
        troubles.push(format!("{} files were gone before they could be fetched", summary.lost));
    }
    if summary.dead_letters > 0 {
        troubles.push(format!("{} open dead letters", summary.dead_letters));
    }
    if summary.failing > 0 {
        troubles.push(format!("{} units wait out a failure", summary.failing));
    }
    if let Some(uncounted) = failed(&record.counting) {
        troubles.push(format!("rows are not counted for insights: {}", message(&uncounted)));
        problem = problem.or(Some(uncounted));
    }
    if troubles.is_empty() {
        (ConnectorState::Active, "all that was found is delivered or on its way".to_owned(), None)
    } else {
        (ConnectorState::Degraded, troubles.join("; "), problem)
    }
}
