//! The record as it is shown: by hour, by event type, and as an answer to "all up to then?".

use std::collections::BTreeMap;

use orgtap_events::time::rfc3339;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::facts::{Counts, Facts};
use super::judge::{HourState, Judged, Reason};

/// The record of one connector.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Record {
    /// The connector.
    pub connector: String,
    /// Up to when the org was asked for files, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "moment")]
    #[schema(value_type = String, format = DateTime)]
    pub known_to: i64,
    /// Before when all files have come that come as usual, microseconds since 1970.
    #[serde(skip)]
    pub(crate) come_to: i64,
    /// One per event type, by name.
    pub types: Vec<TypeRecord>,
}

/// The record of one event type.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TypeRecord {
    /// The event type.
    pub event_type: String,
    /// Rows delivered whose time is outside the day of their file, so in none of the hours.
    pub outside: u64,
    /// Its hours, in order; those of which there is nothing to say are left out.
    pub hours: Vec<HourRecord>,
}

/// One hour of an event type.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HourRecord {
    /// Its begin, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "moment")]
    #[schema(value_type = String, format = DateTime)]
    pub hour: i64,
    /// Its state.
    pub state: HourState,
    /// Whether the state is concluded from the type's history, not from files.
    pub inferred: bool,
    /// Why it is not complete.
    pub reason: Option<String>,
    /// What a person can do.
    pub remedy: Option<&'static str>,
    /// Files listed: of the hour, and of its day.
    pub files_listed: u64,
    /// Of these, files fetched.
    pub files_fetched: u64,
    /// Rows in its hourly files, with those that a file repeats of another.
    pub rows_hourly: u64,
    /// Rows of it in the last daily file, once that is decided.
    pub rows_daily: Option<u64>,
    /// Rows durably delivered, by destination: those of files that are finished there.
    pub delivered: BTreeMap<String, u64>,
    /// Rows that a destination does not get because they were older than it takes, by destination.
    pub withheld: BTreeMap<String, u64>,
    /// Rows dropped as delivered before.
    pub repeats: u64,
    /// Rows of the last daily file that no hourly file had when they were compared.
    pub missing: u64,
    /// Of such rows of all daily files, those that were admitted.
    pub late: u64,
    /// Files made anew in place of an earlier version.
    pub reissued: u64,
    /// Files that cannot be decoded.
    pub rejected: u64,
    /// Files that do not agree with the other copy.
    pub disputed: u64,
    /// Open dead letters of its files: rows that a destination refused or that cannot be decoded. Those
    /// of a daily file count in each of its hours.
    pub set_aside: u64,
    /// When its first file was listed, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "maybe_moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_listed: Option<i64>,
    /// When one of its files was last listed or became final.
    #[serde(serialize_with = "maybe_moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_change: Option<i64>,
}

/// The answer to "is everything up to then delivered?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Until {
    /// Then, microseconds since 1970; RFC 3339 in JSON.
    #[serde(serialize_with = "moment")]
    pub until: i64,
    /// Whether it is.
    pub complete: bool,
    /// Hours before then that are under way or expected, and may yet be complete.
    pub waiting: u64,
    /// Hours before then with a gap, lost ones among them.
    pub gaps: u64,
    /// Hours before then with rows that are withheld from a destination.
    pub withheld: u64,
    /// Whether all files up to then that come as usual can be known: the org was asked late enough,
    /// and has listed any at all.
    pub known: bool,
    /// Event type and hour of the first that is not complete.
    pub first: Option<(String, String)>,
}

impl Record {
    /// Whether everything up to a moment is delivered.
    pub fn until(&self, until: i64) -> Until {
        let hours = self
            .types
            .iter()
            .flat_map(|record| record.hours.iter().map(|hour| (record.event_type.as_str(), hour)));
        let (mut waiting, mut gaps, mut withheld) = (0, 0, 0);
        let mut first: Option<(i64, &str)> = None;
        for (event_type, hour) in hours.filter(|(_, hour)| hour.hour < until) {
            withheld += u64::from(!hour.withheld.is_empty());
            match hour.state {
                HourState::Complete => continue,
                HourState::Expected | HourState::Partial => waiting += 1,
                HourState::Gap | HourState::Lost => gaps += 1,
            }
            let this = (hour.hour, event_type);
            first = Some(first.map_or(this, |first| first.min(this)));
        }
        let known = until <= self.come_to;
        let first = first.map(|(hour, event_type)| (event_type.to_owned(), rfc3339(hour)));
        let complete = known && waiting + gaps == 0;
        Until { until, complete, waiting, gaps, withheld, known, first }
    }
}

impl TypeRecord {
    pub(crate) fn new(event_type: String) -> Self {
        Self { event_type, outside: 0, hours: Vec::new() }
    }
}

impl HourRecord {
    pub(crate) fn new(hour: i64, facts: Facts, judged: Judged) -> Self {
        let Counts {
            listed,
            fetched,
            reissued,
            rejected,
            disputed,
            set_aside,
            rows_hourly,
            rows_daily,
            repeats,
            missing,
            late,
            delivered,
            withheld,
            first_listed,
            last_change,
        } = facts.counts;
        let from: Vec<&str> = withheld.keys().map(String::as_str).collect();
        let reason = judged.reason.map(|reason| match reason {
            Reason::Withheld => format!("{} ({})", reason.text(), from.join(", ")),
            reason => reason.text(),
        });
        Self {
            hour,
            state: judged.state,
            inferred: judged.reason.is_some_and(Reason::is_inferred),
            reason,
            remedy: judged.reason.and_then(Reason::remedy),
            files_listed: listed,
            files_fetched: fetched,
            rows_hourly,
            rows_daily,
            delivered,
            withheld,
            repeats,
            missing,
            late,
            reissued,
            rejected,
            disputed,
            set_aside,
            first_listed,
            last_change,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde asks for")]
fn moment<S: Serializer>(micros: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&rfc3339(*micros))
}

#[expect(clippy::ref_option, reason = "the form serde asks for")]
fn maybe_moment<S: Serializer>(micros: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
    micros.map(rfc3339).serialize(to)
}
