//! Cases about calls to the org, and about backfills.

use super::Storage;
use super::scene::{
    ACME, COLLECT, NOW, TO_SIEM, admitted, assert_refused, fetched, file, finish, lane, list, take,
};
use crate::unit::Event;
use crate::{
    ApiCalls, BackfillId, BackfillState, Cursor, Ledger, LedgerError, Listed, NewBackfill,
};

fn calls(day: &str, purpose: &str, calls: i64) -> ApiCalls {
    ApiCalls { day: day.to_owned(), purpose: purpose.to_owned(), calls }
}

fn wish(connector: &str) -> NewBackfill {
    NewBackfill {
        connector: connector.to_owned(),
        from: 0,
        to: NOW,
        event_types: vec!["Log*".to_owned()],
    }
}

fn cursor(created_date: i64) -> Cursor {
    Cursor { created_date, log_file_id: "x".to_owned() }
}

async fn begin(ledger: &dyn Ledger) -> BackfillId {
    ledger.begin_backfill(&wish(ACME), NOW).await.unwrap()
}

/// Days and purposes come in order, and only those from the day that is asked for.
pub async fn calls_are_added_up_by_connector_day_and_purpose(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let first = [calls("2026-11-23", "list", 2), calls("2026-11-24", "list", 1)];
    ledger.count_calls(ACME, &first).await.unwrap();
    let more = [calls("2026-11-24", "list", 4), calls("2026-11-24", "download", 3)];
    ledger.count_calls(ACME, &more).await.unwrap();
    ledger.count_calls("other", &[calls("2026-11-24", "list", 9)]).await.unwrap();
    let today = [calls("2026-11-24", "download", 3), calls("2026-11-24", "list", 5)];
    assert_eq!(ledger.api_calls(ACME, "2026-11-24").await.unwrap(), today);
    let all = ledger.api_calls(ACME, "").await.unwrap();
    assert_eq!(all, [&[calls("2026-11-23", "list", 2)], &today[..]].concat());
    assert!(ledger.api_calls("nobody", "").await.unwrap().is_empty());
}

/// Asked for again it goes on; once it has ended, the same wish is a new one.
pub async fn a_backfill_with_the_same_wish_is_the_one_under_way(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let first = begin(&*ledger).await;
    assert_eq!(ledger.begin_backfill(&wish(ACME), NOW + 5).await.unwrap(), first);
    let other = NewBackfill { to: NOW + 1, ..wish(ACME) };
    let second = ledger.begin_backfill(&other, NOW + 6).await.unwrap();
    assert_ne!(second, first);
    ledger.begin_backfill(&wish("other"), NOW).await.unwrap();
    let found = ledger.backfills(ACME).await.unwrap();
    assert_eq!(found.iter().map(|one| one.id).collect::<Vec<_>>(), [second, first]);
    assert_eq!((&found[1].wish, found[1].begun_at), (&wish(ACME), NOW));
    let (open, cancelled) = (BackfillState::Open, BackfillState::Cancelled);
    ledger.move_backfill(first, open, cancelled, NOW).await.unwrap();
    assert_ne!(begin(&*ledger).await, first);
}

/// A file found as new before stays what it is.
pub async fn a_backfill_brings_only_files_that_are_not_known(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let files = [0, 1, 2].map(|n| file(&lane, n));
    list(&*ledger, &files[..1]).await;
    let id = begin(&*ledger).await;
    let at = cursor(9);
    let fed = ledger.feed_backfill(id, &files, None, Some(&at), NOW).await.unwrap();
    assert_eq!(fed, Listed { new: 2, known: 1 });
    let again = ledger.feed_backfill(id, &files, Some(&at), Some(&at), NOW).await.unwrap();
    assert_eq!(again, Listed { new: 0, known: 3 });
    let found = &ledger.backfills(ACME).await.unwrap()[0];
    assert_eq!((found.files, found.known, found.finished), (2, 4, 0));
    assert_eq!(found.bytes, files[1].length + files[2].length);
    assert_eq!(found.cursor, Some(at));
    assert_eq!(ledger.cursor(ACME, "event_log_files/Hourly").await.unwrap(), None);
    assert_eq!(ledger.units(&lane).await.unwrap().len(), 3);
}

/// Neither files nor cursor are taken.
pub async fn a_backfill_from_the_wrong_cursor_is_refused_whole(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let id = begin(&*ledger).await;
    ledger.feed_backfill(id, &[], None, Some(&cursor(5)), NOW).await.unwrap();
    for (from, to) in [(None, 6), (Some(cursor(4)), 6), (Some(cursor(5)), 4)] {
        let files = [file(&lane, 0)];
        let fed = ledger.feed_backfill(id, &files, from.as_ref(), Some(&cursor(to)), NOW).await;
        assert_refused!(fed, LedgerError::Delta { .. });
    }
    assert!(ledger.units(&lane).await.unwrap().is_empty());
    assert_eq!(ledger.backfills(ACME).await.unwrap()[0].cursor, Some(cursor(5)));
}

