//! Connectors that a person adds at a terminal: what is asked, what is seen, and what is kept when
//! it does not come to an end.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use orgtap_simorg::world::Interval;
use serde_json::json;

use super::{assert_silent, by_password, configure, entries, saved, scene};
use crate::support::{FILES, KIT, Scene};
use crate::terminal::{Step, Talk, interrupt, seen, talk, unseen};

/// DNIF's eight questions, answered with this password.
fn eight(scene: &Scene, password: &str) -> Vec<Step> {
    let login = scene.org.credentials();
    vec![
        seen("Connector Name: ", "acme"),
        seen("Connector Type [salesforce_connector]: ", ""),
        seen("Instance URL: ", scene.org.url()),
        seen("Salesforce User: ", &login.username),
        unseen("Salesforce User Password: ", password),
        unseen("Consumer key: ", &login.consumer_key),
        unseen("Consumer secret: ", &login.consumer_secret),
        unseen("Security Token: ", &login.security_token),
    ]
}

#[test]
fn the_eight_questions_are_asked_unseen_where_secret_then_tested_then_saved() {
    let scene = scene();
    let steps = eight(&scene, &scene.org.credentials().password);
    let Talk { text, code, shows_typing } = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(code, 0, "{text}");
    assert!(shows_typing);
    assert_silent(&scene, &text);
    for said in [
        "Authentication",
        "Connection successful  (20",
        "acme is saved in ",
        "`orgtap run` collects it",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let path = scene.path("data/connectors/acme.yaml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let file = fs::read_to_string(path).unwrap();
    assert!(file.contains("salesforce_user_password: { stored: acme/salesforce_user_password }"));
    assert_silent(&scene, &file);
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn a_wrong_answer_is_told_why_and_asked_for_again() {
    let scene = scene();
    let login = scene.org.credentials();
    let user = login.username.clone();
    let steps = [
        seen("Connector Name: ", "a/b"),
        seen("does not begin with a dot\nConnector Name: ", "acme"),
        seen("Connector Type [salesforce_connector]: ", "okta"),
        seen("Connector Type [salesforce_connector]: ", "salesforce_connector"),
        seen("Instance URL: ", "https://acme.lightning.force.com"),
        seen("https://acme.my.salesforce.com\nInstance URL: ", scene.org.url()),
        seen("Salesforce User: ", "nobody"),
        seen("form of an e-mail address\nSalesforce User: ", &user),
        unseen("Salesforce User Password: ", &login.password),
        unseen("Consumer key: ", ""),
        unseen("it cannot be empty\nConsumer key: ", &login.consumer_key),
        unseen("Consumer secret: ", &login.consumer_secret),
        unseen("Security Token: ", &login.security_token),
    ];
    // Line ends reach the terminal with a carriage return before them.
    let steps: Vec<Step> = steps.into_iter().map(Step::on_terminal).collect();
    let told = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(told.code, 0, "{}", told.text);
}

#[test]
fn a_connector_that_does_not_work_is_saved_only_if_a_person_says_so() {
    let scene = scene();
    let mut steps = eight(&scene, "wrong");
    steps.push(seen("Save it anyway? [y/N] ", ""));
    let told = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(told.code, 5, "{}", told.text);
    for said in ["Authentication Stage: ", "cause:", "code:    OT-AUTH-", "acme is not saved"] {
        assert!(told.text.contains(said), "{said}\n{}", told.text);
    }
    assert_silent(&scene, &told.text);
    assert!(!saved(&scene));
    assert_eq!(entries(&scene), [""; 0]);

    *steps.last_mut().unwrap() = seen("Save it anyway? [y/N] ", "y");
    let told = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.text.contains("although the test failed"), "{}", told.text);
    assert!(saved(&scene));
}

#[test]
fn a_session_of_a_test_does_not_outlive_a_connector_that_is_not_saved() {
    let scene = scene();
    // The sign-in goes well, and what follows does not.
    scene.org.change(|org| org.permissions.view_event_log_files = false);
    let ran = scene.run(&by_password(&scene, &[]));
    assert_eq!(ran.code, Some(5), "{}", ran.stdout);
    assert_eq!(entries(&scene), [""; 0]);
    let mut steps = eight(&scene, &scene.org.credentials().password);
    steps.push(interrupt("Save it anyway? [y/N] ", false));
    let told = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(told.code, 130, "{}", told.text);
    assert!(!saved(&scene));
    assert_eq!(entries(&scene), [""; 0]);
}

#[test]
fn ctrl_c_at_a_question_ends_it_and_leaves_the_terminal_as_it_was() {
    let scene = scene();
    for (steps, hidden) in [(3, false), (5, true)] {
        let mut asked = eight(&scene, "x");
        asked.truncate(steps);
        let question = if hidden { "Consumer key: " } else { "Salesforce User: " };
        asked.push(interrupt(question, hidden));
        let told = talk(&scene, &["connector", "add"], &asked);
        assert_eq!(told.code, 130, "{}", told.text);
        assert!(told.shows_typing, "{question}");
    }
    assert_eq!(entries(&scene), [""; 0]);
}

#[test]
fn ctrl_c_during_the_test_ends_it_at_once_and_keeps_nothing() {
    let scene = scene();
    // Takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut steps = eight(&scene, "x");
    steps[2] = seen("Instance URL: ", &format!("http://{}", silent.local_addr().unwrap()));
    steps.push(interrupt("  Configuration", false));
    let told = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(told.code, 130, "{}", told.text);
    assert!(!saved(&scene) && entries(&scene).is_empty());
}

#[test]
fn an_empty_password_means_client_credentials() {
    let scene = scene();
    let login = scene.org.credentials();
    for user in [login.username.as_str(), ""] {
        let mut steps = eight(&scene, "");
        steps.truncate(if user.is_empty() { 4 } else { 5 });
        steps[3] = seen("Salesforce User: ", user);
        steps.push(unseen("signs in by client_credentials", &login.consumer_key));
        steps.push(unseen("Consumer secret: ", &login.consumer_secret));
        let told = talk(&scene, &["connector", "add", "--replace"], &steps);
        assert_eq!(told.code, 0, "{}", told.text);
        assert!(!told.text.contains("Security Token:"), "{}", told.text);
        let json = scene.run(&["connector", "show", "acme", "--json"]).json();
        assert_eq!(json["auth"], "client_credentials");
        assert_eq!(json["salesforce_user"].as_str().unwrap_or_default(), user);
    }
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn a_key_file_is_asked_for_in_the_place_of_password_and_token() {
    let scene = scene();
    scene.sign_in_by(orgtap_simorg::Flow::JwtBearer);
    let login = scene.org.credentials();
    let key = format!("{KIT}/keys/orgtap.key");
    let audience = scene.org.login_url();
    let mut steps = eight(&scene, "");
    steps.truncate(4);
    steps.push(seen("Private key file (PEM): ", "/no/such/file"));
    steps.push(seen("Private key file (PEM): ", "orgtap.yaml"));
    steps.push(seen("Private key file (PEM): ", &key));
    steps.push(unseen("Consumer key: ", &login.consumer_key));
    let args = ["connector", "add", "--auth", "jwt_bearer", "--jwt-audience", &audience];
    let told = talk(&scene, &args, &steps);
    assert_eq!(told.code, 0, "{}", told.text);
    assert!(told.text.contains("it holds no private key"), "{}", told.text);
    // The vault has a copy.
    fs::remove_file(scene.path(&key)).unwrap();
    scene.collect_all();
}

#[test]
fn one_of_several_destinations_is_asked_for() {
    let scene = scene();
    configure(&scene, &format!("{FILES}- {{ name: more, type: file, directory: more }}\n"));
    let ran = scene.run(&by_password(&scene, &[]));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("missing --destination; there are: files, more"), "{}", ran.stderr);
    let mut steps = eight(&scene, &scene.org.credentials().password);
    steps.push(seen("with commas (files, more): ", "siem"));
    steps.push(seen("with commas (files, more): ", "more, files"));
    let told = talk(&scene, &["connector", "add"], &steps);
    assert_eq!(told.code, 0, "{}", told.text);
    let json = scene.run(&["connector", "list", "--json"]).json();
    assert_eq!(json["connectors"][0]["destinations"], json!(["more", "files"]));
}
