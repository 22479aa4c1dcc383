//! What is SQLite's own: its file, its failures, its query plans. Behaviour is in the suite.

mod console;
mod dump;
mod failures;
mod opening;
mod plans;

use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

use super::SqliteLedger;
use crate::{Lane, Ledger, NewUnit};

/// An empty folder and the path of a ledger in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    (folder, path)
}

/// Edits a database behind the ledger's back.
async fn edit(path: &Path, sql: &'static str) {
    let mut conn = bare(path).await;
    sqlx::raw_sql(sql).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

async fn bare(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.unwrap()
}

fn lane() -> Lane {
    Lane {
        connector: "acme".to_owned(),
        event_type: "Login".to_owned(),
        day: "2026-11-23".to_owned(),
    }
}

fn files(count: i64) -> Vec<NewUnit> {
    let file = |n| NewUnit {
        lane: lane(),
        interval: "Hourly".to_owned(),
        sequence: 1,
        log_file_id: format!("{n:018}"),
        log_date: n,
        created_date: n,
        length: n,
    };
    (0..count).map(file).collect()
}

async fn list(ledger: &SqliteLedger, count: i64) -> Result<(), crate::LedgerError> {
    ledger.list("acme", "t", &files(count), None, None, 0).await.map(drop)
}

async fn listed(ledger: &SqliteLedger) -> usize {
    ledger.units(&lane()).await.unwrap().len()
}
