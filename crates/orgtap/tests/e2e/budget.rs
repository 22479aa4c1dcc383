//! The API budget: the org's floor, a number of calls a day, and what goes on meanwhile.

use std::time::Duration;

use orgtap_simorg::world::Interval;
use orgtap_simorg::{Call, Stats};
use serde_json::Value;

use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Scene, world};

/// Calls that the org counts against its allowance.
fn charged(stats: &Stats) -> u64 {
    let free = [Call::Connect, Call::Versions, Call::Token, Call::OAuth];
    let counted = Call::ALL.into_iter().filter(|call| !free.contains(call));
    counted.map(|call| stats.of(call)).sum()
}

/// An org that allows so many calls, and a connector with this budget.
fn scene(allowed: u64, budget: &str) -> Scene {
    let scene = Scene::with(world(31, 1, 0.1), |config| config.org.daily_api_limit = allowed);
    let lines = format!(
        "  event_log_files: {{ interval: hourly }}\n  poll_interval: 1s\n  api_budget: {budget}\n"
    );
    scene.configure(&lines, FILES);
    scene
}

fn status(scene: &Scene) -> Value {
    let ran = scene.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.json()["connectors"][0].clone()
}

/// The first problem of a pass.
fn problem(pass: &Value) -> &Value {
    &pass["connectors"][0]["problems"][0]
}

#[test]
fn collection_slows_then_stops_above_the_floor_and_asks_nothing_until_it_may() {
    let scene = scene(60, "{ floor: 25% }");
    let mut codes = Vec::new();
    while codes.last().is_none_or(|code| code != "OT-ORG-61") {
        let ran = scene.run(&["collect", "--json"]);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        codes.push(problem(&ran.json())["code"].as_str().unwrap().to_owned());
        assert!(codes.len() < 20, "{codes:?}");
    }
    assert_eq!(codes[0], "OT-ORG-63", "{codes:?}");
    let made = charged(&scene.org.stats());
    assert!((20..=45).contains(&made), "{made} calls; the floor is at 45");
    // What was fetched by then is delivered.
    assert!(!scene.delivered().uids.is_empty());
    scene.difference(Interval::Hourly).assert_nothing_extra();

    let before = scene.org.stats();
    for _ in 0..3 {
        let ran = scene.run(&["collect", "--json"]);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        assert_eq!(problem(&ran.json())["code"], "OT-ORG-61", "{}", ran.stdout);
    }
    assert_eq!(scene.org.stats(), before, "not even a sign-in");
    let status = status(&scene);
    assert_eq!(status["state"], "degraded", "{status}");
    assert_eq!(status["problem"]["code"], "OT-ORG-61", "{status}");
    assert_eq!(status["api_usage"], serde_json::json!([made, 60]), "{status}");
    assert_eq!(status["api_calls"]["download"], scene.org.stats().of(Call::Download), "{status}");
    assert_eq!(status["api_calls"]["sign_in"], 1, "{status}");

    // A person who asks is answered, and collection goes on.
    scene.org.change(|org| org.daily_api_limit = 100_000);
    let test = scene.run(&["test-connection", "--json"]);
    assert_eq!(test.code, Some(0), "{}{}", test.stdout, test.stderr);
    scene.collect_all();
    scene.compare(Interval::Hourly);
    assert_eq!(self::status(&scene)["state"], "active");
}

#[test]
fn a_days_own_calls_are_not_exceeded_by_any_number_of_passes() {
    let scene = scene(15_000, "{ daily: 12 }");
    for pass in 0..3 {
        let ran = scene.run(&["collect", "--json"]);
        assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        let code = problem(&ran.json())["code"].clone();
        // The last calls are spread over what is left of the day.
        assert!(code == "OT-ORG-62" || code == "OT-ORG-63", "pass {pass}: {code}");
        let made = charged(&scene.org.stats());
        assert!(made <= 12, "pass {pass}: {made} calls");
    }
    scene.difference(Interval::Hourly).assert_nothing_extra();
    scene.reword("daily: 12", "daily: 5000");
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn a_daemon_slows_and_stops_delivers_what_it_has_and_goes_on_when_the_org_recovers() {
    let scene = scene(60, "{ floor: 25% }");
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    let is_told = |code: &str| {
        let ran = scene.run(&["status", "--json"]);
        ran.code == Some(0) && ran.json()["connectors"][0]["api_restraint"]["code"] == code
    };
    wait_until("it slows", || is_told("OT-ORG-63"));
    // Others use calls too: here the org has fewer to give. Whoever asks tells the daemon.
    scene.org.change(|org| org.daily_api_limit = 50);
    scene.run(&["test-connection"]);
    wait_until("it stops", || is_told("OT-ORG-61"));
    wait_until("what is in the spool is delivered", || {
        let destination = &status(&scene)["destinations"][0];
        destination["waiting"] == 0 && destination["finished"].as_i64() > Some(10)
    });
    let made = charged(&scene.org.stats());
    // Some polls later it has not asked again.
    let status_then = status(&scene);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(charged(&scene.org.stats()), made);
    assert_eq!(status(&scene)["units"], status_then["units"]);

    scene.org.change(|org| org.daily_api_limit = 100_000);
    assert_eq!(scene.run(&["test-connection", "--json"]).code, Some(0));
    let rows = scene.difference(Interval::Hourly).rows;
    wait_until("all is delivered", || scene.delivered().uids.len() == rows);
    assert!(daemon.runs());
    let ran = daemon.stop();
    scene.compare(Interval::Hourly);
    for told in ["calls to the org are spread", "no more calls to the org"] {
        assert_eq!(ran.stderr.matches(told).count(), 1, "{}", ran.stderr);
    }
}
