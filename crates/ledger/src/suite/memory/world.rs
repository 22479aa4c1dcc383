//! The state of a ledger in memory and its rules, as plain collections searched from end to end.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{Stage, check_step, delivery_name, kept, no_delivery};
use crate::unit::{self, Event, Misfit, State};
use crate::{
    Account, ApiCalls, Backfill, BackfillId, Closed, ConnectorRecord, Cursor, DeadLetter, Delivery,
    DeliveryDelta, DestinationSummary, Happened, HourRows, Lane, Lease, LedgerError, LetterChoice,
    NewUnit, Overview, Replay, ReplayId, Summary, Unit, UnitId,
};

/// The last grant of a lane's stage.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) owner: Option<String>,
    pub(super) epoch: i64,
    pub(super) expires: i64,
}

/// A dead letter as it is kept.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) connector: String,
    pub(super) letter: DeadLetter,
    pub(super) replay: Option<ReplayId>,
    pub(super) closed: Option<Closed>,
}

fn earlier(known: Option<i64>, other: i64) -> i64 {
    known.map_or(other, |known| known.min(other))
}

#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) registered: BTreeMap<String, BTreeSet<String>>,
    pub(super) records: BTreeMap<String, ConnectorRecord>,
    pub(super) cursors: BTreeMap<(String, String), Cursor>,
    pub(super) grants: BTreeMap<(Lane, String), Grant>,
    /// A unit's number is its place here, counted from 1. The note is the last failure, here.
    pub(super) units: Vec<Unit>,
    pub(super) remarks: BTreeMap<UnitId, String>,
    pub(super) hours: BTreeMap<UnitId, Vec<HourRows>>,
    pub(super) deliveries: Vec<Delivery>,
    /// When a connector's destination got events last, and the newest log date of which it did.
    pub(super) reached: BTreeMap<(String, String), (i64, i64)>,
    pub(super) calls: BTreeMap<(String, String, String), i64>,
    /// A backfill's number is its place here, counted from 1. What its units tell is not here.
    pub(super) backfills: Vec<Backfill>,
    pub(super) backfilled: BTreeMap<UnitId, BackfillId>,
    /// A letter's number is its place here, counted from 1; so is a replay's.
    pub(super) dead_letters: Vec<Kept>,
    pub(super) replays: Vec<Replay>,
}

pub(super) type Answer<T> = Result<T, LedgerError>;

impl World {
    pub(super) fn unit(&mut self, id: UnitId) -> Answer<&mut Unit> {
        self.units.iter_mut().find(|unit| unit.id == id).ok_or(LedgerError::NoUnit(id))
    }

    /// The unit as the contract shows it.
    pub(super) fn shown(&self, unit: &Unit) -> Unit {
        let note = unit.note.clone().or_else(|| self.remarks.get(&unit.id).cloned());
        Unit { note, ..unit.clone() }
    }

    pub(super) fn held(&self, lease: &Lease) -> bool {
        let grant = self.grants.get(&(lease.lane.clone(), lease.stage.clone()));
        grant.is_some_and(|grant| {
            grant.owner.as_ref() == Some(&lease.owner) && grant.epoch == lease.epoch
        })
    }

    /// Whether a lease gives the right to write to a unit, under this stage.
    pub(super) fn check_right(&mut self, lease: &Lease, stage: &str, id: UnitId) -> Answer<()> {
        if !self.held(lease) || lease.stage != stage {
            return Err(fenced(lease));
        }
        if self.unit(id)?.listed.lane == lease.lane { Ok(()) } else { Err(fenced(lease)) }
    }

