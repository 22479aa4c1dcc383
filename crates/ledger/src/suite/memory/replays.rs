//! Dead letters and replays of the ledger in memory.

use std::collections::BTreeMap;

use super::world::{Answer, World, fenced};
use crate::rules::{GIVEN_UP, Stage, check_step, kept, no_delivery, replay_name};
use crate::unit::{self, Event, State};
use crate::{
    Closed, Closing, DeadLetter, Delivery, DeliveryDelta, Lane, LaneWork, Lease, LedgerError,
    Letter, LetterChoice, LetterId, LettersAsked, Replay, ReplayId, Unit, UnitChoice, UnitId,
};

impl World {
    /// Letters by choice, in the order they came.
    pub(super) fn letters(&self, choice: &LetterChoice) -> Vec<Letter> {
        let letter = |(id, kept): (LetterId, &super::world::Kept)| {
            let unit = self.units.iter().find(|unit| unit.id == kept.letter.unit)?;
            let fits = |wish: &Option<String>, has: Option<&String>| {
                wish.is_none() || wish.as_ref() == has
            };
            let types = choice.event_types.as_ref();
            let chosen = !kept.forgotten
                && kept.connector == choice.connector
                && kept.closed.is_some() == choice.closed
                && fits(&choice.destination, kept.letter.destination.as_ref())
                && fits(&choice.code, Some(&kept.letter.code))
                && choice.unit.is_none_or(|unit| unit == kept.letter.unit)
                && choice.letter.is_none_or(|letter| letter == id)
                && types.is_none_or(|types| types.contains(&unit.listed.lane.event_type));
            let payload = kept.letter.payload.clone();
            chosen.then(|| Letter {
                id,
                listed: unit.listed.clone(),
                letter: DeadLetter {
                    payload: if choice.payload { payload } else { Vec::new() },
                    ..kept.letter.clone()
                },
                asked: self.is_asked(kept.replay),
                closed: kept.closed,
            })
        };
        (1..).zip(&self.dead_letters).filter_map(letter).collect()
    }

    fn is_asked(&self, replay: Option<ReplayId>) -> bool {
        let mut all = self.replays.iter();
        replay.is_some_and(|id| all.any(|one| one.id == id && one.ended_at.is_none()))
    }

    fn is_registered(&self, connector: &str, destination: &str) -> bool {
        self.registered.get(connector).is_some_and(|names| names.contains(destination))
    }

    pub(super) fn forget_letters(&mut self, lane: &Lane) -> u64 {
        let mut forgotten = 0;
        for kept in self.dead_letters.iter_mut().filter(|kept| kept.closed.is_some()) {
            let mut units = self.units.iter();
            let is_of = units.any(|it| it.id == kept.letter.unit && it.listed.lane == *lane);
            forgotten += u64::from(is_of && !kept.forgotten);
            kept.forgotten |= is_of;
        }
        forgotten
    }

    /// Closes those that are open; answers how many.
    pub(super) fn close(&mut self, letters: &[LetterId], how: Closing, now: i64) -> u64 {
        let mut closed = 0;
        for (id, kept) in (1..).zip(&mut self.dead_letters) {
            if letters.contains(&id) && kept.closed.is_none() {
                kept.closed = Some(Closed { at: now, how });
                closed += 1;
            }
        }
        closed
    }

    /// Numbers of the open letters of a unit that fit.
    fn open_letters(&self, unit: UnitId, fits: impl Fn(&DeadLetter) -> bool) -> Vec<LetterId> {
        let all = (1..).zip(&self.dead_letters);
        all.filter(|(_, kept)| kept.closed.is_none() && kept.letter.unit == unit)
            .filter(|(_, kept)| fits(&kept.letter))
            .map(|(id, _)| id)
            .collect()
    }

