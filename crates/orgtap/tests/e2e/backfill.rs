//! Backfills: days before the connector's start, beside what is new.

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use orgtap_simorg::Call;
use orgtap_simorg::world::Interval;
use serde_json::Value;

use crate::daemon::{Daemon, wait_until};
use crate::front::{Deed, Front, Request, answer};
use crate::support::{FILES, Scene, small_world, world};

/// Files created before the third day are left alone by the look for new ones.
const START: &str = "2026-10-07T00:00:00Z";
const RANGE: [&str; 4] = ["--from", "2026-10-05", "--to", "2026-10-08"];

fn scene(seed: u64) -> Scene {
    let scene = Scene::new(world(seed, 3, 0.15));
    configure(&scene, "");
    scene
}

fn configure(scene: &Scene, more: &str) {
    let files = "  event_log_files: { interval: hourly }\n";
    scene.configure(&format!("{files}  start: {START}\n  poll_interval: 1s\n{more}"), FILES);
}

fn backfill(more: &[&str]) -> Vec<&'static str> {
    let more = more.iter().map(|it| &*Box::leak((*it).to_owned().into_boxed_str()));
    ["backfill"].into_iter().chain(RANGE).chain(more).collect()
}

fn newest(scene: &Scene) -> Value {
    let ran = scene.run(&["backfill", "--status", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()["connectors"][0]["backfills"][0].clone()
}

#[test]
fn a_backfill_brings_what_the_start_left_behind_once_and_nothing_twice() {
    let scene = scene(41);
    scene.collect_all();
    let before = scene.difference(Interval::Hourly);
    assert!(before.lost.len() > before.rows / 3, "{} of {}", before.lost.len(), before.rows);
    let downloads = scene.org.stats().of(Call::Download);

    let ran = scene.run(&backfill(&["--dry-run", "--json"]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let plan = ran.json()["plans"][0].clone();
    assert_eq!(scene.org.stats().of(Call::Download), downloads, "a plan downloads nothing");
    assert!(plan["known"].as_u64() > Some(0), "{plan}");

    let ran = scene.run(&backfill(&["--json"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene.compare(Interval::Hourly);
    let done = newest(&scene);
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(done["files"], plan["files"], "{plan}");
    assert_eq!(done["known"], plan["known"], "{plan}");
    let fetched = scene.org.stats().of(Call::Download) - downloads;
    assert_eq!(plan["files"].as_u64(), Some(fetched), "known files are not fetched again");

    // Once more: all is known.
    let ran = scene.run(&backfill(&["--json"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(newest(&scene)["files"], 0);
    scene.compare(Interval::Hourly);
}

#[test]
fn a_backfill_of_some_types_leaves_the_others() {
    let scene = scene(42);
    let ran = scene.run(&backfill(&["--types", "Log*,!Logout", "--json"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let found = scene.difference(Interval::Hourly);
    assert!(found.extra.is_empty());
    let is_early = |day: &str| day < "2026-10-06";
    let early = |lanes: &mut dyn Iterator<Item = &(String, String)>| -> Vec<String> {
        let mut types: Vec<_> = lanes.filter(|it| is_early(&it.1)).map(|it| it.0.clone()).collect();
        types.sort();
        types.dedup();
        types
    };
    let delivered = scene.delivered();
    assert_eq!(early(&mut delivered.lanes.keys()), ["Login"]);
    let lost = early(&mut found.lost.iter().map(|row| &row.0));
    assert!(!lost.contains(&"Login".to_owned()) && lost.len() > 3, "{lost:?}");
}

#[test]
fn killed_and_run_again_a_backfill_loses_and_doubles_nothing() {
    let scene = scene(43);
    let mut killed = 0;
    for turn in 0..12_u64 {
        let args = backfill(&[]);
        let mut child =
            scene.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(60 + 35 * turn));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(killed >= 4, "only {killed} lived long enough to be killed");
    for place in ["fetch.mid_download", "admit.after_ledger:20", "deliver.after_write:9"] {
        scene.command(&backfill(&[])).env("ORGTAP_KILL_AT", place).output().unwrap();
    }
    let ran = scene.run(&backfill(&[]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene.compare(Interval::Hourly);
}

#[test]
fn new_files_go_out_before_those_of_a_backfill() {
    let scene = scene(44);
    let files = "  event_log_files: { interval: hourly }\n";
    let events = "- name: events\n  type: stdout\n";
    scene.configure(&format!("{files}  start: {START}\n"), events);
    let ran = scene.run(&backfill(&[]));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let created: Vec<Timestamp> = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| {
            let event: Value = serde_json::from_str(line).unwrap();
            event["_orgtap"]["created_date"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    let is_new = |at: &Timestamp| *at >= START.parse().unwrap();
    let first = created.iter().position(|at| !is_new(at)).unwrap();
    assert!(first > 0 && !created[first..].iter().any(is_new), "{first} of {}", created.len());
}

#[test]
fn a_running_daemon_carries_a_backfill_out_and_a_cancelled_one_not() {
    let scene = scene(45);
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("it polls", || {
        let ran = scene.run(&["status", "--json"]);
        ran.code == Some(0) && ran.json()["connectors"][0]["state"] == "active"
    });
    let ran = scene.run(&backfill(&["--json"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.json()["begun"][0]["connector"], "acme");
    wait_until("the backfill is done", || newest(&scene)["state"] == "done");
    assert!(daemon.runs());
    daemon.stop();
    scene.compare(Interval::Hourly);

    let scene = self::scene(46);
    configure(&scene, "  api_budget: { floor: 100% }\n");
    // Nothing can be fetched, so it stays under way until a person stops it.
    let ran = scene.run(&backfill(&["--json"]));
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    let id = newest(&scene)["id"].to_string();
    assert_eq!(scene.run(&["backfill", "--cancel", &id]).code, Some(0));
    assert_eq!(newest(&scene)["state"], "cancelled");
    assert_eq!(scene.run(&["backfill", "--cancel", &id]).code, Some(2));
    configure(&scene, "");
    scene.run(&["test-connection"]);
    scene.collect_all();
    assert!(!scene.difference(Interval::Hourly).lost.is_empty());
}

#[test]
fn a_backfill_leaves_the_calls_that_new_files_need() {
    let scene = scene(47);
    configure(&scene, "  api_budget: { daily: 5000 }\n");
    scene.collect_all();
    let live = scene.org.stats().of(Call::Download);
    // All but a few of the day's calls that are not kept for new files are made.
    let made = scene.run(&["status", "--json"]).json()["connectors"][0]["api_calls"].clone();
    let made: u64 = ["describe", "list", "download", "limits", "account"]
        .iter()
        .filter_map(|purpose| made[*purpose].as_u64())
        .sum();
    let daily = format!("daily: {}", (made + 25) * 5 / 4);
    scene.reword("daily: 5000", &daily);
    let ran = scene.run(&backfill(&["--json"]));
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    let text = &ran.stdout;
    assert!(text.contains("OT-ORG-64"), "{text}");
    let fetched = scene.org.stats().of(Call::Download) - live;
    assert!((1..=25).contains(&fetched), "{fetched}");
    scene.difference(Interval::Hourly).assert_nothing_extra();
    scene.reword(&daily, "daily: 10000");
    let ran = scene.run(&backfill(&["--json"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene.compare(Interval::Hourly);
}

#[cfg(unix)]
#[test]
fn a_data_folder_that_a_backfill_makes_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new(small_world(77));
    scene.configure_files("daily");
    for more in [&["--dry-run"][..], &[]] {
        let args = ["backfill", "--from", "2026-10-05", "--to", "2026-10-06"];
        let ran = scene.run(&[&args, more].concat());
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let mode = std::fs::metadata(scene.path("data")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
        std::fs::remove_dir_all(scene.path("data")).unwrap();
    }
}

/// A daemon behind a front, and a backfill that it has not noticed yet.
fn behind(front: &Front, scene: &Scene) -> Daemon {
    let url = format!("http://{}", front.address());
    scene.org.change(|org| org.external_url = Some(url.clone()));
    scene.reword(scene.org.url(), &url);
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("it polls", || {
        let ran = scene.run(&["status", "--json"]);
        ran.code == Some(0) && ran.json()["connectors"][0]["state"] == "active"
    });
    daemon
}

/// Whether a request lists files by the days they are about, as only a backfill does.
fn is_of_a_backfill(request: &Request) -> bool {
    request.target().matches("LogDate").count() > 1
}

#[test]
fn a_backfill_that_is_cancelled_while_it_is_listed_stops_nothing_else() {
    let scene = scene(48);
    let front = Front::before(scene.org.url(), None);
    let mut daemon = behind(&front, &scene);
    front.decide(|request| {
        if is_of_a_backfill(request) {
            std::thread::sleep(Duration::from_secs(2));
        }
        Deed::Pass
    });
    let before = front.seen().len();
    assert_eq!(scene.run(&backfill(&["--json"])).code, Some(0));
    wait_until("it is listed", || front.seen().iter().skip(before).any(is_of_a_backfill));
    let id = newest(&scene)["id"].to_string();
    assert_eq!(scene.run(&["backfill", "--cancel", &id]).code, Some(0));
    let listed = front.seen().len();
    wait_until("it goes on looking", || front.seen().len() > listed + 3);
    assert!(daemon.runs());
    daemon.stop();
    assert_eq!(newest(&scene)["state"], "cancelled");
}

#[test]
fn a_backfill_the_org_refuses_holds_up_no_new_files() {
    let scene = scene(49);
    let front = Front::before(scene.org.url(), None);
    let daemon = behind(&front, &scene);
    front.decide(|request| {
        let refusal = r#"[{"errorCode":"TXN_SECURITY_NO_ACCESS","message":"refused"}]"#;
        if is_of_a_backfill(request) {
            return answer("403 Forbidden", "content-type: application/json\r\n", refusal);
        }
        Deed::Pass
    });
    let before = front.seen().len();
    assert_eq!(scene.run(&backfill(&["--json"])).code, Some(0));
    wait_until("it is refused", || front.seen().iter().skip(before).any(is_of_a_backfill));
    let refused = front.seen().len();
    wait_until("it looks for new files", || front.seen().len() > refused + 3);
    daemon.stop();
}
