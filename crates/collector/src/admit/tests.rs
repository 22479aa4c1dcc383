//! Admission against a slow model that keeps everything in maps.

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_128;

use super::decisions::{Decisions, Earlier, Rule, decide};
use super::index::{Entry, IndexReader, Place, write};
use super::lane::LaneRows;
use super::sort::Sorter;

/// An index of these rows; of hashes next to one another some are in either half.
pub(super) fn index(folder: &Path, name: &str, hashes: &[u128]) -> IndexReader {
    let mut sorter = Sorter::with_limit(folder.to_owned(), 5);
    for (row, hash) in hashes.iter().enumerate() {
        let place = Place::new((hash % 25) as u8, row as u64);
        sorter.push(Entry::new(hash.rotate_right(2), place)).unwrap();
    }
    let path = folder.join(name);
    write(&path, sorter.sorted()).unwrap();
    IndexReader::open(&path).unwrap()
}

/// For each row its number among identical ones, or none when some earlier unit has it.
fn model(units: &[Vec<u128>]) -> Vec<Vec<Option<u64>>> {
    let mut known: HashMap<u128, u64> = HashMap::new();
    let mut all = Vec::new();
    for unit in units {
        let mut counts: HashMap<u128, u64> = HashMap::new();
        let mut numbers = Vec::new();
        for hash in unit {
            let nth = counts.entry(*hash).or_default();
            *nth += 1;
            numbers.push((*nth > known.get(hash).copied().unwrap_or(0)).then_some(*nth));
        }
        for (hash, count) in counts {
            let most = known.entry(hash).or_default();
            *most = (*most).max(count);
        }
        all.push(numbers);
    }
    all
}

proptest! {
    #[test]
    fn decides_like_the_model(
        units in prop::collection::vec(prop::collection::vec(0_u128..12, 0..40), 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        for (turn, expected) in model(&units).iter().enumerate() {
            let hourly: Vec<_> = units[..turn]
                .iter()
                .enumerate()
                .map(|(at, unit)| index(folder.path(), &format!("e{at}"), unit))
                .collect();
            let this = index(folder.path(), "this", &units[turn]);
            let path = folder.path().join("decisions");
            let mut earlier = Earlier { hourly, daily: Vec::new() };
            let decided = decide(&path, folder.path(), this, &mut earlier, Rule::Admit).unwrap();
            let mut rows = LaneRows::default();
            for (at, unit) in units[..turn].iter().enumerate() {
                rows.add(at as i64, true, index(folder.path(), "again", unit)).unwrap();
            }
            let this = index(folder.path(), "this", &units[turn]);
            let other = folder.path().join("from memory");
            let again = decide(&other, folder.path(), this, &mut rows, Rule::Admit).unwrap();
            prop_assert_eq!(decided, again);
            if decided.exceptions > 0 {
                prop_assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&other).unwrap());
            }
            let mut decisions = if decided.exceptions == 0 {
                Decisions::none()
            } else {
                Decisions::open(&path, decided.exceptions).unwrap()
            };
            let found: Vec<_> =
                (0..units[turn].len()).map(|row| decisions.nth(row as u64).unwrap()).collect();
            prop_assert_eq!(&found, expected);
            prop_assert_eq!(decided.admitted(), found.iter().flatten().count() as u64);
            prop_assert_eq!(decided.repeats() + decided.admitted(), found.len() as u64);
        }
    }
}

proptest! {
    #[test]
    fn a_daily_units_rows_are_counted_by_hour_and_withheld_when_told(
        hourly in prop::collection::vec(0_u128..12, 0..40),
        daily in prop::collection::vec(0_u128..12, 0..40),
        unit in prop::collection::vec(0_u128..12, 0..40),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let count = |rows: &[u128], hash: u128| rows.iter().filter(|row| **row == hash).count() as u64;
        for rule in [Rule::Count, Rule::Withhold] {
            let mut earlier = Earlier {
                hourly: vec![index(folder.path(), "h", &hourly)],
                daily: vec![index(folder.path(), "d", &daily)],
            };
            let this = index(folder.path(), "this", &unit);
            let path = folder.path().join("decisions");
            let mut decided = decide(&path, folder.path(), this, &mut earlier, rule).unwrap();
            prop_assert_eq!(decided.rows(), unit.len() as u64);
            for hash in 0..12 {
                let (rows, hours, days) = (count(&unit, hash), count(&hourly, hash), count(&daily, hash));
                let counts = *decided.hours.of(hash as u8);
                prop_assert_eq!(counts.rows, rows);
                prop_assert_eq!(counts.missing, rows.saturating_sub(hours));
                prop_assert_eq!(counts.repeats, rows.min(hours.max(days)));
                let new = rows - counts.repeats;
                prop_assert_eq!(counts.admitted, if rule == Rule::Count { new } else { 0 });
            }
            if decided.exceptions > 0 && rule == Rule::Withhold {
                let mut decisions = Decisions::open(&path, decided.exceptions).unwrap();
                for row in 0..unit.len() {
                    prop_assert_eq!(decisions.nth(row as u64).unwrap(), None);
                }
            }
        }
    }
}

#[test]
fn an_index_of_many_rows_holds_each_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many");
    let mut sorter = Sorter::with_limit(folder.path().to_owned(), 4_096);
    // So many that both halves are written at once; every tenth like one before it.
    let mut expected: Vec<_> = (0..200_000_u64)
        .map(|row| {
            let said = if row % 10 == 9 { row - 9 } else { row };
            Entry::new(xxh3_128(&said.to_be_bytes()), Place::new(0, row))
        })
        .collect();
    for entry in &expected {
        sorter.push(*entry).unwrap();
    }
    assert_eq!(write(&path, sorter.sorted()).unwrap(), 20_000);
    expected.sort_unstable();
    let mut reader = IndexReader::open(&path).unwrap();
    for entry in expected {
        assert_eq!(reader.head(), Some(entry));
        reader.advance().unwrap();
    }
    assert_eq!(reader.head(), None);
}

#[test]
fn a_damaged_index_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(index(folder.path(), "i", &[1, 2, 3, 4]));
    let path = folder.path().join("i");
    let good = std::fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, bad).unwrap();
        let read = IndexReader::open(&path).and_then(|mut reader| reader.count_of(u128::MAX));
        assert!(read.is_err(), "a flipped bit at {at}");
    }
    std::fs::write(&path, &good[..good.len() - 24]).unwrap();
    let read = IndexReader::open(&path).and_then(|mut reader| reader.count_of(u128::MAX));
    assert!(read.is_err(), "a cut file");
}
