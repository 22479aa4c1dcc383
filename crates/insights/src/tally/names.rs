//! Counts by name and hour, of a bounded number of names.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use orgtap_ledger::{CompactString, Sums};
use xxhash_rust::xxh3::xxh3_64;

use crate::measure::BETWEEN;
use crate::text;

/// Bytes of a value that are kept, and by which it is known from others beside its hash.
const KEPT: usize = 256;

/// The counts of one dimension.
pub(super) struct Names {
    /// Places in `entries` by a hash of name and hour.
    places: HashMap<u64, usize, BuildHasherDefault<AsItIs>>,
    entries: Vec<Entry>,
    /// What there was no room for, by hour.
    others: BTreeMap<usize, Sums>,
    /// Entries at most.
    most: usize,
    /// The entry of the row before: the next one often says the same.
    last: usize,
}

struct Entry {
    hash: u64,
    hour: usize,
    length: usize,
    /// The first [`KEPT`] bytes.
    name: Box<[u8]>,
    sums: Sums,
}

impl Entry {
    fn is(&self, hour: usize, name: &[u8]) -> bool {
        self.hour == hour
            && self.length == name.len()
            && *self.name == *name.get(..KEPT).unwrap_or(name)
    }
}

/// A hash that is one already.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

impl Names {
    pub(super) fn new(most: usize) -> Self {
        let (places, entries) = (HashMap::default(), Vec::new());
        Self { places, entries, others: BTreeMap::new(), most, last: 0 }
    }

    /// Counts under a name.
    pub(super) fn add(&mut self, hour: usize, name: &[u8], sums: &Sums) {
        if name.len() <= KEPT
            && let Some(entry) = self.entries.get_mut(self.last)
            && entry.is(hour, name)
        {
            entry.sums.add(sums);
            return;
        }
        // The hours of a unit lie apart by an odd number, so that none falls on another.
        let hash = xxh3_64(name) ^ (hour as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some(place) = self.places.get(&hash) {
            match self.entries.get_mut(*place) {
                Some(entry) if entry.is(hour, name) => {
                    entry.sums.add(sums);
                    self.last = *place;
                }
                // Another name with the same hash: somebody looked for it.
                _ => self.others.entry(hour).or_default().add(sums),
            }
            return;
        }
        if self.entries.len() >= self.most {
            self.make_room();
        }
        self.last = self.entries.len();
        self.places.insert(hash, self.last);
        let kept = name.get(..KEPT).unwrap_or(name).into();
        self.entries.push(Entry { hash, hour, length: name.len(), name: kept, sums: *sums });
    }

    /// Moves the rarer half to the others.
    fn make_room(&mut self) {
        let half = self.entries.len() / 2;
        // The sort is stable: of names as frequent, those that came first stay.
        self.entries.sort_by_key(|entry| std::cmp::Reverse(entry.sums.events));
        for entry in self.entries.drain(half..) {
            self.others.entry(entry.hour).or_default().add(&entry.sums);
        }
        self.places.clear();
        let places = self.entries.iter().enumerate().map(|(place, entry)| (entry.hash, place));
        self.places.extend(places);
        self.last = 0;
    }

    /// Hour, name and counts, in this order; no name: the others.
    pub(super) fn finish(self) -> Vec<(usize, Option<CompactString>, Sums)> {
        // Names that differ only in what is not shown are one.
        let mut all: Vec<_> =
            self.others.into_iter().map(|(hour, sums)| (hour, None, sums)).collect();
        let entries = self.entries.into_iter();
        all.extend(entries.map(|entry| (entry.hour, Some(shown(&entry.name)), entry.sums)));
        all.sort_by(|(hour, name, _), (other, another, _)| (hour, name).cmp(&(other, another)));
        all.dedup_by(|(hour, name, sums), (before, same, all)| {
            let again = (&*hour, &*name) == (&*before, &*same);
            if again {
                all.add(sums);
            }
            again
        });
        all
    }
}

/// A name as it is shown. Its parts stay apart.
fn shown(name: &[u8]) -> CompactString {
    let mut shown = CompactString::default();
    for (turn, part) in name.split(|byte| *byte == BETWEEN as u8).enumerate() {
        if turn > 0 {
            shown.push(BETWEEN);
        }
        shown.push_str(&text::clean(part));
    }
    shown
}