    pub(super) fn retry(&mut self, id: UnitId) -> Answer<()> {
        self.remarks.remove(&id);
        let unit = self.unit(id)?;
        unit.state = unit::apply(unit.state, &Event::Retried)?;
        (unit.attempts, unit.not_before, unit.note) = (0, 0, None);
        (unit.spooled, unit.spool_path, unit.final_at) = (false, None, None);
        Ok(())
    }

    pub(super) fn ask_letters(&mut self, letters: &[LetterId], now: i64) -> Answer<LettersAsked> {
        let mut asked = LettersAsked::default();
        let mut lots: BTreeMap<(UnitId, String), Vec<(i64, LetterId)>> = BTreeMap::new();
        for id in letters {
            let found = (1..).zip(&self.dead_letters).find(|(number, _)| number == id);
            let Some((_, kept)) = found.filter(|(_, kept)| kept.closed.is_none()) else { continue };
            let letter = kept.letter.clone();
            match (letter.destination, letter.row) {
                _ if self.is_asked(kept.replay) => asked.waiting += 1,
                (Some(destination), _) if !self.is_registered(&kept.connector, &destination) => {
                    *asked.unregistered.entry(destination).or_default() += 1;
                }
                (Some(destination), Some(row)) => {
                    lots.entry((letter.unit, destination)).or_default().push((row, *id));
                    asked.asked += 1;
                }
                (Some(destination), None) => {
                    match self.ask_units(&[letter.unit], &destination, now)? {
                        0 => asked.waiting += 1,
                        _ => asked.asked += 1,
                    }
                }
                (None, None) if self.unit(letter.unit)?.state == State::Disputed => {
                    self.reconsider_where(|unit| unit.id == letter.unit, now)?;
                    asked.reconsidered += 1;
                }
                (None, None) => {
                    self.retry(letter.unit)?;
                    let of_decoding =
                        self.open_letters(letter.unit, |other| other.destination.is_none());
                    self.close(&of_decoding, Closing::Replayed, now);
                    asked.listed += 1;
                }
                (None, Some(_)) => asked.undecodable += 1,
            }
        }
        for ((unit, destination), rows) in lots {
            let first = rows.iter().map(|(row, _)| *row).min().unwrap_or_default();
            let replay = self.ask(unit, &destination, Some(first), now);
            for (_, letter) in rows {
                let place = usize::try_from(letter - 1).unwrap();
                self.dead_letters[place].replay = Some(replay);
            }
        }
        Ok(asked)
    }

    /// Records what was asked for: a whole unit, or letters from a first row on.
    fn ask(&mut self, unit: UnitId, destination: &str, first: Option<i64>, now: i64) -> ReplayId {
        let id = self.replays.len() as ReplayId + 1;
        self.replays.push(Replay {
            id,
            unit,
            destination: destination.to_owned(),
            rows: first.map(|_| Vec::new()),
            position: first.unwrap_or(0),
            delivered: 0,
            rejected: 0,
            attempts: 0,
            not_before: 0,
            note: None,
            requested_at: now,
            ended_at: None,
        });
        id
    }

    fn is_replayable(&self, unit: &Unit, destination: &str) -> bool {
        let to = |id: UnitId, name: &str| id == unit.id && name == destination;
        matches!(unit.state, State::Admitted | State::Done)
            && !self.deliveries.iter().any(|d| to(d.unit, &d.destination) && !d.done)
            && !self
                .replays
                .iter()
                .any(|r| to(r.unit, &r.destination) && r.ended_at.is_none() && r.rows.is_none())
    }

    fn is_withheld(&self, unit: UnitId, destination: &str) -> bool {
        self.deliveries
            .iter()
            .any(|d| d.unit == unit && d.destination == destination && d.withheld.is_some())
    }

