//! Opening: new, old, newer, damaged, and foreign files.

use std::path::Path;

use super::{bare, edit, folder, list, listed};
use crate::sqlite::dialect::Stop;
use crate::{Ledger, LedgerError, SqliteLedger};

/// A closed ledger with fifty units.
async fn filled(path: &Path) {
    let ledger = SqliteLedger::open(path).await.unwrap();
    list(&ledger, 50).await.unwrap();
    ledger.close().await.unwrap();
}

async fn corrupt(path: &Path) -> String {
    match SqliteLedger::open(path).await {
        Err(LedgerError::Corrupt(text)) => text,
        Err(error) => panic!("another error: {error:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn a_closed_ledger_is_one_file_and_opens_again() {
    let (folder, path) = folder();
    filled(&path).await;
    let names: Vec<_> =
        folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["ledger.db"]);
    assert_eq!(listed(&SqliteLedger::open(&path).await.unwrap()).await, 50);
}

#[tokio::test]
async fn commits_reach_the_disk_and_readers_cannot_write() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let mut writer = ledger.writer.take().await.unwrap();
    let mut reader = ledger.reader().await.unwrap();
    for (pragma, expected) in [("pragma synchronous", 2), ("pragma foreign_keys", 1)] {
        let value: i64 = sqlx::query_scalar(pragma).fetch_one(&mut *writer).await.unwrap();
        assert_eq!(value, expected, "{pragma}");
    }
    for conn in [&mut *writer, &mut *reader] {
        let mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(conn).await.unwrap();
        assert_eq!(mode, "wal");
    }
    let write = sqlx::query("delete from unit").execute(&mut *reader).await;
    assert!(write.unwrap_err().to_string().contains("readonly"));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 1).await.unwrap();
    let files: Vec<_> =
        folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    assert!(files.iter().all(|path| rights(path) == 0o600));
    ledger.close().await.unwrap();

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    SqliteLedger::open(&path).await.unwrap();
    assert_eq!(rights(&path), 0o600);
}

#[tokio::test]
async fn many_processes_make_one_ledger_at_the_same_time() {
    for _ in 0..5 {
        let (_folder, path) = folder();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let path = path.clone();
            tasks.spawn(async move {
                let ledger = SqliteLedger::open(&path).await.unwrap();
                ledger.register(&number.to_string(), &[], 0).await.unwrap();
            });
        }
        tasks.join_all().await;
        let ledger = SqliteLedger::open(&path).await.unwrap();
        assert_eq!(ledger.connectors().await.unwrap().len(), 8);
    }
}

#[tokio::test]
async fn a_crash_while_it_is_made_is_made_good() {
    // Before the file, before the tables, and after them but before the mark was taken away.
    for crash in 0..3 {
        let (folder, path) = folder();
        if crash == 2 {
            filled(&path).await;
        }
        let mark = folder.path().join("ledger.db-new");
        std::fs::write(&mark, "").unwrap();
        if crash == 1 {
            std::fs::write(&path, "").unwrap();
        }
        let ledger = SqliteLedger::open(&path).await.unwrap();
        list(&ledger, 50).await.unwrap();
        assert_eq!(listed(&ledger).await, 50);
        assert!(!mark.exists());
    }
}

