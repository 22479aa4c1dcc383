//! Targets that take no more than so much a second, and nothing older than so much: checked before,
//! and said.
//!
//! What is old is so by the machine's clock, so these worlds are of the last days.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use orgtap_simorg::ClockConfig;
use orgtap_simorg::world::{Interval, WorldConfig};
use serde_json::Value;

use crate::daemon::{Daemon, wait_until};
use crate::receiver::{Receiver, uid};
use crate::support::{FILES, Ran, Scene, text, world};

const HOURLY: &str = "  event_log_files: { interval: hourly }\n";
const DAYS: i64 = 3;

/// Midnight before so many days.
fn midnight(days_ago: i64) -> Timestamp {
    let today = Timestamp::now().in_tz("UTC").unwrap().start_of_day().unwrap().timestamp();
    today - SignedDuration::from_hours(24 * days_ago)
}

/// The last three days, of two types.
fn last_days(seed: u64) -> WorldConfig {
    let event_types = ["Login", "Logout"].map(str::to_owned).to_vec();
    WorldConfig { start: midnight(DAYS), event_types, ..world(seed, DAYS as u32, 0.15) }
}

/// A scene with them, and a receiver.
fn scene(seed: u64) -> (Scene, Receiver) {
    (Scene::new(last_days(seed)), Receiver::default())
}

/// The same, at a time of the org.
fn scene_at(seed: u64, now: Timestamp) -> (Scene, Receiver) {
    let config = last_days(seed);
    (Scene::with(config, |org| org.clock = ClockConfig::standing(now)), Receiver::default())
}

/// A destination `hook` with these keys.
fn hook(receiver: &Receiver, keys: &str) -> String {
    let url = receiver.clone().start();
    format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n{keys}")
}

/// An age that takes yesterday's files and none of before, for half an hour to come.
fn of_yesterday() -> String {
    let age = Timestamp::now().duration_since(midnight(1)).as_mins() + 31;
    format!("  max_age: {age}m\n")
}

fn destination(scene: &Scene, name: &str) -> Value {
    let ran = scene.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let all = ran.json()["connectors"][0]["destinations"].clone();
    all.as_array().unwrap().iter().find(|one| one["destination"] == name).unwrap().clone()
}

/// Uids in the files, of log files for yesterday or for before.
fn uids_in_files(scene: &Scene, of: impl Fn(Timestamp) -> bool) -> BTreeSet<String> {
    let mut uids = BTreeSet::new();
    for path in crate::support::files(&scene.path("events")) {
        for line in text(&path).lines().filter(|line| of(log_date(line))) {
            uids.insert(uid(line));
        }
    }
    uids
}

fn log_date(line: &str) -> Timestamp {
    let event: Value = serde_json::from_str(line).unwrap();
    event["_orgtap"]["log_date"].as_str().unwrap().parse().unwrap()
}

fn uids_at(receiver: &Receiver) -> BTreeSet<String> {
    receiver.lines().iter().map(|line| uid(line)).collect()
}

fn until_now(scene: &Scene, more: &[&str]) -> Ran {
    let (now, from) = (midnight(0).to_string(), midnight(DAYS).to_string());
    scene.run(&[&["completeness", "--from", &from, "--until", &now], more].concat())
}

