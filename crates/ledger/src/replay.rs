//! Dead letters as they are looked at and decided on, and replays: plain data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::record::{DeadLetter, NewUnit, UnitId};

/// Number of a dead letter in this ledger.
pub type LetterId = i64;
/// Number of a replay in this ledger.
pub type ReplayId = i64;

/// A dead letter in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Number in this ledger.
    pub id: LetterId,
    /// The log file it is about.
    pub listed: NewUnit,
    /// What was set aside, and why. The payload is empty unless it was asked for.
    pub letter: DeadLetter,
    /// Whether a replay of it waits.
    pub asked: bool,
    /// When and how it was closed; none while it is open.
    pub closed: Option<Closed>,
}

/// The end of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// When, microseconds.
    pub at: i64,
    /// How.
    pub how: Closing,
}

/// How a dead letter was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// What it stood for was delivered, listed anew, or decided again.
    Replayed,
    /// A person decided that it need not be.
    Dismissed,
}

impl Closing {
    /// The name in the database, in JSON and on screens.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Dismissed => "dismissed",
        }
    }

    /// Reads [`Closing::name`] back.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Replayed, Self::Dismissed].into_iter().find(|how| how.name() == name)
    }
}

/// Which dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterChoice {
    /// Of this connector.
    pub connector: String,
    /// Refused by this destination; of any, and undecodable ones, if none.
    pub destination: Option<String>,
    /// With this code; any if none.
    pub code: Option<String>,
    /// Of these event types; any if none.
    pub event_types: Option<Vec<String>>,
    /// Of this unit; of any if none.
    pub unit: Option<UnitId>,
    /// This one alone; any if none.
    pub letter: Option<LetterId>,
    /// The closed ones in place of the open ones.
    pub closed: bool,
    /// With their payloads.
    pub payload: bool,
}

impl LetterChoice {
    /// All open ones of a connector, without payloads.
    pub fn of(connector: &str) -> Self {
        Self { connector: connector.to_owned(), ..Self::default() }
    }
}

/// Dead letters alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterCount {
    /// Their code.
    pub code: String,
    /// Who refused them; none for what could not be decoded.
    pub destination: Option<String>,
    /// How many.
    pub letters: i64,
}

/// What became of dead letters that were to be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LettersAsked {
    /// Rows and units that will be sent again.
    pub asked: u64,
    /// Undecodable units that will be fetched anew.
    pub listed: u64,
    /// Disputed units that will be decided again.
    pub reconsidered: u64,
    /// Letters whose replay waits already.
    pub waiting: u64,
    /// Letters that cannot be replayed: rows that could not be decoded.
    pub undecodable: u64,
    /// Letters of destinations the connector no longer has, by destination.
    pub unregistered: BTreeMap<String, u64>,
}

impl LettersAsked {
    /// Why some were not taken, and what to do: their destinations are gone. None if there are none.
    pub fn refusal(&self) -> Option<String> {
        let each: Vec<String> =
            self.unregistered.iter().map(|(name, letters)| format!("{name}: {letters}")).collect();
        (!each.is_empty()).then(|| {
            format!(
                "dead letters of destinations that the connector no longer has stay as they are \
                 ({}): add the destination to it again and start it, or dismiss them",
                each.join(", ")
            )
        })
    }
}

/// Which units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitChoice {
    /// Of this connector.
    pub connector: String,
    /// Versions of this log file; of any if none.
    pub log_file_id: Option<String>,
    /// With a log date not before this, microseconds.
    pub from: Option<i64>,
    /// With a log date before this, microseconds.
    pub to: Option<i64>,
    /// Of these event types; any if none.
    pub event_types: Option<Vec<String>>,
    /// Withheld from the destination asked about; whether or not if false.
    pub withheld: bool,
}

/// A unit, or rows of it, on its way to a destination once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// Number in this ledger.
    pub id: ReplayId,
    /// The unit.
    pub unit: UnitId,
    /// The destination's name.
    pub destination: String,
    /// The rows of the open dead letters it was asked for, ascending; none for the whole unit.
    pub rows: Option<Vec<i64>>,
    /// Rows durably handled.
    pub position: i64,
    /// Events durably delivered.
    pub delivered: i64,
    /// Events the destination refused for good.
    pub rejected: i64,
    /// Failed tries since the last step that went well.
    pub attempts: i64,
    /// Not to be tried before, microseconds.
    pub not_before: i64,
    /// The last failure; once it has ended, why it is not done.
    pub note: Option<String>,
    /// When it was asked for, microseconds.
    pub requested_at: i64,
    /// When it ended, microseconds.
    pub ended_at: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_destinations_that_are_gone_are_told_with_names_and_numbers() {
        assert_eq!(LettersAsked::default().refusal(), None);
        let unregistered = [("siem".to_owned(), 3), ("lake".to_owned(), 1)].into();
        let text = LettersAsked { unregistered, ..LettersAsked::default() }.refusal().unwrap();
        assert!(text.contains("(lake: 1, siem: 3)") && text.contains("dismiss"), "{text}");
    }
}
