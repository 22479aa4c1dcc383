//! What a reader should end up with, from the events themselves: no file is written or read.

use std::collections::HashMap;

use super::render::Lane;

/// Which files a reader follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interval {
    /// The files of each hour.
    Hourly,
    /// The files of each day.
    Daily,
    /// All of them, each row delivered once.
    Both,
}

impl Interval {
    /// Whether a reader of this interval reads a file.
    fn reads(self, hourly: bool) -> bool {
        match self {
            Self::Hourly => hourly,
            Self::Daily => !hourly,
            Self::Both => true,
        }
    }
}

/// Everything of one event type and one UTC day that a reader should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneTruth {
    /// Event type.
    pub event_type: String,
    /// Start of the day.
    pub day: jiff::Timestamp,
    /// Names of the columns of `rows`: all that files of the type can have.
    pub columns: Vec<String>,
    /// One entry per row to deliver, identical rows as often as they count; an empty value is the
    /// same as no value. In no promised order.
    pub rows: Vec<Vec<String>>,
}

/// The rows of `lane` that are in files of `interval` at `now` (seconds since 1970), each as often
/// as the file with most of it has it.
pub(super) fn rows(lane: &Lane, interval: Interval, now: i64) -> Vec<Vec<String>> {
    let columns = lane.column_names().count();
    let visible = lane.editions.iter().filter(|edition| {
        interval.reads(edition.hourly)
            && edition.created <= now
            && edition.replaced.is_none_or(|replaced| replaced > now)
    });
    let mut values: HashMap<u32, Vec<String>> = HashMap::new();
    let mut counts: HashMap<Vec<String>, u64> = HashMap::new();
    for edition in visible {
        let mut here: HashMap<&[String], u64> = HashMap::new();
        for row in &edition.rows {
            values.entry(*row).or_insert_with(|| row_values(lane, *row, columns));
        }
        for row in &edition.rows {
            *here.entry(&values[row]).or_default() += 1;
        }
        for (row, count) in here {
            let most = counts.entry(row.to_vec()).or_default();
            *most = count.max(*most);
        }
    }
    counts.into_iter().flat_map(|(row, count)| std::iter::repeat_n(row, count as usize)).collect()
}

/// The values of one row.
fn row_values(lane: &Lane, row: u32, columns: usize) -> Vec<String> {
    let event = lane.event(row);
    (0..columns)
        .map(|column| {
            let mut value = Vec::new();
            lane.value(&event, column, &mut value);
            String::from_utf8_lossy(&value).into_owned()
        })
        .collect()
}
