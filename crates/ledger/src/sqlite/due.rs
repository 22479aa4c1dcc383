//! What waits for a stage, and when the next failure has been waited out.
//!
//! Both questions are asked all the time, so they read partial indexes that hold only what waits,
//! and never the table of units.

use sqlx::{Row, SqliteConnection};

use super::dialect::Stop;
use super::replay;
use crate::rules::Stage;
use crate::{Lane, LaneWork};

/// Lanes with units to collect, without those whose lease is live at $3.
pub(super) const COLLECT: &str = "
    select l.event_type, l.day, w.units
    from (
        select u.lane_id, min(u.created_date) as oldest, count(*) as units,
            min(case when u.backfill_id is null then 0 else 1 end) as later
        from unit u
        where u.connector_id = (select id from connector where name = $1)
          and u.state in ('listed', 'fetched') and u.not_before <= $3
        group by u.lane_id
    ) w
    join lane l on l.id = w.lane_id
    where not exists (select 1 from lease s where s.lane_id = w.lane_id and s.stage = $2
                      and s.owner is not null and s.expires > $3)
    order by w.later, w.oldest, l.day, l.event_type
    limit $4";
/// Lanes with open deliveries to the destination $5. Units go out in order: one that waits out a
/// failure holds up its lane.
pub(super) const DELIVER: &str = "
    select l.event_type, l.day, w.units
    from (
        select d.lane_id, min(d.created_date) as oldest, count(*) as units,
            min(d.backfilled) as later
        from delivery d
        where d.destination_id = (
            select t.id from destination t join connector c on c.id = t.connector_id
            where c.name = $1 and t.name = $5)
          and d.done = 0
        group by d.lane_id
        having max(d.not_before) <= $3
    ) w
    join lane l on l.id = w.lane_id
    where not exists (select 1 from lease s where s.lane_id = w.lane_id and s.stage = $2
                      and s.owner is not null and s.expires > $3)
    order by w.later, w.oldest, l.day, l.event_type
    limit $4";

pub(super) const UNIT_WAITS: &str = "
    select min(u.not_before) from unit u
    where u.connector_id = (select id from connector where name = $1)
      and u.state in ('listed', 'fetched') and u.attempts > 0 and u.not_before > $2";
pub(super) const DELIVERY_WAITS: &str = "
    select min(d.not_before)
    from destination t
    join delivery d on d.destination_id = t.id
    where t.connector_id = (select id from connector where name = $1)
      and d.done = 0 and d.attempts > 0 and d.not_before > $2";

const WAKE_UNITS: &str = "
    update unit set attempts = 0, not_before = 0
    where connector_id = (select id from connector where name = $1)
      and state in ('listed', 'fetched') and attempts > 0";
const WAKE_DELIVERIES: &str = "
    update delivery set attempts = 0, not_before = 0
    where done = 0 and attempts > 0 and destination_id in (
        select t.id from destination t join connector c on c.id = t.connector_id
        where c.name = $1)";

pub(super) async fn wake(conn: &mut SqliteConnection, connector: &str) -> Result<(), Stop> {
    sqlx::query(WAKE_UNITS).bind(connector).execute(&mut *conn).await?;
    sqlx::query(WAKE_DELIVERIES).bind(connector).execute(&mut *conn).await?;
    sqlx::query(replay::WAKE).bind(connector).execute(conn).await?;
    Ok(())
}

pub(super) async fn due(
    conn: &mut SqliteConnection,
    connector: &str,
    stage: &str,
    now: i64,
    limit: usize,
) -> Result<Vec<LaneWork>, Stop> {
    let parsed = Stage::parse(stage)?;
    let mut queries = vec![match parsed {
        Stage::Collect => COLLECT,
        Stage::Deliver(_) => DELIVER,
    }];
    // What was delivered before is only sent again when there is nothing new.
    if matches!(parsed, Stage::Deliver(_)) {
        queries.push(replay::DUE);
    }
    let mut lanes: Vec<LaneWork> = Vec::new();
    for sql in queries {
        if lanes.len() >= limit {
            break;
        }
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut query = sqlx::query(sql).bind(connector).bind(stage).bind(now).bind(most);
        if let Stage::Deliver(destination) = parsed {
            query = query.bind(destination);
        }
        for row in query.fetch_all(&mut *conn).await? {
            let lane = Lane {
                connector: connector.to_owned(),
                event_type: row.try_get("event_type")?,
                day: row.try_get("day")?,
            };
            if lanes.iter().all(|known| known.lane != lane) {
                lanes.push(LaneWork { lane, units: row.try_get("units")? });
            }
        }
    }
    lanes.truncate(limit);
    Ok(lanes)
}

pub(super) async fn next_due(
    conn: &mut SqliteConnection,
    connector: &str,
    now: i64,
) -> Result<Option<i64>, Stop> {
    let mut earliest: Option<i64> = None;
    for waits in [UNIT_WAITS, DELIVERY_WAITS, replay::WAITS] {
        let time: Option<i64> =
            sqlx::query_scalar(waits).bind(connector).bind(now).fetch_one(&mut *conn).await?;
        earliest = [earliest, time].into_iter().flatten().min();
    }
    Ok(earliest)
}
