//! The states of a unit, and the one pure function that moves between them.

use serde::{Deserialize, Serialize};

use crate::HourRows;

/// Where a unit is on its way from the org to every destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The org listed it.
    Listed,
    /// Its bytes are in the spool, complete.
    Fetched,
    /// It is decided, row by row, what of it has not been delivered before.
    Admitted,
    /// Every destination has it.
    Done,
    /// The org no longer had it when it was to be fetched.
    Vanished,
    /// Another file of the lane covers its rows, so it is not delivered (daily beside hourly).
    Skipped,
    /// It can never be decoded; its bytes are kept.
    Rejected,
    /// Its rows could come twice: it does not agree with the lane's other copy, or what the lane has
    /// delivered is no longer known. Nothing of
    /// it is delivered and its bytes are kept, until a person has chosen.
    Disputed,
}

impl State {
    /// The name in the database, in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Fetched => "fetched",
            Self::Admitted => "admitted",
            Self::Done => "done",
            Self::Vanished => "vanished",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
            Self::Disputed => "disputed",
        }
    }

    /// Reads [`State::name`] back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Listed,
        Self::Fetched,
        Self::Admitted,
        Self::Done,
        Self::Vanished,
        Self::Skipped,
        Self::Rejected,
        Self::Disputed,
    ];

    /// Whether nothing more will happen to the unit by itself.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Vanished | Self::Skipped | Self::Rejected | Self::Disputed
        )
    }
}

/// What happened to a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its bytes are in the spool, complete and durable.
    Fetched {
        /// Path of the file below the spool folder.
        spool_path: String,
        /// Bytes on disk.
        spool_bytes: u64,
        /// Bytes after decompression.
        raw_bytes: u64,
        /// Data rows, without the header.
        rows: u64,
        /// Hash of what it says, 32 hex digits.
        content_hash: String,
        /// Something a person should know though the unit was accepted, for example that its
        /// length never matched what the org announced.
        warning: Option<String>,
    },
    /// What of it is new is decided and durable.
    Admitted {
        /// Rows not delivered before.
        admitted: u64,
        /// Rows dropped because the lane has delivered them.
        repeats: u64,
        /// Rows that could not be decoded, set aside as dead letters.
        undecodable: u64,
        /// Entries in the unit's admission record: rows that are not plainly new. None, no record.
        exceptions: u64,
        /// Its decodable rows by hour of the lane's day; no hour twice.
        hours: Vec<HourRows>,
    },
    /// The last destination finished it.
    Delivered,
    /// The org answers that there is no such file.
    Gone,
    /// The lane's rows come from other files.
    Covered,
    /// It can never be decoded.
    Undecodable {
        /// Why, short.
        reason: String,
    },
    /// It does not agree with the lane's other copy.
    Disputed {
        /// Why, short.
        reason: String,
    },
    /// A person has chosen, so that it is decided again.
    Reconsidered,
    /// A person asked for an undecodable one to be tried again, from the start.
    Retried,
}

/// An event that does not fit the state it met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a unit that is {from} cannot be {event}")]
pub struct Misfit {
    /// The state it met.
    pub from: &'static str,
    /// The event, in a word.
    pub event: &'static str,
}

impl Event {
    /// The event in a word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fetched { .. } => "fetched",
            Self::Admitted { .. } => "admitted",
            Self::Delivered => "delivered",
            Self::Gone => "gone",
            Self::Covered => "covered",
            Self::Undecodable { .. } => "undecodable",
            Self::Disputed { .. } => "disputed",
            Self::Reconsidered => "reconsidered",
            Self::Retried => "retried",
        }
    }
}

/// The state after an event. The same function serves every database, the tests and the models.
pub const fn apply(state: State, event: &Event) -> Result<State, Misfit> {
    match (state, event) {
        (State::Listed, Event::Fetched { .. }) | (State::Disputed, Event::Reconsidered) => {
            Ok(State::Fetched)
        }
        (State::Listed, Event::Gone) => Ok(State::Vanished),
        (State::Listed | State::Fetched, Event::Covered) => Ok(State::Skipped),
        (State::Listed | State::Fetched, Event::Undecodable { .. }) => Ok(State::Rejected),
        (State::Rejected, Event::Retried) => Ok(State::Listed),
        (State::Fetched, Event::Admitted { .. }) => Ok(State::Admitted),
        (State::Fetched, Event::Disputed { .. }) => Ok(State::Disputed),
        (State::Admitted, Event::Delivered) => Ok(State::Done),
        _ => Err(Misfit { from: state.name(), event: event.name() }),
    }
}
