//! The raw format: one JSON object per row, every value as Salesforce wrote it.
//!
//! A [`Plan`] is compiled once per header; its row loop copies cells and allocates nothing.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use orgtap_codec::csv::Row;
use orgtap_codec::hash::{RowHasher, occurrence};
use orgtap_codec::json;
use orgtap_codec::object::Keys;

use crate::time;
use crate::unit::UnitInfo;

/// Version of the raw format; part of every batch's id.
pub const VERSION: &str = "raw/1";

/// A first row that cannot be a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It looks like a page or document, not like a log file.
    #[error("the file starts like {0}, not like a log file")]
    Foreign(&'static str),
    /// No column has a name.
    #[error("the header names no column")]
    Nameless,
}

/// How rows of one header become raw events of one unit.
#[derive(Debug, Clone)]
pub struct Plan {
    keys: Keys,
    names: Vec<String>,
    hasher: RowHasher,
    derived: Option<usize>,
    stamp: Option<usize>,
    /// From after the uid to before the row's number.
    before_row: Vec<u8>,
    /// From after the row's number to before the time.
    before_time: Vec<u8>,
    /// The time of rows that have none.
    fallback: i64,
}

/// A row's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct When {
    /// Microseconds since 1970 UTC.
    pub at: i64,
    /// Whether the derived column has it in the form that events have.
    as_written: bool,
}

impl Plan {
    /// Compiles a plan from a file's first row.
    pub fn compile(header: &Row<'_>, unit: &UnitInfo) -> Result<Self, HeaderError> {
        let names = column_names(header)?;
        let upper: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
        let find = |wanted: &str| upper.iter().position(|name| name == wanted);
        let log_date = unit.log_date.as_microsecond();
        Ok(Self {
            keys: Keys::new(&names),
            hasher: RowHasher::new(&[&unit.org_id, &unit.event_type], &upper),
            derived: find("TIMESTAMP_DERIVED"),
            stamp: find("TIMESTAMP"),
            before_row: before_row(unit),
            before_time: before_time(unit),
            fallback: log_date,
            names,
        })
    }

    /// The columns' names, as they stand in events.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of columns; a row with another number of cells is no event.
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// The row's hash: what it says, whatever the order of columns.
    pub fn hash(&mut self, row: &Row<'_>) -> u128 {
        self.hasher.hash(row)
    }

    /// The row's time: the derived ISO column, else the compact one, else the file's period.
    pub fn when(&self, row: &Row<'_>) -> When {
        if let Some(text) = self.derived(row)
            && let Some(at) = time::parse_iso(text)
        {
            return When { at, as_written: time::is_rfc3339(text) };
        }
        let stamp = self.stamp.and_then(|index| time::parse_compact(row.written(index)?.0));
        When { at: stamp.unwrap_or(self.fallback), as_written: false }
    }

    /// Appends the row as one JSON object. `when` is the row's time, `hash` its hash, `nth` its number
    /// (from 1) among identical rows of the unit, `number` its number (from 1) among the unit's rows.
    /// Answers where in the output the 32 digits of its `event_uid` begin.
    pub fn encode(
        &self,
        row: &Row<'_>,
        when: When,
        hash: u128,
        nth: u64,
        number: u64,
        out: &mut Vec<u8>,
    ) -> usize {
        let start = out.len();
        let sound = !row.needs_care() || std::str::from_utf8(row.raw()).is_ok();
        if sound {
            self.keys.write(row, out);
        } else {
            self.encode_lossy(row, out);
        }
        // Each member begins with a comma; the first one's is the object's bracket.
        match out.get_mut(start) {
            Some(first) => {
                *first = b'{';
                out.push(b',');
            }
            None => out.push(b'{'),
        }
        out.extend_from_slice(b"\"_orgtap\":{\"event_uid\":\"");
        let uid = out.len();
        out.extend_from_slice(&event_uid(hash, nth));
        out.extend_from_slice(&self.before_row);
        write_number(out, number);
        out.extend_from_slice(&self.before_time);
        match self.derived(row) {
            // Nearly always.
            Some(text) if when.as_written => out.extend_from_slice(text),
            _ => time::write_rfc3339(out, when.at),
        }
        out.push(b'"');
        if !sound {
            self.keep_bytes(row, out);
        }
        out.extend_from_slice(b"}}");
        uid
    }

