//! Replays: units, or rows of them that were set aside, on their way to one destination again.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::dead_letter::{self, Sent};
use super::dialect::{self, Stop};
use super::rows::{self, select_units};
use super::script::Script;
use super::{deliver, lease, progress};
use crate::rules::{GIVEN_UP, Stage, check_step, no_delivery, replay_name};
use crate::unit::{self, Event, State};
use crate::{
    Closing, DeadLetter, DeliveryDelta, Lane, Lease, LedgerError, LetterId, LettersAsked, Replay,
    ReplayId, Unit, UnitChoice, UnitId,
};

/// Whether a unit can be replayed to the destination of the name given: it has admitted rows, it
/// is not on its way there for the first time, and it was not asked for already.
macro_rules! replayable {
    ($destination:literal) => {
        concat!(
            "u.state in ('admitted', 'done')
              and not exists (
                select 1 from delivery d join destination t on t.id = d.destination_id
                where d.unit_id = u.id and d.done = 0 and t.name = ",
            $destination,
            ")
              and not exists (
                select 1 from replay r join destination t on t.id = r.destination_id
                where r.unit_id = u.id and r.ended_at is null and r.only_letters = 0
                  and t.name = ",
            $destination,
            ")"
        )
    };
}
/// By choice: connector $1, log file $2, from $3 up to $4, event types $5, to the destination $6,
/// all or only what is withheld from it $7.
const REPLAYABLE: &str = select_units!(concat!(
    "where u.connector_id = (select id from connector where name = $1)
      and ($2 is null or u.log_file_id = $2)
      and ($3 is null or u.log_date >= $3) and ($4 is null or u.log_date < $4)
      and ($5 is null or l.event_type in (",
    dialect::list_of!("$5"),
    ")) and ",
    replayable!("$6"),
    " and ($7 = 0 or exists (
        select 1 from delivery d join destination t on t.id = d.destination_id
        where d.unit_id = u.id and d.withheld is not null and t.name = $6))
    order by u.log_date, u.id"
));
const ASK_UNIT: &str = concat!(
    "insert into replay (unit_id, destination_id, lane_id, only_letters, requested_at)
    select u.id, t.id, u.lane_id, 0, $3
    from unit u join destination t on t.connector_id = u.connector_id and t.name = $2
    where u.id = $1 and ",
    replayable!("$2")
);
const ASK_ROWS: &str = "
    insert into replay (unit_id, destination_id, lane_id, only_letters, position, requested_at)
    select u.id, t.id, u.lane_id, 1, $3, $4
    from unit u join destination t on t.connector_id = u.connector_id and t.name = $2
    where u.id = $1
    returning id";
const CONNECTOR_OF: &str = "select connector_id from unit where id = $1";
const KNOW_DESTINATION: &str = "
    insert into destination (connector_id, name, registered) values ($1, $2, 0)
    on conflict (connector_id, name) do nothing";
/// An open letter as it has to be known before it is asked for.
const LETTER: &str = "
    select d.unit_id, d.destination, d.row_number, u.state,
        exists (select 1 from replay r where r.id = d.replay_id and r.ended_at is null) as asked,
        exists (select 1 from destination t where t.connector_id = d.connector_id
                and t.name = d.destination and t.registered = 1) as registered
    from dead_letter d join unit u on u.id = d.unit_id
    where d.id = $1 and d.closed_at is null";
const NAME_REPLAY: &str = "update dead_letter set replay_id = $2 where id = $1";

pub(super) const OF_LANE: &str = select_units!(
    ", r.id as replay, t.name as destination, r.only_letters, r.position, r.delivered, r.rejected,
        r.attempts as tries, r.not_before as again, r.failure as failed, r.requested_at, r.ended_at",
    "join replay r on r.unit_id = u.id
    join destination t on t.id = r.destination_id
    where r.ended_at is null
      and r.lane_id = (select k.id from lane k join connector o on o.id = k.connector_id
                       where o.name = $1 and k.event_type = $2 and k.day = $3)
      and r.destination_id = (select x.id from destination x join connector o
                              on o.id = x.connector_id where o.name = $1 and x.name = $4)
    order by r.id"
);
const NEWEST: &str = select_units!(
    ", r.id as replay, t.name as destination, r.only_letters, r.position, r.delivered, r.rejected,
        r.attempts as tries, r.not_before as again, r.failure as failed, r.requested_at, r.ended_at",
    "join replay r on r.unit_id = u.id
    join destination t on t.id = r.destination_id
    where u.connector_id = (select id from connector where name = $1)
    order by r.id desc
    limit $2"
);
const ROWS: &str = "
    select row_number from dead_letter
    where replay_id = $1 and closed_at is null and row_number is not null
    order by row_number";

/// Lanes with open replays to the destination $5 that are due, as [`super::due`] has them.
pub(super) const DUE: &str = "
    select l.event_type, l.day, w.units
    from (
        select r.lane_id, min(r.id) as oldest, count(*) as units
        from replay r
        where r.destination_id = (
            select t.id from destination t join connector c on c.id = t.connector_id
            where c.name = $1 and t.name = $5)
          and r.ended_at is null and r.not_before <= $3
        group by r.lane_id
    ) w
    join lane l on l.id = w.lane_id
    where not exists (select 1 from lease s where s.lane_id = w.lane_id and s.stage = $2
                      and s.owner is not null and s.expires > $3)
    order by w.oldest
    limit $4";
pub(super) const WAITS: &str = "
    select min(r.not_before)
    from destination t
    join replay r on r.destination_id = t.id
    where t.connector_id = (select id from connector where name = $1)
      and r.ended_at is null and r.attempts > 0 and r.not_before > $2";
pub(super) const WAKE: &str = "
    update replay set attempts = 0, not_before = 0
    where ended_at is null and attempts > 0 and destination_id in (
        select t.id from destination t join connector c on c.id = t.connector_id
        where c.name = $1)";
const ONE: &str = "
    select r.unit_id, r.only_letters, r.position, r.ended_at is not null as ended,
        u.connector_id
    from replay r
    join unit u on u.id = r.unit_id
    join destination t on t.id = r.destination_id
    where r.id = $1 and t.name = $2 and r.lane_id = $3";
const STEP: &str = "
    update replay set position = $2, delivered = delivered + $3, rejected = rejected + $4,
        ended_at = $5
    where id = $1";
/// The same, and the failures are forgotten.
const STEP_ON: &str = "
    update replay set position = $2, delivered = delivered + $3, rejected = rejected + $4,
        ended_at = $5, attempts = 0, not_before = 0, failure = null
    where id = $1";
const POSTPONE: &str = "
    update replay set attempts = attempts + 1, not_before = $2, failure = $3 where id = $1";
const FAIL: &str = "update replay set ended_at = $2, failure = $3 where id = $1";
const FAIL_ALL: &str = "
    update replay set ended_at = $2, failure = $3 where destination_id = $1 and ended_at is null";
const SPOOLED: &str =
    "update unit set spooled = 1, spool_path = $2, spool_bytes = $3 where id = $1";

pub(super) async fn replayable(
    conn: &mut SqliteConnection,
    choice: &UnitChoice,
    destination: &str,
) -> Result<Vec<Unit>, Stop> {
    let rows = sqlx::query(REPLAYABLE)
        .bind(&choice.connector)
        .bind(&choice.log_file_id)
        .bind(choice.from)
        .bind(choice.to)
        .bind(dialect::list(choice.event_types.as_deref()))
        .bind(destination)
        .bind(i64::from(choice.withheld))
        .fetch_all(conn)
        .await?;
    rows.iter().map(rows::unit).collect()
}

pub(super) async fn ask_units(
    conn: &mut SqliteConnection,
    units: &[UnitId],
    destination: &str,
    now: i64,
) -> Result<u64, Stop> {
    let mut asked = 0;
    for unit in units {
        know_destination(conn, *unit, destination).await?;
        let done = sqlx::query(ASK_UNIT)
            .bind(unit)
            .bind(destination)
            .bind(now)
            .execute(&mut *conn)
            .await?;
        asked += done.rows_affected();
    }
    Ok(asked)
}

async fn know_destination(
    conn: &mut SqliteConnection,
    unit: UnitId,
    destination: &str,
) -> Result<(), Stop> {
    let connector: Option<i64> =
        sqlx::query_scalar(CONNECTOR_OF).bind(unit).fetch_optional(&mut *conn).await?;
    let connector = connector.ok_or(LedgerError::NoUnit(unit))?;
    sqlx::query(KNOW_DESTINATION).bind(connector).bind(destination).execute(conn).await?;
    Ok(())
}

pub(super) async fn ask_letters(
    conn: &mut SqliteConnection,
    letters: &[LetterId],
    now: i64,
) -> Result<LettersAsked, Stop> {
    let mut asked = LettersAsked::default();
    // Rows of one unit and destination go in one replay.
    let mut lots: BTreeMap<(UnitId, String), Vec<(i64, LetterId)>> = BTreeMap::new();
    for letter in letters {
        let found = sqlx::query(LETTER).bind(letter).fetch_optional(&mut *conn).await?;
        let Some(row) = found else { continue };
        let unit: UnitId = row.try_get("unit_id")?;
        let (destination, number): (Option<String>, Option<i64>) =
            (row.try_get("destination")?, row.try_get("row_number")?);
        match (destination, number) {
            _ if rows::yes(&row, "asked")? => asked.waiting += 1,
            (Some(destination), _) if !rows::yes(&row, "registered")? => {
                *asked.unregistered.entry(destination).or_default() += 1;
            }
            (Some(destination), Some(number)) => {
                lots.entry((unit, destination)).or_default().push((number, *letter));
                asked.asked += 1;
            }
            (Some(destination), None) => {
                let new = ask_units(conn, &[unit], &destination, now).await?;
                asked.asked += new;
                asked.waiting += 1 - new.min(1);
            }
            (None, None) if rows::state(&row)? == State::Disputed => {
                progress::reconsider_one(conn, unit, now).await?;
                asked.reconsidered += 1;
            }
            (None, None) => {
                let next = unit::apply(rows::state(&row)?, &Event::Retried)?;
                progress::retry(conn, unit, next).await?;
                let closed = dead_letter::of_decoding(conn, unit).await?;
                dead_letter::close(conn, &closed, Closing::Replayed, now).await?;
                asked.listed += 1;
            }
            (None, Some(_)) => asked.undecodable += 1,
        }
    }
    for ((unit, destination), rows) in lots {
        let first = rows.iter().map(|(number, _)| *number).min();
        let replay: ReplayId = sqlx::query_scalar(ASK_ROWS)
            .bind(unit)
            .bind(&destination)
            .bind(first)
            .bind(now)
            .fetch_one(&mut *conn)
            .await?;
        for (_, letter) in rows {
            sqlx::query(NAME_REPLAY).bind(letter).bind(replay).execute(&mut *conn).await?;
        }
    }
    Ok(asked)
}

pub(super) async fn of_lane(
    conn: &mut SqliteConnection,
    lane: &Lane,
    destination: &str,
) -> Result<Vec<(Unit, Replay)>, Stop> {
    let found = sqlx::query(OF_LANE)
        .bind(&lane.connector)
        .bind(&lane.event_type)
        .bind(&lane.day)
        .bind(destination)
        .fetch_all(&mut *conn)
        .await?;
    pairs(conn, &found).await
}

pub(super) async fn newest(
    conn: &mut SqliteConnection,
    connector: &str,
    limit: usize,
) -> Result<Vec<(Unit, Replay)>, Stop> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = sqlx::query(NEWEST).bind(connector).bind(limit).fetch_all(&mut *conn).await?;
    pairs(conn, &found).await
}

async fn pairs(
    conn: &mut SqliteConnection,
    found: &[SqliteRow],
) -> Result<Vec<(Unit, Replay)>, Stop> {
    let mut pairs = Vec::with_capacity(found.len());
    for row in found {
        let (unit, id) = (rows::unit(row)?, row.try_get::<ReplayId, _>("replay")?);
        let rows = if rows::yes(row, "only_letters")? {
            Some(sqlx::query_scalar(ROWS).bind(id).fetch_all(&mut *conn).await?)
        } else {
            None
        };
        let replay = Replay {
            id,
            unit: unit.id,
            destination: row.try_get("destination")?,
            rows,
            position: row.try_get("position")?,
            delivered: row.try_get("delivered")?,
            rejected: row.try_get("rejected")?,
            attempts: row.try_get("tries")?,
            not_before: row.try_get("again")?,
            note: row.try_get("failed")?,
            requested_at: row.try_get("requested_at")?,
            ended_at: row.try_get("ended_at")?,
        };
        pairs.push((unit, replay));
    }
    Ok(pairs)
}

/// What a write has to know of a replay first.
struct Standing {
    connector_id: i64,
    unit: UnitId,
    only_letters: bool,
    position: i64,
    ended: bool,
}

/// Where a replay stands, if a lease gives the right to write to it.
async fn standing(
    conn: &mut SqliteConnection,
    lease: &Lease,
    replay: ReplayId,
) -> Result<(Standing, String), Stop> {
    let lane = lease::held(conn, lease).await?;
    let Stage::Deliver(name) = Stage::parse(&lease.stage)? else {
        return Err(lease::fenced(&lease.lane, "deliver", lease.epoch));
    };
    let row = sqlx::query(ONE).bind(replay).bind(name).bind(lane).fetch_optional(conn).await?;
    let row = row.ok_or_else(|| no_delivery(replay_name(replay, name), "nothing"))?;
    let standing = Standing {
        connector_id: row.try_get("connector_id")?,
        unit: row.try_get("unit_id")?,
        only_letters: rows::yes(&row, "only_letters")?,
        position: row.try_get("position")?,
        ended: rows::yes(&row, "ended")?,
    };
    Ok((standing, name.to_owned()))
}

/// The same of one that has not ended.
async fn open(
    conn: &mut SqliteConnection,
    lease: &Lease,
    replay: ReplayId,
) -> Result<(Standing, String), Stop> {
    let (standing, name) = standing(conn, lease, replay).await?;
    if standing.ended {
        return Err(no_delivery(replay_name(replay, &name), "its end").into());
    }
    Ok((standing, name))
}

/// Takes a step of a replay.
pub(super) async fn step(
    conn: &mut SqliteConnection,
    lease: &Lease,
    replay: ReplayId,
    delta: &DeliveryDelta,
    now: i64,
) -> Result<(), Stop> {
    let (standing, name) = standing(conn, lease, replay).await?;
    let what = || replay_name(replay, &name);
    if standing.unit != delta.unit {
        return Err(no_delivery(what(), "another unit").into());
    }
    check_step(what, standing.position, standing.ended, delta.from, delta.to)?;
    if delta.delivered < 0 {
        let text = format!("no step of {} with a negative count", what());
        return Err(LedgerError::Corrupt(text).into());
    }
    let on = delta.to > delta.from || delta.done;
    sqlx::query(if on { STEP_ON } else { STEP })
        .bind(replay)
        .bind(delta.to)
        .bind(delta.delivered)
        .bind(i64::try_from(delta.rejected.len()).unwrap_or(i64::MAX))
        .bind(delta.done.then_some(now))
        .execute(&mut *conn)
        .await?;
    let sent = Sent {
        connector_id: standing.connector_id,
        unit: delta.unit,
        destination: &name,
        from: delta.from,
        to: delta.to,
        only: standing.only_letters.then_some(replay),
        refused: &delta.rejected,
    };
    dead_letter::sent(conn, &sent, now).await?;
    if delta.done && !standing.only_letters {
        let closed = dead_letter::of_unit(conn, delta.unit, &name).await?;
        dead_letter::close(conn, &closed, Closing::Replayed, now).await?;
        deliver::brought(conn, delta.unit, replay).await?;
    }
    Ok(())
}

pub(super) async fn postpone(
    conn: &mut SqliteConnection,
    lease: &Lease,
    replay: ReplayId,
    not_before: i64,
    note: &str,
) -> Result<(), Stop> {
    open(conn, lease, replay).await?;
    sqlx::query(POSTPONE).bind(replay).bind(not_before).bind(note).execute(conn).await?;
    Ok(())
}

pub(super) async fn fail(
    conn: &mut SqliteConnection,
    lease: &Lease,
    replay: ReplayId,
    letter: Option<&DeadLetter>,
    note: &str,
    now: i64,
) -> Result<(), Stop> {
    let (standing, name) = open(conn, lease, replay).await?;
    sqlx::query(FAIL).bind(replay).bind(now).bind(note).execute(&mut *conn).await?;
    let Some(letter) = letter else { return Ok(()) };
    let mut script = Script::default();
    let before = dead_letter::of_unit(conn, standing.unit, &name).await?;
    if let Some(before) = before.last() {
        dead_letter::again(&mut script, *before, letter);
    } else {
        let (connector, unit) = (standing.connector_id, standing.unit);
        let letters = std::slice::from_ref(letter);
        dead_letter::insert(conn, &mut script, connector, unit, Some(&name), letters).await?;
    }
    script.run(conn).await?;
    Ok(())
}

/// Ends what is still to be replayed to a destination the connector no longer has.
pub(super) async fn drop_unfinished(
    conn: &mut SqliteConnection,
    destination: i64,
    now: i64,
) -> Result<(), Stop> {
    sqlx::query(FAIL_ALL).bind(destination).bind(now).bind(GIVEN_UP).execute(conn).await?;
    Ok(())
}

pub(super) async fn spooled_again(
    conn: &mut SqliteConnection,
    lease: &Lease,
    unit: UnitId,
    path: &str,
    bytes: i64,
) -> Result<(), Stop> {
    let lane = lease::held(conn, lease).await?;
    progress::standing(conn, lease, lane, unit).await?;
    sqlx::query(SPOOLED).bind(unit).bind(path).bind(bytes).execute(conn).await?;
    Ok(())
}
