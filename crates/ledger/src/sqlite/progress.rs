//! A unit's way through its states, and its failures on it.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::dialect::{Stop, begin_with};
use super::rows::{self, select_units};
use super::script::Script;
use super::{account, dead_letter, deliver, lease};
use crate::rules::{Stage, handling_order};
use crate::unit::{self, Event, Misfit, State};
use crate::{Closing, Happened, Lane, Lease, LedgerError, Unit, UnitId};

pub(super) const UNITS: &str = select_units!(
    "where u.lane_id = (select l.id from lane l join connector c on c.id = l.connector_id
                        where c.name = $1 and l.event_type = $2 and l.day = $3)"
);
const UNIT: &str = select_units!("where u.id = $1");
const STANDING: &str = "
    select u.lane_id, u.connector_id, u.state, c.name as connector, l.event_type, l.day
    from unit u
    join lane l on l.id = u.lane_id
    join connector c on c.id = u.connector_id
    where u.id = $1";
/// How many units are looked up at once.
pub(super) const AT_ONCE: usize = 8;
/// Where units of a lane stand, if a lease on it is still the last grant.
macro_rules! standings {
    () => {
        "select u.id, u.connector_id, u.state,
            (select count(*) from destination t
             where t.connector_id = c.id and t.registered = 1) as destinations
        from connector c
        join lane l on l.connector_id = c.id and l.event_type = $2 and l.day = $3
        join lease s on s.lane_id = l.id and s.stage = $4
        join unit u on u.lane_id = l.id
        where c.name = $1 and s.epoch = $5 and s.owner = $6
          and u.id in ($7, $8, $9, $10, $11, $12, $13, $14)"
    };
}
pub(super) const STANDINGS: &str = standings!();
const BEGIN_STANDINGS: &str = begin_with!(standings!());

const FETCHED: &str = "
    update unit set state = $2, attempts = 0, not_before = 0, failure = null, spooled = 1,
        spool_path = $3, spool_bytes = $4, raw_bytes = $5, row_count = $6, content_hash = $7,
        remark = $8
    where id = $1";
const ADMITTED: &str = "
    update unit set state = $2, attempts = 0, not_before = 0, failure = null,
        admitted = $3, repeats = $4, undecodable = $5, exceptions = $6
    where id = $1";
const FINAL: &str = "
    update unit set state = $2, attempts = 0, not_before = 0, failure = null, final_at = $3,
        remark = coalesce($4, remark)
    where id = $1";
pub(super) const DISPUTED: &str = "
    select u.id from unit u
    where u.connector_id = (select id from connector where name = $1) and u.state = 'disputed'";
/// A disputed unit ($2) becomes $3.
const RECONSIDER: &str =
    "update unit set state = $3, final_at = null, remark = null where id = $1 and state = $2";
/// As it was listed.
const RETRIED: &str = "
    update unit set state = $2, attempts = 0, not_before = 0, failure = null, remark = null,
        spooled = 0, spool_path = null, final_at = null
    where id = $1";
const POSTPONE: &str = "
    update unit set attempts = attempts + 1, not_before = $2, failure = $3 where id = $1";

pub(super) async fn units(conn: &mut SqliteConnection, lane: &Lane) -> Result<Vec<Unit>, Stop> {
    let rows = sqlx::query(UNITS)
        .bind(&lane.connector)
        .bind(&lane.event_type)
        .bind(&lane.day)
        .fetch_all(conn)
        .await?;
    let mut units = rows.iter().map(rows::unit).collect::<Result<Vec<_>, _>>()?;
    units.sort_by(handling_order);
    Ok(units)
}

pub(super) async fn unit(conn: &mut SqliteConnection, unit: UnitId) -> Result<Unit, Stop> {
    let row = sqlx::query(UNIT).bind(unit).fetch_optional(conn).await?;
    rows::unit(&row.ok_or(LedgerError::NoUnit(unit))?)
}