#[tokio::test]
async fn a_ledger_of_a_newer_orgtap_is_left_alone() {
    let (_folder, path) = folder();
    filled(&path).await;
    edit(&path, "insert into orgtap_schema (version, name) values (2, 'from'), (3, 'the future')")
        .await;
    let before = std::fs::read(&path).unwrap();
    let error = SqliteLedger::open(&path).await.err().unwrap();
    assert!(matches!(error, LedgerError::Newer { found: 3, known: 1 }), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn an_emptied_file_is_not_taken_for_a_new_ledger() {
    let (_folder, path) = folder();
    std::fs::write(&path, "").unwrap();
    assert!(corrupt(&path).await.contains("emptied"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn a_log_whose_file_is_gone_is_not_taken_for_a_new_ledger() {
    let (folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 1).await.unwrap();
    let log = std::fs::read(folder.path().join("ledger.db-wal")).unwrap();
    drop(ledger);
    let (elsewhere, path) = super::folder();
    std::fs::write(elsewhere.path().join("ledger.db-wal"), log).unwrap();
    assert!(corrupt(&path).await.contains("gone"));
    assert!(!path.exists());
}

#[tokio::test]
async fn files_that_are_something_else_are_refused_and_kept() {
    let (_folder, path) = folder();
    let text = "connectors:\n  - name: acme\n".repeat(200);
    std::fs::write(&path, &text).unwrap();
    assert!(corrupt(&path).await.contains("no SQLite database"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    let (_folder, path) = folder();
    edit(&path, "create table unit (id integer primary key)").await;
    assert!(corrupt(&path).await.contains("another program"));

    let (_folder, path) = folder();
    edit(&path, "create table x (id integer); drop table x").await;
    assert!(corrupt(&path).await.contains("emptied"));
}

#[tokio::test]
async fn a_file_cut_short_is_refused() {
    let (_folder, path) = folder();
    filled(&path).await;
    let bytes = std::fs::read(&path).unwrap();
    for length in [1, 99, 100, 4_000, 4_096, bytes.len() / 2] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let text = corrupt(&path).await;
        assert!(!text.is_empty(), "{length}");
        assert_eq!(std::fs::metadata(&path).unwrap().len(), length as u64);
    }
}

/// Every page in turn is overwritten: the ledger may answer or say that it is damaged, but it
/// neither panics nor calls it anything else.
#[tokio::test]
async fn damaged_pages_are_told_as_damage() {
    let (_folder, path) = folder();
    filled(&path).await;
    let sound = std::fs::read(&path).unwrap();
    let mut told = 0;
    for page in 0..sound.len() / 4_096 {
        let mut damaged = sound.clone();
        damaged[page * 4_096 + 8..(page + 1) * 4_096].fill(0xa5);
        std::fs::write(&path, &damaged).unwrap();
        let outcome = async {
            let ledger = SqliteLedger::open(&path).await?;
            let units = ledger.units(&super::lane()).await.map(drop);
            let summary = ledger.summary("acme").await.map(drop);
            let due = ledger.due("acme", "collect", 0, 9).await.map(drop);
            let write = list(&ledger, 60).await;
            let register = ledger.register("acme", &["siem".to_owned()], 0).await.map(drop);
            ledger.close().await?;
            units.and(summary).and(due).and(write).and(register)
        };
        match outcome.await {
            Ok(()) => {}
            Err(LedgerError::Corrupt(_)) => told += 1,
            Err(error) => panic!("page {page}: {error:?}"),
        }
    }
    assert!(told > 5, "{told}");
}

#[tokio::test]
async fn what_was_edited_by_hand_is_told_as_damage() {
    let (_folder, path) = folder();
    filled(&path).await;
    edit(&path, "pragma ignore_check_constraints = on; update unit set state = 'bogus'").await;
    edit(&path, "update connector set record = '{\"org_id\": 7, \"secret\": 1}'").await;
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let unit = ledger.unit(1).await.unwrap_err();
    assert_eq!(unit.to_string(), "the ledger holds a unit in an unknown state, \"bogus\"");
    let record = ledger.connector("acme").await.unwrap_err();
    assert!(matches!(record, LedgerError::Corrupt(_)), "{record:?}");
    assert!(!record.to_string().contains("secret"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_a_failure_with_its_name() {
    let (folder, _) = folder();
    let path = folder.path().join("missing").join("ledger.db");
    let error = SqliteLedger::open(&path).await.err().unwrap();
    let LedgerError::Database(source) = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains("missing"), "{source}");
}

#[tokio::test]
async fn reading_columns_of_the_wrong_kind_is_damage() {
    let (_folder, path) = folder();
    let mut conn = bare(&path).await;
    let row = sqlx::query("select 'text' as id").fetch_one(&mut conn).await.unwrap();
    let error = sqlx::Row::try_get::<i64, _>(&row, "id").unwrap_err();
    let error = LedgerError::from(Stop::from(error));
    assert!(matches!(error, LedgerError::Corrupt(_)), "{error:?}");
}
