//! Counts for status, and the spool's housekeeping.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection, SqlitePool};

use super::dialect::Stop;
use super::rows::{self, select_units};
use super::{backfill, connector};
use crate::unit::{Misfit, State};
use crate::{ApiCalls, DestinationSummary, LedgerError, Overview, Summary, Unit, UnitId, Withheld};

/// The questions about the units, destinations and dead letters of connectors.
pub(super) struct Questions {
    pub(super) units: &'static str,
    pub(super) listed: &'static str,
    pub(super) destinations: &'static str,
    pub(super) withheld: &'static str,
    /// Numbers under their names, by connector.
    pub(super) counts: &'static str,
}

/// Of a connector, how many units in a state have no later version in the states that make up for
/// it.
macro_rules! count_without_later {
    ($which:literal, $number:literal, $state:literal, $made_up:literal) => {
        concat!(
            "select c.name, '",
            $number,
            "' as number, count(*) as n from connector c join unit u on u.connector_id = c.id
            where ",
            $which,
            " and u.state = ",
            $state,
            " and not exists (
                select 1 from unit v
                where v.lane_id = u.lane_id and v.file_interval = u.file_interval
                  and v.log_date = u.log_date and v.sequence = u.sequence
                  and v.created_date > u.created_date and v.state ",
            $made_up,
            ") group by c.id, c.name"
        )
    };
}

/// The questions about the connectors `c` that are meant.
macro_rules! questions {
    ($which:literal) => {
        Questions {
            units: concat!(
                "select c.name, n.event_type, n.state, n.units, n.row_count, n.admitted, n.repeats,
                    n.undecodable, n.raw_bytes, n.newest, n.oldest_age as age
                from connector c join unit_total n on n.connector_id = c.id
                where ",
                $which
            ),
            listed: concat!(
                "select c.name, min(u.created_date) as oldest
                from connector c join unit u on u.connector_id = c.id
                where u.state in ('listed', 'fetched') and ",
                $which,
                " group by c.id, c.name"
            ),
            destinations: concat!(
                "select c.name as connector, t.name, t.delivered_at, t.newest,
                    coalesce(n.delivered, 0) as delivered, coalesce(n.rejected, 0) as rejected,
                    coalesce(n.finished, 0) as finished, coalesce(n.units, 0) as units,
                    (select min(d.created_date) from delivery d
                     where d.destination_id = t.id and d.done = 0) as oldest
                from connector c join destination t on t.connector_id = c.id
                left join delivery_total n on n.destination_id = t.id
                where (t.registered = 1 or n.units > 0) and ",
                $which
            ),
            withheld: concat!(
                "select c.name as connector, t.name, count(d.unit_id) as units,
                    cast(sum(u.admitted) as bigint) as row_count
                from connector c join destination t on t.connector_id = c.id
                join delivery d on d.destination_id = t.id
                join unit u on u.id = d.unit_id
                where d.withheld is not null and ",
                $which,
                " group by c.id, c.name, t.id, t.name"
            ),
            counts: concat!(
                "select c.name, 'dead letters' as number, count(*) as n
                from connector c join dead_letter d on d.connector_id = c.id
                where d.closed_at is null and ",
                $which,
                " group by c.id, c.name union all ",
                count_without_later!($which, "lost", "'vanished'", "<> 'vanished'"),
                " union all ",
                count_without_later!($which, "disputed", "'disputed'", "in ('admitted', 'done')"),
                " union all
                select c.name, 'replays' as number, count(*) as n from connector c
                join destination t on t.connector_id = c.id
                join replay r on r.destination_id = t.id
                where r.ended_at is null and ",
                $which,
                " group by c.id, c.name union all
                select c.name, 'failing' as number, count(*) as n
                from connector c join unit u on u.connector_id = c.id
                where u.state in ('listed', 'fetched') and u.attempts > 0 and ",
                $which,
                " group by c.id, c.name union all
                select c.name, 'failing' as number, count(*) as n from connector c
                join destination t on t.connector_id = c.id
                join delivery d on d.destination_id = t.id
                where d.done = 0 and d.attempts > 0 and ",
                $which,
                " group by c.id, c.name union all
                select c.name, 'failing' as number, count(*) as n from connector c
                join destination t on t.connector_id = c.id
                join replay r on r.destination_id = t.id
                where r.ended_at is null and r.attempts > 0 and ",
                $which,
                " group by c.id, c.name"
            ),
        }
    };
}
/// Of the connector $1.
pub(super) const OF_ONE: Questions = questions!("c.name = $1");
/// Of all of them.
pub(super) const OF_ALL: Questions = questions!("$1 is null");

