//! Takes in what units' rows said, each unit's once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::{Row, SqliteConnection};

use super::many::Cell;
use super::texts;
use crate::rollup::{ACTIVE_USERS, ALL_TYPES, Added, OTHERS, Rollup, Step, Sums, USER};
use crate::sqlite::dialect::Stop;
use crate::{LedgerError, UnitId};

const MARK: &str = "
    update unit set counted = 1
    where id = $1 and counted = 0 and state in ('admitted', 'done')
    returning connector_id";
const COUNTED: &str = "select counted from unit where id = $1";
const USERS: &str = "
    select count(*) from rollup r
    where r.series_id = $1 and r.step = $2 and r.start = $3 and r.name <> $4";
const ACTIVE: &str = "
    select r.events from rollup r
    where r.series_id = $1 and r.step = $2 and r.start = $3 and r.name = ''";
/// Counts made ready before they are inserted.
const AT_ONCE: usize = 5_000;
/// The most a number can be, so that many can be added up.
const MOST: i64 = 100_000_000_000_000;
/// The series of all connectors together.
pub(super) const TOGETHER: i64 = 0;

/// Connector, event type, dimension.
type Series<'a> = (i64, &'a str, &'a str);
/// Step, start, name.
type Place<'a> = (Step, i64, &'a str);

/// Values of a row.
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$(Cell::from($value)),*] };
}

