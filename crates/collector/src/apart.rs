//! One example of a row that the hourly and the daily copy write differently, for a person to look
//! at: where it is, and which columns differ. Never what they hold.
//!
//! Best effort: nothing is found where the bytes have left the spool, or where the event type names
//! neither request nor time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use orgtap_codec::csv::{Item, Reader, Row};
use orgtap_events::UnitInfo;
use orgtap_events::raw::Plan;

use crate::inspect::header;
use crate::spool::Spool;

/// Columns that together name an event in both copies.
const NAMES: [&str; 2] = ["REQUEST_ID", "TIMESTAMP"];
/// Rows of the other copy that are looked at, and columns that are named.
const MOST: usize = 64;
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

/// The cells of a row that are not empty, by name.
type Cells = BTreeMap<String, Vec<u8>>;

/// Looks for row number `row` (from 0) of an hourly unit in daily ones.
pub(crate) fn example(
    spool: &Spool,
    hourly: Bytes<'_>,
    row: u64,
    daily: &[Bytes<'_>],
) -> Option<Apart> {
    let mut wanted = None;
    each_row(spool, hourly, |number, found, plan| {
        if number == row {
            wanted = Some(said(found, plan));
        }
        wanted.is_none()
    })?;
    let wanted = wanted?;
    let names = NAMES.map(|name| wanted.get(name).cloned());
    let [Some(request), Some(time)] = &names else { return None };
    let mut best: Option<Apart> = None;
    let mut left = MOST;
    for unit in daily {
        if left == 0 {
            break;
        }
        each_row(spool, *unit, |number, found, plan| {
            let is = |name, value: &[u8]| cell(found, plan, name).as_deref() == Some(value);
            if is(NAMES[0], request) && is(NAMES[1], time) {
                left -= 1;
                let columns = differing(&wanted, &said(found, plan));
                let fewer = best.as_ref().is_none_or(|best| columns.len() < best.columns.len());
                if fewer && !columns.is_empty() {
                    best = Some(Apart {
                        hourly_file: hourly.0.log_file_id.clone(),
                        hourly_row: row + 1,
                        daily_file: unit.0.log_file_id.clone(),
                        daily_row: number + 1,
                        columns,
                    });
                }
            }
            left > 0
        });
    }
    best
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

fn said(row: &Row<'_>, plan: &Plan) -> Cells {
    let cells = plan.names().iter().enumerate().filter_map(|(at, name)| {
        let cell = row.cell(at).filter(|cell| !cell.is_empty())?;
        Some((name.to_uppercase(), cell.into_owned()))
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
    let differ = names.into_iter().filter(|name| a.get(*name) != b.get(*name));
    differ.take(MOST_COLUMNS).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_events::Interval;

    fn unit(id: &str, interval: Interval) -> UnitInfo {
        UnitInfo {
            connector: "acme".into(),
            org_id: "00D000000000001AAA".into(),
            event_type: "API".into(),
            log_file_id: id.into(),
            interval,
            sequence: 1,
            log_date: "2026-11-22T05:00:00Z".parse().unwrap(),
            created_date: "2026-11-22T09:12:03Z".parse().unwrap(),
            length: 1,
        }
    }

    #[test]
    fn an_example_names_both_rows_and_the_columns_that_differ_but_not_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let write = |name: &str, csv: &str| std::fs::write(spool.bytes(name), csv).unwrap();
        write("h.csv", "REQUEST_ID,TIMESTAMP,RUN_TIME,A B\nq,1,5,x\nr,2,7,secret\n");
        write(
            "d.csv",
            "A B,TIMESTAMP,REQUEST_ID,RUN_TIME\nx,1,q,5\nother,2,r,9.0\nsecret,2,r,7.0\n",
        );
        let (hourly, daily) = (unit("0AT1", Interval::Hourly), unit("0AT2", Interval::Daily));
        let find = |row, name| example(&spool, (&hourly, "h.csv"), row, &[(&daily, name)]);
        let found = find(1, "d.csv").unwrap();
        assert_eq!(
            found.to_string(),
            "row 2 of hourly file 0AT1 and row 3 of daily file 0AT2 differ in RUN_TIME"
        );
        assert_eq!(find(0, "d.csv"), None, "the same in both");
        assert_eq!(find(9, "d.csv"), None, "no such row");
        assert_eq!(find(1, "gone.csv"), None, "the bytes are gone");
    }
}
