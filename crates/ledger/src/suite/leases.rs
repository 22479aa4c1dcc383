//! Cases about leases and fencing.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Barrier;

use super::Storage;
use super::scene::{
    COLLECT, MINUTE, NOW, TO_SIEM, admit, assert_refused, dead_letter, fetched, file, lane, list,
    step, take,
};
use crate::LedgerError;
use crate::unit::{Event, State};

/// Held is held, for the owner too; free after release and after expiry.
pub async fn a_lane_is_leased_to_one_owner_at_a_time(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let lease = ledger.lease(&lane, COLLECT, "a", NOW, MINUTE).await.unwrap().unwrap();
    assert_eq!((&lease.lane, lease.stage.as_str(), lease.owner.as_str()), (&lane, COLLECT, "a"));
    assert_eq!(lease.expires, NOW + MINUTE);
    for owner in ["a", "b"] {
        let again = ledger.lease(&lane, COLLECT, owner, NOW + MINUTE - 1, MINUTE).await.unwrap();
        assert_eq!(again, None);
    }
    let other = ledger.lease(&lane, COLLECT, "b", NOW + MINUTE, MINUTE).await.unwrap();
    ledger.release(&other.expect("it has expired")).await.unwrap();
    assert!(ledger.lease(&lane, COLLECT, "c", NOW, MINUTE).await.unwrap().is_some());
}

/// One worker may fetch while another delivers, and lanes do not hinder each other.
pub async fn stages_of_a_lane_are_leased_apart(storage: &dyn Storage) {
    let ledger = storage.open().await;
    for lane in [lane("Login"), lane("Logout")] {
        for stage in [COLLECT, TO_SIEM, "deliver:archive"] {
            let lease = ledger.lease(&lane, stage, "a", NOW, MINUTE).await.unwrap();
            assert!(lease.is_some(), "{lane} {stage}");
        }
    }
}

/// A misspelt stage is not a stage nobody works on.
pub async fn a_stage_of_an_unknown_kind_is_refused(storage: &dyn Storage) {
    let ledger = storage.open().await;
    for stage in ["", "fetch", "deliver", "deliver:"] {
        let lease = ledger.lease(&lane("Login"), stage, "a", NOW, MINUTE).await;
        assert_refused!(lease, LedgerError::Corrupt(_));
        assert_refused!(ledger.due("acme", stage, NOW, 1).await, LedgerError::Corrupt(_));
    }
}

/// No two grants of a stage ever have the same epoch.
pub async fn epochs_grow_with_every_grant_and_across_release(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let mut last = 0;
    for round in 0..6 {
        let now = NOW + round * MINUTE;
        let lease = ledger.lease(&lane, COLLECT, "a", now, MINUTE).await.unwrap().unwrap();
        assert!(lease.epoch > last);
        last = lease.epoch;
        match round % 3 {
            0 => ledger.release(&lease).await.unwrap(),
            1 => ledger.break_leases().await.unwrap(),
            _ => {} // It expires.
        }
    }
}

/// Expiry alone takes nothing away: nobody else has written.
pub async fn an_expired_lease_still_writes_until_it_is_taken_over(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let units = ledger.units(&lane).await.unwrap();
    let late = NOW + 10 * MINUTE;
    let lease = ledger.lease(&lane, COLLECT, "slow", NOW, MINUTE).await.unwrap().unwrap();
    let state = ledger.apply(&lease, units[0].id, &fetched(1), &[], late).await.unwrap();
    assert_eq!(state, State::Fetched);
    let renewed = ledger.renew(&lease, late, MINUTE).await.unwrap();
    assert_eq!((renewed.epoch, renewed.expires), (lease.epoch, late + MINUTE));

    let later = late + MINUTE;
    assert!(ledger.lease(&lane, COLLECT, "quick", later, MINUTE).await.unwrap().is_some());
    let result = ledger.apply(&renewed, units[1].id, &fetched(1), &[], later).await;
    assert_refused!(result, LedgerError::Fenced { .. });
}

