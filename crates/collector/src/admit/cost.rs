//! What admission costs beside the rest of the reading, in instructions as callgrind counts them.
//!
//! A lane's day: 24 hourly files, and then the daily one. Both ways read a file as the collector does,
//! twice: the first time to see that it is whole and to know its rows, the second time to make events.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use orgtap_codec::csv::{Item, Plain, Reader};
use orgtap_destinations::Limits;
use orgtap_events::{Interval, UnitInfo};
use tokio::sync::mpsc;

use super::decisions::{Decisions, Earlier, Rule, decide};
use super::hours::{Day, Hours};
use super::index::IndexReader;
use crate::cut::Cut;
use crate::decode::{Wanted, decode};
use crate::inspect::{Besides, header, inspect};

const TEST: &str = "admit::cost::a_file_is_read";
/// Which file is read, and how, of a process that is counted.
const CASE: &str = "ORGTAP_TEST_COST";
/// Rows in an hour: more than a lane has that is kept in memory.
const ROWS: u64 = 500;
const HOURS: u64 = 24;
const LIMITS: Limits = Limits { events: 10_000, bytes: 1024 * 1024 };

/// What may be read.
const HOUR: &str = "the last hourly file";
const DAILY: &str = "the daily file";
/// How: admitting, or plainly.
const ADMITTED: &str = "admitted";
const PLAIN: &str = "plain";

