//! Reading one page of a listing.
//!
//! Strict about what a log file must have, tolerant about how it is written: numbers as `2692.0`,
//! absent fields for null, unknown fields. A record that cannot be understood fails the page and
//! is named, because skipping it would lose its events silently.

use jiff::Timestamp;
use orgtap_events::Interval;
use orgtap_transport::http;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind};
use crate::{id, time};

/// One `EventLogFile`: an event type's events of one hour or day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// `Id`, 18 characters.
    pub id: String,
    /// `EventType` as the org spells it: letters, digits, `_`, `-` and blanks.
    pub event_type: String,
    /// `LogDate`: start of the hour or day it covers.
    pub log_date: Timestamp,
    /// `CreatedDate`: when the org produced it.
    pub created_date: Timestamp,
    /// `LogFileLength`, bytes; 0 if the org does not say.
    pub length: u64,
    /// `Sequence`: 0 for daily files, 1, 2, ... for an hour's increments.
    pub sequence: u32,
    /// `Interval`, or what `Sequence` says about it; none if the org has neither column.
    pub interval: Option<Interval>,
    /// `LogFile`: the path of its content, as listed; empty if it was not.
    pub log_file_path: String,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The log files, by creation and id.
    pub files: Vec<LogFile>,
    /// How many the whole listing has, as the org says.
    pub total: Option<u64>,
    /// Whether this is the last page.
    pub last: bool,
    /// Whether the listing began again with this page, because its session had ended. What came
    /// before comes again.
    pub restarted: bool,
    /// Path of the next page.
    pub(crate) next: Option<String>,
}

/// Longest path of a next page.
const LONGEST_PATH: usize = 2_048;

/// Reads an answer to a query for log files.
///
/// # Errors
/// [`ErrorKind::NotJson`], [`ErrorKind::BadAnswer`] for JSON of another shape,
/// [`ErrorKind::UntrustedAddress`] for a next page outside the API, and
/// [`ErrorKind::BadRecord`] naming the record.
pub fn parse_page(bytes: &[u8]) -> Result<Page, Error> {
    let answer: Value = serde_json::from_slice(bytes)
        .map_err(|_| Error::new(ErrorKind::NotJson, http::excerpt(bytes)))?;
    read(&answer)
}

/// Reads a page that is JSON. Its errors quote nothing but checked names.
pub(crate) fn read(answer: &Value) -> Result<Page, Error> {
    let bad = |what: &str| Error::new(ErrorKind::BadAnswer, what);
    let answer = answer.as_object().ok_or_else(|| bad("not an object"))?;
    let records =
        answer.get("records").and_then(Value::as_array).ok_or_else(|| bad("no list of records"))?;
    let next = match answer.get("nextRecordsUrl") {
        None | Some(Value::Null) => None,
        Some(next) => Some(next.as_str().ok_or_else(|| bad("nextRecordsUrl is not a text"))?),
    };
    let last = match answer.get("done") {
        None | Some(Value::Null) => next.is_none(),
        Some(done) => done.as_bool().ok_or_else(|| bad("done is neither true nor false"))?,
    };
    let next = match next {
        Some(path) if !last => Some(checked(path)?),
        None if !last => return Err(bad("not done, and no nextRecordsUrl")),
        _ => None,
    };
    let files = records
        .iter()
        .enumerate()
        .map(|(index, value)| record(index, value))
        .collect::<Result<_, _>>()?;
    let total = answer.get("totalSize").and_then(whole);
    Ok(Page { files, total, last, restarted: false, next })
}

/// A next page is a path of the data API and nothing else.
fn checked(path: &str) -> Result<String, Error> {
    let plain = path.len() <= LONGEST_PATH
        && path.starts_with("/services/data/v")
        && path.contains("/query/")
        && !path.contains("..")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if plain {
        Ok(path.to_owned())
    } else {
        Err(Error::new(ErrorKind::UntrustedAddress, "nextRecordsUrl is outside the query API"))
    }
}

