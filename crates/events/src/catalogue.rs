//! The event types known when this was built. Types not in here are collected just the same.

use std::sync::LazyLock;

use serde::Deserialize;

/// An event type of event log files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct EventType {
    /// Name as in `EventLogFile.EventType`, for example `Login`.
    pub name: String,
    /// Whether it is there without the Event Monitoring licence.
    pub free: bool,
    /// Other spellings seen.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Columns in the order of the file, with Salesforce's word for their kind.
    #[serde(default)]
    pub columns: Vec<(String, String)>,
}

/// The file as it is.
#[derive(Deserialize, Default)]
struct Catalogue {
    event_types: Vec<EventType>,
}

static ALL: LazyLock<Vec<EventType>> = LazyLock::new(|| {
    // The text is part of the program; a test reads it.
    let catalogue: Catalogue =
        serde_json::from_str(include_str!("../catalogue/event_types.json")).unwrap_or_default();
    catalogue.event_types
});

/// All known event types, by name.
pub fn all() -> &'static [EventType] {
    &ALL
}

/// Finds an event type by its name or an alias, without regard to case.
pub fn find(name: &str) -> Option<&'static EventType> {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    ALL.iter()
        .find(|event_type| is(&event_type.name) || event_type.aliases.iter().any(|alias| is(alias)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_types_and_which_are_free() {
        assert!(all().len() >= 75);
        let login = find("login").unwrap();
        assert!(login.free && login.columns.iter().any(|(name, _)| name == "LOGIN_STATUS"));
        assert!(!find("ReportExport").unwrap().free);
        assert_eq!(find("SoapApi").map(|event_type| event_type.name.as_str()), Some("API"));
        assert!(find("NoSuchType").is_none());
    }
}
