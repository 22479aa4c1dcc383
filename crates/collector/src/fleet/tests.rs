//! A fleet whose org answers nobody: what it does with forms, files and pauses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use orgtap_transport::{Secret, Vault};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{Fleet, Form, FormError};
use crate::config::MainFile;
use crate::error::Error;
use crate::status::ConnectorState;

/// Nothing listens there.
const MAIN: &str = "\
data_dir: data
retry: { initial: 1ms, max: 2ms, attempts: 2 }
connectors:
  - name: written
    type: salesforce_connector
    instance_url: http://127.0.0.1:1
    consumer_key: { stored: shared }
    consumer_secret: { stored: shared }
    destinations: [siem]
destinations: [{ name: siem, type: discard }]
";

struct Scene {
    folder: TempDir,
    fleet: Fleet,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("orgtap.yaml"), MAIN).unwrap();
        let fleet = Self::open(&folder).await;
        Self { folder, fleet }
    }

    async fn open(folder: &TempDir) -> Fleet {
        let main = MainFile::read(folder.path().join("orgtap.yaml")).unwrap();
        Fleet::open(main, &[], &[]).await.unwrap()
    }

    fn vault(&self) -> Vault {
        self.fleet.settings().vault.clone()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("data/connectors/{name}.yaml"))
    }

    async fn save(&self, form: Value) -> Result<Value, FormError> {
        let form: Form = serde_json::from_value(form).unwrap();
        Ok(serde_json::to_value(self.fleet.save(form).await?).unwrap())
    }

    /// The keys of the fields that are wrong.
    async fn refused(&self, form: Value) -> Vec<String> {
        match self.save(form).await {
            Err(FormError::Fields(faults)) => {
                assert!(faults.iter().all(|it| !it.remedy.is_empty() && !it.message.is_empty()));
                faults.into_iter().map(|fault| fault.key).collect()
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A form that can be saved.
fn form(name: &str) -> Value {
    json!({
        "is_new": true,
        "connector": {
            "name": name, "instance_url": "http://127.0.0.1:1", "auth": "client_credentials",
            "poll_interval": "", "destinations": ["siem"],
        },
        "secrets": { "consumer_key": "key-of-acme", "consumer_secret": "hunter2" },
    })
}

#[tokio::test]
async fn what_is_saved_keeps_its_secrets_in_the_vault_and_shows_none() {
    let scene = Scene::new().await;
    let shown = scene.save(form("acme")).await.unwrap();
    assert_eq!(shown["secrets"]["consumer_secret"]["stored"], "acme/consumer_secret");
    assert_eq!(
        (&shown["is_saved"], &shown["connector"]["poll_interval"]),
        (&json!(true), &json!("5m"))
    );
    let text = fs::read_to_string(scene.file("acme")).unwrap();
    assert!(!format!("{shown}{text}").contains("hunter2"));
    let secret = |key: &str| scene.vault().get(&format!("acme/{key}")).unwrap();
    assert_eq!(secret("consumer_secret"), Some(Secret::new("hunter2")));
    assert!(scene.fleet.connector("acme").is_some());

    // A change with a blank secret, a new one, and another way to sign in that needs none of one.
    let mut change = form("acme");
    change["is_new"] = json!(false);
    change["secrets"] = json!({ "consumer_key": "", "consumer_secret": "better" });
    change["connector"]["event_log_files"] = json!({ "event_types": ["Login", " "] });
    let shown = scene.save(change.clone()).await.unwrap();
    assert_eq!(shown["connector"]["event_log_files"]["event_types"], json!(["Login"]));
    assert_eq!(secret("consumer_key"), Some(Secret::new("key-of-acme")));
    assert_eq!(secret("consumer_secret"), Some(Secret::new("better")));
    change["connector"]["auth"] = json!("refresh_token");
    change["secrets"] = json!({ "refresh_token": "begins-a-chain" });
    change["forget"] = json!(["consumer_secret"]);
    scene.save(change).await.unwrap();
    assert_eq!(secret("consumer_secret"), None);
    assert_eq!(secret("refresh_token"), Some(Secret::new("begins-a-chain")));
}

#[tokio::test]
async fn a_secret_that_was_typed_does_not_go_to_another_host_unless_it_is_typed_again() {
    let scene = Scene::new().await;
    scene.vault().set("shared", &Secret::new("x")).unwrap();
    scene.save(form("acme")).await.unwrap();
    let both = ["consumer_key", "consumer_secret"];
    for (key, value, asked) in [
        ("instance_url", "https://mistyped.my.salesforce.com", &both[..]),
        ("instance_url", "http://127.0.0.1:2", &both),
        ("login_url", "http://127.0.0.1:2", &both),
        ("login_url", "http://127.0.0.1:1", &[]),
        ("instance_url", "HTTP://127.0.0.1:1/", &[]),
    ] {
        let mut change = form("acme");
        change["is_new"] = json!(false);
        change["secrets"] = json!({});
        change["connector"][key] = json!(value);
        match scene.save(change.clone()).await {
            Ok(_) => assert!(asked.is_empty(), "{value}"),
            Err(FormError::Fields(faults)) => {
                let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
                assert_eq!(keys, asked, "{value}");
                assert!(faults[0].message.contains("the host was changed"), "{faults:?}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    // One that is typed again, and one that a reference gives in its place.
    let mut change = form("acme");
    change["is_new"] = json!(false);
    change["connector"]["instance_url"] = json!("http://127.0.0.1:2");
    change["secrets"] = json!({ "consumer_key": "again" });
    assert_eq!(scene.refused(change.clone()).await, ["consumer_secret"]);
    change["secrets"]["consumer_secret"] = json!({ "stored": "shared" });
    scene.save(change).await.unwrap();
}

#[tokio::test]
async fn each_wrong_field_is_named_and_nothing_is_changed() {
    let scene = Scene::new().await;
    let mut wrong = form("a/b");
    wrong["connector"]["instance_url"] = json!("");
    wrong["connector"]["poll_interval"] = json!("5");
    wrong["connector"]["destinations"] = json!([]);
    wrong["secrets"] = json!({ "consumer_key": { "command": ["true"] }, "jwt_key": "x" });
    let mut keys = scene.refused(wrong).await;
    keys.sort();
    let expected = [
        "consumer_key",
        "consumer_secret",
        "destinations",
        "instance_url",
        "jwt_key",
        "name",
        "poll_interval",
    ];
    assert_eq!(keys, expected);
    let mut wrong = form("acme");
    wrong["connector"]["destinations"] = json!(["siem", "other"]);
    wrong["connector"]["event_log_files"] = json!({ "settle": "3d", "interval": "hourly" });
    wrong["secrets"]["consumer_key"] = json!({ "env": "ORGTAP_IS_NOT_SET" });
    let keys = scene.refused(wrong).await;
    assert_eq!(keys, ["consumer_key", "event_log_files.settle", "destinations[1]"]);
    assert_eq!(scene.vault().names().unwrap(), Vec::<String>::new());
    assert!(!scene.file("acme").exists());
    // A name that is taken, one that is not there, and one that is not ours.
    scene.save(form("acme")).await.unwrap();
    assert_eq!(scene.refused(form("acme")).await, ["name"]);
    let mut change = form("beta");
    change["is_new"] = json!(false);
    let unknown = scene.save(change).await;
    assert!(
        matches!(unknown, Err(FormError::Other(Error::UnknownConnector { .. }))),
        "{unknown:?}"
    );
    let ours = scene.save(form("written")).await;
    assert!(matches!(ours, Err(FormError::Other(Error::Configured { .. }))), "{ours:?}");
    let removed = scene.fleet.remove("written").await;
    assert!(matches!(removed, Err(Error::Configured { .. })), "{removed:?}");
}

#[tokio::test]
async fn secrets_are_as_before_when_the_file_cannot_be_written() {
    let scene = Scene::new().await;
    scene.save(form("acme")).await.unwrap();
    let connectors = scene.folder.path().join("data/connectors");
    // A folder of the file's name cannot be replaced by a file, whoever the user is.
    fs::remove_file(scene.file("beta")).ok();
    fs::create_dir_all(scene.file("beta").join("x")).unwrap();
    fs::set_permissions(&connectors, fs::Permissions::from_mode(0o700)).unwrap();
    let failed = scene.save(form("beta")).await;
    assert!(matches!(failed, Err(FormError::Other(Error::Config(_)))), "{failed:?}");
    let names = scene.vault().names().unwrap();
    assert_eq!(names, ["acme/consumer_key", "acme/consumer_secret"]);
}

#[tokio::test]
async fn what_is_removed_leaves_no_secret_but_those_that_others_use() {
    let scene = Scene::new().await;
    scene.vault().set("shared", &Secret::new("x")).unwrap();
    scene.save(form("acme")).await.unwrap();
    let mut other = form("beta");
    other["secrets"]["consumer_key"] = json!({ "stored": "acme/consumer_key" });
    scene.save(other).await.unwrap();
    let cancel = CancellationToken::new();
    let (fleet, told) = (scene.fleet.clone(), cancel.clone());
    let running = tokio::spawn(async move { fleet.run(&told).await });
    until(|| scene.fleet.progress("acme").is_some()).await;
    let removed = scene.fleet.remove("acme").await.unwrap();
    assert_eq!(removed.vault_entries_removed, ["acme/consumer_secret"]);
    assert_eq!(removed.vault_entries_kept, ["acme/consumer_key"]);
    assert!(scene.fleet.progress("acme").is_none() && !scene.file("acme").exists());
    assert!(scene.fleet.progress("beta").is_some());
    cancel.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_another_process_changes_is_taken_up_and_what_is_broken_leaves_the_rest() {
    let scene = Scene::new().await;
    scene.save(form("acme")).await.unwrap();
    let cancel = CancellationToken::new();
    let (fleet, told) = (scene.fleet.clone(), cancel.clone());
    let running = tokio::spawn(async move { fleet.run(&told).await });
    until(|| scene.fleet.progress("acme").is_some()).await;
    // The one of the main file has no secret: that is its own trouble.
    let mut status = scene.fleet.status().await.unwrap();
    for _ in 0..500 {
        if status.connectors[0].state == ConnectorState::Error {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        status = scene.fleet.status().await.unwrap();
    }
    assert_eq!(status.connectors[0].state, ConnectorState::Error);
    assert!(status.connectors[0].reason.starts_with("stopped: "), "{:?}", status.connectors[0]);

    let text = fs::read_to_string(scene.file("acme")).unwrap();
    fs::write(scene.file("beta"), text.replace("name: acme", "name: beta")).unwrap();
    until(|| scene.fleet.progress("beta").is_some()).await;
    fs::write(scene.file("acme"), "connectors: [").unwrap();
    fs::write(scene.file("gamma"), text.replace("name: acme", "name: gamma")).unwrap();
    until(|| scene.fleet.progress("gamma").is_some()).await;
    assert!(scene.fleet.connector("acme").is_some(), "what cannot be read stays as it was");
    fs::remove_file(scene.file("beta")).unwrap();
    until(|| scene.fleet.progress("beta").is_none()).await;

    scene
        .fleet
        .ledger()
        .set_paused("gamma", Some(&orgtap_ledger::Paused::default()))
        .await
        .unwrap();
    until(|| scene.fleet.progress("gamma").is_none()).await;
    scene.fleet.resume("gamma").await.unwrap();
    until(|| scene.fleet.progress("gamma").is_some()).await;
    scene.fleet.pause("gamma", Some("ann"), None).await.unwrap();
    until(|| scene.fleet.progress("gamma").is_none()).await;
    cancel.cancel();
    running.await.unwrap().unwrap();
    let Scene { folder, fleet } = scene;
    drop(fleet);
    fs::write(folder.path().join("data/connectors/acme.yaml"), text).unwrap();
    let status = Scene::open(&folder).await.status().await.unwrap();
    let gamma = status.connectors.iter().find(|one| one.connector == "gamma").unwrap();
    assert_eq!(gamma.state, ConnectorState::Paused);
    assert_eq!(gamma.paused.as_ref().unwrap().by.as_deref(), Some("ann"));
}

#[tokio::test]
async fn a_form_that_is_tried_leaves_nothing_but_its_report() {
    let scene = Scene::new().await;
    let tried: Form = serde_json::from_value(form("acme")).unwrap();
    let mut stages = 0;
    let report = scene.fleet.try_form(tried, |_| stages += 1).await.unwrap();
    assert!(!report.successful && stages > 0);
    assert_eq!(scene.vault().names().unwrap(), Vec::<String>::new());
    let record = scene.fleet.ledger().connector("acme").await.unwrap();
    assert!(record.test.is_some() && record.sign_in.is_none(), "{record:?}");
}

async fn until(done: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("within ten seconds");
}
