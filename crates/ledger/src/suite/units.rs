//! Cases about the states of units, their failures, and what is due.

use super::Storage;
use super::scene::{
    ACME, COLLECT, MINUTE, NOW, TO_SIEM, admit, admitted, assert_refused, dead_letter, fetched,
    file, finish, lane, list, take,
};
use crate::unit::{Event, State};
use crate::{Delivery, LaneWork, LedgerError, NewUnit};

/// What each event tells is kept, and admitting opens the deliveries.
pub async fn a_unit_goes_from_listed_to_admitted(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let names = ["siem".to_owned(), "archive".to_owned()];
    ledger.register(ACME, &names, NOW).await.unwrap();
    list(&*ledger, &[file(&lane, 0)]).await;
    let unit = ledger.units(&lane).await.unwrap().remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;

    let state = ledger.apply(&lease, unit.id, &fetched(7), &[], NOW).await.unwrap();
    assert_eq!(state, State::Fetched);
    let now = ledger.unit(unit.id).await.unwrap();
    assert_eq!((now.state, now.spooled, now.rows), (State::Fetched, true, 7));
    assert_eq!((now.spool_bytes, now.raw_bytes), (70, 700));
    assert_eq!(now.spool_path.as_deref(), Some("acme/file.gz"));
    assert_eq!(now.content_hash.as_deref(), Some("00112233445566778899aabbccddeeff"));
    assert!(ledger.deliveries(unit.id).await.unwrap().is_empty());

    let hours = Vec::new();
    let event = Event::Admitted { admitted: 4, repeats: 2, undecodable: 1, exceptions: 3, hours };
    let letter = dead_letter(unit.id, 3, NOW);
    let state = ledger.apply(&lease, unit.id, &event, std::slice::from_ref(&letter), NOW).await;
    assert_eq!(state.unwrap(), State::Admitted);
    let now = ledger.unit(unit.id).await.unwrap();
    assert_eq!((now.admitted, now.repeats, now.undecodable, now.exceptions), (4, 2, 1, 3));
    assert_eq!((now.state, now.final_at, now.rows), (State::Admitted, None, 7));
    assert_eq!(ledger.dead_letters(ACME, 9).await.unwrap(), [letter]);
    let opened = ["archive", "siem"].map(|name| Delivery {
        unit: unit.id,
        destination: name.to_owned(),
        position: 0,
        delivered: 0,
        rejected: 0,
        done: false,
        withheld: None,
        backfilled: false,
        attempts: 0,
        not_before: 0,
        note: None,
    });
    assert_eq!(ledger.deliveries(unit.id).await.unwrap(), opened);
}

/// The pure state machine decides; a refused event leaves no dead letter either.
pub async fn an_event_that_does_not_fit_changes_nothing(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let done = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    for event in [fetched(1), admitted(1), Event::Gone, Event::Covered] {
        let letter = [dead_letter(done.id, 0, NOW)];
        let result = ledger.apply(&lease, done.id, &event, &letter, NOW).await;
        assert_refused!(result, LedgerError::Misfit(_));
    }
    finish(&*ledger, &done, "siem").await;
    let before = ledger.unit(done.id).await.unwrap();
    let reason = "no".to_owned();
    let undecodable = Event::Undecodable { reason };
    for event in [fetched(1), admitted(1), Event::Gone, Event::Covered, undecodable] {
        let result = ledger.apply(&lease, done.id, &event, &[], NOW).await;
        assert_refused!(result, LedgerError::Misfit(_));
    }
    assert_eq!(ledger.unit(done.id).await.unwrap(), before);
    assert!(ledger.dead_letters(ACME, 1).await.unwrap().is_empty());
}

/// Numbers nobody gave out.
pub async fn a_unit_that_is_not_there_is_named(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let known = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0).id;
    let wrong = known + 1_000;
    let lease = take(&*ledger, &lane, COLLECT).await;
    let applied = ledger.apply(&lease, wrong, &Event::Gone, &[], NOW).await;
    assert!(matches!(applied, Err(LedgerError::NoUnit(id)) if id == wrong), "{applied:?}");
    let postponed = ledger.postpone(&lease, wrong, NOW, "x").await;
    assert_refused!(postponed, LedgerError::NoUnit(_));
    let deliver = take(&*ledger, &lane, TO_SIEM).await;
    let step = super::scene::step(wrong, 0, 1);
    assert_refused!(ledger.deliver(&deliver, &[step], NOW).await, LedgerError::NoUnit(_));
    assert_refused!(ledger.unit(wrong).await, LedgerError::NoUnit(_));
    assert_refused!(ledger.deliveries(wrong).await, LedgerError::NoUnit(_));
    assert_refused!(ledger.spool_released(&[wrong]).await, LedgerError::NoUnit(_));
}

