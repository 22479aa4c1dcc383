//! Rows and units set aside, and the end of that: replayed, or dismissed.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::dialect::{self, Stop};
use super::rows::{self, select_units};
use super::script::Script;
use crate::rules::kept;
use crate::{
    Closed, Closing, DeadLetter, Lane, LedgerError, Letter, LetterChoice, LetterCount, LetterId,
    ReplayId, UnitId,
};

const INSERT: &str = "
    insert into dead_letter (connector_id, unit_id, destination, row_number, byte_offset, code,
        reason, payload, set_aside_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// By choice: connector $1, destination $2, code $3, event types $4, unit $5, letter $6.
macro_rules! chosen {
    ($closed:literal) => {
        concat!(
            " where d.connector_id = (select id from connector where name = $1)
              and d.closed_at is ",
            $closed,
            " and ($2 is null or d.destination = $2) and ($3 is null or d.code = $3)
              and ($4 is null or l.event_type in (",
            dialect::list_of!("$4"),
            ")) and ($5 is null or d.unit_id = $5) and ($6 is null or d.id = $6)"
        )
    };
}
/// At most $7, with their payloads if $8.
macro_rules! newest {
    ($closed:literal) => {
        select_units!(
            ", d.id as letter, d.destination, d.row_number, d.byte_offset, d.code, d.reason,
                case when $8 = 1 then d.payload else x'' end as payload, d.set_aside_at, d.closed,
                d.closed_at,
                exists (select 1 from replay r where r.id = d.replay_id and r.ended_at is null)
                    as asked",
            concat!(
                "join dead_letter d on d.unit_id = u.id",
                chosen!($closed),
                " order by d.set_aside_at desc, d.id desc limit $7"
            )
        )
    };
}
macro_rules! counts {
    ($closed:literal) => {
        concat!(
            "select d.code, d.destination, count(*) as letters
            from dead_letter d join unit u on u.id = d.unit_id join lane l on l.id = u.lane_id",
            chosen!($closed),
            " group by d.code, d.destination order by count(*) desc, d.code, d.destination"
        )
    };
}
pub(super) const NEWEST: &str = newest!("null");
const NEWEST_CLOSED: &str = newest!("not null");
pub(super) const COUNTS: &str = counts!("null");
const COUNTS_CLOSED: &str = counts!("not null");

const CLOSE: &str =
    "update dead_letter set closed = $2, closed_at = $3 where id = $1 and closed_at is null";
/// Open ones a destination refused of a unit's rows from $3 up to $4; only of the replay $5, if any.
const IN_ROWS: &str = "
    select id, row_number from dead_letter
    where unit_id = $1 and destination = $2 and closed_at is null
      and row_number >= $3 and row_number < $4 and ($5 is null or replay_id = $5)";
pub(super) const FORGET: &str = "
    delete from dead_letter where closed_at is not null and unit_id in (
        select u.id from unit u where u.lane_id = (
            select l.id from lane l join connector c on c.id = l.connector_id
            where c.name = $1 and l.event_type = $2 and l.day = $3))";
/// Refused once more.
const AGAIN: &str = "
    update dead_letter set code = $2, reason = $3, payload = $4, set_aside_at = $5 where id = $1";
/// Open ones that stand for the whole unit at a destination, for all of its decoding, or for it being
/// disputed.
const OF_UNIT: &str = "
    select id from dead_letter
    where unit_id = $1 and row_number is null and destination = $2 and closed_at is null";
const OF_DECODING: &str = "
    select id from dead_letter where unit_id = $1 and destination is null and closed_at is null";
const OF_DISPUTE: &str = "
    select id from dead_letter
    where unit_id = $1 and row_number is null and destination is null and closed_at is null";

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
    choice: &LetterChoice,
    limit: usize,
) -> Result<Vec<Letter>, Stop> {
    let rows = sqlx::query(if choice.closed { NEWEST_CLOSED } else { NEWEST })
        .bind(&choice.connector)
        .bind(&choice.destination)
        .bind(&choice.code)
        .bind(dialect::list(choice.event_types.as_deref()))
        .bind(choice.unit)
        .bind(choice.letter)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(i64::from(choice.payload))
        .fetch_all(conn)
        .await?;
    rows.iter().map(letter).collect()
}

fn letter(row: &SqliteRow) -> Result<Letter, Stop> {
    let unit = rows::unit(row)?;
    let closed = match (row.try_get::<Option<&str>, _>("closed")?, row.try_get("closed_at")?) {
        (Some(name), Some(at)) => {
            let unknown = || LedgerError::Corrupt(format!("a dead letter closed as {name:?}"));
            Some(Closed { at, how: Closing::parse(name).ok_or_else(unknown)? })
        }
        _ => None,
    };
    Ok(Letter {
        id: row.try_get("letter")?,
        letter: DeadLetter {
            unit: unit.id,
            destination: row.try_get("destination")?,
            row: row.try_get("row_number")?,
            offset: row.try_get("byte_offset")?,
            code: row.try_get("code")?,
            reason: row.try_get("reason")?,
            payload: row.try_get("payload")?,
            at: row.try_get("set_aside_at")?,
        },
        listed: unit.listed,
        asked: rows::yes(row, "asked")?,
        closed,
    })
}

pub(super) async fn counts(
    conn: &mut SqliteConnection,
    choice: &LetterChoice,
) -> Result<Vec<LetterCount>, Stop> {
    let rows = sqlx::query(if choice.closed { COUNTS_CLOSED } else { COUNTS })
        .bind(&choice.connector)
        .bind(&choice.destination)
        .bind(&choice.code)
        .bind(dialect::list(choice.event_types.as_deref()))
        .bind(choice.unit)
        .bind(choice.letter)
        .fetch_all(conn)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(LetterCount {
                code: row.try_get("code")?,
                destination: row.try_get("destination")?,
                letters: row.try_get("letters")?,
            })
        })
        .collect()
}

