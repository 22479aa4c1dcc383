//! Leases: who may write for a stage of a lane. The check that fences stale writers is here.

use sqlx::{Row, SqliteConnection};

use super::dialect::Stop;
use super::{connector, listing};
use crate::rules::Stage;
use crate::{Lane, Lease, LedgerError};

/// Grants a stage that nobody holds at $5.
const TAKE: &str = "
    insert into lease (lane_id, stage, owner, epoch, expires) values ($1, $2, $3, 1, $4)
    on conflict (lane_id, stage)
    do update set owner = excluded.owner, epoch = lease.epoch + 1, expires = excluded.expires
    where lease.owner is null or lease.expires <= $5
    returning epoch, expires";
/// The lane of a lease, if that is still the last grant. It may have expired: as long as nobody
/// took it over, nobody else has written.
const HELD: &str = "
    select s.lane_id
    from connector c
    join lane l on l.connector_id = c.id and l.event_type = $2 and l.day = $3
    join lease s on s.lane_id = l.id and s.stage = $4
    where c.name = $1 and s.epoch = $5 and s.owner = $6";
const PROLONG: &str = "update lease set expires = $3 where lane_id = $1 and stage = $2";
const FREE: &str = "update lease set owner = null where lane_id = $1 and stage = $2";
const BREAK: &str = "update lease set owner = null, epoch = epoch + 1";

pub(super) async fn take(
    conn: &mut SqliteConnection,
    lane: &Lane,
    stage: &str,
    owner: &str,
    now: i64,
    ttl: i64,
) -> Result<Option<Lease>, Stop> {
    Stage::parse(stage)?;
    let connector = connector::known(conn, &lane.connector).await?;
    let lane_id = listing::lane_of(conn, connector, lane).await?;
    let row = sqlx::query(TAKE)
        .bind(lane_id)
        .bind(stage)
        .bind(owner)
        .bind(now.saturating_add(ttl))
        .bind(now)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(Lease {
            lane: lane.clone(),
            stage: stage.to_owned(),
            owner: owner.to_owned(),
            epoch: row.try_get("epoch")?,
            expires: row.try_get("expires")?,
        })
    })
    .transpose()
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

pub(super) async fn release(conn: &mut SqliteConnection, lease: &Lease) -> Result<(), Stop> {
    if let Some(lane) = lane_if_held(conn, lease).await? {
        sqlx::query(FREE).bind(lane).bind(&lease.stage).execute(conn).await?;
    }
    Ok(())
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

async fn lane_if_held(conn: &mut SqliteConnection, lease: &Lease) -> Result<Option<i64>, Stop> {
    Ok(sqlx::query_scalar(HELD)
        .bind(&lease.lane.connector)
        .bind(&lease.lane.event_type)
        .bind(&lease.lane.day)
        .bind(&lease.stage)
        .bind(lease.epoch)
        .bind(&lease.owner)
        .fetch_optional(conn)
        .await?)
}