/// Hourly before daily, then log date, sequence, creation, id; however they were listed.
pub async fn units_of_a_lane_come_in_the_order_they_are_handled(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let hourly = |log_date, sequence, created_date, id: &str| NewUnit {
        log_date,
        sequence,
        created_date,
        log_file_id: id.to_owned(),
        ..file(&lane, 0)
    };
    let daily = |unit: NewUnit| NewUnit { interval: "Daily".to_owned(), ..unit };
    let in_order = [
        hourly(1, 2, 90, "z"),
        hourly(2, 1, 80, "y"),
        hourly(2, 2, 40, "b"),
        hourly(2, 2, 50, "a"),
        hourly(2, 2, 50, "c"),
        daily(hourly(1, 0, 10, "d")),
        daily(hourly(1, 0, 95, "d")),
    ];
    for place in [4, 6, 0, 3, 5, 2, 1] {
        list(&*ledger, &in_order[place..=place]).await;
    }
    let units = ledger.units(&lane).await.unwrap();
    let listed: Vec<_> = units.into_iter().map(|unit| unit.listed).collect();
    assert_eq!(listed, in_order);
}

/// Final, with the time; nothing in the spool, nothing to deliver, nothing due.
pub async fn gone_and_covered_units_are_final(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let lease = take(&*ledger, &lane, COLLECT).await;
    let units = ledger.units(&lane).await.unwrap();
    let events = [(Event::Gone, State::Vanished), (Event::Covered, State::Skipped)];
    for (unit, (event, state)) in units.iter().zip(&events) {
        let after = ledger.apply(&lease, unit.id, event, &[], NOW + 5).await.unwrap();
        assert_eq!(after, *state);
        let unit = ledger.unit(unit.id).await.unwrap();
        assert_eq!((unit.state, unit.final_at, unit.spooled), (*state, Some(NOW + 5), false));
    }
    ledger.release(&lease).await.unwrap();
    assert!(ledger.due(ACME, COLLECT, NOW, 9).await.unwrap().is_empty());
}

/// Before or after it was fetched; the reason is its note.
pub async fn an_undecodable_unit_is_final_and_says_why(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let lease = take(&*ledger, &lane, COLLECT).await;
    let units = ledger.units(&lane).await.unwrap();
    ledger.apply(&lease, units[1].id, &fetched(1), &[], NOW).await.unwrap();
    for unit in &units {
        let event = Event::Undecodable { reason: "no header".to_owned() };
        let whole = crate::DeadLetter { row: None, ..dead_letter(unit.id, 0, NOW) };
        let state = ledger.apply(&lease, unit.id, &event, &[whole], NOW + 5).await.unwrap();
        assert_eq!(state, State::Rejected);
        let unit = ledger.unit(unit.id).await.unwrap();
        assert_eq!((unit.final_at, unit.note.as_deref()), (Some(NOW + 5), Some("no header")));
    }
    assert_eq!(ledger.dead_letters(ACME, 9).await.unwrap().len(), 2);
}

/// Nobody would ever get such a unit, so it is not taken for delivered.
pub async fn admitting_without_destinations_is_refused_whole(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0)]).await;
    let unit = ledger.units(&lane).await.unwrap().remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    ledger.apply(&lease, unit.id, &fetched(1), &[], NOW).await.unwrap();
    let before = ledger.unit(unit.id).await.unwrap();
    let letter = [dead_letter(unit.id, 0, NOW)];
    let result = ledger.apply(&lease, unit.id, &admitted(1), &letter, NOW).await;
    assert_refused!(result, LedgerError::Corrupt(_));
    assert_eq!(ledger.unit(unit.id).await.unwrap(), before);
    assert!(ledger.dead_letters(ACME, 1).await.unwrap().is_empty());
}