/// All that a transaction adds.
#[derive(Default)]
struct Sheet<'a> {
    counts: BTreeMap<Series<'a>, BTreeMap<Place<'a>, Sums>>,
    traits: Vec<[Cell<'a>; 6]>,
    sessions: Vec<[Cell<'a>; 8]>,
    notables: Vec<[Cell<'a>; 10]>,
    names: Vec<[Cell<'a>; 3]>,
}

pub(super) async fn count_units(
    conn: &mut SqliteConnection,
    units: &[(UnitId, Rollup)],
) -> Result<Vec<Added>, Stop> {
    let mut outcomes = Vec::with_capacity(units.len());
    let mut sheet = Sheet::default();
    for (unit, rollup) in units {
        let connector: Option<i64> =
            sqlx::query_scalar(MARK).bind(unit).fetch_optional(&mut *conn).await?;
        if let Some(connector) = connector {
            sheet.add(connector, rollup);
            outcomes.push(Added::Now);
            continue;
        }
        let counted: Option<i64> =
            sqlx::query_scalar(COUNTED).bind(unit).fetch_optional(&mut *conn).await?;
        let counted = counted.ok_or(LedgerError::NoUnit(*unit))? != 0;
        outcomes.push(if counted { Added::Before } else { Added::NotAdmitted });
    }
    sheet.write(conn).await?;
    Ok(outcomes)
}

impl<'a> Sheet<'a> {
    fn add(&mut self, connector: i64, rollup: &'a Rollup) {
        for count in &rollup.counts {
            for whose in [connector, TOGETHER] {
                let series = (whose, &*count.event_type, &*count.dimension);
                let series = self.counts.entry(series).or_default();
                for step in Step::ALL {
                    let place = (step, step.start(count.hour), &*count.name);
                    series.entry(place).or_default().add(&count.sums);
                }
            }
        }
        let traits = rollup.traits.iter();
        self.traits.extend(traits.map(|one| {
            cells![connector, &one.kind, &one.user, &one.value, one.first_at, one.last_at]
        }));
        self.sessions.extend(rollup.sessions.iter().map(|one| {
            let (first, last) = (one.first_at, one.last_at);
            let (key, kind) = (&one.login_key, &one.event_type);
            cells![connector, &one.user, key, kind, &one.address, first, last, one.events]
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

    async fn write(self, conn: &mut SqliteConnection) -> Result<(), Stop> {
        let numbers = self.series(conn).await?;
        let mut counts = Vec::new();
        for (series, places) in &self.counts {
            let Some(number) = numbers.get(series) else { continue };
            counts.extend(places.iter().map(|(place, sums)| count(*number, *place, sums)));
            if counts.len() >= AT_ONCE {
                texts::COUNTS.insert(conn, &counts).await?;
                counts.clear();
            }
        }
        texts::COUNTS.insert(conn, &counts).await?;
        self.active_users(conn, &numbers).await?;
        texts::TRAITS.insert(conn, &self.traits).await?;
        texts::SESSIONS.insert(conn, &self.sessions).await?;
        texts::NOTABLES.insert(conn, &self.notables).await?;
        texts::NAMES.insert(conn, &self.names).await?;
        Ok(())
    }

    /// The numbers of all series, and of those of the active users.
    async fn series(&self, conn: &mut SqliteConnection) -> Result<BTreeMap<Series<'a>, i64>, Stop> {
        let mut wanted: BTreeMap<Series<'a>, i64> = BTreeMap::new();
        for (series, places) in &self.counts {
            let hours = places.keys().filter(|(step, ..)| *step == Step::Hour);
            let last = hours.map(|(_, start, _)| *start).max().unwrap_or_default();
            wanted.insert(*series, last);
            if let (connector, ALL_TYPES, USER) = *series {
                wanted.insert((connector, ALL_TYPES, ACTIVE_USERS), last);
            }
        }
        let row = |((connector, kind, by), last): (&Series<'a>, &i64)| {
            cells![*connector, Cell::Text(kind), Cell::Text(by), *last]
        };
        let rows: Vec<_> = wanted.iter().map(row).collect();
        let mut numbers: HashMap<(i64, String, String), i64> = HashMap::new();
        for row in texts::SERIES.insert(conn, &rows).await? {
            let kind: String = row.try_get("event_type")?;
            let series = (row.try_get("connector_id")?, kind, row.try_get("dimension")?);
            numbers.insert(series, row.try_get("id")?);
        }
        let number = |(connector, kind, by): Series<'a>| {
            numbers.get(&(connector, kind.to_owned(), by.to_owned())).copied()
        };
        Ok(wanted.keys().filter_map(|series| Some((*series, number(*series)?))).collect())
    }

    /// Counts the users of the days and weeks that got some.
    async fn active_users(
        &self,
        conn: &mut SqliteConnection,
        numbers: &BTreeMap<Series<'a>, i64>,
    ) -> Result<(), Stop> {
        let number = |connector, by| numbers.get(&(connector, ALL_TYPES, by)).copied();
        let mut together: BTreeMap<(Step, i64), i64> = BTreeMap::new();
        for ((connector, kind, by), places) in &self.counts {
            if (*kind, *by) != (ALL_TYPES, USER) || *connector == TOGETHER {
                continue;
            }
            let (Some(users), Some(active)) =
                (number(*connector, USER), number(*connector, ACTIVE_USERS))
            else {
                continue;
            };
            let steps: BTreeSet<(Step, i64)> = places
                .keys()
                .filter(|(step, ..)| *step != Step::Hour)
                .map(|(step, start, _)| (*step, *start))
                .collect();
            let mut more = Vec::new();
            for (step, start) in steps {
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
                let sums = Sums { events, ..Sums::default() };
                more.push(count(active, (step, start, ""), &sums));
                *together.entry((step, start)).or_default() += events;
            }
            texts::COUNTS.insert(conn, &more).await?;
        }
        let Some(active) = number(TOGETHER, ACTIVE_USERS) else { return Ok(()) };
        let more = together.into_iter().map(|((step, start), events)| {
            count(active, (step, start, ""), &Sums { events, ..Sums::default() })
        });
        texts::COUNTS.insert(conn, &more.collect::<Vec<_>>()).await?;
        Ok(())
    }
}

fn count<'a>(series: i64, (step, start, name): Place<'a>, sums: &Sums) -> [Cell<'a>; 9] {
    let Sums { events, rows, bytes, millis, longest } = *sums;
    let [events, rows, bytes, millis, longest] =
        [events, rows, bytes, millis, longest].map(|number| number.min(MOST));
    let hours = step.hours();
    cells![series, hours, start, Cell::Text(name), events, rows, bytes, millis, longest]
}
