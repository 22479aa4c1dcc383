//! The org asked by clients that others wrote, so that our reading of the platform is not only
//! ours: `simple-salesforce` from PyPI and `jsforce` from npm.
//!
//! The clients are installed below `target/interop` by `interop/setup.sh`, the first time by the
//! tests themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::SignedDuration;
use orgtap_simorg::world::World;
use orgtap_simorg::{ClockConfig, SimConfig};
use serde_json::{Value, json};

use crate::support::{Client, first_day, small};

/// What a program needs on the machine, and the Debian packages that have it.
const NEEDS: [(&str, &str, &[&str]); 2] =
    [("py", "python3-venv", &["python3"]), ("js", "nodejs npm", &["node", "npm"])];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop")
}

/// Installs a client if it is not there yet.
fn set_up(which: &str) {
    let (_, packages, programs) = NEEDS.iter().find(|need| need.0 == which).unwrap();
    for program in *programs {
        let found = Command::new(program).arg("--version").output().is_ok();
        assert!(found, "there is no {program}: apt-get install {packages}");
    }
    let script = Command::new("bash").arg(folder().join("setup.sh")).arg(which).output().unwrap();
    assert!(
        script.status.success(),
        "setting up the client failed (Debian packages {packages}):\n{}{}",
        String::from_utf8_lossy(&script.stdout),
        String::from_utf8_lossy(&script.stderr),
    );
}

/// An org with more log files than a page holds.
fn large() -> SimConfig {
    let mut config = small();
    config.world.event_types.clear();
    config.world.days = 4;
    config.world.volume = 1.0;
    config.clock = ClockConfig::standing(first_day() + SignedDuration::from_hours(24 * 6));
    config
}

/// Runs a client's program against an org, and checks all it saw.
async fn check(which: &str, program: PathBuf, script: &str) {
    let client = Client::stranger(large()).await;
    let credentials = client.org.credentials();
    let world = client.org.world();
    let now = client.org.clock().now();
    let target = client.largest();
    let download =
        std::env::temp_dir().join(format!("orgtap-interop-{which}-{}", std::process::id()));
    let order = json!({
        "url": client.org.url(),
        "username": credentials.username,
        "password": credentials.password_with_token(),
        "consumer_key": credentials.consumer_key,
        "consumer_secret": credentials.consumer_secret,
        "download_id": target.id,
        "download_to": download,
    });
    let script = folder().join(script);
    let run = tokio::process::Command::new(program)
        .arg(script)
        .arg(order.to_string())
        .env("NODE_PATH", installed("js").join("node_modules"))
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .output();
    let output = run.await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    check_seen(&seen, world, now);
    let bytes = std::fs::read(&download).unwrap();
    std::fs::remove_file(&download).unwrap();
    assert!(bytes == *world.content(&target), "the download differs from the truth");
    // Signed in once, again after the session was ended under it, and once in vain.
    let stats = client.org.stats();
    assert_eq!((stats.sign_ins, stats.refused_sign_ins), (2, 1));
}

fn check_seen(seen: &Value, world: &World, now: jiff::Timestamp) {
    let files = world.files(now);
    assert!(files.len() > 2_000, "{} files are too few for pages", files.len());
    let expected: Vec<&str> = files.iter().map(|file| file.id.as_str()).collect();
    let ids: Vec<&str> =
        seen["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(ids.len(), expected.len());
    assert!(ids == expected, "the listing differs from the truth");
    let length: u64 = files.iter().map(|file| file.length).sum();
    assert_eq!(seen["total_length"].as_f64().unwrap() as u64, length);
    let types: Vec<&str> =
        seen["event_types"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(types, world.event_types());
    let fields: Vec<&str> =
        seen["fields"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(fields.contains(&"Interval") && fields.contains(&"LogFileLength"), "{fields:?}");
    assert!(seen["objects"].as_array().unwrap().contains(&json!("EventLogFile")));
    let logins = files.iter().filter(|file| file.hourly && file.event_type == "Login").count();
    assert_eq!(seen["logins"], logins);
    assert!(seen["api_used"].as_u64().unwrap() > 0);
    assert_eq!(seen["api_limit"], 100_000);
    assert_eq!(seen["bad_query"], "MALFORMED_QUERY");
    assert_eq!(seen["wrong_password"], seen["expected_refusal"]);
    assert_eq!(seen["survived_dead_session"], true);
}

/// Where a client is installed.
fn installed(which: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    root.join("target/interop").join(which)
}

#[tokio::test]
async fn simple_salesforce_signs_in_describes_pages_and_downloads() {
    set_up("py");
    check("py", installed("py").join("bin/python"), "client.py").await;
}

#[tokio::test]
async fn jsforce_signs_in_describes_pages_and_downloads() {
    set_up("js");
    check("js", "node".into(), "client.js").await;
}
