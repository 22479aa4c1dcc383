//! The targets over the committed seeds and changed copies of them: fuzzing without coverage, the
//! same in every run.

use std::fs;
use std::path::{Path, PathBuf};

use orgtap_fuzz::{TARGETS, Target};

/// Changed copies made of each target's seeds.
const COPIES: u64 = 20_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A target's seeds in the order of their names.
fn seeds(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder("seeds").join(name))
        .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
        .unwrap_or_default();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).expect("a seed"))).collect()
}

/// A generator of numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

/// Changes the bytes in one place: flips, replaces, inserts, removes, repeats, or takes a piece
/// of another seed.
fn change(data: &mut Vec<u8>, other: &[u8], numbers: &mut Numbers) {
    const TELLING: &[u8] = b"\"\\,\n\r\0 :{}[]-+.0\x1e\x1f\xef\xbb\xbf\xff";
    let at = numbers.below(data.len() + 1);
    let end = (at + 1 + numbers.below(12)).min(data.len());
    match numbers.below(6) {
        0 if at < data.len() => data[at] ^= 1 << numbers.below(8),
        1 if at < data.len() => data[at] = TELLING[numbers.below(TELLING.len())],
        2 => data.insert(at, TELLING[numbers.below(TELLING.len())]),
        3 => drop(data.drain(at.min(end)..end)),
        4 => {
            let piece = data[at.min(end)..end].to_vec();
            data.splice(at..at, piece);
        }
        _ => {
            let from = numbers.below(other.len() + 1);
            let to = (from + numbers.below(40)).min(other.len());
            data.splice(at..at, other[from..to].iter().copied());
        }
    }
}

fn replay(name: &str, target: Target) {
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{name} has no seeds");
    for (path, seed) in &seeds {
        println!("{}", path.display()); // Shown when the target fails on it.
        target(seed);
    }
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for copy in 0..COPIES {
        let mut data = seeds[numbers.below(seeds.len())].1.clone();
        let other = &seeds[numbers.below(seeds.len())].1;
        for _ in 0..=numbers.below(6) {
            change(&mut data, other, &mut numbers);
        }
        let shown = String::from_utf8_lossy(&data).escape_debug().to_string();
        let result = std::panic::catch_unwind(|| target(&data));
        assert!(result.is_ok(), "{name} fails on copy {copy}: \"{shown}\"");
    }
}

#[test]
fn every_target_has_seeds_and_a_program() {
    let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    for folder in [folder("seeds"), folder("targets")] {
        let mut found: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        assert_eq!(found, names);
    }
    let manifest = include_str!("../Cargo.toml");
    assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    for name in names {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
    }
}

/// A test for each target, so that they run side by side and fail by name.
macro_rules! replayed {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name), orgtap_fuzz::$name);
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

replayed! { configuration csv_reader ids json_escape raw_event soql_results times }