    /// The derived time as written.
    fn derived<'r>(&self, row: &Row<'r>) -> Option<&'r [u8]> {
        Some(row.written(self.derived?)?.0)
    }

    /// Cells that are not UTF-8 get replacement characters; their bytes follow in `_orgtap`.
    fn encode_lossy(&self, row: &Row<'_>, out: &mut Vec<u8>) {
        for index in 0..self.width() {
            let Some(cell) = row.cell(index).filter(|cell| !cell.is_empty()) else { continue };
            out.extend_from_slice(self.keys.key(index));
            json::escape(out, String::from_utf8_lossy(&cell).as_bytes());
            out.push(b'"');
        }
    }

    /// `,"invalid_utf8":{"NAME":"base64 of the bytes"}`
    fn keep_bytes(&self, row: &Row<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"invalid_utf8\":{");
        let mut first = true;
        for index in 0..self.width() {
            let Some(cell) = row.cell(index).filter(|cell| std::str::from_utf8(cell).is_err())
            else {
                continue;
            };
            let comma = usize::from(std::mem::take(&mut first));
            out.extend_from_slice(self.keys.key(index).get(comma..).unwrap_or_default());
            let encoded = base64::engine::general_purpose::STANDARD.encode(&cell);
            out.extend_from_slice(encoded.as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
    }
}

/// The names of a header's columns: unique, none empty, none that would shadow `_orgtap`.
fn column_names(header: &Row<'_>) -> Result<Vec<String>, HeaderError> {
    let raw = header.raw();
    match raw.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => return Err(HeaderError::Foreign("HTML or XML")),
        Some(b'{' | b'[') => return Err(HeaderError::Foreign("JSON")),
        _ => {}
    }
    let mut seen = HashSet::from(["_ORGTAP".to_owned()]);
    // The next number to try for a name, so that many columns of one name cost no more than others.
    let mut turns: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::with_capacity(header.len());
    let mut named = false;
    for index in 0..header.len() {
        let cell = header.cell(index).unwrap_or_default();
        let written = String::from_utf8_lossy(&cell).trim().to_owned();
        named |= !written.is_empty();
        let plain = if written.is_empty() { format!("COLUMN_{}", index + 1) } else { written };
        let mut name = plain.clone();
        let turn = turns.entry(plain.to_uppercase()).or_insert(2);
        while !seen.insert(name.to_uppercase()) {
            name = format!("{plain}_{turn}");
            *turn += 1;
        }
        names.push(name);
    }
    if named { Ok(names) } else { Err(HeaderError::Nameless) }
}

fn before_row(unit: &UnitInfo) -> Vec<u8> {
    let mut out = b"\",\"connector\":".to_vec();
    json::string(&mut out, &unit.connector);
    out.extend_from_slice(b",\"org_id\":");
    json::string(&mut out, &unit.org_id);
    out.extend_from_slice(b",\"source\":\"event_log_file\",\"event_type\":");
    json::string(&mut out, &unit.event_type);
    out.extend_from_slice(b",\"log_file_id\":");
    json::string(&mut out, &unit.log_file_id);
    out.extend_from_slice(b",\"row\":");
    out
}

fn before_time(unit: &UnitInfo) -> Vec<u8> {
    let mut out = b",\"interval\":".to_vec();
    json::string(&mut out, unit.interval.name());
    out.extend_from_slice(b",\"sequence\":");
    write_number(&mut out, u64::from(unit.sequence));
    out.extend_from_slice(b",\"log_date\":\"");
    time::write_rfc3339(&mut out, unit.log_date.as_microsecond());
    out.extend_from_slice(b"\",\"created_date\":\"");
    time::write_rfc3339(&mut out, unit.created_date.as_microsecond());
    out.extend_from_slice(b"\",\"time\":\"");
    out
}