/// What a write has to know of a unit first.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) connector_id: i64,
    pub(super) state: State,
}

/// Where a unit stands, if the lease gives the right to write to its lane.
///
/// `held` is the number of the lease's lane, from [`lease::held`].
pub(super) async fn standing(
    conn: &mut SqliteConnection,
    lease: &Lease,
    held: i64,
    unit: UnitId,
) -> Result<Standing, Stop> {
    let row = sqlx::query(STANDING).bind(unit).fetch_optional(conn).await?;
    let row = row.ok_or(LedgerError::NoUnit(unit))?;
    if row.try_get::<i64, _>("lane_id")? != held {
        return Err(lease::fenced(&rows::lane(&row)?, &lease.stage, lease.epoch));
    }
    Ok(Standing { connector_id: row.try_get("connector_id")?, state: rows::state(&row)? })
}

/// The numbers of units as [`STANDINGS`] wants them: at most [`AT_ONCE`], the last repeated.
pub(super) fn numbers(units: impl Iterator<Item = UnitId>) -> [UnitId; AT_ONCE] {
    let mut numbers = [0; AT_ONCE];
    let mut last = 0;
    let mut units = units.fuse();
    for number in &mut numbers {
        last = units.next().unwrap_or(last);
        *number = last;
    }
    numbers
}

async fn standings(
    conn: &mut SqliteConnection,
    sql: &'static str,
    lease: &Lease,
    units: impl Iterator<Item = UnitId>,
) -> Result<HashMap<UnitId, (Standing, i64)>, Stop> {
    let mut query = lease::bound(sqlx::query(sql), lease);
    for number in numbers(units) {
        query = query.bind(number);
    }
    let rows = query.fetch_all(conn).await?;
    let standing = |row: &SqliteRow| {
        let standing =
            Standing { connector_id: row.try_get("connector_id")?, state: rows::state(row)? };
        Ok((row.try_get("id")?, (standing, row.try_get("destinations")?)))
    };
    rows.iter().map(standing).collect()
}

/// Begins a transaction, and commits it if nothing is refused.
pub(super) async fn apply(
    conn: &mut SqliteConnection,
    lease: &Lease,
    events: &[Happened],
    now: i64,
) -> Result<Vec<State>, Stop> {
    if Stage::parse(&lease.stage)? != Stage::Collect {
        return Err(lease::fenced(&lease.lane, "collect", lease.epoch));
    }
    if events.is_empty() {
        lease::held(conn, lease).await?;
        return Ok(Vec::new());
    }
    let mut script = Script::default();
    let mut states = Vec::with_capacity(events.len());
    let mut sql = BEGIN_STANDINGS;
    for events in events.chunks(AT_ONCE) {
        script.run(conn).await?;
        let units = events.iter().map(|event| event.unit);
        let mut known = standings(conn, sql, lease, units).await?;
        sql = STANDINGS;
        for Happened { unit, event, dead_letters } in events {
            let Some((standing, destinations)) = known.get_mut(unit) else {
                return Err(why_not(conn, lease, *unit).await);
            };
            let next = unit::apply(standing.state, event)?;
            if matches!(event, Event::Admitted { .. }) && *destinations == 0 {
                let text = "a connector without destinations".to_owned();
                return Err(LedgerError::Corrupt(text).into());
            }
            record(&mut script, *unit, standing.state, next, event, now)?;
            standing.state = next;
            let connector = standing.connector_id;
            dead_letter::insert(conn, &mut script, connector, *unit, None, dead_letters).await?;
            states.push(next);
        }
    }
    script.commit(conn).await?;
    Ok(states)
}

/// Why a lease gives no right to write to a unit.
pub(super) async fn why_not(conn: &mut SqliteConnection, lease: &Lease, unit: UnitId) -> Stop {
    let lane = match lease::held(conn, lease).await {
        Ok(lane) => lane,
        Err(stop) => return stop,
    };
    match standing(conn, lease, lane, unit).await {
        Ok(_) => LedgerError::Corrupt(format!("unit {unit} twice")).into(),
        Err(stop) => stop,
    }
}