/// Every write of the one who lost the lane is refused and changes nothing.
pub async fn a_second_worker_fences_the_first(storage: &dyn Storage) {
    let (first, second) = (storage.open().await, storage.open().await);
    let lane = lane("Login");
    let unit = admit(&*first, &lane, 1, &["siem"]).await.remove(0);
    list(&*first, &[file(&lane, 1)]).await;
    let listed = first.units(&lane).await.unwrap().remove(1);
    let collect = first.lease(&lane, COLLECT, "a", NOW, MINUTE).await.unwrap().unwrap();
    let deliver = first.lease(&lane, TO_SIEM, "a", NOW, MINUTE).await.unwrap().unwrap();
    let later = NOW + MINUTE;
    for stage in [COLLECT, TO_SIEM] {
        let taken = second.lease(&lane, stage, "b", later, MINUTE).await.unwrap().unwrap();
        assert_eq!(taken.owner, "b");
    }

    let letter = [dead_letter(listed.id, 0, NOW)];
    let applied = first.apply(&collect, listed.id, &fetched(1), &letter, later).await;
    assert_refused!(applied, LedgerError::Fenced { .. });
    let stepped = first.deliver(&deliver, &[step(unit.id, 0, 5)], later).await;
    assert_refused!(stepped, LedgerError::Fenced { .. });
    assert_refused!(first.deliver(&deliver, &[], later).await, LedgerError::Fenced { .. });
    for lease in [&collect, &deliver] {
        let postponed = first.postpone(lease, unit.id, later, "x").await;
        assert_refused!(postponed, LedgerError::Fenced { .. });
        assert_refused!(first.renew(lease, later, MINUTE).await, LedgerError::Fenced { .. });
    }
    assert_eq!(first.unit(listed.id).await.unwrap(), listed);
    assert_eq!(first.deliveries(unit.id).await.unwrap()[0].position, 0);
    assert!(first.dead_letters("acme", 1).await.unwrap().is_empty());
}

/// Renewal moves the end and keeps the epoch.
pub async fn a_renewed_lease_lives_longer(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let lease = ledger.lease(&lane, COLLECT, "a", NOW, MINUTE).await.unwrap().unwrap();
    let renewed = ledger.renew(&lease, NOW + MINUTE / 2, MINUTE).await.unwrap();
    assert_eq!((renewed.epoch, renewed.expires), (lease.epoch, NOW + MINUTE * 3 / 2));
    let early = ledger.lease(&lane, COLLECT, "b", NOW + MINUTE, MINUTE).await.unwrap();
    assert_eq!(early, None);
    let late = ledger.lease(&lane, COLLECT, "b", NOW + MINUTE * 3 / 2, MINUTE).await.unwrap();
    assert!(late.is_some());
}

/// A late release does not free what somebody else holds by now.
pub async fn releasing_a_lost_lease_leaves_the_holder_alone(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let lost = ledger.lease(&lane, COLLECT, "a", NOW, MINUTE).await.unwrap().unwrap();
    let later = NOW + MINUTE;
    let held = ledger.lease(&lane, COLLECT, "a", later, MINUTE).await.unwrap().unwrap();
    ledger.release(&lost).await.unwrap();
    assert_eq!(ledger.lease(&lane, COLLECT, "b", later, MINUTE).await.unwrap(), None);
    ledger.renew(&held, later, MINUTE).await.unwrap();
}

/// Given back is given back.
pub async fn a_released_lease_writes_no_more(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    list(&*ledger, &[file(&lane, 0)]).await;
    let unit = ledger.units(&lane).await.unwrap().remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    ledger.release(&lease).await.unwrap();
    ledger.release(&lease).await.unwrap();
    let applied = ledger.apply(&lease, unit.id, &fetched(1), &[], NOW).await;
    assert_refused!(applied, LedgerError::Fenced { .. });
    assert_refused!(ledger.renew(&lease, NOW, MINUTE).await, LedgerError::Fenced { .. });
}

