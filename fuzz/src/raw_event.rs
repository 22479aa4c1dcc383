//! Raw events: whatever a log file holds, each row becomes one sound JSON object that says what
//! the row says.

use orgtap_codec::csv::{Item, Reader, Row};
use orgtap_events::raw::Plan;
use orgtap_events::{Interval, UnitInfo};
use serde_json::Value;

/// Takes the bytes for a log file and encodes its rows.
pub fn raw_event(data: &[u8]) {
    let mut reader = Reader::new(data);
    let Ok(Some(Item::Row(header))) = reader.next_item() else { return };
    let Ok(mut plan) = Plan::compile(&header, &unit()) else { return };
    assert_eq!(plan.width(), header.len(), "a column was lost");
    let mut number = 0;
    while let Ok(Some(item)) = reader.next_item() {
        let Item::Row(row) = item else { continue };
        if row.len() != plan.width() {
            continue;
        }
        number += 1;
        let hash = plan.hash(&row);
        assert_eq!(plan.hash(&row), hash, "the hash changed");
        let mut out = Vec::new();
        plan.encode(&row, plan.when(&row), hash, 1, number, &mut out);
        let event: Value = serde_json::from_slice(&out).expect("an event is JSON");
        says_the_same(&event, &row, &plan, number);
    }
}

fn says_the_same(event: &Value, row: &Row<'_>, plan: &Plan, number: u64) {
    let mut filled = 0;
    for (index, name) in plan.names().iter().enumerate() {
        let cell = row.cell(index).expect("a row has its cells");
        let value = event.get(name).and_then(Value::as_str);
        if cell.is_empty() {
            assert_eq!(value, None, "an empty cell has a value");
        } else {
            filled += 1;
            assert_eq!(value, Some(&*String::from_utf8_lossy(&cell)), "a cell changed");
        }
    }
    assert_eq!(event.as_object().map(serde_json::Map::len), Some(filled + 1), "too many values");
    let own = &event["_orgtap"];
    assert_eq!(own["row"], number);
    assert_eq!(own["event_uid"].as_str().map(str::len), Some(32));
    let time = own["time"].as_str().expect("an event has a time");
    time.parse::<jiff::Timestamp>().expect("an event's time is RFC 3339");
}

fn unit() -> UnitInfo {
    let moment = jiff::Timestamp::from_second(1_795_323_600).expect("a moment in 2026");
    UnitInfo {
        connector: "acme".to_owned(),
        org_id: "00D000000000001AAA".to_owned(),
        event_type: "Login".to_owned(),
        log_file_id: "0AT000000000001AAA".to_owned(),
        interval: Interval::Hourly,
        sequence: 1,
        log_date: moment,
        created_date: moment,
        length: 1,
    }
}
