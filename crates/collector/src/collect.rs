//! The first stage of a lane: fetch each unit, then admit what of it is new.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use orgtap_events::UnitInfo;
use orgtap_ledger::unit::{Event, State};
use orgtap_ledger::{Happened, Lane, Lease, Rollup, Unit};
use orgtap_salesforce::ErrorKind;
use orgtap_transport::{Disposition, Explain};

use crate::admit::decisions::Decided;
use crate::admit::hours::Hours;
use crate::admit::lane::LaneRows;
use crate::clock;
use crate::compare::{Compared, Known, compare_apart};
use crate::connector::{Connector, Note};
use crate::error::{Error, Result, UnitFault};
use crate::fetch::{self, fetch};
use crate::kill;
use crate::letter;
use crate::mend::{self, Failed};
use crate::prepare::{Preparing, Ready};
use crate::progress::Progress;
use crate::reconcile::{self, Terms};
use crate::release::make_room;
use crate::stage::{LEASE, Turn};

/// What happened in a lane is written down together after so long at most, and after so many events:
/// small units come quicker than a disk can be made to remember each.
const GROUP: Duration = Duration::from_millis(20);
const GROUP_EVENTS: usize = 32;
/// Deliveries of units below this length are not prepared, bytes: a second reading costs less.
const WORTHWHILE: u64 = 256 * 1024;

/// Works through a lane's units in order. Fetching goes on past a unit that must wait; admitting
/// does not, so that the lane's units are always admitted in the order they were fetched.
pub(crate) async fn lane(connector: &Connector, lane: &Lane, lease: Lease) -> Result<Turn> {
    let units = Arc::new(connector.ledger.units(lane).await?);
    let within = Within { units, rows: Arc::default(), lease: lease.clone() };
    let mut run = Run { connector, lease, within, pending: Vec::new() };
    let turn = run.turn().await;
    match &turn {
        // What cannot be written now is fetched again.
        Err(Error::Ledger(_)) => {}
        _ => run.commit().await?,
    }
    turn
}

/// A lane, for those of its units that are at work.
#[derive(Clone)]
struct Within {
    /// As they stand, with what is not in the ledger yet.
    units: Arc<Vec<Unit>>,
    /// What the lane has delivered, if it is small.
    rows: Arc<Mutex<LaneRows>>,
    /// The right to work on it; it may have been prolonged since.
    lease: Lease,
}

/// One lane's turn.
struct Run<'a> {
    connector: &'a Connector,
    lease: Lease,
    within: Within,
    /// What is not in the ledger yet.
    pending: Vec<Happened>,
}

impl Run<'_> {
    async fn turn(&mut self) -> Result<Turn> {
        let connector = self.connector;
        let now = clock::now();
        let mut turn = Turn::Done;
        for at in 0..self.within.units.len() {
            let Some(unit) = self.within.units.get(at).cloned() else { break };
            if unit.state.is_final() || unit.state == State::Admitted || unit.not_before > now {
                continue;
            }
            if connector.cancel.is_cancelled() || connector.hold.until(clock::now()).is_some() {
                return Ok(Turn::Held);
            }
            if self.lease.expires - clock::now() < clock::micros(LEASE) / 2 {
                let (ledger, now) = (&connector.ledger, clock::now());
                self.lease = ledger.renew(&self.lease, now, clock::micros(LEASE)).await?;
            }
            if reconcile::is_covered(&connector.settings, &unit, &self.within.units) {
                let event = Event::Covered;
                self.pending.push(Happened { unit: unit.id, event, dead_letters: Vec::new() });
                Progress::add(&connector.progress.fetched, 1);
                continue;
            }
            let finished = connector.hold.finished();
            let room = match unit.state {
                State::Listed => {
                    let Connector { ledger, spool, spool_limits, .. } = connector;
                    let length = unit.listed.length.unsigned_abs();
                    make_room(ledger, spool, *spool_limits, length).await
                }
                _ => Ok(0),
            };
            if let Err(error) = room {
                self.commit().await?;
                turn = failed(connector, &self.lease, &unit, error).await?;
                connector.hold.found_full(finished);
                continue;
            }
            let (unit, events, failure) = self.step(unit).await?;
            self.pending.extend(events);
            if failure.is_some() || self.pending.len() >= GROUP_EVENTS {
                self.commit().await?;
            }
            match failure {
                None => Arc::make_mut(&mut self.within.units)[at] = unit,
                Some(error) => {
                    turn = failed(connector, &self.lease, &unit, error).await?;
                    // What comes after it asks what became of it.
                    let now = connector.ledger.unit(unit.id).await?;
                    Arc::make_mut(&mut self.within.units)[at] = now;
                }
            }
        }
        Ok(turn)
    }

    /// Takes a unit as far as it goes. What happened before is not kept waiting for it.
    async fn step(&mut self, unit: Unit) -> Result<(Unit, Vec<Happened>, Option<Error>)> {
        let stepping = Box::pin(step(self.connector, unit, self.within.clone()));
        if self.pending.is_empty() {
            return Ok(stepping.await);
        }
        and_write(self.commit(), GROUP, stepping).await
    }

    /// Writes down what happened.
    async fn commit(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.pending);
        self.connector.ledger.apply_each(&self.lease, &events, clock::now()).await?;
        kill::point("admit.after_ledger");
        self.connector.work.notify_waiters();
        Ok(())
    }
}