/// No caller may declare a unit done that destinations have not finished.
pub async fn being_delivered_comes_of_deliveries_alone(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    let result = ledger.apply(&lease, unit.id, &Event::Delivered, &[], NOW).await;
    assert_refused!(result, LedgerError::Misfit(_));
    assert_eq!(ledger.unit(unit.id).await.unwrap().state, State::Admitted);
}

/// Failures are counted; others of the lane stay due.
pub async fn a_postponed_unit_waits_and_is_counted(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let lease = take(&*ledger, &lane, COLLECT).await;
    let unit = ledger.units(&lane).await.unwrap().remove(0);
    ledger.postpone(&lease, unit.id, NOW + MINUTE, "OT-ORG-01 first").await.unwrap();
    ledger.postpone(&lease, unit.id, NOW + 2 * MINUTE, "OT-ORG-01 second").await.unwrap();
    ledger.release(&lease).await.unwrap();
    let now = ledger.unit(unit.id).await.unwrap();
    assert_eq!((now.state, now.attempts), (State::Listed, 2));
    assert_eq!(now.not_before, NOW + 2 * MINUTE);
    assert_eq!(now.note.as_deref(), Some("OT-ORG-01 second"));
    for (at, units) in [(NOW + 2 * MINUTE - 1, 1), (NOW + 2 * MINUTE, 2)] {
        let due = ledger.due(ACME, COLLECT, at, 9).await.unwrap();
        assert_eq!(due, [LaneWork { lane: lane.clone(), units }]);
    }
}

/// A failure is forgotten, a warning about the unit is not.
pub async fn success_clears_failures_and_keeps_the_warning(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    list(&*ledger, &[file(&lane, 0)]).await;
    let id = ledger.units(&lane).await.unwrap()[0].id;
    let lease = take(&*ledger, &lane, COLLECT).await;
    let Event::Fetched { spool_path, spool_bytes, raw_bytes, rows, content_hash, .. } = fetched(1)
    else {
        unreachable!("it was just made");
    };
    let warning = Some("shorter than announced".to_owned());
    let with_warning =
        Event::Fetched { spool_path, spool_bytes, raw_bytes, rows, content_hash, warning };
    for event in [with_warning, admitted(1)] {
        ledger.postpone(&lease, id, NOW + MINUTE, "a failure").await.unwrap();
        assert_eq!(ledger.unit(id).await.unwrap().note.as_deref(), Some("a failure"));
        ledger.apply(&lease, id, &event, &[], NOW).await.unwrap();
        let now = ledger.unit(id).await.unwrap();
        assert_eq!((now.attempts, now.not_before), (0, 0));
        assert_eq!(now.note.as_deref(), Some("shorter than announced"));
    }
    assert_eq!(ledger.next_due(ACME, NOW).await.unwrap(), None);
    finish(&*ledger, &ledger.unit(id).await.unwrap(), "siem").await;
    let done = ledger.unit(id).await.unwrap();
    assert_eq!(done.state, State::Done);
    assert_eq!(done.note.as_deref(), Some("shorter than announced"));
}

/// Once admitted, failures are those of deliveries.
pub async fn a_unit_past_collecting_is_not_postponed_there(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    let result = ledger.postpone(&lease, unit.id, NOW + MINUTE, "x").await;
    assert_refused!(result, LedgerError::Misfit(_));
    assert_eq!(ledger.unit(unit.id).await.unwrap(), unit);
}

/// By the oldest file that is due, whatever day it is about; no more than asked for.
pub async fn lanes_are_due_oldest_file_first(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lanes = ["A", "B", "C", "D"].map(lane);
    let at = |place: usize, created_date| NewUnit {
        created_date,
        log_file_id: format!("{place}-{created_date}"),
        ..file(&lanes[place], 0)
    };
    list(&*ledger, &[at(0, 50), at(0, 90), at(1, 40), at(2, 10), at(2, 60), at(3, 50)]).await;
    let names = |due: Vec<LaneWork>| -> Vec<(String, i64)> {
        due.into_iter().map(|work| (work.lane.event_type, work.units)).collect()
    };
    let work = |name: &str, units| (name.to_owned(), units);
    let due = ledger.due(ACME, COLLECT, NOW, 9).await.unwrap();
    assert_eq!(names(due), [work("C", 2), work("B", 1), work("A", 2), work("D", 1)]);

    // The oldest file of C has to wait, so the lane is as old as its next.
    let lease = take(&*ledger, &lanes[2], COLLECT).await;
    let oldest = ledger.units(&lanes[2]).await.unwrap().remove(0);
    assert_eq!(oldest.listed.created_date, 10);
    ledger.postpone(&lease, oldest.id, NOW + MINUTE, "x").await.unwrap();
    ledger.release(&lease).await.unwrap();
    let due = ledger.due(ACME, COLLECT, NOW, 9).await.unwrap();
    assert_eq!(names(due), [work("B", 1), work("A", 2), work("D", 1), work("C", 1)]);
    let due = ledger.due(ACME, COLLECT, NOW, 2).await.unwrap();
    assert_eq!(names(due), [work("B", 1), work("A", 2)]);
    assert!(ledger.due(ACME, COLLECT, NOW, 0).await.unwrap().is_empty());
    assert_eq!(ledger.due(ACME, COLLECT, NOW, usize::MAX).await.unwrap().len(), 4);
}

