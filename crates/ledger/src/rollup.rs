//! Rollups: what the rows of units said, counted, so that questions about months are answered
//! without reading a row again.
//!
//! A contract of its own beside [`Ledger`](crate::Ledger): nothing in the flow waits for it. What
//! the dimensions are, and what is worth a line, is the business of whoever counts.

use async_trait::async_trait;
pub use compact_str::CompactString;

use crate::{LedgerError, Unit, UnitId};

/// Microseconds in an hour.
const HOUR: i64 = 3_600_000_000;
/// 1970-01-01 was a Thursday; weeks begin on Mondays.
const MONDAY: i64 = 3 * 24 * HOUR;

/// Event type of counts over all event types.
pub const ALL_TYPES: &str = "*";
/// Dimension of counts over all rows of a type; their name is empty.
pub const TOTAL: &str = "total";
/// Dimension of counts by user.
pub const USER: &str = "user";
/// Dimension of how many users there were: kept by the ledger for [`ALL_TYPES`], days and weeks.
pub const ACTIVE_USERS: &str = "active_users";
/// Name under which everything is counted that there is no room for by name.
pub const OTHERS: &str = "\u{1}";

/// The lengths of time that are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An hour.
    Hour,
    /// A UTC day.
    Day,
    /// Seven UTC days from a Monday.
    Week,
}

impl Step {
    /// All, shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Its length, hours.
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 168,
        }
    }

    /// Its length, microseconds.
    pub const fn micros(self) -> i64 {
        self.hours() * HOUR
    }

    /// Start of the one a moment is in, microseconds since 1970 UTC.
    pub const fn start(self, at: i64) -> i64 {
        let from = if matches!(self, Self::Week) { MONDAY } else { 0 };
        (at + from).div_euclid(self.micros()) * self.micros() - from
    }
}

/// A stretch of time that begins and ends with its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Of which steps.
    pub step: Step,
    /// Its start, microseconds since 1970 UTC.
    pub from: i64,
    /// Its end, microseconds since 1970 UTC.
    pub to: i64,
}

impl Span {
    /// The fewest steps that make up the days from that of `from` to that of the moment before
    /// `to`: days, and weeks between them.
    pub fn days(from: i64, to: i64) -> Vec<Self> {
        let (from, to) = (Step::Day.start(from), Step::Day.start(to - 1) + Step::Day.micros());
        let first = Step::Week.start(from + Step::Week.micros() - 1);
        let last = Step::Week.start(to);
        let spans = if first < last {
            vec![(Step::Day, from, first), (Step::Week, first, last), (Step::Day, last, to)]
        } else {
            vec![(Step::Day, from, to)]
        };
        let spans = spans.into_iter().filter(|(_, from, to)| from < to);
        spans.map(|(step, from, to)| Self { step, from, to }).collect()
    }

    /// The hours from that of `from` to that of the moment before `to`.
    pub fn hours(from: i64, to: i64) -> Vec<Self> {
        let step = Step::Hour;
        vec![Self { step, from: step.start(from), to: step.start(to - 1) + step.micros() }]
    }
}

/// What is counted of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Rows, which are events.
    pub events: i64,
    /// Records or report rows they speak of.
    pub rows: i64,
    /// Bytes they speak of.
    pub bytes: i64,
    /// Time they took, together, milliseconds.
    pub millis: i64,
    /// Time the longest of them took, milliseconds.
    pub longest: i64,
}

impl Sums {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.events = self.events.saturating_add(other.events);
        self.rows = self.rows.saturating_add(other.rows);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.millis = self.millis.saturating_add(other.millis);
        self.longest = self.longest.max(other.longest);
    }
}

/// Counts of one event type by one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Event type, or [`ALL_TYPES`].
    pub event_type: String,
    /// What is counted by.
    pub dimension: String,
    /// The shortest steps it is counted by: the ledger makes those of the longer ones.
    pub step: Step,
    /// The counts.
    pub counts: Vec<Count>,
}

/// Counts of one name in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Start of the step, microseconds since 1970 UTC.
    pub start: i64,
    /// What stands there, or [`OTHERS`].
    pub name: CompactString,
    /// The counts.
    pub sums: Sums,
}

/// A user was seen with something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trait {
    /// What kind of thing.
    pub kind: CompactString,
    /// The user's id.
    pub user: CompactString,
    /// The thing.
    pub value: CompactString,
    /// When for the first time, microseconds since 1970 UTC.
    pub first_at: i64,
    /// When for the last time.
    pub last_at: i64,
}

/// What of one event type was done under one sign-in, of that which began on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The user's id.
    pub user: CompactString,
    /// The sign-in's key.
    pub login_key: CompactString,
    /// Event type.
    pub event_type: CompactString,
    /// Where from.
    pub address: Option<CompactString>,
    /// First event, microseconds since 1970 UTC.
    pub first_at: i64,
    /// Last event.
    pub last_at: i64,
    /// Events.
    pub events: i64,
}

/// A single event worth a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notable {
    /// The user's id.
    pub user: CompactString,
    /// When, microseconds since 1970 UTC.
    pub at: i64,
    /// Event type.
    pub event_type: CompactString,
    /// What happened, one word of whoever counts.
    pub what: CompactString,
    /// More about it.
    pub detail: String,
    /// Where from.
    pub address: Option<CompactString>,
    /// The request it was part of.
    pub request_id: Option<CompactString>,
    /// The sign-in it was part of.
    pub login_key: Option<CompactString>,
    /// The session it was part of.
    pub session_key: Option<CompactString>,
}

