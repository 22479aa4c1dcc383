//! The state moves to another data folder, and collection goes on there as if nothing had happened.

use std::path::Path;

use jiff::SignedDuration;
use orgtap_simorg::world::Interval;
use orgtap_simorg::{Call, ClockConfig};

use crate::receiver::Receiver;
use crate::support::{FILES, Ran, Scene, all_files, compare, first_day, small_world};

/// An export of format 1, made by the ignored test below.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/state-1.orgtap");

/// The afternoon of the world's only day; its morning is in log files already.
fn afternoon(seed: u64) -> Scene {
    Scene::with(small_world(seed), |config| {
        let now = first_day() + SignedDuration::from_hours(15);
        config.clock = ClockConfig::standing(now);
    })
}

fn until_all_is_there(scene: &Scene) {
    scene.org.clock().advance(SignedDuration::from_hours(96)).unwrap();
}

fn succeeds(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_moved_installation_goes_on_without_loss_or_repeats() {
    let scene = afternoon(71);
    let receiver = Receiver::default();
    let hourly = "  event_log_files: { interval: hourly }\n";
    let hook =
        |url: &str| format!("{FILES}- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n");
    // The second destination is down, so there is a backlog to move.
    scene.configure(hourly, &hook("http://127.0.0.1:9/events"));
    assert!(matches!(scene.run(&["collect"]).code, Some(4 | 5)));
    let before = scene.delivered().uids.len();
    assert!(before > 0);
    let downloads = scene.org.stats().of(Call::Download);
    let exported = scene.run(&["state", "export", "moving.orgtap", "--json"]);
    succeeds(&exported);
    assert!(exported.json()["by_hand"].to_string().contains("configuration"));

    scene.configure(hourly, &hook(&receiver.clone().start()));
    scene.reword("data_dir: data", "data_dir: elsewhere");
    let imported = scene.run(&["state", "import", "moving.orgtap", "--json"]);
    succeeds(&imported);
    // The secrets are not there yet, and where they belong is said.
    let by_hand = imported.json()["by_hand"].to_string();
    assert!(by_hand.contains("elsewhere/vault, if the old data folder has it"), "{by_hand}");
    assert!(by_hand.contains("elsewhere/vault.key, if"), "{by_hand}");
    for count in ["rows", "files", "bytes"] {
        assert_eq!(imported.json()[count], exported.json()[count]);
    }
    // All but the lag, which is as of the second it is asked in.
    let status = |scene: &Scene| {
        let mut connectors = scene.run(&["status", "--json"]).json()["connectors"].clone();
        for destination in connectors[0]["destinations"].as_array_mut().unwrap() {
            destination.as_object_mut().unwrap().remove("lag_s").expect("a lag");
        }
        connectors
    };
    let there = status(&scene);
    scene.reword("data_dir: elsewhere", "data_dir: data");
    assert_eq!(there, status(&scene));
    scene.reword("data_dir: data", "data_dir: elsewhere");

    // What is known is neither fetched nor delivered again.
    succeeds(&scene.run(&["collect"]));
    assert_eq!(scene.org.stats().of(Call::Download), downloads);
    assert_eq!(scene.delivered().uids.len(), before);
    until_all_is_there(&scene);
    succeeds(&scene.run(&["collect"]));
    assert!(scene.delivered().uids.len() > before);
    scene.compare(Interval::Hourly);
    let (delivered, repeats) = receiver.distinct();
    let now = scene.org.clock().now();
    compare(scene.org.world(), Interval::Hourly, now, &delivered).assert_exact();
    assert_eq!(repeats, 0);
    assert!(!scene.path("elsewhere/import.part").exists());
}

#[test]
fn a_file_that_is_not_whole_changes_nothing() {
    let scene = afternoon(72);
    scene.configure_files("hourly");
    succeeds(&scene.run(&["collect"]));
    succeeds(&scene.run(&["state", "export", "whole"]));
    let whole = std::fs::read(scene.path("whole")).unwrap();
    let refused = |file: &str, code: &str| {
        let ran = scene.run(&["state", "import", file]);
        assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(code), "{}", ran.stderr);
    };
    // The folder it came from has a ledger.
    refused("whole", "OT-DISK-22");
    scene.reword("data_dir: data", "data_dir: elsewhere");
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 0x10;
    for bytes in [&whole[..whole.len() - 30], &whole[..40], &altered, b"", b"something else"] {
        std::fs::write(scene.path("part"), bytes).unwrap();
        refused("part", "OT-DISK-20");
        let left: Vec<_> = all_files(&scene.path("elsewhere"));
        assert_eq!(left, [scene.path("elsewhere/lock")]);
    }
    succeeds(&scene.run(&["state", "import", "whole"]));
    succeeds(&scene.run(&["collect"]));
    until_all_is_there(&scene);
    succeeds(&scene.run(&["collect"]));
    scene.compare(Interval::Hourly);
}

#[test]
fn nothing_is_exported_from_a_folder_at_work() {
    let scene = afternoon(73);
    scene.configure_files("hourly");
    let ran = scene.run(&["state", "export", "nothing"]);
    assert!(ran.stderr.contains("OT-DISK-23"), "{}", ran.stderr);
    let daemon = crate::daemon::Daemon::start(&mut scene.command(&["run"]));
    crate::daemon::wait_until("it runs", || {
        let ran = scene.run(&["status", "--json"]);
        ran.code == Some(0) && ran.json()["running"] == true
    });
    let ran = scene.run(&["state", "export", "busy"]);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("OT-DISK-03"), "{}", ran.stderr);
    daemon.stop();
    assert!(!scene.path("busy").exists() && !scene.path("nothing").exists());
}

/// Collects the morning, in the installation the sample was made of.
fn the_samples_morning() -> Scene {
    let scene = afternoon(74);
    scene.configure_files("hourly");
    succeeds(&scene.run(&["collect"]));
    scene
}

#[test]
fn a_file_of_format_1_is_taken_over() {
    let scene = the_samples_morning();
    std::fs::remove_dir_all(scene.path("data")).unwrap();
    succeeds(&scene.run(&["state", "import", SAMPLE]));
    succeeds(&scene.run(&["collect"]));
    until_all_is_there(&scene);
    succeeds(&scene.run(&["collect"]));
    scene.compare(Interval::Hourly);
}

#[test]
#[ignore = "writes the sample anew; only for a new format"]
fn write_the_sample() {
    let scene = the_samples_morning();
    std::fs::create_dir_all(Path::new(SAMPLE).parent().unwrap()).unwrap();
    succeeds(&scene.run(&["state", "export", SAMPLE]));
}
