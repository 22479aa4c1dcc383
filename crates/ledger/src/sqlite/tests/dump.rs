//! What is dumped is all there is, and a ledger made from it is the same ledger.

use super::folder;
use crate::suite::letters_and_replays;
use crate::{DumpedRow, Ledger, LedgerError, Restore, SqliteLedger};

async fn dump(ledger: &SqliteLedger) -> Vec<(String, DumpedRow)> {
    let mut rows = Vec::new();
    let mut tell = |table: &str, row: DumpedRow| {
        rows.push((table.to_owned(), row));
        Ok::<_, LedgerError>(())
    };
    ledger.dump(&mut tell).await.unwrap();
    // The order of rows without a number of their own is nobody's promise.
    rows.sort_by_key(|(table, row)| format!("{table} {row:?}"));
    rows
}

#[tokio::test]
async fn a_ledger_made_from_a_dump_holds_the_same() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    letters_and_replays(&ledger).await;
    let rows = dump(&ledger).await;
    let tables: std::collections::BTreeSet<_> = rows.iter().map(|(table, _)| table).collect();
    for table in ["connector", "destination", "lane", "lease", "unit", "delivery", "replay"] {
        assert!(tables.contains(&table.to_owned()), "{table} in {tables:?}");
    }
    let (_other, to) = folder();
    let mut restore = Restore::begin(&to, SqliteLedger::version()).await.unwrap();
    // In any order: a row may come before the one it refers to.
    for (table, row) in rows.iter().rev() {
        restore.row(table, row).await.unwrap();
    }
    restore.finish().await.unwrap();
    let restored = SqliteLedger::open(&to).await.unwrap();
    assert_eq!(dump(&restored).await, rows);
    assert_eq!(restored.summary("acme").await.unwrap(), ledger.summary("acme").await.unwrap());
    assert_eq!(
        restored.dead_letters("acme", 9).await.unwrap(),
        ledger.dead_letters("acme", 9).await.unwrap()
    );
}

#[tokio::test]
async fn what_no_ledger_has_is_refused() {
    let (_folder, path) = folder();
    let newer = Restore::begin(&path, SqliteLedger::version() + 1).await;
    assert!(matches!(newer, Err(LedgerError::Newer { .. })));
    let mut restore = Restore::begin(&path, 1).await.unwrap();
    let row = |text: &str| serde_json::from_str::<DumpedRow>(text).unwrap();
    for (table, text) in [
        ("sqlite_schema", "{}"),
        ("lane; drop table unit", "{}"),
        ("lane", r#"{"id) values (1); --": 1}"#),
        ("connector", r#"{"id": 1.5}"#),
        ("connector", r#"{"id": 1, "name": {"hex": "0"}}"#),
        ("connector", r#"{"id": [1]}"#),
        ("unit", r#"{"id": 1, "state": "nowhere"}"#),
    ] {
        let refused = restore.row(table, &row(text)).await;
        assert!(matches!(refused, Err(LedgerError::Corrupt(_))), "{table} {text}: {refused:?}");
    }
    let orphan = row(r#"{"id": 1, "connector_id": 7, "event_type": "Login", "day": "x"}"#);
    restore.row("lane", &orphan).await.unwrap();
    assert!(matches!(restore.finish().await, Err(LedgerError::Corrupt(_))));
}
