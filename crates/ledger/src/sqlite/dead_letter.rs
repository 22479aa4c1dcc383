//! Rows and units set aside.

use sqlx::{Row, SqliteConnection};

use super::dialect::Stop;
use super::script::Script;
use crate::rules::kept;
use crate::{DeadLetter, UnitId};

const INSERT: &str = "
    insert into dead_letter (connector_id, unit_id, destination, row_number, byte_offset, code,
        reason, payload, set_aside_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
pub(super) const NEWEST: &str = "
    select d.unit_id, d.destination, d.row_number, d.byte_offset, d.code, d.reason, d.payload,
        d.set_aside_at
    from dead_letter d
    where d.connector_id = (select id from connector where name = $1)
    order by d.set_aside_at desc, d.id desc
    limit $2";

/// Sets rows of a unit aside. `destination` is who refused them.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    script: &mut Script,
    connector_id: i64,
    unit: UnitId,
    destination: Option<&str>,
    letters: &[DeadLetter],
) -> Result<(), Stop> {
    for letter in letters {
        if script.is_full() {
            script.run(conn).await?;
        }
        script
            .push(INSERT)
            .bind(connector_id)
            .bind(unit)
            .bind(destination.or(letter.destination.as_deref()))
            .bind(letter.row)
            .bind(letter.offset)
            .bind(letter.code.as_str())
            .bind(letter.reason.as_str())
            .bind(kept(&letter.payload))
            .bind(letter.at);
    }
    Ok(())
}

pub(super) async fn newest(
    conn: &mut SqliteConnection,
    connector: &str,
    limit: usize,
) -> Result<Vec<DeadLetter>, Stop> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = sqlx::query(NEWEST).bind(connector).bind(limit).fetch_all(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(DeadLetter {
                unit: row.try_get("unit_id")?,
                destination: row.try_get("destination")?,
                row: row.try_get("row_number")?,
                offset: row.try_get("byte_offset")?,
                code: row.try_get("code")?,
                reason: row.try_get("reason")?,
                payload: row.try_get("payload")?,
                at: row.try_get("set_aside_at")?,
            })
        })
        .collect()
}