fn record(index: usize, value: &Value) -> Result<LogFile, Error> {
    let name = value.get("Id").and_then(Value::as_str).and_then(id::canonical);
    let named = name.clone().unwrap_or_else(|| format!("number {}", index + 1));
    let bad = |what: &str| Error::new(ErrorKind::BadRecord, format!("record {named}: {what}"));
    let fields = value.as_object().ok_or_else(|| bad("not an object"))?;
    let id = name.ok_or_else(|| bad("Id is not an id"))?;
    let event_type = text(fields, "EventType")
        .filter(|name| is_event_type(name))
        .ok_or_else(|| bad("EventType is not a name"))?;
    let moment = |column: &str| {
        let parsed = text(fields, column).and_then(time::parse);
        parsed.ok_or_else(|| bad(&format!("{column} is not a time")))
    };
    let number = |column: &str| match fields.get(column) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match whole(value) {
            Some(number) => Ok(Some(number)),
            None => Err(bad(&format!("{column} is not a whole number"))),
        },
    };
    let sequence = match number("Sequence")?.map(u32::try_from) {
        None => None,
        Some(Ok(sequence)) => Some(sequence),
        Some(Err(_)) => return Err(bad("Sequence is too large")),
    };
    let interval = match text(fields, "Interval") {
        Some(word) => Some(interval(word).ok_or_else(|| bad("Interval is not known"))?),
        None if fields.get("Interval").is_some_and(|value| !value.is_null()) => {
            return Err(bad("Interval is not a text"));
        }
        None => sequence.map(|n| if n == 0 { Interval::Daily } else { Interval::Hourly }),
    };
    Ok(LogFile {
        event_type: event_type.to_owned(),
        log_date: moment("LogDate")?,
        created_date: moment("CreatedDate")?,
        length: number("LogFileLength")?.unwrap_or(0),
        sequence: sequence.unwrap_or(u32::from(interval == Some(Interval::Hourly))),
        interval,
        log_file_path: text(fields, "LogFile").unwrap_or("").chars().take(200).collect(),
        id,
    })
}

fn text<'a>(fields: &'a Map<String, Value>, column: &str) -> Option<&'a str> {
    fields.get(column)?.as_str()
}

fn interval(word: &str) -> Option<Interval> {
    [Interval::Hourly, Interval::Daily]
        .into_iter()
        .find(|interval| interval.name().eq_ignore_ascii_case(word))
}

/// Names the org uses are plain words; anything else would be trouble in paths and queries.
fn is_event_type(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_- ".contains(&byte);
    !name.is_empty() && name.len() <= 100 && name.bytes().all(plain)
}

