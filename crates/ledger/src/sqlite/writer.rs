//! The one connection that writes, and transactions on it.
//!
//! One writer, because SQLite has one lock for writing: waiting for it here, in order, beats
//! waiting inside SQLite. A transaction that is dropped half-way takes its connection along, and
//! SQLite rolls back when that closes; the next write opens another.

use std::ops::{Deref, DerefMut};
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

use super::dialect::{self, Stop};
use crate::LedgerError;

/// The place of the writing connection; empty while it is in use, or after it was lost.
pub(super) struct Writer {
    options: SqliteConnectOptions,
    idle: Mutex<Option<SqliteConnection>>,
}

impl Writer {
    /// Opens the connection; the file must be there.
    pub(super) async fn open(path: &Path) -> Result<Self, Stop> {
        let options = dialect::writer(path);
        let idle = Mutex::new(Some(options.connect().await?));
        Ok(Self { options, idle })
    }

    /// Waits for the turn to write and starts a transaction.
    pub(super) async fn begin(&self) -> Result<Write<'_>, Stop> {
        let mut write = self.take().await?;
        sqlx::raw_sql(dialect::BEGIN).execute(&mut *write).await?;
        Ok(write)
    }

    /// Waits for the turn to write, without a transaction.
    pub(super) async fn take(&self) -> Result<Write<'_>, Stop> {
        let mut idle = self.idle.lock().await;
        let conn = match idle.take() {
            Some(conn) => conn,
            None => self.options.connect().await?,
        };
        Ok(Write { idle, conn })
    }

    /// The connection if nobody writes just now.
    pub(super) fn try_take(&self) -> Option<Write<'_>> {
        let mut idle = self.idle.try_lock().ok()?;
        let conn = idle.take()?;
        Some(Write { idle, conn })
    }

    /// Closes the connection; SQLite then folds the write-ahead log into the file if no other
    /// connection is left.
    pub(super) async fn close(self) -> Result<(), Stop> {
        if let Some(conn) = self.idle.into_inner() {
            conn.close().await?;
        }
        Ok(())
    }
}

/// The right to write. Ends with [`Write::finish`]; dropped without, nothing was written.
pub(super) struct Write<'a> {
    idle: MutexGuard<'a, Option<SqliteConnection>>,
    conn: SqliteConnection,
}

impl Write<'_> {
    /// Commits after success, rolls back after a refusal or failure. The connection is kept only
    /// if that left it without a transaction.
    pub(super) async fn finish<T>(mut self, result: Result<T, Stop>) -> Result<T, LedgerError> {
        let end = if result.is_ok() { dialect::COMMIT } else { dialect::ROLLBACK };
        match sqlx::raw_sql(end).execute(&mut self.conn).await {
            Ok(_) => self.give_back(),
            // The connection is dropped, and with it whatever did not reach the disk. A rollback
            // fails after SQLite has rolled back by itself, say for want of room: what counts then
            // is the failure before it.
            Err(error) if result.is_ok() => return Err(Stop::from(error).into()),
            Err(error) => tracing::debug!(%error, "the ledger's connection is replaced"),
        }
        Ok(result?)
    }

    /// Ends a turn whose work began and committed its transaction by itself: rolls back after a
    /// refusal or failure.
    pub(super) async fn settle<T>(self, result: Result<T, Stop>) -> Result<T, LedgerError> {
        if result.is_ok() {
            self.give_back();
            return Ok(result?);
        }
        self.finish(result).await
    }

    /// Ends a turn in which nothing was written; a connection that failed is replaced.
    pub(super) fn keep<T>(self, result: Result<T, Stop>) -> Result<T, LedgerError> {
        if result.is_ok() {
            self.give_back();
        }
        Ok(result?)
    }

    /// Keeps the connection for the next write. There must be no transaction.
    pub(super) fn give_back(mut self) {
        *self.idle = Some(self.conn);
    }
}

impl Deref for Write<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.conn
    }
}

impl DerefMut for Write<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.conn
    }
}
