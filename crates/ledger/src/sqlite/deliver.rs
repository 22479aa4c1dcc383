//! Deliveries: how far each destination has come in a unit, in steps that join up.

use sqlx::{Row, SqliteConnection};

use super::dialect::Stop;
use super::{dead_letter, lease, progress, rows};
use crate::rules::{Stage, check_step, delivery_name, no_delivery};
use crate::unit::{self, Event, State};
use crate::{Delivery, DeliveryDelta, Lease, LedgerError, UnitId};

const OPEN: &str = "
    insert into delivery (unit_id, destination_id, lane_id, created_date)
    select u.id, t.id, u.lane_id, u.created_date
    from unit u join destination t on t.connector_id = u.connector_id
    where u.id = $1 and t.registered = 1";
const OF_UNIT: &str = "
    select t.name, d.position, d.delivered, d.rejected, d.done, d.attempts, d.not_before,
        d.failure
    from delivery d join destination t on t.id = d.destination_id
    where d.unit_id = $1
    order by t.name";
const UNIT_EXISTS: &str = "select count(*) from unit where id = $1";
const ONE: &str = "
    select d.destination_id, d.position, d.done
    from delivery d join destination t on t.id = d.destination_id
    where d.unit_id = $1 and t.name = $2";
const STEP: &str = "
    update delivery set position = $3, delivered = delivered + $4, rejected = rejected + $5,
        done = $6
    where unit_id = $1 and destination_id = $2";
const CLEAR: &str = "
    update delivery set attempts = 0, not_before = 0, failure = null
    where unit_id = $1 and destination_id = $2";
const POSTPONE: &str = "
    update delivery set attempts = attempts + 1, not_before = $3, failure = $4
    where unit_id = $1 and destination_id = $2";
const UNFINISHED: &str = "select count(*) from delivery where unit_id = $1 and done = 0";

const DROP: &str = "delete from delivery where destination_id = $1 and done = 0";
/// Units of a destination's connector that are $2 with nothing left to deliver become $3.
const FINISH: &str = "
    update unit set state = $3, final_at = $4, attempts = 0, not_before = 0, failure = null
    where connector_id = (select t.connector_id from destination t where t.id = $1)
      and state = $2
      and not exists (select 1 from delivery d where d.unit_id = unit.id and d.done = 0)";

/// Opens the deliveries of a unit that has just been admitted.
pub(super) async fn open(conn: &mut SqliteConnection, unit: UnitId) -> Result<(), Stop> {
    let opened = sqlx::query(OPEN).bind(unit).execute(conn).await?;
    if opened.rows_affected() == 0 {
        return Err(LedgerError::Corrupt("a connector without destinations".to_owned()).into());
    }
    Ok(())
}

pub(super) async fn deliveries(
    conn: &mut SqliteConnection,
    unit: UnitId,
) -> Result<Vec<Delivery>, Stop> {
    let found = sqlx::query(OF_UNIT).bind(unit).fetch_all(&mut *conn).await?;
    if found.is_empty() {
        let units: i64 = sqlx::query_scalar(UNIT_EXISTS).bind(unit).fetch_one(conn).await?;
        if units == 0 {
            return Err(LedgerError::NoUnit(unit).into());
        }
    }
    found
        .iter()
        .map(|row| {
            Ok(Delivery {
                unit,
                destination: row.try_get("name")?,
                position: row.try_get("position")?,
                delivered: row.try_get("delivered")?,
                rejected: row.try_get("rejected")?,
                done: rows::yes(row, "done")?,
                attempts: row.try_get("attempts")?,
                not_before: row.try_get("not_before")?,
                note: row.try_get("failure")?,
            })
        })
        .collect()
}

pub(super) async fn deliver(
    conn: &mut SqliteConnection,
    lease: &Lease,
    deltas: &[DeliveryDelta],
    now: i64,
) -> Result<(), Stop> {
    let stage = Stage::parse(&lease.stage)?;
    let lane = lease::held(conn, lease).await?;
    for delta in deltas {
        if stage != Stage::Deliver(&delta.destination) {
            let wanted = format!("deliver:{}", delta.destination);
            return Err(lease::fenced(&lease.lane, &wanted, lease.epoch));
        }
        let standing = progress::standing(conn, lease, lane, delta.unit).await?;
        step(conn, &standing, delta, now).await?;
    }
    Ok(())
}

async fn step(
    conn: &mut SqliteConnection,
    standing: &progress::Standing,
    delta: &DeliveryDelta,
    now: i64,
) -> Result<(), Stop> {
    let (unit, name) = (delta.unit, delta.destination.as_str());
    let what = || delivery_name(unit, name);
    let row = sqlx::query(ONE).bind(unit).bind(name).fetch_optional(&mut *conn).await?;
    let row = row.ok_or_else(|| no_delivery(what(), "nothing"))?;
    let destination: i64 = row.try_get("destination_id")?;
    check_step(what, row.try_get("position")?, rows::yes(&row, "done")?, delta.from, delta.to)?;
    if delta.delivered < 0 {
        let text = format!("no step of {} with a negative count", what());
        return Err(LedgerError::Corrupt(text).into());
    }
    sqlx::query(STEP)
        .bind(unit)
        .bind(destination)
        .bind(delta.to)
        .bind(delta.delivered)
        .bind(i64::try_from(delta.rejected.len()).unwrap_or(i64::MAX))
        .bind(i64::from(delta.done))
        .execute(&mut *conn)
        .await?;
    if delta.to > delta.from || delta.done {
        sqlx::query(CLEAR).bind(unit).bind(destination).execute(&mut *conn).await?;
    }
    dead_letter::insert(conn, standing.connector_id, unit, Some(name), &delta.rejected).await?;
    if delta.done {
        let left: i64 = sqlx::query_scalar(UNFINISHED).bind(unit).fetch_one(&mut *conn).await?;
        if left == 0 {
            progress::delivered(conn, unit, standing.state, now).await?;
        }
    }
    Ok(())
}

/// Counts a failure of a delivery.
pub(super) async fn postpone(
    conn: &mut SqliteConnection,
    unit: UnitId,
    name: &str,
    not_before: i64,
    note: &str,
) -> Result<(), Stop> {
    let what = || delivery_name(unit, name);
    let row = sqlx::query(ONE).bind(unit).bind(name).fetch_optional(&mut *conn).await?;
    let row = row.ok_or_else(|| no_delivery(what(), "nothing"))?;
    if rows::yes(&row, "done")? {
        return Err(no_delivery(what(), "its end").into());
    }
    sqlx::query(POSTPONE)
        .bind(unit)
        .bind(row.try_get::<i64, _>("destination_id")?)
        .bind(not_before)
        .bind(note)
        .execute(conn)
        .await?;
    Ok(())
}

/// Drops what a destination has not finished; units that waited for it alone become done.
pub(super) async fn drop_unfinished(
    conn: &mut SqliteConnection,
    destination: i64,
    now: i64,
) -> Result<i64, Stop> {
    let dropped = sqlx::query(DROP).bind(destination).execute(&mut *conn).await?.rows_affected();
    if dropped > 0 {
        let next = unit::apply(State::Admitted, &Event::Delivered)?;
        sqlx::query(FINISH)
            .bind(destination)
            .bind(State::Admitted.name())
            .bind(next.name())
            .bind(now)
            .execute(conn)
            .await?;
    }
    Ok(i64::try_from(dropped).unwrap_or(i64::MAX))
}
