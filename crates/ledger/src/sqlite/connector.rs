//! Connectors: their names, their destinations, and what is kept about them besides units.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::deliver;
use super::dialect::Stop;
use crate::{ConnectorRecord, LedgerError, Paused, RecordChange};

const ID: &str = "select id from connector where name = $1";
const INSERT: &str = "insert into connector (name) values ($1) returning id";
const REGISTER: &str =
    "update connector set registered_at = coalesce(registered_at, $2) where id = $1";
const NAMES: &str = "select name from connector where registered_at is not null order by name";
const RECORD: &str = "select record, paused from connector where name = $1";
const SET_PAUSED: &str = "update connector set paused = $2 where id = $1";
const PAUSED: &str = "select name from connector where paused is not null order by name";
const SET_RECORD: &str = "update connector set record = $2 where id = $1";

const REGISTER_DESTINATION: &str = "
    insert into destination (connector_id, name, registered) values ($1, $2, 1)
    on conflict (connector_id, name) do update set registered = 1";
const REGISTERED: &str = "
    select id, name from destination where connector_id = $1 and registered = 1 order by name";
const UNREGISTER: &str = "update destination set registered = 0 where id = $1";

/// The connector's number; it is made known if it is not.
pub(super) async fn known(conn: &mut SqliteConnection, name: &str) -> Result<i64, Stop> {
    let id: Option<i64> = sqlx::query_scalar(ID).bind(name).fetch_optional(&mut *conn).await?;
    match id {
        Some(id) => Ok(id),
        None => Ok(sqlx::query_scalar(INSERT).bind(name).fetch_one(conn).await?),
    }
}

pub(super) async fn register(
    conn: &mut SqliteConnection,
    name: &str,
    destinations: &[String],
    now: i64,
) -> Result<Vec<(String, i64)>, Stop> {
    let connector = known(conn, name).await?;
    sqlx::query(REGISTER).bind(connector).bind(now).execute(&mut *conn).await?;
    let before = sqlx::query(REGISTERED).bind(connector).fetch_all(&mut *conn).await?;
    for destination in destinations {
        sqlx::query(REGISTER_DESTINATION)
            .bind(connector)
            .bind(destination)
            .execute(&mut *conn)
            .await?;
    }
    let mut dropped = Vec::new();
    for row in before {
        let (id, name): (i64, String) = (row.try_get("id")?, row.try_get("name")?);
        if destinations.contains(&name) {
            continue;
        }
        sqlx::query(UNREGISTER).bind(id).execute(&mut *conn).await?;
        let units = deliver::drop_unfinished(conn, id, now).await?;
        if units > 0 {
            dropped.push((name, units));
        }
    }
    Ok(dropped)
}

pub(super) async fn names(conn: &mut SqliteConnection) -> Result<Vec<String>, Stop> {
    Ok(sqlx::query_scalar(NAMES).fetch_all(conn).await?)
}

pub(super) async fn record(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<ConnectorRecord, Stop> {
    let row = sqlx::query(RECORD).bind(name).fetch_optional(conn).await?;
    Ok(row.map(|row| record_of(name, &row)).transpose()?.unwrap_or_default())
}

/// From `record` and `paused`.
pub(super) fn record_of(name: &str, row: &SqliteRow) -> Result<ConnectorRecord, Stop> {
    let record: ConnectorRecord = parsed(name, row.try_get("record")?)?;
    let paused: Option<&str> = row.try_get("paused")?;
    Ok(ConnectorRecord { paused: paused.map(|text| parsed(name, text)).transpose()?, ..record })
}

/// The text of a parser's error may quote what it read: only where it stopped is told.
fn parsed<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, LedgerError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        LedgerError::Corrupt(format!(
            "a record of connector {name} that cannot be read at line {line} column {column}"
        ))
    })
}

fn text(value: &impl Serialize) -> Result<String, LedgerError> {
    serde_json::to_string(value).map_err(|error| LedgerError::Database(error.into()))
}

pub(super) async fn change_record(
    conn: &mut SqliteConnection,
    name: &str,
    change: &RecordChange<'_>,
) -> Result<(), Stop> {
    let connector = known(conn, name).await?;
    let mut record = record(conn, name).await?;
    change(&mut record);
    sqlx::query(SET_RECORD).bind(connector).bind(text(&record)?).execute(conn).await?;
    Ok(())
}

pub(super) async fn set_paused(
    conn: &mut SqliteConnection,
    name: &str,
    paused: Option<&Paused>,
) -> Result<(), Stop> {
    let connector = known(conn, name).await?;
    let paused = paused.map(text).transpose()?;
    sqlx::query(SET_PAUSED).bind(connector).bind(paused).execute(conn).await?;
    Ok(())
}

pub(super) async fn paused(conn: &mut SqliteConnection) -> Result<Vec<String>, Stop> {
    Ok(sqlx::query_scalar(PAUSED).fetch_all(conn).await?)
}
