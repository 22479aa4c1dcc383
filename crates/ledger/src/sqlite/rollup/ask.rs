//! Answers from the rollups.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::sheet::TOGETHER;
use super::texts;
use crate::Unit;
use crate::rollup::{
    ALL_TYPES, Asked, By, CompactString, Named, Notable, OTHERS, Point, Session, Span, Step, Sums,
    TOTAL, Trait, USER,
};
use crate::sqlite::dialect::Stop;
use crate::sqlite::rows::{self, select_units};

const CONNECTOR: &str = "select id from connector where name = $1";
pub(in crate::sqlite) const UNCOUNTED: &str = select_units!(
    "where u.connector_id = (select id from connector where name = $1)
      and u.counted = 0 and u.spooled = 1 and u.state in ('admitted', 'done')
    order by u.id
    limit $2"
);
pub(in crate::sqlite) const SEEN: &str = "
    select s.event_type, s.last_hour from rollup_series s
    where s.connector_id = $1 and s.dimension = $2 and s.event_type <> $3
    order by s.event_type";
pub(in crate::sqlite) const FIRST_SEEN: &str = "
    select c.name as connector, f.kind, f.user_id, f.value, f.first_at, f.last_at
    from connector c cross join user_trait f
    where ($1 is null or c.name = $1) and f.connector_id = c.id and f.kind = $2
      and f.first_at >= $3 and f.first_at < $4
      and f.first_at >= $5 + (select min(e.first_at) from user_trait e
                              where e.connector_id = c.id and e.kind = $2)
    order by f.first_at desc, f.user_id, f.value
    limit $6";
/// Looks into each day there is, from the one before the range: it may have begun then.
pub(in crate::sqlite) const SESSIONS: &str = "
    with recursive d (day) as (
        select min(s.day) from user_session s where s.day >= $5
        union all
        select (select min(s.day) from user_session s where s.day > d.day) from d where d.day < $3)
    select c.name as connector, e.user_id, e.login_key, e.event_type, e.address, e.first_at,
        e.last_at, e.events
    from d cross join connector c cross join user_session e
    where ($6 is null or c.name = $6) and e.day = d.day and e.connector_id = c.id and e.user_id = $1
      and e.last_at >= $2 and e.first_at < $3
    order by e.last_at desc, e.login_key, e.event_type, c.name
    limit $4";
pub(in crate::sqlite) const NOTABLES_OF_USER: &str = "
    select c.name as connector, n.user_id, n.at, n.event_type, n.what, n.detail, n.address,
        n.request_id, n.login_key, n.session_key
    from notable n cross join connector c
    where n.user_id = $1 and n.at >= $2 and n.at < $3 and c.id = n.connector_id
      and ($5 is null or c.name = $5)
    order by n.at desc, n.id desc
    limit $4";

/// A connector's number; one that no connector has, if it is not known.
async fn number(conn: &mut SqliteConnection, connector: Option<&str>) -> Result<i64, Stop> {
    let Some(name) = connector else { return Ok(TOGETHER) };
    let found: Option<i64> = sqlx::query_scalar(CONNECTOR).bind(name).fetch_optional(conn).await?;
    Ok(found.unwrap_or(-1))
}

/// The series asked for: event types by number. Of users there is none for all connectors together.
async fn series(
    conn: &mut SqliteConnection,
    asked: Asked<'_>,
) -> Result<HashMap<i64, String>, Stop> {
    let types = Value::from(asked.event_types).to_string();
    let found = if asked.connector.is_none() && asked.dimension == USER {
        let query = sqlx::query(texts::SERIES_OF_ALL).bind(asked.dimension).bind(types);
        query.fetch_all(&mut *conn).await?
    } else {
        let connector = number(conn, asked.connector).await?;
        let query = sqlx::query(texts::SERIES_OF).bind(asked.dimension).bind(types).bind(connector);
        query.fetch_all(&mut *conn).await?
    };
    found.iter().map(|row| Ok((row.try_get("id")?, row.try_get("event_type")?))).collect()
}

fn numbers(series: &HashMap<i64, String>) -> String {
    let mut numbers: Vec<i64> = series.keys().copied().collect();
    numbers.sort_unstable();
    Value::from(numbers).to_string()
}