    pub(super) fn take(
        &mut self,
        lane: &Lane,
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Option<Lease> {
        let key = (lane.clone(), stage.to_owned());
        let last = self.grants.get(&key);
        if last.is_some_and(|grant| grant.owner.is_some() && grant.expires > now) {
            return None;
        }
        let epoch = last.map_or(1, |grant| grant.epoch + 1);
        let (owner, expires) = (owner.to_owned(), now.saturating_add(ttl));
        self.grants.insert(key, Grant { owner: Some(owner.clone()), epoch, expires });
        Some(Lease { lane: lane.clone(), stage: stage.to_owned(), owner, epoch, expires })
    }

    pub(super) fn apply(&mut self, lease: &Lease, it: &Happened, now: i64) -> Answer<State> {
        let unit = it.unit;
        self.check_right(lease, "collect", unit)?;
        let found = self.unit(unit)?;
        let next = unit::apply(found.state, &it.event)?;
        (found.attempts, found.not_before, found.note) = (0, 0, None);
        match it.event.clone() {
            Event::Fetched { spool_path, spool_bytes, raw_bytes, rows, content_hash, warning } => {
                found.spooled = true;
                found.spool_path = Some(spool_path);
                found.spool_bytes = spool_bytes as i64;
                found.raw_bytes = raw_bytes as i64;
                found.rows = rows as i64;
                found.content_hash = Some(content_hash);
                found.state = next;
                self.remarks.extend(warning.map(|warning| (unit, warning)));
            }
            Event::Admitted { admitted, repeats, undecodable, exceptions, hours } => {
                found.exceptions = exceptions as i64;
                found.admitted = admitted as i64;
                found.repeats = repeats as i64;
                found.undecodable = undecodable as i64;
                found.state = next;
                let names = self.registered.get(&lease.lane.connector).cloned().unwrap_or_default();
                if names.is_empty() {
                    return Err(LedgerError::Corrupt("no destinations".to_owned()));
                }
                let opened = names.into_iter().map(|destination| untouched(unit, destination));
                self.deliveries.extend(opened);
                self.hours.insert(unit, hours);
            }
            Event::Gone | Event::Covered => self.finish(unit, &it.event, now)?,
            Event::Undecodable { reason } | Event::Disputed { reason } => {
                self.finish(unit, &it.event, now)?;
                self.remarks.insert(unit, reason);
            }
            Event::Retried => self.retry(unit)?,
            Event::Delivered | Event::Reconsidered => {
                return Err(Misfit { from: found.state.name(), event: it.event.name() }.into());
            }
        }
        self.set_aside(unit, &it.dead_letters)?;
        Ok(next)
    }

    pub(super) fn register(
        &mut self,
        connector: &str,
        destinations: &[String],
        now: i64,
    ) -> Answer<Vec<(String, i64)>> {
        let new: BTreeSet<String> = destinations.iter().cloned().collect();
        let old = self.registered.insert(connector.to_owned(), new.clone());
        let mut dropped = Vec::new();
        for gone in old.unwrap_or_default().difference(&new) {
            self.give_up_replays(connector, gone, now);
            let waiting = self.waiting(connector, Stage::Deliver(gone));
            let open: Vec<UnitId> = waiting.iter().map(|(unit, _)| unit.id).collect();
            self.deliveries
                .retain(|delivery| delivery.destination != *gone || !open.contains(&delivery.unit));
            for id in &open {
                let mut left = self.deliveries.iter().filter(|d| d.unit == *id && !d.done);
                if left.next().is_none() {
                    self.finish(*id, &Event::Delivered, now)?;
                }
            }
            if !open.is_empty() {
                dropped.push((gone.clone(), open.len() as i64));
            }
        }
        Ok(dropped)
    }

    pub(super) fn note_reached(
        &mut self,
        lease: &Lease,
        delta: &DeliveryDelta,
        now: i64,
    ) -> Answer<()> {
        let log_date = self.unit(delta.unit)?.listed.log_date;
        if delta.delivered > 0 {
            let whose = (lease.lane.connector.clone(), delta.destination.clone());
            let reached = self.reached.entry(whose).or_insert((now, log_date));
            *reached = (now, reached.1.max(log_date));
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, id: UnitId, event: &Event, now: i64) -> Answer<()> {
        let unit = self.unit(id)?;
        unit.state = unit::apply(unit.state, event)?;
        unit.final_at = Some(now);
        (unit.attempts, unit.not_before, unit.note) = (0, 0, None);
        Ok(())
    }

    pub(super) fn set_aside(&mut self, id: UnitId, letters: &[DeadLetter]) -> Answer<()> {
        let connector = self.unit(id)?.listed.lane.connector.clone();
        for letter in letters {
            let payload = kept(&letter.payload).to_vec();
            let letter = DeadLetter { unit: id, payload, ..letter.clone() };
            let connector = connector.clone();
            self.dead_letters.push(Kept { connector, letter, replay: None, closed: None });
        }
        Ok(())
    }

    pub(super) fn delivery(&mut self, id: UnitId, destination: &str) -> Answer<&mut Delivery> {
        self.deliveries
            .iter_mut()
            .find(|delivery| delivery.unit == id && delivery.destination == destination)
            .ok_or_else(|| no_delivery(delivery_name(id, destination), "nothing"))
    }

    /// Units of a connector that wait for a stage, with the time before which they are not due.
    pub(super) fn waiting(&self, connector: &str, stage: Stage<'_>) -> Vec<(&Unit, i64)> {
        let units = self.units.iter().filter(|unit| unit.listed.lane.connector == connector);
        match stage {
            Stage::Collect => units
                .filter(|unit| matches!(unit.state, State::Listed | State::Fetched))
                .map(|unit| (unit, unit.not_before))
                .collect(),
            Stage::Deliver(name) => units
                .filter(|unit| unit.state == State::Admitted)
                .flat_map(|unit| {
                    let open = self.deliveries.iter().filter(move |delivery| {
                        delivery.unit == unit.id && delivery.destination == name && !delivery.done
                    });
                    open.map(move |delivery| (unit, delivery.not_before))
                })
                .collect(),
        }
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

    pub(super) fn reconsider(&mut self, connector: &str) -> Answer<u64> {
        let mut count = 0;
        for unit in self.units.iter_mut().filter(|u| u.listed.lane.connector == connector) {
            if unit.state == State::Disputed {
                unit.state = unit::apply(unit.state, &Event::Reconsidered)?;
                unit.final_at = None;
                self.remarks.remove(&unit.id);
                count += 1;
            }
        }
        Ok(count)
    }

    /// The unit with its rows by hour and its deliveries.
    pub(super) fn account(&self, unit: Unit) -> Account {
        let own = self.deliveries.iter().filter(|delivery| delivery.unit == unit.id);
        let mut deliveries: Vec<_> = own.map(|d| (d.destination.clone(), d.done)).collect();
        deliveries.sort();
        let mut hours = self.hours.get(&unit.id).cloned().unwrap_or_default();
        hours.sort();
        Account { unit, hours, deliveries }
    }

    pub(super) fn wake(&mut self, connector: &str) {
        let mut own = BTreeSet::new();
        for unit in self.units.iter_mut().filter(|u| u.listed.lane.connector == connector) {
            own.insert(unit.id);
            if matches!(unit.state, State::Listed | State::Fetched) {
                (unit.attempts, unit.not_before) = (0, 0);
            }
        }
        for delivery in self.deliveries.iter_mut().filter(|d| !d.done && own.contains(&d.unit)) {
            (delivery.attempts, delivery.not_before) = (0, 0);
        }
        let open = self.replays.iter_mut().filter(|replay| replay.ended_at.is_none());
        for replay in open.filter(|replay| own.contains(&replay.unit)) {
            (replay.attempts, replay.not_before) = (0, 0);
        }
    }

    pub(super) fn step(&mut self, lease: &Lease, delta: &DeliveryDelta, now: i64) -> Answer<()> {
        self.check_right(lease, &format!("deliver:{}", delta.destination), delta.unit)?;
        if let Some(replay) = delta.replay {
            return self.replay_step(lease, replay, delta, now);
        }
        let delivery = self.delivery(delta.unit, &delta.destination)?;
        let what = || delivery_name(delta.unit, &delta.destination);
        check_step(what, delivery.position, delivery.done, delta.from, delta.to)?;
        if delta.delivered < 0 {
            return Err(LedgerError::Corrupt("a negative count".to_owned()));
        }
        delivery.position = delta.to;
        delivery.delivered += delta.delivered;
        delivery.rejected += delta.rejected.len() as i64;
        delivery.done = delta.done;
        if delta.to > delta.from || delta.done {
            (delivery.attempts, delivery.not_before, delivery.note) = (0, 0, None);
        }
        let by = Some(delta.destination.clone());
        let letters: Vec<_> = delta
            .rejected
            .iter()
            .map(|letter| DeadLetter { destination: by.clone(), ..letter.clone() })
            .collect();
        self.set_aside(delta.unit, &letters)?;
        if self.deliveries.iter().all(|delivery| delivery.unit != delta.unit || delivery.done) {
            self.finish(delta.unit, &Event::Delivered, now)?;
        }
        Ok(())
    }
}

pub(super) fn fenced(lease: &Lease) -> LedgerError {
    LedgerError::Fenced { lane: lease.lane.to_string(), epoch: lease.epoch }
}

/// What makes a unit the same unit.
pub(super) fn identity(unit: &NewUnit) -> (&str, &str, i64, i64) {
    (&unit.lane.connector, &unit.log_file_id, unit.created_date, unit.length)
}

pub(super) fn fresh(id: UnitId, listed: &NewUnit, now: i64) -> Unit {
    Unit {
        id,
        listed: listed.clone(),
        state: State::Listed,
        attempts: 0,
        not_before: 0,
        note: None,
        spool_path: None,
        spool_bytes: 0,
        raw_bytes: 0,
        rows: 0,
        admitted: 0,
        repeats: 0,
        undecodable: 0,
        exceptions: 0,
        content_hash: None,
        listed_at: now,
        final_at: None,
        spooled: false,
    }
}

pub(super) fn untouched(unit: UnitId, destination: String) -> Delivery {
    Delivery {
        unit,
        destination,
        position: 0,
        delivered: 0,
        rejected: 0,
        done: false,
        attempts: 0,
        not_before: 0,
        note: None,
    }
}
