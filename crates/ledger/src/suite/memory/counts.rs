//! Counts for status, looked for from end to end.

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::rules::Stage;
use crate::unit::State;
use crate::{ApiCalls, DestinationSummary, LetterChoice, Overview, Summary, Unit};

fn earlier(known: Option<i64>, other: i64) -> i64 {
    known.map_or(other, |known| known.min(other))
}

impl World {
    /// Connectors that are paused.
    pub(super) fn paused(&self) -> Vec<String> {
        let paused = self.records.iter().filter(|(_, record)| record.paused.is_some());
        paused.map(|(name, _)| name.clone()).collect()
    }

    /// Every count, looked for from end to end.
    pub(super) fn summary(&self, connector: &str) -> Summary {
        let mut summary = Summary::default();
        for name in self.registered.get(connector).into_iter().flatten() {
            summary.destinations.insert(name.clone(), DestinationSummary::default());
        }
        for unit in self.units.iter().filter(|u| u.listed.lane.connector == connector) {
            *summary.units.entry(unit.state.name().to_owned()).or_default() += 1;
            let event_type = unit.listed.lane.event_type.clone();
            *summary.event_types.entry(event_type).or_default() += 1;
            summary.rows += unit.rows;
            summary.admitted += unit.admitted;
            summary.repeats += unit.repeats;
            summary.undecodable += unit.undecodable;
            summary.raw_bytes += unit.raw_bytes;
            summary.oldest_age = summary.oldest_age.max(unit.listed_at - unit.listed.created_date);
            let created_date = unit.listed.created_date;
            summary.newest_file = summary.newest_file.max(Some(created_date));
            for delivery in self.deliveries.iter().filter(|d| d.unit == unit.id) {
                let counts = summary.destinations.entry(delivery.destination.clone()).or_default();
                counts.delivered += delivery.delivered;
                counts.rejected += delivery.rejected;
                counts.finished += i64::from(delivery.done);
                if !delivery.done {
                    counts.waiting += 1;
                    counts.oldest_waiting = Some(earlier(counts.oldest_waiting, created_date));
                }
                if delivery.withheld.is_some() {
                    counts.withheld.units += 1;
                    counts.withheld.rows += unit.admitted;
                }
            }
            if matches!(unit.state, State::Listed | State::Fetched) {
                summary.oldest_listed = Some(earlier(summary.oldest_listed, created_date));
            }
        }
        for (name, counts) in &mut summary.destinations {
            let reached = self.reached.get(&(connector.to_owned(), name.clone()));
            (counts.delivered_at, counts.newest) = reached.copied().unzip();
        }
        summary.dead_letters = self.letters(&LetterChoice::of(connector)).len() as i64;
        let replays = self.replays_of(connector);
        let open = replays.iter().filter(|(_, replay)| replay.ended_at.is_none());
        summary.replays = open.count() as i64;
        summary.lost = self.lost(connector);
        summary.disputed = self.disputed(connector);
        summary.failing = self.failing(connector);
        summary
    }

    /// Everything of every connector there is anything of.
    pub(super) fn overview(&self, day: &str) -> BTreeMap<String, Overview> {
        let units = self.units.iter().map(|unit| unit.listed.lane.connector.clone());
        let names = self.records.keys().chain(self.registered.keys()).cloned().chain(units);
        let names = names.chain(self.calls.keys().map(|(name, ..)| name.clone()));
        let names: BTreeSet<String> =
            names.chain(self.backfills.iter().map(|one| one.wish.connector.clone())).collect();
        let of = |name: String| {
            let calls =
                self.calls.iter().filter(|((whose, when, _), _)| *whose == name && when == day);
            let calls = calls.map(|((_, day, purpose), calls)| ApiCalls {
                day: day.clone(),
                purpose: purpose.clone(),
                calls: *calls,
            });
            let overview = Overview {
                record: self.records.get(&name).cloned().unwrap_or_default(),
                summary: self.summary(&name),
                calls: calls.collect(),
                backfills: self.shown_backfills(&name),
            };
            (name, overview)
        };
        names.into_iter().map(of).collect()
    }

    /// Vanished units without a later version.
    pub(super) fn lost(&self, connector: &str) -> i64 {
        self.without_later(connector, State::Vanished, |later| later != State::Vanished)
    }

    /// Disputed units without a later version that was admitted.
    pub(super) fn disputed(&self, connector: &str) -> i64 {
        let admitted = |later| matches!(later, State::Admitted | State::Done);
        self.without_later(connector, State::Disputed, admitted)
    }

    /// Units in a state of whose later versions none is in one that makes up for it.
    fn without_later(&self, connector: &str, state: State, healed: fn(State) -> bool) -> i64 {
        let own = || self.units.iter().filter(|unit| unit.listed.lane.connector == connector);
        let place = |unit: &Unit| {
            let listed = &unit.listed;
            let (lane, interval) = (listed.lane.clone(), listed.interval.clone());
            (lane, interval, listed.log_date, listed.sequence)
        };
        own()
            .filter(|unit| unit.state == state)
            .filter(|gone| {
                !own().any(|later| {
                    healed(later.state)
                        && place(later) == place(gone)
                        && later.listed.created_date > gone.listed.created_date
                })
            })
            .count() as i64
    }

    /// Units and deliveries that wait out a failure.
    pub(super) fn failing(&self, connector: &str) -> i64 {
        let collecting = self.waiting(connector, Stage::Collect);
        let units = collecting.iter().filter(|(unit, _)| unit.attempts > 0).count();
        let own = |id| {
            let unit = self.units.iter().find(|unit| unit.id == id);
            unit.is_some_and(|unit| unit.listed.lane.connector == connector)
        };
        let open = self.deliveries.iter().filter(|d| !d.done && d.attempts > 0 && own(d.unit));
        let replays = self.replays.iter().filter(|r| r.ended_at.is_none() && r.attempts > 0);
        let replays = replays.filter(|replay| own(replay.unit));
        (units + open.count() + replays.count()) as i64
    }
}
