//! The rows of units by hour of their lane's day, and what the completeness record is made of.

use std::collections::HashMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::dialect::{INSERT_HOURS, Stop, days_of};
use super::rows::{self, select_units};
use super::script::Script;
use crate::rules::handling_order;
use crate::{Account, HourRows, Kind, LedgerError, LogDates, Reached, UnitId};

pub(super) const KINDS: &str = "
    select l.event_type, u.file_interval, min(u.log_date) as first, max(u.created_date) as newest
    from unit u join lane l on l.id = u.lane_id
    where +u.connector_id = (select id from connector where name = $1)
      and u.log_date >= $2 and u.log_date < $3
    group by l.event_type, u.file_interval order by l.event_type, u.file_interval";
/// Units `u` in lanes `l` of the connector $1 and the event type $4, from the log date $2 up to $3.
///
/// The pluses keep the log dates from choosing an index: the lanes of those days are to.
macro_rules! dated {
    () => {
        concat!(
            "where l.connector_id = (select id from connector where name = $1)
              and l.event_type = $4 and ",
            days_of!("l.day", "$2", "$3"),
            " and +u.log_date >= $2 and +u.log_date < $3"
        )
    };
}
pub(super) const UNITS: &str = select_units!(dated!());
pub(super) const HOURS: &str = concat!(
    "select h.unit_id, h.hour, h.row_count, h.admitted, h.repeats, h.missing
    from lane l join unit u on u.lane_id = l.id join unit_hour h on h.unit_id = u.id ",
    dated!(),
    " order by h.unit_id, h.hour"
);
pub(super) const DELIVERIES: &str = concat!(
    "select d.unit_id, t.name, d.done, d.withheld is not null as withheld
    from lane l join unit u on u.lane_id = l.id join delivery d on d.unit_id = u.id
        join destination t on t.id = d.destination_id ",
    dated!(),
    " order by d.unit_id, t.name"
);

/// Not those that say what its state says: that all of it cannot be decoded, or is disputed.
pub(super) const SET_ASIDE: &str = concat!(
    "select a.unit_id, a.destination, count(*) as n
    from lane l join unit u on u.lane_id = l.id join dead_letter a on a.unit_id = u.id ",
    dated!(),
    " and a.closed_at is null and (a.row_number is not null or a.destination is not null)
    group by a.unit_id, a.destination order by a.unit_id, a.destination"
);

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

pub(super) async fn kinds(
    conn: &mut SqliteConnection,
    dates: LogDates<'_>,
) -> Result<Vec<Kind>, Stop> {
    let query = sqlx::query(KINDS).bind(dates.connector).bind(dates.from).bind(dates.to);
    let kind = |row: &SqliteRow| {
        Ok(Kind {
            event_type: row.try_get("event_type")?,
            interval: row.try_get("file_interval")?,
            first: row.try_get("first")?,
            newest: row.try_get("newest")?,
        })
    };
    query.fetch_all(conn).await?.iter().map(kind).collect()
}

/// All as of one moment.
pub(super) async fn accounts(
    readers: &SqlitePool,
    dates: LogDates<'_>,
    event_type: &str,
) -> Result<Vec<Account>, Stop> {
    let asking = |sql| {
        let query = sqlx::query(sql).bind(dates.connector).bind(dates.from).bind(dates.to);
        query.bind(event_type)
    };
    let mut tx = readers.begin().await?;
    let rows = asking(UNITS).fetch_all(&mut *tx).await?;
    let account = |row| {
        let (hours, deliveries, set_aside) = Default::default();
        Ok(Account { unit: rows::unit(row)?, hours, deliveries, set_aside })
    };
    let mut accounts = rows.iter().map(account).collect::<Result<Vec<_>, Stop>>()?;
    accounts.sort_by(|a, b| handling_order(&a.unit, &b.unit));
    let places: HashMap<UnitId, usize> =
        accounts.iter().enumerate().map(|(at, account)| (account.unit.id, at)).collect();
    for row in asking(HOURS).fetch_all(&mut *tx).await? {
        if let Some(account) = of_row(&mut accounts, &places, &row)? {
            account.hours.push(HourRows {
                hour: row.try_get("hour")?,
                rows: unsigned(row.try_get("row_count")?),
                admitted: unsigned(row.try_get("admitted")?),
                repeats: unsigned(row.try_get("repeats")?),
                missing: unsigned(row.try_get("missing")?),
            });
        }
    }
    for row in asking(DELIVERIES).fetch_all(&mut *tx).await? {
        if let Some(account) = of_row(&mut accounts, &places, &row)? {
            let reached = Reached::of(rows::yes(&row, "done")?, rows::yes(&row, "withheld")?);
            account.deliveries.push((row.try_get("name")?, reached));
        }
    }
    for row in asking(SET_ASIDE).fetch_all(&mut *tx).await? {
        if let Some(account) = of_row(&mut accounts, &places, &row)? {
            account.set_aside.push((row.try_get("destination")?, unsigned(row.try_get("n")?)));
        }
    }
    tx.commit().await?;
    Ok(accounts)
}

/// The account a row is about.
fn of_row<'a>(
    accounts: &'a mut [Account],
    places: &HashMap<UnitId, usize>,
    row: &SqliteRow,
) -> Result<Option<&'a mut Account>, Stop> {
    let place = places.get(&row.try_get("unit_id")?).copied();
    Ok(place.and_then(|place| accounts.get_mut(place)))
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}
