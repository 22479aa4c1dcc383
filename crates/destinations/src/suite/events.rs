//! Events, batches and units to deliver.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use orgtap_events::{Interval, UnitInfo};

use crate::{Batch, Events};

/// A text inside every event, which must never show in an error.
pub const MARK: &str = "payload-that-must-never-be-shown-anywhere";

/// A unit of a day in November 2026; `hour` also tells it from others.
pub fn unit(connector: &str, event_type: &str, hour: u32) -> UnitInfo {
    let start: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap_or_default();
    let log_date = start + jiff::SignedDuration::from_hours(i64::from(hour));
    UnitInfo {
        connector: connector.to_owned(),
        org_id: "00D000000000001EAA".to_owned(),
        event_type: event_type.to_owned(),
        log_file_id: format!("0AT{hour:012}AAA"),
        interval: Interval::Hourly,
        sequence: 1,
        log_date,
        created_date: log_date + jiff::SignedDuration::from_hours(4),
        length: 1_000 + u64::from(hour),
    }
}

/// The `event_uid` of an event made here.
fn uid(unit: &UnitInfo, row: u64) -> String {
    format!("{}-{}-{row}", unit.connector, unit.log_file_id)
}

/// A batch of a unit's rows, one event each of about `size` bytes.
pub fn batch_of(
    unit: &Arc<UnitInfo>,
    rows: std::ops::Range<u64>,
    ends: bool,
    size: usize,
) -> Batch {
    let (mut ndjson, mut ends_at, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows.clone() {
        let event = serde_json::json!({
            "EVENT_TYPE": unit.event_type,
            "QUERY": format!("{MARK}\n\"{}\" ü", "x".repeat(size)),
            "_orgtap": { "connector": unit.connector, "event_uid": uid(unit, row) },
        });
        ndjson.extend_from_slice(event.to_string().as_bytes());
        ends_at.push(ndjson.len() as u32);
        ndjson.push(b'\n');
        times.push(unit.log_date.as_microsecond() + row as i64 * 1_001);
    }
    Batch {
        id: format!("{}/{}-{}/1", unit.key(), rows.start, rows.end),
        unit: Arc::clone(unit),
        rows,
        ends_unit: ends,
        letters: false,
        events: Events::new(Bytes::from(ndjson), ends_at, times),
    }
}

/// A batch of so many events that is a whole unit.
pub fn batch(events: u64) -> Batch {
    batch_of(&Arc::new(unit("acme", "Login", 1)), 0..events, true, 100)
}

/// Units as a connector's worker would write them: three with events in several batches, the
/// last batch of one without events, and one unit without any.
pub fn units(connector: &str) -> Vec<Batch> {
    let mut batches = Vec::new();
    for hour in 0..4 {
        let unit = Arc::new(unit(connector, "ApexExecution", hour));
        if hour == 2 {
            batches.push(batch_of(&unit, 0..0, true, 0));
            continue;
        }
        for part in 0..4 {
            let ends = part == 3 && hour != 1;
            batches.push(batch_of(&unit, part * 7..(part + 1) * 7, ends, 900));
        }
        if hour == 1 {
            batches.push(batch_of(&unit, 28..28, true, 0));
        }
    }
    batches
}

/// The `event_uid`s in batches, in order.
pub fn uids(batches: &[Batch]) -> Vec<String> {
    let events = batches.iter().flat_map(|batch| batch.events.iter());
    events.filter_map(|(event, _)| uid_in(event)).collect()
}

/// The `event_uid` in one event.
pub(crate) fn uid_in(event: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(event).ok()?;
    Some(value.get("_orgtap")?.get("event_uid")?.as_str()?.to_owned())
}
