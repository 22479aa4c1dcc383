//! The process dies, at named places and at any other, and is started again.

use std::process::Stdio;
use std::time::Duration;

use orgtap_simorg::world::Interval;

use crate::support::{Random, Scene, all_files, is_part, large_world, world};

/// Runs `collect` so that it dies at a place; answers whether it did.
fn dies_at(scene: &Scene, place: &str) -> bool {
    let output = scene.command(&["collect"]).env("ORGTAP_KILL_AT", place).output().unwrap();
    let died = output.status.code().is_none();
    assert!(
        died || output.status.code() == Some(0),
        "{place}: {:?}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    died
}

#[test]
fn a_death_at_any_named_place_loses_and_doubles_nothing_in_files() {
    for place in orgtap_collector::KILL_POINTS {
        let scene = Scene::new(world(21, 1, 0.1));
        scene.configure(
            "  event_log_files: { interval: daily }\n",
            "- name: files\n  type: file\n  directory: events\n  compression: none\n",
        );
        let text = std::fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
        // Releasing happens at the end of a pass, for units that are old enough.
        std::fs::write(scene.path("orgtap.yaml"), format!("spool_retention: 0s\n{text}")).unwrap();
        assert!(dies_at(&scene, place), "nothing passed {place}");
        for turn in ["2", "5", "11"] {
            dies_at(&scene, &format!("{place}:{turn}"));
        }
        scene.collect_all();
        scene.compare(Interval::Daily);
    }
}

#[test]
fn a_death_while_a_large_file_is_written_early_leaves_nothing_of_it() {
    for (place, last_batch_is_out) in [
        ("fetch.before_rename", false),
        ("admit.before_ledger", false),
        ("admit.after_ledger", false),
        ("deliver.before_write", false),
        // A file of some size is safe, and shown, with its last batch.
        ("deliver.after_write", true),
        ("deliver.after_flush", true),
    ] {
        let scene = Scene::new(large_world(23, 1));
        scene.configure_files("daily");
        assert!(dies_at(&scene, place), "nothing passed {place}");
        let shown = scene.delivered();
        let early = shown.uids.len();
        assert!(last_batch_is_out || early == 0, "{place}: {early} rows are shown");
        let found = scene.difference(Interval::Daily);
        found.assert_nothing_extra();
        let cut = found.lost.iter().find(|(lane, _)| shown.lanes.contains_key(lane));
        assert!(cut.is_none(), "{place}: a file is shown that is not whole: {cut:?}");
        scene.collect_all();
        scene.compare(Interval::Daily);
        let left = all_files(&scene.path("events")).into_iter().filter(|path| is_part(path));
        assert_eq!(left.count(), 0, "{place}");
    }
}

#[test]
fn kill_nine_at_random_moments_loses_and_doubles_nothing_in_files() {
    let scene = Scene::new(world(22, 2, 0.4));
    scene.configure_files("hourly");
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut killed = 0;
    for _ in 0..25 {
        let mut child = scene
            .command(&["collect"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(20 + random.below(400)));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(killed >= 5, "only {killed} processes lived long enough to be killed");
    scene.collect_all();
    scene.compare(Interval::Hourly);
}
