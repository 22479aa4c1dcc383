//! What outlives the process: sessions and refresh tokens, through crashes and full disks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use orgtap_salesforce::{ErrorKind, Keep, Org, OrgSettings, SignIn};
use orgtap_transport::{Disposition, Explain, Secret, Vault};
use serde_json::json;

use crate::server::{FakeOrg, Reply, token_answer};

fn keep(folder: &Path) -> Keep {
    Keep { vault: Vault::new(folder, None), connector: "acme".into() }
}

fn kept(server: &FakeOrg, folder: &Path) -> OrgSettings {
    OrgSettings { keep: Some(keep(folder)), ..server.settings() }
}

#[tokio::test]
async fn a_restart_takes_up_the_session_of_the_run_before() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOrg::start(|_| None).await;
    let first = Org::new(kept(&server, folder.path())).unwrap();
    first.limits().await.unwrap();
    let who = first.signed_in().unwrap();
    for _ in 0..3 {
        let org = Org::new(kept(&server, folder.path())).unwrap();
        assert_eq!(org.connect().await.unwrap().org_id, who.org_id);
        org.limits().await.unwrap();
        assert_eq!(org.calls().sign_in, 0);
    }
    assert_eq!(server.count("/token"), 1);
}

#[tokio::test]
async fn a_session_that_died_meanwhile_costs_one_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOrg::start(|_| None).await;
    Org::new(kept(&server, folder.path())).unwrap().limits().await.unwrap();
    server.end_sessions();
    let org = Org::new(kept(&server, folder.path())).unwrap();
    org.limits().await.unwrap();
    assert_eq!((org.calls().sign_in, org.calls().limits), (1, 2));
}

#[tokio::test]
async fn an_adopted_session_that_is_refused_is_followed_by_one_sign_in_and_no_loop() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOrg::start(|seen| {
        let refuse = seen.is("/limits") && seen.nth > 0;
        refuse.then(|| Reply::error(401, "INVALID_SESSION_ID", "Session expired or invalid"))
    })
    .await;
    Org::new(kept(&server, folder.path())).unwrap().limits().await.unwrap();
    let org = Org::new(kept(&server, folder.path())).unwrap();
    let error = org.limits().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::SessionRefused);
    assert_eq!(org.calls().sign_in, 1);
}

#[tokio::test]
async fn changed_credentials_never_meet_an_old_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOrg::start(|_| None).await;
    Org::new(kept(&server, folder.path())).unwrap().connect().await.unwrap();
    let mut changed = kept(&server, folder.path());
    changed.consumer_secret = Some(Secret::new("another"));
    Org::new(changed).unwrap().connect().await.unwrap();
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn a_sign_in_on_purpose_is_made_even_if_there_is_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOrg::start(|_| None).await;
    Org::new(kept(&server, folder.path())).unwrap().connect().await.unwrap();
    Org::new(kept(&server, folder.path())).unwrap().sign_in().await.unwrap();
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn processes_that_notice_a_dead_session_together_share_one_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOrg::start(|_| None).await;
    // Each with a state of its own, as in processes of their own.
    let orgs: Vec<Org> = (0..6).map(|_| Org::new(kept(&server, folder.path())).unwrap()).collect();
    assert!(join_all(orgs.iter().map(Org::limits)).await.iter().all(Result::is_ok));
    assert_eq!(server.count("/token"), 1);
    server.end_sessions();
    assert!(join_all(orgs.iter().map(Org::limits)).await.iter().all(Result::is_ok));
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn a_vault_that_cannot_be_used_costs_sign_ins_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be stops everybody, root included.
    fs::write(folder.path().join("vault"), "in the way").unwrap();
    let server = FakeOrg::start(|_| None).await;
    for _ in 0..2 {
        Org::new(kept(&server, folder.path())).unwrap().limits().await.unwrap();
    }
    assert_eq!(server.count("/token"), 2);
}

/// An org that rotates refresh tokens and takes each once. `at_exchange` runs before the answer.
async fn rotating(
    at_exchange: impl Fn(usize) + Send + Sync + 'static,
) -> (FakeOrg, Arc<Mutex<Vec<String>>>) {
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&sent);
    let server = FakeOrg::start(move |seen| {
        if !seen.is("/token") {
            return None;
        }
        let pairs = url::form_urlencoded::parse(seen.body.as_bytes());
        let token = pairs.into_owned().find(|(name, _)| name == "refresh_token").unwrap().1;
        let mut sent = record.lock().unwrap();
        let newest = match sent.len() {
            0 => "rt-0".to_owned(),
            n => format!("rt-{n}"),
        };
        sent.push(token.clone());
        if token != newest {
            let body = json!({ "error": "invalid_grant",
                "error_description": "expired access/refresh token" });
            return Some(Reply::json(400, &body));
        }
        at_exchange(sent.len());
        let mut answer = token_answer(&"http://127.0.0.1:1".parse().unwrap(), "a-session");
        answer["refresh_token"] = json!(format!("rt-{}", sent.len()));
        Some(Reply::json(200, &answer))
    })
    .await;
    (server, sent)
}

