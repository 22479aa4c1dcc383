//! The program `simorg`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{self, plain_client};

/// A program that does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn simorg(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simorg"));
    command.args(arguments).stdin(Stdio::null());
    command
}

#[tokio::test]
async fn it_prints_where_it_is_and_how_to_sign_in() {
    let arguments = ["--seed", "3", "--days", "1", "--users", "5", "--fault", "html_200=first:1"];
    let mut program = Program(simorg(&arguments).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let form = [
        ("grant_type", "password".to_owned()),
        ("client_id", text("consumer_key")),
        ("client_secret", text("consumer_secret")),
        ("username", text("username")),
        ("password", text("password") + &text("security_token")),
    ];
    let http = plain_client();
    let token = http.post(text("url") + "/services/oauth2/token").form(&form).send().await.unwrap();
    assert_eq!(token.status(), 200);
    let overview = support::json(http.get(text("control")).send().await.unwrap()).await;
    assert_eq!(overview["faults"]["active"][0], "html_200=first:1");
    assert_eq!(overview["stats"]["sign_ins"], 1);
}

#[test]
fn it_says_what_it_does_not_understand() {
    let output = simorg(&["--fault", "nonsense"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("there is no fault named \"nonsense\""), "{complaint}");
}

#[test]
fn it_lists_its_faults() {
    let output = simorg(&["--list-faults"]).output().unwrap();
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.lines().count() > 50);
    assert!(list.contains("stale_listing (@10 minutes until a file is listed)"), "{list}");
}

#[tokio::test]
async fn settings_are_given_as_json_and_the_certificate_as_a_file() {
    let file = std::env::temp_dir().join(format!("simorg-{}.pem", std::process::id()));
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----").unwrap();
    let path = file.to_str().unwrap();
    let arguments =
        ["--days", "1", "--users", "5", "--org", r#"{"sandbox":true}"#, "--certificate", path];
    let mut program = Program(simorg(&arguments).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    std::fs::remove_file(&file).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    assert!(text("login_url").starts_with("http://localhost:"));
    let form = [
        ("grant_type", "refresh_token".to_owned()),
        ("client_id", text("consumer_key")),
        ("client_secret", text("consumer_secret")),
        ("refresh_token", text("refresh_token")),
    ];
    let http = plain_client();
    let token = http.post(text("url") + "/services/oauth2/token").form(&form).send().await.unwrap();
    let granted = support::json(token).await;
    assert!(granted["id"].as_str().unwrap().starts_with("https://test.salesforce.com/"));
    let output = simorg(&["--org", r#"{"sand":true}"#]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
