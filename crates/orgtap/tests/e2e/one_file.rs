//! One file that goes wrong holds up no other, and is not taken for what it is not.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use orgtap_simorg::Flow;
use orgtap_simorg::world::{Interval, WorldConfig};

use crate::front::{Deed, Front, Request, answer};
use crate::receiver::Receiver;
use crate::support::{Scene, all_files, compare, world};

/// Files fetched at once.
const FETCHERS: usize = 4;

/// The log file a request downloads.
fn downloaded(request: &Request) -> Option<String> {
    let (before, _) = request.target().split_once("/LogFile")?;
    Some(before.rsplit('/').next()?.to_owned())
}

/// A scene with hourly files of some types, whose every request passes the front.
fn fronted(seed: u64) -> (Scene, Front) {
    let event_types = ["Login", "Logout", "URI", "API", "ReportExport"].map(str::to_owned).to_vec();
    let scene = Scene::new(WorldConfig { event_types, ..world(seed, 1, 0.3) });
    let front = Front::before(scene.org.url(), None);
    let url = format!("http://{}", front.address());
    scene.org.change(|org| org.external_url = Some(url.clone()));
    scene.configure_flow_at(&url, Flow::ClientCredentials);
    (scene, front)
}

/// Meets the first `files` files that are downloaded with `deed`, so many `times` each.
fn strike(front: &Front, files: usize, times: usize, deed: fn() -> Deed) {
    let struck: Mutex<HashMap<String, usize>> = Mutex::default();
    front.decide(move |request| {
        let Some(id) = downloaded(request) else { return Deed::Pass };
        let mut struck = struck.lock().unwrap();
        if struck.len() == files && !struck.contains_key(&id) {
            return Deed::Pass;
        }
        let met = struck.entry(id).or_default();
        *met += 1;
        if *met > times { Deed::Pass } else { deed() }
    });
}

#[test]
fn files_that_always_break_off_hold_up_no_other() {
    let (scene, front) = fronted(501);
    strike(&front, FETCHERS, usize::MAX, || {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: 1000\r\n";
        Deed::Answer(format!("{head}connection: close\r\n\r\n\"EVENT_TYPE\""))
    });
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("OT-UNIT-08"), "{}", ran.stdout);
    let units = &scene.run(&["status", "--json"]).json()["connectors"][0]["units"].clone();
    assert_eq!(units["listed"], FETCHERS, "{units}");

    front.decide(|_| Deed::Pass);
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn an_answer_that_says_nothing_is_never_taken_for_a_file() {
    let (scene, front) = fronted(502);
    strike(&front, 2, 5, || answer("200 OK", "content-type: text/csv\r\n", ""));
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn a_daily_file_is_taken_when_the_hourly_ones_turn_out_to_be_gone() {
    let (scene, front) = fronted(503);
    let files = scene.org.world().files(scene.org.clock().now());
    let hourly: HashSet<String> =
        files.iter().filter(|file| file.hourly).map(|file| file.id.clone()).collect();
    assert!(!hourly.is_empty());
    front.decide(move |request| match downloaded(request) {
        Some(id) if hourly.contains(&id) => {
            let gone =
                r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#;
            answer("404 Not Found", "content-type: application/json\r\n", gone)
        }
        _ => Deed::Pass,
    });
    // The hours are not needed where one copy is enough: unless that one is not to be had.
    scene.reword("interval: hourly", "interval: auto, reconcile: off");
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    scene.compare(Interval::Daily);
}

#[test]
fn a_unit_that_is_lost_in_the_spool_is_fetched_again_while_the_org_has_it() {
    for there in [true, false] {
        let scene = Scene::new(WorldConfig {
            event_types: vec!["Login".to_owned(), "URI".to_owned()],
            ..world(504, 1, 0.3)
        });
        let hook = |url: &str| {
            let hook = format!("- name: hook\n  type: http\n  url: {url}\n  body: ndjson\n");
            scene.configure("  event_log_files: { interval: hourly }\n", &hook);
        };
        hook("http://127.0.0.1:9/events");
        assert!(matches!(scene.run(&["collect"]).code, Some(4 | 5)));
        let mut spooled = all_files(&scene.path("data/spool/acme/Login"));
        spooled.sort();
        fs::remove_file(&spooled[0]).unwrap();
        if !there {
            scene.org.change(|org| org.retention = Duration::from_hours(1));
        }
        let receiver = Receiver::default();
        hook(&receiver.clone().start());
        // It ends, whatever the unit waits for.
        let ran = scene.run(&["collect"]);
        if !there {
            assert!(matches!(ran.code, Some(4 | 5)), "{:?} {}", ran.code, ran.stdout);
            assert!(ran.stdout.contains("OT-UNIT-05"), "{}", ran.stdout);
            continue;
        }
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        let (delivered, repeats) = receiver.distinct();
        let now = scene.org.clock().now();
        compare(scene.org.world(), Interval::Hourly, now, &delivered).assert_exact();
        assert_eq!(repeats, 0);
    }
}