fn refreshing(server: &FakeOrg, folder: &Path, token: &str) -> OrgSettings {
    let sign_in = SignIn::RefreshToken { token: Secret::new(token) };
    OrgSettings { sign_in, ..kept(server, folder) }
}

#[tokio::test]
async fn a_restart_goes_on_with_the_newest_refresh_token_not_the_configured_one() {
    let folder = tempfile::tempdir().unwrap();
    let (server, sent) = rotating(|_| {}).await;
    for _ in 0..3 {
        let org = Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap();
        org.sign_in().await.unwrap();
    }
    assert_eq!(*sent.lock().unwrap(), ["rt-0", "rt-1", "rt-2"]);
}

#[tokio::test]
async fn a_newly_configured_refresh_token_begins_a_chain_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (server, sent) = rotating(|_| {}).await;
    Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap().sign_in().await.unwrap();
    let other = Org::new(refreshing(&server, folder.path(), "another")).unwrap();
    assert_eq!(other.sign_in().await.unwrap_err().code(), "OT-AUTH-21");
    assert_eq!(*sent.lock().unwrap(), ["rt-0", "another"]);
}

#[tokio::test]
async fn a_try_with_another_refresh_token_does_not_cost_the_newest_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (server, sent) = rotating(|_| {}).await;
    for token in ["rt-0", "another", "rt-0"] {
        let org = Org::new(refreshing(&server, folder.path(), token)).unwrap();
        // This org counts every token that is sent, so what it says of the last does not matter.
        org.sign_in().await.ok();
    }
    assert_eq!(*sent.lock().unwrap(), ["rt-0", "another", "rt-1"]);
}

#[tokio::test]
async fn neither_refresh_token_is_sent_to_a_host_that_is_not_salesforces() {
    let folder = tempfile::tempdir().unwrap();
    let (server, sent) = rotating(|_| {}).await;
    Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap().sign_in().await.unwrap();
    let mut moved = refreshing(&server, folder.path(), "rt-0");
    moved.login_url = Some("https://mistyped.example".parse().unwrap());
    let error = Org::new(moved).unwrap().sign_in().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Settings, "{error}");
    assert!(error.to_string().contains("mistyped.example is not Salesforce's"), "{error}");
    Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap().sign_in().await.unwrap();
    assert_eq!(*sent.lock().unwrap(), ["rt-0", "rt-1"]);
}

#[tokio::test]
async fn a_refresh_token_that_could_not_be_kept_is_not_exchanged() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("vault"), "in the way").unwrap();
    let (server, sent) = rotating(|_| {}).await;
    let org = Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap();
    let error = org.sign_in().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (&ErrorKind::NotKept, "OT-AUTH-26"));
    assert!(matches!(error.disposition(), Disposition::Retry { after: Some(_) }));
    assert!(sent.lock().unwrap().is_empty(), "the token is still good");
    fs::remove_file(folder.path().join("vault")).unwrap();
    org.sign_in().await.unwrap();
}

#[tokio::test]
async fn the_new_token_is_on_disk_before_the_session_is_used_and_kept_in_memory_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let vault: PathBuf = folder.path().join("vault");
    let aside = folder.path().join("aside");
    let (from, to) = (vault.clone(), aside.clone());
    // The disk fails in the very moment between the question and the answer.
    let (server, sent) = rotating(move |exchange| {
        if exchange == 1 {
            fs::rename(&from, &to).unwrap();
            fs::write(&from, "in the way").unwrap();
        }
    })
    .await;
    let org = Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap();
    assert_eq!(*org.connect().await.unwrap_err().kind(), ErrorKind::NotKept);
    assert!(org.signed_in().is_none(), "a session whose successor is not safe is not used");
    fs::remove_file(&vault).unwrap();
    fs::rename(&aside, &vault).unwrap();
    org.connect().await.unwrap();
    assert_eq!(*sent.lock().unwrap(), ["rt-0", "rt-1"], "the token in memory was the next");
    Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap().sign_in().await.unwrap();
    assert_eq!(sent.lock().unwrap().last().unwrap(), "rt-2");
}

#[tokio::test]
async fn nothing_in_the_data_folder_shows_a_session_or_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = rotating(|_| {}).await;
    Org::new(refreshing(&server, folder.path(), "rt-0")).unwrap().sign_in().await.unwrap();
    let mut files = 0;
    for entry in fs::read_dir(folder.path().join("vault")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        for planted in ["rt-1", "rt-0", "a-session", "instance_url"] {
            assert!(!bytes.windows(planted.len()).any(|it| it == planted.as_bytes()), "{planted}");
        }
    }
    assert!(files >= 2);
}
