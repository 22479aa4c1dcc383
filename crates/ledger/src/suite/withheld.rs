//! Cases about deliveries that are withheld: finished with nothing sent, and never forgotten.

use super::Storage;
use super::scene::{
    ACME, COLLECT, NOW, TO_SIEM, admit, assert_refused, finish, lane, last_step, step, take,
};
use crate::unit::State;
use crate::{
    DeliveryDelta, LaneWork, LedgerError, LogDates, Reached, Unit, UnitChoice, UnitId, Withheld,
};

fn of_siem() -> UnitChoice {
    UnitChoice { connector: ACME.to_owned(), withheld: true, ..UnitChoice::default() }
}

fn ids(units: &[Unit]) -> Vec<UnitId> {
    units.iter().map(|unit| unit.id).collect()
}

/// The lane goes on, other destinations get all, and the unit is done when they have it.
pub async fn a_withheld_delivery_is_finished_with_nothing_sent(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 2, &["siem", "archive"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.postpone(&lease, units[0].id, NOW + 9, "x").await.unwrap();
    ledger.withhold(&lease, &[units[0].id], "too old", NOW + 1).await.unwrap();
    let delivery = ledger.deliveries(units[0].id).await.unwrap().remove(1);
    assert_eq!((delivery.done, delivery.position, delivery.delivered), (true, 0, 0));
    assert_eq!(delivery.withheld.as_deref(), Some("too old"));
    assert_eq!((delivery.attempts, delivery.note), (0, None));
    assert_eq!(ledger.unit(units[0].id).await.unwrap().state, State::Admitted);
    let left = ledger.outbox(&lane, "siem").await.unwrap();
    assert_eq!(left.iter().map(|(unit, _)| unit.id).collect::<Vec<_>>(), [units[1].id]);
    ledger.release(&lease).await.unwrap();
    let due = ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap();
    assert_eq!(due, [LaneWork { lane: lane.clone(), units: 1 }]);
    assert_eq!(ledger.due(ACME, "deliver:archive", NOW, 9).await.unwrap()[0].units, 2);

    // Done by the last destination, whether that got it or not.
    finish(&*ledger, &units[0], "archive").await;
    assert_eq!(ledger.unit(units[0].id).await.unwrap().state, State::Done);
    finish(&*ledger, &units[1], "archive").await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.withhold(&lease, &[units[1].id], "too old", NOW + 7).await.unwrap();
    let unit = ledger.unit(units[1].id).await.unwrap();
    assert_eq!((unit.state, unit.final_at), (State::Done, Some(NOW + 7)));
    let releasable = ledger.releasable(i64::MAX, 9).await.unwrap();
    assert_eq!(releasable.len(), 2, "withheld bytes do not fill the spool");
    let step = last_step(units[1].id, "siem", 0, 100);
    assert_refused!(ledger.deliver(&lease, &[step], NOW).await, LedgerError::Delta { .. });
}

/// Nor one that is finished, withheld or not, nor under another stage's lease.
pub async fn a_delivery_that_has_begun_is_not_withheld(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 3, &["siem", "archive"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(units[0].id, 0, 1)], NOW).await.unwrap();
    ledger.withhold(&lease, &[units[1].id], "too old", NOW).await.unwrap();
    for unit in &units[..2] {
        let result = ledger.withhold(&lease, &[unit.id], "again", NOW).await;
        assert_refused!(result, LedgerError::Delta { .. });
    }
    let withheld = ledger.deliveries(units[1].id).await.unwrap().remove(1).withheld;
    assert_eq!(withheld.as_deref(), Some("too old"));
    let result = ledger.withhold(&lease, &[-1], "x", NOW).await;
    assert_refused!(result, LedgerError::NoUnit(_));
    let collect = take(&*ledger, &lane, COLLECT).await;
    let result = ledger.withhold(&collect, &[units[2].id], "x", NOW).await;
    assert_refused!(result, LedgerError::Fenced { .. });
    ledger.release(&lease).await.unwrap();
    let result = ledger.withhold(&lease, &[units[2].id], "x", NOW).await;
    assert_refused!(result, LedgerError::Fenced { .. });
}

/// In summary, accounts and the choice for a replay; half a replay changes nothing of that.
pub async fn a_withheld_unit_is_counted_until_a_replay_has_brought_it(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 3, &["siem"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let to_siem = async || {
        let siem = ledger.summary(ACME).await.unwrap().destinations.remove("siem").unwrap();
        (siem.delivered, siem.rejected, siem.finished, siem.waiting, siem.withheld)
    };
    assert_eq!(to_siem().await, (0, 0, 0, 3, Withheld::default()));
    ledger.withhold(&lease, &ids(&units[..2]), "too old", NOW).await.unwrap();
    let last = last_step(units[2].id, "siem", 0, 100);
    ledger.deliver(&lease, &[last], NOW).await.unwrap();
    assert_eq!(to_siem().await, (100, 0, 3, 0, Withheld { units: 2, rows: 200 }));
    let reached = async || -> Vec<Reached> {
        let dates = LogDates { connector: ACME, from: 0, to: i64::MAX };
        let accounts = ledger.accounts(dates, "Login").await.unwrap();
        accounts.iter().map(|account| account.deliveries[0].1).collect()
    };
    assert_eq!(reached().await, [Reached::Withheld, Reached::Withheld, Reached::Done]);
    assert_eq!(ids(&ledger.replayable(&of_siem(), "siem").await.unwrap()), ids(&units[..2]));
    assert!(ledger.replayable(&of_siem(), "archive").await.unwrap().is_empty());

    assert_eq!(ledger.replay_units(&[units[0].id], "siem", NOW).await.unwrap(), 1);
    let replay = ledger.replays(&lane, "siem").await.unwrap().remove(0).1.id;
    let half = DeliveryDelta { replay: Some(replay), ..step(units[0].id, 0, 60) };
    let rest = DeliveryDelta { replay: Some(replay), ..last_step(units[0].id, "siem", 60, 100) };
    ledger.deliver(&lease, &[half], NOW).await.unwrap();
    assert_eq!(reached().await[0], Reached::Withheld);
    ledger.deliver(&lease, &[rest], NOW).await.unwrap();
    assert_eq!(reached().await, [Reached::Done, Reached::Withheld, Reached::Done]);
    let delivery = ledger.deliveries(units[0].id).await.unwrap().remove(0);
    assert_eq!((delivery.position, delivery.delivered, delivery.withheld), (100, 100, None));
    assert_eq!(to_siem().await, (200, 0, 3, 0, Withheld { units: 1, rows: 100 }));
}

/// One that cannot be takes the others along.
pub async fn deliveries_are_withheld_all_or_none(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 2, &["siem"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(units[1].id, 0, 1)], NOW).await.unwrap();
    let result = ledger.withhold(&lease, &ids(&units), "too old", NOW).await;
    assert_refused!(result, LedgerError::Delta { .. });
    assert_eq!(ledger.unit(units[0].id).await.unwrap(), units[0]);
    assert_eq!(ledger.deliveries(units[0].id).await.unwrap()[0].withheld, None);
}
