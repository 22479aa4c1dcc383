//! Calls to the org, counted by connector, day and purpose.

use sqlx::{Row, SqliteConnection};

use super::connector;
use super::dialect::Stop;
use crate::ApiCalls;

const COUNT: &str = "
    insert into api_call (connector_id, day, purpose, calls) values ($1, $2, $3, $4)
    on conflict (connector_id, day, purpose) do update set calls = api_call.calls + excluded.calls";
pub(super) const SINCE: &str = "
    select a.day, a.purpose, a.calls
    from api_call a
    where a.connector_id = (select id from connector where name = $1) and a.day >= $2
    order by a.day, a.purpose";

pub(super) async fn count(
    conn: &mut SqliteConnection,
    connector: &str,
    calls: &[ApiCalls],
) -> Result<(), Stop> {
    let connector = connector::known(conn, connector).await?;
    for one in calls {
        sqlx::query(COUNT)
            .bind(connector)
            .bind(&one.day)
            .bind(&one.purpose)
            .bind(one.calls)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

pub(super) async fn since(
    conn: &mut SqliteConnection,
    connector: &str,
    day: &str,
) -> Result<Vec<ApiCalls>, Stop> {
    let rows = sqlx::query(SINCE).bind(connector).bind(day).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(ApiCalls {
                day: row.try_get("day")?,
                purpose: row.try_get("purpose")?,
                calls: row.try_get("calls")?,
            })
        })
        .collect()
}
