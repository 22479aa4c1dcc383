//! Backfills: log files of a range of days, listed apart from what is new. Plain data.

use serde::{Deserialize, Serialize};

use crate::record::Cursor;

/// Number of a backfill in this ledger.
pub type BackfillId = i64;

/// What a backfill is to bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBackfill {
    /// Connector name.
    pub connector: String,
    /// Files whose `LogDate` is at this time or later, microseconds.
    pub from: i64,
    /// Files whose `LogDate` is before this time, microseconds.
    pub to: i64,
    /// Patterns of event types, as they were written; empty for all the connector collects.
    pub event_types: Vec<String>,
}

/// Where a backfill is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackfillState {
    /// Its files are being listed.
    Open,
    /// All its files are listed.
    Listed,
    /// All its files are at every destination, or as far as they can get.
    Done,
    /// A person stopped it. What was listed by then goes on.
    Cancelled,
}

impl BackfillState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Listed, Self::Done, Self::Cancelled];

    /// The name in the database, in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Listed => "listed",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`BackfillState::name`] back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether there is something left to do.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Open | Self::Listed)
    }

    /// Whether it may become `next`.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Open, Self::Listed | Self::Cancelled)
                | (Self::Listed, Self::Done | Self::Cancelled)
        )
    }
}

/// A backfill with its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// Number in this ledger.
    pub id: BackfillId,
    /// What it is to bring.
    pub wish: NewBackfill,
    /// Where it is on its way.
    pub state: BackfillState,
    /// How far its listing has come.
    pub cursor: Option<Cursor>,
    /// When it was asked for, microseconds.
    pub begun_at: i64,
    /// When it was done or cancelled, microseconds.
    pub ended_at: Option<i64>,
    /// Files it brought into the ledger.
    pub files: i64,
    /// Files it met that were known before.
    pub known: i64,
    /// Of its files, those that are final.
    pub finished: i64,
    /// Bytes of its files, as the org announced them.
    pub bytes: i64,
}
