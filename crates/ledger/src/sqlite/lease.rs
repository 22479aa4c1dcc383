//! Leases: who may write for a stage of a lane. The check that fences stale writers is here.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::dialect::{self, Stop};
use super::script::Script;
use super::{connector, listing};
use crate::rules::Stage;
use crate::{Lane, Lease, LedgerError};

/// Grants the stage $4 of a known lane that nobody holds at $7, and answers with $8.
const TAKE: &str = "
    insert into lease (lane_id, stage, owner, epoch, expires)
    select l.id, $4, $5, 1, $6
    from connector c join lane l on l.connector_id = c.id
    where c.name = $1 and l.event_type = $2 and l.day = $3
    on conflict (lane_id, stage)
    do update set owner = excluded.owner, epoch = lease.epoch + 1, expires = excluded.expires
    where lease.owner is null or lease.expires <= $7
    returning epoch, expires, $8 as place";
/// The lane of a lease, if that is still the last grant. It may have expired: as long as nobody
/// took it over, nobody else has written.
const HELD: &str = "
    select s.lane_id
    from connector c
    join lane l on l.connector_id = c.id and l.event_type = $2 and l.day = $3
    join lease s on s.lane_id = l.id and s.stage = $4
    where c.name = $1 and s.epoch = $5 and s.owner = $6";
const PROLONG: &str = "update lease set expires = $3 where lane_id = $1 and stage = $2";
/// Ends a lease that is still the last grant.
const FREE: &str = "
    update lease set owner = null
    where lane_id = (select l.id from lane l join connector c on c.id = l.connector_id
                     where c.name = $1 and l.event_type = $2 and l.day = $3)
      and stage = $4 and epoch = $5 and owner = $6";
const KNOWN: &str = "
    select count(*) from lane l join connector c on c.id = l.connector_id
    where c.name = $1 and l.event_type = $2 and l.day = $3";
const BREAK: &str = "update lease set owner = null, epoch = epoch + 1";

/// A query of the driver.
type Question<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// What is asked for each of some lanes.
pub(super) struct Wish<'a> {
    pub(super) stage: &'a str,
    pub(super) owner: &'a str,
    pub(super) now: i64,
    pub(super) ttl: i64,
}

pub(super) async fn take(
    conn: &mut SqliteConnection,
    lanes: &[Lane],
    wish: &Wish<'_>,
) -> Result<Vec<Lease>, Stop> {
    Stage::parse(wish.stage)?;
    let mut granted = HashMap::new();
    grant(conn, lanes, wish, &mut granted).await?;
    // What nobody holds and was not granted is not known yet.
    let mut unknown = false;
    for (place, lane) in lanes.iter().enumerate() {
        if !granted.contains_key(&(place as i64)) && !is_known(conn, lane).await? {
            let connector = connector::known(conn, &lane.connector).await?;
            listing::lane_of(conn, connector, lane).await?;
            unknown = true;
        }
    }
    if unknown {
        grant(conn, lanes, wish, &mut granted).await?;
    }
    let lease = |(place, lane): (usize, &Lane)| {
        let (epoch, expires) = granted.get(&(place as i64)).copied()?;
        let (stage, owner) = (wish.stage.to_owned(), wish.owner.to_owned());
        Some(Lease { lane: lane.clone(), stage, owner, epoch, expires })
    };
    Ok(lanes.iter().enumerate().filter_map(lease).collect())
}

/// Grants what can be of the lanes not granted yet: epoch and expiry by place.
async fn grant(
    conn: &mut SqliteConnection,
    lanes: &[Lane],
    wish: &Wish<'_>,
    granted: &mut HashMap<i64, (i64, i64)>,
) -> Result<(), Stop> {
    let mut script = Script::default();
    let mut rows = Vec::new();
    for (place, lane) in lanes.iter().enumerate() {
        if granted.contains_key(&(place as i64)) {
            continue;
        }
        script
            .push(TAKE)
            .bind(lane.connector.as_str())
            .bind(lane.event_type.as_str())
            .bind(lane.day.as_str())
            .bind(wish.stage)
            .bind(wish.owner)
            .bind(wish.now.saturating_add(wish.ttl))
            .bind(wish.now)
            .bind(place as i64);
        if script.is_full() {
            rows.extend(script.rows(conn).await?);
        }
    }
    rows.extend(script.rows(conn).await?);
    for row in &rows {
        let terms = (row.try_get("epoch")?, row.try_get("expires")?);
        granted.insert(row.try_get("place")?, terms);
    }
    Ok(())
}

async fn is_known(conn: &mut SqliteConnection, lane: &Lane) -> Result<bool, Stop> {
    let known: i64 = sqlx::query_scalar(KNOWN)
        .bind(&lane.connector)
        .bind(&lane.event_type)
        .bind(&lane.day)
        .fetch_one(conn)
        .await?;
    Ok(known > 0)
}

pub(super) async fn renew(
    conn: &mut SqliteConnection,
    lease: &Lease,
    now: i64,
    ttl: i64,
) -> Result<Lease, Stop> {
    let lane = held(conn, lease).await?;
    let expires = now.saturating_add(ttl);
    sqlx::query(PROLONG).bind(lane).bind(&lease.stage).bind(expires).execute(conn).await?;
    Ok(Lease { expires, ..lease.clone() })
}

/// Begins a transaction and commits it.
pub(super) async fn release(conn: &mut SqliteConnection, leases: &[Lease]) -> Result<(), Stop> {
    let mut script = Script::default();
    script.push(dialect::BEGIN);
    for lease in leases {
        script
            .push(FREE)
            .bind(lease.lane.connector.as_str())
            .bind(lease.lane.event_type.as_str())
            .bind(lease.lane.day.as_str())
            .bind(lease.stage.as_str())
            .bind(lease.epoch)
            .bind(lease.owner.as_str());
        if script.is_full() {
            script.run(conn).await?;
        }
    }
    script.commit(conn).await
}

pub(super) async fn break_all(conn: &mut SqliteConnection) -> Result<(), Stop> {
    sqlx::query(BREAK).execute(conn).await?;
    Ok(())
}

/// The number of the lane a lease gives the right to, or [`LedgerError::Fenced`].
pub(super) async fn held(conn: &mut SqliteConnection, lease: &Lease) -> Result<i64, Stop> {
    match lane_if_held(conn, lease).await? {
        Some(lane) => Ok(lane),
        None => Err(fenced(&lease.lane, &lease.stage, lease.epoch)),
    }
}

/// The refusal of a write to a lane's stage that the writer has no right to.
pub(super) fn fenced(lane: &Lane, stage: &str, epoch: i64) -> Stop {
    LedgerError::Fenced { lane: format!("{stage} {lane}"), epoch }.into()
}

/// Binds a lease as $1 to $6: connector, event type, day, stage, epoch, owner.
pub(super) fn bound<'q>(query: Question<'q>, lease: &Lease) -> Question<'q> {
    query
        .bind(lease.lane.connector.clone())
        .bind(lease.lane.event_type.clone())
        .bind(lease.lane.day.clone())
        .bind(lease.stage.clone())
        .bind(lease.epoch)
        .bind(lease.owner.clone())
}

async fn lane_if_held(conn: &mut SqliteConnection, lease: &Lease) -> Result<Option<i64>, Stop> {
    let row = bound(sqlx::query(HELD), lease).fetch_optional(conn).await?;
    Ok(row.map(|row| row.try_get("lane_id")).transpose()?)
}
