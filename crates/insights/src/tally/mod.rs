//! Counts one unit's rows while they are read.
//!
//! Rows that say the same of who they are from are counted together ([`kept`]). What else a row is
//! counted by is looked up, and room is made only for what was not met before.
//! Memory is bounded: what there is no room for by name is counted under
//! [`OTHERS`](orgtap_ledger::OTHERS), and of people's doings only the first so many are kept.

mod kept;
mod lines;
mod names;
mod people;

use std::borrow::Cow;

use orgtap_codec::csv::{Row, content};
use orgtap_events::UnitInfo;
use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{
    ALL_TYPES, CompactString, Count, OTHERS, Rollup, Series, Step, Sums, TOTAL, USER,
};

use self::kept::{Cells, Kept, find};
use self::names::Names;
use self::people::People;
use crate::measure::{self, BY_USER, By, FirstOf, Shape, Values};
use crate::text;

/// Names of one dimension and hour, at most, together over all hours of a unit.
const MOST_NAMES: usize = 4 * 1024;
/// The same for users and days; of users it is known how many there are.
const MOST_USERS: usize = 32 * 1024;
/// Hours from the start of the day before the unit's to the end of the day after it.
const HOURS: usize = 72;
/// Of a day.
const DAY_HOURS: usize = 24;

/// The counts of one unit, as they grow.
pub struct Tally {
    event_type: String,
    /// Whether it is told how much each user does of this type.
    volume: bool,
    /// Start of the first hour.
    base: i64,
    /// The hour of rows whose time is outside.
    fallback: usize,
    totals: Vec<Sums>,
    rows: Vec<usize>,
    bytes: Vec<usize>,
    bytes_in: i64,
    millis: Vec<usize>,
    /// Rows that are not counted yet by what follows, but for `each`.
    kept: Kept,
    users: Option<Dimension>,
    /// Dimensions of what is kept of rows.
    whose: Vec<Dimension>,
    /// The others, to which each row is added by itself.
    each: Vec<Dimension>,
    people: People,
    scratch: Vec<u8>,
}

/// One dimension of the unit's type.
struct Dimension {
    name: &'static str,
    parts: Vec<(Vec<usize>, Shape)>,
    only: Option<(usize, Values)>,
    /// Whether the hours of a day are counted together.
    daily: bool,
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
fn first<'r>(row: &'r impl Cells, places: &[usize]) -> (&'r [u8], bool) {
    let (_, written, doubled) = find(row, places);
    (written, doubled)
}

/// The first of these cells that has a value; nothing if none has.
fn value<'r>(row: &'r impl Cells, places: &[usize]) -> Cow<'r, [u8]> {
    let (written, doubled) = first(row, places);
    content(written, doubled)
}

