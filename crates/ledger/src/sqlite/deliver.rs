//! Deliveries: how far each destination has come in a unit, in steps that join up.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::dialect::{Stop, begin_with};
use super::progress::{AT_ONCE, numbers, why_not};
use super::rows::select_units;
use super::script::Script;
use super::{dead_letter, lease, progress, replay, rows};
use crate::rules::{Stage, check_step, check_withhold, delivery_name, handling_order, no_delivery};
use crate::unit::{self, Event, State};
use crate::{Delivery, DeliveryDelta, Lane, Lease, LedgerError, ReplayId, Unit, UnitId};

const OPEN: &str = "
    insert into delivery (unit_id, destination_id, lane_id, created_date, backfilled)
    select u.id, t.id, u.lane_id, u.created_date,
        case when u.backfill_id is null then 0 else 1 end
    from unit u join destination t on t.connector_id = u.connector_id
    where u.id = $1 and t.registered = 1";
const OF_UNIT: &str = "
    select t.name, d.position, d.delivered, d.rejected, d.done, d.withheld, d.backfilled,
        d.attempts as tries, d.not_before as again, d.failure as failed
    from delivery d join destination t on t.id = d.destination_id
    where d.unit_id = $1
    order by t.name";
const UNIT_EXISTS: &str = "select count(*) from unit where id = $1";
/// Where units of a lane stand and how far the destination $7 has come in them, if a lease on the
/// lane is still the last grant.
macro_rules! standings {
    () => {
        "select u.id, u.connector_id, u.state, u.log_date, d.destination_id, d.position, d.done
        from connector c
        join lane l on l.connector_id = c.id and l.event_type = $2 and l.day = $3
        join lease s on s.lane_id = l.id and s.stage = $4
        join unit u on u.lane_id = l.id
        left join destination t on t.connector_id = c.id and t.name = $7
        left join delivery d on d.unit_id = u.id and d.destination_id = t.id
        where c.name = $1 and s.epoch = $5 and s.owner = $6
          and u.id in ($8, $9, $10, $11, $12, $13, $14, $15)"
    };
}
pub(super) const STANDINGS: &str = standings!();
const BEGIN_STANDINGS: &str = begin_with!(standings!());
const ONE: &str = "
    select d.destination_id, d.position, d.done
    from delivery d join destination t on t.id = d.destination_id
    where d.unit_id = $1 and t.name = $2";
const STEP: &str = "
    update delivery set position = $3, delivered = delivered + $4, rejected = rejected + $5,
        done = $6
    where unit_id = $1 and destination_id = $2";
/// The same, and the failures are forgotten.
const STEP_ON: &str = "
    update delivery set position = $3, delivered = delivered + $4, rejected = rejected + $5,
        done = $6, attempts = 0, not_before = 0, failure = null
    where unit_id = $1 and destination_id = $2";
const POSTPONE: &str = "
    update delivery set attempts = attempts + 1, not_before = $3, failure = $4
    where unit_id = $1 and destination_id = $2";
const WITHHOLD: &str = "
    update delivery set done = 1, withheld = $3, attempts = 0, not_before = 0, failure = null
    where unit_id = $1 and destination_id = $2";
/// What was withheld came by the replay $2 after all.
const BROUGHT: &str = "
    update delivery set withheld = null,
        position = (select r.position from replay r where r.id = $2),
        delivered = (select r.delivered from replay r where r.id = $2),
        rejected = (select r.rejected from replay r where r.id = $2)
    where unit_id = $1 and withheld is not null
      and destination_id = (select r.destination_id from replay r where r.id = $2)";
/// A unit with nothing left to deliver becomes $2.
const DONE: &str = "
    update unit set state = $2, attempts = 0, not_before = 0, failure = null, final_at = $3
    where id = $1 and not exists (select 1 from delivery d where d.unit_id = $1 and d.done = 0)";
pub(super) const OUTBOX: &str = select_units!(
    ", d.position, d.delivered, d.rejected, d.done, d.withheld, d.backfilled,
        d.attempts as tries, d.not_before as again, d.failure as failed",
    "join delivery d on d.unit_id = u.id
    where d.done = 0
      and d.lane_id = (select k.id from lane k join connector o on o.id = k.connector_id
                       where o.name = $1 and k.event_type = $2 and k.day = $3)
      and d.destination_id = (select t.id from destination t join connector o
                              on o.id = t.connector_id where o.name = $1 and t.name = $4)"
);

