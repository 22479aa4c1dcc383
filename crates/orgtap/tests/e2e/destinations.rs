//! The other destinations, through crashes and outages: nothing lost, and every repeat removable.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::net::TcpListener;

use orgtap_simorg::Call;
use orgtap_simorg::world::{Interval, WorldConfig};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::support::{Delivered, Scene, compare, world};

#[test]
fn http_gets_every_event_through_lost_answers_and_deaths_and_repeats_are_removable() {
    let receiver = Receiver::that_forgets(7);
    let url = receiver.clone().start();
    let scene = Scene::new(world(41, 1, 0.2));
    scene.configure(
        "  event_log_files: { interval: daily }\n",
        &format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n"),
    );
    for turn in 1..8 {
        let place = format!("deliver.after_write:{}", turn * 3);
        scene.command(&["collect"]).env("ORGTAP_KILL_AT", place).output().unwrap();
    }
    scene.collect_all();
    let (delivered, repeats) = receiver.distinct();
    let found = compare(scene.org.world(), Interval::Daily, scene.org.clock().now(), &delivered);
    assert!(found.rows > 0);
    found.assert_exact();
    assert!(repeats > 0, "the test did not make repeats");
}

#[test]
fn what_http_has_answered_is_not_sent_again_when_a_later_request_is_refused() {
    let receiver = Receiver::that_is_busy(5);
    let url = receiver.clone().start();
    let scene = Scene::new(world(45, 1, 2.0));
    scene.configure(
        "  event_log_files: { interval: daily, event_types: [URI, RestApi] }\n",
        &format!(
            "- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n  batch: {{ events: 20 }}\n"
        ),
    );
    scene.collect_all();
    let (delivered, repeats) = receiver.distinct();
    assert!(delivered.uids.len() > 200, "{}", delivered.uids.len());
    assert_eq!(repeats, 0);
}

