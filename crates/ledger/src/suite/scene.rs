//! What the cases have in common: files, leases, and the way of a unit up to a state.

use crate::unit::Event;
use crate::{
    DeadLetter, DeliveryDelta, Lane, Lease, Ledger, LedgerError, NewUnit, Summary, Unit, UnitId,
};

/// The time of the cases, microseconds.
pub(super) const NOW: i64 = 1_795_000_000_000_000;
/// A minute, in microseconds.
pub(super) const MINUTE: i64 = 60_000_000;
/// The connector of most cases.
pub(super) const ACME: &str = "acme";
/// The track of most listings.
pub(super) const HOURLY: &str = "event_log_files/Hourly";
/// The stage of fetch and admit.
pub(super) const COLLECT: &str = "collect";
/// The stage of the destination `siem`.
pub(super) const TO_SIEM: &str = "deliver:siem";

/// Fails unless the result is this error.
macro_rules! assert_refused {
    ($result:expr, $error:pat) => {
        let result = $result;
        assert!(matches!(result, Err($error)), "{} did not come: {result:?}", stringify!($error));
    };
}
pub(super) use assert_refused;

pub(super) fn lane(event_type: &str) -> Lane {
    Lane {
        connector: ACME.to_owned(),
        event_type: event_type.to_owned(),
        day: "1970-01-01".to_owned(),
    }
}

/// The hourly file of a lane for hour `n`.
pub(super) fn file(lane: &Lane, n: i64) -> NewUnit {
    NewUnit {
        lane: lane.clone(),
        interval: "Hourly".to_owned(),
        sequence: 1,
        log_file_id: format!("{}-{n:05}", lane.event_type),
        log_date: n * 60 * MINUTE,
        created_date: (n + 4) * 60 * MINUTE,
        length: 1_000 + n,
    }
}

/// Lists files without moving the cursor.
pub(super) async fn list(ledger: &dyn Ledger, files: &[NewUnit]) {
    let connector = files.first().map_or(ACME, |file| &file.lane.connector);
    let cursor = ledger.cursor(connector, HOURLY).await.unwrap();
    let (from, to) = (cursor.as_ref(), cursor.as_ref());
    ledger.list(connector, HOURLY, files, from, to, NOW).await.unwrap();
}

/// Of a destination: events delivered, refused, units finished, waiting.
pub(super) fn counts(summary: &Summary, destination: &str) -> [i64; 4] {
    let one = &summary.destinations[destination];
    [one.delivered, one.rejected, one.finished, one.waiting]
}

/// Takes a lease for an hour from [`NOW`].
pub(super) async fn take(ledger: &dyn Ledger, lane: &Lane, stage: &str) -> Lease {
    let lease = ledger.lease(lane, stage, "worker", NOW, 60 * MINUTE).await.unwrap();
    lease.expect("nobody else holds it")
}

pub(super) fn fetched(rows: u64) -> Event {
    Event::Fetched {
        spool_path: "acme/file.gz".to_owned(),
        spool_bytes: rows * 10,
        raw_bytes: rows * 100,
        rows,
        content_hash: "00112233445566778899aabbccddeeff".to_owned(),
        warning: None,
    }
}

pub(super) fn admitted(admitted: u64) -> Event {
    Event::Admitted { admitted, repeats: 0, undecodable: 0, exceptions: 0, hours: Vec::new() }
}

/// Registers the destinations and takes `files` files of a new lane up to admitted, each with a
/// hundred rows. Answers them in the order they are handled.
pub(super) async fn admit(
    ledger: &dyn Ledger,
    lane: &Lane,
    files: i64,
    destinations: &[&str],
) -> Vec<Unit> {
    let names: Vec<String> = destinations.iter().map(|name| (*name).to_owned()).collect();
    ledger.register(&lane.connector, &names, NOW).await.unwrap();
    let files: Vec<NewUnit> = (0..files).map(|n| file(lane, n)).collect();
    list(ledger, &files).await;
    let lease = take(ledger, lane, COLLECT).await;
    for unit in ledger.units(lane).await.unwrap() {
        ledger.apply(&lease, unit.id, &fetched(100), &[], NOW).await.unwrap();
        ledger.apply(&lease, unit.id, &admitted(100), &[], NOW).await.unwrap();
    }
    ledger.release(&lease).await.unwrap();
    ledger.units(lane).await.unwrap()
}

/// A step of `siem` that delivers as many events as it has rows.
pub(super) fn step(unit: UnitId, from: i64, to: i64) -> DeliveryDelta {
    DeliveryDelta {
        unit,
        destination: "siem".to_owned(),
        replay: None,
        from,
        to,
        delivered: to - from,
        rejected: Vec::new(),
        done: false,
    }
}

/// A step that finishes the unit at a destination.
pub(super) fn last_step(unit: UnitId, destination: &str, from: i64, to: i64) -> DeliveryDelta {
    DeliveryDelta { destination: destination.to_owned(), done: true, ..step(unit, from, to) }
}

/// Finishes a unit of a hundred rows at a destination.
pub(super) async fn finish(ledger: &dyn Ledger, unit: &Unit, destination: &str) {
    let stage = format!("deliver:{destination}");
    let lease = take(ledger, &unit.listed.lane, &stage).await;
    let step = last_step(unit.id, destination, 0, 100);
    ledger.deliver(&lease, &[step], NOW).await.unwrap();
    ledger.release(&lease).await.unwrap();
}

pub(super) fn dead_letter(unit: UnitId, row: i64, at: i64) -> DeadLetter {
    DeadLetter {
        unit,
        destination: None,
        row: Some(row),
        offset: Some(row * 100),
        code: "OT-UNIT-01".to_owned(),
        reason: "a row with too many fields".to_owned(),
        payload: vec![0, 255, b'"', b'\n'],
        at,
    }
}

/// The error's code, to compare refusals.
pub(super) fn code<T>(result: &Result<T, LedgerError>) -> &'static str {
    result.as_ref().err().map_or("no error", LedgerError::code)
}
