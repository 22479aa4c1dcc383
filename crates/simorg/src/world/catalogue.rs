//! The event types this world has and the columns of their files.

use serde::Deserialize;

/// The catalogue of event types, as the collector ships it.
const CATALOGUE: &str = include_str!("../../../events/catalogue/event_types.json");

/// One event type.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct EventType {
    /// Its name in `EventType` and `EVENT_TYPE`.
    pub(super) name: String,
    /// Whether files are made without the add-on licence.
    pub(super) free: bool,
    /// Columns in file order: name and declared type.
    pub(super) columns: Vec<(String, String)>,
}

/// The part of the catalogue's file that is read here.
#[derive(Debug, Deserialize)]
struct File {
    /// All types, also those without columns.
    event_types: Vec<EventType>,
}

/// Types that exist in this org and in no catalogue: what a release newer than the collector
/// brings.
const UNKNOWN: [(&str, &[(&str, &str)]); 2] = [
    (
        "FlowOrchestrationRun",
        &[
            ("EVENT_TYPE", "String"),
            ("TIMESTAMP", "String"),
            ("REQUEST_ID", "String"),
            ("ORGANIZATION_ID", "Id"),
            ("USER_ID", "Id"),
            ("RUN_TIME", "Number"),
            ("CPU_TIME", "Number"),
            ("FLOW_VERSION_ID", "Id"),
            ("PROCESS_TYPE", "String"),
            ("STAGE_COUNT", "Number"),
            ("STATUS_CODE", "Number"),
            ("MESSAGE", "String"),
            ("TIMESTAMP_DERIVED", "DateTime"),
            ("USER_ID_DERIVED", "Id"),
        ],
    ),
    (
        "DataSpaceQuery",
        &[
            ("EVENT_TYPE", "String"),
            ("TIMESTAMP", "String"),
            ("REQUEST_ID", "String"),
            ("ORGANIZATION_ID", "Id"),
            ("USER_ID", "Id"),
            ("SESSION_KEY", "String"),
            ("LOGIN_KEY", "String"),
            ("QUERY", "String"),
            ("ROWS_PROCESSED", "Number"),
            ("DURATION", "Number"),
            ("SUCCESS", "Boolean"),
            ("TIMESTAMP_DERIVED", "DateTime"),
            ("USER_ID_DERIVED", "Id"),
            ("CLIENT_IP", "String"),
        ],
    ),
];

/// The catalogue's types that have columns, by name.
pub(super) fn known() -> Vec<EventType> {
    let file: File =
        serde_json::from_str(CATALOGUE).expect("the catalogue is compiled in and covered by tests");
    file.event_types.into_iter().filter(|each| !each.columns.is_empty()).collect()
}

/// The types no catalogue has.
pub(super) fn unknown() -> Vec<EventType> {
    UNKNOWN
        .iter()
        .map(|(name, columns)| EventType {
            name: (*name).to_owned(),
            free: false,
            columns: columns.iter().map(|(c, t)| ((*c).to_owned(), (*t).to_owned())).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_starts_with_its_name_and_has_a_time() {
        let all: Vec<EventType> = known().into_iter().chain(unknown()).collect();
        assert_eq!(all.len(), 78);
        for each in &all {
            assert_eq!(each.columns[0].0, "EVENT_TYPE", "{}", each.name);
            assert!(each.columns.iter().any(|(c, _)| c == "TIMESTAMP"), "{}", each.name);
        }
    }
}
