//! The console in a real browser: what a person does, on a desk and a phone, in light and dark.
//!
//! `crates/orgtap/tests/browser/walk.mjs` does the walking; its pictures are kept in
//! `target/browser/shots`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Scene, recent_world};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Where the console of a running process is, and its first link.
pub(crate) fn way_in(scene: &Scene) -> (String, String) {
    let file = scene.path("data/console-link");
    wait_until("there is a first link", || file.exists());
    let link = fs::read_to_string(file).unwrap().trim().to_owned();
    (link.split_once("/link#").unwrap().0.to_owned(), link)
}

#[test]
fn a_person_signs_in_connects_an_org_and_sees_what_it_says() {
    let scene = Scene::new(recent_world(91, 2, 0.5));
    let text =
        format!("data_dir: data\nconsole: {{ listen: \"127.0.0.1:0\" }}\ndestinations:\n{FILES}");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    let (console, link) = way_in(&scene);
    let target = folder("../../target/browser");
    let shots = target.join("shots");
    if shots.exists() {
        fs::remove_dir_all(&shots).unwrap();
    }
    fs::create_dir_all(&shots).unwrap();
    let login = scene.org.credentials();
    let org = json!({
        "instance_url": scene.org.url(),
        "user": login.username,
        "password": login.password,
        "wrong_password": "not the password",
        "consumer_key": login.consumer_key,
        "consumer_secret": login.consumer_secret,
        "security_token": login.security_token,
    });
    let walked = Command::new("node")
        .arg(folder("tests/browser/walk.mjs"))
        .env("CONSOLE", console)
        .env("LINK", link)
        .env("ORG", org.to_string())
        .env("SHOTS", &shots)
        .env("MODULES", target.join("node_modules"))
        .output()
        .expect("node is there: `cargo x setup`");
    let said = String::from_utf8_lossy(&walked.stdout);
    let failed: Vec<&str> = said.lines().filter(|line| !line.starts_with("ok ")).collect();
    let complaint = String::from_utf8_lossy(&walked.stderr);
    assert!(walked.status.success(), "{}\n{complaint}", failed.join("\n"));
    assert!(said.contains("all is well"), "{said}");
    let ran = daemon.stop();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}
