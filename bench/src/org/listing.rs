//! The little of SOQL that listings of log files need.

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::LogFile;

/// A query for log files.
#[derive(Debug)]
pub(super) struct Query {
    columns: Vec<String>,
    conditions: Vec<Condition>,
    /// The most to be answered.
    pub(super) limit: usize,
}

#[derive(Debug)]
enum Condition {
    /// Created before a time, or not.
    Before(bool, Timestamp),
    /// Covers an hour, or not.
    Hourly(bool),
    /// Of one of these types.
    Types(Vec<String>),
}

/// The decoded value of a parameter in a query string.
pub(super) fn parameter(query: &str, name: &str) -> Result<String> {
    let value = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
        .with_context(|| format!("no parameter {name}"))?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or(b'?'), rest.next().unwrap_or(b'?')];
                u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?
            }
            other => other,
        });
    }
    Ok(String::from_utf8(bytes)?)
}

impl Query {
    /// Reads `SELECT .. FROM EventLogFile [WHERE .. AND ..] [ORDER BY ..] [LIMIT n]`.
    pub(super) fn read(text: &str) -> Result<Self> {
        let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        let rest = text.strip_prefix("SELECT ").context("only SELECT is answered")?;
        let (columns, rest) = rest.split_once(" FROM ").context("no FROM")?;
        let rest = rest.strip_prefix("EventLogFile").context("only EventLogFile is answered")?;
        let (rest, limit) = match rest.split_once(" LIMIT ") {
            Some((rest, limit)) => (rest, limit.parse()?),
            None => (rest, usize::MAX),
        };
        // Files are kept in the order everybody asks for.
        let rest = rest.split_once(" ORDER BY ").map_or(rest, |(rest, _)| rest);
        let conditions = match rest.strip_prefix(" WHERE ") {
            Some(all) => all
                .split(" AND ")
                .filter_map(|one| condition(one).transpose())
                .collect::<Result<_>>()?,
            None => Vec::new(),
        };
        let columns = columns.split(',').map(|column| column.trim().to_owned()).collect();
        Ok(Self { columns, conditions, limit })
    }

    /// Whether it asks for this file.
    pub(super) fn wants(&self, file: &LogFile) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Before(before, time) => (file.created_date < *time) == *before,
            Condition::Hourly(hourly) => file.hourly == *hourly,
            Condition::Types(names) => names.contains(&file.event_type),
        })
    }

    /// The file as a record of the answer.
    pub(super) fn record(&self, file: &LogFile, version: &str) -> Value {
        let url = format!("/services/data/v{version}/sobjects/EventLogFile/{}", file.id);
        let mut record = Map::new();
        record.insert("attributes".into(), json!({ "type": "EventLogFile", "url": url }));
        for column in &self.columns {
            let value = match column.as_str() {
                "Id" => json!(file.id),
                "EventType" => json!(file.event_type),
                "LogDate" => json!(time(file.log_date)),
                "CreatedDate" => json!(time(file.created_date)),
                "LogFileLength" => json!(file.length as f64),
                "LogFile" => json!(format!("{url}/LogFile")),
                "Interval" => json!(if file.hourly { "Hourly" } else { "Daily" }),
                "Sequence" => json!(u8::from(file.hourly)),
                _ => Value::Null,
            };
            record.insert(column.clone(), value);
        }
        Value::Object(record)
    }
}

/// A time as records have it.
fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// Reads a condition; none if it holds for every file.
fn condition(text: &str) -> Result<Option<Condition>> {
    let mut words = text.splitn(3, ' ');
    let (Some(column), Some(operator), Some(value)) = (words.next(), words.next(), words.next())
    else {
        bail!("not a condition: {text}");
    };
    Ok(Some(match (column, operator) {
        ("CreatedDate", ">=" | "<") => Condition::Before(operator == "<", value.parse()?),
        ("Sequence", ">=") if value == "0" => return Ok(None),
        ("Interval", "IN") => return Ok(None),
        ("Sequence", "=") if value == "0" => Condition::Hourly(false),
        ("Sequence", ">") if value == "0" => Condition::Hourly(true),
        ("Interval", "=") => Condition::Hourly(value == "'Hourly'"),
        ("EventType", "=" | "IN") => Condition::Types(
            value
                .trim_matches(['(', ')'])
                .split(',')
                .map(|name| name.trim().trim_matches('\'').to_owned())
                .collect(),
        ),
        _ => bail!("this condition is not known here: {text}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> LogFile {
        LogFile {
            id: "0AT5j0000000001AAA".into(),
            event_type: "RestApi".into(),
            path: "/x".into(),
            log_date: "2026-11-20T00:00:00Z".parse().unwrap(),
            created_date: "2026-11-21T03:00:00Z".parse().unwrap(),
            length: 12,
            hourly: false,
        }
    }

    #[test]
    fn conditions_choose_files() {
        for (condition, wanted) in [
            ("CreatedDate >= 2026-11-21T03:00:00Z AND CreatedDate < 2026-11-22T00:00:00Z", true),
            ("CreatedDate >= 2026-11-21T03:00:00.001Z", false),
            ("CreatedDate < 2026-11-21T03:00:00Z", false),
            ("Sequence >= 0 AND Interval IN ('Hourly', 'Daily')", true),
            ("Interval = 'Hourly'", false),
            ("Sequence = 0 AND EventType IN ('Login', 'RestApi')", true),
            ("EventType = 'Login'", false),
        ] {
            let text = format!("SELECT Id FROM EventLogFile WHERE {condition} ORDER BY Id ASC");
            assert_eq!(Query::read(&text).unwrap().wants(&file()), wanted, "{condition}");
        }
        for unknown in ["Size > 3", "Id", "Sequence > 1"] {
            let text = format!("SELECT Id FROM EventLogFile WHERE {unknown}");
            assert!(Query::read(&text).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_record_has_the_columns_asked_for() {
        let query = Query::read("SELECT Id, LogFileLength,CreatedDate FROM EventLogFile LIMIT 1");
        let query = query.unwrap();
        assert_eq!(query.limit, 1);
        let record = query.record(&file(), "66.0");
        assert_eq!(record["LogFileLength"], 12.0);
        assert_eq!(record["CreatedDate"], "2026-11-21T03:00:00.000+0000");
        assert_eq!(record.as_object().unwrap().len(), 4);
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(parameter("a=b&q=x%20%3E%3D+1", "q").unwrap(), "x >= 1");
        assert!(parameter("a=b", "q").is_err());
        assert!(parameter("q=%zz", "q").is_err());
    }
}
