//! Rows that only one of a lane's copies has: are they the same ones, written differently, or did one
//! copy come without some and the other without others?
//!
//! Told by the request that a row is about. Best effort: bytes may have left the spool, and not every
//! event type names requests. What a person gets to see is one example: where it is, and which columns
//! differ. Never what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use orgtap_codec::csv::{Item, Reader, Row};
use orgtap_events::UnitInfo;
use orgtap_events::raw::Plan;
use xxhash_rust::xxh3::xxh3_64;

use crate::inspect::header;
use crate::spool::Spool;

/// The column that names what a row is about in both copies.
const REQUEST: &str = "REQUEST_ID";
/// Requests that both copies name, and rows about them, that are looked at for an example.
const LOOKED_AT: usize = 64;
/// Columns that are named.
const MOST_COLUMNS: usize = 12;

/// A row in both copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// Log file of the hourly copy.
    pub hourly_file: String,
    /// The row's number in it, from 1.
    pub hourly_row: u64,
    /// Log file of the daily copy.
    pub daily_file: String,
    /// The row's number in it, from 1.
    pub daily_row: u64,
    /// Columns that differ: letters, digits and `_` alone, at most twelve.
    pub columns: Vec<String>,
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hourly_file, hourly_row, daily_file, daily_row, columns } = self;
        let columns = columns.join(", ");
        write!(
            f,
            "row {hourly_row} of hourly file {hourly_file} and row {daily_row} of daily file {daily_file} differ in {columns}"
        )
    }
}

/// Where a unit's bytes are.
pub(crate) type Bytes<'a> = (&'a UnitInfo, &'a str);

/// Rows of a unit, numbered from 0 and in order, and its bytes if they are still there.
pub(crate) type Rows<'a> = (Option<Bytes<'a>>, Vec<u64>);

/// Rows of one copy alone that could be the same ones as rows of the other alone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Twins {
    /// At most so many pairs. None if not all rows could be read.
    pub(crate) most: Option<u64>,
    /// The pair that differs least.
    pub(crate) example: Option<Apart>,
}

