//! A unit's way through its states, and its failures on it.

use sqlx::{Row, SqliteConnection};

use super::dialect::Stop;
use super::rows::{self, select_units};
use super::{dead_letter, deliver, lease};
use crate::rules::{Stage, handling_order};
use crate::unit::{self, Event, Misfit, State};
use crate::{DeadLetter, Lane, Lease, LedgerError, Unit, UnitId};

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

pub(super) async fn apply(
    conn: &mut SqliteConnection,
    lease: &Lease,
    unit: UnitId,
    event: &Event,
    dead_letters: &[DeadLetter],
    now: i64,
) -> Result<State, Stop> {
    if Stage::parse(&lease.stage)? != Stage::Collect {
        return Err(lease::fenced(&lease.lane, "collect", lease.epoch));
    }
    let lane = lease::held(conn, lease).await?;
    let standing = standing(conn, lease, lane, unit).await?;
    let next = unit::apply(standing.state, event)?;
    let query = match event {
        Event::Fetched { spool_path, spool_bytes, raw_bytes, rows, content_hash, warning } => {
            sqlx::query(FETCHED)
                .bind(unit)
                .bind(next.name())
                .bind(spool_path)
                .bind(count(*spool_bytes))
                .bind(count(*raw_bytes))
                .bind(count(*rows))
                .bind(content_hash)
                .bind(warning.as_deref())
        }
        Event::Admitted { admitted, repeats, undecodable, exceptions } => sqlx::query(ADMITTED)
            .bind(unit)
            .bind(next.name())
            .bind(count(*admitted))
            .bind(count(*repeats))
            .bind(count(*undecodable))
            .bind(count(*exceptions)),
        Event::Gone | Event::Covered => {
            sqlx::query(FINAL).bind(unit).bind(next.name()).bind(now).bind(None::<&str>)
        }
        Event::Undecodable { reason } => {
            sqlx::query(FINAL).bind(unit).bind(next.name()).bind(now).bind(reason)
        }
        Event::Delivered => {
            return Err(Misfit { from: standing.state.name(), event: event.name() }.into());
        }
    };
    query.execute(&mut *conn).await?;
    if matches!(event, Event::Admitted { .. }) {
        deliver::open(conn, unit).await?;
    }
    dead_letter::insert(conn, standing.connector_id, unit, None, dead_letters).await?;
    Ok(next)
}

/// Records that the last destination finished a unit.
pub(super) async fn delivered(
    conn: &mut SqliteConnection,
    unit: UnitId,
    state: State,
    now: i64,
) -> Result<(), Stop> {
    let next = unit::apply(state, &Event::Delivered)?;
    sqlx::query(FINAL)
        .bind(unit)
        .bind(next.name())
        .bind(now)
        .bind(None::<&str>)
        .execute(conn)
        .await?;
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