#[test]
fn old_files_are_withheld_from_the_destination_that_takes_none_and_brought_when_asked_for() {
    let (scene, receiver) = scene(81);
    scene.configure(HOURLY, &format!("{FILES}{}", hook(&receiver, &of_yesterday())));
    let tested = scene.run(&["test-connection"]);
    let said = tested.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("files listed of the last four days"), "{said}");
    assert!(said.contains("and all older ones that the org still has"), "{said}");
    let checked = receiver.lines().len();

    let ran = scene.run(&["collect", "--json"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let withheld = ran.json()["connectors"][0]["withheld"].clone();
    assert!(withheld.as_u64() > Some(40), "{withheld}");
    assert_eq!(ran.json()["connectors"][0]["unfinished"], 0);
    assert!(ran.stderr.contains("OT-DEST-91"), "{}", ran.stderr);
    scene.compare(Interval::Hourly);
    let (young, old) = (|at| at >= midnight(1), |at| at < midnight(1));
    let (wanted, left_out) = (uids_in_files(&scene, young), uids_in_files(&scene, old));
    assert!(!wanted.is_empty() && left_out.len() > wanted.len());
    let arrived = |from: usize| -> BTreeSet<String> {
        receiver.lines()[from..].iter().map(|line| uid(line)).collect()
    };
    assert_eq!(arrived(checked), wanted);

    // Said by status, by the record and by its answer; nothing is tried again.
    let hook = destination(&scene, "hook");
    assert_eq!(hook["withheld"], withheld);
    assert_eq!(hook["withheld_rows"], left_out.len());
    assert_eq!((&hook["waiting"], &hook["delivered"]), (&0.into(), &wanted.len().into()));
    assert_eq!(destination(&scene, "files")["withheld"], 0);
    let shown = scene.run(&["status"]).stdout;
    assert!(shown.contains("withheld for their age"), "{shown}");
    let ran = until_now(&scene, &["--json"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let until = ran.json()["connectors"][0]["until"].clone();
    assert_eq!(until["complete"], false);
    assert!(until["withheld"].as_u64() > Some(40), "{until}");
    let hours = until_now(&scene, &["--by", "hour"]).stdout;
    assert!(hours.contains("older than a destination takes (hook)"), "{hours}");
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);

    // A replay keeps to the rule as well, unless told otherwise; then the same events come.
    let dry = ["replay", "--to", "hook", "--withheld", "--dry-run", "--json"];
    let plan = scene.run(&dry).json()["connectors"][0].clone();
    assert_eq!((&plan["log_files"], &plan["too_old"]), (&0.into(), &withheld));
    let ran = scene.run(&["replay", "--to", "hook", "--withheld"]);
    assert!(ran.stdout.contains("left out: older than the max_age of hook"), "{}", ran.stdout);
    let ran = scene.run(&["replay", "--to", "hook", "--withheld", "--any-age"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(arrived(checked), uids_in_files(&scene, |_| true));
    assert_eq!(receiver.lines().len() - checked, wanted.len() + left_out.len());
    let hook = destination(&scene, "hook");
    assert_eq!(
        (&hook["withheld"], &hook["delivered"]),
        (&0.into(), &(wanted.len() + left_out.len()).into())
    );
    let until = until_now(&scene, &["--json"]).json()["connectors"][0]["until"].clone();
    assert_eq!(until["withheld"], 0, "{until}");
    assert_eq!(until["gaps"], 0, "{until}");
}

#[test]
fn a_backfill_says_what_would_be_withheld_and_is_refused_when_that_is_all() {
    let (scene, receiver) = scene(82);
    let start = midnight(0) + SignedDuration::from_hours(24 * 30);
    let late = format!("{HOURLY}  start: {start}\n");
    let young_only =
        hook(&receiver, &format!("{}  backfill_events_per_second: 200\n", of_yesterday()));
    scene.configure(&late, &young_only);
    let [from, before, to] = [DAYS, 1, 0].map(|days| midnight(days).to_string());

    let ran = scene.run(&["backfill", "--from", &from, "--to", &before, "--dry-run"]);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("OT-CONF-21") && ran.stderr.contains("max_age"), "{}", ran.stderr);
    let ran = scene.run(&["backfill", "--from", &from, "--to", &before]);
    assert!(ran.stderr.contains("OT-CONF-21"), "{}", ran.stderr);
    assert!(scene.run(&["backfill", "--status"]).stdout.trim().is_empty());

    let all = ["backfill", "--from", &from, "--to", &to];
    let ran = scene.run(&[&all[..], &["--dry-run", "--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let plan = ran.json()["plans"][0].clone();
    let planned = &plan["destinations"][0];
    assert_eq!(planned["destination"], "hook");
    assert_eq!(planned["withheld_from"], from);
    assert!(planned["withheld_to"].as_str() < Some(&*before), "{planned}");
    let seconds = planned["seconds"].as_u64().unwrap();
    assert_eq!(seconds, planned["events"].as_u64().unwrap().div_ceil(200));
    assert!(seconds > 0 && planned["events"].as_u64() < plan["events"].as_u64(), "{plan}");
    let shown = scene.run(&[&all[..], &["--dry-run"]].concat()).stdout;
    assert!(shown.contains("would be withheld") && shown.contains("at its rate"), "{shown}");

    // With a second destination that takes everything, those files have somewhere to go.
    scene.configure(&late, &format!("{FILES}{young_only}"));
    let ran = scene.run(&["backfill", "--from", &from, "--to", &before, "--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let began = Instant::now();
    let ran = scene.run(&all);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("would be withheld"), "{}", ran.stderr);
    scene.compare(Interval::Hourly);
    assert_eq!(destination(&scene, "hook")["withheld"], planned["withheld"]);
    let arrived = uids_at(&receiver);
    assert_eq!(arrived, uids_in_files(&scene, |at| at >= midnight(1)));
    assert_eq!(receiver.lines().len(), arrived.len());
    // All but the last of its files are paid for.
    let least = Duration::from_secs_f64((arrived.len() as f64 - 60.0) / 200.0);
    assert!(began.elapsed() >= least, "{} in {:?}", arrived.len(), began.elapsed());
}

#[test]
fn new_events_do_not_wait_for_a_slow_backfill() {
    // What the org makes from today's third hour on is new, and it is the second.
    let [second, third] = [2, 3].map(|hour| midnight(0) + SignedDuration::from_hours(hour));
    let (scene, receiver) = scene_at(83, second);
    let connector = format!("{HOURLY}  start: {third}\n  poll_interval: 1s\n");
    scene.configure(&connector, &hook(&receiver, "  backfill_events_per_second: 20\n"));
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    let dates =
        || -> Vec<Timestamp> { receiver.lines().iter().map(|line| log_date(line)).collect() };
    wait_until("it is at work", || scene.run(&["status", "--json"]).json()["running"] == true);
    let [from, to] = [DAYS, 1].map(|days| midnight(days).to_string());
    let ran = scene.run(&["backfill", "--from", &from, "--to", &to]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    wait_until("the backfill has begun", || !dates().is_empty());
    assert!(dates().iter().all(|at| *at < midnight(1)));
    scene.org.clock().advance(SignedDuration::from_hours(24)).unwrap();
    wait_until("new files have arrived", || dates().iter().any(|at| *at >= midnight(1)));
    let state = scene.run(&["backfill", "--status", "--json"]).json();
    assert_ne!(state["connectors"][0]["backfills"][0]["state"], "done");
    assert!(daemon.runs());
    let began = Instant::now();
    let ran = daemon.stop();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(began.elapsed() < Duration::from_secs(5), "a rate is not waited for at the end");
}
