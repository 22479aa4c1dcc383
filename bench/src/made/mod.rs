//! Made-up event log files of any size: the same seed gives the same bytes.
//!
//! A file is a header and blocks of rows. Each block is made from the seed and its own number, so
//! that blocks are made and packed on all cores and still come out in order. Nothing here stands
//! for a real org; what matters is the shape: column count, quoting, lengths, how many sessions are
//! at work at once, and so how well it packs.

pub(crate) mod awkward;
mod caller;
mod chance;
mod clock;
mod file;
mod pack;
mod row;
mod words;

pub(crate) use file::{Job, Made, make};

use row::Rows;

/// Bytes of a block, about.
pub(crate) const BLOCK: u64 = 4 * 1024 * 1024;

/// To be raised with every change of what files look like: some are kept between runs.
pub(crate) const EDITION: u32 = 3;

/// What kind of values a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As orgs have them.
    Usual,
    /// A doubled quote in every cell.
    Hostile,
}

/// A file to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    /// Other seeds give other rows.
    pub(crate) seed: u64,
    /// What kind of values.
    pub(crate) kind: Kind,
    /// Bytes of CSV, about.
    pub(crate) bytes: u64,
    /// When its rows begin, seconds since 1970.
    pub(crate) begins: u64,
}

/// When rows begin if it does not matter: 2026-11-22.
pub(crate) const BEGINS: u64 = 1_795_305_600;

/// Rows, as they stand in the file.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// How many rows; the header is none.
    pub(crate) rows: u64,
}

impl Recipe {
    /// How many blocks the file has.
    pub(crate) fn blocks(&self) -> u64 {
        self.bytes.div_ceil(BLOCK).max(1)
    }

    /// Makes a block. The first begins with the header.
    pub(crate) fn block(&self, number: u64) -> Block {
        let end = self.bytes.saturating_sub(number * BLOCK).min(BLOCK) as usize;
        let mut bytes = Vec::with_capacity(end + 8 * 1024);
        if number == 0 {
            row::header(&mut bytes);
        }
        let mut rows = Rows::new(self, number);
        let mut count = 0;
        while bytes.len() < end || count == 0 {
            rows.write(&mut bytes);
            count += 1;
        }
        Block { bytes, rows: count }
    }

    /// The whole file in memory, for small ones.
    pub(crate) fn whole(&self) -> Block {
        let mut whole = Block::default();
        for number in 0..self.blocks() {
            let block = self.block(number);
            whole.bytes.extend_from_slice(&block.bytes);
            whole.rows += block.rows;
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn read_back(recipe: Recipe) -> (Block, Vec<csv::ByteRecord>) {
        let whole = recipe.whole();
        let mut reader = csv::Reader::from_reader(&whole.bytes[..]);
        assert_eq!(reader.byte_headers().unwrap().len(), row::COLUMNS.len());
        let records = reader.byte_records().collect::<Result<Vec<_>, _>>().unwrap();
        (whole, records)
    }

    #[test]
    fn a_csv_reader_finds_every_row_that_was_counted_and_no_two_alike() {
        let (whole, records) = read_back(Recipe {
            seed: 1,
            kind: Kind::Usual,
            bytes: BLOCK + 100_000,
            begins: BEGINS,
        });
        assert_eq!(records.len() as u64, whole.rows);
        let all: HashSet<_> = records.iter().map(csv::ByteRecord::as_slice).collect();
        assert_eq!(all.len(), records.len());
        let length = whole.bytes.len() / records.len();
        assert!((480..520).contains(&length), "{length}");
        let cells = records.len() * row::COLUMNS.len();
        let empty = records.iter().flatten().filter(|cell| cell.is_empty()).count();
        let share = empty as f64 / cells as f64;
        assert!((0.18..0.25).contains(&share), "{share}");
        for mark in [&b"\n"[..], b",", b"\"", "é".as_bytes()] {
            let rows = records
                .iter()
                .filter(|row| row.iter().any(|cell| memchr::memmem::find(cell, mark).is_some()))
                .count();
            assert!(rows * 500 > records.len(), "{mark:?} in {rows} rows");
        }
    }

    #[test]
    fn ids_vary_and_end_in_their_true_checksum() {
        let (_, records) =
            read_back(Recipe { seed: 1, kind: Kind::Usual, bytes: 1_000_000, begins: BEGINS });
        let place = |name| row::COLUMNS.iter().position(|one| *one == name).unwrap();
        let (user, long) = (place("USER_ID"), place("USER_ID_DERIVED"));
        let (uri, named) = (place("URI"), place("URI_ID_DERIVED"));
        let text = |cell: &[u8]| String::from_utf8(cell.to_vec()).unwrap();
        let mut ids = HashSet::new();
        for row in &records {
            let long = text(&row[long]);
            assert_eq!(orgtap_events::id::to_18(&text(&row[user])).unwrap(), long);
            ids.insert(long);
            let named = text(&row[named]);
            if named.is_empty() {
                continue;
            }
            assert!(text(&row[uri]).contains(&named), "{named}");
            assert_eq!(orgtap_events::id::to_18(&named[..15]).unwrap(), named);
            ids.insert(named);
        }
        assert!(ids.len() * 3 > records.len(), "{} of {}", ids.len(), records.len());
    }

    #[test]
    fn every_cell_of_a_hostile_file_has_a_quote() {
        let (_, records) =
            read_back(Recipe { seed: 1, kind: Kind::Hostile, bytes: 100_000, begins: BEGINS });
        assert!(records.iter().flatten().all(|cell| cell.contains(&b'"')));
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
        let recipe = |seed| Recipe { seed, kind: Kind::Usual, bytes: 50_000, begins: BEGINS };
        assert_eq!(recipe(3).whole().bytes, recipe(3).whole().bytes);
        assert_ne!(recipe(3).whole().bytes, recipe(4).whole().bytes);
    }

    #[test]
    fn a_file_is_as_large_as_was_asked_for_give_or_take_a_row_for_each_block() {
        let bytes = BLOCK * 2 + 5_000;
        let made =
            Recipe { seed: 1, kind: Kind::Usual, bytes, begins: BEGINS }.whole().bytes.len() as u64;
        assert!((bytes..bytes + 3 * 4_096).contains(&made), "{made}");
    }
}
