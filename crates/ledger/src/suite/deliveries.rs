//! Cases about deliveries and their steps.

use std::sync::Arc;

use tokio::sync::Barrier;

use super::Storage;
use super::scene::{
    ACME, COLLECT, MINUTE, NOW, TO_SIEM, admit, admitted, assert_refused, code, dead_letter,
    fetched, file, finish, lane, last_step, list, step, take,
};
use crate::unit::State;
use crate::{DeadLetter, DeliveryDelta, LaneWork, LedgerError};

/// Position and counts after each step; the unit itself stays where it is.
pub async fn steps_that_join_up_move_a_delivery(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(unit.id, 0, 10)], NOW).await.unwrap();
    // Two at once, and one that holds no events.
    let quiet = DeliveryDelta { delivered: 0, ..step(unit.id, 15, 30) };
    ledger.deliver(&lease, &[step(unit.id, 10, 15), quiet], NOW).await.unwrap();
    let delivery = ledger.deliveries(unit.id).await.unwrap().remove(0);
    assert_eq!((delivery.position, delivery.delivered, delivery.done), (30, 15, false));
    assert_eq!(ledger.unit(unit.id).await.unwrap(), unit);
}

/// Neither ahead nor behind, nor to a destination the unit does not go to.
pub async fn a_step_from_the_wrong_position_is_refused(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(unit.id, 0, 10)], NOW).await.unwrap();
    for from in [0, 9, 11, -1] {
        let result = ledger.deliver(&lease, &[step(unit.id, from, 20)], NOW).await;
        assert_refused!(result, LedgerError::Delta { .. });
    }
    let nowhere = take(&*ledger, &lane, "deliver:nowhere").await;
    let to_nowhere = DeliveryDelta { destination: "nowhere".to_owned(), ..step(unit.id, 0, 1) };
    let result = ledger.deliver(&nowhere, &[to_nowhere], NOW).await;
    assert_refused!(result, LedgerError::Delta { .. });
    let result = ledger.postpone(&nowhere, unit.id, NOW, "x").await;
    assert_refused!(result, LedgerError::Delta { .. });
    let delivery = ledger.deliveries(unit.id).await.unwrap().remove(0);
    assert_eq!((delivery.position, delivery.delivered), (10, 10));
}

/// Standing still is allowed, going back is not, nor are negative counts.
pub async fn a_step_backwards_is_refused(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(unit.id, 0, 10)], NOW).await.unwrap();
    let back = DeliveryDelta { delivered: 0, ..step(unit.id, 10, 9) };
    assert_refused!(ledger.deliver(&lease, &[back], NOW).await, LedgerError::Delta { .. });
    let negative = DeliveryDelta { delivered: -1, ..step(unit.id, 10, 11) };
    assert_refused!(ledger.deliver(&lease, &[negative], NOW).await, LedgerError::Corrupt(_));
    ledger.deliver(&lease, &[step(unit.id, 10, 10)], NOW).await.unwrap();
    assert_eq!(ledger.deliveries(unit.id).await.unwrap()[0].position, 10);
}

