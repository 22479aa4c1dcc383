//! The spool keeps to its limit: what is finished goes early, and fetching waits for what is not.

use orgtap_simorg::world::Interval;

use crate::receiver::Receiver;
use crate::support::{FILES, Scene, all_files, compare, world};

const HOURLY: &str = "  event_log_files: { interval: hourly }\n";

fn spooled(scene: &Scene) -> u64 {
    let files = all_files(&scene.path("data/spool"));
    files.iter().map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn what_is_finished_leaves_the_spool_before_its_time_when_there_is_too_much() {
    let scene = Scene::new(world(81, 1, 0.1));
    scene.configure(HOURLY, FILES);
    scene.reword("data_dir: data\n", "data_dir: data\nspool_limit: 16KiB\n");
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    scene.compare(Interval::Hourly);
    assert!(spooled(&scene) < 16_384, "{}", spooled(&scene));
}

#[test]
fn fetching_waits_while_a_destination_is_down_and_goes_on_by_itself() {
    let scene = Scene::new(world(82, 1, 0.1));
    let hook = |url: &str| {
        let hook = format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n");
        scene.configure(HOURLY, &format!("{FILES}{hook}"));
        scene.reword("data_dir: data\n", "data_dir: data\nspool_limit: 16KiB\n");
    };
    hook("http://127.0.0.1:9/events");
    let ran = scene.run(&["collect"]);
    assert!(matches!(ran.code, Some(4 | 5)), "{:?} {}", ran.code, ran.stdout);
    assert!(ran.stdout.contains("OT-DISK-04"), "{}", ran.stdout);
    let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
    assert!(status["reason"].as_str().unwrap().contains("fetching waits"), "{status}");
    assert_eq!(status["problem"]["code"], "OT-DISK-04");
    assert!(status["problem"]["remedy"].as_str().unwrap().contains("spool_limit"));
    let listed = &status["units"];
    assert!(listed["listed"].as_i64().unwrap() > 5, "{listed}");
    // A few were on their way when the limit was reached.
    assert!((16_384..200_000).contains(&spooled(&scene)), "{}", spooled(&scene));

    let receiver = Receiver::default();
    hook(&receiver.clone().start());
    scene.collect_all();
    scene.compare(Interval::Hourly);
    let (delivered, repeats) = receiver.distinct();
    let now = scene.org.clock().now();
    compare(scene.org.world(), Interval::Hourly, now, &delivered).assert_exact();
    assert_eq!(repeats, 0);
    // It is over: among the recent errors, and no longer what is wrong.
    assert!(!scene.run(&["status"]).stdout.contains("code: OT-DISK-04"));
    let status = scene.run(&["status", "--json"]).json()["connectors"][0].clone();
    assert_eq!(
        (&status["state"], &status["problem"]),
        (&"active".into(), &serde_json::Value::Null)
    );
    let recent = status["recent_errors"].as_array().unwrap();
    assert!(recent.iter().any(|error| error["problem"]["code"] == "OT-DISK-04"), "{status:#}");
    assert!(spooled(&scene) < 16_384);
}