/// Works, and writes something down meanwhile unless the work ends before. Neither stands still for
/// the other: the work may hold what the writing waits for.
async fn and_write<T, E>(
    writing: impl Future<Output = Result<(), E>>,
    patience: Duration,
    mut working: impl Future<Output = T> + Unpin,
) -> Result<T, E> {
    tokio::select! {
        done = &mut working => return Ok(done),
        () = tokio::time::sleep(patience) => {}
    }
    let (done, ()) = tokio::try_join!(async { Ok(working.await) }, writing)?;
    Ok(done)
}

/// Decides what a unit's failure means.
async fn failed(connector: &Connector, lease: &Lease, unit: &Unit, error: Error) -> Result<Turn> {
    let ledger = &connector.ledger;
    match &error {
        Error::Ledger(_) => return Err(error),
        // The stage waits, and the unit is as fresh as before.
        Error::Budget(_) => return Ok(Turn::Held),
        Error::Org(org) if *org.kind() == ErrorKind::Gone => {
            tracing::info!(
                connector = connector.name(),
                log_file = unit.listed.log_file_id,
                event_type = unit.listed.lane.event_type,
                "the org no longer has this log file"
            );
            ledger.apply(lease, unit.id, &Event::Gone, &[], clock::now()).await?;
            connector.vanished.store(true, Ordering::Relaxed);
            connector.hold.succeeded();
            Progress::add(&connector.progress.fetched, 1);
            return Ok(Turn::Done);
        }
        _ => {}
    }
    Progress::add(&connector.progress.retries, 1);
    let problem = error.problem();
    // All meet the same full disk, again and again.
    if !error.is_disk_full() || connector.hold.reason().is_none() {
        connector.errors.add(&error, None);
        tracing::warn!(
            connector = connector.name(),
            log_file = unit.listed.log_file_id,
            event_type = unit.listed.lane.event_type,
            code = problem.code,
            remedy = problem.remedy,
            "{}",
            problem.message
        );
    }
    if matches!(error, Error::Unit(_)) && error.disposition() == Disposition::Reject {
        let event = Event::Undecodable { reason: problem.message.clone() };
        let letter = letter::of_unit(unit, None, problem);
        ledger.apply(lease, unit.id, &event, &[letter], clock::now()).await?;
        Progress::add(&connector.progress.fetched, 1);
        return Ok(Turn::Done);
    }
    if connector.hold.failed(connector, &error) {
        // Everybody waits, and the unit is as fresh as before.
        return Ok(Turn::Held);
    }
    let until = connector.wait(&error, unit.attempts + 1, unit.id);
    ledger.postpone(lease, unit.id, until, &Note::of(&error).text()).await?;
    Ok(Turn::Failed)
}

/// Takes a unit as far as it goes: as it stands then, what happened, and why it went no further.
async fn step(
    connector: &Connector,
    mut unit: Unit,
    within: Within,
) -> (Unit, Vec<Happened>, Option<Error>) {
    let mut events = Vec::with_capacity(2);
    match steps(connector, &mut unit, &within, &mut events).await {
        Ok(()) => (unit, events, None),
        Err(error) => (unit, events, Some(error)),
    }
}

