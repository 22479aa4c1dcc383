//! Hourly and daily copies of the same rows, and the record of what is complete.

use orgtap_simorg::world::Interval;
use orgtap_simorg::{Fault, Rule, When, preset};

use crate::support::{FILES, Scene, small_world, world};

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
