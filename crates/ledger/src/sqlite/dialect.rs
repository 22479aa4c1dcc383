//! What is SQLite's own: connections, transactions, pragmas, error codes. All other SQL of the
//! ledger is written so that PostgreSQL can read it too.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::LedgerError;
use crate::unit::Misfit;

/// Starts a transaction that may write, so that it cannot fail later for want of the lock.
pub(super) const BEGIN: &str = "begin immediate";
/// The same and a query, in one go.
macro_rules! begin_with {
    ($($query:tt)*) => {
        concat!("begin immediate;", $($query)*)
    };
}
pub(super) use begin_with;
/// A query of the texts in a list that [`list`] made.
macro_rules! list_of {
    ($parameter:literal) => {
        concat!("select j.value from json_each(", $parameter, ") j")
    };
}
pub(super) use list_of;
/// Whether a day, as text, is that of a moment of a range, in microseconds, or the one before or
/// after. A moment that has no day is no bound.
macro_rules! days_of {
    ($day:literal, $from:literal, $to:literal) => {
        concat!(
            $day,
            " >= coalesce(date(",
            $from,
            " / 1000000 - 86400, 'unixepoch'), '') and ",
            $day,
            " <= coalesce(date(",
            $to,
            " / 1000000 + 86400, 'unixepoch'), '~')"
        )
    };
}
pub(super) use days_of;
/// Ends a transaction for good.
pub(super) const COMMIT: &str = "commit";
/// Ends a transaction as if it had never been.
pub(super) const ROLLBACK: &str = "rollback";
/// Objects in the database, whoever made them.
pub(super) const OBJECTS: &str = "select count(*) from sqlite_schema";
/// Names of the tables but that of their versions, the console's, and those that triggers fill, in
/// the order they were made.
pub(super) const TABLES: &str = "
    select name from sqlite_schema
    where type = 'table' and name <> 'orgtap_schema' and name not like 'sqlite_%'
      and substr(name, 1, 8) <> 'console_' and name not like '%_total'
    order by rowid";
/// Names of a table's columns.
pub(super) const COLUMNS: &str = "select name from pragma_table_info($1)";
/// What refers to another row is looked at when the transaction ends.
pub(super) const CHECK_AT_THE_END: &str = "pragma defer_foreign_keys = on";
/// Whether the table of schema versions is there.
pub(super) const HAS_VERSIONS: &str =
    "select count(*) from sqlite_schema where type = 'table' and name = 'orgtap_schema'";
/// A unit's rows by hour, from a JSON array of arrays.
pub(super) const INSERT_HOURS: &str = "
    insert into unit_hour (unit_id, hour, row_count, admitted, repeats, missing)
    select $1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
    from json_each($2)";
/// How the journal is kept.
pub(super) const JOURNAL_MODE: &str = "pragma journal_mode";

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(30);

/// How the one connection that writes is opened: a commit has reached the disk when it returns.
pub(super) fn writer(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // What a statement of many rows changes can be taken back from memory.
        .pragma("temp_store", "memory")
        // Give disk back after a burst of writing.
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}

/// How the connections that only read are opened.
pub(super) fn reader(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY)
        .pragma("query_only", "on")
        .disable_statement_logging()
}

/// Texts as one parameter.
pub(super) fn list(texts: Option<&[String]>) -> Option<String> {
    texts.map(|texts| serde_json::Value::from(texts).to_string())
}

/// Why a transaction stopped: refused by a rule, or failed in the database.
#[derive(Debug)]
pub(super) enum Stop {
    /// A rule of the contract says no.
    Refused(LedgerError),
    /// The database failed.
    Failed(sqlx::Error),
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Refused(error)
    }
}

impl From<Misfit> for Stop {
    fn from(error: Misfit) -> Self {
        Self::Refused(error.into())
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Stop> for LedgerError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(error) => error,
            Stop::Failed(error) => translate(error),
        }
    }
}

/// SQLITE_CORRUPT.
const CORRUPT: i32 = 11;
/// SQLITE_FULL.
const FULL: i32 = 13;
/// SQLITE_NOTADB.
const NOT_A_DATABASE: i32 = 26;
/// SQLITE_IOERR_SHMSIZE: the file beside the write-ahead log cannot grow.
const IOERR_SHMSIZE: i32 = 4874;
/// SQLITE_CONSTRAINT_CHECK and its like: primary code 19. The rules are checked before every
/// write, so a constraint only speaks up when what is stored breaks them already.
const CONSTRAINT: i32 = 19;

/// Sorts a failure of the database into the contract's kinds.
fn translate(error: sqlx::Error) -> LedgerError {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok());
    match (code, &error) {
        (Some(IOERR_SHMSIZE), _) => LedgerError::DiskFull(error.into()),
        (Some(code), _) => match code & 0xff {
            FULL => LedgerError::DiskFull(error.into()),
            NOT_A_DATABASE => LedgerError::Corrupt(
                "no SQLite database: its file was damaged or replaced".to_owned(),
            ),
            CORRUPT => LedgerError::Corrupt(format!("damaged pages: {error}")),
            CONSTRAINT => LedgerError::Corrupt(format!("rows that contradict each other: {error}")),
            _ => LedgerError::Database(error.into()),
        },
        (None, sqlx::Error::ColumnDecode { index, .. }) => {
            LedgerError::Corrupt(format!("a value of the wrong kind in {index}"))
        }
        _ => LedgerError::Database(error.into()),
    }
}