async fn steps(
    connector: &Connector,
    unit: &mut Unit,
    within: &Within,
    events: &mut Vec<Happened>,
) -> Result<()> {
    let info = connector.info(unit)?;
    let mut fresh = Fresh::default();
    if unit.state == State::Listed {
        let prepare = prepare(connector, unit, &info, &within.units);
        let (happened, found) = fetch_unit(connector, unit, &info, prepare).await?;
        events.push(happened);
        fresh = found;
    }
    events.push(admit(connector, unit, &info, within, fresh).await?);
    Ok(())
}

/// What is known of a unit that was fetched a moment ago.
#[derive(Default)]
struct Fresh {
    /// Its rows by hour, if no two say the same.
    distinct: Option<Hours>,
    /// Its delivery, if that was prepared.
    ready: Option<Ready>,
    /// What its rows say, if that is counted.
    rollup: Option<Rollup>,
}

/// Begins to prepare a unit's delivery, where that is likely to be of use.
fn prepare(
    connector: &Connector,
    unit: &Unit,
    info: &Arc<UnitInfo>,
    lane: &[Unit],
) -> Option<Preparing> {
    // From a try before, whose end was not written down.
    connector.prepared.forget(unit.id);
    let destination = connector.destinations.iter().find(|one| one.forgets_unfinished())?;
    let first = !lane.iter().any(|other| other.id != unit.id && reconcile::is_decided(other));
    if !first || info.length < WORTHWHILE {
        return None;
    }
    connector.prepared.begin(destination, info, connector.counting.counter())
}

async fn fetch_unit(
    connector: &Connector,
    unit: &mut Unit,
    info: &Arc<UnitInfo>,
    prepare: Option<Preparing>,
) -> Result<(Happened, Fresh)> {
    let note = unit.note.as_deref().and_then(|text| serde_json::from_str::<Note>(text).ok());
    let content_hash = note.and_then(|note| note.content_hash);
    let earlier = fetch::Earlier { attempts: unit.attempts, content_hash, delivered: None };
    let allowed = connector.budget.fetch(&connector.org)?;
    allowed.turn().await;
    let _share = connector.memory.to_fetch(info.length).await;
    let fetched = fetch(connector, info, &earlier, prepare).await?;
    connector.hold.succeeded();
    let inspected = fetched.inspected;
    if let Some(warning) = &fetched.warning {
        tracing::warn!(
            connector = connector.name(),
            log_file = info.log_file_id,
            event_type = info.event_type,
            "{warning}"
        );
    }
    unit.state = State::Fetched;
    unit.spooled = true;
    unit.spool_path = Some(fetched.relative.clone());
    unit.rows = i64::try_from(inspected.rows).unwrap_or(i64::MAX);
    let dead_letters = letter::of_rows(unit, &inspected);
    let distinct = (inspected.doubles == 0).then_some(inspected.hours);
    let progress = &connector.progress;
    Progress::add(&progress.fetched, 1);
    Progress::add(&progress.raw_bytes, inspected.raw_bytes);
    let event = Event::Fetched {
        spool_path: fetched.relative,
        spool_bytes: fetched.spool_bytes,
        raw_bytes: inspected.raw_bytes,
        rows: inspected.rows,
        content_hash: inspected.content_hash,
        warning: fetched.warning,
    };
    let fresh = Fresh { distinct, ready: fetched.ready, rollup: fetched.rollup };
    Ok((Happened { unit: unit.id, event, dead_letters }, fresh))
}