impl Tally {
    /// For a unit whose columns have these names.
    pub fn new(unit: &UnitInfo, columns: &[String]) -> Self {
        let header = Header(columns);
        let measure = measure::of(&unit.event_type);
        let log_date = unit.log_date.as_microsecond();
        let base = Step::Day.start(log_date) - DAY;
        let people = People::new(&header, measure);
        let kept = Kept::new(people.fields());
        let by = measure.by.iter().filter_map(|by| Dimension::new(&header, by));
        let (whose, each) = by.partition(|dimension| dimension.is_of(&kept));
        Self {
            event_type: unit.event_type.clone(),
            volume: measure.volume,
            base,
            fallback: usize::try_from((log_date - base) / HOUR).unwrap_or_default(),
            totals: vec![Sums::default(); HOURS],
            rows: header.places(measure.rows),
            bytes: header.places(measure.bytes),
            bytes_in: measure.bytes_in,
            millis: header.places(measure.millis),
            kept,
            users: Dimension::new(&header, &BY_USER),
            whose,
            each,
            people,
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
        for dimension in &mut self.each {
            dimension.add(row, hour, &sums, &mut self.scratch);
        }
        self.people.line(row, time);
        if !self.kept.add(row, hour, time, &sums) {
            self.count_kept();
            self.kept.add(row, hour, time, &sums);
        }
    }

    /// Counts the rows that are kept.
    fn count_kept(&mut self) {
        let Self { kept, users, whose, people, scratch, .. } = self;
        kept.take(|rows| {
            if let Some(users) = users {
                users.add(rows, rows.hour, &rows.sums, scratch);
            }
            for dimension in &mut *whose {
                dimension.add(rows, rows.hour, &rows.sums, scratch);
            }
            people.rows(rows);
        });
    }

    /// All that was counted.
    pub fn finish(mut self) -> Rollup {
        self.count_kept();
        let Self { event_type, volume, base, totals, users, whose, each, people, .. } = self;
        let start = |hour: usize| base + i64::try_from(hour).unwrap_or_default() * HOUR;
        let series = |kind: &str, dimension: &str, step, counts| Series {
            event_type: kind.to_owned(),
            dimension: dimension.to_owned(),
            step,
            counts,
        };
        let totals = totals.into_iter().enumerate().filter(|(_, sums)| sums.events > 0);
        let total =
            |(hour, sums)| Count { start: start(hour), name: CompactString::default(), sums };
        let totals: Vec<Count> = totals.map(total).collect();
        let mut all = Vec::with_capacity(4 + whose.len() + each.len());
        all.push(series(&event_type, TOTAL, Step::Hour, totals.clone()));
        all.push(series(ALL_TYPES, TOTAL, Step::Hour, totals));
        let counts = |dimension: Dimension| {
            let names = dimension.names.finish().into_iter();
            let name = |name: Option<CompactString>| name.unwrap_or_else(|| OTHERS.into());
            let count = |(hour, one, sums)| Count { start: start(hour), name: name(one), sums };
            names.map(count).collect::<Vec<_>>()
        };
        if let Some(users) = users {
            let users = counts(users);
            if volume {
                all.push(series(&event_type, USER, Step::Day, users.clone()));
            }
            all.push(series(ALL_TYPES, USER, Step::Day, users));
        }
        for dimension in whose.into_iter().chain(each) {
            let step = if dimension.daily { Step::Day } else { Step::Hour };
            all.push(series(&event_type, dimension.name, step, counts(dimension)));
        }
        all.retain(|series| !series.counts.is_empty());
        let mut rollup = Rollup { series: all, ..Rollup::default() };
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
        let only = match by.only {
            Some((column, values)) => Some((header.place(column)?, values)),
            None => None,
        };
        let daily = by.dimension == USER;
        let names = Names::new(if daily { MOST_USERS } else { MOST_NAMES });
        whole.then_some(Self { name: by.dimension, parts, only, daily, names })
    }

    /// Whether all of it is in what is kept of rows.
    fn is_of(&self, kept: &Kept) -> bool {
        let mut parts = self.parts.iter().map(|(places, _)| &**places);
        parts.all(|places| kept.has(places))
            && self.only.is_none_or(|(place, _)| kept.has(&[place]))
    }

    fn add(&mut self, row: &impl Cells, hour: usize, sums: &Sums, scratch: &mut Vec<u8>) {
        let hour = if self.daily { hour / DAY_HOURS * DAY_HOURS } else { hour };
        if let Some((place, values)) = self.only
            && !values.have(row.written(place).unwrap_or_default().0)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use orgtap_codec::csv::{Item, Reader};
    use orgtap_events::{Interval, time};

    use super::*;

    fn unit() -> UnitInfo {
        UnitInfo {
            connector: "acme".into(),
            org_id: "00D000000000001AAA".into(),
            event_type: "RestApi".into(),
            log_file_id: "0AT000000000001AAA".into(),
            interval: Interval::Daily,
            sequence: 0,
            log_date: "2026-11-22T00:00:00Z".parse().unwrap(),
            created_date: "2026-11-23T03:00:00Z".parse().unwrap(),
            length: 0,
        }
    }

    fn tally(event_type: &str, csv: &str) -> Rollup {
        let mut reader = Reader::new(csv.as_bytes());
        let Some(Item::Row(header)) = reader.next_item().unwrap() else { panic!("no header") };
        let names: Vec<String> = (0..header.len())
            .map(|cell| String::from_utf8(header.cell(cell).unwrap().into()).unwrap())
            .collect();
        let unit = UnitInfo { event_type: event_type.into(), ..unit() };
        let mut tally = Tally::new(&unit, &names);
        while let Some(item) = reader.next_item().unwrap() {
            let Item::Row(row) = item else { panic!("{item:?}") };
            let time = time::parse_iso(&row.cell(0).unwrap()).unwrap();
            tally.row(&row, time);
        }
        tally.finish()
    }

    /// The counts of one series by start and name.
    fn counts(rollup: &Rollup, event_type: &str, dimension: &str) -> BTreeMap<(i64, String), Sums> {
        let is =
            |series: &&Series| (&*series.event_type, &*series.dimension) == (event_type, dimension);
        let series = rollup.series.iter().find(is).unwrap();
        let all =
            series.counts.iter().map(|count| ((count.start, count.name.to_string()), count.sums));
        let counts: BTreeMap<_, _> = all.collect();
        assert_eq!(counts.len(), series.counts.len(), "each once");
        counts
    }

    #[test]
    fn rows_are_counted_by_what_they_say_however_many_of_them_are_alike() {
        let mut csv = "TIMESTAMP_DERIVED,USER_ID,USER_ID_DERIVED,LOGIN_KEY,CLIENT_NAME,\
            CONNECTED_APP_ID,ENTITY_NAME,ROWS_PROCESSED,USER_AGENT\n"
            .to_owned();
        let mut by_user = BTreeMap::<(i64, String), Sums>::new();
        let day = Step::Day.start(unit().log_date.as_microsecond());
        let mut by_client = BTreeMap::<(i64, String), Sums>::new();
        let mut by_entity = BTreeMap::<(i64, String), Sums>::new();
        let mut seen = BTreeMap::<(String, String), (i64, i64)>::new();
        let mut sessions = BTreeMap::<(String, String), (i64, i64, i64)>::new();
        // More users than are kept at a time, and some of them again and again.
        for turn in 0..30_000_u64 {
            let number = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 51;
            let number = if number % 16 < 8 { number % 16 } else { number };
            let user = format!("005{number:012}");
            let login = format!("key{}", turn % 3);
            // Without a name the id stands for it; quotes are doubled.
            let (name, app) = match number % 4 {
                0 => (String::new(), "0H4x".to_owned()),
                1 => ("say \"it\"".to_owned(), String::new()),
                rest => (format!("app {rest}"), format!("0H4{rest}")),
            };
            let client = if name.is_empty() { app.clone() } else { name.clone() };
            let entity = format!("Object{}", turn % 7);
            let hour = (turn / 10_000) as i64;
            let at =
                unit().log_date.as_microsecond() + hour * HOUR + (turn % 1_000) as i64 * 1_000_000;
            // Half of them have the longer form of the id only.
            let (short, long) = if turn % 2 == 0 { (&*user, "") } else { ("", &*user) };
            let long = if long.is_empty() { String::new() } else { format!("{long}AAA") };
            csv += &format!(
                "{},{short},{long},{login},\"{}\",{app},{entity},{},agent\n",
                time::rfc3339(at),
                name.replace('"', "\"\""),
                turn % 5
            );
            let sums = Sums { events: 1, rows: (turn % 5) as i64, ..Sums::default() };
            let start = Step::Hour.start(at);
            by_user.entry((day, user.clone())).or_default().add(&sums);
            by_client.entry((start, client.clone())).or_default().add(&sums);
            by_entity.entry((start, entity)).or_default().add(&sums);
            let (first, last) = seen.entry((user.clone(), client)).or_insert((at, at));
            (*first, *last) = (at.min(*first), at.max(*last));
            let (first, last, events) = sessions.entry((user, login)).or_insert((at, at, 0));
            (*first, *last, *events) = (at.min(*first), at.max(*last), *events + 1);
        }
        let rollup = tally("RestApi", &csv);
        assert_eq!(counts(&rollup, ALL_TYPES, USER), by_user);
        assert_eq!(counts(&rollup, "RestApi", "client"), by_client);
        assert_eq!(counts(&rollup, "RestApi", "entity"), by_entity);
        assert_eq!(counts(&rollup, "RestApi", USER), by_user);
        // Of these there is room for some: what is there is right.
        let traits: Vec<_> =
            rollup.traits.iter().filter(|one| one.kind == measure::CLIENT).collect();
        assert!(traits.len() > 1_000, "{}", traits.len());
        for one in traits {
            let known = seen[&(one.user.to_string(), one.value.to_string())];
            assert_eq!((one.first_at, one.last_at), known, "{one:?}");
        }
        assert!(rollup.sessions.len() > 1_000, "{}", rollup.sessions.len());
        for one in &rollup.sessions {
            let known = sessions[&(one.user.to_string(), one.login_key.to_string())];
            assert_eq!((one.first_at, one.last_at, one.events), known, "{one:?}");
        }
    }

    #[test]
    fn what_users_export_is_counted_by_user_and_what_they_upload_is_not() {
        let day = Step::Day.start(unit().log_date.as_microsecond());
        let of_types = |rollup: &Rollup| -> BTreeMap<(i64, String), i64> {
            let all = counts(rollup, &rollup.series[0].event_type, USER);
            all.into_iter().map(|(key, sums)| (key, sums.events)).collect()
        };
        for kind in ["ReportExport", "WaveDownload", "DocumentAttachmentDownloads"] {
            let csv = "TIMESTAMP_DERIVED,USER_ID\n2026-11-22T09:00:00Z,005000000000001\n\
                2026-11-22T21:00:00Z,005000000000001AAA\n";
            let expected = [((day, "005000000000001".to_owned()), 2)].into();
            assert_eq!(of_types(&tally(kind, csv)), expected, "{kind}");
        }
        let mut csv = "TIMESTAMP_DERIVED,USER_ID,TRANSACTION_TYPE\n".to_owned();
        for (hour, user, what) in [
            (9, 1, "VersionDownloadAction"),
            (21, 1, "VersionDownloadApi"),
            (21, 1, "VersionRenditionDownload"),
            (22, 1, "saveVersion"),
            (22, 2, "saveVersion"),
            (22, 2, ""),
        ] {
            csv += &format!("2026-11-22T{hour:02}:00:00Z,00500000000000{user},{what}\n");
        }
        let rollup = tally("ContentTransfer", &csv);
        assert_eq!(of_types(&rollup), [((day, "005000000000001".to_owned()), 2)].into());
        assert_eq!(counts(&rollup, "ContentTransfer", "change").len(), 4);
        // Whatever they did, it is something they did.
        let all: i64 = counts(&rollup, ALL_TYPES, USER).values().map(|sums| sums.events).sum();
        assert_eq!(all, 6);
    }

    #[test]
    fn who_signs_in_as_somebody_has_a_line_of_it_as_well() {
        let csv = "TIMESTAMP_DERIVED,USER_ID,DELEGATED_USER_ID,DELEGATED_USER_NAME,CLIENT_IP\n\
            2026-11-22T09:00:00Z,005000000000001,005000000000009,ann@acme.example,10.1.2.3\n";
        let rollup = tally("LoginAs", csv);
        let lines: Vec<_> =
            rollup.notables.iter().map(|line| (&*line.user, &*line.what, &line.address)).collect();
        let from = Some(CompactString::from("10.1.2.3"));
        let expected = [
            ("005000000000001", "ann@acme.example", &from),
            ("005000000000009", "005000000000001", &from),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn many_refused_sign_ins_early_in_a_file_hide_no_later_ones() {
        let mut csv = "TIMESTAMP_DERIVED,USER_ID,LOGIN_STATUS\n".to_owned();
        let mut row = |user: usize, status: &str| {
            csv += &format!("2026-11-22T09:00:00Z,005{user:012},{status}\n");
        };
        for turn in 0..6_000 {
            row(turn % 3_000, "LOGIN_ERROR_INVALID_PASSWORD");
        }
        for user in 0..4_000 {
            row(user, "LOGIN_NO_ERROR");
        }
        let rollup = tally("Login", &csv);
        let succeeded = rollup.notables.iter().filter(|line| line.what == measure::SUCCESS);
        assert_eq!(succeeded.count(), 4_000);
    }
}