/// One wrong step takes the right ones before it along, dead letters and finished units too.
pub async fn steps_of_several_units_happen_all_or_none(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 3, &["siem"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let good = DeliveryDelta {
        rejected: vec![dead_letter(units[0].id, 1, NOW)],
        ..last_step(units[0].id, "siem", 0, 100)
    };
    let wrong = step(units[2].id, 1, 5);
    let steps = [good.clone(), step(units[1].id, 0, 50), wrong];
    assert_refused!(ledger.deliver(&lease, &steps, NOW).await, LedgerError::Delta { .. });
    for unit in &units {
        assert_eq!(&ledger.unit(unit.id).await.unwrap(), unit);
        assert_eq!(ledger.deliveries(unit.id).await.unwrap()[0].position, 0);
    }
    assert!(ledger.dead_letters(ACME, 1).await.unwrap().is_empty());
    let steps = [good, step(units[1].id, 0, 50), step(units[2].id, 0, 5)];
    ledger.deliver(&lease, &steps, NOW).await.unwrap();
    assert_eq!(ledger.unit(units[0].id).await.unwrap().state, State::Done);
    assert_eq!(ledger.deliveries(units[2].id).await.unwrap()[0].position, 5);
}

/// Counted as rejected, and kept under the destination's name whatever the caller wrote there.
pub async fn refused_events_become_dead_letters_in_the_same_step(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let letter = |row| dead_letter(unit.id, row, NOW);
    let first = DeliveryDelta { rejected: vec![letter(1), letter(2)], ..step(unit.id, 0, 10) };
    let second = DeliveryDelta { rejected: vec![letter(12)], ..step(unit.id, 10, 20) };
    ledger.deliver(&lease, &[first], NOW).await.unwrap();
    ledger.deliver(&lease, &[second], NOW).await.unwrap();
    assert_eq!(ledger.deliveries(unit.id).await.unwrap()[0].rejected, 3);
    let kept = |row| DeadLetter { destination: Some("siem".to_owned()), ..letter(row) };
    let letters = ledger.dead_letters(ACME, 9).await.unwrap();
    assert_eq!(letters, [kept(12), kept(2), kept(1)]);
}

/// Every destination has it: done, in the transaction of the last step.
pub async fn a_unit_is_done_when_its_last_destination_is(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem", "archive"]).await.remove(0);
    finish(&*ledger, &unit, "archive").await;
    assert_eq!(ledger.unit(unit.id).await.unwrap(), unit);
    assert!(ledger.due(ACME, "deliver:archive", NOW, 9).await.unwrap().is_empty());
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().len(), 1);

    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(unit.id, 0, 60)], NOW).await.unwrap();
    assert_eq!(ledger.unit(unit.id).await.unwrap().state, State::Admitted);
    let steps = [last_step(unit.id, "siem", 60, 100)];
    ledger.deliver(&lease, &steps, NOW + 7).await.unwrap();
    ledger.release(&lease).await.unwrap();
    let now = ledger.unit(unit.id).await.unwrap();
    assert_eq!((now.state, now.final_at), (State::Done, Some(NOW + 7)));
    assert!(now.spooled);
    assert!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().is_empty());
    let deliveries = ledger.deliveries(unit.id).await.unwrap();
    assert!(deliveries.iter().all(|delivery| delivery.done && delivery.position == 100));
}

/// All rows were repeats: the delivery is opened all the same and ended where it began.
pub async fn a_unit_with_nothing_admitted_is_finished_by_an_empty_step(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    list(&*ledger, &[file(&lane, 0)]).await;
    let id = ledger.units(&lane).await.unwrap()[0].id;
    let lease = take(&*ledger, &lane, COLLECT).await;
    ledger.apply(&lease, id, &fetched(0), &[], NOW).await.unwrap();
    let state = ledger.apply(&lease, id, &admitted(0), &[], NOW).await.unwrap();
    assert_eq!(state, State::Admitted);
    assert_eq!(
        ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap(),
        [LaneWork { lane: lane.clone(), units: 1 }]
    );
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[last_step(id, "siem", 0, 0)], NOW).await.unwrap();
    assert_eq!(ledger.unit(id).await.unwrap().state, State::Done);
}

/// Not even by a step that would fit.
pub async fn a_finished_delivery_moves_no_more(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem", "archive"]).await.remove(0);
    finish(&*ledger, &unit, "siem").await;
    let before = ledger.deliveries(unit.id).await.unwrap();
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    for again in [step(unit.id, 100, 101), last_step(unit.id, "siem", 100, 100)] {
        let result = ledger.deliver(&lease, &[again], NOW).await;
        assert_refused!(result, LedgerError::Delta { .. });
    }
    let result = ledger.postpone(&lease, unit.id, NOW, "x").await;
    assert_refused!(result, LedgerError::Delta { .. });
    assert_eq!(ledger.deliveries(unit.id).await.unwrap(), before);
}

