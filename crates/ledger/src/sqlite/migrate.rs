//! Brings a ledger's tables up to this Orgtap's version, in one transaction.
//!
//! A runner of its own, because the one of sqlx neither tells a newer ledger from a damaged one
//! nor keeps two processes apart on SQLite. Migrations are never edited once released; they have
//! the same numbers for every database.

use sqlx::SqliteConnection;

use super::dialect::{self, Stop};
use crate::LedgerError;

/// A numbered step of the tables' history.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// All of them, from 1 without gaps.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "ledger",
    sql: include_str!("../../migrations/sqlite/0001_ledger.sql"),
}];

const CREATE_VERSIONS: &str = "
    create table orgtap_schema (version integer primary key, name text not null) strict";
const VERSIONS: &str = "select version from orgtap_schema order by version";
const APPLIED: &str = "insert into orgtap_schema (version, name) values ($1, $2)";

/// Makes or updates the tables. A database without them is only accepted when it is `new`.
pub(super) async fn bring_up_to_date(
    conn: &mut SqliteConnection,
    new: bool,
) -> Result<(), LedgerError> {
    if is_current(conn).await? {
        return Ok(());
    }
    apply(conn, new, newest()).await
}

/// Makes the tables of a version in a new database.
pub(super) async fn make(conn: &mut SqliteConnection, version: i64) -> Result<(), LedgerError> {
    apply(conn, true, version).await
}

async fn apply(conn: &mut SqliteConnection, new: bool, to: i64) -> Result<(), LedgerError> {
    begin(conn).await?;
    let done = apply_missing(conn, new, to).await;
    let end = if done.is_ok() { dialect::COMMIT } else { dialect::ROLLBACK };
    let ended = sqlx::raw_sql(end).execute(&mut *conn).await;
    done?;
    ended.map_err(Stop::from)?;
    Ok(())
}

async fn begin(conn: &mut SqliteConnection) -> Result<(), LedgerError> {
    sqlx::raw_sql(dialect::BEGIN).execute(conn).await.map_err(Stop::from)?;
    Ok(())
}

/// Looks without the right to write, which an open of an up-to-date ledger needs not wait for.
async fn is_current(conn: &mut SqliteConnection) -> Result<bool, Stop> {
    if !has_versions(conn).await? {
        return Ok(false);
    }
    Ok(version(conn).await? == newest())
}

async fn has_versions(conn: &mut SqliteConnection) -> Result<bool, Stop> {
    let tables: i64 = sqlx::query_scalar(dialect::HAS_VERSIONS).fetch_one(conn).await?;
    Ok(tables > 0)
}

/// The version of the tables; a newer one than this Orgtap knows is refused.
async fn version(conn: &mut SqliteConnection) -> Result<i64, Stop> {
    let versions: Vec<i64> = sqlx::query_scalar(VERSIONS).fetch_all(conn).await?;
    let found = versions.len() as i64;
    // Every version left its number, a newer Orgtap's too. Anything else is damage.
    if found == 0 || !versions.into_iter().eq(1..=found) {
        let text = "no version of its tables that makes sense";
        return Err(LedgerError::Corrupt(text.to_owned()).into());
    }
    if found > newest() {
        return Err(LedgerError::Newer { found, known: newest() }.into());
    }
    Ok(found)
}

/// The version of the tables this Orgtap writes.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

async fn apply_missing(conn: &mut SqliteConnection, new: bool, to: i64) -> Result<(), Stop> {
    let found = if has_versions(conn).await? {
        version(conn).await?
    } else {
        let objects: i64 = sqlx::query_scalar(dialect::OBJECTS).fetch_one(&mut *conn).await?;
        if objects > 0 || !new {
            let text = "none of Orgtap's tables: the database is of another program or emptied";
            return Err(LedgerError::Corrupt(text.to_owned()).into());
        }
        sqlx::raw_sql(CREATE_VERSIONS).execute(&mut *conn).await?;
        0
    };
    let missing = |migration: &&Migration| migration.version > found && migration.version <= to;
    for migration in MIGRATIONS.iter().filter(missing) {
        tracing::debug!(version = migration.version, name = migration.name, "updating the ledger");
        sqlx::raw_sql(migration.sql).execute(&mut *conn).await?;
        sqlx::query(APPLIED)
            .bind(migration.version)
            .bind(migration.name)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one_without_gaps() {
        let versions: Vec<_> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=newest()).collect::<Vec<_>>());
    }
}
