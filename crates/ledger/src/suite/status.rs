//! Cases about counts, dead letters, and the release of the spool.

use super::Storage;
use super::scene::{
    ACME, COLLECT, NOW, TO_SIEM, admit, assert_refused, counts, dead_letter, fetched, file, finish,
    lane, last_step, list, step, take,
};
use crate::unit::{Event, State};
use crate::{
    ApiCalls, ConnectorRecord, DeadLetter, DeliveryDelta, DestinationSummary, Lane, LedgerError,
    NewBackfill, PAYLOAD_LIMIT, Paused, Summary, UnitId, Withheld,
};

/// Every number of it, from a history in which all differ.
pub async fn a_summary_counts_units_rows_and_deliveries(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let (login, logout) = (lane("Login"), lane("Logout"));
    let units = admit(&*ledger, &login, 3, &["siem", "archive"]).await;
    finish(&*ledger, &units[0], "archive").await;
    finish(&*ledger, &units[0], "siem").await;
    let lease = take(&*ledger, &login, TO_SIEM).await;
    let rejected = vec![dead_letter(units[1].id, 1, NOW), dead_letter(units[1].id, 2, NOW)];
    let part = DeliveryDelta { delivered: 8, rejected, ..step(units[1].id, 0, 10) };
    ledger.deliver(&lease, &[part], NOW).await.unwrap();

    list(&*ledger, &[file(&logout, 0), file(&logout, 1), file(&logout, 7)]).await;
    let others = ledger.units(&logout).await.unwrap();
    let lease = take(&*ledger, &logout, COLLECT).await;
    ledger.apply(&lease, others[0].id, &fetched(40), &[], NOW).await.unwrap();
    let hours = Vec::new();
    let event = Event::Admitted { admitted: 20, repeats: 15, undecodable: 5, exceptions: 0, hours };
    let letter = [dead_letter(others[0].id, 9, NOW)];
    ledger.apply(&lease, others[0].id, &event, &letter, NOW).await.unwrap();
    ledger.apply(&lease, others[1].id, &Event::Gone, &[], NOW).await.unwrap();

    let named = |pairs: &[(&str, i64)]| {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let archive = DestinationSummary {
        delivered: 100,
        rejected: 0,
        finished: 1,
        waiting: 3,
        delivered_at: Some(NOW),
        newest: Some(units[0].listed.log_date),
        oldest_waiting: Some(others[0].listed.created_date),
        withheld: Withheld::default(),
    };
    let siem = DestinationSummary { newest: Some(units[1].listed.log_date), ..archive.clone() };
    let expected = Summary {
        units: named(&[("admitted", 3), ("done", 1), ("listed", 1), ("vanished", 1)]),
        event_types: named(&[("Login", 3), ("Logout", 3)]),
        rows: 340,
        admitted: 320,
        repeats: 15,
        undecodable: 5,
        raw_bytes: 34_000,
        newest_file: Some(others[2].listed.created_date),
        oldest_age: NOW - others[0].listed.created_date,
        oldest_listed: Some(others[2].listed.created_date),
        destinations: [
            ("archive".to_owned(), archive.clone()),
            ("siem".to_owned(), DestinationSummary { delivered: 108, rejected: 2, ..siem }),
        ]
        .into(),
        dead_letters: 3,
        replays: 0,
        lost: 1,
        disputed: 0,
        failing: 0,
    };
    assert_eq!(ledger.summary(ACME).await.unwrap(), expected);
}

/// First what is to be collected, then what is to be delivered, each the oldest first.
pub async fn what_is_at_work_comes_with_its_deliveries_and_bounded(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let (login, logout) = (lane("Login"), lane("Logout"));
    let units = admit(&*ledger, &login, 3, &["siem", "archive"]).await;
    for destination in ["archive", "siem"] {
        finish(&*ledger, &units[0], destination).await;
    }
    finish(&*ledger, &units[1], "siem").await;
    list(&*ledger, &[file(&logout, 5), file(&logout, 4)]).await;
    let listed = ledger.units(&logout).await.unwrap();
    let expected = [listed[0].id, listed[1].id, units[1].id, units[2].id];
    let found = ledger.at_work(ACME, 10).await.unwrap();
    assert_eq!(found.iter().map(|(unit, _)| unit.id).collect::<Vec<_>>(), expected);
    let done = |at: usize| -> Vec<(&str, bool)> {
        found[at].1.iter().map(|it| (it.destination.as_str(), it.done)).collect()
    };
    assert_eq!(done(0), []);
    assert_eq!(done(2), [("archive", false), ("siem", true)]);
    let some = ledger.at_work(ACME, 3).await.unwrap();
    assert_eq!(some, found[..3]);
    assert_eq!(ledger.at_work("other", 10).await.unwrap(), []);
}

/// Whatever is asked of all connectors at once is what is asked of each.
pub async fn an_overview_holds_what_each_connector_is_asked_for(storage: &dyn Storage) {
    let ledger = storage.open().await;
    assert!(ledger.overview("2026-11-23").await.unwrap().is_empty());
    let own = lane("Login");
    let units = admit(&*ledger, &own, 3, &["siem", "archive"]).await;
    finish(&*ledger, &units[0], "siem").await;
    admit(&*ledger, &Lane { connector: "beta".to_owned(), ..own.clone() }, 2, &["siem"]).await;
    let record = ConnectorRecord { org_id: Some("00D".to_owned()), ..Default::default() };
    ledger.set_connector("tried", &record).await.unwrap();
    ledger.set_paused("tried", Some(&Paused { at: NOW, ..Default::default() })).await.unwrap();
    for day in ["2026-11-22", "2026-11-23"] {
        for (purpose, calls) in [("list", 2), ("download", 3)] {
            let calls = ApiCalls { day: day.to_owned(), purpose: purpose.to_owned(), calls };
            ledger.count_calls("beta", &[calls]).await.unwrap();
        }
    }
    let wish = NewBackfill { connector: ACME.to_owned(), from: 0, to: NOW, event_types: vec![] };
    ledger.begin_backfill(&wish, NOW).await.unwrap();
    let overview = ledger.overview("2026-11-23").await.unwrap();
    assert_eq!(overview.keys().collect::<Vec<_>>(), [ACME, "beta", "tried"]);
    for (name, found) in &overview {
        assert_eq!(found.record, ledger.connector(name).await.unwrap());
        assert_eq!(found.summary, ledger.summary(name).await.unwrap());
        assert_eq!(found.backfills, ledger.backfills(name).await.unwrap());
        assert_eq!(found.calls, ledger.api_calls(name, "2026-11-23").await.unwrap());
    }
    assert_eq!((overview[ACME].backfills.len(), overview["beta"].calls.len()), (1, 2));
    assert!(overview["tried"].record.paused.is_some());
}

/// A daily file that was replaced is not lost; one that is gone for good is.
pub async fn a_vanished_unit_is_lost_unless_a_later_version_is_listed(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let lease = take(&*ledger, &lane, COLLECT).await;
    for unit in ledger.units(&lane).await.unwrap() {
        ledger.apply(&lease, unit.id, &Event::Gone, &[], NOW).await.unwrap();
    }
    assert_eq!(ledger.summary(ACME).await.unwrap().lost, 2);
    let old = file(&lane, 0);
    let new = crate::NewUnit { created_date: old.created_date + 1, ..old };
    list(&*ledger, &[new]).await;
    assert_eq!(ledger.summary(ACME).await.unwrap().lost, 1);
}

/// Same destination names, same event types, other numbers.
pub async fn connectors_do_not_see_each_other(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let own = lane("Login");
    let other = Lane { connector: "other".to_owned(), ..own.clone() };
    admit(&*ledger, &own, 1, &["siem"]).await;
    let foreign = admit(&*ledger, &other, 2, &["siem"]).await;
    assert_eq!(ledger.units(&own).await.unwrap().len(), 1);
    let work = ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap();
    assert_eq!((work.len(), work[0].units), (1, 1));
    let lease = take(&*ledger, &other, TO_SIEM).await;
    let rejected = vec![dead_letter(foreign[0].id, 1, NOW)];
    let part = DeliveryDelta { rejected, ..step(foreign[0].id, 0, 10) };
    ledger.deliver(&lease, &[part], NOW).await.unwrap();
    ledger.postpone(&lease, foreign[1].id, NOW + 9, "x").await.unwrap();
    let summary = ledger.summary(ACME).await.unwrap();
    assert_eq!((summary.dead_letters, summary.rows), (0, 100));
    assert_eq!(counts(&summary, "siem"), [0, 0, 0, 1]);
    assert!(ledger.dead_letters(ACME, 9).await.unwrap().is_empty());
    assert_eq!(ledger.dead_letters("other", 9).await.unwrap().len(), 1);
    assert_eq!(ledger.next_due(ACME, NOW).await.unwrap(), None);
    assert_eq!(ledger.register("other", &[], NOW).await.unwrap(), [("siem".to_owned(), 2)]);
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().len(), 1);
}

