//! Weeks of an org's life, good and bad, collected and compared row by row.

use orgtap_simorg::world::Interval;
use orgtap_simorg::{Call, Fault, Rule, When, preset};

use crate::support::{Scene, large_world, world};

#[test]
fn a_quiet_day_arrives_whole_hourly_and_daily() {
    for (interval, truth) in [("hourly", Interval::Hourly), ("daily", Interval::Daily)] {
        let scene = Scene::new(world(1, 1, 0.5));
        scene.configure_files(interval);
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        scene.compare(truth);
        assert_eq!(scene.org.stats().sign_ins, 1, "{:?}", scene.org.stats().calls);
    }
}

#[test]
fn a_second_pass_brings_nothing_twice() {
    let scene = Scene::new(world(2, 1, 0.3));
    scene.configure_files("hourly");
    scene.collect_all();
    let first = scene.delivered().uids.len();
    let again = scene.run(&["collect", "--json"]);
    assert_eq!(again.code, Some(0));
    assert_eq!(again.json()["connectors"][0]["new_files"], 0);
    assert_eq!(scene.delivered().uids.len(), first);
}

#[test]
fn rows_that_come_late_or_again_are_delivered_once_as_time_goes_on() {
    let scene = Scene::with(world(3, 2, 0.4), |sim| {
        sim.clock = orgtap_simorg::ClockConfig::standing(
            crate::support::first_day() + jiff::SignedDuration::from_hours(20),
        );
    });
    scene.configure_files("daily");
    for _ in 0..12 {
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        scene.org.clock().advance(jiff::SignedDuration::from_hours(12)).unwrap();
    }
    scene.collect_all();
    scene.compare(Interval::Daily);
}

#[test]
fn an_org_without_the_interval_column_is_collected_daily() {
    let mut config = world(4, 1, 0.3);
    config.hourly = false;
    let scene = Scene::new(config);
    scene.configure_files("auto");
    scene.collect_all();
    scene.compare(Interval::Daily);
}

#[test]
fn auto_takes_hourly_files_alone_where_daily_ones_are_not_to_be_compared() {
    let scene = Scene::new(world(5, 1, 0.3));
    scene.configure_files("auto, reconcile: off");
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn only_the_event_types_asked_for_are_collected() {
    let scene = Scene::new(world(6, 1, 0.3));
    scene.configure(
        "  event_log_files: { interval: hourly, event_types: [\"Login*\", \"!LoginAs\"] }\n",
        "- name: files\n  type: file\n  directory: events\n  compression: none\n",
    );
    scene.collect_all();
    let types: std::collections::BTreeSet<String> =
        scene.delivered().lanes.into_keys().map(|(event_type, _)| event_type).collect();
    assert_eq!(types.into_iter().collect::<Vec<_>>(), ["Login"]);
}

#[test]
fn a_file_that_vanishes_is_reported_and_holds_up_nothing_else() {
    let scene = Scene::with(world(7, 1, 0.3), |sim| {
        sim.faults = vec![(Fault::Vanish, Rule::new(When::Rate(0.05)))];
    });
    scene.configure_files("daily");
    let ran = scene.run(&["collect", "--json"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let json = ran.json();
    let lost = json["connectors"][0]["lost"].as_u64().unwrap();
    assert!(lost > 0, "{json:#}");
    let status = scene.run(&["status", "--json"]).json();
    assert_eq!(status["connectors"][0]["state"], "degraded");
    assert_eq!(status["connectors"][0]["units"]["vanished"], lost);
    let found = scene.difference(Interval::Daily);
    let lanes: std::collections::BTreeSet<_> =
        found.lost.iter().map(|(lane, _)| lane.clone()).collect();
    assert_eq!(lanes.len() as u64, lost, "what is missing is exactly what vanished");
    assert!(found.extra.is_empty() && found.doubled_uids == 0);
}

#[test]
fn the_successor_of_a_file_that_vanished_is_looked_for_at_once_and_not_again_by_each_pass() {
    let queries = [0.0, 0.05].map(|rate| {
        let scene = Scene::with(world(7, 1, 0.3), |sim| {
            sim.faults = vec![(Fault::Vanish, Rule::new(When::Rate(rate)))];
        });
        scene.configure_files("daily");
        [(); 2].map(|()| {
            let before = scene.org.stats().of(Call::Query);
            scene.run(&["collect"]);
            scene.org.stats().of(Call::Query) - before
        })
    });
    let [[first, later], [first_of_lost, later_of_lost]] = queries;
    assert!(first_of_lost > first, "{queries:?}");
    assert_eq!(later_of_lost, later, "{queries:?}");
}

#[test]
fn a_length_that_never_matches_is_accepted_with_a_warning_when_the_bytes_stay_the_same() {
    let scene = Scene::with(world(8, 1, 0.1), |sim| {
        sim.faults = vec![(Fault::WrongLength, Rule::new(When::Rate(0.2)))];
    });
    scene.configure_files("daily");
    let ran = scene.run(&["--log", "warn", "collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("accepted with"), "{}", ran.stderr);
    scene.compare(Interval::Daily);
}

#[test]
fn large_files_are_written_while_they_come_and_shown_when_they_are_whole() {
    let scene = Scene::with(large_world(14, 3), |sim| sim.faults = preset("bad-week").unwrap());
    scene.configure_files("daily");
    let mut told = String::new();
    for _ in 0..20 {
        let ran = scene.run(&["--log", "debug", "collect"]);
        told += &ran.stderr;
        if ran.code == Some(0) {
            break;
        }
    }
    let early = told.matches("was written while it came").count();
    assert!(early > 0, "{told}");
    scene.compare(Interval::Daily);
}

/// Collects a bad stretch of days, and prints what it took.
fn bad_days(seed: u64, days: u32, volume: f64, interval: &str, truth: Interval) {
    let scene = Scene::with(world(seed, days, volume), |sim| {
        sim.faults = preset("bad-week").unwrap();
        sim.fault_seed = seed;
    });
    scene.configure_files(interval);
    let started = std::time::Instant::now();
    scene.collect_all();
    let took = started.elapsed();
    let found = scene.compare(truth);
    println!(
        "{days} bad days, {interval}: {} rows, 0 lost, 0 doubled, 0 altered; {:.1} s; faults: {:?}",
        found.rows,
        took.as_secs_f64(),
        scene.org.faults().struck()
    );
    assert!(scene.org.faults().struck().len() >= 8, "the faults did not strike");
    // Each death of a session and each process costs one sign-in; nothing loops.
    let stats = scene.org.stats();
    assert!(stats.sign_ins < 2_000, "{} sign-ins", stats.sign_ins);
}

#[test]
fn a_bad_week_loses_doubles_and_alters_nothing_hourly() {
    bad_days(11, 7, 0.3, "hourly", Interval::Hourly);
}

#[test]
fn a_bad_week_loses_doubles_and_alters_nothing_daily() {
    bad_days(12, 7, 0.3, "daily", Interval::Daily);
}

#[test]
fn thirty_bad_days_of_every_event_type_hourly() {
    bad_days(13, 30, 0.5, "hourly", Interval::Hourly);
}

#[test]
fn thirty_bad_days_of_every_event_type_daily() {
    bad_days(14, 30, 0.5, "daily", Interval::Daily);
}
