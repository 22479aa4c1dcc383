//! The rows of units by hour of their lane's day, and what the completeness record is made of.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection, SqlitePool};

use super::dialect::{INSERT_HOURS, Stop};
use super::rows::{self, select_units};
use super::script::Script;
use crate::rules::handling_order;
use crate::{Account, HourRows, LedgerError, Reached, UnitId};

// The plus keeps the connector from choosing an index: the log dates are to.
pub(super) const UNITS: &str = select_units!(
    "where +u.connector_id = (select id from connector where name = $1)
      and u.log_date >= $2 and u.log_date < $3"
);
pub(super) const HOURS: &str = "
    select h.unit_id, h.hour, h.row_count, h.admitted, h.repeats, h.missing
    from unit u join unit_hour h on h.unit_id = u.id
    where +u.connector_id = (select id from connector where name = $1)
      and u.log_date >= $2 and u.log_date < $3
    order by h.unit_id, h.hour";
pub(super) const DELIVERIES: &str = "
    select d.unit_id, t.name, d.done, d.withheld is not null as withheld
    from unit u join delivery d on d.unit_id = u.id join destination t on t.id = d.destination_id
    where +u.connector_id = (select id from connector where name = $1)
      and u.log_date >= $2 and u.log_date < $3
    order by d.unit_id, t.name";

/// Adds what records the hours of a unit that is being admitted.
pub(super) fn insert(script: &mut Script, unit: UnitId, hours: &[HourRows]) -> Result<(), Stop> {
    if hours.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = hours
        .iter()
        .map(|hour| (hour.hour, hour.rows, hour.admitted, hour.repeats, hour.missing))
        .collect();
    let text = serde_json::to_string(&rows).map_err(|error| LedgerError::Database(error.into()))?;
    script.push(INSERT_HOURS).bind(unit).bind(text);
    Ok(())
}

/// All as of one moment.
pub(super) async fn accounts(
    readers: &SqlitePool,
    connector: &str,
    from: i64,
    to: i64,
) -> Result<Vec<Account>, Stop> {
    let mut tx = readers.begin().await?;
    let mut accounts = units(&mut tx, connector, from, to).await?;
    let places: HashMap<UnitId, usize> =
        accounts.iter().enumerate().map(|(at, account)| (account.unit.id, at)).collect();
    let query = sqlx::query(HOURS).bind(connector).bind(from).bind(to);
    for row in query.fetch_all(&mut *tx).await? {
        let place = places.get(&row.try_get("unit_id")?).copied();
        if let Some(account) = place.and_then(|place| accounts.get_mut(place)) {
            account.hours.push(HourRows {
                hour: row.try_get("hour")?,
                rows: unsigned(row.try_get("row_count")?),
                admitted: unsigned(row.try_get("admitted")?),
                repeats: unsigned(row.try_get("repeats")?),
                missing: unsigned(row.try_get("missing")?),
            });
        }
    }
    let query = sqlx::query(DELIVERIES).bind(connector).bind(from).bind(to);
    for row in query.fetch_all(&mut *tx).await? {
        let place = places.get(&row.try_get("unit_id")?).copied();
        if let Some(account) = place.and_then(|place| accounts.get_mut(place)) {
            let reached = Reached::of(rows::yes(&row, "done")?, rows::yes(&row, "withheld")?);
            account.deliveries.push((row.try_get("name")?, reached));
        }
    }
    tx.commit().await?;
    Ok(accounts)
}

async fn units(
    conn: &mut SqliteConnection,
    connector: &str,
    from: i64,
    to: i64,
) -> Result<Vec<Account>, Stop> {
    let rows = sqlx::query(UNITS).bind(connector).bind(from).bind(to).fetch_all(conn).await?;
    let account =
        |row| Ok(Account { unit: rows::unit(row)?, hours: Vec::new(), deliveries: Vec::new() });
    let mut accounts = rows.iter().map(account).collect::<Result<Vec<_>, Stop>>()?;
    accounts.sort_by(|a, b| {
        let kind = |account: &Account| account.unit.listed.lane.event_type.clone();
        kind(a).cmp(&kind(b)).then_with(|| handling_order(&a.unit, &b.unit))
    });
    Ok(accounts)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