#[test]
fn an_event_type_that_a_target_refuses_whole_holds_up_no_other() {
    let receiver = Receiver::default();
    receiver.refuse_text(Some(r#""EVENT_TYPE":"API""#));
    let url = receiver.clone().start();
    let event_types = ["API", "Login", "URI"].map(str::to_owned).to_vec();
    let scene = Scene::new(WorldConfig { event_types, ..world(46, 1, 0.5) });
    scene.configure(
        "  event_log_files: { interval: daily }\n",
        &format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n"),
    );
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("OT-DEST-08"), "{}", ran.stdout);
    let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
    assert_eq!(status["dead_letters"], 0, "{status:#}");
    let days = status["units"]["done"].as_i64().unwrap();
    assert!(days >= 2 && status["units"]["admitted"].as_i64() > Some(0), "{status:#}");
    let (delivered, _) = receiver.distinct();
    let types: BTreeSet<&str> = delivered.lanes.keys().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(types, ["Login", "URI"].into());

    receiver.refuse_text(None);
    scene.collect_all();
    let (delivered, repeats) = receiver.distinct();
    let now = scene.org.clock().now();
    compare(scene.org.world(), Interval::Daily, now, &delivered).assert_exact();
    assert_eq!(repeats, 0);
}

#[test]
fn a_destination_that_is_down_holds_up_nobody_and_catches_up_without_the_org() {
    let receiver = Receiver::default();
    let down = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = down.local_addr().unwrap();
    drop(down);
    let scene = Scene::new(world(42, 1, 0.2));
    let destinations = |url: &str| {
        format!(
            "- name: files\n  type: file\n  directory: events\n  compression: zstd\n\
             - name: hook\n  type: http\n  url: {url}\n  body: ndjson\n"
        )
    };
    let interval = "  event_log_files: { interval: daily }\n";
    scene.configure(interval, &destinations(&format!("http://{address}/events")));
    let ran = scene.run(&["collect"]);
    assert!(matches!(ran.code, Some(4 | 5)), "{:?} {}", ran.code, ran.stdout);
    assert!(ran.stdout.contains("OT-DEST-"), "{}", ran.stdout);
    let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
    assert_eq!(status["state"], "degraded", "{status}");
    assert!(status["reason"].as_str().unwrap().starts_with("delivery to hook waits"), "{status}");
    scene.compare(Interval::Daily);
    let downloads = scene.org.stats().of(Call::Download);

    scene.configure(interval, &destinations(&receiver.clone().start()));
    scene.collect_all();
    let (delivered, repeats) = receiver.distinct();
    compare(scene.org.world(), Interval::Daily, scene.org.clock().now(), &delivered).assert_exact();
    assert_eq!(repeats, 0);
    let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
    assert_eq!(status["state"], "active", "{status}");
    assert_eq!(scene.org.stats().of(Call::Download), downloads, "files were fetched again");
}

/// The configuration has `files` alone, and units wait for `hook`.
fn with_a_backlog_of_a_destination_that_is_gone() -> Scene {
    let scene = Scene::new(world(44, 1, 0.1));
    let interval = "  event_log_files: { interval: daily, event_types: [\"Log*\"] }\n";
    let files = "- name: files\n  type: file\n  directory: events\n";
    let hook = "- name: hook\n  type: http\n  url: http://127.0.0.1:9/events\n";
    scene.configure(interval, &format!("{files}{hook}"));
    assert!(matches!(scene.run(&["collect"]).code, Some(4 | 5)));
    scene.configure(interval, files);
    scene
}

#[test]
fn a_destination_with_a_backlog_is_not_dropped_unless_told_to() {
    let scene = with_a_backlog_of_a_destination_that_is_gone();
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    assert!(ran.stdout.contains("OT-CONF-20") && ran.stdout.contains("hook"), "{}", ran.stdout);
    assert_eq!(scene.run(&["status"]).code, Some(5));
    assert_eq!(scene.run(&["collect", "--give-up", "hook"]).code, Some(0));
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_eq!(scene.run(&["status"]).code, Some(0));
}

#[test]
fn a_connector_that_may_not_begin_holds_up_none_of_those_after_it() {
    let scene = with_a_backlog_of_a_destination_that_is_gone();
    let text = fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    let (before, after) = text.split_once("\ndestinations:\n").unwrap();
    let (_, acme) = before.split_once("- name: acme\n").unwrap();
    let both = format!("{before}\n- name: beta\n{acme}\ndestinations:\n{after}");
    fs::write(scene.path("orgtap.yaml"), both).unwrap();
    let range = ["--from", "2026-10-05", "--to", "2026-10-06"];
    for args in [vec!["collect", "--json"], [&["backfill", "--json"], &range[..]].concat()] {
        let ran = scene.run(&args);
        assert_eq!(ran.code, Some(5), "{args:?} {}{}", ran.stdout, ran.stderr);
        let reports = ran.json()["connectors"].clone();
        let collected = |place: usize| match &reports[place]["collected"] {
            Value::Null => reports[place].clone(),
            collected => collected.clone(),
        };
        assert_eq!(collected(0)["problems"][0]["code"], "OT-CONF-20", "{reports:#}");
        assert_eq!(collected(1)["problems"], json!([]), "{reports:#}");
        assert_eq!(collected(1)["unfinished"], 0, "{reports:#}");
        assert!(collected(1)["done"].as_u64() > Some(0), "{reports:#}");
    }
}

#[test]
fn stdout_carries_events_and_nothing_else() {
    let scene = Scene::new(world(43, 1, 0.1));
    scene.configure(
        "  event_log_files: { interval: hourly, event_types: [Login] }\n",
        "- name: out\n  type: stdout\n",
    );
    let ran = scene.run(&["collect", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut delivered = Delivered::default();
    ran.stdout.lines().for_each(|line| delivered.add(line));
    assert!(!delivered.uids.is_empty());
    let uids: HashSet<&String> = delivered.uids.iter().collect();
    assert_eq!(uids.len(), delivered.uids.len());
    assert!(ran.stderr.contains("\"connectors\""), "{}", ran.stderr);
}
