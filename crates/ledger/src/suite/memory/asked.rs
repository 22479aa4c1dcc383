//! What is due, and what may be released.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Answer, World};
use crate::rules::{Stage, handling_order};
use crate::unit::State;
use crate::{Account, Delivery, Kind, Lane, LaneWork, LogDates, NewUnit, Replay, Unit, UnitId};

impl World {
    pub(super) fn due(
        &self,
        connector: &str,
        stage: &str,
        now: i64,
        limit: usize,
    ) -> Answer<Vec<LaneWork>> {
        let parsed = Stage::parse(stage)?;
        let mut lanes: BTreeMap<&Lane, (bool, i64, i64)> = BTreeMap::new();
        let open = self.waiting(connector, parsed);
        let waits = open.iter().filter(|(_, not_before)| *not_before > now);
        let held_up: BTreeSet<&Lane> = match parsed {
            Stage::Collect => BTreeSet::new(),
            Stage::Deliver(_) => waits.map(|(unit, _)| &unit.listed.lane).collect(),
        };
        for (unit, not_before) in open {
            if held_up.contains(&unit.listed.lane) {
                continue;
            }
            let grant = self.grants.get(&(unit.listed.lane.clone(), stage.to_owned()));
            let leased = grant.is_some_and(|g| g.owner.is_some() && g.expires > now);
            if not_before <= now && !leased {
                let (later, oldest, units) =
                    lanes.entry(&unit.listed.lane).or_insert((true, i64::MAX, 0));
                *later &= self.backfilled.contains_key(&unit.id);
                *oldest = unit.listed.created_date.min(*oldest);
                *units += 1;
            }
        }
        let mut lanes: Vec<_> = lanes.into_iter().collect();
        lanes.sort_by_key(|(lane, (later, oldest, _))| {
            (*later, *oldest, &lane.day, &lane.event_type)
        });
        lanes.truncate(limit);
        let mut due: Vec<LaneWork> = lanes
            .into_iter()
            .map(|(lane, (.., units))| LaneWork { lane: lane.clone(), units })
            .collect();
        for work in self.replays_due(connector, stage, now) {
            if due.iter().all(|known| known.lane != work.lane) {
                due.push(work);
            }
        }
        due.truncate(limit);
        Ok(due)
    }

    pub(super) fn next_due(&self, connector: &str, now: i64) -> Option<i64> {
        let mut stages = vec![Stage::Collect];
        let names: BTreeSet<_> =
            self.deliveries.iter().map(|delivery| delivery.destination.as_str()).collect();
        stages.extend(names.into_iter().map(Stage::Deliver));
        let waits = stages.into_iter().flat_map(|stage| self.waiting(connector, stage));
        let replays = self.replays_of(connector);
        let failing = |replay: &&Replay| replay.ended_at.is_none() && replay.attempts > 0;
        let again = replays.iter().map(|(_, replay)| replay).filter(failing);
        waits
            .map(|(_, not_before)| not_before)
            .chain(again.map(|replay| replay.not_before))
            .filter(|time| *time > now)
            .min()
    }

    pub(super) fn releasable(&self, before: i64, limit: usize) -> Vec<Unit> {
        let open = self.dead_letters.iter().filter(|kept| kept.closed.is_none());
        let mut needed: BTreeSet<UnitId> = open.map(|kept| kept.letter.unit).collect();
        let replays = self.replays.iter().filter(|replay| replay.ended_at.is_none());
        needed.extend(replays.map(|replay| replay.unit));
        let mut units: Vec<_> = self
            .units
            .iter()
            .filter(|unit| unit.spooled)
            .filter(|unit| !matches!(unit.state, State::Rejected | State::Disputed))
            .filter(|unit| unit.final_at.is_some_and(|at| at < before))
            .filter(|unit| !needed.contains(&unit.id))
            .map(|unit| self.shown(unit))
            .collect();
        units.sort_by_key(|unit| (unit.final_at, unit.id));
        units.truncate(limit);
        units
    }

    pub(super) fn at_work(&self, connector: &str, limit: usize) -> Vec<(Unit, Vec<Delivery>)> {
        let open = |unit: &&Unit| self.deliveries.iter().any(|it| it.unit == unit.id && !it.done);
        let collecting = |unit: &&Unit| matches!(unit.state, State::Listed | State::Fetched);
        let own = || self.units.iter().filter(|unit| unit.listed.lane.connector == connector);
        let mut found: Vec<&Unit> = own().filter(collecting).collect();
        let mut delivering: Vec<&Unit> = own().filter(open).collect();
        for part in [&mut found, &mut delivering] {
            part.sort_by_key(|unit| (unit.listed.created_date, unit.id));
        }
        found.extend(delivering);
        found.truncate(limit);
        let with_deliveries = |unit: &Unit| {
            let own = self.deliveries.iter().filter(|delivery| delivery.unit == unit.id);
            let mut own: Vec<Delivery> = own.cloned().collect();
            own.sort_by(|a, b| a.destination.cmp(&b.destination));
            (self.shown(unit), own)
        };
        found.into_iter().map(with_deliveries).collect()
    }

    pub(super) fn kinds(&self, dates: LogDates<'_>) -> Vec<Kind> {
        let mut kinds: BTreeMap<(String, String), Kind> = BTreeMap::new();
        for unit in self.dated(dates) {
            let NewUnit { lane, interval, log_date, created_date, .. } = &unit.listed;
            let name = (lane.event_type.clone(), interval.clone());
            let (event_type, interval) = name.clone();
            let (first, newest) = (*log_date, *created_date);
            let kind = kinds.entry(name).or_insert(Kind { event_type, interval, first, newest });
            kind.first = kind.first.min(first);
            kind.newest = kind.newest.max(newest);
        }
        kinds.into_values().collect()
    }

    fn dated(&self, dates: LogDates<'_>) -> impl Iterator<Item = &Unit> {
        let LogDates { connector, from, to } = dates;
        self.units.iter().filter(move |Unit { listed, .. }| {
            listed.lane.connector == connector && (from..to).contains(&listed.log_date)
        })
    }

    pub(super) fn accounts(&self, dates: LogDates<'_>, event_type: &str) -> Vec<Account> {
        let own = self.dated(dates).filter(|unit| unit.listed.lane.event_type == event_type);
        let mut accounts: Vec<Account> = own.map(|unit| self.account(self.shown(unit))).collect();
        // Hourly units of all days come before daily ones.
        accounts.sort_by(|a, b| handling_order(&a.unit, &b.unit));
        accounts
    }
}