/// After a restart nothing a former process still tries gets through.
pub async fn broken_leases_fence_their_holders(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lanes = [lane("Login"), lane("Logout")];
    let mut held = Vec::new();
    for lane in &lanes {
        list(&*ledger, &[file(lane, 0)]).await;
        held.push(take(&*ledger, lane, COLLECT).await);
    }
    ledger.break_leases().await.unwrap();
    for (lane, lease) in lanes.iter().zip(&held) {
        let unit = ledger.units(lane).await.unwrap().remove(0);
        let applied = ledger.apply(lease, unit.id, &Event::Gone, &[], NOW).await;
        assert_refused!(applied, LedgerError::Fenced { .. });
        let next = take(&*ledger, lane, COLLECT).await;
        assert!(next.epoch > lease.epoch);
        ledger.apply(&next, unit.id, &Event::Gone, &[], NOW).await.unwrap();
    }
}

/// The lease of one lane writes to no unit of another.
pub async fn a_lease_gives_no_right_to_another_lane(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let (own, other) = (lane("Login"), lane("Logout"));
    admit(&*ledger, &own, 1, &["siem"]).await;
    let foreign = admit(&*ledger, &other, 1, &["siem"]).await.remove(0);
    list(&*ledger, &[file(&other, 5)]).await;
    let listed = ledger.units(&other).await.unwrap().remove(1);
    let collect = take(&*ledger, &own, COLLECT).await;
    let deliver = take(&*ledger, &own, TO_SIEM).await;
    let applied = ledger.apply(&collect, listed.id, &Event::Gone, &[], NOW).await;
    assert_refused!(applied, LedgerError::Fenced { .. });
    let postponed = ledger.postpone(&collect, listed.id, NOW, "x").await;
    assert_refused!(postponed, LedgerError::Fenced { .. });
    let stepped = ledger.deliver(&deliver, &[step(foreign.id, 0, 1)], NOW).await;
    assert_refused!(stepped, LedgerError::Fenced { .. });
}

/// Who collects does not deliver, and who delivers to one does not deliver to another.
pub async fn a_lease_gives_no_right_to_another_stage(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["siem", "archive"]).await.remove(0);
    list(&*ledger, &[file(&lane, 5)]).await;
    let listed = ledger.units(&lane).await.unwrap().remove(1);
    let collect = take(&*ledger, &lane, COLLECT).await;
    let archive = take(&*ledger, &lane, "deliver:archive").await;
    for lease in [&collect, &archive] {
        let stepped = ledger.deliver(lease, &[step(unit.id, 0, 1)], NOW).await;
        assert_refused!(stepped, LedgerError::Fenced { .. });
    }
    let applied = ledger.apply(&archive, listed.id, &Event::Gone, &[], NOW).await;
    assert_refused!(applied, LedgerError::Fenced { .. });
}

/// Exactly one of two gets it, however close the race.
pub async fn two_workers_racing_for_a_lane_have_one_winner(storage: &dyn Storage) {
    let ledgers = [storage.open().await, storage.open().await];
    let lane = lane("Login");
    let mut epochs = BTreeSet::new();
    for round in 0..30 {
        let now = NOW + round * MINUTE;
        let start = Arc::new(Barrier::new(2));
        let mut tasks = tokio::task::JoinSet::new();
        for (worker, ledger) in ledgers.iter().enumerate() {
            let (ledger, start, lane) = (Arc::clone(ledger), Arc::clone(&start), lane.clone());
            tasks.spawn(async move {
                start.wait().await;
                ledger.lease(&lane, COLLECT, &worker.to_string(), now, MINUTE).await.unwrap()
            });
        }
        let won: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1, "{won:?}");
        assert!(epochs.insert(won[0].epoch));
    }
}
