//! The other destinations, through crashes and outages: nothing lost, and every repeat removable.

use std::collections::HashSet;
use std::net::TcpListener;

use orgtap_simorg::Call;
use orgtap_simorg::world::Interval;

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
    scene.compare(Interval::Daily);
    let downloads = scene.org.stats().of(Call::Download);

    scene.configure(interval, &destinations(&receiver.clone().start()));
    scene.collect_all();
    let (delivered, repeats) = receiver.distinct();
    compare(scene.org.world(), Interval::Daily, scene.org.clock().now(), &delivered).assert_exact();
    assert_eq!(repeats, 0);
    assert_eq!(scene.org.stats().of(Call::Download), downloads, "files were fetched again");
}

#[test]
fn a_destination_with_a_backlog_is_not_dropped_unless_told_to() {
    let scene = Scene::new(world(44, 1, 0.1));
    let interval = "  event_log_files: { interval: daily, event_types: [\"Log*\"] }\n";
    let files = "- name: files\n  type: file\n  directory: events\n";
    let hook = "- name: hook\n  type: http\n  url: http://127.0.0.1:9/events\n";
    scene.configure(interval, &format!("{files}{hook}"));
    assert!(matches!(scene.run(&["collect"]).code, Some(4 | 5)));
    scene.configure(interval, files);
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    assert!(ran.stderr.contains("OT-CONF-20") && ran.stderr.contains("hook"), "{}", ran.stderr);
    assert_eq!(scene.run(&["collect", "--give-up", "hook"]).code, Some(0));
    assert_eq!(scene.run(&["collect"]).code, Some(0));
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