const REACHED: &str = "
    update destination set delivered_at = $3,
        newest = case when newest > $4 then newest else $4 end
    where connector_id = $1 and name = $2";

const DROP: &str = "delete from delivery where destination_id = $1 and done = 0";
/// Units of a destination's connector that are $2 with nothing left to deliver become $3.
const FINISH: &str = "
    update unit set state = $3, final_at = $4, attempts = 0, not_before = 0, failure = null
    where connector_id = (select t.connector_id from destination t where t.id = $1)
      and state = $2
      and not exists (select 1 from delivery d where d.unit_id = unit.id and d.done = 0)";

/// Opens the deliveries of a unit that has just been admitted.
pub(super) fn open(script: &mut Script, unit: UnitId) {
    script.push(OPEN).bind(unit);
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
    found.iter().map(|row| delivery(row, unit, row.try_get("name")?)).collect()
}

fn delivery(row: &SqliteRow, unit: UnitId, destination: String) -> Result<Delivery, Stop> {
    Ok(Delivery {
        unit,
        destination,
        position: row.try_get("position")?,
        delivered: row.try_get("delivered")?,
        rejected: row.try_get("rejected")?,
        done: rows::yes(row, "done")?,
        withheld: row.try_get("withheld")?,
        backfilled: rows::yes(row, "backfilled")?,
        attempts: row.try_get("tries")?,
        not_before: row.try_get("again")?,
        note: row.try_get("failed")?,
    })
}

pub(super) async fn outbox(
    conn: &mut SqliteConnection,
    lane: &Lane,
    destination: &str,
) -> Result<Vec<(Unit, Delivery)>, Stop> {
    let found = sqlx::query(OUTBOX)
        .bind(&lane.connector)
        .bind(&lane.event_type)
        .bind(&lane.day)
        .bind(destination)
        .fetch_all(conn)
        .await?;
    let pair = |row: &SqliteRow| {
        let unit = rows::unit(row)?;
        let delivery = delivery(row, unit.id, destination.to_owned())?;
        Ok((unit, delivery))
    };
    let mut pairs = found.iter().map(pair).collect::<Result<Vec<_>, Stop>>()?;
    pairs.sort_by(|(a, _), (b, _)| handling_order(a, b));
    Ok(pairs)
}

/// How far a destination has come in a unit, and what else a step has to know first.
struct Standing {
    connector_id: i64,
    state: State,
    log_date: i64,
    /// Number of the destination, position, and whether it is finished; none without a delivery.
    delivery: Option<(i64, i64, bool)>,
}

async fn standings(
    conn: &mut SqliteConnection,
    sql: &'static str,
    lease: &Lease,
    destination: &str,
    units: impl Iterator<Item = UnitId>,
) -> Result<HashMap<UnitId, Standing>, Stop> {
    let mut query = lease::bound(sqlx::query(sql), lease).bind(destination.to_owned());
    for number in numbers(units) {
        query = query.bind(number);
    }
    let rows = query.fetch_all(conn).await?;
    let standing = |row: &SqliteRow| {
        let delivery = match row.try_get::<Option<i64>, _>("destination_id")? {
            Some(id) => Some((id, row.try_get("position")?, rows::yes(row, "done")?)),
            None => None,
        };
        let connector_id = row.try_get("connector_id")?;
        let (state, log_date) = (rows::state(row)?, row.try_get("log_date")?);
        Ok((row.try_get("id")?, Standing { connector_id, state, log_date, delivery }))
    };
    rows.iter().map(standing).collect()
}

