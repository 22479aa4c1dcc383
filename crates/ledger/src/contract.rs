//! The ledger's contract: what any database behind it must do.
//!
//! # Rules, checked by one suite over every implementation
//!
//! 1. Every method is one transaction: it happened wholly or not at all, and once it has
//!    answered it survives a crash of process or machine.
//! 2. Progress is a delta. A write that says `from -> to` is refused when the stored position is
//!    not `from` ([`LedgerError::Delta`]). Nothing is ever moved backwards.
//! 3. A lane is worked on under a [`Lease`]. Each grant of a lane has a higher epoch; a write that
//!    carries an old epoch or comes after expiry was taken over by another is refused
//!    ([`LedgerError::Fenced`]).
//! 4. States change only by [`unit::apply`](crate::unit::apply).
//! 5. Listing the same unit again changes nothing.
//! 6. Times come from the caller, in microseconds since 1970 UTC.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::unit::{Event, Misfit, State};

/// Number of a unit in this ledger.
pub type UnitId = i64;

/// Why the ledger refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The position was not where the caller thought.
    #[error("{what} stands at {stored}, not at {claimed}")]
    Delta {
        /// What was to be moved.
        what: String,
        /// Where it stands.
        stored: String,
        /// Where the caller thought it stood.
        claimed: String,
    },
    /// Somebody else holds the lane now.
    #[error("the lease on {lane} (epoch {epoch}) is no longer held")]
    Fenced {
        /// The lane, in words.
        lane: String,
        /// The stale epoch.
        epoch: i64,
    },
    /// The unit's state does not allow it.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// There is no such unit.
    #[error("no unit {0} in the ledger")]
    NoUnit(UnitId),
    /// The ledger was written by a newer Orgtap.
    #[error("the ledger has schema version {found}; this Orgtap knows up to {known}")]
    Newer {
        /// Version in the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// What is stored makes no sense: damaged or edited by hand.
    #[error("the ledger holds {0}")]
    Corrupt(String),
    /// No room left on the disk.
    #[error("the disk of the ledger is full")]
    DiskFull(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error("the ledger's database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

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
    /// UTC day, `YYYY-MM-DD`.
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
    /// Hash of the decompressed bytes.
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
    /// The last Test Connection, as its JSON report.
    pub test: Option<serde_json::Value>,
    /// API calls used and allowed in the org's day, as last heard.
    pub api_usage: Option<(i64, i64)>,
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
    /// Per destination: delivered, rejected, units finished, units waiting.
    pub destinations: std::collections::BTreeMap<String, (i64, i64, i64, i64)>,
    /// Dead letters kept.
    pub dead_letters: i64,
    /// Vanished units of which no later version was listed (same lane, interval, log date and
    /// sequence).
    pub lost: i64,
    /// Units and deliveries that failed at their present stage and wait to be tried again.
    pub failing: i64,
}

/// The durable record. See the module's rules.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Makes the connector known with the destinations it has now. Unfinished deliveries to
    /// destinations it no longer has are dropped (finished ones stay as a record); units finished
    /// by that become done. Answers the names, sorted, whose deliveries were dropped with how many.
    async fn register(
        &self,
        connector: &str,
        destinations: &[String],
        now: i64,
    ) -> Result<Vec<(String, i64)>, LedgerError>;

    /// What is kept about a connector; empty for one never seen.
    async fn connector(&self, connector: &str) -> Result<ConnectorRecord, LedgerError>;

    /// Replaces what is kept about a connector.
    async fn set_connector(
        &self,
        connector: &str,
        record: &ConnectorRecord,
    ) -> Result<(), LedgerError>;

    /// How far discovery has come. `track` tells listings of one connector apart, for example
    /// `event_log_files/Hourly`.
    async fn cursor(&self, connector: &str, track: &str) -> Result<Option<Cursor>, LedgerError>;

    /// Records a page of a listing, and moves the cursor `from -> to` in the same transaction.
    /// `to` equal to `from` records without moving.
    async fn list(
        &self,
        connector: &str,
        track: &str,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Result<Listed, LedgerError>;

    /// Lanes of a connector with work due for a stage (`collect`, or `deliver:NAME`) at `now` and
    /// no live lease on it, at most `limit`: oldest file first, then by day and event type.
    async fn due(
        &self,
        connector: &str,
        stage: &str,
        now: i64,
        limit: usize,
    ) -> Result<Vec<LaneWork>, LedgerError>;

    /// When the earliest unit that now waits out a failure may be tried again, over all stages.
    async fn next_due(&self, connector: &str, now: i64) -> Result<Option<i64>, LedgerError>;

    /// Makes everything of a connector that waits out a failure due at once, with its failures
    /// forgotten: a person asked for it. The notes stay.
    async fn wake(&self, connector: &str) -> Result<(), LedgerError>;

    /// Takes the right to a lane's stage, unless somebody holds it, the same owner included.
    async fn lease(
        &self,
        lane: &Lane,
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Result<Option<Lease>, LedgerError> {
        Ok(self.lease_each(std::slice::from_ref(lane), stage, owner, now, ttl).await?.pop())
    }

    /// [`Ledger::lease`] for many lanes: answers the leases of those nobody held, in their order.
    async fn lease_each(
        &self,
        lanes: &[Lane],
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Result<Vec<Lease>, LedgerError>;

    /// Prolongs a lease.
    async fn renew(&self, lease: &Lease, now: i64, ttl: i64) -> Result<Lease, LedgerError>;

    /// Gives a lease back. One that is no longer held is left alone.
    async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.release_each(std::slice::from_ref(lease)).await
    }

    /// [`Ledger::release`] for many leases.
    async fn release_each(&self, leases: &[Lease]) -> Result<(), LedgerError>;

    /// Ends every lease, whoever holds it. Only for a process that knows it is alone.
    async fn break_leases(&self) -> Result<(), LedgerError>;

    /// All units of a lane, in the order they are handled: hourly before daily, then by log date,
    /// sequence, creation, id.
    async fn units(&self, lane: &Lane) -> Result<Vec<Unit>, LedgerError>;

    /// One unit.
    async fn unit(&self, unit: UnitId) -> Result<Unit, LedgerError>;

    /// Moves a unit by an event, with the dead letters that belong to it. Clears its failures. On
    /// [`Event::Admitted`] the deliveries to the connector's destinations are opened, at 0.
    /// [`Event::Delivered`] is refused here: it comes of [`Ledger::deliver`] alone.
    async fn apply(
        &self,
        lease: &Lease,
        unit: UnitId,
        event: &Event,
        dead_letters: &[DeadLetter],
        now: i64,
    ) -> Result<State, LedgerError> {
        let (event, dead_letters) = (event.clone(), dead_letters.to_vec());
        let states = self.apply_each(lease, &[Happened { unit, event, dead_letters }], now).await?;
        states.last().copied().ok_or(LedgerError::NoUnit(unit))
    }

    /// [`Ledger::apply`] for several events of the lane's units, in order, all or none. A unit may
    /// occur more than once. Answers the state after each event.
    async fn apply_each(
        &self,
        lease: &Lease,
        events: &[Happened],
        now: i64,
    ) -> Result<Vec<State>, LedgerError>;

    /// Counts a failure at the lease's stage: not to be tried again before `not_before`. Under
    /// `collect` it is the unit's failure, under `deliver:NAME` that of its delivery to NAME.
    async fn postpone(
        &self,
        lease: &Lease,
        unit: UnitId,
        not_before: i64,
        note: &str,
    ) -> Result<(), LedgerError>;

    /// What of a lane a destination has not finished, in the order it is handled: the units that
    /// are admitted, each with how far the destination has come.
    async fn outbox(
        &self,
        lane: &Lane,
        destination: &str,
    ) -> Result<Vec<(Unit, Delivery)>, LedgerError>;

    /// How far each destination has come in a unit.
    async fn deliveries(&self, unit: UnitId) -> Result<Vec<Delivery>, LedgerError>;

    /// Moves a destination through units, all or none. A step that gets further clears the
    /// delivery's failures. A unit whose last destination is done becomes [`State::Done`] in the
    /// same transaction.
    async fn deliver(
        &self,
        lease: &Lease,
        deltas: &[DeliveryDelta],
        now: i64,
    ) -> Result<(), LedgerError>;

    /// Dead letters of a connector, newest first.
    async fn dead_letters(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LedgerError>;

    /// Final units without dead letters whose bytes are still in the spool and that became final
    /// before a time, oldest first. Never a [`State::Rejected`] one: its bytes are all there is.
    async fn releasable(&self, before: i64, limit: usize) -> Result<Vec<Unit>, LedgerError>;

    /// Records that units' bytes left the spool. Refused for one that is not final.
    async fn spool_released(&self, units: &[UnitId]) -> Result<(), LedgerError>;

    /// Counts for status.
    async fn summary(&self, connector: &str) -> Result<Summary, LedgerError>;

    /// Names of all connectors ever registered.
    async fn connectors(&self) -> Result<Vec<String>, LedgerError>;
}