/// By when they were set aside, then as they came.
pub async fn dead_letters_come_newest_first_and_bounded(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0).id;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let by_siem = |letter| DeadLetter { destination: Some("siem".to_owned()), ..letter };
    let letters = [(1, 10), (2, 30), (3, 20), (4, 30)]
        .map(|(row, at)| by_siem(dead_letter(unit, row, NOW + at)));
    let part = DeliveryDelta { rejected: letters.to_vec(), ..step(unit, 0, 10) };
    ledger.deliver(&lease, &[part], NOW).await.unwrap();
    let [first, second, third, fourth] = letters;
    let newest = ledger.dead_letters(ACME, 3).await.unwrap();
    assert_eq!(newest, [fourth, second, third]);
    assert_eq!(ledger.dead_letters(ACME, 9).await.unwrap().last(), Some(&first));
    assert!(ledger.dead_letters(ACME, 0).await.unwrap().is_empty());
}

/// A row of many megabytes does not fill the ledger; the spool has it whole.
pub async fn payloads_of_dead_letters_are_cut(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0).id;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let with = |payload: Vec<u8>, row| DeadLetter { payload, ..dead_letter(unit, row, NOW) };
    let long: Vec<u8> = (0..=u8::MAX).cycle().take(PAYLOAD_LIMIT + 1).collect();
    let rejected = vec![with(long.clone(), 0), with(long[1..].to_vec(), 1), with(vec![], 2)];
    let part = DeliveryDelta { rejected, ..step(unit, 0, 10) };
    ledger.deliver(&lease, &[part], NOW).await.unwrap();
    let kept = ledger.dead_letters(ACME, 9).await.unwrap();
    assert!(kept[0].payload.is_empty());
    assert_eq!(kept[1].payload, long[1..]);
    assert_eq!(kept[2].payload, long[..PAYLOAD_LIMIT]);
}