fn text(spans: &[Span]) -> String {
    let span = |span: &Span| json!({ "step": span.step.hours(), "from": span.from, "to": span.to });
    Value::from(spans.iter().map(span).collect::<Vec<_>>()).to_string()
}

fn sums(row: &SqliteRow) -> Result<Sums, Stop> {
    Ok(Sums {
        events: row.try_get("events")?,
        rows: row.try_get("row_count")?,
        bytes: row.try_get("bytes")?,
        millis: row.try_get("millis")?,
        longest: row.try_get("longest")?,
    })
}

fn named(row: &SqliteRow) -> Result<Named, Stop> {
    Ok(Named { name: row.try_get("name")?, sums: sums(row)? })
}

/// A text that is mostly short.
fn short(row: &SqliteRow, column: &str) -> Result<CompactString, Stop> {
    Ok(row.try_get::<&str, _>(column)?.into())
}

/// The same, if it is there.
fn maybe(row: &SqliteRow, column: &str) -> Result<Option<CompactString>, Stop> {
    Ok(row.try_get::<Option<&str>, _>(column)?.map(CompactString::from))
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) async fn uncounted(
    conn: &mut SqliteConnection,
    connector: &str,
    limit: usize,
) -> Result<Vec<Unit>, Stop> {
    let query = sqlx::query(UNCOUNTED).bind(connector).bind(limited(limit));
    query.fetch_all(conn).await?.iter().map(rows::unit).collect()
}

pub(super) async fn types_seen(
    conn: &mut SqliteConnection,
    connector: Option<&str>,
) -> Result<Vec<(String, i64)>, Stop> {
    let connector = number(conn, connector).await?;
    let query = sqlx::query(SEEN).bind(connector).bind(TOTAL).bind(ALL_TYPES);
    let found = query.fetch_all(conn).await?;
    found.iter().map(|row| Ok((row.try_get("event_type")?, row.try_get("last_hour")?))).collect()
}

pub(super) async fn points(
    conn: &mut SqliteConnection,
    statement: &'static str,
    asked: Asked<'_>,
    span: Span,
) -> Result<Vec<Point>, Stop> {
    let series = series(conn, asked).await?;
    let query = sqlx::query(statement).bind(numbers(&series)).bind(text(&[span]));
    let mut points = Vec::new();
    for row in &query.fetch_all(conn).await? {
        let event_type = series.get(&row.try_get("series_id")?).cloned().unwrap_or_default();
        let (start, name) = (row.try_get("start")?, row.try_get("name")?);
        points.push(Point { event_type, start, name, sums: sums(row)? });
    }
    points
        .sort_by(|a, b| (&a.event_type, a.start, &a.name).cmp(&(&b.event_type, b.start, &b.name)));
    // Of several connectors.
    points.dedup_by(|point, before| {
        let same = (&point.event_type, point.start, &point.name)
            == (&before.event_type, before.start, &before.name);
        if same {
            before.sums.add(&point.sums);
        }
        same
    });
    Ok(points)
}

pub(super) async fn top(
    conn: &mut SqliteConnection,
    asked: Asked<'_>,
    spans: &[Span],
    by: By,
    limit: usize,
) -> Result<Vec<Named>, Stop> {
    let numbers = numbers(&series(conn, asked).await?);
    let [events, rows, bytes, longest] = texts::TOP;
    let statement = match by {
        By::Events => events,
        By::Rows => rows,
        By::Bytes => bytes,
        By::Longest => longest,
    };
    let spans = text(spans);
    let query = sqlx::query(statement).bind(&numbers).bind(&spans).bind(limited(limit));
    let found = query.fetch_all(&mut *conn).await?;
    let mut top = found.iter().map(named).collect::<Result<Vec<_>, Stop>>()?;
    if top.last().is_none_or(|last| last.name != OTHERS) {
        let others = Value::from(vec![OTHERS]).to_string();
        let query = sqlx::query(texts::OF_NAMES).bind(&numbers).bind(&spans).bind(others);
        for row in &query.fetch_all(conn).await? {
            top.push(named(row)?);
        }
    }
    Ok(top)
}

