//! The second reading of a unit's bytes: rows into events, events into batches, once for every
//! destination that needs them.
//!
//! Runs on a thread of its own and hands batches over a short channel, so that it never holds
//! more than a few of them.

use std::io::{self, Read};
use std::sync::Arc;

use orgtap_codec::csv::{Item, Reader};
use orgtap_destinations::Limits;
use orgtap_events::UnitInfo;
use orgtap_events::raw::Plan;
use tokio::sync::mpsc;

use crate::admit::decisions::Decisions;
use crate::cut::{Cut, Cutter};
use crate::error::UnitFault;
use crate::kept::Hashes;

/// Reads a unit from row `position` on and sends it in batches, the last of which ends the unit.
/// `hashes` has the rows' hashes from that row on, if they are still known.
///
/// Ends early, without error, when the receiver is gone.
pub(crate) fn decode(
    bytes: &mut dyn Read,
    mut hashes: Option<Hashes>,
    mut decisions: Decisions,
    unit: &Arc<UnitInfo>,
    position: u64,
    limits: Limits,
    batches: &mpsc::Sender<Cut>,
) -> Result<(), UnitFault> {
    let spool = |error: io::Error| UnitFault::Spool(error.to_string());
    let mut reader = Reader::new(bytes);
    let mut cutter = Cutter::new(Arc::clone(unit), limits, position);
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
        let known = hashes.as_mut().map(Hashes::next).transpose().map_err(spool)?;
        // Rows that are none were set aside by the first reading.
        let Item::Row(row) = item else { continue };
        if row.len() != plan.width() {
            continue;
        }
        let Some(nth) = decisions.nth(row_number).map_err(spool)? else { continue };
        let hash = known.unwrap_or_else(|| plan.hash(&row));
        if let Some(cut) = cutter.add(plan, &row, hash, nth, row_number)
            && batches.blocking_send(cut).is_err()
        {
            return Ok(());
        }
    }
    let last = cutter.cut(number.max(position), true);
    // A receiver that is gone wants nothing more.
    drop(batches.blocking_send(last));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_events::Interval;
    use proptest::prelude::*;

    fn unit() -> Arc<UnitInfo> {
        Arc::new(UnitInfo {
            connector: "acme".into(),
            org_id: "00D000000000001AAA".into(),
            event_type: "Login".into(),
            log_file_id: "0AT000000000001AAA".into(),
            interval: Interval::Hourly,
            sequence: 1,
            log_date: "2026-11-22T05:00:00Z".parse().unwrap(),
            created_date: "2026-11-22T09:12:03Z".parse().unwrap(),
            length: 1,
        })
    }

    fn cuts(csv: &str, position: u64, limits: Limits) -> Vec<Cut> {
        let (sender, mut receiver) = mpsc::channel(10_000);
        let mut bytes = csv.as_bytes();
        decode(&mut bytes, None, Decisions::none(), &unit(), position, limits, &sender).unwrap();
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
    fn a_unit_without_rows_still_ends() {
        let whole = cuts("\"A\"\n", 0, Limits { events: 10, bytes: 100 });
        assert_eq!(whole.len(), 1);
        assert!(whole[0].batch.ends_unit && whole[0].batch.events.is_empty());
        let again = cuts("", 0, Limits { events: 10, bytes: 100 });
        assert!(again[0].batch.ends_unit);
    }
}
