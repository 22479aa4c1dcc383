//! Cases about many things written in one transaction: they happen all or none, and mean what they
//! would one by one.

use super::Storage;
use super::scene::{
    COLLECT, MINUTE, NOW, TO_SIEM, admit, admitted, assert_refused, dead_letter, fetched, file,
    finish, lane, last_step, list, take,
};
use crate::unit::{Event, State};
use crate::{Happened, Lane, LedgerError, UnitId};

/// More than an implementation is likely to write in one statement.
const MANY: i64 = 40;

fn lanes() -> Vec<Lane> {
    (0..MANY).map(|number| lane(&format!("Type{number:02}"))).collect()
}

fn happened(unit: UnitId, event: Event) -> Happened {
    Happened { unit, event, dead_letters: Vec::new() }
}

/// Of many lanes those that nobody holds are granted, in order, known before or not.
pub async fn many_lanes_are_leased_but_for_those_held(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let mut lanes = lanes();
    list(&*ledger, &[file(&lanes[0], 0), file(&lanes[9], 0)]).await;
    let held = take(&*ledger, &lanes[9], COLLECT).await;
    let leases = ledger.lease_each(&lanes, COLLECT, "a", NOW, MINUTE).await.unwrap();
    assert_eq!(lanes.remove(9), held.lane);
    let granted: Vec<_> = leases.iter().map(|lease| lease.lane.clone()).collect();
    assert_eq!(granted, lanes);
    assert!(leases.iter().all(|it| it.owner == "a" && it.epoch == 1 && it.stage == COLLECT));
    assert!(leases.iter().all(|lease| lease.expires == NOW + MINUTE));
    let again = ledger.lease_each(&lanes, COLLECT, "b", NOW, MINUTE).await.unwrap();
    assert_eq!(again, []);
    assert_eq!(ledger.lease_each(&[], COLLECT, "b", NOW, MINUTE).await.unwrap(), []);
    let twice = [lanes[0].clone(), lanes[0].clone()];
    let granted = ledger.lease_each(&twice, TO_SIEM, "b", NOW, MINUTE).await.unwrap();
    assert_eq!(granted.len(), 1);
}

/// Leases given back together are free; one lost in the meantime stays with who has it.
pub async fn many_leases_are_given_back_but_for_those_lost(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lanes = lanes();
    let leases = ledger.lease_each(&lanes, COLLECT, "a", NOW, MINUTE).await.unwrap();
    let late = NOW + MINUTE;
    let taken = ledger.lease(&lanes[3], COLLECT, "b", late, MINUTE).await.unwrap().unwrap();
    ledger.release_each(&leases).await.unwrap();
    ledger.release_each(&[]).await.unwrap();
    let free = ledger.lease_each(&lanes, COLLECT, "c", NOW, MINUTE).await.unwrap();
    assert_eq!(free.len(), lanes.len() - 1);
    assert!(free.iter().all(|lease| lease.lane != taken.lane && lease.epoch == 2));
}

/// Each unit goes as far as its events take it.
pub async fn many_events_of_a_lane_are_applied_in_order(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    ledger.register("acme", &["siem".to_owned()], NOW).await.unwrap();
    list(&*ledger, &(0..MANY).map(|n| file(&lane, n)).collect::<Vec<_>>()).await;
    let units = ledger.units(&lane).await.unwrap();
    let lease = take(&*ledger, &lane, COLLECT).await;
    let mut events = Vec::new();
    for unit in &units {
        events.push(Happened {
            dead_letters: vec![dead_letter(unit.id, 1, NOW), dead_letter(unit.id, 2, NOW)],
            ..happened(unit.id, fetched(100))
        });
        events.push(happened(unit.id, admitted(98)));
    }
    let states = ledger.apply_each(&lease, &events, NOW).await.unwrap();
    assert_eq!(states, [State::Fetched, State::Admitted].repeat(units.len()));
    for unit in ledger.units(&lane).await.unwrap() {
        assert_eq!((unit.state, unit.rows, unit.admitted), (State::Admitted, 100, 98));
        assert_eq!(ledger.deliveries(unit.id).await.unwrap().len(), 1);
    }
    let letters = ledger.dead_letters("acme", 1_000).await.unwrap();
    assert_eq!(letters.len(), 2 * units.len());
    assert_eq!(ledger.apply_each(&lease, &[], NOW).await.unwrap(), []);
}