/// Counts the units anew, for a ledger whose units came before their lanes.
pub(super) const RECOUNT: &str = "
    delete from unit_total;
    insert into unit_total
    select u.connector_id, l.event_type, u.state, count(*), sum(u.row_count), sum(u.admitted),
        sum(u.repeats), sum(u.undecodable), sum(u.raw_bytes), max(u.created_date),
        max(u.listed_at - u.created_date)
    from unit u join lane l on l.id = u.lane_id
    group by u.connector_id, l.event_type, u.state";

const RECORDS: &str = "select c.name, c.record, c.paused from connector c";
const CALLS: &str = "
    select c.name, a.day, a.purpose, a.calls
    from connector c join api_call a on a.connector_id = c.id
    where a.day = $1
    order by a.purpose";
const BACKFILLED: &str = "
    select distinct c.name from backfill b join connector c on c.id = b.connector_id";

pub(super) const RELEASABLE: &str = select_units!(
    "where u.spooled = 1 and u.final_at is not null and u.final_at < $1 and u.state not in ($2, $4)
        and not exists (select 1 from dead_letter d where d.unit_id = u.id
                        and d.closed_at is null)
        and not exists (select 1 from replay r where r.unit_id = u.id and r.ended_at is null)
    order by u.final_at, u.id
    limit $3"
);
pub(super) const SPOOLED: &str = "
    select cast(coalesce(sum(u.spool_bytes), 0) as bigint) from unit u where u.spooled = 1";
const STATE: &str = "
    select state, spooled = 1 and counted = 0 and admitted > 0 as uncounted from unit where id = $1";
const RELEASED: &str = "update unit set spooled = 0 where id = $1";

/// All counts of a connector as of one moment.
pub(super) async fn summary(readers: &SqlitePool, connector: &str) -> Result<Summary, Stop> {
    let mut tx = readers.begin().await?;
    let mut found = summaries(&mut tx, &OF_ONE, Some(connector)).await?;
    tx.commit().await?;
    Ok(found.remove(connector).unwrap_or_default())
}

/// All there is to show of all connectors as of one moment.
pub(super) async fn overview(
    readers: &SqlitePool,
    day: &str,
) -> Result<BTreeMap<String, Overview>, Stop> {
    let mut tx = readers.begin().await?;
    let mut found: BTreeMap<String, Overview> = BTreeMap::new();
    for row in sqlx::query(RECORDS).fetch_all(&mut *tx).await? {
        let name: String = row.try_get("name")?;
        let record = connector::record_of(&name, &row)?;
        found.insert(name, Overview { record, ..Overview::default() });
    }
    for (name, summary) in summaries(&mut tx, &OF_ALL, None).await? {
        found.entry(name).or_default().summary = summary;
    }
    for row in sqlx::query(CALLS).bind(day).fetch_all(&mut *tx).await? {
        let calls = ApiCalls {
            day: row.try_get("day")?,
            purpose: row.try_get("purpose")?,
            calls: row.try_get("calls")?,
        };
        found.entry(row.try_get("name")?).or_default().calls.push(calls);
    }
    for name in sqlx::query_scalar::<_, String>(BACKFILLED).fetch_all(&mut *tx).await? {
        let backfills = backfill::all(&mut tx, &name).await?;
        found.entry(name).or_default().backfills = backfills;
    }
    tx.commit().await?;
    Ok(found)
}

