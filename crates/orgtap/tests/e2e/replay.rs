//! Log files go to one destination again: the same events, under the same names, through deaths.

use std::collections::BTreeSet;

use orgtap_simorg::Call;
use orgtap_simorg::world::Interval;

use crate::receiver::{Receiver, uid};
use crate::support::{FILES, Scene, all_files, compare, small_world, text};

fn hook(receiver: &Receiver) -> String {
    let url = receiver.clone().start();
    format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n")
}

fn replays(scene: &Scene) -> Vec<serde_json::Value> {
    let ran = scene.run(&["replay", "--list", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()["connectors"][0]["replays"].as_array().unwrap().clone()
}

/// Hourly files, collected into files alone; then a second destination is there as well. What was
/// delivered leaves the spool at once if told so.
fn collected(seed: u64, release: bool) -> (Scene, Receiver) {
    let (scene, receiver) = (Scene::new(small_world(seed)), Receiver::default());
    let hourly = "  event_log_files: { interval: hourly }\n";
    scene.configure(hourly, FILES);
    if release {
        scene.reword("data_dir: data\n", "data_dir: data\nspool_retention: 0s\n");
    }
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    scene.configure(hourly, &format!("{FILES}{}", hook(&receiver)));
    if release {
        scene.reword("data_dir: data\n", "data_dir: data\nspool_retention: 0s\n");
    }
    (scene, receiver)
}

/// Uids of one event type, or of all, in the files.
fn uids_in_files(scene: &Scene, event_type: &str) -> BTreeSet<String> {
    let lines = crate::support::files(&scene.path("events"));
    let lines =
        lines.iter().flat_map(|path| text(path).lines().map(str::to_owned).collect::<Vec<_>>());
    lines
        .filter(|line| line.contains(&format!("\"event_type\":\"{event_type}")))
        .map(|line| uid(&line))
        .collect()
}

fn uids_at(receiver: &Receiver) -> BTreeSet<String> {
    receiver.lines().iter().map(|line| uid(line)).collect()
}

#[test]
fn one_type_goes_to_a_second_destination_without_asking_the_org() {
    let (scene, receiver) = collected(62, false);
    let downloads = scene.org.stats().of(Call::Download);
    let dry = scene.run(&["replay", "--to", "hook", "--types", "Login", "--dry-run", "--json"]);
    let dry = &dry.json()["connectors"][0];
    let wanted = uids_in_files(&scene, "Login\"");
    assert_eq!(dry["rows"], wanted.len());
    assert!(replays(&scene).is_empty());
    assert!(receiver.lines().is_empty());
    let unknown = scene.run(&["replay", "--to", "hook", "--unit", "0AT000000000000AAA"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stdout);
    assert!(unknown.stderr.contains("no log file 0AT000000000000AAA"), "{}", unknown.stderr);

    let ran = scene.run(&["replay", "acme", "--to", "hook", "--types", "Login"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(uids_at(&receiver), wanted);
    assert_eq!(receiver.lines().len(), wanted.len());
    assert_eq!(scene.org.stats().of(Call::Download), downloads);
    assert!(replays(&scene).iter().all(|replay| replay["state"] == "done"));
    // A second time, for those who want it.
    assert_eq!(scene.run(&["replay", "--to", "hook", "--types", "Login"]).code, Some(0));
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_eq!(receiver.lines().len(), wanted.len() * 2);
    assert_eq!(receiver.distinct().1, wanted.len());
}

#[test]
fn a_replay_to_files_puts_the_same_file_in_place() {
    let (scene, _) = collected(63, false);
    let events = || {
        let files = crate::support::files(&scene.path("events"));
        files.iter().map(|path| (path.clone(), text(path))).collect::<Vec<_>>()
    };
    let before = events();
    let gone = &before[before.len() / 2];
    std::fs::remove_file(&gone.0).unwrap();
    assert_eq!(scene.run(&["replay", "--to", "files", "--all"]).code, Some(0));
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_eq!(events(), before);
    scene.compare(Interval::Hourly);
}

#[test]
fn released_files_are_fetched_again_and_released_again() {
    let (scene, receiver) = collected(64, true);
    assert!(all_files(&scene.path("data/spool")).is_empty());
    let ran = scene.run(&["replay", "--to", "hook", "--from", "2026-10-05", "--dry-run"]);
    assert!(ran.stdout.contains("fetched from the org again"), "{}", ran.stdout);
    assert_eq!(scene.run(&["replay", "--to", "hook", "--from", "2026-10-05"]).code, Some(0));
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let (delivered, repeats) = receiver.distinct();
    let now = scene.org.clock().now();
    compare(scene.org.world(), Interval::Hourly, now, &delivered).assert_exact();
    assert_eq!(repeats, 0);
    assert_eq!(uids_at(&receiver), uids_in_files(&scene, ""));
    assert!(all_files(&scene.path("data/spool")).is_empty());
}

#[test]
fn what_the_org_no_longer_has_is_said_and_set_aside() {
    let (scene, receiver) = collected(65, true);
    scene.org.change(|org| org.retention = std::time::Duration::from_secs(3_600));
    assert_eq!(scene.run(&["replay", "--to", "hook", "--types", "Logout"]).code, Some(0));
    let asked = replays(&scene).len();
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let found = replays(&scene);
    assert!(found.iter().all(|replay| replay["state"] == "failed"), "{found:?}");
    let text = scene.run(&["dead-letters"]).stdout;
    let said = format!("{asked} refused by hook [OT-UNIT-21]");
    assert!(text.contains(&said) && text.contains("no longer has the file"), "{text}");
    assert!(receiver.lines().is_empty());
}

#[test]
fn kill_nine_in_mid_replay_loses_nothing_and_repeats_what_is_removable() {
    let (scene, receiver) = collected(66, false);
    let wanted = uids_in_files(&scene, "");
    assert_eq!(scene.run(&["replay", "--to", "hook", "--all"]).code, Some(0));
    let mut died = 0;
    for place in ["deliver.before_write", "deliver.after_write", "deliver.after_ledger"] {
        for turn in 1..4 {
            let place = format!("{place}:{turn}");
            let output = scene.command(&["collect"]).env("ORGTAP_KILL_AT", place).output();
            died += usize::from(output.unwrap().status.code().is_none());
        }
    }
    assert!(died >= 5, "{died}");
    scene.collect_all();
    // Every repeat is the same to the byte, see `distinct`.
    let (delivered, _) = receiver.distinct();
    let now = scene.org.clock().now();
    compare(scene.org.world(), Interval::Hourly, now, &delivered).assert_exact();
    assert_eq!(uids_at(&receiver), wanted);
    assert!(replays(&scene).iter().all(|replay| replay["state"] == "done"));
}
