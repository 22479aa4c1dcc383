//! A ledger in memory: the slow and obvious one that the databases are compared with, and a quick
//! one for tests of what stands on the ledger. Nothing survives the process.
//!
//! Every write works on a copy of the whole world, which is taken over if nothing was refused.

mod asked;
mod backfills;
mod counts;
mod replays;
mod world;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::rules::{Stage, check_cursor, no_delivery};
use crate::unit::{Misfit, State};
use crate::{
    Account, ApiCalls, Backfill, BackfillId, BackfillState, Closing, ConnectorRecord, Cursor,
    DeadLetter, Delivery, DeliveryDelta, Happened, Kind, Lane, LaneWork, Lease, Ledger, Letter,
    LetterChoice, LetterCount, LetterId, LettersAsked, Listed, LogDates, NewBackfill, NewUnit,
    Overview, Paused, RecordChange, Replay, ReplayId, Summary, Unit, UnitChoice, UnitId,
};
use world::{Answer, World, fenced};

/// A [`Ledger`] in memory.
#[derive(Default)]
pub struct MemoryLedger(Mutex<World>);

impl MemoryLedger {
    fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut World) -> Answer<T>) -> Answer<T> {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut copy = world.clone();
        let answer = change(&mut copy)?;
        *world = copy;
        Ok(answer)
    }
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn register(
        &self,
        connector: &str,
        destinations: &[String],
        now: i64,
    ) -> Answer<Vec<(String, i64)>> {
        self.write(|world| world.register(connector, destinations, now))
    }

    async fn connector(&self, connector: &str) -> Answer<ConnectorRecord> {
        Ok(self.read(|world| world.records.get(connector).cloned().unwrap_or_default()))
    }

    async fn change_connector(&self, connector: &str, change: RecordChange<'_>) -> Answer<()> {
        self.write(|world| {
            let record = world.records.entry(connector.to_owned()).or_default();
            let paused = record.paused.clone();
            change(record);
            record.paused = paused;
            Ok(())
        })
    }

    async fn set_paused(&self, connector: &str, paused: Option<&Paused>) -> Answer<()> {
        self.write(|world| {
            world.records.entry(connector.to_owned()).or_default().paused = paused.cloned();
            Ok(())
        })
    }

    async fn paused(&self) -> Answer<Vec<String>> {
        Ok(self.read(World::paused))
    }

    async fn cursor(&self, connector: &str, track: &str) -> Answer<Option<Cursor>> {
        let key = (connector.to_owned(), track.to_owned());
        Ok(self.read(|world| world.cursors.get(&key).cloned()))
    }

    async fn list(
        &self,
        connector: &str,
        track: &str,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Answer<Listed> {
        self.write(|world| {
            let key = (connector.to_owned(), track.to_owned());
            check_cursor(String::new, world.cursors.get(&key), from, to)?;
            let listed = world.record(connector, units, None, now)?;
            if let Some(to) = to {
                world.cursors.insert(key, to.clone());
            }
            Ok(listed)
        })
    }

    async fn due(
        &self,
        connector: &str,
        stage: &str,
        now: i64,
        limit: usize,
    ) -> Answer<Vec<LaneWork>> {
        self.read(|world| world.due(connector, stage, now, limit))
    }

    async fn wake(&self, connector: &str) -> Answer<()> {
        self.write(|world| {
            world.wake(connector);
            Ok(())
        })
    }

    async fn reconsider(&self, connector: &str, now: i64) -> Answer<u64> {
        self.write(|world| world.reconsider(connector, now))
    }

    async fn next_due(&self, connector: &str, now: i64) -> Answer<Option<i64>> {
        Ok(self.read(|world| world.next_due(connector, now)))
    }

    async fn lease_each(
        &self,
        lanes: &[Lane],
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Answer<Vec<Lease>> {
        Stage::parse(stage)?;
        self.write(|world| {
            Ok(lanes.iter().filter_map(|lane| world.take(lane, stage, owner, now, ttl)).collect())
        })
    }

    async fn renew(&self, lease: &Lease, now: i64, ttl: i64) -> Answer<Lease> {
        self.write(|world| {
            if !world.held(lease) {
                return Err(fenced(lease));
            }
            let expires = now.saturating_add(ttl);
            let key = (lease.lane.clone(), lease.stage.clone());
            world.grants.entry(key).and_modify(|grant| grant.expires = expires);
            Ok(Lease { expires, ..lease.clone() })
        })
    }

    async fn release_each(&self, leases: &[Lease]) -> Answer<()> {
        self.write(|world| {
            for lease in leases {
                if world.held(lease) {
                    let key = (lease.lane.clone(), lease.stage.clone());
                    world.grants.entry(key).and_modify(|grant| grant.owner = None);
                }
            }
            Ok(())
        })
    }

    async fn break_leases(&self) -> Answer<()> {
        self.write(|world| {
            for grant in world.grants.values_mut() {
                grant.owner = None;
                grant.epoch += 1;
            }
            Ok(())
        })
    }

    async fn units(&self, lane: &Lane) -> Answer<Vec<Unit>> {
        Ok(self.read(|world| {
            let mut units: Vec<Unit> = world
                .units
                .iter()
                .filter(|unit| unit.listed.lane == *lane)
                .map(|unit| world.shown(unit))
                .collect();
            units.sort_by_key(|unit| unit.id);
            units.sort_by_key(|unit| unit.listed.log_file_id.clone());
            units.sort_by_key(|unit| unit.listed.created_date);
            units.sort_by_key(|unit| unit.listed.sequence);
            units.sort_by_key(|unit| unit.listed.log_date);
            let (hourly, daily): (Vec<_>, Vec<_>) =
                units.into_iter().partition(|unit| unit.listed.interval == "Hourly");
            hourly.into_iter().chain(daily).collect()
        }))
    }

    async fn unit(&self, unit: UnitId) -> Answer<Unit> {
        self.write(|world| {
            let found = world.unit(unit)?.clone();
            Ok(world.shown(&found))
        })
    }

    async fn apply_each(&self, lease: &Lease, events: &[Happened], now: i64) -> Answer<Vec<State>> {
        Stage::parse(&lease.stage)?;
        self.write(|world| {
            if !world.held(lease) {
                return Err(fenced(lease));
            }
            events.iter().map(|happened| world.apply(lease, happened, now)).collect()
        })
    }

    async fn postpone(
        &self,
        lease: &Lease,
        unit: UnitId,
        not_before: i64,
        note: &str,
    ) -> Answer<()> {
        let stage = Stage::parse(&lease.stage)?;
        self.write(|world| {
            world.check_right(lease, &lease.stage, unit)?;
            if let Stage::Deliver(name) = stage {
                let delivery = world.delivery(unit, name)?;
                if delivery.done {
                    return Err(no_delivery(String::new(), "its end"));
                }
                delivery.attempts += 1;
                (delivery.not_before, delivery.note) = (not_before, Some(note.to_owned()));
                return Ok(());
            }
            let found = world.unit(unit)?;
            if !matches!(found.state, State::Listed | State::Fetched) {
                return Err(Misfit { from: found.state.name(), event: "postponed" }.into());
            }
            found.attempts += 1;
            (found.not_before, found.note) = (not_before, Some(note.to_owned()));
            Ok(())
        })
    }

    async fn outbox(&self, lane: &Lane, destination: &str) -> Answer<Vec<(Unit, Delivery)>> {
        let units = self.units(lane).await?;
        Ok(self.read(|world| {
            let open = |unit: &Unit| {
                let mut all = world.deliveries.iter();
                all.find(|d| d.unit == unit.id && d.destination == destination && !d.done).cloned()
            };
            let pair = |unit: Unit| open(&unit).map(|delivery| (unit, delivery));
            units.into_iter().filter_map(pair).collect()
        }))
    }

    async fn deliveries(&self, unit: UnitId) -> Answer<Vec<Delivery>> {
        self.write(|world| {
            world.unit(unit)?;
            let mut found: Vec<_> =
                world.deliveries.iter().filter(|d| d.unit == unit).cloned().collect();
            found.sort_by(|a, b| a.destination.cmp(&b.destination));
            Ok(found)
        })
    }

    async fn deliver(&self, lease: &Lease, deltas: &[DeliveryDelta], now: i64) -> Answer<()> {
        Stage::parse(&lease.stage)?;
        self.write(|world| {
            if !world.held(lease) {
                return Err(fenced(lease));
            }
            deltas.iter().try_for_each(|delta| {
                world.step(lease, delta, now)?;
                world.note_reached(lease, delta, now)
            })
        })
    }

    async fn withhold(
        &self,
        lease: &Lease,
        units: &[UnitId],
        reason: &str,
        now: i64,
    ) -> Answer<()> {
        self.write(|world| {
            if !world.held(lease) {
                return Err(fenced(lease));
            }
            units.iter().try_for_each(|unit| world.withhold(lease, *unit, reason, now))
        })
    }

    async fn letters(&self, choice: &LetterChoice, limit: usize) -> Answer<Vec<Letter>> {
        Ok(self.read(|world| {
            let mut letters: Vec<_> = world.letters(choice);
            letters.reverse();
            letters.sort_by_key(|found| std::cmp::Reverse(found.letter.at));
            letters.truncate(limit);
            letters
        }))
    }

    async fn letter_counts(&self, choice: &LetterChoice) -> Answer<Vec<LetterCount>> {
        let mut counts: BTreeMap<_, i64> = BTreeMap::new();
        for found in self.read(|world| world.letters(choice)) {
            *counts.entry((found.letter.code, found.letter.destination)).or_default() += 1;
        }
        let count = |((code, destination), letters)| LetterCount { code, destination, letters };
        let mut counts: Vec<_> = counts.into_iter().map(count).collect();
        counts.sort_by_key(|count| std::cmp::Reverse(count.letters));
        Ok(counts)
    }

    async fn dismiss(&self, letters: &[LetterId], now: i64) -> Answer<u64> {
        self.write(|world| Ok(world.close(letters, Closing::Dismissed, now)))
    }

    async fn forget_letters(&self, lane: &Lane) -> Answer<u64> {
        self.write(|world| Ok(world.forget_letters(lane)))
    }

    async fn replay_letters(&self, letters: &[LetterId], now: i64) -> Answer<LettersAsked> {
        self.write(|world| world.ask_letters(letters, now))
    }

    async fn replayable(&self, choice: &UnitChoice, destination: &str) -> Answer<Vec<Unit>> {
        Ok(self.read(|world| world.replayable(choice, destination)))
    }

    async fn replay_units(&self, units: &[UnitId], destination: &str, now: i64) -> Answer<u64> {
        self.write(|world| world.ask_units(units, destination, now))
    }

    async fn replays(&self, lane: &Lane, destination: &str) -> Answer<Vec<(Unit, Replay)>> {
        Ok(self.read(|world| {
            let mut all = world.replays_of(&lane.connector);
            all.retain(|(unit, replay)| {
                unit.listed.lane == *lane
                    && replay.destination == destination
                    && replay.ended_at.is_none()
            });
            all
        }))
    }

    async fn replays_of(&self, connector: &str, limit: usize) -> Answer<Vec<(Unit, Replay)>> {
        Ok(self.read(|world| {
            let mut all = world.replays_of(connector);
            all.reverse();
            all.truncate(limit);
            all
        }))
    }

    async fn postpone_replay(
        &self,
        lease: &Lease,
        replay: ReplayId,
        not_before: i64,
        note: &str,
    ) -> Answer<()> {
        self.write(|world| {
            let replay = world.open_replay(lease, replay)?;
            replay.attempts += 1;
            (replay.not_before, replay.note) = (not_before, Some(note.to_owned()));
            Ok(())
        })
    }

    async fn fail_replay(
        &self,
        lease: &Lease,
        replay: ReplayId,
        dead_letter: Option<&DeadLetter>,
        note: &str,
        now: i64,
    ) -> Answer<()> {
        self.write(|world| {
            let replay = world.open_replay(lease, replay)?;
            (replay.ended_at, replay.note) = (Some(now), Some(note.to_owned()));
            let (unit, destination) = (replay.unit, replay.destination.clone());
            world.not_got(unit, &destination, dead_letter)
        })
    }

    async fn spooled_again(
        &self,
        lease: &Lease,
        unit: UnitId,
        spool_path: &str,
        spool_bytes: i64,
    ) -> Answer<()> {
        self.write(|world| {
            world.check_right(lease, &lease.stage, unit)?;
            let unit = world.unit(unit)?;
            unit.spooled = true;
            unit.spool_path = Some(spool_path.to_owned());
            unit.spool_bytes = spool_bytes;
            Ok(())
        })
    }

    async fn releasable(&self, before: i64, limit: usize) -> Answer<Vec<Unit>> {
        Ok(self.read(|world| world.releasable(before, limit)))
    }

    async fn spooled_bytes(&self) -> Answer<i64> {
        Ok(self.read(|world| {
            let spooled = world.units.iter().filter(|unit| unit.spooled);
            spooled.map(|unit| unit.spool_bytes).sum()
        }))
    }

    async fn spool_released(&self, units: &[UnitId]) -> Answer<u64> {
        self.write(|world| units.iter().map(|unit| world.spool_released(*unit)).sum())
    }

    async fn summary(&self, connector: &str) -> Answer<Summary> {
        Ok(self.read(|world| world.summary(connector)))
    }

    async fn at_work(&self, connector: &str, limit: usize) -> Answer<Vec<(Unit, Vec<Delivery>)>> {
        Ok(self.read(|world| world.at_work(connector, limit)))
    }

    async fn overview(&self, day: &str) -> Answer<BTreeMap<String, Overview>> {
        Ok(self.read(|world| world.overview(day)))
    }

    async fn kinds(&self, dates: LogDates<'_>) -> Answer<Vec<Kind>> {
        Ok(self.read(|world| world.kinds(dates)))
    }

    async fn accounts(&self, dates: LogDates<'_>, event_type: &str) -> Answer<Vec<Account>> {
        Ok(self.read(|world| world.accounts(dates, event_type)))
    }

    async fn count_calls(&self, connector: &str, calls: &[ApiCalls]) -> Answer<()> {
        self.write(|world| {
            for one in calls {
                let key = (connector.to_owned(), one.day.clone(), one.purpose.clone());
                *world.calls.entry(key).or_default() += one.calls;
            }
            Ok(())
        })
    }

    async fn api_calls(&self, connector: &str, since: &str) -> Answer<Vec<ApiCalls>> {
        Ok(self.read(|world| {
            let own = world
                .calls
                .iter()
                .filter(|((name, day, _), _)| name == connector && day.as_str() >= since);
            own.map(|((_, day, purpose), calls)| {
                let (day, purpose) = (day.clone(), purpose.clone());
                ApiCalls { day, purpose, calls: *calls }
            })
            .collect()
        }))
    }

    async fn begin_backfill(&self, wish: &NewBackfill, now: i64) -> Answer<BackfillId> {
        self.write(|world| Ok(world.begin_backfill(wish, now)))
    }

    async fn feed_backfill(
        &self,
        backfill: BackfillId,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Answer<Listed> {
        self.write(|world| world.feed_backfill(backfill, units, from, to, now))
    }

    async fn move_backfill(
        &self,
        backfill: BackfillId,
        from: BackfillState,
        to: BackfillState,
        now: i64,
    ) -> Answer<()> {
        self.write(|world| world.move_backfill(backfill, from, to, now))
    }

    async fn backfills(&self, connector: &str) -> Answer<Vec<Backfill>> {
        Ok(self.read(|world| world.shown_backfills(connector)))
    }

    async fn connectors(&self) -> Answer<Vec<String>> {
        Ok(self.read(|world| world.registered.keys().cloned().collect()))
    }
}
