//! The audit log.

use sqlx::{Row, SqliteConnection};

use crate::AuditEntry;
use crate::sqlite::dialect::Stop;

const NOTE: &str = "
    insert into console_audit (at, who, token, address, action, subject, outcome)
    values ($1, $2, $3, $4, $5, $6, $7)";
const NEWEST: &str = "
    select id, at, who, token, address, action, subject, outcome from console_audit
    where ($1 is null or id < $1) order by id desc limit $2";
const FORGET: &str = "delete from console_audit where at < $1";

pub(super) async fn note(conn: &mut SqliteConnection, entry: &AuditEntry) -> Result<(), Stop> {
    let AuditEntry { id: _, at, who, token, address, action, subject, outcome } = entry;
    let query = sqlx::query(NOTE).bind(at).bind(who).bind(token).bind(address);
    query.bind(action).bind(subject).bind(outcome).execute(conn).await?;
    Ok(())
}

pub(super) async fn newest(
    conn: &mut SqliteConnection,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<AuditEntry>, Stop> {
    let rows = sqlx::query(NEWEST).bind(before).bind(limit).fetch_all(conn).await?;
    let read = |row: &sqlx::sqlite::SqliteRow| {
        Ok(AuditEntry {
            id: row.try_get("id")?,
            at: row.try_get("at")?,
            who: row.try_get("who")?,
            token: row.try_get("token")?,
            address: row.try_get("address")?,
            action: row.try_get("action")?,
            subject: row.try_get("subject")?,
            outcome: row.try_get("outcome")?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn forget(conn: &mut SqliteConnection, before: i64) -> Result<(), Stop> {
    sqlx::query(FORGET).bind(before).execute(conn).await?;
    Ok(())
}
