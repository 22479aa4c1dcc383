//! Standard output that takes nothing: its reader has gone, or its disk is full. The work goes on.

use std::fs::{self, File};
use std::io;
use std::process::{Command, Stdio};

use orgtap_simorg::Flow;
use orgtap_simorg::world::Interval;

use crate::support::{Delivered, Ran, Scene, compare, small_world};

/// An org, and two connectors that each have a folder of their own.
fn scene() -> Scene {
    let scene = Scene::new(small_world(71));
    let connector = |name: &str, destination: &str| {
        format!(
            "- name: {name}\n  type: salesforce_connector\n  instance_url: {}\n{}\
             \x20 event_log_files: {{ interval: hourly }}\n  destinations: [{destination}]\n",
            scene.org.url(),
            scene.sign_in_by(Flow::Password),
        )
    };
    let destination = |name: &str| {
        format!("- name: {name}\n  type: file\n  directory: {name}\n  compression: none\n")
    };
    let text = format!(
        "data_dir: data\nconsole: off\nconnectors:\n{}{}destinations:\n{}{}",
        connector("acme", "first"),
        connector("globex", "second"),
        destination("first"),
        destination("second"),
    );
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    scene
}

/// A device that is always full.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe whose reader has gone.
fn gone() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn run(command: &mut Command) -> Ran {
    Ran::of(&command.output().unwrap())
}

/// Fails unless both connectors have delivered everything.
fn asserts_both_collected(scene: &Scene) {
    for folder in ["first", "second"] {
        let delivered = Delivered::read(&scene.path(folder));
        let org = &scene.org;
        let found = compare(org.world(), Interval::Hourly, org.clock().now(), &delivered);
        assert!(found.rows > 0, "the truth is empty");
        found.assert_exact();
    }
}

#[test]
fn a_full_disk_behind_standard_output_is_told_once_and_the_work_is_done() {
    let scene = scene();
    let ran = run(scene.command(&["collect"]).stdout(full()));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let told = "error: what this command says cannot be written to standard output";
    assert_eq!(ran.stderr.matches(told).count(), 1, "{}", ran.stderr);
    asserts_both_collected(&scene);
}

#[test]
fn standard_error_that_is_full_too_stops_nothing_either() {
    let scene = scene();
    let mut command = scene.command(&["collect"]);
    let ran = run(command.env("ORGTAP_LOG", "debug").stdout(full()).stderr(full()));
    assert_eq!(ran.code, Some(1));
    asserts_both_collected(&scene);
    let mut command = scene.command(&["collect", "nobody"]);
    assert_eq!(run(command.stdout(full()).stderr(full())).code, Some(2));
    let mut command = scene.command(&["completions", "bash"]);
    assert_eq!(run(command.stdout(full()).stderr(full())).code, Some(1));
}

#[test]
fn a_reader_that_has_gone_is_no_failure_and_ends_no_work() {
    let scene = scene();
    let ran = run(scene.command(&["collect"]).stdout(gone()));
    assert_eq!((ran.code, ran.stderr.contains("error")), (Some(0), false), "{}", ran.stderr);
    asserts_both_collected(&scene);
    // The code is the work's own.
    let mut command = scene.command(&["test-connection"]);
    let ran = run(command.env("ACME_PASSWORD", "wrong").stdout(gone()));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
}