/// The last of many events is refused, and none happened.
pub async fn many_events_happen_all_or_none(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &(0..MANY).map(|n| file(&lane, n)).collect::<Vec<_>>()).await;
    let other = super::scene::lane("Logout");
    list(&*ledger, &[file(&other, 0)]).await;
    let stranger = ledger.units(&other).await.unwrap()[0].id;
    let units = ledger.units(&lane).await.unwrap();
    let lease = take(&*ledger, &lane, COLLECT).await;
    let fine: Vec<_> = units.iter().map(|unit| happened(unit.id, fetched(1))).collect();
    let with = |last: Happened| [fine.clone(), vec![last]].concat();
    // Fetched for the second time, without destinations, of another lane, of no lane.
    let again = with(happened(units[0].id, fetched(1)));
    assert_refused!(ledger.apply_each(&lease, &again, NOW).await, LedgerError::Misfit(_));
    let nowhere = with(happened(units[0].id, admitted(1)));
    assert_refused!(ledger.apply_each(&lease, &nowhere, NOW).await, LedgerError::Corrupt(_));
    let foreign = with(happened(stranger, fetched(1)));
    assert_refused!(ledger.apply_each(&lease, &foreign, NOW).await, LedgerError::Fenced { .. });
    let none = with(happened(9_999, fetched(1)));
    assert_refused!(ledger.apply_each(&lease, &none, NOW).await, LedgerError::NoUnit(9_999));
    ledger.break_leases().await.unwrap();
    assert_refused!(ledger.apply_each(&lease, &fine, NOW).await, LedgerError::Fenced { .. });
    assert_refused!(ledger.apply_each(&lease, &[], NOW).await, LedgerError::Fenced { .. });
    assert_eq!(ledger.units(&lane).await.unwrap(), units);
}

/// A step that joins up with the one before it in the same call is taken.
pub async fn many_steps_join_up_within_a_call(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, MANY, &["siem"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let steps = |unit: UnitId| [super::scene::step(unit, 0, 30), last_step(unit, "siem", 30, 100)];
    let steps: Vec<_> = units.iter().flat_map(|unit| steps(unit.id)).collect();
    let broken = [steps.clone(), vec![last_step(units[0].id, "siem", 100, 100)]].concat();
    assert_refused!(ledger.deliver(&lease, &broken, NOW).await, LedgerError::Delta { .. });
    assert_eq!(ledger.units(&lane).await.unwrap(), units);
    ledger.deliver(&lease, &steps, NOW).await.unwrap();
    for unit in ledger.units(&lane).await.unwrap() {
        assert_eq!(unit.state, State::Done);
        assert_eq!(ledger.deliveries(unit.id).await.unwrap()[0].delivered, 100);
    }
}

/// An outbox has the admitted units a destination has not finished, in order, with its place.
pub async fn an_outbox_has_what_a_destination_has_not_finished(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 4, &["siem", "archive"]).await;
    admit(&*ledger, &super::scene::lane("Logout"), 1, &["siem", "archive"]).await;
    list(&*ledger, &[file(&lane, 9)]).await;
    finish(&*ledger, &units[1], "siem").await;
    finish(&*ledger, &units[2], "archive").await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[super::scene::step(units[2].id, 0, 7)], NOW).await.unwrap();
    ledger.postpone(&lease, units[3].id, NOW + MINUTE, "down").await.unwrap();
    for (destination, wanted) in [("siem", [0, 2, 3]), ("archive", [0, 1, 3])] {
        let found = ledger.outbox(&lane, destination).await.unwrap();
        let ids: Vec<_> = found.iter().map(|(unit, _)| unit.id).collect();
        assert_eq!(ids, wanted.map(|place: usize| units[place].id), "{destination}");
        for (unit, delivery) in found {
            assert_eq!(ledger.unit(unit.id).await.unwrap(), unit);
            assert!(ledger.deliveries(unit.id).await.unwrap().contains(&delivery));
        }
    }
    assert_eq!(ledger.outbox(&lane, "nobody").await.unwrap(), []);
}
