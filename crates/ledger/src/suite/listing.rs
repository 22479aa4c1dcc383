//! Cases about listings and cursors.

use std::sync::Arc;

use tokio::sync::Barrier;

use super::Storage;
use super::scene::{ACME, HOURLY, MINUTE, NOW, assert_refused, code, file, lane};
use crate::unit::State;
use crate::{Cursor, Lane, LedgerError, Listed, NewUnit};

fn cursor(created_date: i64, id: &str) -> Cursor {
    Cursor { created_date, log_file_id: id.to_owned() }
}

/// A ledger nobody wrote to answers every question with nothing.
pub async fn a_fresh_ledger_knows_nothing(storage: &dyn Storage) {
    let ledger = storage.open().await;
    assert!(ledger.connectors().await.unwrap().is_empty());
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), None);
    assert!(ledger.units(&lane("Login")).await.unwrap().is_empty());
    for stage in ["collect", "deliver:siem"] {
        assert!(ledger.due(ACME, stage, NOW, 10).await.unwrap().is_empty());
    }
    assert_eq!(ledger.next_due(ACME, NOW).await.unwrap(), None);
    assert_eq!(ledger.connector(ACME).await.unwrap(), crate::ConnectorRecord::default());
    assert_eq!(ledger.summary(ACME).await.unwrap(), crate::Summary::default());
    assert!(ledger.dead_letters(ACME, 10).await.unwrap().is_empty());
    assert!(ledger.releasable(i64::MAX, 10).await.unwrap().is_empty());
    assert_refused!(ledger.unit(1).await, LedgerError::NoUnit(1));
    assert_refused!(ledger.deliveries(1).await, LedgerError::NoUnit(1));
}

/// Units and cursor of a page are there afterwards, as they were given.
pub async fn a_listed_page_is_recorded_with_its_cursor(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let files = [file(&lane, 0), file(&lane, 1)];
    let to = cursor(files[1].created_date, &files[1].log_file_id);
    let listed = ledger.list(ACME, HOURLY, &files, None, Some(&to), NOW).await.unwrap();
    assert_eq!(listed, Listed { new: 2, known: 0 });
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), Some(to.clone()));
    let units = ledger.units(&lane).await.unwrap();
    assert_eq!(units.iter().map(|unit| &unit.listed).collect::<Vec<_>>(), [&files[0], &files[1]]);
    let unit = &units[0];
    assert_eq!((unit.state, unit.listed_at, unit.attempts), (State::Listed, NOW, 0));
    assert_eq!((unit.final_at, unit.spooled, &unit.note), (None, false, &None));
    assert_eq!(&ledger.unit(unit.id).await.unwrap(), unit);

    // The same file as the last of this page: same time, greater id.
    let next = cursor(to.created_date, &format!("{}x", to.log_file_id));
    ledger.list(ACME, HOURLY, &[], Some(&to), Some(&next), NOW).await.unwrap();
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), Some(next));
}

/// Known units are counted and left as they are, also when a page repeats itself.
pub async fn listing_the_same_files_again_changes_nothing(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let files = [file(&lane, 0), file(&lane, 1), file(&lane, 0)];
    let first = ledger.list(ACME, HOURLY, &files, None, None, NOW).await.unwrap();
    assert_eq!(first, Listed { new: 2, known: 1 });
    let before = ledger.units(&lane).await.unwrap();
    let mut moved = files.clone();
    for unit in &mut moved {
        unit.sequence = 7;
        unit.lane.day.push('x');
    }
    let again = ledger.list(ACME, HOURLY, &moved, None, None, NOW + MINUTE).await.unwrap();
    assert_eq!(again, Listed { new: 0, known: 3 });
    assert_eq!(ledger.units(&lane).await.unwrap(), before);
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), None);
}

/// The identity of a unit is its id with its creation and length.
pub async fn a_file_made_anew_is_another_unit(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let first = file(&lane, 0);
    let later = NewUnit { created_date: first.created_date + 1, ..first.clone() };
    let longer = NewUnit { length: first.length + 1, ..first.clone() };
    let other = NewUnit { log_file_id: "0AT".to_owned(), ..first.clone() };
    let files = [first, later, longer, other];
    let listed = ledger.list(ACME, HOURLY, &files, None, None, NOW).await.unwrap();
    assert_eq!(listed, Listed { new: 4, known: 0 });
}

