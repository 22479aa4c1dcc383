//! Takes in what units' rows said, each unit's once.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use sqlx::{Row, SqliteConnection};

use super::many::Cell;
use super::sheet::{Line, Sheet, TOGETHER};
use super::texts;
use crate::rollup::{
    ACTIVE_USERS, ALL_TYPES, Added, CompactString, Notable, OTHERS, Rollup, Session, Step, Sums,
    Trait, USER, UserName,
};
use crate::sqlite::dialect::Stop;
use crate::{LedgerError, UnitId};

const COUNTED: &str = "select counted from unit where id = $1";
const USERS: &str = "
    select count(*) from rollup r
    where r.series_id = $1 and r.step = $2 and r.start = $3 and r.name <> $4";
const ACTIVE: &str = "
    select r.events from rollup r
    where r.series_id = $1 and r.step = $2 and r.start = $3 and r.name = ''";
/// The most a number can be, so that many can be added up.
const MOST: i64 = 100_000_000_000_000;

/// Values of a row.
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$(Cell::from($value)),*] };
}

/// All that a transaction adds: rollups with their connectors.
#[derive(Default)]
struct News<'a> {
    rollups: Vec<(i64, &'a Rollup)>,
    /// Their counts.
    counts: Sheet<'a>,
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
        self.rollups.push((connector, rollup));
    }

    /// All of one kind, each with its connector.
    fn all<T>(&self, of: impl Fn(&'a Rollup) -> &'a [T]) -> Vec<(i64, &'a T)> {
        let rollups = self.rollups.iter();
        let each = |(connector, rollup): &(i64, &'a Rollup)| {
            let connector = *connector;
            of(rollup).iter().map(move |one| (connector, one))
        };
        rollups.flat_map(each).collect()
    }

    async fn write(mut self, conn: &mut SqliteConnection) -> Result<(), Stop> {
        write(conn, std::mem::take(&mut self.counts)).await?;
        let traits = self.all(|rollup| &rollup.traits);
        let row = |(connector, one): &(i64, &'a Trait)| {
            cells![*connector, &one.kind, &one.user, &one.value, one.first_at, one.last_at]
        };
        texts::TRAITS.insert(conn, &traits, row).await?;
        let mut sessions = self.all(|rollup| &rollup.sessions);
        // In the order they lie in.
        sessions.sort_unstable_by_key(lies);
        let row = |session: &(i64, &'a Session)| {
            let ((day, connector, user, key, kind), one) = (lies(session), session.1);
            let (first, last) = (one.first_at, one.last_at);
            cells![day, connector, user, key, kind, &one.address, first, last, one.events]
        };
        texts::SESSIONS.insert(conn, &sessions, row).await?;
        let notables = self.all(|rollup| &rollup.notables);
        let row = |(connector, one): &(i64, &'a Notable)| {
            let keys = (&one.request_id, &one.login_key, &one.session_key);
            let (kind, what, detail) = (&one.event_type, &one.what, &one.detail);
            let (user, at, address) = (&one.user, one.at, &one.address);
            cells![*connector, user, at, kind, what, detail, address, keys.0, keys.1, keys.2]
        };
        texts::NOTABLES.insert(conn, &notables, row).await?;
        let names = self.all(|rollup| &rollup.names);
        let row = |(_, one): &(i64, &'a UserName)| cells![&one.user, &one.name, one.seen_at];
        texts::NAMES.insert(conn, &names, row).await?;
        Ok(())
    }
}

/// Where a session lies: its day, connector, user, key and event type.
fn lies<'a>(
    (connector, one): &(i64, &'a Session),
) -> (i64, i64, &'a CompactString, &'a CompactString, &'a CompactString) {
    (Step::Day.start(one.first_at), *connector, &one.user, &one.login_key, &one.event_type)
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
    let series: Vec<_> = counts.last().collect();
    let mut known = vec![0; series.len()];
    let inserted = texts::SERIES.insert(conn, &series, |((connector, kind, by), last)| {
        cells![*connector, Cell::Text(kind), Cell::Text(by), *last]
    });
    for row in inserted.await? {
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
        // What the sheet numbers it has; no series has the number 0.
        let series = series.get(line.series).copied().unwrap_or_default();
        let name = counts.names.all().get(line.name).copied().unwrap_or_default();
        count(series, step, line.start, name, &line.sums)
    };
    texts::COUNTS.insert(conn, lines, row).await?;
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
    texts::COUNTS.insert(conn, &more, |row| *row).await?;
    Ok(())
}

fn count<'a>(series: i64, step: Step, start: i64, name: &'a str, sums: &Sums) -> [Cell<'a>; 9] {
    let Sums { events, rows, bytes, millis, longest } = *sums;
    let [events, rows, bytes, millis, longest] =
        [events, rows, bytes, millis, longest].map(|number| number.min(MOST));
    let hours = step.hours();
    cells![series, hours, start, Cell::Text(name), events, rows, bytes, millis, longest]
}
