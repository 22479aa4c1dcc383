//! What the console keeps, and for how long.

use super::folder;
use crate::{
    AuditEntry, ConsoleLedger, Ledger, LedgerError, NewSession, NewToken, PersonChange,
    SqliteLedger,
};

const HOUR: i64 = 3_600_000_000;

async fn ledger() -> (tempfile::TempDir, SqliteLedger) {
    let (folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    (folder, ledger)
}

async fn session(ledger: &SqliteLedger, person: i64, hash: u8) {
    let session = NewSession { hash: [hash; 32], person, ends_at: 12 * HOUR };
    assert!(ledger.open_session(&session, HOUR).await.unwrap());
}

async fn is_open(ledger: &SqliteLedger, hash: u8, idle_since: i64, now: i64) -> bool {
    ledger.session(&[hash; 32], idle_since, now).await.unwrap().is_some()
}

#[tokio::test]
async fn a_link_makes_an_administrator_once_and_before_it_expires() {
    let (_folder, ledger) = ledger().await;
    ledger.open_link(&[1; 32], HOUR).await.unwrap();
    ledger.open_link(&[2; 32], HOUR).await.unwrap();
    assert_eq!(ledger.use_link(&[1; 32], "ada", "h", 0).await.unwrap(), None, "void");
    assert_eq!(ledger.use_link(&[2; 32], "ada", "h", HOUR).await.unwrap(), None, "expired");
    assert!(ledger.has_link(&[2; 32], 0).await.unwrap());
    let ada = ledger.use_link(&[2; 32], "ada", "h", 0).await.unwrap().unwrap();
    assert_eq!(ledger.use_link(&[2; 32], "bob", "h", 0).await.unwrap(), None, "used");
    session(&ledger, ada, 1).await;
    // Locked out: the same person again, whatever they were, and whoever held their sessions.
    ledger.open_link(&[3; 32], HOUR).await.unwrap();
    assert_eq!(ledger.use_link(&[3; 32], "Ada", "new", 0).await.unwrap(), Some(ada));
    assert!(!is_open(&ledger, 1, 0, HOUR).await);
    let (person, password) = ledger.person("ADA").await.unwrap().unwrap();
    assert_eq!((person.role.as_str(), password.as_str()), ("administrator", "new"));
}

#[tokio::test]
async fn a_session_ends_when_idle_and_when_its_time_is_over() {
    let (_folder, ledger) = ledger().await;
    let ada = ledger.add_person("ada", "viewer", "h", 0).await.unwrap().unwrap();
    session(&ledger, ada, 1).await;
    assert!(is_open(&ledger, 1, HOUR - 1, 2 * HOUR).await);
    assert!(!is_open(&ledger, 1, HOUR, 2 * HOUR).await, "not used since");
    ledger.session_seen(&[1; 32], 3 * HOUR).await.unwrap();
    assert!(is_open(&ledger, 1, 2 * HOUR, 4 * HOUR).await);
    assert!(!is_open(&ledger, 1, 2 * HOUR, 12 * HOUR).await, "its time is over");
    assert_eq!(ledger.people().await.unwrap()[0].signed_in_at, Some(HOUR));
    let nobody = NewSession { hash: [9; 32], person: 99, ends_at: 12 * HOUR };
    assert!(!ledger.open_session(&nobody, HOUR).await.unwrap());
}

#[tokio::test]
async fn a_new_password_a_new_role_and_a_removal_end_the_persons_sessions_alone() {
    let (_folder, ledger) = ledger().await;
    let root = ledger.add_person("root", "administrator", "h", 0).await.unwrap().unwrap();
    let ada = ledger.add_person("ada", "viewer", "h", 0).await.unwrap().unwrap();
    session(&ledger, root, 9).await;
    session(&ledger, ada, 1).await;
    assert!(ledger.set_password(ada, "other").await.unwrap());
    assert!(!is_open(&ledger, 1, 0, HOUR).await);
    session(&ledger, ada, 2).await;
    assert_eq!(ledger.set_role(ada, "operator").await.unwrap(), PersonChange::Done);
    assert!(!is_open(&ledger, 2, 0, HOUR).await);
    session(&ledger, ada, 3).await;
    session(&ledger, ada, 4).await;
    ledger.end_session(&[3; 32]).await.unwrap();
    assert!(!is_open(&ledger, 3, 0, HOUR).await && is_open(&ledger, 4, 0, HOUR).await);
    assert_eq!(ledger.remove_person(ada).await.unwrap(), PersonChange::Done);
    assert!(!is_open(&ledger, 4, 0, HOUR).await);
    assert!(is_open(&ledger, 9, 0, HOUR).await, "another's stays");
    assert!(!ledger.set_password(ada, "other").await.unwrap());
    assert_eq!(ledger.remove_person(ada).await.unwrap(), PersonChange::Gone);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let (_folder, ledger) = ledger().await;
    let ada = ledger.add_person("ada", "administrator", "h", 0).await.unwrap().unwrap();
    let bob = ledger.add_person("bob", "viewer", "h", 0).await.unwrap().unwrap();
    assert_eq!(ledger.add_person("Ada", "viewer", "h", 0).await.unwrap(), None, "taken");
    assert_eq!(ledger.set_role(ada, "viewer").await.unwrap(), PersonChange::LastAdministrator);
    assert_eq!(ledger.remove_person(ada).await.unwrap(), PersonChange::LastAdministrator);
    assert_eq!(ledger.set_role(bob, "administrator").await.unwrap(), PersonChange::Done);
    assert_eq!(ledger.set_role(ada, "viewer").await.unwrap(), PersonChange::Done);
    let unknown = ledger.set_role(ada, "king").await;
    assert!(matches!(unknown, Err(LedgerError::Corrupt(_))), "{unknown:?}");
}

#[tokio::test]
async fn a_token_works_until_it_expires_or_its_person_goes() {
    let (_folder, ledger) = ledger().await;
    ledger.add_person("root", "administrator", "h", 0).await.unwrap();
    let ada = ledger.add_person("ada", "operator", "h", 0).await.unwrap().unwrap();
    let new = |hash: u8, name: &str, expires_at| NewToken {
        hash: [hash; 32],
        person: ada,
        name: name.to_owned(),
        role: "viewer".to_owned(),
        expires_at,
    };
    let ci = ledger.add_token(&new(1, "ci", Some(HOUR)), 0).await.unwrap().unwrap();
    assert_eq!(ledger.add_token(&new(2, "ci", None), 0).await.unwrap(), None, "name taken");
    ledger.add_token(&new(3, "grafana", None), 0).await.unwrap().unwrap();
    let token = ledger.token(&[1; 32], 1).await.unwrap().unwrap();
    assert_eq!((token.role.as_str(), token.person.role.as_str()), ("viewer", "operator"));
    assert!(ledger.token(&[1; 32], HOUR).await.unwrap().is_none(), "expired");
    assert!(ledger.token(&[3; 32], i64::MAX).await.unwrap().is_some());
    ledger.token_used(ci, 5).await.unwrap();
    assert_eq!(ledger.tokens().await.unwrap()[0].used_at, Some(5));
    assert!(ledger.remove_token(ci).await.unwrap());
    assert!(!ledger.remove_token(ci).await.unwrap());
    ledger.remove_person(ada).await.unwrap();
    assert!(ledger.token(&[3; 32], 1).await.unwrap().is_none());
}

#[tokio::test]
async fn the_audit_log_is_read_backwards_in_pages_and_forgotten_in_time() {
    let (_folder, ledger) = ledger().await;
    for at in 0..5 {
        let entry = AuditEntry {
            id: 0,
            at,
            who: "ada".to_owned(),
            token: None,
            address: "127.0.0.1".to_owned(),
            action: "connector.pause".to_owned(),
            subject: "acme".to_owned(),
            outcome: "done".to_owned(),
        };
        ledger.note(&entry).await.unwrap();
    }
    let page = ledger.audit(None, 2).await.unwrap();
    assert_eq!(page.iter().map(|entry| entry.at).collect::<Vec<_>>(), [4, 3]);
    let page = ledger.audit(Some(page[1].id), 9).await.unwrap();
    assert_eq!(page.iter().map(|entry| entry.at).collect::<Vec<_>>(), [2, 1, 0]);
    ledger.forget(0, 3, 0).await.unwrap();
    assert_eq!(ledger.audit(None, 9).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_the_console_keeps_does_not_move_with_the_rest() {
    let (_folder, ledger) = ledger().await;
    ledger.register("acme", &[], 0).await.unwrap();
    let ada = ledger.add_person("ada", "administrator", "h", 0).await.unwrap().unwrap();
    session(&ledger, ada, 1).await;
    let mut tables = Vec::new();
    let mut tell = |table: &str, _| {
        tables.push(table.to_owned());
        Ok::<_, LedgerError>(())
    };
    ledger.dump(&mut tell).await.unwrap();
    assert_eq!(tables, ["connector"]);
}
