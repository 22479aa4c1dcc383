//! The first stage of a lane: fetch each unit, then admit what of it is new.

use std::sync::Arc;
use std::time::Duration;

use orgtap_events::{Interval, UnitInfo};
use orgtap_ledger::unit::{Event, State};
use orgtap_ledger::{DeadLetter, Happened, Lane, Lease, Unit};
use orgtap_salesforce::ErrorKind;
use orgtap_transport::disk::{path_part, place, settle};
use orgtap_transport::{Disposition, Explain};

use crate::admit::decisions::{Decided, decide};
use crate::admit::index::IndexReader;
use crate::clock;
use crate::config::IntervalPolicy;
use crate::connector::{Connector, Note};
use crate::error::{Error, Result, UnitFault};
use crate::fetch::{Earlier, fetch};
use crate::inspect::{DeadRow, Inspected, inspect, limit};
use crate::kill;
use crate::progress::Progress;
use crate::release::make_room;
use crate::spool::Spool;
use crate::stage::{LEASE, Turn};

/// What happened in a lane is written down together after so long at most, and after so many events:
/// small units come quicker than a disk can be made to remember each.
const GROUP: Duration = Duration::from_millis(20);
const GROUP_EVENTS: usize = 32;

/// Works through a lane's units in order. Fetching goes on past a unit that must wait; admitting
/// does not, so that the lane's units are always admitted in the order they were fetched.
pub(crate) async fn lane(connector: &Connector, lane: &Lane, lease: Lease) -> Result<Turn> {
    let units = Arc::new(connector.ledger.units(lane).await?);
    let mut run = Run { connector, lease, units, pending: Vec::new() };
    let turn = run.turn().await;
    match &turn {
        // What cannot be written now is fetched again.
        Err(Error::Ledger(_)) => {}
        _ => run.commit().await?,
    }
    turn
}

/// One lane's turn.
struct Run<'a> {
    connector: &'a Connector,
    lease: Lease,
    /// As they stand, with what is not in the ledger yet.
    units: Arc<Vec<Unit>>,
    /// What is not in the ledger yet.
    pending: Vec<Happened>,
}

