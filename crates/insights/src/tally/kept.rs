//! Rows that say the same of who they are from, counted as one until there are many of them.
//!
//! In a log file the same sessions come again and again: their rows differ in what was done, not in
//! user, address, program and the like. Looking a row up once by all of these is cheaper than
//! counting it by each.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use orgtap_codec::csv::Row;
use orgtap_ledger::Sums;

use super::names::AsItIs;

/// Entries, and bytes of their cells, at most.
const MOST: usize = 4 * 1024;
const MOST_BYTES: usize = 1 << 20;

/// Cells of a row.
pub(super) trait Cells {
    /// A cell's content as written, and whether its quotes are doubled.
    fn written(&self, place: usize) -> Option<(&[u8], bool)>;
}

impl Cells for Row<'_> {
    fn written(&self, place: usize) -> Option<(&[u8], bool)> {
        Row::written(self, place)
    }
}

/// Rows that wait to be counted.
#[derive(Default)]
pub(super) struct Kept {
    /// What is kept of a row: of each of these the first cell that has a value.
    fields: Vec<Vec<usize>>,
    /// Places in `entries` by a hash of their cells.
    places: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    entries: Vec<Entry>,
    /// The cells of all entries.
    cells: Vec<Cell>,
    /// Their bytes.
    bytes: Vec<u8>,
}

/// Rows of one hour with the same cells.
struct Entry {
    hour: usize,
    sums: Sums,
    /// Earliest and latest time.
    first: i64,
    last: i64,
}

/// A cell that is kept.
#[derive(Clone, Copy)]
struct Cell {
    /// Its place in the row.
    place: usize,
    /// Its place in the bytes.
    from: usize,
    to: usize,
    doubled: bool,
}

/// The rows of one entry.
pub(super) struct Alike<'a> {
    cells: &'a [Cell],
    bytes: &'a [u8],
    pub(super) hour: usize,
    pub(super) sums: Sums,
    /// Earliest and latest time, microseconds since 1970 UTC.
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Cells for Alike<'_> {
    fn written(&self, place: usize) -> Option<(&[u8], bool)> {
        let cell = self.cells.iter().find(|cell| cell.place == place)?;
        Some((self.bytes.get(cell.from..cell.to)?, cell.doubled))
    }
}

/// The first cell of a field that has a value: its place, its content as written, and whether its
/// quotes are doubled.
pub(super) fn find<'r>(row: &'r impl Cells, field: &[usize]) -> (usize, &'r [u8], bool) {
    for place in field {
        if let Some((content, doubled)) = row.written(*place)
            && !content.is_empty()
        {
            return (*place, content, doubled);
        }
    }
    (usize::MAX, &[], false)
}

/// A hash of what a cell holds and of what came before it: of its length and its first and last
/// eight bytes, which is all of nearly every cell. Those it does not tell apart are compared.
fn mixed(before: u64, content: &[u8]) -> u64 {
    // Any odd numbers with as many ones as zeros do.
    const ODD: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93];
    let (first, last) =
        if let (Some(first), Some(last)) = (content.first_chunk(), content.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else {
            (content.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0)
        };
    let (one, other) =
        (before ^ first ^ ODD[0], last ^ (content.len() as u64).rotate_left(56) ^ ODD[1]);
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

impl Kept {
    /// Keeps of each row these: of several places the first cell that has a value.
    pub(super) fn new(mut fields: Vec<Vec<usize>>) -> Self {
        fields.sort_unstable();
        fields.dedup();
        Self { fields, ..Self::default() }
    }

    /// Whether the first of these cells that has a value is kept.
    pub(super) fn has(&self, field: &[usize]) -> bool {
        self.fields.iter().any(|kept| kept == field)
    }

    /// Adds a row. Answers false if there is no room for it: then all have to be taken first.
    pub(super) fn add(&mut self, row: &Row<'_>, hour: usize, time: i64, sums: &Sums) -> bool {
        let hash = self.fields.iter().fold(hour as u64, |hash, field| {
            let (place, content, _) = find(row, field);
            mixed(hash ^ place as u64, content)
        });
        let place = self.places.get(&hash).copied().filter(|place| self.is(*place, row, hour));
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(place)) {
            entry.sums.add(sums);
            entry.first = entry.first.min(time);
            entry.last = entry.last.max(time);
            return true;
        }
        if self.entries.len() >= MOST || self.bytes.len() >= MOST_BYTES {
            return false;
        }
        // Of others with the same hash, which somebody looked for, the last is found again.
        self.places.insert(hash, self.entries.len());
        for field in &self.fields {
            let (place, content, doubled) = find(row, field);
            let from = self.bytes.len();
            self.bytes.extend_from_slice(content);
            self.cells.push(Cell { place, from, to: self.bytes.len(), doubled });
        }
        self.entries.push(Entry { hour, sums: *sums, first: time, last: time });
        true
    }

    /// Whether a row belongs to an entry.
    fn is(&self, entry: usize, row: &Row<'_>, hour: usize) -> bool {
        let cells = self.cells.get(entry * self.fields.len()..).unwrap_or_default();
        self.entries.get(entry).is_some_and(|entry| entry.hour == hour)
            && self.fields.iter().zip(cells).all(|(field, cell)| {
                let (place, content, doubled) = find(row, field);
                place == cell.place
                    && doubled == cell.doubled
                    && self.bytes.get(cell.from..cell.to) == Some(content)
            })
    }

    /// Hands over all, in the order they came in, and keeps none.
    pub(super) fn take(&mut self, mut each: impl FnMut(&Alike<'_>)) {
        let Self { fields, cells, bytes, .. } = &*self;
        for (number, entry) in self.entries.iter().enumerate() {
            let cells = cells.get(number * fields.len()..(number + 1) * fields.len());
            let Entry { hour, sums, first, last } = *entry;
            each(&Alike { cells: cells.unwrap_or_default(), bytes, hour, sums, first, last });
        }
        self.places.clear();
        self.entries.clear();
        self.cells.clear();
        self.bytes.clear();
    }
}
