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
/// Days of these worlds, up to yesterday. The last three are young; so many have working days
/// among them.
const DAYS: i64 = 8;
const YOUNG: i64 = 3;

/// Midnight before so many days.
fn midnight(days_ago: i64) -> Timestamp {
    let day = Timestamp::now().as_second().div_euclid(86_400) - days_ago;
    Timestamp::from_second(day * 86_400).unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// The last days of an org whose clock stands then, and a receiver.
fn scene(seed: u64, now: Timestamp) -> (Scene, Receiver) {
    let event_types = ["Login", "Logout"].map(str::to_owned).to_vec();
    let days = WorldConfig { start: midnight(DAYS), event_types, ..world(seed, DAYS as u32, 1.5) };
    (Scene::with(days, |org| org.clock = ClockConfig::standing(now)), Receiver::default())
}

/// A destination `hook` with these keys.
fn hook(receiver: &Receiver, keys: &str) -> String {
    let url = receiver.clone().start();
    format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n{keys}")
}

/// An age that takes the files of the last days and none of before, for half an hour to come.
fn young() -> String {
    let age = Timestamp::now().duration_since(midnight(YOUNG)).as_mins() + 31;
    format!("  max_age: {age}m\n")
}

fn destination(scene: &Scene, name: &str) -> Value {
    let ran = scene.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let all = ran.json()["connectors"][0]["destinations"].clone();
    all.as_array().unwrap().iter().find(|one| one["destination"] == name).unwrap().clone()
}

/// Uids in the files, of log files for some times.
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

fn until_young(scene: &Scene, more: &[&str]) -> Ran {
    let (until, from) = (midnight(YOUNG).to_string(), midnight(DAYS).to_string());
    scene.run(&[&["completeness", "--from", &from, "--until", &until], more].concat())
}

#[test]
fn old_files_are_withheld_from_the_destination_that_takes_none_and_brought_when_asked_for() {
    let (scene, receiver) = scene(81, midnight(0) + hours(12));
    scene.configure(HOURLY, &format!("{FILES}{}", hook(&receiver, &young())));
    let tested = scene.run(&["test-connection"]);
    let said = tested.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("files listed of the last four days"), "{said}");
    assert!(said.contains("and all older ones that the org still has"), "{said}");
    let checked = receiver.lines().len();

    let ran = scene.run(&["collect", "--json"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let withheld = ran.json()["connectors"][0]["withheld"].clone();
    assert!(withheld.as_u64() > Some(10), "{withheld}");
    assert_eq!(ran.json()["connectors"][0]["unfinished"], 0);
    assert!(ran.stderr.contains("OT-DEST-91"), "{}", ran.stderr);
    scene.compare(Interval::Hourly);
    let wanted = uids_in_files(&scene, |at| at >= midnight(YOUNG));
    let left_out = uids_in_files(&scene, |at| at < midnight(YOUNG));
    assert!(!wanted.is_empty() && !left_out.is_empty());
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
    assert!(shown.contains("withheld because of age"), "{shown}");
    let ran = until_young(&scene, &["--json"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let until = ran.json()["connectors"][0]["until"].clone();
    assert_eq!(until["complete"], false);
    assert!(until["withheld"].as_u64() > Some(10), "{until}");
    let hours = until_young(&scene, &["--by", "hour"]).stdout;
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
    let until = until_young(&scene, &["--json"]).json()["connectors"][0]["until"].clone();
    assert_eq!(until["withheld"], 0, "{until}");
    assert_eq!(until["gaps"], 0, "{until}");
}

#[test]
fn a_backfill_says_what_would_be_withheld_and_is_refused_when_that_is_all() {
    let (scene, receiver) = scene(82, midnight(0) + hours(12));
    let start = midnight(-30);
    let late = format!("{HOURLY}  start: {start}\n");
    let young_only = hook(&receiver, &format!("{}  backfill_events_per_second: 100\n", young()));
    scene.configure(&late, &young_only);
    let [from, before, to] = [DAYS, YOUNG, 0].map(|days| midnight(days).to_string());

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
    let moment = |key: &str| planned[key].as_str().unwrap().parse::<Timestamp>().unwrap();
    let (oldest, youngest) = (moment("withheld_from"), moment("withheld_to"));
    assert!(
        midnight(DAYS) <= oldest && oldest < youngest && youngest < midnight(YOUNG),
        "{planned}"
    );
    let seconds = planned["seconds"].as_u64().unwrap();
    assert_eq!(seconds, planned["events"].as_u64().unwrap().div_ceil(100));
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
    assert_eq!(arrived, uids_in_files(&scene, |at| at >= midnight(YOUNG)));
    assert_eq!(receiver.lines().len(), arrived.len());
    // All but the last of its files are paid for.
    assert!(arrived.len() > 60, "{}", arrived.len());
    let least = Duration::from_secs_f64((arrived.len() as f64 - 60.0) / 100.0);
    assert!(began.elapsed() >= least, "{} in {:?}", arrived.len(), began.elapsed());
}

#[test]
fn new_events_come_no_faster_than_the_target_takes() {
    const RATE: usize = 100;
    // Four days, so that two of them are working days.
    let (scene, receiver) = scene(84, midnight(DAYS - 4));
    scene.configure(HOURLY, &hook(&receiver, &format!("  max_events_per_second: {RATE}\n")));
    let began = Instant::now();
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let (arrived, took) = (receiver.lines().len(), began.elapsed());
    assert!(arrived > 3 * RATE, "{arrived} events show no rate");
    // Batches hold what is sent in a second at most; the last one may leave at once.
    let least = Duration::from_secs_f64((arrived - RATE) as f64 / RATE as f64);
    assert!(took >= least, "{arrived} events in {took:?}");
}

#[test]
fn new_events_do_not_wait_for_a_slow_backfill() {
    // What the org makes from the third hour of that day on is new, and it is the second.
    const NEW: i64 = 4;
    let (scene, receiver) = scene(83, midnight(NEW) + hours(2));
    let third = midnight(NEW) + hours(3);
    let connector = format!("{HOURLY}  start: {third}\n  poll_interval: 1s\n");
    scene.configure(&connector, &hook(&receiver, "  backfill_events_per_second: 10\n"));
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    let dates =
        || -> Vec<Timestamp> { receiver.lines().iter().map(|line| log_date(line)).collect() };
    wait_until("it is at work", || {
        let ran = scene.run(&["status", "--json"]);
        ran.code == Some(0) && ran.json()["connectors"][0]["state"] == "active"
    });
    let [from, to] = [DAYS, NEW + 1].map(|days| midnight(days).to_string());
    let ran = scene.run(&["backfill", "--from", &from, "--to", &to]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    wait_until("the backfill has begun", || !dates().is_empty());
    assert!(dates().iter().all(|at| *at < midnight(NEW + 1)));
    scene.org.clock().advance_to(midnight(0)).unwrap();
    wait_until("new files have arrived", || dates().iter().any(|at| *at >= midnight(NEW + 1)));
    let state = scene.run(&["backfill", "--status", "--json"]).json();
    assert_ne!(state["connectors"][0]["backfills"][0]["state"], "done");
    assert!(daemon.runs());
    let began = Instant::now();
    let ran = daemon.stop();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(began.elapsed() < Duration::from_secs(5), "a rate is not waited for at the end");
}