impl Run<'_> {
    async fn turn(&mut self) -> Result<Turn> {
        let connector = self.connector;
        let now = clock::now();
        let mut turn = Turn::Done;
        let hourly = self.units.iter().any(|unit| {
            unit.listed.interval == Interval::Hourly.name() && unit.state != State::Vanished
        });
        for at in 0..self.units.len() {
            let Some(unit) = self.units.get(at).cloned() else { break };
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
            let covered = connector.settings.interval == IntervalPolicy::Auto
                && hourly
                && unit.state == State::Listed
                && unit.listed.interval == Interval::Daily.name();
            if covered {
                let event = Event::Covered;
                self.pending.push(Happened { unit: unit.id, event, dead_letters: Vec::new() });
                Progress::add(&connector.progress.fetched, 1);
                continue;
            }
            // Not as part of the step, which stands still while what happened is written down.
            let room = match unit.state {
                State::Listed => {
                    make_room(&connector.ledger, &connector.spool, connector.spool_limits).await
                }
                _ => Ok(0),
            };
            if let Err(error) = room {
                self.commit().await?;
                turn = failed(connector, &self.lease, &unit, error).await?;
                continue;
            }
            let (unit, events, failure) = self.step(unit).await?;
            self.pending.extend(events);
            if failure.is_some() || self.pending.len() >= GROUP_EVENTS {
                self.commit().await?;
            }
            match failure {
                None => Arc::make_mut(&mut self.units)[at] = unit,
                Some(error) => turn = failed(connector, &self.lease, &unit, error).await?,
            }
        }
        Ok(turn)
    }

    /// Takes a unit as far as it goes. What happened before is not kept waiting for it.
    async fn step(&mut self, unit: Unit) -> Result<(Unit, Vec<Happened>, Option<Error>)> {
        let mut stepping = Box::pin(step(self.connector, unit, Arc::clone(&self.units)));
        tokio::select! {
            stepped = &mut stepping => return Ok(stepped),
            () = tokio::time::sleep(GROUP), if !self.pending.is_empty() => {}
        }
        self.commit().await?;
        Ok(stepping.await)
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

/// Decides what a unit's failure means.
async fn failed(connector: &Connector, lease: &Lease, unit: &Unit, error: Error) -> Result<Turn> {
    let ledger = &connector.ledger;
    match &error {
        Error::Ledger(_) => return Err(error),
        Error::Org(org) if *org.kind() == ErrorKind::Gone => {
            tracing::info!(
                connector = connector.name(),
                log_file = unit.listed.log_file_id,
                event_type = unit.listed.lane.event_type,
                "the org no longer has this log file"
            );
            ledger.apply(lease, unit.id, &Event::Gone, &[], clock::now()).await?;
            connector.hold.succeeded();
            Progress::add(&connector.progress.fetched, 1);
            return Ok(Turn::Done);
        }
        _ => {}
    }
    Progress::add(&connector.progress.retries, 1);
    let problem = error.problem();
    tracing::warn!(
        connector = connector.name(),
        log_file = unit.listed.log_file_id,
        event_type = unit.listed.lane.event_type,
        code = problem.code,
        "{}",
        problem.message
    );
    if matches!(error, Error::Unit(_)) && error.disposition() == Disposition::Reject {
        let event = Event::Undecodable { reason: problem.message.clone() };
        let letter = DeadLetter {
            unit: unit.id,
            destination: None,
            row: None,
            offset: None,
            code: problem.code,
            reason: problem.message,
            payload: Vec::new(),
            at: clock::now(),
        };
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
    lane: Arc<Vec<Unit>>,
) -> (Unit, Vec<Happened>, Option<Error>) {
    let mut events = Vec::with_capacity(2);
    match steps(connector, &mut unit, &lane, &mut events).await {
        Ok(()) => (unit, events, None),
        Err(error) => (unit, events, Some(error)),
    }
}

async fn steps(
    connector: &Connector,
    unit: &mut Unit,
    lane: &[Unit],
    events: &mut Vec<Happened>,
) -> Result<()> {
    let info = connector.info(unit)?;
    if unit.state == State::Listed {
        events.push(fetch_unit(connector, unit, &info).await?);
    }
    events.push(admit(connector, unit, &info, lane).await?);
    Ok(())
}

async fn fetch_unit(
    connector: &Connector,
    unit: &mut Unit,
    info: &Arc<UnitInfo>,
) -> Result<Happened> {
    let note = unit.note.as_deref().and_then(|text| serde_json::from_str::<Note>(text).ok());
    let content_hash = note.and_then(|note| note.content_hash);
    let earlier = Earlier { attempts: unit.attempts, content_hash, delivered: None };
    let (org, spool, readers) = (&connector.org, &connector.spool, connector.destinations.len());
    let _share = connector.memory.to_fetch(info.length).await;
    let fetched = fetch(org, spool, info, &earlier, &connector.progress, readers).await?;
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
    let dead_letters = dead_letters(unit, &inspected);
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
    Ok(Happened { unit: unit.id, event, dead_letters })
}

fn dead_letters(unit: &Unit, inspected: &Inspected) -> Vec<DeadLetter> {
    let letter = |dead: &DeadRow| DeadLetter {
        unit: unit.id,
        destination: None,
        row: i64::try_from(dead.row).ok(),
        offset: i64::try_from(dead.offset).ok(),
        code: dead.code.to_owned(),
        reason: dead.reason.clone(),
        payload: dead.raw.clone(),
        at: clock::now(),
    };
    inspected.dead.iter().map(letter).collect()
}

/// Compares the unit with what the lane has delivered, and tells what of it is new.
async fn admit(
    connector: &Connector,
    unit: &mut Unit,
    info: &Arc<UnitInfo>,
    lane: &[Unit],
) -> Result<Happened> {
    let mut earlier = Vec::new();
    for other in lane {
        if other.id != unit.id && matches!(other.state, State::Admitted | State::Done) {
            earlier.push(Known::of(&connector.info(other)?, other));
        }
    }
    let this = Known::of(info, unit);
    let spool = connector.spool.clone();
    let decided = tokio::task::spawn_blocking(move || compare(&spool, &this, &earlier))
        .await
        .map_err(|error| Error::Worker(error.to_string()))??;
    kill::point("admit.before_ledger");
    unit.state = State::Admitted;
    let rows = u64::try_from(unit.rows).unwrap_or_default();
    let event = Event::Admitted {
        admitted: decided.admitted,
        repeats: decided.repeats,
        undecodable: rows.saturating_sub(decided.admitted + decided.repeats),
        exceptions: decided.exceptions,
    };
    Progress::add(&connector.progress.admitted, decided.admitted);
    Progress::add(&connector.progress.repeats, decided.repeats);
    Ok(Happened { unit: unit.id, event, dead_letters: Vec::new() })
}

/// A unit whose row index is needed, and its bytes if they are still there.
struct Known {
    unit: Arc<UnitInfo>,
    relative: Option<String>,
}

impl Known {
    fn of(info: &Arc<UnitInfo>, unit: &Unit) -> Self {
        let relative = unit.spool_path.clone().filter(|_| unit.spooled);
        Self { unit: Arc::clone(info), relative }
    }

    /// Opens the index; one that is lost is made again, if that can be done.
    fn open(&self, spool: &Spool) -> Result<IndexReader> {
        let lost = |error: std::io::Error| UnitFault::IndexLost {
            unit: format!("{} ({error})", self.unit.key()),
        };
        let path = spool.rows(&self.unit);
        match (IndexReader::open(&path), &self.relative) {
            (Ok(index), _) => return Ok(index),
            // It may have been released since the lane was looked at.
            (Err(_), Some(relative)) if spool.bytes(relative).exists() => {
                rebuild_index(spool, &self.unit, relative)?;
            }
            (Err(error), _) => return Err(lost(error).into()),
        }
        Ok(IndexReader::open(&path).map_err(lost)?)
    }
}

/// The comparison itself, on a thread of its own.
fn compare(spool: &Spool, this: &Known, earlier: &[Known]) -> Result<Decided> {
    let own = this.open(spool)?;
    let mut others = Vec::with_capacity(earlier.len());
    for other in earlier {
        others.push(other.open(spool)?);
    }
    let name = path_part(&this.unit.key());
    let part = spool.scratch().join(format!("{name}.admit"));
    let decided = decide(&part, &spool.scratch(), own, &mut others).map_err(Error::disk(&part))?;
    if decided.exceptions > 0 {
        kill::point("admit.before_rename");
        let to = spool.decisions(&this.unit);
        settle(&part, &to).map_err(Error::disk(&to))?;
    }
    Ok(decided)
}

/// Makes a lost row index again from the spooled bytes.
fn rebuild_index(spool: &Spool, unit: &UnitInfo, relative: &str) -> Result<()> {
    let name = path_part(&unit.key());
    let part = spool.scratch().join(format!("{name}.rows"));
    let path = spool.bytes(relative);
    let mut bytes = spool.open_bytes(relative).map_err(Error::disk(&path))?;
    inspect(&mut bytes, unit, limit(unit.length), &part, &spool.scratch(), None)
        .map_err(|error| error.at(&part))?;
    let to = spool.rows(unit);
    place(&part, &to).map_err(Error::disk(&to))
}