/// A file of the hours from one to another, packed as the org packs it.
fn file(from: u64, to: u64) -> (Vec<u8>, u64) {
    let mut csv = String::from("EVENT_TYPE,TIMESTAMP,TIMESTAMP_DERIVED,REQUEST_ID");
    for column in 0..20 {
        csv.push_str(&format!(",COLUMN_{column}"));
    }
    csv.push('\n');
    for number in from * ROWS..to * ROWS {
        let (hour, mut random) = (number / ROWS, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let time = format!("2026-11-22T{hour:02}:{:02}:11.000Z", number % 60);
        csv.push_str(&format!("\"API\",\"20261122\",\"{time}\",\"{random:016x}\""));
        for column in 0..20 {
            random = random.rotate_left(7) ^ column;
            match column % 4 {
                0 => csv.push_str(",\"\""),
                1 => csv.push_str(&format!(",\"{}\"", random % 100_000)),
                2 => csv.push_str(&format!(",\"/services/data/v{}/query\"", random % 60)),
                _ => csv.push_str(&format!(",\"005{:015}\"", random % 1_000)),
            }
        }
        csv.push('\n');
    }
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    packer.write_all(csv.as_bytes()).unwrap();
    (packer.finish().unwrap(), csv.len() as u64)
}

fn unit(length: u64) -> Arc<UnitInfo> {
    Arc::new(UnitInfo {
        event_type: "API".into(),
        interval: Interval::Daily,
        sequence: 0,
        log_date: "2026-11-22T00:00:00Z".parse().unwrap(),
        created_date: "2026-11-23T00:00:00Z".parse().unwrap(),
        length,
        ..crate::sample::unit()
    })
}

/// The second reading. Answers how many events came of it.
fn events(bytes: &[u8], unit: &Arc<UnitInfo>, decisions: Decisions) -> usize {
    let (sender, mut cuts) = mpsc::channel::<Cut>(1_000);
    let mut bytes = Plain(MultiGzDecoder::new(bytes));
    decode(&mut bytes, None, decisions, unit, Wanted::default(), LIMITS, &sender).unwrap();
    drop(sender);
    std::iter::from_fn(|| cuts.blocking_recv()).map(|cut| cut.batch.events.len()).sum()
}

/// Reads a file as if there were no admission.
#[inline(never)]
fn read_plainly(bytes: &[u8], unit: &Arc<UnitInfo>) -> usize {
    let mut reader = Reader::new(MultiGzDecoder::new(bytes));
    let mut plan = None;
    let (day, mut hours, mut content) = (Day::of(unit), Hours::default(), 0_u128);
    while let Some(item) = reader.next_item().unwrap() {
        let Some(plan) = &mut plan else {
            plan = Some(header(&item, unit).unwrap());
            continue;
        };
        let Item::Row(row) = item else { panic!("no row") };
        content = content.rotate_left(61) ^ plan.hash(&row);
        hours.of(day.hour(plan.when(&row).at)).rows += 1;
    }
    std::hint::black_box((content, hours));
    events(bytes, unit, Decisions::none())
}

/// Reads a file as the collector does, and admits it beside the lane's earlier ones.
#[inline(never)]
fn read_admitting(
    bytes: &[u8],
    unit: &Arc<UnitInfo>,
    scratch: &Path,
    earlier: &[PathBuf],
    rule: Rule,
) -> usize {
    let index = index(bytes, unit, scratch, "own");
    let record = scratch.join("admit");
    let hourly = earlier.iter().map(|path| IndexReader::open(path).unwrap()).collect();
    let mut earlier = Earlier { hourly, daily: Vec::new() };
    let own = IndexReader::open(&index).unwrap();
    let decided = decide(&record, scratch, own, &mut earlier, rule).unwrap();
    let decisions = match decided.exceptions {
        0 => Decisions::none(),
        exceptions => Decisions::open(&record, exceptions).unwrap(),
    };
    events(bytes, unit, decisions)
}

fn index(bytes: &[u8], unit: &UnitInfo, scratch: &Path, name: &str) -> PathBuf {
    let path = scratch.join(name);
    let mut bytes = Plain(MultiGzDecoder::new(bytes));
    inspect(&mut bytes, unit, u64::MAX, &path, scratch, Besides::default()).unwrap();
    path
}

#[test]
#[ignore = "it is run by the test that counts its instructions"]
fn a_file_is_read() {
    let case = std::env::var(CASE).unwrap();
    let (what, how) = case.split_once('/').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let before = if what == DAILY { HOURS } else { HOURS - 1 };
    let ((bytes, length), rule, rows) = match what {
        DAILY => (file(0, HOURS), Rule::Count, 0),
        _ => (file(HOURS - 1, HOURS), Rule::Admit, ROWS as usize),
    };
    let unit = unit(length);
    let earlier = (0..before).map(|hour| {
        let (bytes, length) = file(hour, hour + 1);
        index(&bytes, &self::unit(length), folder.path(), &format!("{hour}"))
    });
    // In both cases, so that the allocator is as used.
    let earlier: Vec<PathBuf> = earlier.collect();
    if how == PLAIN {
        assert!(read_plainly(&bytes, &unit) >= rows);
        return;
    }
    assert_eq!(read_admitting(&bytes, &unit, folder.path(), &earlier, rule), rows);
}

/// Instructions of a way to read a file.
fn count(what: &str, how: &str, scratch: &Path) -> u64 {
    let out = scratch.join("callgrind");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--cache-sim=no", "--collect-atstart=no"])
        .arg("--toggle-collect=*admit::cost::read_*")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--ignored", "--test-threads=1"])
        .env(CASE, format!("{what}/{how}"))
        .output()
        .expect("valgrind is needed: `cargo x setup` installs it");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let profile = fs::read_to_string(&out).unwrap();
    let mut lines = profile.lines();
    let total = lines
        .find_map(|line| line.strip_prefix("summary:").or_else(|| line.strip_prefix("totals:")));
    let total: u64 = total.unwrap().trim().parse().unwrap();
    assert!(total > 1_000_000, "callgrind did not find the function");
    total
}

#[test]
#[ignore = "of an optimised build alone the counts say something; see docs/performance.md"]
fn admission_takes_at_most_a_fifth_more_instructions() {
    let scratch = tempfile::tempdir().unwrap();
    for what in [HOUR, DAILY] {
        let [plain, admitted] = [PLAIN, ADMITTED].map(|how| count(what, how, scratch.path()));
        let more = admitted as f64 / plain as f64 - 1.0;
        println!(
            "{what}: {plain} instructions plainly, {admitted} admitted: {:+.1} %",
            100.0 * more
        );
        assert!(more <= 0.2, "{what}: {plain} plainly, {admitted} admitted");
    }
}
