//! Status and healthcheck: red while nothing can be collected, and no longer than that.

use std::fs;

use orgtap_simorg::Fault;
use serde_json::Value;

use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Ran, Scene, small_world};

/// A connector of hourly files.
fn scene() -> Scene {
    let scene = Scene::new(small_world(91));
    scene.configure_files("hourly");
    scene
}

/// What status exits with, and what it says of the connector.
fn status(scene: &Scene) -> (Option<i32>, Value) {
    let ran = scene.run(&["status", "--json"]);
    let one = if ran.code == Some(2) { Value::Null } else { ran.json()["connectors"][0].clone() };
    (ran.code, one)
}

fn assert_active(scene: &Scene) {
    let (code, one) = status(scene);
    assert_eq!((code, &one["state"]), (Some(0), &"active".into()), "{one:#}");
}

/// Fails unless status tells this code with what can be done.
fn assert_error(scene: &Scene, told: &str) {
    let (code, one) = status(scene);
    assert_eq!((code, &one["state"]), (Some(5), &"error".into()), "{one:#}");
    assert_eq!(one["problem"]["code"], told, "{one:#}");
    for key in ["cause", "remedy"] {
        assert!(!one["problem"][key].as_str().unwrap().is_empty(), "{one:#}");
    }
}

#[test]
fn a_permission_taken_away_after_a_good_pass_is_an_error_until_it_is_given_back() {
    let scene = scene();
    scene.collect_all();
    assert_active(&scene);
    scene.org.change(|org| org.permissions.view_event_log_files = false);
    assert_eq!(scene.run(&["collect"]).code, Some(5));
    assert_error(&scene, "OT-ORG-32");
    // A daemon that starts says so, too.
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("the daemon is ill", || {
        let ran = scene.run(&["healthcheck"]);
        ran.code == Some(1) && ran.stdout.starts_with("acme: ")
    });
    assert_eq!(daemon.stop().code, Some(0));
    assert_error(&scene, "OT-ORG-32");
    scene.org.change(|org| org.permissions.view_event_log_files = true);
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_active(&scene);
}

#[test]
fn a_secret_that_is_gone_after_a_good_pass_is_an_error_until_it_is_there_again() {
    let scene = scene();
    scene.collect_all();
    let ran = scene.command(&["collect"]).env_remove("ACME_KEY").output().unwrap();
    let ran = Ran::of(&ran);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    assert_error(&scene, "OT-CONF-09");
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_active(&scene);
}

#[test]
fn what_stopped_a_daemon_is_over_when_a_pass_goes_well() {
    let scene = scene();
    let daemon = Daemon::start(scene.command(&["run"]).env_remove("ACME_KEY"));
    wait_until("the connector has stopped", || {
        let (_, one) = status(&scene);
        one["reason"].as_str().is_some_and(|reason| reason.starts_with("stopped: "))
    });
    assert_eq!(daemon.stop().code, Some(0));
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    assert_active(&scene);
}

#[test]
fn a_daemon_that_never_gets_through_a_poll_is_not_healthy_for_ever() {
    let scene = scene();
    scene.org.faults().always(Fault::ResetOnConnect);
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("the daemon is ill", || {
        let ran = scene.run(&["healthcheck", "--max-age", "1"]);
        ran.code == Some(1) && ran.stdout.starts_with("acme: not polled")
    });
    // It may take some time.
    let ran = scene.run(&["healthcheck"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    scene.org.faults().clear_all();
    wait_until("it has polled", || status(&scene).1["last_poll_ok"] == true);
    assert_eq!(scene.run(&["healthcheck", "--max-age", "60"]).code, Some(0));
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_daemon_without_a_connector_is_healthy_and_so_it_is_beside_a_broken_one() {
    let scene = Scene::new(small_world(92));
    let text = format!("data_dir: data\nconsole: off\ndestinations:\n{FILES}");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    let ran = scene.run(&["status"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("there is no connector yet"), "{}", ran.stdout);
    assert_eq!(scene.run(&["healthcheck"]).code, Some(1), "nothing runs");
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("the daemon is healthy", || scene.run(&["healthcheck"]).code == Some(0));
    assert_eq!(scene.run(&["status", "--json"]).json()["connectors"], serde_json::json!([]));
    assert_eq!(daemon.stop().code, Some(0));

    let mut args = vec!["connector", "add", "--name", "acme", "--instance-url", scene.org.url()];
    args.extend(["--consumer-key-from", "env:ACME_KEY", "--destination", "files"]);
    args.extend(["--consumer-secret-from", "env:ACME_SECRET", "--no-test"]);
    let ran = scene.run(&args);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let broken = scene.path("data/connectors/beta.yaml");
    fs::write(&broken, "connectors: [").unwrap();
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("acme is collected", || status(&scene).1["state"] == "active");
    assert_eq!(scene.run(&["healthcheck"]).code, Some(0));
    let ran = scene.run(&["status", "--json"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    let told = ran.json()["broken"][0].clone();
    assert!(told["message"].as_str().unwrap().contains("beta.yaml"), "{told:#}");
    assert!(scene.run(&["status"]).stdout.contains("beta.yaml"));
    fs::remove_file(broken).unwrap();
    assert_eq!(scene.run(&["status"]).code, Some(0));
    let said = daemon.stop();
    assert_eq!(said.code, Some(0));
    assert!(said.stderr.contains("beta.yaml"), "{}", said.stderr);
}