/// What a user signs in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName {
    /// The user's id.
    pub user: CompactString,
    /// The name.
    pub name: CompactString,
    /// When it was seen, microseconds since 1970 UTC.
    pub seen_at: i64,
}

/// All that is kept of one unit's rows. There may be thousands of most of these, so that their texts,
/// nearly all of which are short, take no memory besides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Counts.
    pub series: Vec<Series>,
    /// Users with what they were seen with.
    pub traits: Vec<Trait>,
    /// Sign-ins.
    pub sessions: Vec<Session>,
    /// Single events.
    pub notables: Vec<Notable>,
    /// Names.
    pub names: Vec<UserName>,
}

/// What became of a unit's rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was added, and the unit is counted now.
    Now,
    /// The unit was counted before.
    Before,
    /// The unit is not admitted, or not yet.
    NotAdmitted,
}

/// Which series are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Of one connector; none: of all together.
    pub connector: Option<&'a str>,
    /// Of these event types, [`ALL_TYPES`] among them if it is meant; empty: of each that has the
    /// dimension, without [`ALL_TYPES`].
    pub event_types: &'a [&'a str],
    /// Counted by this.
    pub dimension: &'a str,
}

/// What the greatest are looked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Events.
    Events,
    /// Records or report rows.
    Rows,
    /// Bytes.
    Bytes,
    /// Longest time.
    Longest,
}

/// Counts of one name over a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// What stands there, or [`OTHERS`].
    pub name: String,
    /// The counts, over all event types asked for.
    pub sums: Sums,
}

/// Counts of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Event type.
    pub event_type: String,
    /// Start of the step, microseconds since 1970 UTC.
    pub start: i64,
    /// What stands there; empty if the counts are of all names together.
    pub name: String,
    /// The counts.
    pub sums: Sums,
}

/// How far back is remembered: what is before these moments (microseconds since 1970 UTC) goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Counts by hour.
    pub hours: i64,
    /// Counts by day and week, and what users were seen with.
    pub days: i64,
    /// Single events; and sign-ins, whole UTC days of them.
    pub events: i64,
}

/// The record of what rows said.
///
/// Times are microseconds since 1970 UTC; `from` is inside a range, `to` is not.
#[async_trait]
pub trait RollupLedger: Send + Sync {
    /// Admitted units of a connector whose rows lie in the spool and are not counted, oldest first.
    async fn uncounted(&self, connector: &str, limit: usize) -> Result<Vec<Unit>, LedgerError>;

    /// Adds the rollups of units, each once however often it is told, and marks them as counted:
    /// all in one step. Answers what became of each.
    async fn count_units(&self, units: &[(UnitId, Rollup)]) -> Result<Vec<Added>, LedgerError>;

    /// Event types with rows, each with the start of its last hour that has any.
    async fn types_seen(&self, connector: Option<&str>) -> Result<Vec<(String, i64)>, LedgerError>;

    /// Counts step by step, all names together, in the order of event types and time.
    async fn over_time(&self, asked: Asked<'_>, span: Span) -> Result<Vec<Point>, LedgerError>;

    /// Counts step by step and name by name, in the order of event types, time and names.
    async fn by_name(&self, asked: Asked<'_>, span: Span) -> Result<Vec<Point>, LedgerError>;

    /// The greatest names, greatest first; after them [`OTHERS`] if something is counted there.
    async fn top(
        &self,
        asked: Asked<'_>,
        spans: &[Span],
        by: By,
        limit: usize,
    ) -> Result<Vec<Named>, LedgerError>;

    /// Counts of these names.
    async fn of_names(
        &self,
        asked: Asked<'_>,
        spans: &[Span],
        names: &[String],
    ) -> Result<Vec<Named>, LedgerError>;

    /// What users were first seen with in a range, with the connector's name, newest first. What was
    /// first seen within `settling` of the first that was ever seen of the connector is left out:
    /// everything was new then.
    async fn first_seen(
        &self,
        connector: Option<&str>,
        kind: &str,
        range: (i64, i64),
        settling: i64,
        limit: usize,
    ) -> Result<Vec<(String, Trait)>, LedgerError>;

    /// What is known of sign-ins of a user that have events in a range, with the connector's name,
    /// newest first, day by day. What began more than a day before the range is not looked for.
    async fn sessions(
        &self,
        connector: Option<&str>,
        user: &str,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(String, Session)>, LedgerError>;

    /// Single events of a user in a range, with the connector's name, newest first.
    async fn notables_of_user(
        &self,
        connector: Option<&str>,
        user: &str,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(String, Notable)>, LedgerError>;

    /// Single events of event types in a range, newest first.
    async fn notables_of_types(
        &self,
        connector: Option<&str>,
        event_types: &[&str],
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<Notable>, LedgerError>;

    /// What these users sign in as, as far as it is known.
    async fn user_names(&self, users: &[String]) -> Result<Vec<(String, String)>, LedgerError>;

    /// Forgets some of what is before the horizon. Answers where to go on; none: all is forgotten.
    /// To be begun with 0.
    async fn forget(&self, horizon: Horizon, at: i64) -> Result<Option<i64>, LedgerError>;
}
