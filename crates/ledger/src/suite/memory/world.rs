//! The state of a ledger in memory and its rules, as plain collections searched from end to end.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{Stage, check_step, check_withhold, delivery_name, kept, no_delivery};
use crate::unit::{self, Event, Misfit, State};
use crate::{
    Account, Backfill, BackfillId, Closed, Closing, ConnectorRecord, Cursor, DeadLetter, Delivery,
    DeliveryDelta, Happened, HourRows, Lane, Lease, LedgerError, NewUnit, Reached, Replay,
    ReplayId, Unit, UnitId,
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
    pub(super) forgotten: bool,
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
                let backfilled = self.backfilled.contains_key(&unit);
                let opened = names.into_iter().map(|name| untouched(unit, name, backfilled));
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
            self.dead_letters.push(Kept {
                connector,
                letter,
                replay: None,
                closed: None,
                forgotten: false,
            });
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

    pub(super) fn reconsider(&mut self, connector: &str, now: i64) -> Answer<u64> {
        self.reconsider_where(|unit| unit.listed.lane.connector == connector, now)
    }

    pub(super) fn reconsider_where(
        &mut self,
        chosen: impl Fn(&Unit) -> bool,
        now: i64,
    ) -> Answer<u64> {
        let mut units = BTreeSet::new();
        for unit in &mut self.units {
            if chosen(unit) && unit.state == State::Disputed {
                unit.state = unit::apply(unit.state, &Event::Reconsidered)?;
                unit.final_at = None;
                self.remarks.remove(&unit.id);
                units.insert(unit.id);
            }
        }
        for Kept { letter, closed, .. } in &mut self.dead_letters {
            let of_dispute = letter.row.is_none() && letter.destination.is_none();
            if of_dispute && closed.is_none() && units.contains(&letter.unit) {
                *closed = Some(Closed { at: now, how: Closing::Replayed });
            }
        }
        Ok(units.len() as u64)
    }

    /// Answers 1 if it had rows: nothing is counted here.
    pub(super) fn spool_released(&mut self, id: UnitId) -> Answer<u64> {
        let unit = self.unit(id)?;
        if !unit.state.is_final() {
            return Err(Misfit { from: unit.state.name(), event: "released" }.into());
        }
        let uncounted = unit.spooled && unit.admitted > 0;
        unit.spooled = false;
        Ok(u64::from(uncounted))
    }

    /// The unit with its rows by hour and its deliveries.
    pub(super) fn account(&self, unit: Unit) -> Account {
        let own = self.deliveries.iter().filter(|delivery| delivery.unit == unit.id);
        let reached = |d: &Delivery| Reached::of(d.done, d.withheld.is_some());
        let mut deliveries: Vec<_> = own.map(|d| (d.destination.clone(), reached(d))).collect();
        deliveries.sort();
        let mut hours = self.hours.get(&unit.id).cloned().unwrap_or_default();
        hours.sort();
        let mut set_aside: BTreeMap<Option<String>, u64> = BTreeMap::new();
        for Kept { letter, closed, .. } in &self.dead_letters {
            let is_of_rows = letter.row.is_some() || letter.destination.is_some();
            if letter.unit == unit.id && closed.is_none() && is_of_rows {
                *set_aside.entry(letter.destination.clone()).or_default() += 1;
            }
        }
        let set_aside = set_aside.into_iter().collect();
        Account { unit, hours, deliveries, set_aside }
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

    pub(super) fn withhold(
        &mut self,
        lease: &Lease,
        unit: UnitId,
        reason: &str,
        now: i64,
    ) -> Answer<()> {
        let Stage::Deliver(name) = Stage::parse(&lease.stage)? else { return Err(fenced(lease)) };
        self.check_right(lease, &lease.stage, unit)?;
        let delivery = self.delivery(unit, name)?;
        check_withhold(|| delivery_name(unit, name), delivery.position, delivery.done)?;
        (delivery.done, delivery.withheld) = (true, Some(reason.to_owned()));
        (delivery.attempts, delivery.not_before, delivery.note) = (0, 0, None);
        self.finish_if_done(unit, now)
    }

    /// Finishes a unit whose last delivery is done.
    fn finish_if_done(&mut self, unit: UnitId, now: i64) -> Answer<()> {
        if self.deliveries.iter().all(|delivery| delivery.unit != unit || delivery.done) {
            self.finish(unit, &Event::Delivered, now)?;
        }
        Ok(())
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
        self.finish_if_done(delta.unit, now)
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

pub(super) fn untouched(unit: UnitId, destination: String, backfilled: bool) -> Delivery {
    Delivery {
        unit,
        destination,
        position: 0,
        delivered: 0,
        rejected: 0,
        done: false,
        withheld: None,
        backfilled,
        attempts: 0,
        not_before: 0,
        note: None,
    }
}
