//! Empties the spool of units every destination has had for long enough.

use std::sync::Arc;

use orgtap_ledger::Ledger;

use crate::clock;
use crate::error::{Error, Result};
use crate::kill;
use crate::spool::Spool;

/// Units looked at in one go.
const BATCH: usize = 500;

/// Removes the bytes of units that became final more than `retention` ago. Units with open
/// dead letters or replays stay. Row indexes and admission records stay too: late files are compared
/// with them, and replays send what they say. Answers how many units.
pub(crate) async fn release(
    ledger: &Arc<dyn Ledger>,
    spool: &Spool,
    retention: std::time::Duration,
) -> Result<u64> {
    let before = clock::now() - clock::micros(retention);
    let mut released = 0;
    loop {
        let units = ledger.releasable(before, BATCH).await?;
        if units.is_empty() {
            return Ok(released);
        }
        for unit in &units {
            if let Some(relative) = &unit.spool_path {
                spool.release(relative).map_err(Error::disk(spool.bytes(relative)))?;
            }
        }
        kill::point("release.before_ledger");
        let ids: Vec<_> = units.iter().map(|unit| unit.id).collect();
        ledger.spool_released(&ids).await?;
        released += units.len() as u64;
    }
}