fn write_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// The digits of the `event_uid` of the `nth` (from 1) among identical rows with this hash.
pub fn event_uid(hash: u128, nth: u64) -> [u8; 32] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(occurrence(hash, nth).to_be_bytes()) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unit::Interval;
    use orgtap_codec::csv::{Item, Reader};
    use serde_json::{Value, json};

    fn unit() -> UnitInfo {
        UnitInfo {
            connector: "ac\"me".into(),
            org_id: "00D000000000001AAA".into(),
            event_type: "Login".into(),
            log_file_id: "0AT000000000001AAA".into(),
            interval: Interval::Hourly,
            sequence: 1,
            log_date: "2026-11-22T05:00:00Z".parse().unwrap(),
            created_date: "2026-11-22T09:12:03Z".parse().unwrap(),
            length: 1,
        }
    }

    fn events(csv: &[u8]) -> Vec<Value> {
        let mut reader = Reader::new(csv);
        let Some(Item::Row(header)) = reader.next_item().unwrap() else { panic!("no header") };
        let mut plan = Plan::compile(&header, &unit()).unwrap();
        let mut events = Vec::new();
        while let Some(Item::Row(row)) = reader.next_item().unwrap() {
            let mut out = Vec::new();
            let hash = plan.hash(&row);
            plan.encode(&row, plan.when(&row), hash, 1, events.len() as u64 + 1, &mut out);
            events.push(serde_json::from_slice(&out).unwrap());
        }
        events
    }

    #[test]
    fn an_event_is_the_row_and_where_it_came_from() {
        let csv = b"\"EVENT_TYPE\",\"TIMESTAMP\",\"TIMESTAMP_DERIVED\",\"URI\",\"NOTE\"\n\
            \"Login\",\"20261122055900.120\",\"2026-11-22T05:59:00.120Z\",\"\",\"a \"\"b\"\"\n\\\"\n";
        let event = &events(csv)[0];
        assert_eq!(event["EVENT_TYPE"], "Login");
        assert_eq!(event["NOTE"], "a \"b\"\n\\");
        assert!(event.get("URI").is_none());
        let uid = event["_orgtap"]["event_uid"].as_str().unwrap().to_owned();
        assert_eq!(uid.len(), 32);
        assert_eq!(
            event["_orgtap"],
            json!({
                "event_uid": uid, "connector": "ac\"me", "org_id": "00D000000000001AAA",
                "source": "event_log_file", "event_type": "Login",
                "log_file_id": "0AT000000000001AAA", "row": 1, "interval": "Hourly",
                "sequence": 1, "log_date": "2026-11-22T05:00:00.000Z",
                "created_date": "2026-11-22T09:12:03.000Z", "time": "2026-11-22T05:59:00.120Z",
            })
        );
    }

    #[test]
    fn the_time_falls_back_from_derived_to_compact_to_the_file() {
        let csv = b"TIMESTAMP,TIMESTAMP_DERIVED\n20261122055900.12,\"\"\nx,y\n";
        let events = events(csv);
        assert_eq!(events[0]["_orgtap"]["time"], "2026-11-22T05:59:00.120Z");
        assert_eq!(events[1]["_orgtap"]["time"], "2026-11-22T05:00:00.000Z");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept() {
        let events = events(b"A,B\n\"ok\",\"caf\xe9\"\n");
        assert_eq!(events[0]["B"], "caf\u{fffd}");
        assert_eq!(events[0]["_orgtap"]["invalid_utf8"], json!({ "B": "Y2Fm6Q==" }));
    }

    #[test]
    fn a_header_that_repeats_one_name_is_read_in_good_time() {
        let csv = format!("{}a\n", "a,".repeat(200_000));
        let mut reader = Reader::new(csv.as_bytes());
        let Some(Item::Row(header)) = reader.next_item().unwrap() else { panic!("no header") };
        let start = std::time::Instant::now();
        let plan = Plan::compile(&header, &unit()).unwrap();
        assert_eq!(plan.names().last().map(String::as_str), Some("a_200001"));
        // Trying every number again for each column took hours.
        assert!(start.elapsed().as_secs() < 30);
    }

    #[test]
    fn odd_headers_give_unique_names_and_pages_are_refused() {
        let event = &events(b"A,a,,_orgtap\n1,2,3,4\n")[0];
        assert_eq!(
            (&event["A"], &event["a_2"], &event["COLUMN_3"], &event["_orgtap_2"]),
            (&json!("1"), &json!("2"), &json!("3"), &json!("4"))
        );
        let mut reader = Reader::new(&b"<html>,x\n"[..]);
        let Some(Item::Row(header)) = reader.next_item().unwrap() else { panic!() };
        assert_eq!(
            Plan::compile(&header, &unit()).unwrap_err(),
            HeaderError::Foreign("HTML or XML")
        );
    }
}
