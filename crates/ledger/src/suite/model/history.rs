//! What the steps of a random run refer to.

use std::collections::BTreeMap;

use super::super::MemoryLedger;
use super::super::scene::{MINUTE, NOW};
use super::{CONNECTORS, DESTINATIONS, Step, Which, lanes, listed, one_of, pick};
use crate::{Lane, Lease, Ledger, NewUnit};

/// What the steps refer to, the same for both ledgers.
#[derive(Default)]
pub(super) struct History {
    /// Minutes since the start.
    pub(super) minutes: i64,
    /// Every lease granted.
    pub(super) leases: Vec<Lease>,
    /// Units in the order they became known.
    pub(super) units: Vec<NewUnit>,
    /// Where the cursors are, as numbers for [`place`].
    pub(super) cursors: BTreeMap<&'static str, i64>,
    /// Where the deliveries are.
    pub(super) positions: BTreeMap<(usize, &'static str), i64>,
}

impl History {
    pub(super) fn now(&self) -> i64 {
        NOW + self.minutes * MINUTE
    }

    pub(super) fn lease(&self, which: Which, lane: &Lane, stage: &str) -> Option<&Lease> {
        match which {
            Which::Any(number) => pick(&self.leases, number),
            Which::Last => {
                self.leases.iter().rev().find(|lease| lease.lane == *lane && lease.stage == stage)
            }
        }
    }
}

/// Takes over what later steps refer to, from the ledger in memory.
pub(super) async fn learn(history: &mut History, step: &Step, memory: &MemoryLedger) {
    if let Step::List { connector, files, .. } | Step::Backfill(connector, files) = step {
        for file in listed(one_of(&CONNECTORS, *connector), files) {
            if !history.units.contains(&file) {
                history.units.push(file);
            }
        }
    }
    if let Step::List { connector, off, by, .. } = step {
        let connector = one_of(&CONNECTORS, *connector);
        let at = history.cursors.entry(connector).or_insert(0);
        *at = (*at + i64::from(*off) + i64::from(*by)).max(0);
    }
    if matches!(step, Step::Deliver { .. } | Step::Register(..) | Step::Replay(..)) {
        history.positions.clear();
        for lane in lanes() {
            for unit in memory.units(&lane).await.unwrap() {
                let place = history.units.iter().position(|known| *known == unit.listed).unwrap();
                for delivery in memory.deliveries(unit.id).await.unwrap() {
                    let name = DESTINATIONS.into_iter().find(|name| delivery.destination == *name);
                    history.positions.insert((place, name.unwrap()), delivery.position);
                }
            }
        }
    }
}