async fn summaries(
    conn: &mut SqliteConnection,
    questions: &Questions,
    connector: Option<&str>,
) -> Result<BTreeMap<String, Summary>, Stop> {
    let mut found: BTreeMap<String, Summary> = BTreeMap::new();
    for row in sqlx::query(questions.units).bind(connector).fetch_all(&mut *conn).await? {
        let summary = found.entry(row.try_get("name")?).or_default();
        summary.newest_file = summary.newest_file.max(row.try_get("newest")?);
        let units: i64 = row.try_get("units")?;
        if units > 0 {
            *summary.units.entry(row.try_get("state")?).or_default() += units;
            *summary.event_types.entry(row.try_get("event_type")?).or_default() += units;
        }
        summary.rows += row.try_get::<i64, _>("row_count")?;
        summary.admitted += row.try_get::<i64, _>("admitted")?;
        summary.repeats += row.try_get::<i64, _>("repeats")?;
        summary.undecodable += row.try_get::<i64, _>("undecodable")?;
        summary.raw_bytes += row.try_get::<i64, _>("raw_bytes")?;
        summary.oldest_age = summary.oldest_age.max(row.try_get("age")?);
    }
    for row in sqlx::query(questions.listed).bind(connector).fetch_all(&mut *conn).await? {
        found.entry(row.try_get("name")?).or_default().oldest_listed = row.try_get("oldest")?;
    }
    for row in sqlx::query(questions.destinations).bind(connector).fetch_all(&mut *conn).await? {
        let (units, finished): (i64, i64) = (row.try_get("units")?, row.try_get("finished")?);
        let destination = DestinationSummary {
            delivered: row.try_get("delivered")?,
            rejected: row.try_get("rejected")?,
            finished,
            waiting: units - finished,
            delivered_at: row.try_get("delivered_at")?,
            newest: row.try_get("newest")?,
            oldest_waiting: row.try_get("oldest")?,
            withheld: Withheld::default(),
        };
        let summary = found.entry(row.try_get("connector")?).or_default();
        summary.destinations.insert(row.try_get("name")?, destination);
    }
    for row in sqlx::query(questions.withheld).bind(connector).fetch_all(&mut *conn).await? {
        let withheld = Withheld { units: row.try_get("units")?, rows: row.try_get("row_count")? };
        let summary = found.entry(row.try_get("connector")?).or_default();
        summary.destinations.entry(row.try_get("name")?).or_default().withheld = withheld;
    }
    for row in sqlx::query(questions.counts).bind(connector).fetch_all(&mut *conn).await? {
        let summary = found.entry(row.try_get("name")?).or_default();
        let number = match row.try_get("number")? {
            "dead letters" => &mut summary.dead_letters,
            "lost" => &mut summary.lost,
            "disputed" => &mut summary.disputed,
            "replays" => &mut summary.replays,
            _ => &mut summary.failing,
        };
        *number += row.try_get::<i64, _>("n")?;
    }
    Ok(found)
}

pub(super) async fn releasable(
    conn: &mut SqliteConnection,
    before: i64,
    limit: usize,
) -> Result<Vec<Unit>, Stop> {
    let rows = sqlx::query(RELEASABLE)
        .bind(before)
        .bind(State::Rejected.name())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .bind(State::Disputed.name())
        .fetch_all(conn)
        .await?;
    rows.iter().map(rows::unit).collect()
}

pub(super) async fn spooled_bytes(conn: &mut SqliteConnection) -> Result<i64, Stop> {
    Ok(sqlx::query_scalar(SPOOLED).fetch_one(conn).await?)
}

pub(super) async fn spool_released(
    conn: &mut SqliteConnection,
    units: &[UnitId],
) -> Result<u64, Stop> {
    let mut uncounted = 0;
    for unit in units {
        let row = sqlx::query(STATE).bind(unit).fetch_optional(&mut *conn).await?;
        let row = row.ok_or(LedgerError::NoUnit(*unit))?;
        let state = rows::state(&row)?;
        if !state.is_final() {
            return Err(Misfit { from: state.name(), event: "released" }.into());
        }
        sqlx::query(RELEASED).bind(unit).execute(&mut *conn).await?;
        uncounted += u64::from(rows::yes(&row, "uncounted")?);
    }
    Ok(uncounted)
}
