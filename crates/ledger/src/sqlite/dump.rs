//! Everything a ledger holds as rows of names and values, out of it and into a new one.
//!
//! Rows are taken as they are: what they mean is known by their version of the tables alone. A new
//! ledger is made with the tables of the dump's version, filled, and then brought up to date.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use futures_util::TryStreamExt;
use serde_json::{Map, Value, json};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Connection, Row, SqliteConnection, TypeInfo,
    ValueRef,
};

use super::dialect::{self, Stop};
use super::file::LedgerFile;
use super::{SqliteLedger, migrate, status};
use crate::LedgerError;

/// A row: its columns' values by name. Bytes are `{"hex": ".."}`.
pub type DumpedRow = Map<String, Value>;

impl SqliteLedger {
    /// The version of the tables this Orgtap writes.
    pub fn version() -> i64 {
        migrate::newest()
    }

    /// Tells every row of every table, as of one moment. Stops at the first that is refused.
    ///
    /// # Errors
    /// The ledger's, or that of `tell`.
    pub async fn dump<E: From<LedgerError>>(
        &self,
        tell: &mut (dyn FnMut(&str, DumpedRow) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let conn = self.reader().await.map_err(LedgerError::from)?;
        let failed = |error: sqlx::Error| E::from(LedgerError::from(Stop::from(error)));
        let mut conn = conn;
        let mut tx = conn.begin().await.map_err(failed)?;
        for table in tables(&mut tx).await.map_err(LedgerError::from)? {
            let text = format!("select * from {table}");
            let mut rows = sqlx::query(AssertSqlSafe(text)).fetch(&mut *tx);
            while let Some(row) = rows.try_next().await.map_err(failed)? {
                tell(&table, values(&row).map_err(LedgerError::from)?)?;
            }
        }
        Ok(())
    }
}

/// Names of the tables, in the order they were made.
async fn tables(conn: &mut SqliteConnection) -> Result<Vec<String>, Stop> {
    Ok(sqlx::query_scalar(dialect::TABLES).fetch_all(conn).await?)
}

fn values(row: &SqliteRow) -> Result<DumpedRow, Stop> {
    let mut values = DumpedRow::new();
    for column in row.columns() {
        let raw = row.try_get_raw(column.ordinal())?;
        let kind = raw.type_info().name().to_owned();
        let at = column.ordinal();
        let value = match kind.as_str() {
            _ if raw.is_null() => Value::Null,
            "INTEGER" => json!(row.try_get::<i64, _>(at)?),
            "BLOB" => json!({ "hex": hex(&row.try_get::<Vec<u8>, _>(at)?) }),
            _ => json!(row.try_get::<String, _>(at)?),
        };
        values.insert(column.name().to_owned(), value);
    }
    Ok(values)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: &u8| (*digit as char).to_digit(16).map(|value| value as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
            _ => None,
        })
        .collect()
}

/// A ledger that is being made from a dump. Nothing of it is there before [`Restore::finish`].
pub struct Restore {
    file: LedgerFile,
    conn: SqliteConnection,
    /// Columns by table.
    tables: BTreeMap<String, Vec<String>>,
}

impl Restore {
    /// Begins a new ledger, with the tables of the version that was dumped.
    ///
    /// # Errors
    /// [`LedgerError::Newer`] for a version this Orgtap does not know.
    pub async fn begin(path: &Path, version: i64) -> Result<Self, LedgerError> {
        if version > migrate::newest() {
            return Err(LedgerError::Newer { found: version, known: migrate::newest() });
        }
        let file = LedgerFile::prepare(path)?;
        let mut conn = dialect::writer(path).connect().await.map_err(Stop::from)?;
        migrate::make(&mut conn, version).await?;
        let mut columns = BTreeMap::new();
        for table in tables(&mut conn).await? {
            let names: Vec<String> = sqlx::query_scalar(dialect::COLUMNS)
                .bind(&table)
                .fetch_all(&mut conn)
                .await
                .map_err(Stop::from)?;
            columns.insert(table, names);
        }
        for text in [dialect::BEGIN, dialect::CHECK_AT_THE_END] {
            sqlx::raw_sql(text).execute(&mut conn).await.map_err(Stop::from)?;
        }
        Ok(Self { file, conn, tables: columns })
    }

    /// Takes in a row. Columns it does not name have their defaults.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] for what no ledger of that version has.
    pub async fn row(&mut self, table: &str, row: &DumpedRow) -> Result<(), LedgerError> {
        let strange = |what: &str| LedgerError::Corrupt(format!("{what} in a dump of {table:.64}"));
        let known = self.tables.get(table).ok_or_else(|| strange("an unknown table"))?;
        let mut bound = SqliteArguments::default();
        let (mut names, mut numbers) = (String::new(), String::new());
        for (place, (name, value)) in (1..).zip(row) {
            // Only names of our own become part of a statement.
            if !known.contains(name) {
                return Err(strange("an unknown column"));
            }
            let comma = if place > 1 { ", " } else { "" };
            write!(names, "{comma}{name}").ok();
            write!(numbers, "{comma}${place}").ok();
            let added = match value {
                Value::Null => bound.add(None::<i64>),
                Value::Number(number) => {
                    bound.add(number.as_i64().ok_or_else(|| strange("a strange number"))?)
                }
                Value::String(text) => bound.add(text.as_str()),
                Value::Object(object) => {
                    let text = object.get("hex").and_then(Value::as_str);
                    bound.add(text.and_then(unhex).ok_or_else(|| strange("strange bytes"))?)
                }
                _ => return Err(strange("a strange value")),
            };
            added.map_err(|error| Stop::from(sqlx::Error::Encode(error)))?;
        }
        let text = format!("insert into {table} ({names}) values ({numbers})");
        sqlx::query_with(AssertSqlSafe(text), bound)
            .execute(&mut self.conn)
            .await
            .map_err(Stop::from)?;
        Ok(())
    }

    /// Keeps what was taken in, if all of it fits together, and brings the tables up to date.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] if rows contradict each other.
    pub async fn finish(mut self) -> Result<(), LedgerError> {
        for text in [status::RECOUNT, dialect::COMMIT] {
            sqlx::raw_sql(text).execute(&mut self.conn).await.map_err(Stop::from)?;
        }
        migrate::bring_up_to_date(&mut self.conn, false).await?;
        self.conn.close().await.map_err(Stop::from)?;
        self.file.made()
    }
}
