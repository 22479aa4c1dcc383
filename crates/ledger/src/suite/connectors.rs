//! Cases about connectors, what is kept about them, and their destinations.

use super::Storage;
use super::scene::{
    ACME, COLLECT, NOW, TO_SIEM, admit, admitted, assert_refused, counts, fetched, file, finish,
    lane, list, step, take,
};
use crate::unit::State;
use crate::{ConnectorRecord, Gaps, LedgerError, Outcome, Paused, RecentError};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Everything given comes back; what is not given again is gone.
pub async fn what_is_kept_about_a_connector_is_replaced_whole(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let problem = serde_json::json!({"code": "OT-AUTH-01", "message": "refused \u{1f600} \"x\""});
    let record = ConnectorRecord {
        org_id: Some("00D000000000001AAA".to_owned()),
        sign_in: Some(Outcome { at: NOW, problem: Some(problem.clone()) }),
        refused_credentials: Some("a1b2".to_owned()),
        poll: Some(Outcome { at: NOW + 1, problem: None }),
        begun: Some(NOW - 1),
        polled: Some(NOW + 1),
        hold: Some(Outcome { at: NOW + 2, problem: None }),
        counting: Some(Outcome { at: NOW + 3, problem: None }),
        gaps: Some(Gaps { at: NOW + 4, hours: 3, event_types: 2, oldest: Some(NOW - 9) }),
        test: Some(serde_json::json!({"stages": [1, 2.5, null, true]})),
        api_usage: Some((17, 15_000)),
        reconcile: Some("deliver, 90 %".to_owned()),
        api_usage_at: Some(NOW + 2),
        api_restraint: Some(serde_json::json!({"until": 3})),
        signing_in: Some(NOW + 3),
        stopped: Some(Outcome { at: NOW + 4, problem: None }),
        recent_errors: vec![RecentError {
            at: NOW + 5,
            since: NOW,
            times: 2,
            destination: None,
            problem,
        }],
        paused: None,
    };
    ledger.set_connector(ACME, &record).await.unwrap();
    assert_eq!(ledger.connector(ACME).await.unwrap(), record);
    ledger.register(ACME, &names(&["siem"]), NOW).await.unwrap();
    assert_eq!(ledger.connector(ACME).await.unwrap(), record);
    assert_eq!(ledger.connector("other").await.unwrap(), ConnectorRecord::default());
    let less = ConnectorRecord { api_usage: Some((18, 15_000)), ..ConnectorRecord::default() };
    ledger.set_connector(ACME, &less).await.unwrap();
    assert_eq!(ledger.connector(ACME).await.unwrap(), less);
}

/// Whoever is at work writes what is kept again and again, and knows nothing of a pause that came
/// meanwhile.
pub async fn a_pause_lasts_whatever_else_is_written_until_it_is_ended(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let paused = |by: &str| Paused { at: NOW, by: Some(by.to_owned()), note: None };
    assert!(ledger.paused().await.unwrap().is_empty());
    let before = ledger.connector(ACME).await.unwrap();
    ledger.set_paused(ACME, Some(&paused("ann"))).await.unwrap();
    ledger.set_paused("beta", Some(&paused("bob"))).await.unwrap();
    ledger.set_connector(ACME, &before).await.unwrap();
    let change = |record: &mut ConnectorRecord| {
        assert_eq!(record.paused, Some(paused("ann")));
        record.paused = None;
        record.org_id = Some("00D".to_owned());
    };
    ledger.change_connector(ACME, Box::new(change)).await.unwrap();
    assert_eq!(ledger.paused().await.unwrap(), [ACME, "beta"]);
    let kept = storage.open().await.connector(ACME).await.unwrap();
    assert_eq!((kept.paused, kept.org_id.as_deref()), (Some(paused("ann")), Some("00D")));
    ledger.set_paused(ACME, None).await.unwrap();
    assert_eq!(ledger.paused().await.unwrap(), ["beta"]);
    assert_eq!(ledger.connector(ACME).await.unwrap().paused, None);
}

