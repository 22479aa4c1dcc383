//! Connectors that are added, shown and removed by command.

mod at_terminal;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use orgtap_simorg::world::Interval;
use orgtap_transport::Vault;
use serde_json::{Value, json};

use crate::support::{FILES, Ran, Scene, world};
use crate::terminal::{seen, talk};

/// An org, and a configuration with a destination and no connector.
fn scene() -> Scene {
    let scene = Scene::new(world(41, 1, 0.1));
    configure(&scene, FILES);
    scene
}

fn configure(scene: &Scene, destinations: &str) {
    let text = format!(
        "data_dir: data\nretry: {{ initial: 5ms, max: 100ms, attempts: 12 }}\n\
         destinations:\n{destinations}"
    );
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
}

/// The four secrets of the org.
fn secrets(scene: &Scene) -> [String; 4] {
    let login = scene.org.credentials();
    [
        login.password.clone(),
        login.consumer_key.clone(),
        login.consumer_secret.clone(),
        login.security_token.clone(),
    ]
}

/// Arguments for the password flow, with the secrets from the environment.
fn by_password<'a>(scene: &'a Scene, more: &[&'a str]) -> Vec<&'a str> {
    let login = scene.org.credentials();
    let mut args = vec!["connector", "add", "--name", "acme", "--instance-url", scene.org.url()];
    args.extend(["--user", &login.username, "--password-from", "env:ACME_PASSWORD"]);
    args.extend(["--consumer-key-from", "env:ACME_KEY"]);
    args.extend(["--consumer-secret-from", "env:ACME_SECRET"]);
    args.extend(["--security-token-from", "env:ACME_TOKEN"]);
    args.extend(more);
    args
}

/// Adds a connector that works.
fn added(scene: &Scene) {
    let ran = scene.run(&by_password(scene, &[]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

/// Runs with another password in the environment.
fn with_password(scene: &Scene, password: &str, args: &[&str]) -> Ran {
    Ran::of(&scene.command(args).env("ACME_PASSWORD", password).output().unwrap())
}

/// The names in the vault.
fn entries(scene: &Scene) -> Vec<String> {
    let json = scene.run(&["vault", "list", "--json"]).json();
    let entries = json["entries"].as_array().unwrap().iter();
    entries.map(|it| it["entry"].as_str().unwrap().to_owned()).collect()
}

fn saved(scene: &Scene) -> bool {
    scene.path("data/connectors/acme.yaml").exists()
}

#[track_caller]
fn assert_silent(scene: &Scene, text: &str) {
    for secret in secrets(scene) {
        assert!(!text.contains(&secret), "a secret is shown:\n{text}");
    }
}

#[test]
fn a_try_that_is_not_saved_does_not_tie_the_name_to_its_org() {
    let (scene, other) = (scene(), Scene::new(world(42, 1, 0.1)));
    other.org.change(|org| org.permissions.view_event_log_files = false);
    let login = other.org.credentials();
    let mut command = scene.command(&["connector", "add", "--name", "acme"]);
    command.args(["--instance-url", other.org.url(), "--consumer-key-from", "env:ACME_KEY"]);
    command.args(["--consumer-secret-from", "env:ACME_SECRET"]);
    command.env("ACME_KEY", &login.consumer_key).env("ACME_SECRET", &login.consumer_secret);
    let ran = Ran::of(&command.output().unwrap());
    assert!(ran.stdout.contains("Fetch Logs Stage: "), "{}{}", ran.stdout, ran.stderr);
    added(&scene);
    // Nor does one that is to replace a connector of another org.
    other.org.change(|org| org.permissions.view_event_log_files = true);
    let ran = Ran::of(&command.arg("--replace").output().unwrap());
    assert!(ran.stdout.contains("OT-ORG-50"), "{}{}", ran.stdout, ran.stderr);
    scene.collect_all();
}

#[test]
fn a_refresh_token_that_is_exchanged_at_every_sign_in_goes_on_working() {
    let scene = scene();
    scene.org.change(|org| org.refresh_rotation = true);
    let token = scene.org.refresh_token();
    let args = ["connector", "add", "--name", "acme", "--instance-url", scene.org.url()];
    let mut command = scene.command(&args);
    command.args(["--consumer-key-from", "env:ACME_KEY", "--refresh-token-from", "env:TOKEN"]);
    command.args(["--consumer-secret-from", "env:ACME_SECRET"]).env("TOKEN", token);
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    for _ in 0..2 {
        scene.org.end_sessions();
        let ran = scene.run(&["test-connection"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    }
    let expected = [
        "acme/consumer_key",
        "acme/consumer_secret",
        "acme/newest_refresh_token",
        "acme/refresh_token",
        "acme/session",
    ];
    assert_eq!(entries(&scene), expected);
}

#[test]
fn a_refresh_token_that_a_failed_test_exchanged_is_still_good_at_the_next_try() {
    let scene = scene();
    scene.org.change(|org| org.refresh_rotation = true);
    let add = |token: &str, more: &[&str]| {
        let args = ["connector", "add", "--name", "acme", "--instance-url", scene.org.url()];
        let mut command = scene.command(&args);
        command.args(["--consumer-key-from", "env:ACME_KEY", "--refresh-token-from", "env:TOKEN"]);
        command.args(["--consumer-secret-from", "env:ACME_SECRET"]).args(more).env("TOKEN", token);
        Ran::of(&command.output().unwrap())
    };
    let allow = |is_allowed| {
        scene.org.change(|org| org.permissions.view_event_log_files = is_allowed);
    };
    let token = scene.org.refresh_token();
    allow(false);
    let ran = add(&token, &[]);
    assert_eq!((ran.code, saved(&scene)), (Some(5), false), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("The test exchanged its refresh token"), "{}", ran.stdout);
    assert_eq!(entries(&scene), ["acme/newest_refresh_token"]);
    allow(true);
    let ran = add(&token, &[]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    scene.collect_all();

    // Neither does a replacement that is not saved end the connector that works.
    allow(false);
    assert_eq!(add(&token, &["--replace"]).code, Some(5));
    allow(true);
    scene.collect_all();
    assert_eq!(add("another", &["--replace"]).code, Some(5));
    scene.org.end_sessions();
    scene.collect_all();
}

#[test]
fn without_a_terminal_values_come_from_flags_and_secrets_from_variables_files_and_input() {
    let scene = scene();
    let [password, key, secret, token] = secrets(&scene);
    fs::write(scene.path("key"), format!("{key}\n")).unwrap();
    let user = scene.org.credentials().username.clone();
    let mut child = scene
        .command(&["--json", "connector", "add", "--name", "acme", "--user", &user])
        .args(["--instance-url", scene.org.url(), "--password-from", "stdin"])
        .args(["--consumer-key-from", "file:key", "--consumer-secret-from", "env:ACME_SECRET"])
        .args(["--security-token-from", "env:ACME_TOKEN", "--poll-interval", "90s"])
        .args(["--start", "2026-10-05", "--destination", "files", "--api-version", "66.0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    write!(child.stdin.take().unwrap(), "{password}\r\n").unwrap();
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let json = ran.json();
    assert_eq!((&json["saved"], &json["auth"]), (&json!(true), &json!("password")));
    assert_eq!(json["test"]["message"], "Connection successful");
    assert_eq!(json["secrets"]["consumer_key"], json!({ "stored": "acme/consumer_key" }));
    assert_silent(&scene, &format!("{}{}", ran.stdout, ran.stderr));
    fs::remove_file(scene.path("key")).unwrap();
    let ran = scene.run(&["test-connection"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let shown = scene.run(&["connector", "show", "acme"]).stdout;
    for said in ["90s", "2026-10-05T00:00:00Z", "66.0", "stored acme/security_token"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    assert!(!shown.contains(&secret) && !shown.contains(&token));
}

#[test]
fn references_can_be_kept_so_that_nothing_is_copied() {
    let scene = scene();
    let ran = scene.run(&by_password(&scene, &["--keep-references"]));
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let file = fs::read_to_string(scene.path("data/connectors/acme.yaml")).unwrap();
    assert!(file.contains("consumer_key: { env: ACME_KEY }"), "{file}");
    assert_eq!(entries(&scene), ["acme/session"]);
    scene.collect_all();
}

#[test]
fn what_is_missing_or_wrong_without_a_terminal_names_its_flag() {
    let scene = scene();
    for (args, said) in [
        (
            &["--name", "acme"][..],
            "missing --instance-url, --consumer-key-from, --consumer-secret-from; there is no terminal",
        ),
        (
            &["--auth", "jwt_bearer"],
            "missing --name, --instance-url, --consumer-key-from, --user, --jwt-key-from",
        ),
        (&["--name", "a/b"], "--name: a name has 1 to 64"),
        (&["--instance-url", "http://acme.example"], "--instance-url: passwords would"),
        (&["--poll-interval", "9d"], "--poll-interval: 1d is the most"),
        (&["--destination", "siem"], "--destination: no destination has the name \"siem\""),
        (&["--auth", "jwt_bearer", "--password-from", "env:X"], "--password-from is not used"),
    ] {
        let ran = scene.run(&[&["connector", "add"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{args:?}\n{}", ran.stderr);
    }
    for (flag, place, said) in [
        ("--consumer-key-from", "hunter2", "never the secret"),
        ("--consumer-key-from", "hunter2:hunter2", "never the secret"),
        ("--consumer-key-from", "env:NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE"),
        ("--consumer-key-from", "file:none", "No such file"),
        ("--consumer-key-from", "stored:none", "orgtap vault set none"),
        ("--consumer-key-from", "stdin", "standard input is empty"),
    ] {
        let args = ["--name", "acme", "--instance-url", scene.org.url()];
        let secret = ["--consumer-secret-from", "env:ACME_SECRET", flag, place];
        let ran = scene.run(&[&["connector", "add"], &args[..], &secret[..]].concat());
        assert_eq!(ran.code, Some(2), "{place}{}", ran.stderr);
        assert!(ran.stderr.contains(said), "{place}\n{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    assert!(!saved(&scene));
}

#[test]
fn a_failing_test_without_a_terminal_saves_nothing_unless_told_to() {
    let scene = scene();
    let args = by_password(&scene, &["--json"]);
    let ran = with_password(&scene, "wrong", &args);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    let json = ran.json();
    assert_eq!((&json["saved"], &json["file"]), (&json!(false), &Value::Null));
    assert!(!saved(&scene) && entries(&scene).is_empty());
    let refused = scene.org.stats().refused_sign_ins;
    for flag in ["--save-anyway", "--no-test"] {
        let ran = with_password(&scene, "wrong", &by_password(&scene, &[flag, "--replace"]));
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(saved(&scene));
    }
    assert_eq!(scene.org.stats().refused_sign_ins, refused + 1, "--no-test asks nobody");
}

#[test]
fn a_connector_is_replaced_on_demand_and_stays_if_the_new_one_fails() {
    let scene = scene();
    added(&scene);
    let before = held(&scene);
    let ran = scene.run(&by_password(&scene, &[]));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--replace puts a new one in its place"), "{}", ran.stderr);

    // Fails after a sign-in, so there was another session meanwhile.
    scene.org.change(|org| org.permissions.view_event_log_files = false);
    assert_eq!(scene.run(&by_password(&scene, &["--replace"])).code, Some(5));
    let ran = with_password(&scene, "wrong", &by_password(&scene, &["--replace"]));
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    scene.org.change(|org| org.permissions.view_event_log_files = true);
    assert!(held(&scene) == before, "the vault is not as it was");
    scene.collect_all();

    let login = scene.org.credentials();
    let args = ["connector", "add", "--name", "acme", "--instance-url", scene.org.url()];
    let mut command = scene.command(&args);
    command.args(["--consumer-key-from", "env:ACME_KEY", "--replace"]);
    command.args(["--consumer-secret-from", "env:ACME_SECRET", "--user", &login.username]);
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let left = ["acme/consumer_key", "acme/consumer_secret", "acme/session"];
    assert_eq!(entries(&scene), left, "the old connector's other secrets are gone");
}

/// Everything in the vault.
fn held(scene: &Scene) -> Vec<(String, String)> {
    let vault = Vault::new(&scene.path("data"), None);
    let value = |entry: &str| vault.get(entry).unwrap().unwrap().expose().to_owned();
    vault.names().unwrap().into_iter().map(|entry| (entry.clone(), value(&entry))).collect()
}

#[test]
fn list_and_show_tell_everything_but_secrets() {
    let scene = scene();
    let ran = scene.run(&["connector", "list"]);
    assert!(ran.stdout.contains("no connector yet"), "{}", ran.stdout);
    scene.configure_files("hourly");
    let ran = scene.run(&by_password(&scene, &[]));
    assert!(ran.stderr.contains("--name: acme stands in orgtap.yaml"), "{}", ran.stderr);
    let password = &scene.org.credentials().password;
    scene.reword("{ env: ACME_PASSWORD }", &format!("\"{password}\""));
    let mut args = by_password(&scene, &[]);
    args[3] = "globex";
    let ran = scene.run(&args);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let ran = scene.run(&["connector", "list"]);
    for said in ["acme", "globex", scene.org.url(), "orgtap.yaml", "globex.yaml", "files"] {
        assert!(ran.stdout.contains(said), "{said}\n{}", ran.stdout);
    }
    for args in [
        &["connector", "list"][..],
        &["connector", "list", "--json"],
        &["connector", "show", "acme"],
        &["connector", "show", "acme", "--json"],
        &["connector", "show", "globex"],
        &["connector", "show", "globex", "--json"],
    ] {
        let ran = scene.run(args);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_silent(&scene, &format!("{}{}", ran.stdout, ran.stderr));
    }
    let shown = scene.run(&["connector", "show", "acme"]).stdout;
    assert!(shown.contains("written out in the file"), "{shown}");
    assert_eq!(scene.run(&["connector", "show", "nobody"]).code, Some(2));
}

#[test]
fn a_saved_connector_is_removed_with_its_secrets_and_one_of_the_main_file_is_not() {
    let scene = scene();
    scene.configure_files("hourly");
    let ran = scene.run(&["connector", "remove", "acme", "--yes"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("acme stands in orgtap.yaml"), "{}", ran.stderr);
    configure(&scene, FILES);
    added(&scene);
    let ran = scene.run(&["connector", "remove", "acme"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--yes"), "{}", ran.stderr);
    let question = "Remove acme and its secrets? [y/N] ";
    let remove = ["connector", "remove", "acme"];
    let told = talk(&scene, &remove, &[seen(question, "n")]);
    assert_eq!((told.code, saved(&scene)), (0, true), "{}", told.text);
    // Something else refers to one of them.
    let text = fs::read_to_string(scene.path("data/connectors/acme.yaml")).unwrap();
    let other = text.replace("name: acme", "name: other");
    fs::write(scene.path("data/connectors/other.yaml"), &other).unwrap();
    let told = talk(&scene, &remove, &[seen(question, "y")]);
    assert_eq!((told.code, saved(&scene)), (0, false), "{}", told.text);
    assert!(told.text.contains("acme/consumer_key stays in the vault"), "{}", told.text);
    fs::remove_file(scene.path("data/connectors/other.yaml")).unwrap();
    assert_eq!(entries(&scene).len(), 4, "the session is gone");
    added(&scene);
    assert_eq!(scene.run(&["connector", "remove", "acme", "--yes"]).code, Some(0));
    assert_eq!(entries(&scene), [""; 0]);
    assert_eq!(scene.run(&["collect"]).code, Some(2), "there is no connector left");
}

#[test]
fn what_waits_for_a_removed_connector_is_told_and_delivered_when_it_is_back() {
    let scene = scene();
    added(&scene);
    // A file in the place of the destination's folder: what is fetched cannot be delivered.
    fs::remove_dir_all(scene.path("events")).unwrap();
    fs::write(scene.path("events"), "").unwrap();
    let ran = scene.run(&["collect"]);
    assert_ne!(ran.code, Some(0), "{}", ran.stdout);
    let ran = scene.run(&["connector", "remove", "acme", "--yes"]);
    assert!(ran.stdout.contains("log files wait in the spool"), "{}{}", ran.stdout, ran.stderr);
    fs::remove_file(scene.path("events")).unwrap();
    added(&scene);
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn config_check_counts_saved_connectors_and_names_one_that_is_broken() {
    let scene = scene();
    added(&scene);
    let ran = scene.run(&["config", "check"]);
    assert!(ran.stdout.contains("1 connector (1 saved)"), "{}", ran.stdout);
    let path = scene.path("data/connectors/acme.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("instance_url", "instence_url")).unwrap();
    let names_it = |said: &str| {
        assert!(said.contains("data/connectors/acme.yaml:"), "{said}");
        assert!(said.contains("did you mean `instance_url`?"), "{said}");
    };
    for command in [&["config", "check"][..], &["collect"], &["connector", "list"]] {
        let ran = scene.run(command);
        assert_eq!(ran.code, Some(2), "{}", ran.stdout);
        names_it(&ran.stderr);
    }
    // What a daemon goes on without is told beside the others.
    let ran = scene.run(&["status"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    names_it(&ran.stdout);
}
