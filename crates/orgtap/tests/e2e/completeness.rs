//! Hourly and daily copies of the same rows, and the record of what is complete.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use orgtap_simorg::world::{Interval, WorldConfig};
use orgtap_simorg::{ClockConfig, Fault, Rule, When, preset};

use serde_json::Value;

use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Ran, Scene, first_day, recent_world, small_world, world};

/// Collects with these settings of the log files.
fn configure(scene: &Scene, files: &str) {
    scene.configure(&format!("  event_log_files: {{ {files} }}\n"), FILES);
}

#[test]
fn rows_that_only_the_daily_files_have_are_delivered_once() {
    let scene = Scene::new(world(21, 2, 0.4));
    configure(&scene, "interval: auto");
    let ran = scene.run(&["collect", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene.compare(Interval::Both);
    let (hourly, both) = (scene.difference(Interval::Hourly), scene.difference(Interval::Both));
    assert!(hourly.rows < both.rows, "the hourly files lack nothing in this world");
    let record = record(&scene);
    let hours = hours(&record);
    let open = hours.iter().find(|(_, _, hour)| hour["state"] != "complete");
    assert!(open.is_none(), "{open:?}");
    let late: u64 = hours.iter().map(|(_, _, hour)| hour["late"].as_u64().unwrap()).sum();
    assert_eq!(late, (both.rows - hourly.rows) as u64);
    let delivered: u64 =
        hours.iter().map(|(_, _, hour)| hour["delivered"]["files"].as_u64().unwrap()).sum();
    let outside: u64 = record["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["outside"].as_u64().unwrap())
        .sum();
    assert_eq!(delivered + outside, scene.delivered().uids.len() as u64);
    let ran = completeness(&scene, &["--until", "2026-10-06"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("everything up to 2026-10-06T00:00 is delivered"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
}

#[test]
fn rows_that_only_the_daily_files_have_are_counted_where_only_a_report_is_wanted() {
    let scene = Scene::new(world(21, 2, 0.4));
    configure(&scene, "interval: both, reconcile: report");
    scene.collect_all();
    // Types without hourly files have no other copy.
    let found = scene.difference(Interval::Hourly);
    assert!(found.lost.is_empty() && found.doubled_uids == 0);
    let missing = scene.difference(Interval::Both).lost;
    assert!(!missing.is_empty());
}

#[test]
fn a_missing_hour_is_a_gap_exactly_there() {
    let mut quiet = world(25, 2, 0.3);
    quiet.awkward = false;
    let scene = Scene::with(quiet, |sim| {
        sim.faults = vec![(Fault::Vanish, Rule::new(When::Rate(0.02)))];
    });
    configure(&scene, "interval: hourly");
    assert_eq!(scene.run(&["collect"]).code, Some(3));
    let record = record(&scene);
    let mut gaps = BTreeSet::new();
    for (event_type, hour, found) in hours(&record) {
        if found["state"] == "complete" {
            continue;
        }
        assert_eq!((&found["state"], &found["inferred"]), (&"gap".into(), &false.into()));
        assert!(found["reason"].as_str().unwrap().contains("gone"), "{found}");
        assert!(found["remedy"].is_string());
        gaps.insert((event_type, hour));
    }
    let lost: BTreeSet<_> = scene
        .difference(Interval::Hourly)
        .lost
        .into_iter()
        .map(|((event_type, _), row)| {
            let time =
                row.split("\"TIMESTAMP_DERIVED\": \"").nth(1).expect("every row has its time");
            (event_type, time[..13].to_owned())
        })
        .collect();
    assert!(!lost.is_empty());
    assert_eq!(gaps, lost);
    let ran = completeness(&scene, &["--until", "2026-10-07"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    assert!(ran.stdout.contains(" with gaps") && ran.stdout.contains("remedy"), "{}", ran.stdout);
}

#[test]
fn status_counts_the_gaps_that_the_record_has() {
    let scene = Scene::with(WorldConfig { awkward: false, ..recent_world(27, 2, 0.3) }, |sim| {
        sim.faults = vec![(Fault::Vanish, Rule::new(When::Rate(0.02)))];
    });
    configure(&scene, "interval: hourly");
    assert_eq!(scene.run(&["collect"]).code, Some(3));
    let from = scene.org.world().config().start.to_string();
    let ran = scene.run(&["completeness", "acme", "--from", &from, "--json", "--by", "hour"]);
    let record = &ran.json()["connectors"][0];
    let hours = hours(record);
    let gaps: Vec<_> = hours.iter().filter(|(_, _, hour)| hour["state"] == "gap").collect();
    let types: BTreeSet<_> = gaps.iter().map(|(event_type, ..)| event_type).collect();
    let status = scene.run(&["status", "--json"]).json();
    let told = &status["connectors"][0]["gaps"];
    assert!(!gaps.is_empty());
    assert_eq!(told["hours"], gaps.len());
    assert_eq!(told["event_types"], types.len());
    let first = gaps.iter().map(|(_, hour, _)| hour).min().unwrap();
    assert!(told["oldest"].as_str().unwrap().starts_with(first), "{told}");
    let text = scene.run(&["status"]).stdout;
    assert!(
        text.contains(&format!("{} hours of {} event types", gaps.len(), types.len())),
        "{text}"
    );
    // What is not collected any longer has no gaps.
    let left = types.first().unwrap();
    let fewer = gaps.iter().filter(|(event_type, ..)| event_type != *left).count();
    configure(&scene, &format!("interval: hourly, event_types: [\"*\", \"!{left}\"]"));
    scene.run(&["collect"]);
    let status = scene.run(&["status", "--json"]).json();
    assert_eq!(status["connectors"][0]["gaps"]["hours"], fewer);
}

#[test]
fn a_running_orgtap_counts_gaps_once_what_came_is_dealt_with() {
    let scene = Scene::with(WorldConfig { awkward: false, ..recent_world(28, 2, 0.3) }, |sim| {
        sim.faults = vec![(Fault::Vanish, Rule::new(When::Rate(0.02)))];
    });
    configure(&scene, "interval: hourly");
    scene.reword("  event_log_files:", "  poll_interval: 1s\n  event_log_files:");
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    let from = scene.org.world().config().start.to_string();
    wait_until("status has the gaps that the record has when all is dealt with", || {
        let ran = scene.run(&["status", "--json"]);
        if ran.code != Some(0) {
            // Nothing was collected yet.
            return false;
        }
        let told = &ran.json()["connectors"][0];
        let under_way =
            ["listed", "fetched", "admitted"].map(|state| told["units"][state].as_i64());
        if told["lost"].as_i64() == Some(0) || under_way.iter().any(|units| *units > Some(0)) {
            return false;
        }
        let record = scene.run(&["completeness", "--from", &from, "--json", "--by", "hour"]).json();
        let hours = hours(&record["connectors"][0]);
        let gaps = hours.iter().filter(|(_, _, hour)| hour["state"] == "gap").count();
        assert!(gaps > 0);
        told["gaps"]["hours"] == gaps
    });
    daemon.stop();
}

#[test]
fn what_is_still_to_come_is_told_from_what_is_missing() {
    let scene = Scene::with(world(26, 1, 0.3), |sim| {
        let evening = first_day() + SignedDuration::from_hours(20);
        sim.clock = orgtap_simorg::ClockConfig::standing(evening);
    });
    configure(&scene, "interval: both");
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    // No daily file of any type is known yet, so that hourly ones are all there is.
    assert_eq!(completeness(&scene, &["--until", "2026-10-05T10:00:00Z"]).code, Some(0));
    // The next files were not asked for yet.
    assert_eq!(completeness(&scene, &["--until", "2026-10-05T20:00:00Z"]).code, Some(4));
    scene.org.clock().advance(SignedDuration::from_hours(96)).unwrap();
    scene.collect_all();
    assert_eq!(completeness(&scene, &["--until", "2026-10-06"]).code, Some(0));
    assert_eq!(completeness(&scene, &["--until", "yesterday"]).code, Some(2));
}

#[test]
fn a_day_is_not_said_to_be_delivered_before_its_daily_files_can_have_come() {
    let scene = Scene::with(world(26, 3, 0.3), |sim| {
        let evening = first_day() + SignedDuration::from_hours(20);
        sim.clock = orgtap_simorg::ClockConfig::standing(evening);
    });
    configure(&scene, "interval: daily");
    let on_the_first = |code| {
        assert_eq!(scene.run(&["collect"]).code, Some(0));
        let ran = completeness(&scene, &["--until", "2026-10-05T10:00:00Z"]);
        assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    };
    // Nothing was ever listed.
    on_the_first(4);
    scene.org.clock().advance(SignedDuration::from_hours(11)).unwrap();
    on_the_first(0);
    // And of the second day nothing has come yet.
    let second = ["--until", "2026-10-06T06:00:00Z"];
    scene.org.clock().advance(SignedDuration::from_hours(15)).unwrap();
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    let ran = completeness(&scene, &second);
    assert_eq!(ran.code, Some(4), "{}", ran.stdout);
    assert!(ran.stdout.contains("cannot be known yet"), "{}", ran.stdout);
    scene.org.clock().advance(SignedDuration::from_hours(10)).unwrap();
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_eq!(completeness(&scene, &second).code, Some(0));
}

#[test]
fn hourly_files_that_come_after_the_daily_one_bring_nothing_twice() {
    let scene = Scene::new(world(22, 1, 0.3));
    configure(&scene, "interval: daily");
    scene.collect_all();
    scene.compare(Interval::Daily);
    configure(&scene, "interval: auto");
    scene.collect_all();
    scene.compare(Interval::Both);
}

#[test]
fn bad_days_lose_and_double_nothing_with_both_copies() {
    let scene = Scene::with(world(23, 3, 0.3), |sim| {
        sim.faults = preset("bad-week").unwrap();
    });
    configure(&scene, "interval: both");
    scene.collect_all();
    scene.compare(Interval::Both);
}

#[test]
fn copies_that_each_lack_some_rows_are_not_disputed_for_it() {
    // Hours after the last day, hourly files still lack rows, and so do the first daily files.
    let world = WorldConfig { users: 8, ..world(8, 2, 1.0) };
    let hours_later = world.start + SignedDuration::from_hours(2 * 24 + 4);
    let scene = Scene::with(world, |sim| sim.clock = ClockConfig::standing(hours_later));
    configure(&scene, "interval: auto");
    let ran = scene.run(&["--log", "warn", "collect", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("OT-UNIT-07"), "{}", ran.stderr);
    scene.compare(Interval::Both);
}

/// Asks for the record from the world's first day on, as of the org's time.
fn completeness(scene: &Scene, more: &[&str]) -> Ran {
    let (from, at) = (first_day().to_string(), scene.org.clock().now().to_string());
    let args = ["completeness", "acme", "--from", &from, "--at", &at];
    scene.run(&[&args, more].concat())
}

/// The record by hour.
pub(crate) fn record(scene: &Scene) -> Value {
    completeness(scene, &["--json", "--by", "hour"]).json()["connectors"][0].clone()
}

/// All hours of a record: event type, hour to thirteen letters, and what is said of it.
pub(crate) fn hours(record: &Value) -> Vec<(String, String, &Value)> {
    let types = record["types"].as_array().unwrap();
    let hours = types.iter().flat_map(|one| {
        let event_type = one["event_type"].as_str().unwrap();
        let hours = one["hours"].as_array().unwrap().iter();
        hours.map(move |hour| {
            (event_type.to_owned(), hour["hour"].as_str().unwrap()[..13].to_owned(), hour)
        })
    });
    hours.collect()
}

/// An org whose daily files write numbers with a decimal.
fn other_decimals() -> Scene {
    let scene = Scene::with(small_world(24), |sim| {
        sim.faults = vec![(Fault::OtherDecimals, Rule::new(When::Always))];
    });
    configure(&scene, "interval: auto");
    let ran = scene.run(&["--log", "warn", "collect", "--json"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.json()["connectors"][0]["disputed"], 1);
    let example = ["OT-UNIT-07", "differ in", "RUN_TIME"];
    assert!(example.iter().all(|word| ran.stderr.contains(word)), "{}", ran.stderr);
    scene
}

#[test]
fn a_daily_file_that_is_written_differently_is_set_aside_and_doubles_nothing() {
    let scene = other_decimals();
    let found = scene.difference(Interval::Both);
    assert!(found.extra.is_empty() && found.doubled_uids == 0, "{:?}", found.extra);
    let status = scene.run(&["status", "--json"]).json();
    let acme = &status["connectors"][0];
    assert_eq!((&acme["state"], &acme["units"]["disputed"]), (&"degraded".into(), &1.into()));
    assert_eq!(acme["problem"]["code"], "OT-UNIT-07");
    assert!(acme["problem"]["remedy"].as_str().unwrap().contains("reconcile_threshold"));
    let record = record(&scene);
    let mut disputed = hours(&record).into_iter().filter(|(_, _, hour)| hour["disputed"] == 1);
    let (event_type, _, hour) = disputed.next().expect("the record has it");
    assert_eq!((event_type.as_str(), &hour["state"]), ("Login", &"gap".into()));
    assert!(hour["remedy"].as_str().unwrap().contains("reconcile_threshold"));
    // Nothing changes by itself.
    assert_eq!(scene.run(&["collect", "--json"]).json()["connectors"][0]["disputed"], 1);
}

#[test]
fn a_person_may_choose_to_live_with_one_copy() {
    for choice in ["off", "report"] {
        let scene = other_decimals();
        let before = scene.delivered().uids.len();
        configure(&scene, &format!("interval: auto, reconcile: {choice}"));
        let ran = scene.run(&["collect", "--json"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert_eq!(scene.delivered().uids.len(), before);
        assert_eq!(scene.run(&["status", "--json"]).json()["connectors"][0]["state"], "active");
    }
}

#[test]
fn a_person_may_choose_to_have_both_copies() {
    let scene = other_decimals();
    configure(&scene, "interval: auto, reconcile_threshold: 0");
    let ran = scene.run(&["collect", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let found = scene.difference(Interval::Both);
    assert!(found.lost.is_empty() && found.doubled_uids == 0);
    assert!(!found.extra.is_empty(), "every row of the type comes in both ways of writing");
}
