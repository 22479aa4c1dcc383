//! Backfills: their record, and the files they bring.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::dialect::Stop;
use super::{connector, listing};
use crate::rules::{backfill_name, check_backfill, check_backfill_move, check_cursor};
use crate::{
    Backfill, BackfillId, BackfillState, Cursor, LedgerError, Listed, NewBackfill, NewUnit,
};

const UNDER_WAY: &str = "
    select id from backfill
    where connector_id = $1 and log_date_from = $2 and log_date_to = $3 and event_types = $4
      and state in ('open', 'listed')
    order by id limit 1";
const INSERT: &str = "
    insert into backfill (connector_id, log_date_from, log_date_to, event_types, begun_at)
    values ($1, $2, $3, $4, $5) returning id";
const STANDING: &str = "
    select b.state, b.created_date, b.log_file_id, c.name
    from backfill b join connector c on c.id = b.connector_id
    where b.id = $1";
const FED: &str = "
    update backfill
    set created_date = $2, log_file_id = $3, known = known + $4
    where id = $1";
const MOVE: &str = "update backfill set state = $2, ended_at = $3 where id = $1";
const ALL: &str = "
    select b.id, b.log_date_from, b.log_date_to, b.event_types, b.state, b.created_date,
        b.log_file_id, b.known, b.begun_at, b.ended_at
    from backfill b
    where b.connector_id = (select id from connector where name = $1)
    order by b.id desc";
pub(super) const PROGRESS: &str = "
    select count(*) as files, cast(coalesce(sum(u.length), 0) as bigint) as bytes,
        count(u.final_at) as finished
    from unit u
    where u.backfill_id = $1";

fn types(wish: &NewBackfill) -> Result<String, Stop> {
    let text = serde_json::to_string(&wish.event_types);
    Ok(text.map_err(|error| LedgerError::Database(error.into()))?)
}

pub(super) async fn begin(
    conn: &mut SqliteConnection,
    wish: &NewBackfill,
    now: i64,
) -> Result<BackfillId, Stop> {
    let connector = connector::known(conn, &wish.connector).await?;
    let types = types(wish)?;
    let found: Option<i64> = sqlx::query_scalar(UNDER_WAY)
        .bind(connector)
        .bind(wish.from)
        .bind(wish.to)
        .bind(&types)
        .fetch_optional(&mut *conn)
        .await?;
    match found {
        Some(id) => Ok(id),
        None => Ok(sqlx::query_scalar(INSERT)
            .bind(connector)
            .bind(wish.from)
            .bind(wish.to)
            .bind(&types)
            .bind(now)
            .fetch_one(conn)
            .await?),
    }
}

/// The state of a backfill, how far its listing has come, and its connector.
async fn standing(
    conn: &mut SqliteConnection,
    id: BackfillId,
) -> Result<(BackfillState, Option<Cursor>, String), Stop> {
    let row = sqlx::query(STANDING).bind(id).fetch_optional(conn).await?;
    let row = row.ok_or_else(|| LedgerError::Corrupt(format!("no {}", backfill_name(id))))?;
    Ok((state(&row)?, cursor(&row)?, row.try_get("name")?))
}

fn state(row: &SqliteRow) -> Result<BackfillState, Stop> {
    let name: String = row.try_get("state")?;
    let unknown = || LedgerError::Corrupt(format!("a backfill in the state {name:?}"));
    Ok(BackfillState::parse(&name).ok_or_else(unknown)?)
}

fn cursor(row: &SqliteRow) -> Result<Option<Cursor>, Stop> {
    let (created, id): (Option<i64>, Option<String>) =
        (row.try_get("created_date")?, row.try_get("log_file_id")?);
    Ok(created.zip(id).map(|(created_date, log_file_id)| Cursor { created_date, log_file_id }))
}

pub(super) async fn feed(
    conn: &mut SqliteConnection,
    id: BackfillId,
    units: &[NewUnit],
    from: Option<&Cursor>,
    to: Option<&Cursor>,
    now: i64,
) -> Result<Listed, Stop> {
    let (state, stored, name) = standing(conn, id).await?;
    check_backfill(id, state, BackfillState::Open)?;
    check_cursor(|| backfill_name(id), stored.as_ref(), from, to)?;
    let listed = listing::record(conn, &name, units, Some(id), now).await?;
    sqlx::query(FED)
        .bind(id)
        .bind(to.map(|to| to.created_date))
        .bind(to.map(|to| &to.log_file_id))
        .bind(i64::try_from(listed.known).unwrap_or(i64::MAX))
        .execute(conn)
        .await?;
    Ok(listed)
}

pub(super) async fn set_state(
    conn: &mut SqliteConnection,
    id: BackfillId,
    from: BackfillState,
    to: BackfillState,
    now: i64,
) -> Result<(), Stop> {
    let (stored, ..) = standing(conn, id).await?;
    check_backfill_move(id, stored, from, to)?;
    let ended = (!to.is_under_way()).then_some(now);
    sqlx::query(MOVE).bind(id).bind(to.name()).bind(ended).execute(conn).await?;
    Ok(())
}

pub(super) async fn all(
    conn: &mut SqliteConnection,
    connector: &str,
) -> Result<Vec<Backfill>, Stop> {
    let rows = sqlx::query(ALL).bind(connector).fetch_all(&mut *conn).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: i64 = row.try_get("id")?;
        let event_types: String = row.try_get("event_types")?;
        let unreadable = |_| LedgerError::Corrupt(format!("event types of {}", backfill_name(id)));
        let event_types = serde_json::from_str(&event_types).map_err(unreadable)?;
        let progress = sqlx::query(PROGRESS).bind(id).fetch_one(&mut *conn).await?;
        found.push(Backfill {
            id,
            wish: NewBackfill {
                connector: connector.to_owned(),
                from: row.try_get("log_date_from")?,
                to: row.try_get("log_date_to")?,
                event_types,
            },
            state: state(row)?,
            cursor: cursor(row)?,
            begun_at: row.try_get("begun_at")?,
            ended_at: row.try_get("ended_at")?,
            files: progress.try_get("files")?,
            known: row.try_get("known")?,
            finished: progress.try_get("finished")?,
            bytes: progress.try_get("bytes")?,
        });
    }
    Ok(found)
}
