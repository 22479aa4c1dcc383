//! Rules of the contract that need no database: every implementation calls these, so that they
//! cannot differ in them. No SQL, no I/O.

use std::cmp::Ordering;

use crate::{BackfillId, BackfillState, Cursor, LedgerError, Unit};

/// Most bytes of a dead letter's payload that are kept.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

/// A stage of a lane's work, read from its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage<'a> {
    /// Fetch and admit.
    Collect,
    /// Deliver to the destination of this name.
    Deliver(&'a str),
}

impl<'a> Stage<'a> {
    /// Reads `collect` or `deliver:NAME`.
    pub(crate) fn parse(name: &'a str) -> Result<Self, LedgerError> {
        match name.split_once(':') {
            None if name == "collect" => Ok(Self::Collect),
            Some(("deliver", destination)) if !destination.is_empty() => {
                Ok(Self::Deliver(destination))
            }
            _ => Err(LedgerError::Corrupt(format!("no stage called {name:?}"))),
        }
    }
}

/// A backfill in words.
pub(crate) fn backfill_name(id: BackfillId) -> String {
    format!("backfill {id}")
}

/// Whether a backfill is in the state that a write says it is in.
pub(crate) fn check_backfill(
    id: BackfillId,
    stored: BackfillState,
    claimed: BackfillState,
) -> Result<(), LedgerError> {
    if stored == claimed {
        return Ok(());
    }
    let (stored, claimed) = (stored.name().to_owned(), claimed.name().to_owned());
    Err(LedgerError::Delta { what: backfill_name(id), stored, claimed })
}

/// Whether a backfill that is in the state `stored` may go `from -> to`.
pub(crate) fn check_backfill_move(
    id: BackfillId,
    stored: BackfillState,
    from: BackfillState,
    to: BackfillState,
) -> Result<(), LedgerError> {
    check_backfill(id, stored, from)?;
    if from.may_become(to) {
        return Ok(());
    }
    let (stored, claimed) = (stored.name().to_owned(), format!("the way to {}", to.name()));
    Err(LedgerError::Delta { what: backfill_name(id), stored, claimed })
}

/// The part of a payload that is kept.
pub(crate) fn kept(payload: &[u8]) -> &[u8] {
    payload.get(..PAYLOAD_LIMIT).unwrap_or(payload)
}

/// The order in which the units of a lane are handled.
pub(crate) fn handling_order(a: &Unit, b: &Unit) -> Ordering {
    fn key(unit: &Unit) -> (bool, i64, i64, i64, &str, i64) {
        let listed = &unit.listed;
        let daily = listed.interval != "Hourly";
        (daily, listed.log_date, listed.sequence, listed.created_date, &listed.log_file_id, unit.id)
    }
    key(a).cmp(&key(b))
}

/// Whether a listing may move a cursor that stands at `stored`.
pub(crate) fn check_cursor(
    what: impl FnOnce() -> String,
    stored: Option<&Cursor>,
    from: Option<&Cursor>,
    to: Option<&Cursor>,
) -> Result<(), LedgerError> {
    let claimed = match (stored == from, to < from) {
        (true, false) => return Ok(()),
        (false, _) => place(from),
        (true, true) => format!("an earlier {}", place(to)),
    };
    Err(LedgerError::Delta { what: what(), stored: place(stored), claimed })
}

fn place(cursor: Option<&Cursor>) -> String {
    cursor.map_or_else(
        || "nothing".to_owned(),
        |cursor| format!("{} {}", cursor.created_date, cursor.log_file_id),
    )
}

/// Whether a delivery that stands at `position` may take the step `from -> to`.
pub(crate) fn check_step(
    what: impl FnOnce() -> String,
    position: i64,
    done: bool,
    from: i64,
    to: i64,
) -> Result<(), LedgerError> {
    let stored = if done { format!("{position}, finished") } else { position.to_string() };
    let claimed = match (!done && position == from, to < from) {
        (true, false) => return Ok(()),
        (false, _) => from.to_string(),
        (true, true) => format!("an earlier {to}"),
    };
    Err(LedgerError::Delta { what: what(), stored, claimed })
}

/// Whether a delivery may be withheld: nothing of it is out yet.
pub(crate) fn check_withhold(
    what: impl FnOnce() -> String,
    position: i64,
    done: bool,
) -> Result<(), LedgerError> {
    check_step(what, position, done, 0, 0)
}

/// The error of a step or failure of a delivery that is not there or finished.
pub(crate) fn no_delivery(what: String, stored: &str) -> LedgerError {
    LedgerError::Delta { what, stored: stored.to_owned(), claimed: "an open delivery".to_owned() }
}

/// A delivery in words.
pub(crate) fn delivery_name(unit: i64, destination: &str) -> String {
    format!("the delivery of unit {unit} to {destination}")
}

/// Why replays end that waited for a destination the connector no longer has.
pub(crate) const GIVEN_UP: &str = "the connector no longer has this destination";

/// A replay in words.
pub(crate) fn replay_name(replay: i64, destination: &str) -> String {
    format!("replay {replay} to {destination}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_by_name() {
        assert_eq!(Stage::parse("collect").unwrap(), Stage::Collect);
        assert_eq!(Stage::parse("deliver:a:b").unwrap(), Stage::Deliver("a:b"));
        for wrong in ["", "deliver", "deliver:", "collect:x", "Collect", "fetch"] {
            assert!(Stage::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_refused_step_says_where_it_stands() {
        let refused = |position, done, from, to| {
            check_step(|| "it".to_owned(), position, done, from, to).unwrap_err().to_string()
        };
        assert_eq!(refused(5, false, 4, 9), "it stands at 5, not at 4");
        assert_eq!(refused(5, false, 5, 4), "it stands at 5, not at an earlier 4");
        assert_eq!(refused(5, true, 5, 5), "it stands at 5, finished, not at 5");
        assert!(check_step(String::new, 5, false, 5, 5).is_ok());
    }
}
