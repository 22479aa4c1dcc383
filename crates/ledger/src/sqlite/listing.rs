//! What the org listed: units not known before, and how far the listing came.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::connector;
use super::dialect::Stop;
use super::script::Script;
use crate::rules::check_cursor;
use crate::{BackfillId, Cursor, Lane, LedgerError, Listed, NewUnit};

const CURSOR: &str = "
    select k.created_date, k.log_file_id
    from listing_cursor k join connector c on c.id = k.connector_id
    where c.name = $1 and k.track = $2";
const SET_CURSOR: &str = "
    insert into listing_cursor (connector_id, track, created_date, log_file_id)
    values ($1, $2, $3, $4)
    on conflict (connector_id, track)
    do update set created_date = excluded.created_date, log_file_id = excluded.log_file_id";

const LANE: &str = "select id from lane where connector_id = $1 and event_type = $2 and day = $3";
const INSERT_LANE: &str =
    "insert into lane (connector_id, event_type, day) values ($1, $2, $3) returning id";

const INSERT_UNIT: &str = "
    insert into unit (connector_id, lane_id, file_interval, sequence, log_file_id, log_date,
        created_date, length, listed_at, backfill_id)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    on conflict (connector_id, log_file_id, created_date, length) do nothing";

/// One page of a listing with the step it makes.
pub(super) struct Page<'a> {
    pub(super) connector: &'a str,
    pub(super) track: &'a str,
    pub(super) units: &'a [NewUnit],
    pub(super) from: Option<&'a Cursor>,
    pub(super) to: Option<&'a Cursor>,
}

pub(super) async fn cursor(
    conn: &mut SqliteConnection,
    connector: &str,
    track: &str,
) -> Result<Option<Cursor>, Stop> {
    let row = sqlx::query(CURSOR).bind(connector).bind(track).fetch_optional(conn).await?;
    row.map(|row| {
        Ok(Cursor {
            created_date: row.try_get("created_date")?,
            log_file_id: row.try_get("log_file_id")?,
        })
    })
    .transpose()
}

pub(super) async fn list(
    conn: &mut SqliteConnection,
    page: &Page<'_>,
    now: i64,
) -> Result<Listed, Stop> {
    let stored = cursor(conn, page.connector, page.track).await?;
    let what = || format!("the listing {} of {}", page.track, page.connector);
    check_cursor(what, stored.as_ref(), page.from, page.to)?;
    let listed = record(conn, page.connector, page.units, None, now).await?;
    if let Some(to) = page.to.filter(|_| page.to != page.from) {
        let connector = connector::known(conn, page.connector).await?;
        sqlx::query(SET_CURSOR)
            .bind(connector)
            .bind(page.track)
            .bind(to.created_date)
            .bind(&to.log_file_id)
            .execute(conn)
            .await?;
    }
    Ok(listed)
}

/// Records the units that are not known yet, as those of a backfill if it is one's.
pub(super) async fn record(
    conn: &mut SqliteConnection,
    name: &str,
    units: &[NewUnit],
    backfill: Option<BackfillId>,
    now: i64,
) -> Result<Listed, Stop> {
    let connector = connector::known(conn, name).await?;
    let mut listed = Listed::default();
    let mut script = Script::default();
    let mut lanes: HashMap<&Lane, i64> = HashMap::new();
    for unit in units {
        if unit.lane.connector != name {
            let text = format!("no unit of {} among those of {name}", unit.lane);
            return Err(LedgerError::Corrupt(text).into());
        }
        let lane = if let Some(lane) = lanes.get(&unit.lane) {
            *lane
        } else {
            let lane = lane_of(conn, connector, &unit.lane).await?;
            lanes.insert(&unit.lane, lane);
            lane
        };
        insert(&mut script, (connector, lane, backfill), unit, now);
        if script.is_full() {
            listed.new += script.run(conn).await?;
        }
    }
    listed.new += script.run(conn).await?;
    listed.known = (units.len() as u64).saturating_sub(listed.new);
    Ok(listed)
}

/// Adds what records a unit, if it is new, for a connector, a lane and maybe a backfill.
fn insert(
    script: &mut Script,
    (connector, lane, backfill): (i64, i64, Option<BackfillId>),
    unit: &NewUnit,
    now: i64,
) {
    script
        .push(INSERT_UNIT)
        .bind(connector)
        .bind(lane)
        .bind(unit.interval.as_str())
        .bind(unit.sequence)
        .bind(unit.log_file_id.as_str())
        .bind(unit.log_date)
        .bind(unit.created_date)
        .bind(unit.length)
        .bind(now)
        .bind(backfill);
}

/// The lane's number; it is made known if it is not.
pub(super) async fn lane_of(
    conn: &mut SqliteConnection,
    connector: i64,
    lane: &Lane,
) -> Result<i64, Stop> {
    let found: Option<i64> = sqlx::query_scalar(LANE)
        .bind(connector)
        .bind(&lane.event_type)
        .bind(&lane.day)
        .fetch_optional(&mut *conn)
        .await?;
    match found {
        Some(id) => Ok(id),
        None => Ok(sqlx::query_scalar(INSERT_LANE)
            .bind(connector)
            .bind(&lane.event_type)
            .bind(&lane.day)
            .fetch_one(conn)
            .await?),
    }
}
