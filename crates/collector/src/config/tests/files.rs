//! Files on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use orgtap_transport::Explain;
use tempfile::TempDir;

use super::{GOOD, with};
use crate::config::{FaultKind, load};

fn written(text: &str, mode: u32) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("orgtap.yaml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

#[test]
fn paths_begin_at_the_folder_of_the_file_wherever_orgtap_was_started() {
    let (folder, path) = written(GOOD, 0o644);
    let settings = load(&path).unwrap();
    assert_eq!(settings.data_dir, folder.path().join("data"));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn secrets_in_a_file_others_can_read_are_warned_of() {
    let plain = with("{ env: ACME_KEY }", "hunter2");
    let (_folder, path) = written(&plain, 0o644);
    let warnings = load(&path).unwrap().warnings;
    assert_eq!(warnings.len(), 2);
    assert!(warnings[1].ends_with("chmod 600 keeps them out"), "{}", warnings[1]);
    let (_folder, path) = written(&plain, 0o600);
    assert_eq!(load(&path).unwrap().warnings.len(), 1);
    let (_folder, path) = written(GOOD, 0o644);
    assert!(load(&path).unwrap().warnings.is_empty());
}

#[test]
fn a_database_of_networks_that_cannot_be_read_is_warned_of_and_left_out() {
    let text = format!("{GOOD}insights: {{ networks: [good.mmdb, text.mmdb, gone.mmdb] }}\n");
    let (folder, path) = written(&text, 0o600);
    fs::write(folder.path().join("good.mmdb"), orgtap_simorg::networks()).unwrap();
    fs::write(folder.path().join("text.mmdb"), "no database").unwrap();
    let settings = load(&path).unwrap();
    let [text, gone] = &*settings.warnings else { panic!("{:?}", settings.warnings) };
    assert!(text.contains("text.mmdb cannot be used: it is no MaxMind DB"), "{text}");
    assert!(gone.contains("gone.mmdb cannot be used: No such file"), "{gone}");
    assert_eq!(settings.insights.unwrap().networks[0], folder.path().join("good.mmdb"));
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let error = load("/nowhere/orgtap.yaml").unwrap_err();
    assert_eq!(error.code(), "OT-CONF-01");
    assert!(error.to_string().starts_with("/nowhere/orgtap.yaml: cannot be read: "), "{error}");
    assert!(load(Path::new("/")).is_err());
}

#[test]
fn a_huge_file_is_not_read_to_its_end() {
    let (_folder, path) = written("", 0o600);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(load(&path).unwrap_err().to_string().contains("larger than 1 MiB"));
}

fn vault() -> orgtap_transport::Vault {
    orgtap_transport::Vault::new(Path::new("/no/such/folder"), None)
}

#[test]
fn a_secret_that_cannot_be_had_names_its_place_and_not_more() {
    let (folder, path) = written(&with("{ env: ACME_PASSWORD }", "{ file: none }"), 0o600);
    let error = load(&path).unwrap().connectors[0].org_settings(&vault()).unwrap_err();
    assert_eq!(error.faults()[0].kind, FaultKind::Secret);
    assert_eq!(error.faults()[0].path, "connectors.acme.consumer_key");
    assert_eq!(error.code(), "OT-CONF-09");
    let text = GOOD.replace("env: ACME", "file: ACME").replace("ACME_PASSWORD", "none");
    for name in ["ACME_KEY", "ACME_SECRET"] {
        fs::write(folder.path().join(name), "hunter2\n").unwrap();
    }
    fs::write(&path, text).unwrap();
    let error = load(&path).unwrap().connectors[0].org_settings(&vault()).unwrap_err();
    assert_eq!(error.faults()[0].path, "connectors.acme.salesforce_user_password");
    assert!(error.to_string().contains("No such file"), "{error}");
    assert!(!format!("{error:?}").contains("hunter2"));
}

#[test]
fn a_certificate_file_must_hold_certificates() {
    let text = with("{ env: ACME_KEY }", "a")
        .replace("{ env: ACME_PASSWORD }", "b")
        .replace("{ env: ACME_SECRET }", "c\n    ca_file: ca.pem");
    let (folder, path) = written(&text, 0o600);
    let org = || load(&path).unwrap().connectors[0].org_settings(&vault());
    assert!(org().unwrap_err().to_string().contains("ca.pem"));
    fs::write(folder.path().join("ca.pem"), "hunter2").unwrap();
    let error = org().unwrap_err();
    assert!(error.to_string().ends_with("it holds no certificate (PEM)"), "{error}");
    assert_eq!(error.faults()[0].kind, FaultKind::File);
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(folder.path().join("ca.pem"), pem).unwrap();
    assert_eq!(org().unwrap().client.extra_roots_pem.as_deref(), Some(pem.as_bytes()));
}
