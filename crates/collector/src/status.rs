//! What an operator wants to know of a connector, from the ledger alone.

mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;

use orgtap_events::time::rfc3339;
use orgtap_ledger::{
    Backfill, ConnectorRecord, Gaps, Ledger, LetterChoice, Outcome, Overview, RecentError, Summary,
};
use orgtap_transport::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::collector::is_running;
use crate::config::{ConnectorSettings, Settings};
use crate::connector::Connector;
use crate::error::{Error, Result};
use crate::mend::INDEX_LOST;
use crate::room;

use judge::judge;

/// State of a connector: one word a person can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConnectorState {
    /// Configured, and never polled yet.
    Pending,
    /// Signing in just now.
    Authenticating,
    /// Polling works, and everything found is delivered or on its way.
    Active,
    /// It works, but something waits out a failure or was set aside, or the API budget slows it.
    Degraded,
    /// It rests until a person resumes it.
    Paused,
    /// It does not work until a person acts.
    Error,
}

impl ConnectorState {
    /// The state as it is shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Authenticating => "Authenticating",
            Self::Active => "Active",
            Self::Degraded => "Degraded",
            Self::Paused => "Paused",
            Self::Error => "Error",
        }
    }
}

/// That a connector is paused.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PausedStatus {
    /// Since when, RFC 3339.
    pub since: String,
    /// Who asked for it, if that is known.
    pub by: Option<String>,
    /// Why, in that person's words.
    pub note: Option<String>,
}

/// Hours of event types that lack rows or files, in the last thirty days.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GapsStatus {
    /// When they were counted, RFC 3339.
    pub counted_at: String,
    /// Hours, those of each event type by themselves.
    pub hours: i64,
    /// Event types with such hours.
    pub event_types: i64,
    /// The begin of the first, RFC 3339.
    pub oldest: Option<String>,
}

impl From<Gaps> for GapsStatus {
    fn from(gaps: Gaps) -> Self {
        Self {
            counted_at: rfc3339(gaps.at),
            hours: gaps.hours,
            event_types: gaps.event_types,
            oldest: gaps.oldest.map(rfc3339),
        }
    }
}

/// An error met lately, once or again and again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RecentErrorStatus {
    /// When last, RFC 3339.
    pub at: String,
    /// When first, RFC 3339.
    pub since: String,
    /// How often.
    pub times: i64,
    /// The destination it came from; none: the org, or this machine.
    pub destination: Option<String>,
    /// What it said last: code, message, cause, remedy.
    pub problem: serde_json::Value,
}

impl From<RecentError> for RecentErrorStatus {
    fn from(error: RecentError) -> Self {
        Self {
            at: rfc3339(error.at),
            since: rfc3339(error.since),
            times: error.times,
            destination: error.destination,
            problem: error.problem,
        }
    }
}

/// A connector's status.
#[derive(Debug, Clone, Serialize, ToSchema)]
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
    /// Whether that went well.
    pub last_poll_ok: Option<bool>,
    /// When one last went well, RFC 3339.
    pub last_good_poll: Option<String>,
    /// When `orgtap run` last began with the connector, RFC 3339.
    pub begun_at: Option<String>,
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
    /// Files set aside because their rows could come twice, with no later version.
    pub disputed: i64,
    /// Gaps of the completeness record, once counted: after each pass of `orgtap collect`; while
    /// `orgtap run` is at work, every hour, once what came is dealt with, and whenever a person asks
    /// it to look.
    pub gaps: Option<GapsStatus>,
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
    /// Since when, by whom and why it is paused.
    pub paused: Option<PausedStatus>,
    /// The last Test Connection.
    pub test: Option<serde_json::Value>,
    /// Errors met lately, the last one first; those that passed are among them.
    pub recent_errors: Vec<RecentErrorStatus>,
    /// The problem behind the state, if there is one.
    pub problem: Option<serde_json::Value>,
}

/// How far a backfill has come.
#[derive(Debug, Clone, Serialize, ToSchema)]
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
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DestinationStatus {
    /// The destination.
    pub destination: String,
    /// Events delivered.
    pub delivered: i64,
    /// Events it refused for good.
    pub rejected: i64,
    /// Units it has.
    pub finished: i64,
    /// Units waiting.
    pub waiting: i64,
    /// Units of which nothing is sent, because they were older than `max_age`.
    pub withheld: i64,
    /// Rows of them.
    pub withheld_rows: i64,
    /// When events were durably delivered last, RFC 3339.
    pub delivered_at: Option<String>,
    /// The newest log date of a file of which events were, RFC 3339: the start of its hour or day.
    pub newest_delivered: Option<String>,
    /// How long ago the org made the oldest file that is known and not delivered here yet, seconds;
    /// 0 if there is none.
    pub lag_s: i64,
}

/// The status of every configured connector.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Status {
    /// Now, RFC 3339.
    pub at: String,
    /// Whether `orgtap run` or `collect` is at work on this data folder.
    pub running: bool,
    /// One per connector.
    pub connectors: Vec<ConnectorStatus>,
    /// What is wrong with files of saved connectors: those are not collected, or as they were before.
    #[schema(value_type = Vec<Object>)]
    pub broken: Vec<Problem>,
}

