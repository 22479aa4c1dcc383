//! A lost row index: made again from the spool or the org, or else said, and nothing comes twice.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use orgtap_simorg::ClockConfig;
use orgtap_simorg::world::{Interval, WorldConfig};

use crate::support::{Ran, Scene, all_files, first_day, world};

/// The evening of the world's only day; hourly files of all but its end are collected.
fn evening(seed: u64) -> Scene {
    let event_types = ["Login", "Logout", "URI"].map(str::to_owned).to_vec();
    let world = WorldConfig { event_types, ..world(seed, 1, 0.4) };
    let scene = Scene::with(world, |config| {
        config.clock = ClockConfig::standing(first_day() + SignedDuration::from_hours(21));
    });
    scene.configure_files("both");
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene
}

/// The largest row index of the logins, and the spooled bytes it is of.
fn index(scene: &Scene) -> (PathBuf, PathBuf) {
    let of = |folder: &Path| all_files(&folder.join("acme/Login"));
    let mut indexes = of(&scene.path("data/rows"));
    indexes.retain(|path| path.extension().is_some_and(|ending| ending == "rows"));
    let index = indexes.into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let key = index.file_stem().unwrap().to_str().unwrap().to_owned();
    let bytes = of(&scene.path("data/spool"));
    let bytes = bytes.into_iter().find(|path| path.to_str().unwrap().contains(&key)).unwrap();
    (index, bytes)
}

/// The daily file is there; files older than this are not.
fn daily(scene: &Scene, retention: Option<SignedDuration>) -> Ran {
    scene.org.clock().advance(SignedDuration::from_hours(96)).unwrap();
    if let Some(retention) = retention {
        let retention = Duration::try_from(retention).unwrap();
        scene.org.change(|org| org.retention = retention);
    }
    scene.run(&["collect"])
}

/// The hourly files are gone, the daily one is not.
const WITHOUT_HOURLY: SignedDuration = SignedDuration::from_hours(21 + 96 - 23);

fn assert_success(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_lost_or_damaged_row_index_is_made_again() {
    for (seed, damage, spooled) in [(401, false, false), (402, true, false), (403, true, true)] {
        let scene = evening(seed);
        let (index, bytes) = index(&scene);
        if damage {
            let mut there = fs::read(&index).unwrap();
            let middle = there.len() / 2;
            there[middle] ^= 1;
            fs::write(&index, there).unwrap();
        } else {
            fs::remove_file(&index).unwrap();
        }
        if !spooled {
            fs::remove_file(&bytes).unwrap();
        }
        let ran = daily(&scene, None);
        assert_success(&ran);
        assert!(ran.stderr.contains("is made again"), "{}", ran.stderr);
        assert!(index.exists());
        scene.compare(Interval::Daily);
    }
}

#[test]
fn what_a_lost_row_index_is_needed_for_waits_for_a_person() {
    for backup in [true, false] {
        let scene = evening(404);
        let (index, bytes) = index(&scene);
        let saved = fs::read(&index).unwrap();
        fs::remove_file(&index).unwrap();
        fs::remove_file(&bytes).unwrap();
        let before = scene.delivered().uids.len();
        let ran = daily(&scene, Some(WITHOUT_HOURLY));
        assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
        assert!(scene.delivered().uids.len() > before, "other lanes go on: {}", ran.stdout);
        let found = scene.difference(Interval::Daily);
        found.assert_nothing_extra();
        assert!(!found.lost.is_empty());
        assert!(found.lost.iter().all(|((event_type, _), _)| event_type == "Login"));

        let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
        assert_eq!(status["problem"]["code"], "OT-UNIT-06", "{status}");
        let remedy = status["problem"]["remedy"].as_str().unwrap();
        assert!(remedy.contains("orgtap dead-letters replay --code OT-UNIT-06"), "{remedy}");
        let letters = scene.run(&["dead-letters", "--code", "OT-UNIT-06"]).stdout;
        assert!(letters.contains("no longer has the file"), "{letters}");
        assert_eq!(scene.run(&["collect"]).code, Some(3), "it goes on waiting");

        if backup {
            fs::write(&index, saved).unwrap();
        }
        assert_success(&scene.run(&["dead-letters", "replay", "--code", "OT-UNIT-06"]));
        assert_success(&scene.run(&["collect"]));
        let found = scene.difference(Interval::Daily);
        assert!(found.lost.is_empty());
        assert_eq!(found.extra.is_empty(), backup, "only without a backup");
        let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
        assert_eq!(status["state"], "active", "{status}");
    }
}
