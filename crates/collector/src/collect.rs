//! The first stage of a lane: fetch each unit, then admit what of it is new.

use std::sync::Arc;

use orgtap_events::{Interval, UnitInfo};
use orgtap_ledger::unit::{Event, State};
use orgtap_ledger::{DeadLetter, Lane, Lease, Unit};
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
use crate::inspect::{DeadRow, InspectError, Inspected, inspect, limit};
use crate::kill;
use crate::progress::Progress;
use crate::spool::Spool;
use crate::stage::{LEASE, Turn};

/// Works through a lane's units in order. Fetching goes on past a unit that must wait; admitting
/// does not, so that the lane's units are always admitted in the order they were fetched.
pub(crate) async fn lane(connector: &Connector, lane: &Lane, mut lease: Lease) -> Result<Turn> {
    let now = clock::now();
    let mut turn = Turn::Done;
    let units = connector.ledger.units(lane).await?;
    let hourly = units.iter().any(|unit| {
        unit.listed.interval == Interval::Hourly.name() && unit.state != State::Vanished
    });
    for unit in units {
        if unit.state.is_final() || unit.state == State::Admitted || unit.not_before > now {
            continue;
        }
        if connector.cancel.is_cancelled() || connector.hold.until(clock::now()).is_some() {
            return Ok(Turn::Held);
        }
        if lease.expires - clock::now() < clock::micros(LEASE) / 2 {
            lease = connector.ledger.renew(&lease, clock::now(), clock::micros(LEASE)).await?;
        }
        let covered = connector.settings.interval == IntervalPolicy::Auto
            && hourly
            && unit.state == State::Listed
            && unit.listed.interval == Interval::Daily.name();
        if covered {
            let ledger = &connector.ledger;
            ledger.apply(&lease, unit.id, &Event::Covered, &[], clock::now()).await?;
            Progress::add(&connector.progress.fetched, 1);
            continue;
        }
        match step(connector, &lease, &unit).await {
            Ok(()) => {}
            Err(error) => turn = failed(connector, &lease, &unit, error).await?,
        }
        connector.work.notify_waiters();
    }
    Ok(turn)
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

/// Takes a unit as far as it goes.
async fn step(connector: &Connector, lease: &Lease, unit: &Unit) -> Result<()> {
    let info = connector.info(unit)?;
    if unit.state == State::Listed {
        fetch_unit(connector, lease, unit, &info).await?;
    }
    admit(connector, lease, unit, &info).await
}

async fn fetch_unit(
    connector: &Connector,
    lease: &Lease,
    unit: &Unit,
    info: &Arc<UnitInfo>,
) -> Result<()> {
    let note = unit.note.as_deref().and_then(|text| serde_json::from_str::<Note>(text).ok());
    let earlier =
        Earlier { attempts: unit.attempts, content_hash: note.and_then(|note| note.content_hash) };
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
    let event = Event::Fetched {
        spool_path: fetched.relative,
        spool_bytes: fetched.spool_bytes,
        raw_bytes: inspected.raw_bytes,
        rows: inspected.rows,
        content_hash: inspected.content_hash.clone(),
        warning: fetched.warning,
    };
    let letters = dead_letters(unit, &inspected);
    connector.ledger.apply(lease, unit.id, &event, &letters, clock::now()).await?;
    kill::point("fetch.after_ledger");
    let progress = &connector.progress;
    Progress::add(&progress.fetched, 1);
    Progress::add(&progress.raw_bytes, inspected.raw_bytes);
    Ok(())
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

/// Compares the unit with what the lane has delivered, and records what of it is new.
async fn admit(
    connector: &Connector,
    lease: &Lease,
    unit: &Unit,
    info: &Arc<UnitInfo>,
) -> Result<()> {
    let ledger = &connector.ledger;
    let mut earlier = Vec::new();
    let mut this = None;
    for other in &ledger.units(&lease.lane).await? {
        if other.id == unit.id {
            this = Some((Known::of(info, other), other.rows));
        } else if matches!(other.state, State::Admitted | State::Done) {
            earlier.push(Known::of(&connector.info(other)?, other));
        }
    }
    let (this, rows) = this.ok_or(orgtap_ledger::LedgerError::NoUnit(unit.id))?;
    let spool = connector.spool.clone();
    let decided = tokio::task::spawn_blocking(move || compare(&spool, &this, &earlier))
        .await
        .map_err(|error| Error::Worker(error.to_string()))??;
    kill::point("admit.before_ledger");
    let rows = u64::try_from(rows).unwrap_or_default();
    let event = Event::Admitted {
        admitted: decided.admitted,
        repeats: decided.repeats,
        undecodable: rows.saturating_sub(decided.admitted + decided.repeats),
        exceptions: decided.exceptions,
    };
    ledger.apply(lease, unit.id, &event, &[], clock::now()).await?;
    kill::point("admit.after_ledger");
    Progress::add(&connector.progress.admitted, decided.admitted);
    Progress::add(&connector.progress.repeats, decided.repeats);
    Ok(())
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
        match (IndexReader::check(&path), &self.relative) {
            (Ok(()), _) => {}
            (Err(_), Some(relative)) => rebuild_index(spool, &self.unit, relative)?,
            (Err(error), None) => return Err(lost(error).into()),
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
    inspect(&mut bytes, unit, limit(unit.length), &part, &spool.scratch(), None).map_err(
        |error| match error {
            InspectError::Fault(fault) => Error::Unit(fault),
            InspectError::Disk(source) => Error::Disk { path: part.clone(), source },
        },
    )?;
    let to = spool.rows(unit);
    place(&part, &to).map_err(Error::disk(&to))
}
