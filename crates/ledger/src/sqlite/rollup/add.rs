//! Takes in what units' rows said, each unit's once.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::{Row, SqliteConnection};

use super::many::Cell;
use super::sheet::{Line, Sheet, TOGETHER};
use super::texts;
use crate::rollup::{ACTIVE_USERS, ALL_TYPES, Added, OTHERS, Rollup, Step, Sums, USER};
use crate::sqlite::dialect::Stop;
use crate::{LedgerError, UnitId};

const COUNTED: &str = "select counted from unit where id = $1";
const USERS: &str = "
    select count(*) from rollup r
    where r.series_id = $1 and r.step = $2 and r.start = $3 and r.name <> $4";
const ACTIVE: &str = "
    select r.events from rollup r
    where r.series_id = $1 and r.step = $2 and r.start = $3 and r.name = ''";
/// Counts made ready before they are inserted.
const AT_ONCE: usize = 4_096;
/// The most a number can be, so that many can be added up.
const MOST: i64 = 100_000_000_000_000;

/// Values of a row.
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$(Cell::from($value)),*] };
}

/// All that a transaction adds.
#[derive(Default)]
struct News<'a> {
    counts: Sheet<'a>,
    traits: Vec<[Cell<'a>; 6]>,
    sessions: Vec<[Cell<'a>; 9]>,
    notables: Vec<[Cell<'a>; 10]>,
    names: Vec<[Cell<'a>; 3]>,
}

pub(super) async fn count_units(
    conn: &mut SqliteConnection,
    units: &[(UnitId, Rollup)],
) -> Result<Vec<Added>, Stop> {
    let mut marked = mark(conn, units).await?;
    let mut outcomes = Vec::with_capacity(units.len());
    let mut news = News::default();
    for (unit, rollup) in units {
        // A unit that is told twice counts once.
        if let Some(connector) = marked.remove(unit) {
            news.add(connector, rollup);
            outcomes.push(Added::Now);
            continue;
        }
        let counted: Option<i64> =
            sqlx::query_scalar(COUNTED).bind(unit).fetch_optional(&mut *conn).await?;
        let counted = counted.ok_or(LedgerError::NoUnit(*unit))? != 0;
        outcomes.push(if counted { Added::Before } else { Added::NotAdmitted });
    }
    news.write(conn).await?;
    Ok(outcomes)
}

/// Marks units as counted. Answers those that were not before and can be, with their connectors.
async fn mark(
    conn: &mut SqliteConnection,
    units: &[(UnitId, Rollup)],
) -> Result<HashMap<UnitId, i64>, Stop> {
    let units = units.iter().map(|(unit, _)| *unit).collect::<Vec<_>>();
    let marked = sqlx::query(texts::MARK).bind(Value::from(units).to_string());
    let marked = marked.fetch_all(conn).await?;
    marked.iter().map(|row| Ok((row.try_get("id")?, row.try_get("connector_id")?))).collect()
}

impl<'a> News<'a> {
    fn add(&mut self, connector: i64, rollup: &'a Rollup) {
        for series in &rollup.series {
            self.counts.add(connector, series);
        }
        let traits = rollup.traits.iter();
        self.traits.extend(traits.map(|one| {
            cells![connector, &one.kind, &one.user, &one.value, one.first_at, one.last_at]
        }));
        self.sessions.extend(rollup.sessions.iter().map(|one| {
            let (first, last) = (one.first_at, one.last_at);
            let (day, key, kind) = (Step::Day.start(first), &one.login_key, &one.event_type);
            cells![day, connector, &one.user, key, kind, &one.address, first, last, one.events]
        }));
        self.notables.extend(rollup.notables.iter().map(|one| {
            let keys = (&one.request_id, &one.login_key, &one.session_key);
            let (kind, what, detail) = (&one.event_type, &one.what, &one.detail);
            cells![
                connector,
                &one.user,
                one.at,
                kind,
                what,
                detail,
                &one.address,
                keys.0,
                keys.1,
                keys.2
            ]
        }));
        let names = rollup.names.iter();
        self.names.extend(names.map(|one| cells![&one.user, &one.name, one.seen_at]));
    }

    async fn write(mut self, conn: &mut SqliteConnection) -> Result<(), Stop> {
        // In the order they lie in.
        self.sessions.sort_unstable();
        write(conn, self.counts).await?;
        texts::TRAITS.insert(conn, &self.traits).await?;
        texts::SESSIONS.insert(conn, &self.sessions).await?;
        texts::NOTABLES.insert(conn, &self.notables).await?;
        texts::NAMES.insert(conn, &self.names).await?;
        Ok(())
    }
}

/// Adds the counts to what there is.
async fn write(conn: &mut SqliteConnection, mut counts: Sheet<'_>) -> Result<(), Stop> {
    let series = known(conn, &counts).await?;
    for step in Step::ALL {
        let lines = counts.lines(step);
        insert(conn, (&counts, &series), step, &lines).await?;
        if step != Step::Hour {
            active_users(conn, (&counts, &series), step, &lines).await?;
        }
        let lines = counts.together(lines);
        insert(conn, (&counts, &series), step, &lines).await?;
    }
    Ok(())
}

/// A sheet, with what the ledger knows its series by.
type Known<'s, 'a> = (&'s Sheet<'a>, &'s [i64]);

/// Makes the series known, or later. Answers what the ledger knows them by, in their order.
async fn known(conn: &mut SqliteConnection, counts: &Sheet<'_>) -> Result<Vec<i64>, Stop> {
    let row =
        |((connector, kind, by), last)| cells![connector, Cell::Text(kind), Cell::Text(by), last];
    let rows: Vec<_> = counts.last().map(row).collect();
    let mut known = vec![0; rows.len()];
    for row in texts::SERIES.insert(conn, &rows).await? {
        let (kind, by): (&str, &str) = (row.try_get("event_type")?, row.try_get("dimension")?);
        let number = counts.series.find((row.try_get("connector_id")?, kind, by));
        if let Some(series) = number.and_then(|number| known.get_mut(number)) {
            *series = row.try_get("id")?;
        }
    }
    Ok(known)
}

async fn insert(
    conn: &mut SqliteConnection,
    (counts, series): Known<'_, '_>,
    step: Step,
    lines: &[Line],
) -> Result<(), Stop> {
    let row = |line: &Line| {
        let series = series.get(line.series)?;
        let name = counts.names.all().get(line.name)?;
        Some(count(*series, step, line.start, name, &line.sums))
    };
    for lines in lines.chunks(AT_ONCE) {
        let rows: Vec<_> = lines.iter().filter_map(row).collect();
        texts::COUNTS.insert(conn, &rows).await?;
    }
    Ok(())
}

/// Counts the users of the steps that got some.
async fn active_users(
    conn: &mut SqliteConnection,
    (counts, series): Known<'_, '_>,
    step: Step,
    lines: &[Line],
) -> Result<(), Stop> {
    let of = |connector| {
        let number = counts.series.find((connector, ALL_TYPES, ACTIVE_USERS));
        number.and_then(|number| series.get(number)).copied()
    };
    let mut steps: Vec<(usize, i64)> = lines.iter().map(|line| (line.series, line.start)).collect();
    steps.dedup();
    let mut more = Vec::new();
    let mut together: BTreeMap<i64, i64> = BTreeMap::new();
    for (number, start) in steps {
        let Some((connector, ALL_TYPES, USER)) = counts.series.all().get(number) else { continue };
        let (Some(users), Some(active)) = (series.get(number), of(*connector)) else {
            continue;
        };
        let users: i64 = sqlx::query_scalar(USERS)
            .bind(users)
            .bind(step.hours())
            .bind(start)
            .bind(OTHERS)
            .fetch_one(&mut *conn)
            .await?;
        let before: Option<i64> = sqlx::query_scalar(ACTIVE)
            .bind(active)
            .bind(step.hours())
            .bind(start)
            .fetch_optional(&mut *conn)
            .await?;
        let events = users - before.unwrap_or_default();
        more.push(count(active, step, start, "", &Sums { events, ..Sums::default() }));
        *together.entry(start).or_default() += events;
    }
    if let Some(active) = of(TOGETHER) {
        more.extend(together.into_iter().map(|(start, events)| {
            count(active, step, start, "", &Sums { events, ..Sums::default() })
        }));
    }
    texts::COUNTS.insert(conn, &more).await?;
    Ok(())
}

fn count<'a>(series: i64, step: Step, start: i64, name: &'a str, sums: &Sums) -> [Cell<'a>; 9] {
    let Sums { events, rows, bytes, millis, longest } = *sums;
    let [events, rows, bytes, millis, longest] =
        [events, rows, bytes, millis, longest].map(|number| number.min(MOST));
    let hours = step.hours();
    cells![series, hours, start, Cell::Text(name), events, rows, bytes, millis, longest]
}
