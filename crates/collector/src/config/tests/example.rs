//! The example: valid as it stands, valid with everything switched on, and complete.

use std::collections::BTreeSet;

use orgtap_destinations::config::DestinationConfig;
use serde_json::Value;

use crate::config::{example, parse, schema};

/// The example with every hidden setting switched on.
fn all_on() -> String {
    let switch = |line: &str| {
        let indent = line.len() - line.trim_start().len();
        let (blanks, rest) = line.split_at(indent);
        match rest.strip_prefix('#') {
            Some(hidden) if is_setting(hidden) => format!("{blanks}{hidden}\n"),
            _ => format!("{line}\n"),
        }
    };
    example().lines().map(switch).collect()
}

/// Prose has one blank behind its `#`; settings have none, and those below them several.
fn is_setting(hidden: &str) -> bool {
    !hidden.is_empty() && (!hidden.starts_with(' ') || hidden.starts_with("  "))
}

#[test]
fn it_is_valid_as_it_stands_and_warns_of_nothing() {
    let settings = parse(example(), "example.yaml").unwrap_or_else(|e| panic!("{}", e.render()));
    assert_eq!(settings.warnings, Vec::<String>::new());
    assert_eq!(settings.destinations.len(), 1);
}

#[test]
fn it_is_valid_with_every_hidden_setting_switched_on() {
    let settings = parse(all_on(), "example.yaml").unwrap_or_else(|e| panic!("{}", e.render()));
    assert!(settings.connectors[0].start.is_some());
    let kinds: BTreeSet<_> = settings.destinations.iter().map(DestinationConfig::kind).collect();
    assert_eq!(
        kinds.into_iter().collect::<Vec<_>>(),
        ["discard", "dnif", "file", "http", "stdout", "syslog"]
    );
}

/// Every key of a schema, with the path of definitions it is in.
fn keys(schema: &Value, inside: &str, found: &mut BTreeSet<(String, String)>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                found.extend(properties.keys().map(|key| (inside.to_owned(), key.clone())));
            }
            for (name, inner) in map {
                if name == "$defs" {
                    continue;
                }
                keys(inner, inside, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| keys(inner, inside, found)),
        _ => {}
    }
}

#[test]
fn every_key_of_the_schema_is_in_it() {
    let schema = schema();
    let mut found = BTreeSet::new();
    keys(&schema, "the top level", &mut found);
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        keys(definition, name, &mut found);
    }
    assert!(found.len() > 70, "{}", found.len());
    let text = all_on();
    for (inside, key) in found {
        let written = text.lines().any(|line| {
            let setting = line.split(" #").next().unwrap_or("");
            let marks = [format!("{key}:"), format!("{{ {key}: "), format!(", {key}: ")];
            let start = setting.trim_start().trim_start_matches("- ");
            start.starts_with(&marks[0])
                || setting.contains(&marks[1])
                || setting.contains(&marks[2])
        });
        assert!(written, "{key} of {inside} is not in the example");
    }
}

#[test]
fn every_word_of_a_choice_is_in_it() {
    fn words(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(map) => {
                if let Some(Value::String(word)) = map.get("const") {
                    found.insert(word.clone());
                }
                if let Some(Value::Array(list)) = map.get("enum") {
                    found.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                map.values().for_each(|inner| words(inner, found));
            }
            Value::Array(list) => list.iter().for_each(|inner| words(inner, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    words(&schema(), &mut found);
    assert!(found.len() > 25, "{found:?}");
    for word in found {
        // The eight local facilities are given as a range.
        let shown = word.starts_with("local") || example().contains(&word);
        assert!(shown, "{word} is not in the example");
    }
}

#[test]
fn the_schema_describes_every_key() {
    fn walk(schema: &Value, path: &str) {
        match schema {
            Value::Object(map) => {
                if let Some(Value::Object(properties)) = map.get("properties") {
                    for (key, value) in properties {
                        let described = value.get("description").is_some_and(Value::is_string);
                        // Tags of a choice, and the keys of a secret, explain themselves.
                        let tag = value.get("const").is_some() || path.contains("/Secret/");
                        let one = value.get("properties").is_some();
                        assert!(described || tag || one, "{path}/{key} has no description");
                    }
                }
                map.iter().for_each(|(key, inner)| walk(inner, &format!("{path}/{key}")));
            }
            Value::Array(list) => list.iter().for_each(|inner| walk(inner, &format!("{path}/-"))),
            _ => {}
        }
    }
    let schema = schema();
    walk(&schema, "");
    assert_eq!(schema["required"], serde_json::json!(["connectors", "destinations"]));
    assert_eq!(schema["properties"]["retry"]["default"]["attempts"], 6);
    assert_eq!(schema["properties"]["spool_retention"]["default"], "1d");
}
