//! Failures in the middle of writing: no room, and callers that go away.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use super::{edit, folder, lane, list, listed};
use crate::{Ledger, LedgerError, SqliteLedger};

/// Lets the writing connection use so many pages of the file and no more.
async fn allow_pages(ledger: &SqliteLedger, sql: &'static str) {
    let mut conn = ledger.writer.take().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut *conn).await.unwrap();
    conn.give_back();
}

#[tokio::test]
async fn a_full_disk_refuses_writes_whole_until_there_is_room() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 3).await.unwrap();
    for _ in 0..3 {
        // The connection that met the full disk may have been replaced by one without the limit.
        allow_pages(&ledger, "pragma max_page_count = 1").await;
        let error = list(&ledger, 2_000).await.unwrap_err();
        assert!(error.is_disk_full(), "{error:?}");
        assert_eq!(error.code(), "OT-LEDGER-07");
        assert_eq!(listed(&ledger).await, 3);
    }
    allow_pages(&ledger, "pragma max_page_count = 1000000").await;
    list(&ledger, 2_000).await.unwrap();
    assert_eq!(listed(&ledger).await, 2_000);
}

/// Polls a future so many times and drops it if it has not ended.
async fn poll_times<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_all_or_nothing() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let (mut dropped, mut ended, mut before) = (0, 0, 0);
    for times in 0..60 {
        let count = before as i64 + 5;
        let outcome = poll_times(list(&ledger, count), times).await;
        // The next write waits until SQLite has undone the one that was given up.
        ledger.register("acme", &[], 0).await.unwrap();
        let after = listed(&ledger).await;
        if let Some(result) = outcome {
            result.unwrap();
            assert_eq!(after as i64, count);
            ended += 1;
        } else {
            assert!(after == before || after as i64 == count, "{before} {after} {count}");
            dropped += 1;
        }
        before = after;
    }
    assert!(dropped > 3 && ended > 3, "{dropped} dropped, {ended} ended");
}

#[tokio::test]
async fn a_write_that_is_dropped_gives_its_turn_to_the_next() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 2).await.unwrap();
    let mut write = ledger.writer.begin().await.unwrap();
    sqlx::query("delete from unit").execute(&mut *write).await.unwrap();
    drop(write);
    list(&ledger, 3).await.unwrap();
    assert_eq!(listed(&ledger).await, 3);
}

#[tokio::test]
async fn a_commit_that_fails_is_told_and_leaves_nothing() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 2).await.unwrap();
    let mut write = ledger.writer.begin().await.unwrap();
    // The broken reference is found at the commit, which SQLite then leaves undone, but open.
    let broken = "pragma defer_foreign_keys = on; update unit set connector_id = 99";
    sqlx::raw_sql(broken).execute(&mut *write).await.unwrap();
    let error = write.finish(Ok(())).await.unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt(_)), "{error:?}");
    list(&ledger, 3).await.unwrap();
    assert_eq!(listed(&ledger).await, 3);
    assert_eq!(ledger.summary("acme").await.unwrap().units["listed"], 3);
}

#[tokio::test]
async fn reads_do_not_wait_for_a_write() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 2).await.unwrap();
    let mut write = ledger.writer.begin().await.unwrap();
    sqlx::query("delete from unit").execute(&mut *write).await.unwrap();
    assert_eq!(listed(&ledger).await, 2);
    assert_eq!(ledger.summary("acme").await.unwrap().units["listed"], 2);
    drop(write);
}

#[tokio::test]
async fn rows_that_contradict_each_other_are_told_as_damage() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    list(&ledger, 1).await.unwrap();
    edit(&path, "create trigger t before insert on lane begin select raise(abort, 'x'); end").await;
    let other = crate::Lane { day: "2026-11-24".to_owned(), ..lane() };
    let error = ledger.lease(&other, "collect", "a", 0, 1).await.unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt(_)), "{error:?}");
    // The connection is as good as before.
    assert!(ledger.lease(&lane(), "collect", "a", 0, 1).await.unwrap().is_some());
}