impl Twins {
    /// Looks for them among rows of units of both copies.
    pub(crate) fn among(spool: &Spool, hourly: &[Rows<'_>], daily: &[Rows<'_>]) -> Self {
        let (hours, days) = (about(spool, hourly), about(spool, daily));
        let requests = requests(&hours, &days);
        let count = |copy: &[Rows<'_>]| copy.iter().map(|(_, rows)| rows.len()).sum::<usize>();
        let all = (hours.len(), days.len()) == (count(hourly), count(daily));
        let most = all.then(|| pairs(&hours, &days, &requests));
        let (hours, days) = (looked_at(&hours, &requests), looked_at(&days, &requests));
        let example = least_apart(&said(spool, hourly, &hours), &said(spool, daily, &days));
        Self { most, example }
    }
}

/// A row, and a hash of the request it is about.
#[derive(Debug, Clone, Copy)]
struct About {
    unit: usize,
    row: u64,
    request: Option<u64>,
}

/// What the rows are about, of those that can be read.
fn about(spool: &Spool, copy: &[Rows<'_>]) -> Vec<About> {
    let mut found = Vec::new();
    for (unit, (bytes, rows)) in copy.iter().enumerate() {
        let Some(bytes) = bytes else { continue };
        each_of(spool, *bytes, rows, |number, row, plan| {
            let request = cell(row, plan, REQUEST).filter(|cell| !cell.is_empty());
            found.push(About { unit, row: number, request: request.map(|cell| xxh3_64(&cell)) });
        });
    }
    found
}

/// Requests that both copies name, with how many rows of each are about them.
type Requests = BTreeMap<u64, (u64, u64)>;

fn requests(hourly: &[About], daily: &[About]) -> Requests {
    let mut requests = Requests::new();
    for request in hourly.iter().filter_map(|row| row.request) {
        requests.entry(request).or_default().0 += 1;
    }
    for request in daily.iter().filter_map(|row| row.request) {
        requests.entry(request).or_default().1 += 1;
    }
    requests.retain(|_, (hours, days)| *hours.min(days) > 0);
    requests
}

/// How many pairs there can be. A row that names no request could be any.
fn pairs(hourly: &[About], daily: &[About], requests: &Requests) -> u64 {
    let about_one: u64 = requests.values().map(|(hours, days)| hours.min(days)).sum();
    let nameless = hourly.iter().chain(daily).filter(|row| row.request.is_none()).count();
    (about_one + nameless as u64).min(hourly.len().min(daily.len()) as u64)
}

/// The first rows about the first of these requests.
fn looked_at(copy: &[About], requests: &Requests) -> Vec<About> {
    let first: Vec<u64> = requests.keys().copied().take(LOOKED_AT).collect();
    let is_about =
        |row: &&About| row.request.is_some_and(|request| first.binary_search(&request).is_ok());
    copy.iter().filter(is_about).take(LOOKED_AT).copied().collect()
}

/// The cells of a row that are not empty, by name: hashes of them.
type Cells = BTreeMap<String, u64>;

/// What a row says.
struct Said {
    file: String,
    about: About,
    cells: Cells,
}

/// What these rows say.
fn said(spool: &Spool, copy: &[Rows<'_>], wanted: &[About]) -> Vec<Said> {
    let mut found = Vec::new();
    for (unit, (bytes, _)) in copy.iter().enumerate() {
        let Some(bytes) = bytes else { continue };
        let own = || wanted.iter().filter(|row| row.unit == unit);
        let rows: Vec<u64> = own().map(|row| row.row).collect();
        each_of(spool, *bytes, &rows, |number, row, plan| {
            let file = bytes.0.log_file_id.clone();
            let about = own().find(|row| row.row == number).copied();
            found.extend(about.map(|about| Said { file, about, cells: cells(row, plan) }));
        });
    }
    found
}

/// Of the pairs about one request the one that differs in fewest columns.
fn least_apart(hourly: &[Said], daily: &[Said]) -> Option<Apart> {
    let pairs = hourly.iter().flat_map(|hour| daily.iter().map(move |day| (hour, day)));
    let pairs = pairs.filter(|(hour, day)| hour.about.request == day.about.request);
    let differing = pairs.map(|(hour, day)| (differing(&hour.cells, &day.cells), hour, day));
    let differing = differing.filter(|(columns, ..)| !columns.is_empty());
    let (columns, hour, day) = differing.min_by_key(|(columns, ..)| columns.len())?;
    Some(Apart {
        hourly_file: hour.file.clone(),
        hourly_row: hour.about.row + 1,
        daily_file: day.file.clone(),
        daily_row: day.about.row + 1,
        columns: columns.into_iter().take(MOST_COLUMNS).collect(),
    })
}

/// Reads these rows of a unit, numbered from 0 and in order, as many of them as can be.
fn each_of(
    spool: &Spool,
    unit: Bytes<'_>,
    rows: &[u64],
    mut take: impl FnMut(u64, &Row<'_>, &Plan),
) {
    let mut wanted = rows.iter().copied().peekable();
    if wanted.peek().is_none() {
        return;
    }
    each_row(spool, unit, |number, row, plan| {
        if wanted.peek() == Some(&number) {
            take(number, row, plan);
            wanted.next();
        }
        wanted.peek().is_some()
    });
}

/// Reads the rows of a unit, with their numbers, as long as `take` wants more.
fn each_row(
    spool: &Spool,
    (unit, relative): Bytes<'_>,
    mut take: impl FnMut(u64, &Row<'_>, &Plan) -> bool,
) -> Option<()> {
    let mut reader = Reader::new(spool.open_bytes(relative).ok()?);
    let mut plan = None;
    let mut number = 0;
    while let Some(item) = reader.next_item().ok()? {
        let Some(plan) = &plan else {
            plan = Some(header(&item, unit).ok()?);
            continue;
        };
        if let Item::Row(row) = item
            && row.len() == plan.width()
            && !take(number, &row, plan)
        {
            break;
        }
        number += 1;
    }
    Some(())
}

fn cell<'r>(row: &Row<'r>, plan: &Plan, name: &str) -> Option<std::borrow::Cow<'r, [u8]>> {
    row.cell(plan.names().iter().position(|column| column.eq_ignore_ascii_case(name))?)
}

fn cells(row: &Row<'_>, plan: &Plan) -> Cells {
    let cells = plan.names().iter().enumerate().filter_map(|(at, name)| {
        let cell = row.cell(at).filter(|cell| !cell.is_empty())?;
        Some((name.to_uppercase(), xxh3_64(&cell)))
    });
    cells.collect()
}

/// The columns in which two rows differ. Their names come from outside, so odd letters are replaced.
fn differing(a: &Cells, b: &Cells) -> Vec<String> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let plain = |name: &String| {
        let odd = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        name.chars().take(80).map(odd).collect()
    };
    names.into_iter().filter(|name| a.get(*name) != b.get(*name)).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_events::Interval;

    fn unit(id: &str, interval: Interval) -> UnitInfo {
        let (event_type, log_file_id) = ("API".into(), id.into());
        UnitInfo { event_type, log_file_id, interval, ..crate::sample::unit() }
    }

    /// Rows of the hourly and the daily copy that are in neither's other.
    fn twins(hourly: (&str, &[u64]), daily: (&str, &[u64])) -> Twins {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        std::fs::write(spool.bytes("h.csv"), hourly.0).unwrap();
        std::fs::write(spool.bytes("d.csv"), daily.0).unwrap();
        let (hours, days) = (unit("0AT1", Interval::Hourly), unit("0AT2", Interval::Daily));
        Twins::among(
            &spool,
            &[(Some((&hours, "h.csv")), hourly.1.to_vec())],
            &[(Some((&days, "d.csv")), daily.1.to_vec())],
        )
    }

    #[test]
    fn an_example_names_both_rows_and_the_columns_that_differ_but_not_what_they_hold() {
        let found = twins(
            ("REQUEST_ID,TIMESTAMP,RUN_TIME,A B\nq,1,5,x\nr,2,7,secret\n", &[1]),
            (
                "A B,TIMESTAMP,REQUEST_ID,RUN_TIME\nx,1,q,5\nother,2,r,9.0\nsecret,2,r,7.0\n",
                &[1, 2],
            ),
        );
        assert_eq!(found.most, Some(1));
        assert_eq!(
            found.example.unwrap().to_string(),
            "row 2 of hourly file 0AT1 and row 3 of daily file 0AT2 differ in RUN_TIME"
        );
    }

    #[test]
    fn rows_about_different_requests_are_no_twins() {
        let found = twins(
            ("REQUEST_ID,RUN_TIME\nq,1\nr,2\n", &[0, 1]),
            ("REQUEST_ID,RUN_TIME\ns,1\n", &[0]),
        );
        assert_eq!(found, Twins { most: Some(0), example: None });
    }

    #[test]
    fn a_row_that_names_no_request_could_be_any() {
        let found = twins(("RUN_TIME\n1\n2\n3\n", &[0, 1, 2]), ("RUN_TIME\n1.0\n2.0\n", &[0, 1]));
        assert_eq!(found, Twins { most: Some(2), example: None });
        let found = twins(
            ("REQUEST_ID,RUN_TIME\n,1\nr,2\n", &[0, 1]),
            ("REQUEST_ID,RUN_TIME\nq,1\ns,2\n", &[0, 1]),
        );
        assert_eq!(found, Twins { most: Some(1), example: None });
    }

    #[test]
    fn what_cannot_be_read_is_no_answer() {
        let rows = "REQUEST_ID,RUN_TIME\nq,1\n";
        assert_eq!(twins((rows, &[0, 9]), (rows, &[0])).most, None, "no such row");
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let hours = unit("0AT1", Interval::Hourly);
        for bytes in [Some((&hours, "gone.csv")), None] {
            assert_eq!(Twins::among(&spool, &[(bytes, vec![0])], &[]), Twins::default());
        }
    }
}