/// Begins a transaction, and commits it if nothing is refused.
pub(super) async fn deliver(
    conn: &mut SqliteConnection,
    lease: &Lease,
    deltas: &[DeliveryDelta],
    now: i64,
) -> Result<(), Stop> {
    let stage = Stage::parse(&lease.stage)?;
    if deltas.is_empty() {
        lease::held(conn, lease).await?;
        return Ok(());
    }
    let Stage::Deliver(name) = stage else {
        return Err(lease::fenced(&lease.lane, "deliver", lease.epoch));
    };
    let mut script = Script::default();
    let mut sql = BEGIN_STANDINGS;
    // The connector, which is the same for all, and the newest log date.
    let mut newest: Option<(i64, i64)> = None;
    for deltas in deltas.chunks(AT_ONCE) {
        script.run(conn).await?;
        let units = deltas.iter().map(|delta| delta.unit);
        let mut known = standings(conn, sql, lease, name, units).await?;
        sql = STANDINGS;
        for delta in deltas {
            if stage != Stage::Deliver(&delta.destination) {
                let wanted = format!("deliver:{}", delta.destination);
                return Err(lease::fenced(&lease.lane, &wanted, lease.epoch));
            }
            let Some(standing) = known.get_mut(&delta.unit) else {
                return Err(why_not(conn, lease, delta.unit).await);
            };
            if delta.delivered > 0 {
                let this = (standing.connector_id, standing.log_date);
                newest = newest.max(Some(this));
            }
            if let Some(replay) = delta.replay {
                script.run(conn).await?;
                replay::step(conn, lease, replay, delta, now).await?;
                continue;
            }
            step(&mut script, standing, delta, now)?;
            let (connector, by) = (standing.connector_id, Some(name));
            let letters = &delta.rejected;
            dead_letter::insert(conn, &mut script, connector, delta.unit, by, letters).await?;
        }
    }
    if let Some((connector, log_date)) = newest {
        script.push(REACHED).bind(connector).bind(name).bind(now).bind(log_date);
    }
    script.commit(conn).await
}

/// Adds what a step writes.
fn step(
    script: &mut Script,
    standing: &mut Standing,
    delta: &DeliveryDelta,
    now: i64,
) -> Result<(), Stop> {
    let what = || delivery_name(delta.unit, &delta.destination);
    let Some((destination, position, done)) = &mut standing.delivery else {
        return Err(no_delivery(what(), "nothing").into());
    };
    check_step(what, *position, *done, delta.from, delta.to)?;
    if delta.delivered < 0 {
        let text = format!("no step of {} with a negative count", what());
        return Err(LedgerError::Corrupt(text).into());
    }
    let on = delta.to > delta.from || delta.done;
    script
        .push(if on { STEP_ON } else { STEP })
        .bind(delta.unit)
        .bind(*destination)
        .bind(delta.to)
        .bind(delta.delivered)
        .bind(i64::try_from(delta.rejected.len()).unwrap_or(i64::MAX))
        .bind(i64::from(delta.done));
    (*position, *done) = (delta.to, delta.done);
    if delta.done {
        // An open delivery belongs to a unit that is admitted.
        let next = unit::apply(standing.state, &Event::Delivered)?;
        script.push(DONE).bind(delta.unit).bind(next.name()).bind(now);
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

pub(super) async fn withhold(
    conn: &mut SqliteConnection,
    lease: &Lease,
    units: &[UnitId],
    reason: &str,
    now: i64,
) -> Result<(), Stop> {
    let lane = lease::held(conn, lease).await?;
    let Stage::Deliver(name) = Stage::parse(&lease.stage)? else {
        return Err(lease::fenced(&lease.lane, "deliver", lease.epoch));
    };
    for unit in units {
        let standing = progress::standing(conn, lease, lane, *unit).await?;
        let what = || delivery_name(*unit, name);
        let row = sqlx::query(ONE).bind(unit).bind(name).fetch_optional(&mut *conn).await?;
        let row = row.ok_or_else(|| no_delivery(what(), "nothing"))?;
        check_withhold(what, row.try_get("position")?, rows::yes(&row, "done")?)?;
        sqlx::query(WITHHOLD)
            .bind(unit)
            .bind(row.try_get::<i64, _>("destination_id")?)
            .bind(reason)
            .execute(&mut *conn)
            .await?;
        let next = unit::apply(standing.state, &Event::Delivered)?;
        sqlx::query(DONE).bind(unit).bind(next.name()).bind(now).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Makes a withheld delivery an ordinary one, which a replay has done.
pub(super) async fn brought(
    conn: &mut SqliteConnection,
    unit: UnitId,
    replay: ReplayId,
) -> Result<(), Stop> {
    sqlx::query(BROUGHT).bind(unit).bind(replay).execute(conn).await?;
    Ok(())
}

/// Drops what a destination has not finished; units that waited for it alone become done.
pub(super) async fn drop_unfinished(
    conn: &mut SqliteConnection,
    destination: i64,
    now: i64,
) -> Result<i64, Stop> {
    replay::drop_unfinished(conn, destination, now).await?;
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
