//! The world's files, read the way a stranger would: with the `csv` crate, and held against the
//! truth.

mod delivery;
mod rows;
mod truth;

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{LogFile, World, WorldConfig};

/// A row's identity: the columns it has a value for.
type Row = BTreeMap<String, String>;

/// A Monday.
const START: &str = "2026-11-02T00:00:00Z";

/// A small awkward world.
fn config(seed: u64, days: u32) -> WorldConfig {
    WorldConfig {
        seed,
        start: START.parse().unwrap(),
        days,
        users: 40,
        volume: 0.3,
        hourly: true,
        event_types: Vec::new(),
        awkward: true,
    }
}

/// So many hours after the world's start.
fn after(hours: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

/// When nothing more comes of a world of so many days.
fn end(days: u32) -> Timestamp {
    after(i64::from(days) * 24 + 120)
}

/// Header and rows of a file.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<Row>) {
    let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            assert_eq!(record.len(), header.len());
            let pairs = header.iter().cloned().zip(record.iter().map(str::to_owned));
            pairs.filter(|(_, value)| !value.is_empty()).collect()
        })
        .collect();
    (header, rows)
}

/// How often each row is there.
fn counted(rows: impl IntoIterator<Item = Row>) -> HashMap<Row, usize> {
    let mut counts = HashMap::new();
    for row in rows {
        *counts.entry(row).or_default() += 1;
    }
    counts
}

/// All rows of a world's daily files in the end, by type.
fn everything(world: &World) -> HashMap<String, Vec<Row>> {
    let mut rows: HashMap<String, Vec<Row>> = HashMap::new();
    for file in world.files(end(world.config().days)).iter().filter(|file| !file.hourly) {
        rows.entry(file.event_type.clone()).or_default().extend(read(&world.content(file)).1);
    }
    rows
}

/// Every version of every file there ever is.
fn versions(world: &World) -> Vec<LogFile> {
    let days = i64::from(world.config().days);
    let mut seen = Vec::new();
    for hours in 0..days * 24 + 120 {
        for file in world.files(after(hours)).iter() {
            if file.created_date > after(hours - 1) {
                seen.push(file.clone());
            }
        }
    }
    seen
}
