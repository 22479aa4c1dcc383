//! What the ledger answers about completeness: units with their rows by hour of the lane's day.

use serde::{Deserialize, Serialize};

use crate::Unit;

/// Slot of rows whose time is outside their lane's day; the hours before it are 0 to 23.
pub const OUTSIDE: u8 = 24;

/// Decodable rows of one unit in one hour of its lane's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HourRows {
    /// The hour, 0 to 23, or [`OUTSIDE`].
    pub hour: u8,
    /// Rows.
    pub rows: u64,
    /// Of these, rows not delivered before, which destinations get.
    pub admitted: u64,
    /// Of these, rows dropped as delivered before.
    pub repeats: u64,
    /// Of a daily unit: rows that no hourly unit of the lane had when it was decided. 0 where the
    /// lane had no hourly units then.
    pub missing: u64,
}

/// Units of a connector by their log dates, microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDates<'a> {
    /// The connector.
    pub connector: &'a str,
    /// From this one on.
    pub from: i64,
    /// Before this one.
    pub to: i64,
}

/// What is known of the units of one event type and interval. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// The event type.
    pub event_type: String,
    /// The interval's name.
    pub interval: String,
    /// The first log date.
    pub first: i64,
    /// When the newest was made.
    pub newest: i64,
}

/// A unit as the completeness record needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The unit.
    pub unit: Unit,
    /// Its rows by hour, in order; empty unless it was admitted.
    pub hours: Vec<HourRows>,
    /// Destinations it was opened for, sorted, each with how far it is.
    pub deliveries: Vec<(String, Reached)>,
    /// Open dead letters of its rows: how many a destination refused, or (none) cannot be decoded.
    /// Sorted.
    pub set_aside: Vec<(Option<String>, u64)>,
}

/// Hours of event types with a gap, as last counted. Times are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// When they were counted.
    pub at: i64,
    /// Hours, those of each event type by themselves.
    pub hours: i64,
    /// Event types with such hours.
    pub event_types: i64,
    /// The begin of the first.
    pub oldest: Option<i64>,
}

/// How far the delivery of a unit to a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Not at its end.
    UnderWay,
    /// The destination has the unit.
    Done,
    /// Nothing of it is sent there.
    Withheld,
}

impl Reached {
    /// Of a delivery that is done or not, withheld or not.
    pub(crate) const fn of(done: bool, withheld: bool) -> Self {
        match (done, withheld) {
            (_, true) => Self::Withheld,
            (true, false) => Self::Done,
            (false, false) => Self::UnderWay,
        }
    }
}