/// A connector that was only tried or listed is not one that runs.
pub async fn only_registered_connectors_are_named(storage: &dyn Storage) {
    let ledger = storage.open().await;
    ledger.set_connector("tried", &ConnectorRecord::default()).await.unwrap();
    list(&*ledger, &[file(&lane("Login"), 0)]).await;
    assert!(ledger.connectors().await.unwrap().is_empty());
    for name in ["b", "a", "b"] {
        ledger.register(name, &[], NOW).await.unwrap();
    }
    assert_eq!(ledger.connectors().await.unwrap(), ["a", "b"]);
}

/// Units that others still wait for stay; the answer says what was given up.
pub async fn dropping_a_destination_finishes_units_that_waited_for_it_alone(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 3, &["siem", "archive"]).await;
    finish(&*ledger, &units[0], "archive").await;
    let lease = take(&*ledger, &lane, TO_SIEM).await;
    ledger.deliver(&lease, &[step(units[0].id, 0, 50)], NOW).await.unwrap();

    let same = ledger.register(ACME, &names(&["archive", "siem"]), NOW).await.unwrap();
    assert!(same.is_empty());
    let dropped = ledger.register(ACME, &names(&["archive"]), NOW + 5).await.unwrap();
    assert_eq!(dropped, [("siem".to_owned(), 3)]);
    let after = ledger.unit(units[0].id).await.unwrap();
    assert_eq!((after.state, after.final_at), (State::Done, Some(NOW + 5)));
    for unit in &units[1..] {
        assert_eq!(&ledger.unit(unit.id).await.unwrap(), unit);
        let left = ledger.deliveries(unit.id).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].destination, "archive");
    }
    assert!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().is_empty());
    let late = ledger.deliver(&lease, &[step(units[1].id, 0, 1)], NOW).await;
    assert_refused!(late, LedgerError::Delta { .. });
    let again = ledger.register(ACME, &names(&["archive"]), NOW + 6).await.unwrap();
    assert!(again.is_empty());
}

/// What was delivered stays told.
pub async fn dropping_a_destination_keeps_what_it_finished(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 2, &["siem", "archive"]).await;
    finish(&*ledger, &units[0], "siem").await;
    let dropped = ledger.register(ACME, &names(&["archive"]), NOW).await.unwrap();
    assert_eq!(dropped, [("siem".to_owned(), 1)]);
    let kept = ledger.deliveries(units[0].id).await.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(kept[1].done && kept[1].destination == "siem" && kept[1].delivered == 100);
    assert_eq!(ledger.unit(units[0].id).await.unwrap().state, State::Admitted);
    let summary = ledger.summary(ACME).await.unwrap();
    assert_eq!(counts(&summary, "siem"), [100, 0, 1, 0]);
    assert_eq!(counts(&summary, "archive"), [0, 0, 0, 2]);
}

/// And nothing of what was admitted while it was not there.
pub async fn a_destination_gets_what_is_admitted_while_it_is_registered(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = admit(&*ledger, &lane, 1, &["archive"]).await.remove(0);
    let rounds: [(&[&str], usize); 4] =
        [(&["archive", "siem"], 2), (&["archive"], 1), (&["siem", "archive"], 2), (&["siem"], 1)];
    for (round, (registered, deliveries)) in rounds.into_iter().enumerate() {
        ledger.register(ACME, &names(registered), NOW).await.unwrap();
        list(&*ledger, &[file(&lane, round as i64 + 1)]).await;
        let next = ledger.units(&lane).await.unwrap().remove(round + 1);
        let lease = take(&*ledger, &lane, COLLECT).await;
        ledger.apply(&lease, next.id, &fetched(1), &[], NOW).await.unwrap();
        ledger.apply(&lease, next.id, &admitted(1), &[], NOW).await.unwrap();
        ledger.release(&lease).await.unwrap();
        assert_eq!(ledger.deliveries(next.id).await.unwrap().len(), deliveries);
        if registered.contains(&"archive") {
            assert_eq!(ledger.deliveries(unit.id).await.unwrap().len(), 1);
        }
    }
    // The last round dropped the archive, which was all the first unit waited for.
    assert_eq!(ledger.unit(unit.id).await.unwrap().state, State::Done);
}