/// A number without a fraction, however it is written.
fn whole(value: &Value) -> Option<u64> {
    /// Above this a float no longer holds every whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_u64().or_else(|| {
        value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..=EXACT).contains(n)).map(|n| n as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "attributes": { "type": "EventLogFile", "url": "/services/data/v66.0/sobjects/EventLogFile/0AT000000000001AAA" },
            "Id": "0AT000000000001AAA",
            "EventType": "Login",
            "LogDate": "2026-11-23T04:00:00.000+0000",
            "CreatedDate": "2026-11-23T07:12:01.000+0000",
            "LogFileLength": 2692.0,
            "LogFile": "/services/data/v66.0/sobjects/EventLogFile/0AT000000000001AAA/LogFile",
            "Interval": "Hourly",
            "Sequence": 2.0,
            "SomethingNew": [1, 2]
        })
    }

    fn page_of(record: &Value) -> Result<Page, Error> {
        let body = json!({ "totalSize": 1, "done": true, "records": [record] });
        parse_page(body.to_string().as_bytes())
    }

    fn with(column: &str, value: Value) -> Value {
        let mut record = good();
        record[column] = value;
        record
    }

    #[test]
    fn reads_a_log_file() {
        let page = page_of(&good()).unwrap();
        assert!(page.last && !page.restarted);
        assert_eq!(page.total, Some(1));
        assert_eq!(
            page.files,
            [LogFile {
                id: "0AT000000000001AAA".into(),
                event_type: "Login".into(),
                log_date: "2026-11-23T04:00:00Z".parse().unwrap(),
                created_date: "2026-11-23T07:12:01Z".parse().unwrap(),
                length: 2692,
                sequence: 2,
                interval: Some(Interval::Hourly),
                log_file_path:
                    "/services/data/v66.0/sobjects/EventLogFile/0AT000000000001AAA/LogFile".into(),
            }]
        );
    }

    #[test]
    fn what_may_be_absent_may_be_null_too() {
        let record = json!({
            "Id": "0AT000000000001", "EventType": "Login", "LogFileLength": null, "Interval": null,
            "LogDate": "2026-11-23T00:00:00Z", "CreatedDate": "2026-11-24T07:12:01.000Z"
        });
        let file = page_of(&record).unwrap().files.remove(0);
        assert_eq!(file.id.len(), 18);
        assert_eq!((file.length, file.sequence, file.interval), (0, 0, None));
    }

    #[test]
    fn interval_and_sequence_stand_in_for_each_other() {
        for (sequence, interval) in
            [(0, Interval::Daily), (1, Interval::Hourly), (9, Interval::Hourly)]
        {
            let mut record = with("Sequence", json!(sequence));
            record.as_object_mut().unwrap().remove("Interval");
            assert_eq!(page_of(&record).unwrap().files[0].interval, Some(interval));
        }
        for (word, sequence) in [("Hourly", 1), ("Daily", 0)] {
            let mut record = with("Interval", json!(word));
            record["Sequence"] = Value::Null;
            assert_eq!(page_of(&record).unwrap().files[0].sequence, sequence);
        }
    }

    #[test]
    fn a_record_that_cannot_be_understood_is_named() {
        for (column, value) in [
            ("EventType", json!("../../etc/passwd")),
            ("EventType", json!("")),
            ("EventType", Value::Null),
            ("LogDate", json!("yesterday")),
            ("CreatedDate", Value::Null),
            ("CreatedDate", json!(1_700_000_000)),
            ("LogFileLength", json!(-1.0)),
            ("LogFileLength", json!(1.5)),
            ("LogFileLength", json!(1e300)),
            ("LogFileLength", json!("12")),
            ("Sequence", json!(4_294_967_296_u64)),
            ("Interval", json!("Weekly")),
            ("Interval", json!(1)),
        ] {
            let error = page_of(&with(column, value.clone())).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::BadRecord, "{column} {value}");
            let text = error.to_string();
            assert!(text.contains("0AT000000000001AAA") && text.contains(column), "{text}");
        }
        let error = page_of(&with("Id", json!("0AT/../x"))).unwrap_err();
        assert!(error.to_string().contains("record number 1: Id"), "{error}");
        assert!(page_of(&json!("text")).is_err());
    }

    #[test]
    fn a_page_of_another_shape_is_refused() {
        for body in [
            "[]",
            "7",
            "{}",
            r#"{"records":{}}"#,
            r#"{"records":[],"done":false}"#,
            r#"{"records":[],"done":"yes"}"#,
            r#"{"records":[],"nextRecordsUrl":7}"#,
        ] {
            assert_eq!(
                *parse_page(body.as_bytes()).unwrap_err().kind(),
                ErrorKind::BadAnswer,
                "{body}"
            );
        }
        for body in ["", "<html>", r#"{"records":[], "done""#, "\u{0}"] {
            assert_eq!(
                *parse_page(body.as_bytes()).unwrap_err().kind(),
                ErrorKind::NotJson,
                "{body}"
            );
        }
        assert!(parse_page(r#"{"records":[]}"#.as_bytes()).unwrap().last);
    }

    #[test]
    fn a_next_page_outside_the_query_api_is_refused() {
        let next = |path: &str| {
            let body = json!({ "records": [], "done": false, "nextRecordsUrl": path });
            parse_page(body.to_string().as_bytes())
        };
        assert!(next("/services/data/v66.0/query/01gxx0000002QXlAAM-2000").unwrap().next.is_some());
        for hostile in [
            "https://evil.example/services/data/v66.0/query/x",
            "//evil.example/services/data/v66.0/query/x",
            "/services/data/v66.0/query/../../../apexrest/x",
            "/services/data/v66.0/query/%2e%2e/x",
            "/services/data/v66.0/sobjects/User/query",
            "/services/data/v66.0/query/x?y=1",
            "/services/data/v66.0/query/x@evil.example",
            "/services/data/v66.0/query/\r\nHost: evil",
            "",
        ] {
            let error = next(hostile).unwrap_err();
            assert_eq!(*error.kind(), ErrorKind::UntrustedAddress, "{hostile}");
        }
    }

    /// JSON that resembles a page, with anything in its places.
    fn nearly_a_page() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            Just(json!("0AT000000000001AAA")),
            Just(json!("2026-11-23T04:00:00.000+0000")),
        ];
        let columns = [
            "Id",
            "EventType",
            "LogDate",
            "CreatedDate",
            "LogFileLength",
            "Sequence",
            "Interval",
            "LogFile",
        ];
        let record =
            proptest::collection::vec(leaf.clone(), columns.len()).prop_map(move |values| {
                Value::Object(columns.iter().map(ToString::to_string).zip(values).collect())
            });
        let records = proptest::collection::vec(prop_oneof![record, leaf.clone()], 0..4);
        (records, leaf.clone(), leaf).prop_map(|(records, done, next)| {
            json!({ "records": records, "done": done, "nextRecordsUrl": next })
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(page) = parse_page(&bytes) {
                prop_assert_eq!(page.last, page.next.is_none());
            }
        }

        #[test]
        fn anything_like_a_page_is_read_or_refused_without_panic(page in nearly_a_page()) {
            match parse_page(page.to_string().as_bytes()) {
                Ok(page) => prop_assert_eq!(page.last, page.next.is_none()),
                Err(error) => prop_assert!(error.to_string().len() < 500),
            }
        }
    }
}