/// Closes letters; answers how many of them were open.
pub(super) async fn close(
    conn: &mut SqliteConnection,
    letters: &[LetterId],
    how: Closing,
    now: i64,
) -> Result<u64, Stop> {
    let (mut script, mut closed) = (Script::default(), 0);
    for letter in letters {
        if script.is_full() {
            closed += script.run(conn).await?;
        }
        script.push(CLOSE).bind(*letter).bind(how.name()).bind(now);
    }
    Ok(closed + script.run(conn).await?)
}

/// The letters of a unit that could not be decoded, or of rows of it.
pub(super) async fn of_decoding(
    conn: &mut SqliteConnection,
    unit: UnitId,
) -> Result<Vec<LetterId>, Stop> {
    Ok(sqlx::query_scalar(OF_DECODING).bind(unit).fetch_all(conn).await?)
}

/// The letters that say that a unit is disputed.
pub(super) async fn of_dispute(
    conn: &mut SqliteConnection,
    unit: UnitId,
) -> Result<Vec<LetterId>, Stop> {
    Ok(sqlx::query_scalar(OF_DISPUTE).bind(unit).fetch_all(conn).await?)
}

/// The letters that say that a destination did not get a unit.
pub(super) async fn of_unit(
    conn: &mut SqliteConnection,
    unit: UnitId,
    destination: &str,
) -> Result<Vec<LetterId>, Stop> {
    Ok(sqlx::query_scalar(OF_UNIT).bind(unit).bind(destination).fetch_all(conn).await?)
}

/// Removes the closed ones of a lane.
pub(super) async fn forget(conn: &mut SqliteConnection, lane: &Lane) -> Result<u64, Stop> {
    let Lane { connector, event_type, day } = lane;
    let query = sqlx::query(FORGET).bind(connector).bind(event_type).bind(day);
    Ok(query.execute(conn).await?.rows_affected())
}

/// Rows of a unit that a replay has sent to a destination.
pub(super) struct Sent<'a> {
    pub(super) connector_id: i64,
    pub(super) unit: UnitId,
    pub(super) destination: &'a str,
    pub(super) from: i64,
    pub(super) to: i64,
    /// Only the letters of this replay are meant.
    pub(super) only: Option<ReplayId>,
    /// Those that were refused.
    pub(super) refused: &'a [DeadLetter],
}

/// Renews a letter: what it stands for was refused again.
pub(super) fn again(script: &mut Script, id: LetterId, letter: &DeadLetter) {
    script
        .push(AGAIN)
        .bind(id)
        .bind(letter.code.as_str())
        .bind(letter.reason.as_str())
        .bind(kept(&letter.payload))
        .bind(letter.at);
}

/// Closes the letters of what was delivered; what was refused again stays open, with the new
/// reason. What was refused for the first time becomes a letter, except that a replay of letters
/// makes none: they can only have been dismissed meanwhile.
pub(super) async fn sent(conn: &mut SqliteConnection, it: &Sent<'_>, now: i64) -> Result<(), Stop> {
    let open = sqlx::query(IN_ROWS)
        .bind(it.unit)
        .bind(it.destination)
        .bind(it.from)
        .bind(it.to)
        .bind(it.only)
        .fetch_all(&mut *conn)
        .await?;
    let mut script = Script::default();
    let mut new: Vec<_> = it.refused.iter().filter(|_| it.only.is_none()).collect();
    for row in &open {
        if script.is_full() {
            script.run(conn).await?;
        }
        let (id, number): (LetterId, i64) = (row.try_get("id")?, row.try_get("row_number")?);
        match it.refused.iter().find(|letter| letter.row == Some(number)) {
            None => {
                script.push(CLOSE).bind(id).bind(Closing::Replayed.name()).bind(now);
            }
            Some(letter) => {
                new.retain(|other| other.row != Some(number));
                again(&mut script, id, letter);
            }
        }
    }
    let new: Vec<_> = new.into_iter().cloned().collect();
    insert(conn, &mut script, it.connector_id, it.unit, Some(it.destination), &new).await?;
    script.run(conn).await?;
    Ok(())
}
