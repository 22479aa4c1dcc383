//! Rows of the tables as the contract's types.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::dialect::Stop;
use crate::unit::State;
use crate::{Lane, LedgerError, NewUnit, Unit};

/// A query for whole units: this, then what the caller adds, before that perhaps more columns.
macro_rules! select_units {
    ($rest:expr) => {
        select_units!("", $rest)
    };
    ($more:literal, $rest:expr) => {
        concat!(
            "select u.id, c.name as connector, l.event_type, l.day, u.file_interval, u.sequence,
                u.log_file_id, u.log_date, u.created_date, u.length, u.state, u.attempts,
                u.not_before, coalesce(u.failure, u.remark) as note, u.spool_path, u.spool_bytes,
                u.raw_bytes, u.row_count, u.admitted, u.repeats, u.undecodable, u.exceptions, u.content_hash,
                u.listed_at, u.final_at, u.spooled",
            $more,
            " from unit u
            join lane l on l.id = u.lane_id
            join connector c on c.id = u.connector_id ",
            $rest
        )
    };
}
pub(super) use select_units;

/// Reads one row of [`select_units`].
pub(super) fn unit(row: &SqliteRow) -> Result<Unit, Stop> {
    Ok(Unit {
        id: row.try_get("id")?,
        listed: NewUnit {
            lane: lane(row)?,
            interval: row.try_get("file_interval")?,
            sequence: row.try_get("sequence")?,
            log_file_id: row.try_get("log_file_id")?,
            log_date: row.try_get("log_date")?,
            created_date: row.try_get("created_date")?,
            length: row.try_get("length")?,
        },
        state: state(row)?,
        attempts: row.try_get("attempts")?,
        not_before: row.try_get("not_before")?,
        note: row.try_get("note")?,
        spool_path: row.try_get("spool_path")?,
        spool_bytes: row.try_get("spool_bytes")?,
        raw_bytes: row.try_get("raw_bytes")?,
        rows: row.try_get("row_count")?,
        admitted: row.try_get("admitted")?,
        repeats: row.try_get("repeats")?,
        undecodable: row.try_get("undecodable")?,
        exceptions: row.try_get("exceptions")?,
        content_hash: row.try_get("content_hash")?,
        listed_at: row.try_get("listed_at")?,
        final_at: row.try_get("final_at")?,
        spooled: yes(row, "spooled")?,
    })
}

/// Reads the columns `connector`, `event_type` and `day`.
pub(super) fn lane(row: &SqliteRow) -> Result<Lane, Stop> {
    Ok(Lane {
        connector: row.try_get("connector")?,
        event_type: row.try_get("event_type")?,
        day: row.try_get("day")?,
    })
}

/// Reads the column `state`.
pub(super) fn state(row: &SqliteRow) -> Result<State, Stop> {
    let name: &str = row.try_get("state")?;
    let state = State::parse(name)
        .ok_or_else(|| LedgerError::Corrupt(format!("a unit in an unknown state, {name:?}")))?;
    Ok(state)
}

/// Reads a yes or no.
pub(super) fn yes(row: &SqliteRow, column: &str) -> Result<bool, Stop> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}
