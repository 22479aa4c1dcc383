//! The configuration file: taken whole, or refused in words fit for a terminal.

use std::collections::HashSet;

use orgtap_collector::config;

/// Most bytes of a refusal: some faults, each with its line shown.
const LONGEST_REFUSAL: usize = 64 * 1024;

/// Takes the bytes for a configuration file. Reading one fetches no secret and runs no command.
pub fn configuration(data: &[u8]) {
    let settings = match config::parse(data, "orgtap.yaml") {
        Ok(settings) => settings,
        Err(error) => return refused(&error, data),
    };
    assert!(!settings.connectors.is_empty(), "nothing to collect from");
    let mut names = HashSet::new();
    for connector in &settings.connectors {
        assert!(names.insert(&connector.name), "two connectors of one name");
        assert!(!connector.destinations.is_empty(), "events without a way out");
        for name in &connector.destinations {
            assert!(settings.destination(name).is_some(), "a destination that is not there");
        }
    }
    let shown = settings.warnings.join("\n");
    assert!(!has_control(&shown), "a warning that moves the cursor");
}

fn refused(error: &config::ConfigError, data: &[u8]) {
    let shown = error.render();
    assert!(!shown.is_empty() && shown.len() <= LONGEST_REFUSAL, "{} bytes", shown.len());
    assert!(!has_control(&shown), "a refusal that moves the cursor: {shown:?}");
    assert!(!error.faults().is_empty(), "refused for nothing");
    let longest = data.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0);
    let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    for fault in error.faults() {
        assert!(fault.code.starts_with("OT-CONF-"), "a code of another area");
        if let Some(place) = &fault.place {
            assert!((1..=lines).contains(&place.line), "line {} of {lines}", place.line);
            assert!(place.indent < place.column, "a mark beside its place");
            assert!(place.column <= longest + 1, "a place beside the line");
        }
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(|letter| letter.is_control() && letter != '\n')
}
