//! The second reading of a unit's bytes: rows into events, events into batches, once for every
//! destination that needs them.
//!
//! Runs on a thread of its own and hands batches over a short channel, so that it never holds
//! more than a few of them.

use std::io;
use std::sync::Arc;

use orgtap_codec::csv::{Blocks, Item, Reader};
use orgtap_destinations::Limits;
use orgtap_events::UnitInfo;
use orgtap_events::raw::Plan;
use tokio::sync::mpsc;

use crate::admit::decisions::Decisions;
use crate::cut::{Cut, Cutter};
use crate::error::UnitFault;
use crate::kept::Hashes;

/// Which rows of a unit are wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// None before this.
    pub(crate) from: u64,
    /// Of the others these, ascending; all if none.
    pub(crate) only: Option<Vec<u64>>,
}

/// Reads the rows wanted of a unit and sends them in batches, the last of which ends the unit.
/// `hashes` has the rows' hashes from the first wanted on, if they are still known. When only some
/// rows are wanted, no batch has others between them.
///
/// Ends early, without error, when the receiver is gone.
pub(crate) fn decode(
    bytes: &mut dyn Blocks,
    mut hashes: Option<Hashes>,
    mut decisions: Decisions,
    unit: &Arc<UnitInfo>,
    wanted: Wanted,
    limits: Limits,
    batches: &mpsc::Sender<Cut>,
) -> Result<(), UnitFault> {
    let Wanted { from: position, only } = wanted;
    let mut only = only.map(|rows| rows.into_iter().filter(|row| *row >= position).peekable());
    let spool = |error: io::Error| UnitFault::Spool(error.to_string());
    let mut reader = Reader::of_blocks(bytes);
    let mut cutter = Cutter::new(Arc::clone(unit), limits, position);
    cutter.letters = only.is_some();
    let mut plan: Option<Plan> = None;
    let mut number = 0;
    while let Some(item) = reader.next_item().map_err(|error| spool(error.source))? {
        let Some(plan) = &mut plan else {
            let Item::Row(header) = item else {
                return Err(UnitFault::Spool("the header cannot be read".to_owned()));
            };
            let compiled = Plan::compile(&header, unit);
            plan = Some(compiled.map_err(|error| UnitFault::Foreign(error.to_string()))?);
            continue;
        };
        let row_number = number;
        number += 1;
        if row_number < position {
            continue;
        }
        if let Some(only) = &mut only {
            match only.peek() {
                None => break,
                Some(next) if *next > row_number => continue,
                Some(_) => drop(only.next()),
            }
            if let Some(cut) = cutter.pass_over_to(row_number)
                && batches.blocking_send(cut).is_err()
            {
                return Ok(());
            }
        }
        let known = hashes.as_mut().map(Hashes::next).transpose().map_err(spool)?;
        // Rows that are none were set aside by the first reading.
        let Item::Row(row) = item else { continue };
        if row.len() != plan.width() {
            continue;
        }
        let Some(nth) = decisions.nth(row_number).map_err(spool)? else { continue };
        let hash = known.unwrap_or_else(|| plan.hash(&row));
        if let Some(cut) = cutter.add(plan, &row, plan.when(&row), hash, nth, row_number)
            && batches.blocking_send(cut).is_err()
        {
            return Ok(());
        }
    }
    let end = if only.is_some() { cutter.end() } else { number.max(position) };
    let last = cutter.cut(end, true);
    // A receiver that is gone wants nothing more.
    drop(batches.blocking_send(last));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_codec::csv::Plain;
    use proptest::prelude::*;

    fn unit() -> Arc<UnitInfo> {
        Arc::new(crate::sample::unit())
    }

    fn cuts(csv: &str, position: u64, limits: Limits) -> Vec<Cut> {
        cuts_of(csv, Wanted { from: position, only: None }, limits)
    }

    fn cuts_of(csv: &str, wanted: Wanted, limits: Limits) -> Vec<Cut> {
        let (sender, mut receiver) = mpsc::channel(10_000);
        let mut bytes = Plain(csv.as_bytes());
        decode(&mut bytes, None, Decisions::none(), &unit(), wanted, limits, &sender).unwrap();
        drop(sender);
        std::iter::from_fn(|| receiver.blocking_recv()).collect()
    }

    proptest! {
        #[test]
        fn a_reread_from_any_batch_cuts_the_same_batches(
            sizes in prop::collection::vec(0_usize..400, 0..60),
            events in 1_usize..9,
            bytes in 300_usize..3_000,
        ) {
            let rows: Vec<_> = sizes.iter().map(|size| format!("\"{}\"\n", "x".repeat(*size))).collect();
            let csv = format!("\"A\"\n{}", rows.concat());
            let limits = Limits { events, bytes };
            let whole = cuts(&csv, 0, limits);
            let mut at = 0;
            for (turn, cut) in whole.iter().enumerate() {
                prop_assert_eq!(cut.batch.rows.start, at);
                at = cut.batch.rows.end;
                prop_assert!(cut.batch.events.len() <= events);
                prop_assert!(cut.batch.events.ndjson().len() <= bytes || cut.batch.events.len() == 1);
                prop_assert_eq!(cut.batch.ends_unit, turn + 1 == whole.len());
                let again = cuts(&csv, cut.batch.rows.start, limits);
                let ids = |cuts: &[Cut]| cuts.iter().map(|cut| cut.batch.id.clone()).collect::<Vec<_>>();
                prop_assert_eq!(ids(&again), ids(&whole[turn..]));
            }
            prop_assert_eq!(at, sizes.len() as u64);
        }
    }

    #[test]
    fn only_the_rows_wanted_are_cut_each_as_ever_and_none_between() {
        let csv = format!("\"A\"\n{}", "\"x\"\n".repeat(9));
        let limits = Limits { events: 2, bytes: 1_000 };
        let found = |from, rows: &[u64]| -> Vec<_> {
            let cuts = cuts_of(&csv, Wanted { from, only: Some(rows.to_vec()) }, limits);
            let last = cuts.len() - 1;
            assert!(cuts.iter().enumerate().all(|(at, cut)| cut.batch.ends_unit == (at == last)));
            assert!(cuts.iter().all(|cut| cut.batch.letters), "told from whole units");
            cuts.into_iter().map(|cut| (cut.batch.rows, cut.rows)).collect()
        };
        assert_eq!(found(0, &[3]), [(3..4, vec![3])]);
        assert_eq!(
            found(1, &[1, 2, 3, 5, 8]),
            [(1..3, vec![1, 2]), (3..4, vec![3]), (5..6, vec![5]), (8..9, vec![8])]
        );
        // Taken up again after its second batch, and with nothing left.
        assert_eq!(found(4, &[1, 2, 3, 5, 8]), [(5..6, vec![5]), (8..9, vec![8])]);
        assert_eq!(found(4, &[1, 2, 3]), [(4..4, vec![])]);
        // What a row becomes does not depend on what is sent around it.
        let events = |cuts: &[Cut]| -> Vec<Vec<u8>> {
            let events = cuts.iter().flat_map(|cut| cut.batch.events.iter());
            events.map(|(event, _)| event.to_vec()).collect()
        };
        let whole = events(&cuts(&csv, 0, limits));
        let some = events(&cuts_of(&csv, Wanted { from: 0, only: Some(vec![2, 7]) }, limits));
        assert_eq!(some, [whole[2].clone(), whole[7].clone()]);
    }

    #[test]
    fn a_unit_without_rows_still_ends() {
        let whole = cuts("\"A\"\n", 0, Limits { events: 10, bytes: 100 });
        assert_eq!(whole.len(), 1);
        assert!(whole[0].batch.ends_unit && whole[0].batch.events.is_empty());
        let again = cuts("", 0, Limits { events: 10, bytes: 100 });
        assert!(again[0].batch.ends_unit);
    }
}
