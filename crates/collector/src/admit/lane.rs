//! The rows a small lane has delivered, in memory while its units are worked through, so that each
//! unit's row index is read once and not once for every unit after it.

use std::collections::{HashMap, HashSet};
use std::io;

use orgtap_ledger::UnitId;

use super::decisions::Delivered;
use super::index::{Entry, IndexReader};

/// Rows of one copy of a lane: for each hash, the most that one unit holds.
type Most = HashMap<u128, u64>;

/// What a lane has delivered.
#[derive(Debug, Default)]
pub(crate) struct LaneRows {
    units: HashSet<UnitId>,
    hourly: Most,
    daily: Most,
}

impl LaneRows {
    /// Rows a lane may have for this, over all its units: about half a MiB.
    pub(crate) const LIMIT: i64 = 8 * 1024;

    /// Whether a unit's rows are among these.
    pub(crate) fn has(&self, unit: UnitId) -> bool {
        self.units.contains(&unit)
    }

    /// Adds a unit's rows.
    pub(crate) fn add(
        &mut self,
        unit: UnitId,
        is_hourly: bool,
        mut index: IndexReader,
    ) -> io::Result<()> {
        let most = if is_hourly { &mut self.hourly } else { &mut self.daily };
        let mut group: (Option<u128>, u64) = (None, 0);
        while let Some(hash) = index.head().map(Entry::hash) {
            group = (Some(hash), if group.0 == Some(hash) { group.1 + 1 } else { 1 });
            let known = most.entry(hash).or_default();
            *known = group.1.max(*known);
            index.advance()?;
        }
        self.units.insert(unit);
        Ok(())
    }
}

impl Delivered for LaneRows {
    fn hourly(&mut self, hash: u128) -> io::Result<u64> {
        Ok(self.hourly.get(&hash).copied().unwrap_or_default())
    }

    fn daily(&mut self, hash: u128) -> io::Result<u64> {
        Ok(self.daily.get(&hash).copied().unwrap_or_default())
    }
}
