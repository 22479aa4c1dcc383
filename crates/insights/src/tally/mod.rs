//! Counts one unit's rows while they are read.
//!
//! Adding a row looks up one place for each dimension and allocates only for names it has not met.
//! Memory is bounded: what there is no room for by name is counted under
//! [`OTHERS`](orgtap_ledger::OTHERS), and of people's doings only the first so many are kept.

mod names;
mod people;

use orgtap_codec::csv::Row;
use orgtap_events::UnitInfo;
use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{ALL_TYPES, Count, OTHERS, Rollup, Step, Sums, TOTAL, USER};

use self::names::Names;
use self::people::People;
use crate::measure::{self, BY_USER, By, FirstOf, Shape};
use crate::text;

/// Names of one dimension and hour, at most, together over all hours of a unit.
const MOST_NAMES: usize = 4 * 1024;
/// The same for users, of whom it is known how many there are.
const MOST_USERS: usize = 32 * 1024;
/// Hours from the start of the day before the unit's to the end of the day after it.
const HOURS: usize = 72;

/// The counts of one unit, as they grow.
pub struct Tally {
    event_type: String,
    /// Start of the first hour.
    base: i64,
    /// The hour of rows whose time is outside.
    fallback: usize,
    totals: Vec<Sums>,
    dimensions: Vec<Dimension>,
    rows: Vec<usize>,
    bytes: Vec<usize>,
    bytes_in: i64,
    millis: Vec<usize>,
    people: People,
    scratch: Vec<u8>,
}

/// One dimension of the unit's type.
struct Dimension {
    name: &'static str,
    parts: Vec<(Vec<usize>, Shape)>,
    unless: Option<(usize, &'static str)>,
    names: Names,
}

/// The places of columns.
struct Header<'a>(&'a [String]);

impl Header<'_> {
    fn place(&self, column: &str) -> Option<usize> {
        self.0.iter().position(|name| name.eq_ignore_ascii_case(column))
    }

    fn places(&self, columns: FirstOf) -> Vec<usize> {
        columns.iter().filter_map(|column| self.place(column)).collect()
    }
}

/// The first of these cells that has a value, as written, and whether its quotes are doubled.
fn first<'r>(row: &Row<'r>, places: &[usize]) -> (&'r [u8], bool) {
    let written = places.iter().filter_map(|place| row.written(*place));
    written.into_iter().find(|(value, _)| !value.is_empty()).unwrap_or_default()
}

/// The first of these cells that has a value; nothing if none has.
fn value<'r>(row: &Row<'r>, places: &[usize]) -> std::borrow::Cow<'r, [u8]> {
    let with = places.iter().find(|place| !row.is_blank(**place));
    with.and_then(|place| row.cell(*place)).unwrap_or_default()
}

impl Tally {
    /// For a unit whose columns have these names.
    pub fn new(unit: &UnitInfo, columns: &[String]) -> Self {
        let header = Header(columns);
        let measure = measure::of(&unit.event_type);
        let log_date = unit.log_date.as_microsecond();
        let base = Step::Day.start(log_date) - DAY;
        let by = std::iter::once(&BY_USER).chain(measure.by);
        Self {
            event_type: unit.event_type.clone(),
            base,
            fallback: usize::try_from((log_date - base) / HOUR).unwrap_or_default(),
            totals: vec![Sums::default(); HOURS],
            dimensions: by.filter_map(|by| Dimension::new(&header, by)).collect(),
            rows: header.places(measure.rows),
            bytes: header.places(measure.bytes),
            bytes_in: measure.bytes_in,
            millis: header.places(measure.millis),
            people: People::new(&header, measure),
            scratch: Vec::new(),
        }
    }

    /// Counts a row that is an event, with its time (microseconds since 1970 UTC). A row whose time
    /// is not within a day of the unit's is counted in the unit's first hour.
    pub fn row(&mut self, row: &Row<'_>, time: i64) {
        let hour = usize::try_from((time - self.base).div_euclid(HOUR));
        let hour = hour.ok().filter(|hour| *hour < HOURS).unwrap_or(self.fallback);
        let number = |places: &[usize]| match places {
            [] => 0,
            some => text::number(first(row, some).0),
        };
        let millis = number(&self.millis);
        let sums = Sums {
            events: 1,
            rows: number(&self.rows),
            bytes: number(&self.bytes) * self.bytes_in,
            millis,
            longest: millis,
        };
        if let Some(total) = self.totals.get_mut(hour) {
            total.add(&sums);
        }
        for dimension in &mut self.dimensions {
            dimension.add(row, hour, &sums, &mut self.scratch);
        }
        self.people.row(row, time);
    }

    /// All that was counted.
    pub fn finish(self) -> Rollup {
        let Self { event_type, base, totals, dimensions, people, .. } = self;
        let mut counts = Vec::new();
        let mut tell = |dimension: &str, hour: usize, name: &str, sums: Sums| {
            let types: &[&str] = match dimension {
                TOTAL | USER => &[&event_type, ALL_TYPES],
                _ => &[&event_type],
            };
            counts.extend(types.iter().map(|kind| Count {
                event_type: (*kind).to_owned(),
                dimension: dimension.to_owned(),
                hour: base + i64::try_from(hour).unwrap_or_default() * HOUR,
                name: name.to_owned(),
                sums,
            }));
        };
        for (hour, sums) in totals.iter().enumerate().filter(|(_, sums)| sums.events > 0) {
            tell(TOTAL, hour, "", *sums);
        }
        for dimension in dimensions {
            for (hour, name, sums) in dimension.names.finish() {
                tell(dimension.name, hour, name.as_deref().unwrap_or(OTHERS), sums);
            }
        }
        let mut rollup = Rollup { counts, ..Rollup::default() };
        people.finish(&event_type, &mut rollup);
        rollup
    }
}

impl Dimension {
    /// None if a part has no column.
    fn new(header: &Header<'_>, by: &By) -> Option<Self> {
        let parts: Vec<_> =
            by.parts.iter().map(|(columns, shape)| (header.places(columns), *shape)).collect();
        let whole = parts.iter().all(|(places, _)| !places.is_empty());
        let unless = match by.unless {
            Some((column, value)) => Some((header.place(column)?, value)),
            None => None,
        };
        let most = if by.dimension == USER { MOST_USERS } else { MOST_NAMES };
        whole.then(|| Self { name: by.dimension, parts, unless, names: Names::new(most) })
    }

    fn add(&mut self, row: &Row<'_>, hour: usize, sums: &Sums, scratch: &mut Vec<u8>) {
        if let Some((place, value)) = self.unless
            && row.written(place).is_some_and(|(found, _)| found == value.as_bytes())
        {
            return;
        }
        if let [(places, shape @ (Shape::Plain | Shape::User))] = &*self.parts {
            let (value, doubled) = first(row, places);
            if !doubled {
                let name = if *shape == Shape::User { text::short_id(value) } else { value };
                if !name.is_empty() {
                    self.names.add(hour, name, sums);
                }
                return;
            }
        }
        scratch.clear();
        for (places, shape) in &self.parts {
            if !scratch.is_empty() {
                scratch.push(measure::BETWEEN as u8);
            }
            let value = value(row, places);
            if value.is_empty() {
                return;
            }
            match shape {
                Shape::Plain => scratch.extend_from_slice(&value),
                Shape::User => scratch.extend_from_slice(text::short_id(&value)),
                Shape::Path => text::path(scratch, &value),
            }
        }
        if !scratch.is_empty() {
            self.names.add(hour, scratch, sums);
        }
    }
}
