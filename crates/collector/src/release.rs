//! Empties the spool of units every destination has had for long enough, and makes room in it.

use std::sync::Arc;
use std::time::Duration;

use orgtap_ledger::{Ledger, Unit};

use crate::clock;
use crate::error::{Error, Result};
use crate::kill;
use crate::spool::Spool;

/// Units looked at in one go.
const BATCH: usize = 500;

/// How much may lie in the spool, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long units stay after they became final.
    pub(crate) retention: Duration,
    /// Bytes from which on the oldest final units leave earlier, and nothing more is fetched if
    /// there are none.
    pub(crate) bytes: Option<u64>,
    /// Whether what units say is to be counted before they leave. It holds back none: what left
    /// uncounted is told.
    pub(crate) counted: bool,
}

/// Removes the bytes of units that became final long enough ago, and of more if there are too many.
/// Units with open dead letters or replays stay. Row indexes and admission records stay too: late
/// files are compared with them, and replays send what they say. Answers how many units.
pub(crate) async fn release(
    ledger: &Arc<dyn Ledger>,
    spool: &Spool,
    limits: Limits,
) -> Result<u64> {
    let before = clock::now() - clock::micros(limits.retention);
    let mut released = 0;
    loop {
        let units = ledger.releasable(before, BATCH).await?;
        if units.is_empty() {
            break;
        }
        remove(ledger, spool, limits, &units).await?;
        released += units.len() as u64;
    }
    match make_room(ledger, spool, limits, 0).await {
        Ok(more) => Ok(released + more),
        // Told when something is to be fetched.
        Err(Error::SpoolFull { .. } | Error::NoRoom { .. }) => Ok(released),
        Err(error) => Err(error),
    }
}

/// Removes the bytes of the oldest final units while the spool has reached its limit, or the disk has
/// no room to fetch a file of so many bytes.
///
/// # Errors
/// [`Error::SpoolFull`] or [`Error::NoRoom`] when that is not enough.
pub(crate) async fn make_room(
    ledger: &Arc<dyn Ledger>,
    spool: &Spool,
    limits: Limits,
    length: u64,
) -> Result<u64> {
    let mut released = 0;
    loop {
        let Some((excess, error)) = excess(ledger, spool, limits, length).await? else {
            return Ok(released);
        };
        let mut units = ledger.releasable(i64::MAX, BATCH).await?;
        if units.is_empty() {
            return Err(error);
        }
        let mut left = excess;
        let enough = units.iter().take_while(|unit| {
            let more = left > 0;
            left = left.saturating_sub(unit.spool_bytes.unsigned_abs());
            more
        });
        let enough = enough.count();
        units.truncate(enough);
        remove(ledger, spool, limits, &units).await?;
        released += units.len() as u64;
    }
}

/// How many bytes are too many in the spool, if there are any, and what that is called.
async fn excess(
    ledger: &Arc<dyn Ledger>,
    spool: &Spool,
    limits: Limits,
    length: u64,
) -> Result<Option<(u64, Error)>> {
    if let Some(limit) = limits.bytes {
        let held = ledger.spooled_bytes().await?.unsigned_abs();
        if held >= limit {
            return Ok(Some((held - limit + 1, Error::SpoolFull { held, limit })));
        }
    }
    Ok(spool.no_room(length).map(|error| match error {
        Error::NoRoom { free, needed, .. } => (needed.saturating_sub(free), error),
        error => (0, error),
    }))
}

async fn remove(
    ledger: &Arc<dyn Ledger>,
    spool: &Spool,
    limits: Limits,
    units: &[Unit],
) -> Result<()> {
    for unit in units {
        if let Some(relative) = &unit.spool_path {
            spool.release(relative).map_err(Error::disk(spool.bytes(relative)))?;
        }
    }
    kill::point("release.before_ledger");
    let ids: Vec<_> = units.iter().map(|unit| unit.id).collect();
    let uncounted = ledger.spool_released(&ids).await?;
    if limits.counted && uncounted > 0 {
        tracing::warn!(
            units = uncounted,
            "log files left the spool before they were counted: Insights lacks them; a larger \
             spool_limit or a longer spool_retention gives more time"
        );
    }
    Ok(())
}
