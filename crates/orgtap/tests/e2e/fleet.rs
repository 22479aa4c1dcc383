//! Connectors of a daemon that are paused, added, removed and refused while the others go on.

use std::fs;

use orgtap_simorg::Call;
use orgtap_simorg::world::Interval;
use serde_json::Value;

use crate::daemon::{Daemon, wait_until};
use crate::support::{Delivered, Ran, Scene, compare, small_world};

/// Two destinations, of which each connector gets one.
const TWO: &str = "\
- name: files\n  type: file\n  directory: events\n  compression: none\n\
- name: more\n  type: file\n  directory: more\n  compression: none\n";

/// An org, and a configuration without any connector.
fn scene() -> Scene {
    let scene = Scene::new(small_world(61));
    let retry = "retry: { initial: 5ms, max: 100ms, attempts: 12 }";
    let text = format!("data_dir: data\n{retry}\ndestinations:\n{TWO}");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    scene
}

/// Adds a connector by command, for a destination.
fn add(scene: &Scene, name: &str, destination: &str, more: &[&str]) {
    let mut args = vec!["connector", "add", "--name", name, "--instance-url", scene.org.url()];
    args.extend(["--consumer-key-from", "env:ACME_KEY", "--poll-interval", "1s"]);
    args.extend(["--consumer-secret-from", "env:ACME_SECRET", "--destination", destination]);
    args.extend(more);
    let ran = scene.run(&args);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

fn status(scene: &Scene, name: &str) -> Value {
    let json = scene.run(&["status", "--json"]).json();
    let all = json["connectors"].as_array().unwrap().iter();
    all.clone().find(|one| one["connector"] == name).cloned().unwrap_or_default()
}

/// Waits until a connector has delivered exactly what happened into this folder.
fn wait_for_all(scene: &Scene, folder: &str) {
    wait_until(&format!("all is delivered into {folder}"), || {
        let (org, delivered) = (&scene.org, Delivered::read(&scene.path(folder)));
        let found = compare(org.world(), Interval::Hourly, org.clock().now(), &delivered);
        found.assert_nothing_extra();
        found.lost.is_empty()
    });
}

/// What a daemon says of files it has to look into is in its log; what stops it is an error.
fn stop(daemon: Daemon) -> Ran {
    let ran = daemon.stop();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    ran
}

#[test]
fn a_connector_added_beside_a_daemon_without_any_is_collected() {
    let scene = scene();
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("the daemon has the data folder", || scene.path("data/lock").exists());
    add(&scene, "acme", "files", &[]);
    wait_for_all(&scene, "events");
    add(&scene, "beta", "more", &["--no-test"]);
    wait_for_all(&scene, "more");
    assert!(daemon.runs());
    stop(daemon);
}

#[test]
fn a_paused_connector_asks_the_org_nothing_and_goes_on_when_it_is_resumed() {
    let scene = scene();
    add(&scene, "acme", "files", &[]);
    let ran = scene.run(&["connector", "pause", "acme", "--by", "ann", "--note", "release day"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let asked = || scene.org.stats().calls.values().sum::<u64>();
    let before = asked();
    // Not by a pass, nor by a daemon that starts.
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("acme: paused, nothing is collected"), "{}", ran.stdout);
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("the daemon is healthy", || scene.run(&["healthcheck"]).code == Some(0));
    add(&scene, "beta", "more", &["--no-test"]);
    wait_for_all(&scene, "more");
    let of_beta = asked();
    assert_eq!(scene.org.stats().of(Call::Token), 2, "the test's sign-in, and that of beta");
    let one = status(&scene, "acme");
    assert_eq!((&one["state"], &one["paused"]["by"]), (&"paused".into(), &"ann".into()), "{one}");
    assert!(one["reason"].as_str().unwrap().ends_with(": release day"), "{one}");
    assert!(of_beta > before && !scene.path("events").join("Login").exists());

    let ran = scene.run(&["connector", "resume", "acme", "--json"]);
    assert_eq!(ran.json()["was_paused"], true);
    wait_for_all(&scene, "events");
    wait_until("it is active", || status(&scene, "acme")["state"] == "active");
    // And again, while it is at work: then all is silent.
    for name in ["acme", "beta"] {
        assert_eq!(scene.run(&["connector", "pause", name]).code, Some(0));
    }
    let mut last = (asked(), 0);
    wait_until("nothing is asked for three seconds", || {
        std::thread::sleep(std::time::Duration::from_millis(500));
        last = if asked() == last.0 { (last.0, last.1 + 1) } else { (asked(), 0) };
        last.1 == 6
    });
    assert_eq!(scene.run(&["healthcheck"]).code, Some(0));
    stop(daemon);
}

#[test]
fn a_refused_sign_in_of_one_leaves_the_other_going() {
    let scene = scene();
    add(&scene, "acme", "files", &[]);
    let mut wrong = scene.command(&["connector", "add", "--no-test", "--name", "beta"]);
    wrong.args(["--instance-url", scene.org.url(), "--consumer-key-from", "env:ACME_KEY"]);
    wrong.args(["--consumer-secret-from", "env:WRONG", "--destination", "more"]);
    let ran = Ran::of(&wrong.env("WRONG", "wrong").output().unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    // A third cannot even begin: its secret is gone.
    add(&scene, "gamma", "more", &["--no-test"]);
    assert_eq!(scene.run(&["vault", "remove", "gamma/consumer_key", "--yes"]).code, Some(0));
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_for_all(&scene, "events");
    wait_until("both say what is wrong", || {
        ["beta", "gamma"].iter().all(|name| status(&scene, name)["state"] == "error")
    });
    let one = status(&scene, "gamma");
    assert_eq!(one["problem"]["code"], "OT-CONF-09", "{one}");
    assert_eq!(scene.org.stats().refused_sign_ins, 1);
    // A saved connector that is put right is taken up without a restart.
    add(&scene, "gamma", "more", &["--replace"]);
    wait_for_all(&scene, "more");
    wait_until("gamma is active", || status(&scene, "gamma")["state"] == "active");
    stop(daemon);
}

#[test]
fn a_connector_removed_while_it_collects_costs_the_other_nothing() {
    let scene = scene();
    add(&scene, "acme", "files", &[]);
    add(&scene, "beta", "more", &["--no-test"]);
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("beta delivers", || !Delivered::read(&scene.path("more")).uids.is_empty());
    let ran = scene.run(&["connector", "remove", "beta", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("stops collecting it now"), "{}", ran.stdout);
    wait_for_all(&scene, "events");
    wait_until("only acme is left", || status(&scene, "beta").is_null());
    assert_eq!(status(&scene, "acme")["dead_letters"], 0);
    let said = stop(daemon);
    assert!(!said.stderr.contains(" ERROR "), "{}", said.stderr);
    // What beta had not finished goes on when it is there again.
    add(&scene, "beta", "more", &["--no-test"]);
    let ran = scene.run(&["collect", "beta"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    wait_for_all(&scene, "more");
}
