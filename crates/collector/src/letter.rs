//! What is set aside before a destination saw it: dead letters of whole units, and of rows.

use orgtap_ledger::{DeadLetter, Unit};
use orgtap_transport::Problem;

use crate::clock;
use crate::inspect::{DeadRow, Inspected};

/// That of a whole unit, for every destination or for one.
pub(crate) fn of_unit(unit: &Unit, destination: Option<String>, problem: Problem) -> DeadLetter {
    DeadLetter {
        unit: unit.id,
        destination,
        row: None,
        offset: None,
        code: problem.code,
        reason: problem.message,
        payload: Vec::new(),
        at: clock::now(),
    }
}

/// Those of the rows that are none.
pub(crate) fn of_rows(unit: &Unit, inspected: &Inspected) -> Vec<DeadLetter> {
    let letter = |dead: &DeadRow| DeadLetter {
        unit: unit.id,
        destination: None,
        row: i64::try_from(dead.row).ok(),
        offset: i64::try_from(dead.offset).ok(),
        code: dead.code.to_owned(),
        reason: dead.reason.clone(),
        payload: dead.raw.clone(),
        at: clock::now(),
    };
    inspected.dead.iter().map(letter).collect()
}
