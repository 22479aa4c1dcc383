//! Admission against a slow model that keeps everything in maps.

use std::collections::HashMap;
use std::path::Path;

use proptest::prelude::*;

use super::decisions::{Decisions, decide};
use super::index::{IndexReader, write};
use super::sort::Sorter;

fn index(folder: &Path, name: &str, hashes: &[u128]) -> IndexReader {
    let mut sorter = Sorter::with_limit(folder.to_owned(), 5);
    for (row, hash) in hashes.iter().enumerate() {
        sorter.push((*hash, row as u64)).unwrap();
    }
    let path = folder.join(name);
    write(&path, sorter.sorted().unwrap()).unwrap();
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
            let mut earlier: Vec<_> = units[..turn]
                .iter()
                .enumerate()
                .map(|(at, unit)| index(folder.path(), &format!("e{at}"), unit))
                .collect();
            let this = index(folder.path(), "this", &units[turn]);
            let path = folder.path().join("decisions");
            let decided = decide(&path, folder.path(), this, &mut earlier).unwrap();
            let mut decisions = if decided.exceptions == 0 {
                Decisions::none()
            } else {
                Decisions::open(&path, decided.exceptions).unwrap()
            };
            let found: Vec<_> =
                (0..units[turn].len()).map(|row| decisions.nth(row as u64).unwrap()).collect();
            prop_assert_eq!(&found, expected);
            prop_assert_eq!(decided.admitted, found.iter().flatten().count() as u64);
            prop_assert_eq!(decided.repeats + decided.admitted, found.len() as u64);
        }
    }
}

#[test]
fn a_damaged_index_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    drop(index(folder.path(), "i", &[1, 2, 3, 4]));
    let path = folder.path().join("i");
    let good = std::fs::read(&path).unwrap();
    for at in [0, 20, 40, good.len() - 1] {
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
