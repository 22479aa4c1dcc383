//! What is on its way just now, for people to look at.

use sqlx::SqlitePool;

use super::deliver;
use super::dialect::Stop;
use super::rows::{self, select_units};
use crate::{Delivery, Unit};

pub(super) const COLLECTING: &str = select_units!(
    "where u.id in (
        select w.id from unit w
        where w.connector_id = (select id from connector where name = $1)
          and w.state in ('listed', 'fetched'))
    order by u.created_date, u.id
    limit $2"
);
pub(super) const DELIVERING: &str = select_units!(
    "where u.id in (
        select d.unit_id from destination t join delivery d on d.destination_id = t.id
        where t.connector_id = (select id from connector where name = $1) and d.done = 0)
    order by u.created_date, u.id
    limit $2"
);

/// All as of one moment.
pub(super) async fn at_work(
    readers: &SqlitePool,
    connector: &str,
    limit: usize,
) -> Result<Vec<(Unit, Vec<Delivery>)>, Stop> {
    let mut tx = readers.begin().await?;
    let mut found = Vec::new();
    for sql in [COLLECTING, DELIVERING] {
        let room = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
        let rows = sqlx::query(sql).bind(connector).bind(room).fetch_all(&mut *tx).await?;
        for row in &rows {
            let unit = rows::unit(row)?;
            let deliveries = deliver::deliveries(&mut tx, unit.id).await?;
            found.push((unit, deliveries));
        }
    }
    tx.commit().await?;
    Ok(found)
}
