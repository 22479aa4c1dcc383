//! The commands as a person meets them: what they print, and how they end.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use orgtap_simorg::Fault;

use crate::daemon::wait_until;
use crate::support::{Ran, Scene, all_files, small_world, world};

fn scene() -> Scene {
    let scene = Scene::new(world(31, 1, 0.1));
    scene.configure_files("hourly");
    scene
}

#[test]
fn test_connection_says_connection_successful_with_its_time() {
    let scene = scene();
    let ran = scene.run(&["test-connection"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let verdict = ran.stdout.lines().find(|line| line.starts_with("Connection successful"));
    assert!(verdict.unwrap().starts_with("Connection successful  (20"), "{}", ran.stdout);
    let stages = ["Configuration", "Authentication", "Fetch Logs", "Validation", "Destination"];
    let shown: Vec<_> =
        ran.stdout.lines().filter(|line| stages.contains(&line.trim())).map(str::trim).collect();
    assert_eq!(shown, stages, "{}", ran.stdout);
    assert!(!ran.stdout.contains("FAILED"), "{}", ran.stdout);
    let json = scene.run(&["test-connection", "--json"]).json();
    assert_eq!(json["connectors"][0]["message"], "Connection successful");
}

#[test]
fn a_wrong_password_is_named_with_stage_cause_remedy_and_code_and_not_tried_again() {
    let scene = scene();
    let wrong = |args: &[&str]| scene.command(args).env("ACME_PASSWORD", "wrong").output().unwrap();
    let output = wrong(&["test-connection"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("Authentication Stage: "), "{text}");
    for word in ["cause:   ", "remedy:  ", "again:   no", "code:    OT-AUTH-"] {
        assert!(text.contains(word), "{text}");
    }
    let refused = scene.org.stats().refused_sign_ins;
    for _ in 0..5 {
        let output = wrong(&["collect"]);
        assert_eq!(output.status.code(), Some(5));
        assert!(String::from_utf8_lossy(&output.stdout).contains("OT-AUTH-50"));
    }
    assert_eq!(scene.org.stats().refused_sign_ins, refused, "a refused sign-in was repeated");
    // Changed credentials are tried at once.
    assert_eq!(scene.run(&["collect"]).code, Some(0));
}

#[test]
fn an_org_that_cannot_be_reached_is_named_as_such() {
    let scene = scene();
    let text = fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    let text = text.replace(scene.org.url(), "http://127.0.0.1:9");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    let ran = scene.run(&["test-connection"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    let verdict = "Configuration Stage: Unable to connect  (20";
    assert!(ran.stdout.contains(verdict), "{}", ran.stdout);
    assert!(ran.stdout.contains("refused"), "{}", ran.stdout);
}

#[test]
fn a_missing_permission_fails_the_fetch_logs_stage() {
    let scene = scene();
    scene.org.change(|org| org.permissions.view_event_log_files = false);
    let ran = scene.run(&["test-connection"]);
    assert_eq!(ran.code, Some(5));
    assert!(ran.stdout.contains("Fetch Logs Stage: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("View Event Log Files"), "{}", ran.stdout);
}

#[test]
fn a_used_up_quota_ends_the_pass_and_the_next_one_finishes_it() {
    let scene = scene();
    scene.org.faults().first(Fault::Quota, 1);
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(4), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("OT-ORG-"), "{}", ran.stdout);
    scene.org.faults().clear_all();
    assert_eq!(scene.run(&["collect"]).code, Some(0));
}

#[test]
fn errors_that_are_over_are_still_told_with_what_to_do() {
    let scene = scene();
    let recent = || scene.run(&["status", "--json"]).json()["connectors"][0].take();
    scene.org.faults().first(Fault::Quota, 1);
    scene.run(&["collect"]);
    scene.org.faults().clear_all();
    // A file where the events' folder should be.
    std::fs::write(scene.path("events"), "in the way").unwrap();
    assert_eq!(scene.run(&["collect"]).code, Some(4));
    assert_eq!(scene.run(&["collect"]).code, Some(4));
    std::fs::remove_file(scene.path("events")).unwrap();
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    let one = recent();
    assert_eq!((&one["state"], &one["problem"]), (&"active".into(), &serde_json::Value::Null));
    let errors = one["recent_errors"].as_array().unwrap();
    let [blocked, quota] = &**errors else { panic!("{errors:#?}") };
    assert_eq!(blocked["destination"], "files");
    assert!(blocked["times"].as_i64().unwrap() >= 2, "{blocked:#}");
    assert!(blocked["since"].as_str() < blocked["at"].as_str(), "{blocked:#}");
    assert_eq!(quota["destination"], serde_json::Value::Null);
    let text = scene.run(&["status"]).stdout;
    assert!(text.contains("met 1 time, last 20"), "{text}");
    for error in errors {
        assert!(text.contains(error["problem"]["message"].as_str().unwrap()), "{text}");
        assert!(error["problem"]["code"].as_str().unwrap().starts_with("OT-"), "{error:#}");
        assert!(!error["problem"]["remedy"].as_str().unwrap().is_empty(), "{error:#}");
    }
}

#[test]
fn status_says_what_was_collected() {
    let scene = scene();
    scene.collect_all();
    let json = scene.run(&["status", "--json"]).json();
    let one = &json["connectors"][0];
    assert_eq!(one["state"], "active");
    let delivered = one["destinations"][0]["delivered"].as_u64().unwrap();
    assert_eq!(delivered, scene.delivered().uids.len() as u64);
    let text = scene.run(&["status"]).stdout;
    assert!(text.contains("acme") && text.contains("Active"), "{text}");
}

#[test]
fn two_processes_do_not_share_a_data_folder() {
    let scene = scene();
    let mut daemon = scene.command(&["run"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("the daemon is healthy", || scene.run(&["healthcheck"]).code == Some(0));
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("OT-DISK-03"), "{}", ran.stderr);
    // Looking is allowed, and so is testing.
    assert_eq!(scene.run(&["test-connection"]).code, Some(0));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let ran = scene.run(&["healthcheck"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("not running"), "{}", ran.stdout);
}

#[test]
fn run_collects_what_appears_and_stops_when_told() {
    let scene = scene();
    let text = fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    let text = text.replace("  destinations: [", "  poll_interval: 1s\n  destinations: [");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    let mut daemon = scene.command(&["run"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    wait_until("a unit is delivered", || {
        let json = scene.run(&["status", "--json"]);
        json.code == Some(0) && json.json()["connectors"][0]["units"]["done"].as_u64() > Some(0)
    });
    let id = daemon.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(daemon.wait().unwrap().success());
    scene.collect_all();
    scene.compare(orgtap_simorg::world::Interval::Hourly);
}

#[test]
fn a_daemon_whose_password_is_refused_asks_once_and_goes_on_when_it_is_changed() {
    let scene = scene();
    let text = fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    let text = text.replace("{ env: ACME_PASSWORD }", "{ file: password }");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    fs::write(scene.path("password"), "wrong").unwrap();
    let mut daemon = scene.command(&["run"]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let state = || {
        let json = scene.run(&["status", "--json"]);
        if json.code == Some(2) {
            String::new()
        } else {
            json.json()["connectors"][0]["state"].to_string()
        }
    };
    wait_until("the connector is in error", || state() == "\"error\"");
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert_eq!(scene.org.stats().refused_sign_ins, 1, "a refused sign-in was repeated");
    fs::write(scene.path("password"), &scene.org.credentials().password).unwrap();
    wait_until("the connector is active", || state() == "\"active\"");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

#[test]
fn convert_gives_the_same_events_as_collecting() {
    let scene = scene();
    let file = scene
        .org
        .world()
        .files(scene.org.clock().now())
        .iter()
        .find(|file| file.hourly && file.event_type == "ApiTotalUsage")
        .cloned()
        .unwrap();
    let path = scene.path(&format!("{}.csv.gz", file.id));
    let mut packer = flate2::write::GzEncoder::new(
        fs::File::create(&path).unwrap(),
        flate2::Compression::fast(),
    );
    packer.write_all(&scene.org.world().content(&file)).unwrap();
    packer.finish().unwrap();
    let ran = scene.run(&["convert", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.collect_all();
    let collected: std::collections::HashSet<String> = scene.delivered().uids.into_iter().collect();
    let mut count = 0;
    for line in ran.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(collected.contains(event["_orgtap"]["event_uid"].as_str().unwrap()), "{line}");
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn a_wrong_key_is_refused_with_its_line_and_the_nearest_right_word() {
    let scene = scene();
    let text = fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    fs::write(scene.path("orgtap.yaml"), text.replace("consumer_key", "consumer_kee")).unwrap();
    let ran = scene.run(&["config", "check"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("consumer_kee") && ran.stderr.contains("consumer_key"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("orgtap.yaml:"), "{}", ran.stderr);
}

#[test]
fn the_example_configuration_passes_its_own_check() {
    let scene = scene();
    let example = scene.run(&["config", "example"]).stdout;
    fs::write(scene.path("example.yaml"), example).unwrap();
    let ran = scene.run(&["--config", "example.yaml", "config", "check"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn the_demo_shows_the_main_job_though_another_wants_the_consoles_port() {
    let scene = scene();
    let mut demo = scene.command(&["demo", "--users", "8", "--days", "2"]);
    let demo = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let configured = scene.path("orgtap-demo/orgtap.yaml");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !configured.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    // Whoever comes now is too late: the port in the configuration is the demo's already.
    let rival = TcpListener::bind("127.0.0.1:8080");
    let ran = Ran::of(&demo.wait_with_output().unwrap());
    drop(rival);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("Connection successful"), "{}", ran.stdout);
    assert!(ran.stdout.contains("nothing comes twice"), "{}", ran.stdout);
    assert!(ran.stdout.contains("The console answers at http://127.0.0.1:"), "{}", ran.stdout);
    assert!(scene.path("orgtap-demo/events/acme/Login").is_dir());
}

#[test]
fn secrets_appear_in_no_output_and_no_file() {
    let scene = scene();
    let mut seen = String::new();
    for args in [
        &["--log", "trace", "test-connection"][..],
        &["--log", "trace", "collect"],
        &["status", "--json"],
        &["config", "check"],
    ] {
        let ran = scene.run(args);
        seen.push_str(&ran.stdout);
        seen.push_str(&ran.stderr);
    }
    let login = scene.org.credentials();
    for secret in
        [&login.password, &login.security_token, &login.consumer_secret, &login.consumer_key]
    {
        assert!(!seen.contains(secret.as_str()), "a secret was printed");
        for path in all_files(scene.folder.path()) {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

#[test]
fn a_code_is_explained_in_plain_words_or_as_json() {
    let scene = Scene::new(small_world(94));
    let ran = scene.run(&["explain", "ot-auth-01"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("OT-AUTH-01: ") && !ran.stdout.contains('*'), "{}", ran.stdout);
    assert!(ran.stdout.contains("  remedy:  ") && ran.stdout.contains("       check:  "));
    let meaning = scene.run(&["explain", "OT-AUTH-01", "--json"]).json()["meanings"][0].clone();
    assert!(meaning["title"].is_string() && meaning["possibilities"][0]["check"].is_string());
    assert_eq!(scene.run(&["explain", "none"]).code, Some(2));
}
