//! Counts for status, and the spool's housekeeping.

use sqlx::{Row, SqliteConnection, SqlitePool};

use super::dialect::Stop;
use super::replay;
use super::rows::{self, select_units};
use crate::unit::{Misfit, State};
use crate::{LedgerError, Summary, Unit, UnitId, Withheld};

pub(super) const UNITS: &str = "
    select u.state, l.event_type, count(*) as units, cast(sum(u.row_count) as bigint) as row_count,
        cast(sum(u.admitted) as bigint) as admitted, cast(sum(u.repeats) as bigint) as repeats,
        cast(sum(u.undecodable) as bigint) as undecodable,
        cast(sum(u.raw_bytes) as bigint) as raw_bytes, max(u.created_date) as newest
    from unit u join lane l on l.id = u.lane_id
    where u.connector_id = (select id from connector where name = $1)
    group by u.state, l.event_type";
pub(super) const DESTINATIONS: &str = "
    select t.name, cast(coalesce(sum(d.delivered), 0) as bigint) as delivered,
        cast(coalesce(sum(d.rejected), 0) as bigint) as rejected,
        cast(coalesce(sum(d.done), 0) as bigint) as finished, count(d.unit_id) as units
    from destination t left join delivery d on d.destination_id = t.id
    where t.connector_id = (select id from connector where name = $1)
    group by t.id, t.name, t.registered
    having t.registered = 1 or count(d.unit_id) > 0";
pub(super) const WITHHELD: &str = "
    select t.name, count(d.unit_id) as units, cast(sum(u.admitted) as bigint) as row_count
    from destination t
    join delivery d on d.destination_id = t.id
    join unit u on u.id = d.unit_id
    where t.connector_id = (select id from connector where name = $1) and d.withheld is not null
    group by t.id, t.name";
pub(super) const DEAD_LETTERS: &str = "
    select count(*) from dead_letter d
    where d.connector_id = (select id from connector where name = $1) and d.closed_at is null";

/// Units in a state, of which no later version is in the states that make up for it.
macro_rules! count_without_later {
    ($state:literal, $made_up:literal) => {
        concat!(
            "select count(*) from unit u
            where u.connector_id = (select id from connector where name = $1) and u.state = ",
            $state,
            " and not exists (
                select 1 from unit v
                where v.lane_id = u.lane_id and v.file_interval = u.file_interval
                  and v.log_date = u.log_date and v.sequence = u.sequence
                  and v.created_date > u.created_date and v.state ",
            $made_up,
            ")"
        )
    };
}
pub(super) const LOST: &str = count_without_later!("'vanished'", "<> 'vanished'");
pub(super) const DISPUTED: &str = count_without_later!("'disputed'", "in ('admitted', 'done')");
pub(super) const UNITS_FAILING: &str = "
    select count(*) from unit u
    where u.connector_id = (select id from connector where name = $1)
      and u.state in ('listed', 'fetched') and u.attempts > 0";
pub(super) const DELIVERIES_FAILING: &str = "
    select count(d.unit_id)
    from destination t join delivery d on d.destination_id = t.id
    where t.connector_id = (select id from connector where name = $1)
      and d.done = 0 and d.attempts > 0";

pub(super) const RELEASABLE: &str = select_units!(
    "where u.spooled = 1 and u.final_at is not null and u.final_at < $1 and u.state not in ($2, $4)
        and not exists (select 1 from dead_letter d where d.unit_id = u.id
                        and d.closed_at is null)
        and not exists (select 1 from replay r where r.unit_id = u.id and r.ended_at is null)
    order by u.final_at, u.id
    limit $3"
);
pub(super) const SPOOLED: &str = "
    select cast(coalesce(sum(u.spool_bytes), 0) as bigint) from unit u where u.spooled = 1";
const STATE: &str = "select state from unit where id = $1";
const RELEASED: &str = "update unit set spooled = 0 where id = $1";

/// All counts as of one moment.
pub(super) async fn summary(readers: &SqlitePool, connector: &str) -> Result<Summary, Stop> {
    let mut tx = readers.begin().await?;
    let mut summary = Summary::default();
    for row in sqlx::query(UNITS).bind(connector).fetch_all(&mut *tx).await? {
        let units: i64 = row.try_get("units")?;
        *summary.units.entry(row.try_get("state")?).or_default() += units;
        *summary.event_types.entry(row.try_get("event_type")?).or_default() += units;
        summary.rows += row.try_get::<i64, _>("row_count")?;
        summary.admitted += row.try_get::<i64, _>("admitted")?;
        summary.repeats += row.try_get::<i64, _>("repeats")?;
        summary.undecodable += row.try_get::<i64, _>("undecodable")?;
        summary.raw_bytes += row.try_get::<i64, _>("raw_bytes")?;
        summary.newest_file = summary.newest_file.max(row.try_get("newest")?);
    }
    for row in sqlx::query(DESTINATIONS).bind(connector).fetch_all(&mut *tx).await? {
        let (units, finished): (i64, i64) = (row.try_get("units")?, row.try_get("finished")?);
        let counts =
            (row.try_get("delivered")?, row.try_get("rejected")?, finished, units - finished);
        summary.destinations.insert(row.try_get("name")?, counts);
    }
    for row in sqlx::query(WITHHELD).bind(connector).fetch_all(&mut *tx).await? {
        let withheld = Withheld { units: row.try_get("units")?, rows: row.try_get("row_count")? };
        summary.withheld.insert(row.try_get("name")?, withheld);
    }
    summary.dead_letters =
        sqlx::query_scalar(DEAD_LETTERS).bind(connector).fetch_one(&mut *tx).await?;
    summary.lost = sqlx::query_scalar(LOST).bind(connector).fetch_one(&mut *tx).await?;
    summary.disputed = sqlx::query_scalar(DISPUTED).bind(connector).fetch_one(&mut *tx).await?;
    summary.replays = sqlx::query_scalar(replay::OPEN).bind(connector).fetch_one(&mut *tx).await?;
    for failing in [UNITS_FAILING, DELIVERIES_FAILING, replay::FAILING] {
        summary.failing +=
            sqlx::query_scalar::<_, i64>(failing).bind(connector).fetch_one(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(summary)
}

pub(super) async fn releasable(
    conn: &mut SqliteConnection,
    before: i64,
    limit: usize,
) -> Result<Vec<Unit>, Stop> {
    let rows = sqlx::query(RELEASABLE)
        .bind(before)
        .bind(State::Rejected.name())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(State::Disputed.name())
        .fetch_all(conn)
        .await?;
    rows.iter().map(rows::unit).collect()
}

pub(super) async fn spooled_bytes(conn: &mut SqliteConnection) -> Result<i64, Stop> {
    Ok(sqlx::query_scalar(SPOOLED).fetch_one(conn).await?)
}

pub(super) async fn spool_released(
    conn: &mut SqliteConnection,
    units: &[UnitId],
) -> Result<(), Stop> {
    for unit in units {
        let row = sqlx::query(STATE).bind(unit).fetch_optional(&mut *conn).await?;
        let state = rows::state(&row.ok_or(LedgerError::NoUnit(*unit))?)?;
        if !state.is_final() {
            return Err(Misfit { from: state.name(), event: "released" }.into());
        }
        sqlx::query(RELEASED).bind(unit).execute(&mut *conn).await?;
    }
    Ok(())
}