    pub(super) fn replayable(&self, choice: &UnitChoice, destination: &str) -> Vec<Unit> {
        let types = choice.event_types.as_ref();
        let chosen = |unit: &&Unit| {
            let listed = &unit.listed;
            listed.lane.connector == choice.connector
                && choice.log_file_id.as_ref().is_none_or(|id| *id == listed.log_file_id)
                && choice.from.is_none_or(|from| listed.log_date >= from)
                && choice.to.is_none_or(|to| listed.log_date < to)
                && types.is_none_or(|types| types.contains(&listed.lane.event_type))
                && (!choice.withheld || self.is_withheld(unit.id, destination))
                && self.is_replayable(unit, destination)
        };
        let mut units: Vec<_> =
            self.units.iter().filter(chosen).map(|unit| self.shown(unit)).collect();
        units.sort_by_key(|unit| (unit.listed.log_date, unit.id));
        units
    }

    pub(super) fn ask_units(&mut self, units: &[UnitId], to: &str, now: i64) -> Answer<u64> {
        let mut asked = 0;
        for id in units {
            let unit = self.unit(*id)?.clone();
            if self.is_replayable(&unit, to) {
                self.ask(*id, to, None, now);
                asked += 1;
            }
        }
        Ok(asked)
    }

    /// All replays of a connector, as the contract shows them, in the order they were asked for.
    pub(super) fn replays_of(&self, connector: &str) -> Vec<(Unit, Replay)> {
        let pair = |replay: &Replay| {
            let mut all = self.units.iter();
            let unit = all.find(|unit| unit.id == replay.unit)?;
            let open = self.dead_letters.iter().filter(|kept| kept.closed.is_none());
            let own = open.filter(|kept| kept.replay == Some(replay.id));
            let mut rows: Vec<i64> = own.filter_map(|kept| kept.letter.row).collect();
            rows.sort_unstable();
            let rows = replay.rows.as_ref().map(|_| rows);
            let own = unit.listed.lane.connector == connector;
            own.then(|| (self.shown(unit), Replay { rows, ..replay.clone() }))
        };
        self.replays.iter().filter_map(pair).collect()
    }

    /// Lanes with replays that are due, the oldest replay first.
    pub(super) fn replays_due(&self, connector: &str, stage: &str, now: i64) -> Vec<LaneWork> {
        let Ok(Stage::Deliver(name)) = Stage::parse(stage) else { return Vec::new() };
        let mut due: Vec<LaneWork> = Vec::new();
        for (unit, replay) in self.replays_of(connector) {
            let lane: Lane = unit.listed.lane;
            let grant = self.grants.get(&(lane.clone(), stage.to_owned()));
            let leased = grant.is_some_and(|g| g.owner.is_some() && g.expires > now);
            let open = replay.ended_at.is_none() && replay.not_before <= now;
            if replay.destination != name || !open || leased {
                continue;
            }
            match due.iter_mut().find(|work| work.lane == lane) {
                Some(work) => work.units += 1,
                None => due.push(LaneWork { lane, units: 1 }),
            }
        }
        due
    }

    pub(super) fn give_up_replays(&mut self, connector: &str, destination: &str, now: i64) {
        let own: Vec<ReplayId> =
            self.replays_of(connector).into_iter().map(|(_, replay)| replay.id).collect();
        for replay in &mut self.replays {
            let gone = own.contains(&replay.id) && replay.destination == destination;
            if gone && replay.ended_at.is_none() {
                (replay.ended_at, replay.note) = (Some(now), Some(GIVEN_UP.to_owned()));
            }
        }
    }

    /// A replay that a lease gives the right to write to.
    fn replay(&mut self, lease: &Lease, id: ReplayId) -> Answer<&mut Replay> {
        if !self.held(lease) {
            return Err(fenced(lease));
        }
        let Stage::Deliver(name) = Stage::parse(&lease.stage)? else { return Err(fenced(lease)) };
        let all = self.replays_of(&lease.lane.connector);
        let own = all.iter().any(|(unit, replay)| {
            unit.listed.lane == lease.lane && replay.id == id && replay.destination == name
        });
        let found = self.replays.iter_mut().find(|replay| own && replay.id == id);
        found.ok_or_else(|| no_delivery(replay_name(id, name), "nothing"))
    }

