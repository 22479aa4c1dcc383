//! From what is known of an hour to its state: one pure function.

use std::collections::BTreeMap;

use orgtap_events::time::DAY;
use serde::Serialize;
use utoipa::ToSchema;

use super::HOUR;
use super::facts::{Facts, Stage};

/// How long after its period the org may take to make a file: "within three days".
pub(crate) const DUE: i64 = 3 * DAY;
/// How long an org keeps its files unless a longer time was bought.
pub(crate) const RETENTION: i64 = 30 * DAY;

/// State of an hour of an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HourState {
    /// All that is known of it is delivered everywhere, and no further copy is waited for.
    Complete,
    /// The type's history says that a file should come; it is not due yet.
    Expected,
    /// Something of it is there or under way.
    Partial,
    /// Something is missing.
    Gap,
    /// Something is missing and the org no longer has it.
    Lost,
}

impl HourState {
    /// The name in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Expected => "expected",
            Self::Partial => "partial",
            Self::Gap => "gap",
            Self::Lost => "lost",
        }
    }
}

/// As of when is judged, microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Now.
    pub(crate) now: i64,
    /// Up to when the org was asked for files: nothing is overdue that was not asked for.
    pub(crate) known_to: i64,
}

/// Why an hour is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A file was gone before it could be fetched.
    Vanished(&'static str),
    /// A file cannot be decoded.
    Rejected(&'static str),
    /// A file does not agree with the other copy.
    Disputed(&'static str),
    /// A later file of the hour is there, but not this one.
    NoSequence(i64),
    /// Rows that only the daily file has were not wanted.
    OnlyReported(u64),
    /// Open dead letters: rows that a destination refused, or that cannot be decoded.
    SetAside(u64),
    /// A destination did not get rows that were older than it takes.
    Withheld,
    /// A file should be there by now.
    Overdue(&'static str),
    /// A file is being fetched or delivered.
    UnderWay,
    /// The daily file will come.
    AwaitsDaily,
    /// A file should come.
    Expected,
}

/// A state with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) state: HourState,
    pub(crate) reason: Option<Reason>,
}

/// Judges an hour; none when there is nothing to say of it. `hour` is its begin.
pub(crate) fn judge(facts: &Facts, hour: i64, clock: Clock) -> Option<Judged> {
    let is_there = !facts.hourly.is_empty() || facts.is_in_daily;
    let reason = match (is_there, facts.is_expected) {
        (true, _) => wanting(facts, hour, clock),
        (false, true) if clock.known_to < hour + HOUR + DUE => Some(Reason::Expected),
        (false, true) => Some(Reason::Overdue("file")),
        (false, false) => return None,
    };
    let reason = match reason {
        None | Some(Reason::UnderWay | Reason::AwaitsDaily) if facts.counts.set_aside > 0 => {
            Some(Reason::SetAside(facts.counts.set_aside))
        }
        None | Some(Reason::UnderWay | Reason::AwaitsDaily)
            if !facts.counts.withheld.is_empty() =>
        {
            Some(Reason::Withheld)
        }
        reason => reason,
    };
    let state = reason.map_or(HourState::Complete, |reason| state_of(reason, hour, clock));
    Some(Judged { state, reason })
}

/// What is wanting of an hour that has files.
fn wanting(facts: &Facts, hour: i64, clock: Clock) -> Option<Reason> {
    let under_way = facts.hourly.values().any(|stage| *stage == Stage::UnderWay);
    // A delivered daily file has all there is of the hour, whatever became of its hourly files.
    if facts.daily == Some(Stage::Done) {
        return match facts.only_reported {
            0 => under_way.then_some(Reason::UnderWay),
            rows => Some(Reason::OnlyReported(rows)),
        };
    }
    let trouble = hourly_trouble(&facts.hourly)
        .or_else(|| facts.daily.and_then(|stage| trouble(stage, "daily file")));
    if trouble.is_some() {
        return trouble;
    }
    if under_way || facts.daily == Some(Stage::UnderWay) {
        return Some(Reason::UnderWay);
    }
    if facts.daily.is_none() && facts.awaits_daily {
        let due = hour - hour.rem_euclid(DAY) + DAY + DUE;
        // Without events the org makes no file.
        let empty = facts.counts.rows_hourly == 0;
        if clock.known_to < due {
            return Some(Reason::AwaitsDaily);
        }
        return (!empty).then_some(Reason::Overdue("daily file"));
    }
    None
}

fn hourly_trouble(files: &BTreeMap<i64, Stage>) -> Option<Reason> {
    let failed = files.values().find_map(|stage| trouble(*stage, "hourly file"));
    failed.or_else(|| {
        let hole = (1..).zip(files.keys()).find(|(wanted, found)| wanted != *found);
        hole.map(|(wanted, _)| Reason::NoSequence(wanted))
    })
}

fn trouble(stage: Stage, what: &'static str) -> Option<Reason> {
    match stage {
        Stage::Vanished => Some(Reason::Vanished(what)),
        Stage::Rejected => Some(Reason::Rejected(what)),
        Stage::Disputed => Some(Reason::Disputed(what)),
        Stage::UnderWay | Stage::Done | Stage::Skipped => None,
    }
}

fn state_of(reason: Reason, hour: i64, clock: Clock) -> HourState {
    match reason {
        Reason::UnderWay | Reason::AwaitsDaily => HourState::Partial,
        Reason::Expected => HourState::Expected,
        // Only the org could help.
        Reason::Vanished(_) | Reason::NoSequence(_) | Reason::Overdue(_)
            if clock.now >= hour + HOUR + RETENTION =>
        {
            HourState::Lost
        }
        _ => HourState::Gap,
    }
}

impl Reason {
    /// Whether it is concluded from the type's history, not from a file.
    pub(crate) const fn is_inferred(self) -> bool {
        matches!(self, Self::Overdue(_) | Self::Expected | Self::AwaitsDaily)
    }

    /// In words.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Vanished(what) => format!("the {what} was gone before it could be fetched"),
            Self::Rejected(what) => format!("the {what} cannot be decoded"),
            Self::Disputed(what) => {
                format!("the {what} is set aside, because its rows could come twice")
            }
            Self::NoSequence(number) => format!("hourly file number {number} was never listed"),
            Self::OnlyReported(rows) => {
                format!("{rows} rows that only the daily file has are reported, not delivered")
            }
            Self::SetAside(_) => "rows of its files are set aside as dead letters".to_owned(),
            Self::Withheld => "rows are withheld: older than a destination takes".to_owned(),
            Self::Overdue(what) => format!("by its history the type should have a {what} by now"),
            Self::UnderWay => "a file is being fetched or delivered".to_owned(),
            Self::AwaitsDaily => "the daily file has not come yet".to_owned(),
            Self::Expected => "by its history the type should get a file".to_owned(),
        }
    }

    /// What a person can do; none where there is only waiting.
    pub(crate) const fn remedy(self) -> Option<&'static str> {
        Some(match self {
            Self::Vanished(_) => {
                "see that Orgtap runs more often than the org drops files; a daily file that is still to come fills the gap"
            }
            Self::Rejected(_) => "look at the unit's dead letter; its bytes are in the spool",
            Self::Disputed(_) => {
                "see its dead letter; or, if it has none, OT-UNIT-07: set `reconcile` or `reconcile_threshold`, and it is decided again"
            }
            Self::NoSequence(_) => {
                "look in the org for the file; a daily file that is still to come fills the gap"
            }
            Self::OnlyReported(_) => {
                "set `reconcile: deliver` to have such rows delivered from now on"
            }
            Self::SetAside(_) => {
                "`orgtap dead-letters` lists them: replay or dismiss them; the count of one daily file stands at each of its hours"
            }
            Self::Withheld => {
                "see OT-DEST-91: `orgtap replay --to NAME --withheld` sends them if the target takes them after all"
            }
            Self::Overdue(_) => {
                "look in the org's event log file browser whether there is one; there may have been no events"
            }
            Self::UnderWay | Self::AwaitsDaily | Self::Expected => return None,
        })
    }
}
