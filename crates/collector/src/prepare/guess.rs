//! What is taken for granted of a unit before it is admitted: every row is new, and those that are
//! alike lie close together.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use crate::admit::decisions::{Decided, Exception};
use crate::admit::sort::Record as _;

/// Rows among which identical ones are noticed: about those seen last.
const SEEN: usize = 4 * 1024;
/// Rows there are several of, at most: a unit with more is better read twice.
const SEVERAL: usize = 4 * 1024;

/// The guess, as it grows with the unit's rows.
pub(crate) struct Guess {
    /// Parts of the hashes of the last rows. A row pushes out another whose hash begins alike.
    seen: Vec<u64>,
    /// How many there are of rows that there are several of.
    several: HashMap<u64, u32>,
    /// Rows whose number is not 1.
    exceptions: u64,
    /// The admission record that these should make.
    record: Xxh3,
}

impl Default for Guess {
    fn default() -> Self {
        let (several, record) = (HashMap::new(), Xxh3::new());
        Self { seen: vec![0; SEEN], several, exceptions: 0, record }
    }
}

impl Guess {
    /// The number of the next row, which has this hash, among those like it.
    pub(super) fn nth(&mut self, hash: u128, row: u64) -> u32 {
        let part = hash as u64;
        let place = (hash >> 64) as usize % SEEN;
        let Some(last) = self.seen.get_mut(place) else { return 1 };
        if *last != part {
            *last = part;
            return 1;
        }
        let nth = self.several.entry(part).or_insert(1);
        *nth = nth.saturating_add(1);
        let exception: Exception = (row, *nth);
        self.exceptions += 1;
        self.record.update(&exception.bytes());
        *nth
    }

    /// Whether it takes more memory than it is worth.
    pub(super) fn is_hopeless(&self) -> bool {
        self.several.len() > SEVERAL
    }

    /// Whether the unit was admitted so. `record` is where its admission record is, if it has one.
    pub(super) fn agrees(&self, decided: &Decided, record: &Path) -> io::Result<bool> {
        if decided.admitted() != decided.rows() || decided.exceptions != self.exceptions {
            return Ok(false);
        }
        if decided.exceptions == 0 {
            return Ok(true);
        }
        let (mut file, mut found, mut block) =
            (File::open(record)?, Xxh3::new(), vec![0; 16 * 1024]);
        loop {
            match file.read(&mut block)? {
                0 => return Ok(found.digest() == self.record.digest()),
                count => found.update(block.get(..count).unwrap_or_default()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::decisions::{Earlier, Rule, decide};
    use crate::admit::index::{self, Entry, IndexReader, Place};
    use crate::admit::sort::Sorter;

    /// Whether what is guessed of rows with these hashes is what is decided of them, after a unit
    /// with those.
    fn agrees(rows: &[u128], earlier: &[u128]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let index = |name: &str, rows: &[u128]| {
            let mut sorter: Sorter<Entry> = Sorter::new(folder.path().to_owned());
            for (number, hash) in rows.iter().enumerate() {
                sorter.push(Entry::new(*hash, Place::new(0, number as u64))).unwrap();
            }
            let path = folder.path().join(name);
            index::write(&path, sorter.sorted()).unwrap();
            IndexReader::open(&path).unwrap()
        };
        let mut others = Earlier::default();
        if !earlier.is_empty() {
            others.hourly.push(index("earlier", earlier));
        }
        let record = folder.path().join("record");
        let decided =
            decide(&record, folder.path(), index("unit", rows), &mut others, Rule::Admit).unwrap();
        let mut guess = Guess::default();
        let numbers: Vec<u64> = (0..).take(rows.len()).collect();
        for (hash, number) in rows.iter().zip(numbers) {
            guess.nth(*hash, number);
        }
        guess.agrees(&decided, &record).unwrap()
    }

    fn hash(of: u64) -> u128 {
        xxhash_rust::xxh3::xxh3_128(&of.to_le_bytes())
    }

    #[test]
    fn rows_that_are_all_new_are_admitted_as_guessed_and_so_are_doubles_close_together() {
        let rows: Vec<u128> = (0..20_000).map(hash).collect();
        assert!(agrees(&rows, &[]));
        let doubled: Vec<u128> = (0..6_000).map(|row| hash(row / 3)).collect();
        assert!(agrees(&doubled, &[]));
    }

    #[test]
    fn a_double_far_away_and_a_row_delivered_before_are_noticed() {
        let mut rows: Vec<u128> = (0..100_000).map(hash).collect();
        rows.push(hash(0));
        assert!(!agrees(&rows, &[]));
        assert!(!agrees(&[hash(1), hash(2)], &[hash(2)]));
    }
}