/// What may leave the spool: delivered everywhere, long enough ago, nothing to replay.
pub async fn only_final_units_without_dead_letters_are_releasable(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 5, &["siem"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let lettered = DeliveryDelta {
        rejected: vec![dead_letter(units[1].id, 1, NOW)],
        ..last_step(units[1].id, "siem", 0, 100)
    };
    let times = [(0, 20), (2, 10), (4, 30)];
    for (place, at) in times {
        let step = last_step(units[place].id, "siem", 0, 100);
        ledger.deliver(&lease, &[step], NOW + at).await.unwrap();
    }
    ledger.deliver(&lease, &[lettered], NOW).await.unwrap();
    // Not fetched, so nothing of it is in the spool; undecodable, so its bytes are all there is.
    list(&*ledger, &[file(&lane, 5), file(&lane, 6)]).await;
    let collect = take(&*ledger, &lane, COLLECT).await;
    let more = ledger.units(&lane).await.unwrap();
    ledger.apply(&collect, more[5].id, &Event::Gone, &[], NOW).await.unwrap();
    ledger.apply(&collect, more[6].id, &fetched(1), &[], NOW).await.unwrap();
    let undecodable = Event::Undecodable { reason: "no header".to_owned() };
    ledger.apply(&collect, more[6].id, &undecodable, &[], NOW).await.unwrap();

    for (before, limit, expected) in [
        (NOW + 10, 9, vec![]),
        (NOW + 11, 9, vec![units[2].id]),
        (NOW + 31, 9, vec![units[2].id, units[0].id, units[4].id]),
        (i64::MAX, 2, vec![units[2].id, units[0].id]),
    ] {
        let found = ledger.releasable(before, limit).await.unwrap();
        assert!(found.iter().all(|unit| unit.state == State::Done && unit.spooled));
        let ids: Vec<UnitId> = found.iter().map(|unit| unit.id).collect();
        assert_eq!(ids, expected);
    }
}

/// Recorded once; what is still needed is not given up.
pub async fn released_units_are_not_releasable_again(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 3, &["siem"]).await;
    for unit in &units[..2] {
        finish(&*ledger, unit, "siem").await;
    }
    let each = units[0].spool_bytes;
    assert_eq!(ledger.spooled_bytes().await.unwrap(), 3 * each);
    let early = ledger.spool_released(&[units[0].id, units[2].id]).await;
    assert_refused!(early, LedgerError::Misfit(_));
    assert_eq!(ledger.releasable(i64::MAX, 9).await.unwrap().len(), 2);
    for uncounted in [1, 0] {
        assert_eq!(ledger.spool_released(&[units[0].id]).await.unwrap(), uncounted);
        let left = ledger.releasable(i64::MAX, 9).await.unwrap();
        assert_eq!(left.iter().map(|unit| unit.id).collect::<Vec<_>>(), [units[1].id]);
    }
    let unit = ledger.unit(units[0].id).await.unwrap();
    assert_eq!((unit.spooled, unit.state), (false, State::Done));
    assert_eq!(ledger.spooled_bytes().await.unwrap(), 2 * each);
}
