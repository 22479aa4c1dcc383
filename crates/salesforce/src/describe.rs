//! What `EventLogFile` looks like in this org.

use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// The parts of `EventLogFile` that differ between orgs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFileShape {
    /// Whether there is a column `Interval`: only orgs with hourly files have it.
    pub has_interval: bool,
    /// Whether there is a column `Sequence`.
    pub has_sequence: bool,
    /// The event types the org knows, as it spells them. That a type is here does not mean that
    /// the org has a licence for it.
    pub event_types: Vec<String>,
}

/// Reads a describe answer.
pub(crate) fn read(answer: &Value) -> Result<LogFileShape, Error> {
    let bad = |what: &str| Error::new(ErrorKind::BadAnswer, what);
    if answer.get("queryable").and_then(Value::as_bool) == Some(false) {
        let detail = "EventLogFile may not be queried";
        return Err(Error::new(ErrorKind::PermissionMissing, detail));
    }
    let fields =
        answer.get("fields").and_then(Value::as_array).ok_or_else(|| bad("no list of fields"))?;
    let field = |wanted: &str| {
        fields.iter().find(|field| {
            let name = field.get("name").and_then(Value::as_str);
            name.is_some_and(|name| name.eq_ignore_ascii_case(wanted))
        })
    };
    let event_type = field("EventType").ok_or_else(|| bad("no field EventType"))?;
    let values = event_type.get("picklistValues").and_then(Value::as_array);
    let event_types = values
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("active").and_then(Value::as_bool) != Some(false))
        .filter_map(|entry| entry.get("value")?.as_str().map(str::to_owned))
        .collect();
    Ok(LogFileShape {
        has_interval: field("Interval").is_some(),
        has_sequence: field("Sequence").is_some(),
        event_types,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_columns_and_active_event_types() {
        let shape = read(&json!({
            "name": "EventLogFile", "queryable": true,
            "fields": [
                { "name": "EventType", "picklistValues": [
                    { "value": "Login", "active": true }, { "value": "API" },
                    { "value": "Old", "active": false }, { "label": "broken" } ] },
                { "name": "Sequence" }, 7, { "name": 7 }
            ]
        }));
        let expected = LogFileShape {
            has_interval: false,
            has_sequence: true,
            event_types: vec!["Login".into(), "API".into()],
        };
        assert_eq!(shape.unwrap(), expected);
    }

    #[test]
    fn an_object_that_may_not_be_queried_is_a_missing_permission() {
        let error = read(&json!({ "queryable": false, "fields": [] })).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::PermissionMissing);
        for other in [json!({}), json!([]), json!({ "fields": [] })] {
            assert_eq!(*read(&other).unwrap_err().kind(), ErrorKind::BadAnswer);
        }
    }
}
