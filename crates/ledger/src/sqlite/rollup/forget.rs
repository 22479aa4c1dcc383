//! Forgets what is too old, a little at a time.

use sqlx::SqliteConnection;

use crate::rollup::{Horizon, Step};
use crate::sqlite::dialect::Stop;

const NEXT: &str = "select min(s.id) from rollup_series s where s.id > $1";
/// At most so much of a series that a turn stays short.
const COUNTS: &str = "
    delete from rollup
    where series_id = $1 and step = $2 and start < $3 and start <= (
        select max(f.start) from (
            select r.start from rollup r
            where r.series_id = $1 and r.step = $2 and r.start < $3
            order by r.start limit 2000) f)";
const TRAITS: &str = "
    delete from user_trait
    where (connector_id, kind, user_id, value) in (
        select f.connector_id, f.kind, f.user_id, f.value from user_trait f
        where f.last_at < $1 order by f.last_at limit 2000)";
const SESSIONS: &str = "
    delete from user_session
    where (day, connector_id, user_id, login_key, event_type) in (
        select e.day, e.connector_id, e.user_id, e.login_key, e.event_type from user_session e
        where e.day < $1 order by e.day limit 2000)";
const NOTABLES: &str = "
    delete from notable where id in (
        select n.id from notable n where n.at < $1 order by n.at limit 2000)";

/// Rows after which a turn ends.
const ENOUGH: u64 = 2_000;
/// Series after which a turn ends.
const SERIES: usize = 500;

pub(super) async fn forget(
    conn: &mut SqliteConnection,
    horizon: Horizon,
    at: i64,
) -> Result<Option<i64>, Stop> {
    if at == 0 {
        let day = Step::Day.start(horizon.events);
        for (text, before) in [(TRAITS, horizon.days), (SESSIONS, day), (NOTABLES, horizon.events)]
        {
            let gone = sqlx::query(text).bind(before).execute(&mut *conn).await?.rows_affected();
            if gone >= ENOUGH {
                return Ok(Some(0));
            }
        }
    }
    let mut at = at;
    for _ in 0..SERIES {
        let next: Option<i64> = sqlx::query_scalar(NEXT).bind(at).fetch_one(&mut *conn).await?;
        let Some(series) = next else { return Ok(None) };
        let mut gone = 0;
        for step in Step::ALL {
            let before = if step == Step::Hour { horizon.hours } else { horizon.days };
            // A week that has begun before the horizon has days after it.
            let before = before - if step == Step::Week { step.micros() } else { 0 };
            let query = sqlx::query(COUNTS).bind(series).bind(step.hours()).bind(before);
            gone += query.execute(&mut *conn).await?.rows_affected();
        }
        if gone >= ENOUGH {
            // There may be more of this one.
            return Ok(Some(at));
        }
        at = series;
    }
    Ok(Some(at))
}