/// Listed, done or cancelled, or never begun.
pub async fn a_backfill_that_is_not_open_takes_no_more_files(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let id = begin(&*ledger).await;
    let files = [file(&lane("Login"), 0)];
    for next in [BackfillState::Listed, BackfillState::Done] {
        let state = ledger.backfills(ACME).await.unwrap()[0].state;
        ledger.move_backfill(id, state, next, NOW).await.unwrap();
        let fed = ledger.feed_backfill(id, &files, None, None, NOW).await;
        assert_refused!(fed, LedgerError::Delta { .. });
    }
    let fed = ledger.feed_backfill(id + 1, &files, None, None, NOW).await;
    assert_refused!(fed, LedgerError::Corrupt(_));
    assert!(ledger.units(&lane("Login")).await.unwrap().is_empty());
}

/// From where it stands, forward only.
pub async fn a_backfill_ends_once(storage: &dyn Storage) {
    use BackfillState::{Cancelled, Done, Listed, Open};
    let ledger = storage.open().await;
    let id = begin(&*ledger).await;
    for (from, to) in [(Listed, Done), (Open, Done), (Open, Open), (Done, Open)] {
        let moved = ledger.move_backfill(id, from, to, NOW).await;
        assert_refused!(moved, LedgerError::Delta { .. });
    }
    ledger.move_backfill(id, Open, Listed, NOW).await.unwrap();
    assert_eq!(ledger.backfills(ACME).await.unwrap()[0].ended_at, None);
    ledger.move_backfill(id, Listed, Done, NOW + 3).await.unwrap();
    let found = &ledger.backfills(ACME).await.unwrap()[0];
    assert_eq!((found.state, found.ended_at), (Done, Some(NOW + 3)));
    let moved = ledger.move_backfill(id, Done, Cancelled, NOW).await;
    assert_refused!(moved, LedgerError::Delta { .. });
}

/// However old they are, for fetching and for delivering; a lane with both comes with the others.
pub async fn files_of_a_backfill_are_due_after_all_others(storage: &dyn Storage) {
    let ledger = storage.open().await;
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    let (new, old, both) = (lane("New"), lane("Old"), lane("Both"));
    let id = begin(&*ledger).await;
    let fed = [file(&old, 1), file(&both, 2)];
    ledger.feed_backfill(id, &fed, None, None, NOW).await.unwrap();
    list(&*ledger, &[file(&new, 7), file(&both, 9)]).await;
    let order = async |stage: &str| -> Vec<String> {
        let due = ledger.due(ACME, stage, NOW, 10).await.unwrap();
        due.into_iter().map(|work| work.lane.event_type).collect()
    };
    assert_eq!(order(COLLECT).await, ["Both", "New", "Old"]);
    for lane in [&new, &old, &both] {
        let lease = take(&*ledger, lane, COLLECT).await;
        for unit in ledger.units(lane).await.unwrap() {
            ledger.apply(&lease, unit.id, &fetched(100), &[], NOW).await.unwrap();
            ledger.apply(&lease, unit.id, &admitted(100), &[], NOW).await.unwrap();
        }
    }
    assert_eq!(order(TO_SIEM).await, ["Both", "New", "Old"]);
}

/// Gone, set aside or delivered.
pub async fn a_backfill_counts_what_of_it_is_final(storage: &dyn Storage) {
    let ledger = storage.open().await;
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    let lane = lane("Login");
    let id = begin(&*ledger).await;
    let files = [0, 1, 2].map(|n| file(&lane, n));
    ledger.feed_backfill(id, &files, None, None, NOW).await.unwrap();
    let units = ledger.units(&lane).await.unwrap();
    let lease = take(&*ledger, &lane, COLLECT).await;
    ledger.apply(&lease, units[0].id, &Event::Gone, &[], NOW).await.unwrap();
    ledger.apply(&lease, units[1].id, &fetched(100), &[], NOW).await.unwrap();
    ledger.apply(&lease, units[1].id, &admitted(100), &[], NOW).await.unwrap();
    assert_eq!(ledger.backfills(ACME).await.unwrap()[0].finished, 1);
    let admitted = ledger.unit(units[1].id).await.unwrap();
    finish(&*ledger, &admitted, "siem").await;
    let found = &ledger.backfills(ACME).await.unwrap()[0];
    assert_eq!((found.finished, found.files), (2, 3));
}
