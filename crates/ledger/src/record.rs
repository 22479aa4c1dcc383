//! What the ledger keeps, and the steps it is told: plain data, in the words of the contract.

use serde::{Deserialize, Serialize};

use crate::account::Gaps;
use crate::unit::{Event, State};

/// Number of a unit in this ledger.
pub type UnitId = i64;

/// How far discovery has come for one connector and interval: everything created up to here is
/// listed. Compared as a pair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// `CreatedDate` of the newest listed file, microseconds.
    pub created_date: i64,
    /// Its `Id`.
    pub log_file_id: String,
}

/// A lane: units of one connector, event type and UTC day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// Connector name.
    pub connector: String,
    /// Event type.
    pub event_type: String,
    /// UTC day of its units' log dates, `YYYY-MM-DD`.
    pub day: String,
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.connector, self.event_type, self.day)
    }
}

/// The right to do one stage of a lane's work until a time. Stages of one lane are leased apart:
/// `collect` for fetch and admit, `deliver:NAME` for each destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The lane.
    pub lane: Lane,
    /// `collect` or `deliver:NAME`.
    pub stage: String,
    /// Who holds it.
    pub owner: String,
    /// Grows with each grant of this lane and stage.
    pub epoch: i64,
    /// When it ends unless renewed, microseconds.
    pub expires: i64,
}

/// One version of a log file as the org listed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUnit {
    /// The lane it belongs to.
    pub lane: Lane,
    /// `Hourly` or `Daily`.
    pub interval: String,
    /// 0 for daily, 1, 2, ... for an hour's increments.
    pub sequence: i64,
    /// `EventLogFile.Id`.
    pub log_file_id: String,
    /// `LogDate`, microseconds.
    pub log_date: i64,
    /// `CreatedDate`, microseconds.
    pub created_date: i64,
    /// `LogFileLength`, bytes.
    pub length: i64,
}

/// A unit with its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Number in this ledger.
    pub id: UnitId,
    /// What the org listed. `(connector, log_file_id, created_date, length)` is unique.
    pub listed: NewUnit,
    /// Where it is on its way.
    pub state: State,
    /// Failed tries at the present stage.
    pub attempts: i64,
    /// Not to be tried before, microseconds.
    pub not_before: i64,
    /// Code and text of the last failure or warning, if any.
    pub note: Option<String>,
    /// Path below the spool folder, once fetched.
    pub spool_path: Option<String>,
    /// Bytes in the spool.
    pub spool_bytes: i64,
    /// Bytes after decompression.
    pub raw_bytes: i64,
    /// Data rows.
    pub rows: i64,
    /// Rows not delivered before.
    pub admitted: i64,
    /// Rows dropped as delivered before.
    pub repeats: i64,
    /// Rows set aside.
    pub undecodable: i64,
    /// Entries in its admission record, kept beside its bytes; 0 when there is no record.
    pub exceptions: i64,
    /// Hash of what it says.
    pub content_hash: Option<String>,
    /// When it was listed, microseconds.
    pub listed_at: i64,
    /// When it became final, microseconds.
    pub final_at: Option<i64>,
    /// Whether its bytes are still in the spool.
    pub spooled: bool,
}

/// How far one destination has come in one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The unit.
    pub unit: UnitId,
    /// The destination's name.
    pub destination: String,
    /// Rows durably handled.
    pub position: i64,
    /// Events durably delivered.
    pub delivered: i64,
    /// Events the destination refused for good.
    pub rejected: i64,
    /// Whether the unit is finished here.
    pub done: bool,
    /// Why nothing of it is sent here; it is done then.
    pub withheld: Option<String>,
    /// Whether a backfill listed the unit.
    pub backfilled: bool,
    /// Failed tries since the last step that went well.
    pub attempts: i64,
    /// Not to be tried before, microseconds.
    pub not_before: i64,
    /// Code and text of the last failure, if the last try failed.
    pub note: Option<String>,
}

/// A step of one destination through one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDelta {
    /// The unit.
    pub unit: UnitId,
    /// The destination's name.
    pub destination: String,
    /// The replay this is a step of; none for the delivery itself.
    pub replay: Option<crate::ReplayId>,
    /// The position this step starts from; must be the stored one.
    pub from: i64,
    /// The position after it.
    pub to: i64,
    /// Events delivered in this step.
    pub delivered: i64,
    /// Events refused for good in this step, kept as dead letters in the same transaction.
    pub rejected: Vec<DeadLetter>,
    /// Whether the unit is finished here.
    pub done: bool,
}

/// Something that happened to a unit, with the dead letters that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The unit.
    pub unit: UnitId,
    /// What happened.
    pub event: Event,
    /// Rows of it, or the unit itself, set aside.
    pub dead_letters: Vec<DeadLetter>,
}

/// A row or unit set aside with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The unit.
    pub unit: UnitId,
    /// The destination that refused it; none when it could not be decoded.
    pub destination: Option<String>,
    /// Row in the unit, counted from 0; none for the whole unit.
    pub row: Option<i64>,
    /// Byte offset of the row in the decompressed file, if known.
    pub offset: Option<i64>,
    /// Stable error code.
    pub code: String,
    /// Why, short.
    pub reason: String,
    /// The bytes set aside, at most 64 KiB of them; the whole stays in the spool.
    pub payload: Vec<u8>,
    /// When, microseconds.
    pub at: i64,
}

/// What a listing brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listed {
    /// Units not known before.
    pub new: u64,
    /// Units known already.
    pub known: u64,
}

