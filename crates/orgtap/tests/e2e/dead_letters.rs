//! What a destination refuses for good is set aside, listed, and sent again or given up.

use orgtap_simorg::world::Interval;
use serde_json::Value;

use crate::receiver::{Receiver, uid};
use crate::support::{Ran, Scene, compare, small_world};

/// Hourly files to a receiver that refuses about every eighth event.
fn refused() -> (Scene, Receiver) {
    let receiver = Receiver::default();
    receiver.refuse("07", "413 Content Too Large");
    let scene = Scene::new(small_world(61));
    scene.configure(
        "  event_log_files: { interval: hourly }\n",
        &format!(
            "- name: hook\n  type: http\n  url: {}\n  body: ndjson\n",
            receiver.clone().start()
        ),
    );
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    (scene, receiver)
}

fn letters(scene: &Scene, flags: &[&str]) -> Vec<Value> {
    let ran = scene.run(&[&["dead-letters", "--json", "--limit", "9999"], flags].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()["connectors"][0]["letters"].as_array().unwrap().clone()
}

fn assert_exact(scene: &Scene, receiver: &Receiver) {
    let (delivered, repeats) = receiver.distinct();
    let now = scene.org.clock().now();
    compare(scene.org.world(), Interval::Hourly, now, &delivered).assert_exact();
    assert_eq!(repeats, 0);
}

fn succeeds(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_mended_destination_gets_what_it_refused_with_the_same_uids() {
    let (scene, receiver) = refused();
    let found = letters(&scene, &["--payload"]);
    assert!(found.len() > 3, "{found:?}");
    assert!(letters(&scene, &[]).iter().all(|letter| letter.get("payload").is_none()));
    let text = scene.run(&["dead-letters"]).stdout;
    for word in ["refused by hook", "OT-DEST-90", "413"] {
        assert!(text.contains(word), "{text}");
    }

    // Asked for too early: refused again, still open, and the destination is not blamed.
    receiver.refuse("07", "400 Bad Request");
    let ran = scene.run(&["dead-letters", "replay", "--all"]);
    succeeds(&ran);
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let again = letters(&scene, &[]);
    assert_eq!(again.len(), found.len());
    assert!(again.iter().all(|letter| letter["reason"].as_str().unwrap().contains("400")));

    receiver.refuse("", "");
    succeeds(&scene.run(&["dead-letters", "replay", "acme", "--destination", "hook"]));
    assert!(letters(&scene, &[]).iter().all(|letter| letter["replay_waits"] == true));
    succeeds(&scene.run(&["collect"]));
    assert!(letters(&scene, &[]).is_empty());
    let closed = letters(&scene, &["--closed"]);
    assert_eq!(closed.len(), found.len());
    assert!(closed.iter().all(|letter| letter["closed"]["how"] == "replayed"));
    let uids = |lines: Vec<String>| {
        let mut uids: Vec<_> = lines.iter().map(|line| uid(line)).collect();
        uids.sort();
        uids
    };
    let refused = found.iter().map(|letter| letter["payload"].as_str().unwrap().to_owned());
    let arrived = receiver.lines();
    let late = arrived[arrived.len() - found.len()..].to_vec();
    assert_eq!(uids(late), uids(refused.collect()));
    assert_exact(&scene, &receiver);
}

#[test]
fn what_is_dismissed_is_remembered_and_never_sent() {
    let (scene, receiver) = refused();
    let all = letters(&scene, &[]).len();
    let usage = scene.run(&["dead-letters", "dismiss"]);
    assert_eq!(usage.code, Some(2), "{}", usage.stderr);
    succeeds(&scene.run(&["dead-letters", "dismiss", "--limit", "2"]));
    assert_eq!(letters(&scene, &[]).len(), all - 2);
    let closed = letters(&scene, &["--closed"]);
    assert!(closed.iter().all(|letter| letter["closed"]["how"] == "dismissed"), "{closed:?}");
    let status = scene.run(&["status", "--json"]).json();
    assert_eq!(status["connectors"][0]["dead_letters"], all - 2);

    receiver.refuse("", "");
    succeeds(&scene.run(&["dead-letters", "replay", "--code", "ot-dest-90"]));
    succeeds(&scene.run(&["collect"]));
    let (delivered, _) = receiver.distinct();
    let now = scene.org.clock().now();
    let found = compare(scene.org.world(), Interval::Hourly, now, &delivered);
    assert_eq!((found.lost.len(), found.extra.len()), (2, 0));
}

#[test]
fn a_running_orgtap_takes_up_replays_within_a_poll() {
    let (scene, receiver) = refused();
    scene.reword("  event_log_files:", "  poll_interval: 1s\n  event_log_files:");
    let daemon = crate::daemon::Daemon::start(&mut scene.command(&["run"]));
    crate::daemon::wait_until("it runs", || {
        scene.run(&["status", "--json"]).json()["running"] == true
    });
    receiver.refuse("", "");
    succeeds(&scene.run(&["dead-letters", "replay", "--types", "Log*,Api*"]));
    crate::daemon::wait_until("letters are replayed", || letters(&scene, &[]).is_empty());
    daemon.stop();
    assert_exact(&scene, &receiver);
}