impl Status {
    /// The status where there is no connector; nor need there be a ledger.
    pub fn of_none(settings: &Settings) -> Self {
        let running = is_running(&settings.data_dir);
        let broken = settings.broken.clone();
        Self { at: rfc3339(clock::now()), running, connectors: Vec::new(), broken }
    }
}

/// Reads the status of all connectors of a configuration. What it costs hardly depends on how much
/// they have collected, so that it may be asked for again and again.
pub async fn status(settings: &Settings, ledger: &Arc<dyn Ledger>) -> Result<Status> {
    let now = clock::now();
    let mut overview = ledger.overview(&clock::day(now)).await?;
    let full = room::missing(&settings.data_dir, 0);
    let mut connectors = Vec::with_capacity(settings.connectors.len());
    for connector in &settings.connectors {
        let found = overview.remove(&connector.name).unwrap_or_default();
        let index_lost = index_lost(ledger, &connector.name, &found.summary).await?;
        connectors.push(connector_status(connector, found, now, (full.as_ref(), index_lost)));
    }
    Ok(Status { at: rfc3339(now), connectors, ..Status::of_none(settings) })
}

/// How many units are set aside because the rows of their lane are lost.
async fn index_lost(ledger: &Arc<dyn Ledger>, name: &str, summary: &Summary) -> Result<i64> {
    // Most often there is nothing to ask.
    if summary.dead_letters == 0 {
        return Ok(0);
    }
    let choice = LetterChoice { code: Some(INDEX_LOST.to_owned()), ..LetterChoice::of(name) };
    Ok(ledger.letter_counts(&choice).await?.iter().map(|count| count.letters).sum())
}

fn connector_status(
    settings: &ConnectorSettings,
    found: Overview,
    now: i64,
    besides: (Option<&Error>, i64),
) -> ConnectorStatus {
    let Overview { record, summary, calls, backfills } = found;
    let (state, reason, problem) = judge(&record, &summary, besides);
    let time = |micros: i64| rfc3339(micros);
    ConnectorStatus {
        connector: settings.name.clone(),
        state,
        reason,
        org_id: record.org_id,
        last_poll_ok: record.poll.as_ref().map(|poll| poll.problem.is_none()),
        last_poll: record.poll.map(|poll| time(poll.at)),
        last_good_poll: record.polled.map(time),
        begun_at: record.begun.map(time),
        newest_file: summary.newest_file.map(time),
        units: summary.units,
        event_types: summary.event_types,
        admitted: summary.admitted,
        repeats: summary.repeats,
        undecodable: summary.undecodable,
        bytes: summary.raw_bytes,
        lost: summary.lost,
        disputed: summary.disputed,
        gaps: record.gaps.map(GapsStatus::from),
        dead_letters: summary.dead_letters,
        replays: summary.replays,
        api_usage: record.api_usage,
        api_usage_at: record.api_usage_at.map(time),
        api_calls: calls.into_iter().map(|one| (one.purpose, one.calls)).collect(),
        api_restraint: record.api_restraint,
        backfills: backfills
            .into_iter()
            .enumerate()
            .filter(|(place, one)| *place == 0 || one.state.is_under_way())
            .map(|(_, one)| one.into())
            .collect(),
        destinations: summary
            .destinations
            .into_iter()
            .map(|(destination, counts)| {
                let oldest = [counts.oldest_waiting, summary.oldest_listed].into_iter().flatten();
                DestinationStatus {
                    destination,
                    delivered: counts.delivered,
                    rejected: counts.rejected,
                    finished: counts.finished - counts.withheld.units,
                    waiting: counts.waiting,
                    withheld: counts.withheld.units,
                    withheld_rows: counts.withheld.rows,
                    delivered_at: counts.delivered_at.map(time),
                    newest_delivered: counts.newest.map(time),
                    lag_s: oldest.min().map_or(0, |oldest| (now - oldest).max(0) / 1_000_000),
                }
            })
            .collect(),
        paused: record.paused.map(|paused| PausedStatus {
            since: time(paused.at),
            by: paused.by,
            note: paused.note,
        }),
        test: record.test,
        recent_errors: record.recent_errors.into_iter().map(RecentErrorStatus::from).collect(),
        problem,
    }
}

/// Keeps in the ledger why nothing is fetched just now, and forgets it when that is over.
pub(crate) async fn note_hold(connector: &Connector) -> Result<()> {
    let now = clock::now();
    // A full disk or spool stays the reason until something was fetched again.
    let full = |problem: &Problem| matches!(problem.code.as_str(), "OT-DISK-01" | "OT-DISK-04");
    let held = connector.hold.until(now).is_some();
    let reason = connector.hold.reason().filter(|(problem, _)| held || full(problem));
    let problem = reason.and_then(|(problem, _)| serde_json::to_value(problem).ok());
    let record = connector.ledger.connector(connector.name()).await?;
    let before = record.hold.as_ref().and_then(|outcome| outcome.problem.as_ref());
    if before != problem.as_ref() {
        let hold = problem.map(|problem| Outcome { at: now, problem: Some(problem) });
        let change = |record: &mut ConnectorRecord| record.hold.clone_from(&hold);
        connector.ledger.change_connector(connector.name(), Box::new(change)).await?;
    }
    Ok(())
}