/// A lane with something due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneWork {
    /// The lane.
    pub lane: Lane,
    /// Units that wait for the stage asked about.
    pub units: i64,
}

/// How the last doing of something went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When, microseconds.
    pub at: i64,
    /// A problem as JSON (code, message, cause, remedy, disposition); none if it went well.
    pub problem: Option<serde_json::Value>,
}

/// An error met lately, once or again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentError {
    /// When last, microseconds.
    pub at: i64,
    /// When first, microseconds.
    pub since: i64,
    /// How often.
    pub times: i64,
    /// The destination it came from; none: the org, or this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The last of them as JSON (code, message, cause, remedy, disposition).
    pub problem: serde_json::Value,
}

/// That a person has a connector rest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Paused {
    /// Since when, microseconds.
    pub at: i64,
    /// Who asked for it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in that person's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is kept about a connector besides its units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConnectorRecord {
    /// The org's id, once signed in.
    pub org_id: Option<String>,
    /// The last sign-in.
    pub sign_in: Option<Outcome>,
    /// Fingerprint of the credentials that were refused; no further try is made with them.
    pub refused_credentials: Option<String>,
    /// The last poll for new files.
    pub poll: Option<Outcome>,
    /// When `orgtap run` last began with it, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<i64>,
    /// When a poll last went well, microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled: Option<i64>,
    /// Why nothing is fetched just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Outcome>,
    /// Why its rows are not counted just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counting: Option<Outcome>,
    /// Gaps of the completeness record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Gaps>,
    /// The last Test Connection, as its JSON report.
    pub test: Option<serde_json::Value>,
    /// API calls used and allowed in the org's day, as last heard.
    pub api_usage: Option<(i64, i64)>,
    /// How hourly and daily copies were last compared: disputed units were decided under this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconcile: Option<String>,
    /// When that was heard, microseconds.
    pub api_usage_at: Option<i64>,
    /// Why calls to the org are slowed or stopped, as JSON; none while they are not.
    pub api_restraint: Option<serde_json::Value>,
    /// Since when it is signing in, microseconds; none while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_in: Option<i64>,
    /// Why it is not at work although it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Outcome>,
    /// Errors met lately, the last one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_errors: Vec<RecentError>,
    /// That it is paused. Only [`Ledger::set_paused`](crate::Ledger::set_paused) changes it.
    #[serde(skip)]
    pub paused: Option<Paused>,
}

/// What is done to what is kept about a connector. Where there was no room for it, it is done again
/// to what is kept then.
pub type RecordChange<'a> = Box<dyn Fn(&mut ConnectorRecord) + Send + Sync + 'a>;

/// Calls to the org in a UTC day, by what they were for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCalls {
    /// UTC day, `YYYY-MM-DD`.
    pub day: String,
    /// What they were for, in a word.
    pub purpose: String,
    /// How many.
    pub calls: i64,
}

/// How much is withheld from a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Withheld {
    /// Units.
    pub units: i64,
    /// Rows of them that were admitted.
    pub rows: i64,
}

/// Counts for status, over one destination's deliveries of one connector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DestinationSummary {
    /// Events delivered.
    pub delivered: i64,
    /// Events refused for good.
    pub rejected: i64,
    /// Units finished.
    pub finished: i64,
    /// Units admitted and not finished.
    pub waiting: i64,
    /// When events were durably delivered last, microseconds; replays included.
    pub delivered_at: Option<i64>,
    /// The newest log date of a unit of which events were, microseconds.
    pub newest: Option<i64>,
    /// `CreatedDate` of the oldest unit that is admitted and not finished, microseconds.
    pub oldest_waiting: Option<i64>,
    /// What is withheld; it counts as finished.
    pub withheld: Withheld,
}

/// All that status wants to know of one connector.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    /// What is kept about it.
    pub record: ConnectorRecord,
    /// Its counts.
    pub summary: Summary,
    /// The calls of one UTC day, by purpose.
    pub calls: Vec<ApiCalls>,
    /// Its backfills, newest first.
    pub backfills: Vec<crate::Backfill>,
}

/// Counts for status, over the units of one connector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Units by state name.
    pub units: std::collections::BTreeMap<String, i64>,
    /// Units by event type.
    pub event_types: std::collections::BTreeMap<String, i64>,
    /// Rows, admitted, repeats, undecodable, raw bytes: sums over all units.
    pub rows: i64,
    /// Rows not delivered before.
    pub admitted: i64,
    /// Rows dropped as delivered before.
    pub repeats: i64,
    /// Rows set aside undecoded.
    pub undecodable: i64,
    /// Bytes after decompression.
    pub raw_bytes: i64,
    /// `CreatedDate` of the newest listed file, microseconds.
    pub newest_file: Option<i64>,
    /// The greatest age a file had when it was listed, microseconds: the org keeps them for so long at
    /// least.
    pub oldest_age: i64,
    /// `CreatedDate` of the oldest file that is not admitted yet and can be, microseconds.
    pub oldest_listed: Option<i64>,
    /// Per destination.
    pub destinations: std::collections::BTreeMap<String, DestinationSummary>,
    /// Open dead letters.
    pub dead_letters: i64,
    /// Replays that were asked for and have not ended.
    pub replays: i64,
    /// Vanished units of which no later version was listed (same lane, interval, log date and
    /// sequence).
    pub lost: i64,
    /// Disputed units of which no later version was admitted.
    pub disputed: i64,
    /// Units, deliveries and replays that failed at their present stage and wait to be tried again.
    pub failing: i64,
}