/// Adds what an event writes.
fn record(
    script: &mut Script,
    unit: UnitId,
    from: State,
    next: State,
    event: &Event,
    now: i64,
) -> Result<(), Stop> {
    match event {
        Event::Fetched { spool_path, spool_bytes, raw_bytes, rows, content_hash, warning } => {
            script
                .push(FETCHED)
                .bind(unit)
                .bind(next.name())
                .bind(spool_path.as_str())
                .bind(count(*spool_bytes))
                .bind(count(*raw_bytes))
                .bind(count(*rows))
                .bind(content_hash.as_str())
                .bind(warning.as_deref());
        }
        Event::Admitted { admitted, repeats, undecodable, exceptions, hours } => {
            script
                .push(ADMITTED)
                .bind(unit)
                .bind(next.name())
                .bind(count(*admitted))
                .bind(count(*repeats))
                .bind(count(*undecodable))
                .bind(count(*exceptions));
            deliver::open(script, unit);
            account::insert(script, unit, hours)?;
        }
        Event::Gone | Event::Covered => {
            script.push(FINAL).bind(unit).bind(next.name()).bind(now).bind(None::<&str>);
        }
        Event::Undecodable { reason } | Event::Disputed { reason } => {
            script.push(FINAL).bind(unit).bind(next.name()).bind(now).bind(reason.as_str());
        }
        Event::Retried => {
            script.push(RETRIED).bind(unit).bind(next.name());
        }
        Event::Delivered | Event::Reconsidered => {
            return Err(Misfit { from: from.name(), event: event.name() }.into());
        }
    }
    Ok(())
}

pub(super) async fn reconsider(
    conn: &mut SqliteConnection,
    connector: &str,
    now: i64,
) -> Result<u64, Stop> {
    let units: Vec<UnitId> =
        sqlx::query_scalar(DISPUTED).bind(connector).fetch_all(&mut *conn).await?;
    for unit in &units {
        reconsider_one(conn, *unit, now).await?;
    }
    Ok(units.len() as u64)
}

/// Has one disputed unit decided again, and closes its letter.
pub(super) async fn reconsider_one(
    conn: &mut SqliteConnection,
    unit: UnitId,
    now: i64,
) -> Result<(), Stop> {
    let from = State::Disputed;
    let next = unit::apply(from, &Event::Reconsidered)?;
    let query = sqlx::query(RECONSIDER).bind(unit).bind(from.name()).bind(next.name());
    query.execute(&mut *conn).await?;
    let letters = dead_letter::of_dispute(conn, unit).await?;
    dead_letter::close(conn, &letters, Closing::Replayed, now).await?;
    Ok(())
}

/// Lists an undecodable unit anew, for a person who asked for it.
pub(super) async fn retry(
    conn: &mut SqliteConnection,
    unit: UnitId,
    next: State,
) -> Result<(), Stop> {
    sqlx::query(RETRIED).bind(unit).bind(next.name()).execute(conn).await?;
    Ok(())
}

pub(super) async fn postpone(
    conn: &mut SqliteConnection,
    lease: &Lease,
    unit: UnitId,
    not_before: i64,
    note: &str,
) -> Result<(), Stop> {
    let stage = Stage::parse(&lease.stage)?;
    let lane = lease::held(conn, lease).await?;
    let standing = standing(conn, lease, lane, unit).await?;
    match stage {
        Stage::Deliver(destination) => {
            deliver::postpone(conn, unit, destination, not_before, note).await
        }
        Stage::Collect if matches!(standing.state, State::Listed | State::Fetched) => {
            sqlx::query(POSTPONE).bind(unit).bind(not_before).bind(note).execute(conn).await?;
            Ok(())
        }
        Stage::Collect => Err(Misfit { from: standing.state.name(), event: "postponed" }.into()),
    }
}

/// A count as the database keeps it.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
