//! Reads a spooled unit once more, for what is to be counted of it.

use std::io::{ErrorKind, Read};

use orgtap_codec::csv::{Item, Reader};
use orgtap_events::UnitInfo;
use orgtap_events::raw::Plan;
use orgtap_ledger::{Rollup, Unit};

use super::Counter;
use crate::admit::decisions::Decisions;
use crate::error::{Result, UnitFault};
use crate::spool::Spool;

/// What the admitted rows of a unit say.
pub(super) fn read(spool: &Spool, info: &UnitInfo, unit: &Unit) -> Result<Rollup> {
    let lost = |error: std::io::Error| UnitFault::Spool(error.to_string());
    let relative = unit.spool_path.as_deref().unwrap_or_default();
    let exceptions = u64::try_from(unit.exceptions).unwrap_or_default();
    let decisions = if exceptions == 0 {
        Decisions::none()
    } else {
        Decisions::open(&spool.decisions(info), exceptions).map_err(lost)?
    };
    let mut bytes = match spool.open_bytes(relative) {
        // It has left the spool early, to make room, and that was not written down yet.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            tracing::warn!(
                log_file = info.log_file_id,
                event_type = info.event_type,
                "not counted for insights: it has left the spool"
            );
            return Ok(Rollup::default());
        }
        bytes => bytes.map_err(lost)?,
    };
    Ok(tally(&mut bytes, info, decisions)?)
}

/// Counts the rows that are admitted.
fn tally(
    bytes: &mut dyn Read,
    info: &UnitInfo,
    mut decisions: Decisions,
) -> Result<Rollup, UnitFault> {
    let spool = |error: std::io::Error| UnitFault::Spool(error.to_string());
    let mut reader = Reader::new(bytes);
    let mut counter = Counter::new();
    let mut plan: Option<Plan> = None;
    let mut number = 0;
    while let Some(item) = reader.next_item().map_err(|error| spool(error.source))? {
        let Some(plan) = &plan else {
            let Item::Row(header) = item else {
                return Err(UnitFault::Spool("the header cannot be read".to_owned()));
            };
            let compiled = Plan::compile(&header, info);
            let compiled = compiled.map_err(|error| UnitFault::Foreign(error.to_string()))?;
            counter.header(info, compiled.names());
            plan = Some(compiled);
            continue;
        };
        let row_number = number;
        number += 1;
        let Item::Row(row) = item else { continue };
        if row.len() != plan.width() {
            continue;
        }
        if decisions.nth(row_number).map_err(spool)?.is_some() {
            counter.row(&row, plan.when(&row).at);
        }
    }
    Ok(counter.finish().unwrap_or_default())
}
