//! The vault by command: what is in it, what changes it, and that no value is ever shown.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use crate::support::{FILES, Ran, Scene, world};
use crate::terminal::{interrupt, seen, talk, unseen};

/// A configuration without any connector.
fn scene() -> Scene {
    let scene = Scene::new(world(43, 1, 0.05));
    fs::write(scene.path("orgtap.yaml"), format!("data_dir: data\ndestinations:\n{FILES}"))
        .unwrap();
    scene
}

/// Runs with a text on standard input.
fn with_input(scene: &Scene, args: &[&str], input: &str) -> Ran {
    let mut child = scene
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

#[test]
fn a_secret_is_typed_unseen_or_read_from_standard_input() {
    let scene = scene();
    assert!(scene.run(&["vault", "list"]).stdout.contains("empty"));
    let told = talk(
        &scene,
        &["vault", "set", "siem/token"],
        &[unseen("siem/token: ", ""), unseen("siem/token: ", "hunter2")],
    );
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.text.contains("{ stored: siem/token }"), "{}", told.text);
    let ran = with_input(&scene, &["vault", "set", "b"], "hunter2\n");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for (entry, input, said) in [
        ("b", "", "standard input is empty"),
        ("b", "\n", "standard input is empty"),
        ("a b", "x", "an entry is called like"),
        ("", "x", "an entry is called like"),
    ] {
        let ran = with_input(&scene, &["vault", "set", entry], input);
        assert_eq!(ran.code, Some(2), "{input:?}");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let ran = scene.run(&["vault", "list"]);
    assert!(ran.stdout.contains("siem/token") && ran.stdout.contains("unused"), "{}", ran.stdout);
    assert!(!format!("{}{}", told.text, ran.stdout).contains("hunter2"));
    let told = talk(&scene, &["vault", "set", "c"], &[interrupt("c: ", true)]);
    assert_eq!((told.code, told.shows_typing), (130, true), "{}", told.text);
}

#[test]
fn list_says_what_uses_each_entry_and_remove_asks_before_it_takes_a_used_one() {
    let scene = scene();
    scene.configure_files("hourly");
    scene.reword("{ env: ACME_PASSWORD }", "{ stored: both }");
    scene.reword(
        "destinations:\n-",
        "destinations:\n- { name: http, type: http, url: \"http://127.0.0.1:9\", auth: { bearer: { token: { stored: both } } } }\n-",
    );
    // That the secret is not there yet is no hindrance.
    assert_eq!(scene.run(&["vault", "list"]).code, Some(0));
    let ran = with_input(&scene, &["vault", "set", "both"], &scene.org.credentials().password);
    assert!(ran.stdout.contains("for connector acme, destination http"), "{}", ran.stdout);
    assert_eq!(scene.run(&["test-connection"]).code, Some(0));
    let json = scene.run(&["vault", "list", "--json"]).json();
    assert_eq!(
        json["entries"],
        json!([
            { "entry": "acme/session", "used_by": ["connector acme (its sign-in)"] },
            { "entry": "both", "used_by": ["connector acme", "destination http"] },
        ])
    );
    let ran = scene.run(&["vault", "remove", "both"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("used by connector acme"), "{}", ran.stderr);
    let told = talk(&scene, &["vault", "remove", "both"], &[seen("Remove it? [y/N] ", "no")]);
    assert!(told.text.contains("Nothing is removed"), "{}", told.text);
    assert_eq!(scene.run(&["vault", "remove", "both", "--yes"]).code, Some(0));
    let ran = scene.run(&["vault", "remove", "both", "--yes"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("there is no \"both\""), "{}", ran.stderr);
}

#[test]
fn after_a_rotation_the_connectors_go_on_working() {
    let scene = scene();
    let login = scene.org.credentials();
    let add = ["connector", "add", "--name", "acme", "--instance-url", scene.org.url()];
    let mut command = scene.command(&add);
    command.args(["--consumer-key-from", "env:ACME_KEY"]);
    command.args(["--consumer-secret-from", "env:ACME_SECRET", "--user", &login.username]);
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    let key = fs::read(scene.path("data/vault.key")).unwrap();
    let ran = scene.run(&["vault", "rotate"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("3 entries are encrypted with the new key"), "{}", ran.stdout);
    assert_ne!(fs::read(scene.path("data/vault.key")).unwrap(), key);
    assert_eq!(scene.run(&["test-connection"]).code, Some(0));
    scene.collect_all();
}

#[test]
fn a_key_in_a_variable_is_made_by_new_key_and_exchanged_by_a_person() {
    let scene = scene();
    let text = fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    fs::write(scene.path("orgtap.yaml"), format!("vault: {{ key: {{ env: VAULT }} }}\n{text}"))
        .unwrap();
    let ran = with_input(&scene, &["vault", "set", "a"], "x");
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    for said in ["error: ", "VAULT", "cause:", "remedy:", "OT-VAULT-01"] {
        assert!(ran.stderr.contains(said), "{said}\n{}", ran.stderr);
    }
    let ran = with_input(&scene, &["--json", "vault", "set", "a"], "x");
    let json: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(json["problem"]["code"], "OT-VAULT-01");
    let new_key = || scene.run(&["--config", "none", "vault", "new-key"]).stdout.trim().to_owned();
    let (old, new) = (new_key(), new_key());
    assert_ne!(old, new);
    let run = |key: &str, args: &[&str]| {
        Ran::of(&scene.command(args).env("VAULT", key).output().unwrap())
    };
    let mut command = scene.command(&["vault", "set", "a"]);
    command.env("VAULT", &old).stdin(fs::File::open(scene.path("orgtap.yaml")).unwrap());
    assert_eq!(command.output().unwrap().status.code(), Some(0));
    let ran = run(&old, &["vault", "rotate"]);
    assert_eq!(ran.code, Some(5));
    assert!(ran.stderr.contains("OT-VAULT-04"), "{}", ran.stderr);
    let ran = run(&format!("{new},{old}"), &["vault", "rotate"]);
    assert!(ran.stdout.starts_with("1 entry is encrypted"), "{}{}", ran.stdout, ran.stderr);
}