/// Compares the unit with what the lane has delivered, and tells what of it is new.
async fn admit(
    connector: &Connector,
    unit: &mut Unit,
    info: &Arc<UnitInfo>,
    within: &Within,
    fresh: Fresh,
) -> Result<Happened> {
    let Within { units: lane, rows, lease } = within;
    let earlier = lane.iter().filter(|other| other.id != unit.id && reconcile::is_decided(other));
    let earlier: Vec<&Unit> = earlier.collect();
    let terms = Terms::of(&connector.settings, unit, lane);
    let Fresh { distinct, ready, rollup } = fresh;
    let (compared, ready) = match distinct {
        Some(hours) if earlier.is_empty() && terms == Terms::NONE => {
            let decided = Decided::all_new(hours);
            let ready = ready.filter(|ready| ready.agrees(&decided, Path::new("")));
            (Compared::Decided(Box::new(decided)), ready)
        }
        _ => {
            let this = Known::of(info, unit);
            let mut known = Vec::with_capacity(earlier.len());
            for other in &earlier {
                known.push(Known::of(&connector.info(other)?, other));
            }
            match compare_apart(connector, this, known, terms, Arc::clone(rows), ready).await {
                Err(error) if mend::is_called_for(&error) => {
                    let failed = Failed { unit, earlier, terms, rows, error };
                    (Box::pin(mend::compare_again(connector, lease, failed)).await?, None)
                }
                compared => compared?,
            }
        }
    };
    if let Some(ready) = ready {
        connector.prepared.put(unit.id, ready);
    }
    kill::point("admit.before_ledger");
    let (event, dead_letters) = match compared {
        Compared::Decided(decided) => {
            connector.counting.offer(unit.id, of_admitted(rollup, &decided));
            (admitted(connector, unit, &decided), Vec::new())
        }
        Compared::Disputed(fault) => {
            let letter = mend::letter(connector, unit, &fault).await?;
            (disputed(connector, unit, fault), letter)
        }
    };
    Ok(Happened { unit: unit.id, event, dead_letters })
}

/// What is to be counted of a unit; none if it must be read again for that.
fn of_admitted(rollup: Option<Rollup>, decided: &Decided) -> Option<Rollup> {
    match decided.admitted() {
        0 => Some(Rollup::default()),
        all if all == decided.rows() => rollup,
        _ => None,
    }
}

fn admitted(connector: &Connector, unit: &mut Unit, decided: &Decided) -> Event {
    let (admitted, repeats) = (decided.admitted(), decided.repeats());
    let rows = u64::try_from(unit.rows).unwrap_or_default();
    let undecodable = rows.saturating_sub(decided.rows());
    let count = |number| i64::try_from(number).unwrap_or(i64::MAX);
    unit.state = State::Admitted;
    (unit.admitted, unit.repeats) = (count(admitted), count(repeats));
    unit.undecodable = count(undecodable);
    Progress::add(&connector.progress.admitted, admitted);
    Progress::add(&connector.progress.repeats, repeats);
    let (exceptions, hours) = (decided.exceptions, decided.hours.busy());
    Event::Admitted { admitted, repeats, undecodable, exceptions, hours }
}

fn disputed(connector: &Connector, unit: &mut Unit, fault: UnitFault) -> Event {
    let problem = Error::Unit(fault).problem();
    tracing::warn!(
        connector = connector.name(),
        log_file = unit.listed.log_file_id,
        event_type = unit.listed.lane.event_type,
        code = problem.code,
        remedy = problem.remedy,
        "nothing of the file is delivered: {}",
        problem.message
    );
    unit.state = State::Disputed;
    Event::Disputed { reason: problem.message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_holds_the_ledger_does_not_stand_still_while_others_wait_for_it_to_write() {
        let ledger = tokio::sync::Mutex::new(Vec::new());
        let working = Box::pin(async {
            let mut held = ledger.lock().await;
            tokio::time::sleep(2 * GROUP).await;
            held.push("read");
            drop(held);
            tokio::time::sleep(GROUP).await;
            "done"
        });
        let writing = async {
            ledger.lock().await.push("written");
            Ok::<(), ()>(())
        };
        let both = and_write(writing, GROUP, working);
        let done = tokio::time::timeout(Duration::from_secs(20), both).await;
        assert_eq!(done.expect("neither goes on"), Ok("done"));
        assert_eq!(*ledger.lock().await, ["read", "written"]);
    }

    #[tokio::test]
    async fn what_happened_is_written_before_long_work_ends_and_not_at_all_beside_short_work() {
        let written = std::cell::Cell::new(false);
        let writing = || async {
            written.set(true);
            Ok::<(), ()>(())
        };
        let short = Box::pin(async {});
        assert_eq!(and_write(writing(), Duration::from_mins(1), short).await, Ok(()));
        assert!(!written.get());
        let long = Box::pin(async {
            while !written.get() {
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(and_write(writing(), Duration::ZERO, long).await, Ok(()));
    }

    #[tokio::test]
    async fn work_is_given_up_when_what_happened_cannot_be_written() {
        let endless = Box::pin(std::future::pending::<()>());
        assert_eq!(and_write(async { Err("full") }, Duration::ZERO, endless).await, Err("full"));
    }
}
