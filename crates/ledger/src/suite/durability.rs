//! Cases about what is there after a ledger was dropped or another one opened.

use super::Storage;
use super::scene::{
    ACME, COLLECT, HOURLY, MINUTE, NOW, TO_SIEM, admit, assert_refused, dead_letter, file, lane,
    list, step, take,
};
use crate::unit::Event;
use crate::{ConnectorRecord, Cursor, DeliveryDelta, LedgerError};

/// A ledger that is dropped without being closed has lost nothing it answered for.
pub async fn everything_is_there_after_reopening(storage: &dyn Storage) {
    let lane = lane("Login");
    let ledger = storage.open().await;
    let units = admit(&*ledger, &lane, 2, &["siem", "archive"]).await;
    let record = ConnectorRecord { org_id: Some("00D".to_owned()), ..Default::default() };
    ledger.set_connector(ACME, &record).await.unwrap();
    let to = Cursor { created_date: 7, log_file_id: "x".to_owned() };
    ledger.list(ACME, HOURLY, &[file(&lane, 2)], None, Some(&to), NOW).await.unwrap();
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let rejected = vec![dead_letter(units[0].id, 1, NOW)];
    let part = DeliveryDelta { rejected, ..step(units[0].id, 0, 10) };
    ledger.deliver(&lease, &[part], NOW).await.unwrap();
    ledger.postpone(&lease, units[1].id, NOW + MINUTE, "down").await.unwrap();

    let mut told = Vec::new();
    let mut ledger = Some(ledger);
    for _ in 0..3 {
        let open = ledger.take().unwrap();
        let mut deliveries = Vec::new();
        for unit in &units {
            deliveries.push(open.deliveries(unit.id).await.unwrap());
        }
        told.push((
            (open.units(&lane).await.unwrap(), deliveries),
            open.cursor(ACME, HOURLY).await.unwrap(),
            open.connector(ACME).await.unwrap(),
            open.summary(ACME).await.unwrap(),
            open.dead_letters(ACME, 9).await.unwrap(),
            open.next_due(ACME, NOW).await.unwrap(),
            (open.connectors().await.unwrap(), open.due(ACME, COLLECT, NOW, 9).await.unwrap()),
        ));
        drop(open);
        ledger = Some(storage.open().await);
    }
    assert_eq!(told[0].0.0.len(), 3);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[1], told[2]);
    // The lease too: a process that comes back quickly still holds it.
    let ledger = ledger.unwrap();
    ledger.deliver(&lease, &[step(units[0].id, 10, 20)], NOW).await.unwrap();
    assert_eq!(ledger.lease(&lane, TO_SIEM, "b", NOW, MINUTE).await.unwrap(), None);
}

/// What one has answered for, the other sees.
pub async fn a_ledger_opened_twice_is_one_ledger(storage: &dyn Storage) {
    let (a, b) = (storage.open().await, storage.open().await);
    let lane = lane("Login");
    for round in 0..5 {
        list(&*a, &[file(&lane, round * 2)]).await;
        assert_eq!(b.units(&lane).await.unwrap().len() as i64, round * 2 + 1);
        list(&*b, &[file(&lane, round * 2 + 1)]).await;
        assert_eq!(a.units(&lane).await.unwrap(), b.units(&lane).await.unwrap());
    }
}

/// A lease from before a restart never looks like one from after it.
pub async fn epochs_grow_across_reopening(storage: &dyn Storage) {
    let lane = lane("Login");
    let mut last = 0;
    for _ in 0..3 {
        let ledger = storage.open().await;
        ledger.break_leases().await.unwrap();
        let lease = take(&*ledger, &lane, COLLECT).await;
        assert!(lease.epoch > last);
        last = lease.epoch;
    }
}

/// Refusals late in a transaction undo its start, and the ledger goes on working.
pub async fn a_refused_write_leaves_nothing_behind(storage: &dyn Storage) {
    let lane = lane("Login");
    let ledger = storage.open().await;
    let units = admit(&*ledger, &lane, 2, &["siem"]).await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    for _ in 0..10 {
        let steps = [step(units[0].id, 0, 10), step(units[1].id, 5, 10)];
        let result = ledger.deliver(&lease, &steps, NOW).await;
        assert_refused!(result, LedgerError::Delta { .. });
    }
    ledger.deliver(&lease, &[step(units[0].id, 0, 10)], NOW).await.unwrap();
    drop(ledger);
    let ledger = storage.open().await;
    assert_eq!(ledger.deliveries(units[0].id).await.unwrap()[0].position, 10);
    assert_eq!(ledger.deliveries(units[1].id).await.unwrap()[0].position, 0);
    list(&*ledger, &[file(&lane, 3)]).await;
    let collect = take(&*ledger, &lane, COLLECT).await;
    let listed = ledger.units(&lane).await.unwrap().remove(2);
    ledger.apply(&collect, listed.id, &Event::Covered, &[], NOW).await.unwrap();
}