/// Somebody is at it; after the lease's end it is due again.
pub async fn a_lane_under_a_live_lease_is_not_due(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    admit(&*ledger, &lane, 1, &["siem"]).await;
    list(&*ledger, &[file(&lane, 1)]).await;
    for (stage, other) in [(COLLECT, TO_SIEM), (TO_SIEM, COLLECT)] {
        let lease = ledger.lease(&lane, stage, "a", NOW, MINUTE).await.unwrap().unwrap();
        let end = NOW + MINUTE;
        assert!(ledger.due(ACME, stage, end - 1, 9).await.unwrap().is_empty());
        assert_eq!(ledger.due(ACME, other, end - 1, 9).await.unwrap().len(), 1);
        assert_eq!(ledger.due(ACME, stage, end, 9).await.unwrap().len(), 1);
        ledger.release(&lease).await.unwrap();
        assert_eq!(ledger.due(ACME, stage, NOW, 9).await.unwrap().len(), 1);
    }
}

/// So that a scheduler can sleep until then.
pub async fn the_next_due_time_is_the_earliest_wait_of_all_stages(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    list(&*ledger, &[file(&lane, 1)]).await;
    assert_eq!(ledger.next_due(ACME, NOW).await.unwrap(), None);
    let listed = ledger.units(&lane).await.unwrap().remove(1);
    let collect = take(&*ledger, &lane, COLLECT).await;
    let deliver = take(&*ledger, &lane, TO_SIEM).await;
    ledger.postpone(&collect, listed.id, NOW + 20, "x").await.unwrap();
    assert_eq!(ledger.next_due(ACME, NOW).await.unwrap(), Some(NOW + 20));
    ledger.postpone(&deliver, unit.id, NOW + 10, "x").await.unwrap();
    for (now, next) in [(0, Some(10)), (9, Some(10)), (10, Some(20)), (20, None)] {
        let next = next.map(|wait| NOW + wait);
        assert_eq!(ledger.next_due(ACME, NOW + now).await.unwrap(), next, "{now}");
    }
    assert_eq!(ledger.next_due("other", NOW).await.unwrap(), None);
}

/// A person who asks for a pass does not want to wait out old failures.
pub async fn waking_makes_what_waits_due_at_once(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let login = lane("Login");
    let admitted = admit(&*ledger, &login, 1, &["siem"]).await;
    let logout = lane("Logout");
    list(&*ledger, &[file(&logout, 0)]).await;
    let listed = ledger.units(&logout).await.unwrap();
    for (lane, stage, unit) in [(&login, TO_SIEM, admitted[0].id), (&logout, COLLECT, listed[0].id)]
    {
        let lease = take(&*ledger, lane, stage).await;
        ledger.postpone(&lease, unit, NOW + 100, "later").await.unwrap();
        ledger.release(&lease).await.unwrap();
        assert!(ledger.due(ACME, stage, NOW, 9).await.unwrap().is_empty());
    }
    assert_eq!(ledger.summary(ACME).await.unwrap().failing, 2);
    ledger.wake(ACME).await.unwrap();
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().len(), 1);
    assert_eq!(ledger.due(ACME, COLLECT, NOW, 9).await.unwrap().len(), 1);
    assert_eq!(ledger.summary(ACME).await.unwrap().failing, 0);
    let unit = ledger.unit(listed[0].id).await.unwrap();
    assert_eq!((unit.attempts, unit.note.as_deref()), (0, Some("later")));
}