/// Neither units nor cursor of a page that starts elsewhere are taken.
pub async fn a_listing_from_the_wrong_cursor_is_refused_whole(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let (a, b, c) = (cursor(10, "b"), cursor(10, "c"), cursor(11, "a"));
    let from_somewhere =
        ledger.list(ACME, HOURLY, &[file(&lane, 0)], Some(&a), Some(&b), NOW).await;
    assert_refused!(from_somewhere, LedgerError::Delta { .. });
    ledger.list(ACME, HOURLY, &[], None, Some(&b), NOW).await.unwrap();
    for wrong in [None, Some(&a), Some(&c)] {
        let result = ledger.list(ACME, HOURLY, &[file(&lane, 0)], wrong, Some(&c), NOW).await;
        assert_refused!(result, LedgerError::Delta { .. });
    }
    assert!(ledger.units(&lane).await.unwrap().is_empty());
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), Some(b));
}

/// Smaller as a pair, or nothing where there was something: refused.
pub async fn a_cursor_is_never_moved_backwards(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let at = cursor(10, "b");
    ledger.list(ACME, HOURLY, &[], None, Some(&at), NOW).await.unwrap();
    for earlier in [None, Some(cursor(9, "c")), Some(cursor(10, "a"))] {
        let files = [file(&lane("Login"), 0)];
        let result = ledger.list(ACME, HOURLY, &files, Some(&at), earlier.as_ref(), NOW).await;
        assert_refused!(result, LedgerError::Delta { .. });
    }
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), Some(at));
    assert!(ledger.units(&lane("Login")).await.unwrap().is_empty());
}

/// Moving one leaves the others where they were.
pub async fn tracks_and_connectors_have_cursors_of_their_own(storage: &dyn Storage) {
    let ledger = storage.open().await;
    ledger.list(ACME, "a", &[], None, Some(&cursor(1, "x")), NOW).await.unwrap();
    ledger.list(ACME, "b", &[], None, Some(&cursor(2, "x")), NOW).await.unwrap();
    ledger.list("other", "a", &[], None, Some(&cursor(3, "x")), NOW).await.unwrap();
    assert_eq!(ledger.cursor(ACME, "a").await.unwrap(), Some(cursor(1, "x")));
    assert_eq!(ledger.cursor(ACME, "b").await.unwrap(), Some(cursor(2, "x")));
    assert_eq!(ledger.cursor("other", "a").await.unwrap(), Some(cursor(3, "x")));
    assert_eq!(ledger.cursor("other", "b").await.unwrap(), None);
}

/// A page is of one connector.
pub async fn a_unit_of_another_connector_is_refused_with_its_page(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let own = lane("Login");
    let other = Lane { connector: "other".to_owned(), ..own.clone() };
    let files = [file(&own, 0), file(&other, 1)];
    let result = ledger.list(ACME, HOURLY, &files, None, Some(&cursor(1, "x")), NOW).await;
    assert_refused!(result, LedgerError::Corrupt(_));
    assert!(ledger.units(&own).await.unwrap().is_empty());
    assert!(ledger.units(&other).await.unwrap().is_empty());
    assert_eq!(ledger.cursor(ACME, HOURLY).await.unwrap(), None);
}

/// The largest page an org answers with.
pub async fn a_page_of_two_thousand_files_is_recorded_whole(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let files: Vec<_> = (0..2_000).map(|n| file(&lane(&format!("Type{}", n % 40)), n)).collect();
    let listed = ledger.list(ACME, HOURLY, &files, None, None, NOW).await.unwrap();
    assert_eq!(listed, Listed { new: 2_000, known: 0 });
    let due = ledger.due(ACME, "collect", NOW, 100).await.unwrap();
    assert_eq!(due.len(), 40);
    assert!(due.iter().all(|work| work.units == 50));
}

/// Two processes that list at the same time.
pub async fn two_listings_from_one_cursor_have_one_winner(storage: &dyn Storage) {
    let ledgers = [storage.open().await, storage.open().await];
    let lane = lane("Login");
    let mut from = None;
    for round in 0..20 {
        let to = cursor(round, "x");
        let start = Arc::new(Barrier::new(2));
        let mut tasks = tokio::task::JoinSet::new();
        for (worker, ledger) in (0..).zip(&ledgers) {
            let (ledger, start) = (Arc::clone(ledger), Arc::clone(&start));
            let (from, to, files) = (from.clone(), to.clone(), [file(&lane, round * 2 + worker)]);
            tasks.spawn(async move {
                start.wait().await;
                ledger.list(ACME, HOURLY, &files, from.as_ref(), Some(&to), NOW).await
            });
        }
        let mut codes: Vec<_> = tasks.join_all().await.iter().map(code).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["OT-LEDGER-01", "no error"]);
        from = Some(to);
    }
    assert_eq!(ledgers[0].units(&lane).await.unwrap().len(), 20);
}