pub(super) async fn of_names(
    conn: &mut SqliteConnection,
    asked: Asked<'_>,
    spans: &[Span],
    names: &[String],
) -> Result<Vec<Named>, Stop> {
    let numbers = numbers(&series(conn, asked).await?);
    let names = Value::from(names).to_string();
    let query = sqlx::query(texts::OF_NAMES).bind(numbers).bind(text(spans)).bind(names);
    query.fetch_all(conn).await?.iter().map(named).collect()
}

pub(super) async fn first_seen(
    conn: &mut SqliteConnection,
    connector: Option<&str>,
    kind: &str,
    (from, to): (i64, i64),
    settling: i64,
    limit: usize,
) -> Result<Vec<(String, Trait)>, Stop> {
    let query = sqlx::query(FIRST_SEEN)
        .bind(connector)
        .bind(kind)
        .bind(from)
        .bind(to)
        .bind(settling)
        .bind(limited(limit));
    let found = query.fetch_all(conn).await?;
    let seen = |row: &SqliteRow| {
        let seen = Trait {
            kind: short(row, "kind")?,
            user: short(row, "user_id")?,
            value: short(row, "value")?,
            first_at: row.try_get("first_at")?,
            last_at: row.try_get("last_at")?,
        };
        Ok((row.try_get("connector")?, seen))
    };
    found.iter().map(seen).collect()
}

pub(super) async fn sessions(
    conn: &mut SqliteConnection,
    connector: Option<&str>,
    user: &str,
    (from, to): (i64, i64),
    limit: usize,
) -> Result<Vec<(String, Session)>, Stop> {
    let first = Step::Day.start(from) - Step::Day.micros();
    let query = sqlx::query(SESSIONS).bind(user).bind(from).bind(to).bind(limited(limit));
    let found = query.bind(first).bind(connector).fetch_all(conn).await?;
    let session = |row: &SqliteRow| {
        let session = Session {
            user: short(row, "user_id")?,
            login_key: short(row, "login_key")?,
            event_type: short(row, "event_type")?,
            address: maybe(row, "address")?,
            first_at: row.try_get("first_at")?,
            last_at: row.try_get("last_at")?,
            events: row.try_get("events")?,
        };
        Ok((row.try_get("connector")?, session))
    };
    found.iter().map(session).collect()
}

fn notable(row: &SqliteRow) -> Result<Notable, Stop> {
    Ok(Notable {
        user: short(row, "user_id")?,
        at: row.try_get("at")?,
        event_type: short(row, "event_type")?,
        what: short(row, "what")?,
        detail: row.try_get("detail")?,
        address: maybe(row, "address")?,
        request_id: maybe(row, "request_id")?,
        login_key: maybe(row, "login_key")?,
        session_key: maybe(row, "session_key")?,
    })
}

pub(super) async fn notables_of_user(
    conn: &mut SqliteConnection,
    connector: Option<&str>,
    user: &str,
    (from, to): (i64, i64),
    limit: usize,
) -> Result<Vec<(String, Notable)>, Stop> {
    let query = sqlx::query(NOTABLES_OF_USER).bind(user).bind(from).bind(to).bind(limited(limit));
    let found = query.bind(connector).fetch_all(conn).await?;
    found.iter().map(|row| Ok((row.try_get("connector")?, notable(row)?))).collect()
}

pub(super) async fn notables_of_types(
    conn: &mut SqliteConnection,
    connector: Option<&str>,
    event_types: &[&str],
    (from, to): (i64, i64),
    limit: usize,
) -> Result<Vec<Notable>, Stop> {
    let query = sqlx::query(texts::NOTABLES_OF_TYPES)
        .bind(connector)
        .bind(Value::from(event_types.to_vec()).to_string())
        .bind(from)
        .bind(to)
        .bind(limited(limit));
    query.fetch_all(conn).await?.iter().map(notable).collect()
}

pub(super) async fn user_names(
    conn: &mut SqliteConnection,
    users: &[String],
) -> Result<Vec<(String, String)>, Stop> {
    let query = sqlx::query(texts::USER_NAMES).bind(Value::from(users).to_string());
    let found = query.fetch_all(conn).await?;
    found.iter().map(|row| Ok((row.try_get("user_id")?, row.try_get("name")?))).collect()
}