/// The ledger holds no order within a lane; the caller does.
pub async fn a_later_unit_may_finish_before_an_earlier_one(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 2, &["siem"]).await;
    finish(&*ledger, &units[1], "siem").await;
    assert_eq!(ledger.unit(units[1].id).await.unwrap().state, State::Done);
    assert_eq!(ledger.unit(units[0].id).await.unwrap().state, State::Admitted);
    finish(&*ledger, &units[0], "siem").await;
    assert_eq!(ledger.unit(units[0].id).await.unwrap().state, State::Done);
}

/// Units of a lane go to a destination in order; another destination and the unit's own record are
/// not held up.
pub async fn a_postponed_delivery_holds_up_its_lane_at_its_destination_alone(
    storage: &dyn Storage,
) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 2, &["siem", "archive"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.postpone(&lease, units[0].id, NOW + MINUTE, "OT-DEST-01 down").await.unwrap();
    ledger.postpone(&lease, units[0].id, NOW + 2 * MINUTE, "OT-DEST-01 still").await.unwrap();
    ledger.release(&lease).await.unwrap();
    let deliveries = ledger.deliveries(units[0].id).await.unwrap();
    let (archive, siem) = (&deliveries[0], &deliveries[1]);
    assert_eq!((archive.attempts, archive.not_before, &archive.note), (0, 0, &None));
    assert_eq!((siem.attempts, siem.not_before), (2, NOW + 2 * MINUTE));
    assert_eq!(siem.note.as_deref(), Some("OT-DEST-01 still"));
    assert_eq!(ledger.unit(units[0].id).await.unwrap(), units[0]);
    let end = NOW + 2 * MINUTE;
    assert_eq!(ledger.due(ACME, TO_SIEM, end - 1, 9).await.unwrap(), []);
    for (stage, now) in [(TO_SIEM, end), ("deliver:archive", NOW)] {
        let work = ledger.due(ACME, stage, now, 9).await.unwrap();
        assert_eq!(work, [LaneWork { lane: lane.clone(), units: 2 }], "{stage}");
    }
}

/// Moving on or finishing; standing still is no success.
pub async fn a_step_that_gets_further_clears_failures(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let failures =
        [(step(unit.id, 0, 0), 1), (step(unit.id, 0, 5), 0), (last_step(unit.id, "siem", 5, 5), 0)];
    for (step, attempts) in failures {
        ledger.postpone(&lease, unit.id, NOW + MINUTE, "x").await.unwrap();
        ledger.deliver(&lease, &[step], NOW).await.unwrap();
        let delivery = ledger.deliveries(unit.id).await.unwrap().remove(0);
        let cleared = attempts == 0;
        assert_eq!(delivery.attempts, attempts);
        assert_eq!(delivery.not_before == 0 && delivery.note.is_none(), cleared);
    }
}

/// Two holders of one lease, say a worker and its own shadow: one step is taken.
pub async fn two_steps_from_one_position_have_one_winner(storage: &dyn Storage) {
    let ledgers = [storage.open().await, storage.open().await];
    let lane = lane("Login");
    let unit = admit(&*ledgers[0], &lane, 1, &["siem"]).await.remove(0);
    let lease = take(&*ledgers[0], &lane, TO_SIEM).await;
    for round in 0..20 {
        let start = Arc::new(Barrier::new(2));
        let mut tasks = tokio::task::JoinSet::new();
        for ledger in &ledgers {
            let (ledger, start) = (Arc::clone(ledger), Arc::clone(&start));
            let (lease, step) = (lease.clone(), step(unit.id, round, round + 1));
            tasks.spawn(async move {
                start.wait().await;
                ledger.deliver(&lease, &[step], NOW).await
            });
        }
        let mut codes: Vec<_> = tasks.join_all().await.iter().map(code).collect();
        codes.sort_unstable();
        assert_eq!(codes, ["OT-LEDGER-01", "no error"]);
    }
    let delivery = ledgers[1].deliveries(unit.id).await.unwrap().remove(0);
    assert_eq!((delivery.position, delivery.delivered), (20, 20));
}