    pub(super) fn open_replay(&mut self, lease: &Lease, id: ReplayId) -> Answer<&mut Replay> {
        let replay = self.replay(lease, id)?;
        if replay.ended_at.is_some() {
            return Err(no_delivery(replay_name(id, &replay.destination), "its end"));
        }
        Ok(replay)
    }

    pub(super) fn replay_step(
        &mut self,
        lease: &Lease,
        id: ReplayId,
        delta: &DeliveryDelta,
        now: i64,
    ) -> Answer<()> {
        let replay = self.replay(lease, id)?;
        if replay.unit != delta.unit {
            return Err(no_delivery(replay_name(id, &replay.destination), "another unit"));
        }
        check_step(String::new, replay.position, replay.ended_at.is_some(), delta.from, delta.to)?;
        if delta.delivered < 0 {
            return Err(LedgerError::Corrupt("a negative count".to_owned()));
        }
        replay.position = delta.to;
        replay.delivered += delta.delivered;
        replay.rejected += delta.rejected.len() as i64;
        replay.ended_at = delta.done.then_some(now);
        if delta.to > delta.from || delta.done {
            (replay.attempts, replay.not_before, replay.note) = (0, 0, None);
        }
        let (whole, sent) = (replay.rows.is_none(), replay.clone());
        let mut new = if whole { delta.rejected.clone() } else { Vec::new() };
        for kept in &mut self.dead_letters {
            let own = kept.closed.is_none()
                && kept.letter.unit == delta.unit
                && kept.letter.destination.as_deref() == Some(&delta.destination)
                && kept.letter.row.is_some_and(|row| delta.from <= row && row < delta.to)
                && (whole || kept.replay == Some(id));
            if own {
                match delta.rejected.iter().find(|letter| letter.row == kept.letter.row) {
                    None => kept.closed = Some(Closed { at: now, how: Closing::Replayed }),
                    Some(letter) => {
                        new.retain(|other| other.row != letter.row);
                        renew(&mut kept.letter, letter);
                    }
                }
            }
        }
        let by = |letter: &mut DeadLetter| letter.destination = Some(delta.destination.clone());
        new.iter_mut().for_each(by);
        self.set_aside(delta.unit, &new)?;
        if delta.done && whole {
            let is_this =
                |d: &&mut Delivery| d.unit == sent.unit && d.destination == sent.destination;
            let delivery = self.deliveries.iter_mut().find(is_this);
            if let Some(delivery) = delivery.filter(|delivery| delivery.withheld.is_some()) {
                delivery.withheld = None;
                delivery.position = sent.position;
                (delivery.delivered, delivery.rejected) = (sent.delivered, sent.rejected);
            }
            let of_unit = self.not_got_letters(delta.unit, &delta.destination);
            self.close(&of_unit, Closing::Replayed, now);
        }
        Ok(())
    }

    fn not_got_letters(&self, unit: UnitId, destination: &str) -> Vec<LetterId> {
        self.open_letters(unit, |letter| {
            letter.row.is_none() && letter.destination.as_deref() == Some(destination)
        })
    }

    /// A letter that stands for a unit at a destination, new or renewed.
    pub(super) fn not_got(
        &mut self,
        unit: UnitId,
        destination: &str,
        letter: Option<&DeadLetter>,
    ) -> Answer<()> {
        let Some(letter) = letter else { return Ok(()) };
        if let Some(before) = self.not_got_letters(unit, destination).last() {
            let place = usize::try_from(before - 1).unwrap();
            renew(&mut self.dead_letters[place].letter, letter);
            return Ok(());
        }
        let destination = Some(destination.to_owned());
        self.set_aside(unit, &[DeadLetter { destination, ..letter.clone() }])
    }
}

fn renew(old: &mut DeadLetter, new: &DeadLetter) {
    old.code.clone_from(&new.code);
    old.reason.clone_from(&new.reason);
    old.payload = kept(&new.payload).to_vec();
    old.at = new.at;
}
