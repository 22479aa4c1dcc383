//! The words of the configuration: which hold secrets, which was probably meant, which are planned.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::new_connector::NewConnector;
use super::written::{Config, ConnectorConfig, EventLogFilesConfig, RetryConfig};

/// Every key of the schema.
static KEYS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut keys = BTreeSet::new();
    collect_keys(&super::schema(), &mut keys);
    keys
});

fn collect_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values().for_each(|inner| collect_keys(inner, keys));
        }
        Value::Array(list) => list.iter().for_each(|inner| collect_keys(inner, keys)),
        _ => {}
    }
}

/// Whether a key is one of the schema's, wherever.
pub(super) fn is_known(key: &str) -> bool {
    KEYS.contains(key)
}

/// Whether what stands under a key may be shown: the key is known and does not hold secrets.
pub(super) fn may_be_shown(key: &str) -> bool {
    is_known(key) && !holds_secret(key)
}

/// Whether a key may hold a secret, known key or not.
pub(super) fn holds_secret(key: &str) -> bool {
    const MARKS: [&str; 13] = [
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "credential",
        "key",
        "bearer",
        "cookie",
        "auth",
        "header",
        "vault",
    ];
    let key = key.to_ascii_lowercase();
    !key.ends_with("_file") && MARKS.iter().any(|mark| key.contains(mark))
}

/// Whether a plain text under a key is a secret in itself.
pub(super) fn is_secret(key: &str, parent: &str) -> bool {
    const OTHERS: [&str; 3] = ["password", "token", "secret"];
    NewConnector::SECRETS.contains(&key) || OTHERS.contains(&key) || parent == "headers"
}

/// What people write for a key: the labels of DNIF's form that differ, and habits from elsewhere.
const SYNONYMS: [(&str, &str); 24] = [
    ("connector_name", "name"),
    ("connector_type", "type"),
    ("my_domain", "instance_url"),
    ("salesforce_url", "instance_url"),
    ("url", "instance_url"),
    ("host", "instance_url"),
    ("user", "salesforce_user"),
    ("username", "salesforce_user"),
    ("user", "username"),
    ("password", "salesforce_user_password"),
    ("client_id", "consumer_key"),
    ("client_secret", "consumer_secret"),
    ("token", "security_token"),
    ("private_key", "jwt_key"),
    ("audience", "jwt_audience"),
    ("aud", "jwt_audience"),
    ("token", "secret"),
    ("key", "secret"),
    ("endpoint", "url"),
    ("address", "host"),
    ("path", "directory"),
    ("folder", "directory"),
    ("protocol", "transport"),
    ("environment", "env"),
];

/// A label as a key: `Consumer key` as `consumer_key`.
fn as_key(word: &str) -> String {
    let mut key = String::new();
    for c in word.trim().chars().take(100) {
        if c.is_alphanumeric() {
            key.extend(c.to_lowercase());
        } else if !key.ends_with('_') && !key.is_empty() {
            key.push('_');
        }
    }
    key.trim_end_matches('_').to_owned()
}

/// The known word that was probably meant.
pub(super) fn nearest<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
) -> Option<&'k str> {
    let key = as_key(word);
    if let Some(same) = known.clone().into_iter().find(|known| as_key(known) == key) {
        return Some(same);
    }
    for (synonym, meant) in SYNONYMS {
        if key == synonym
            && let Some(same) = known.clone().into_iter().find(|k| *k == meant)
        {
            return Some(same);
        }
    }
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&key, &as_key(known)), known))
        .filter(|(distance, known)| *distance <= (known.len().min(key.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The place a key belongs to, when it stands in another one.
pub(super) fn home_of(key: &str) -> Option<&'static str> {
    fn has<T: JsonSchema>(key: &str) -> bool {
        let schema = schema_for!(T);
        schema.get("properties").and_then(|properties| properties.get(key)).is_some()
    }
    if has::<Config>(key) {
        Some("at the top level")
    } else if has::<ConnectorConfig>(key) {
        Some("in a connector")
    } else if has::<EventLogFilesConfig>(key) {
        Some("in `event_log_files` of a connector")
    } else if has::<RetryConfig>(key) {
        Some("in `retry`")
    } else {
        None
    }
}

/// Keys a connector cannot do without.
pub(super) fn required_of_a_connector() -> Vec<String> {
    let schema = schema_for!(ConnectorConfig);
    let listed = schema.get("required").and_then(Value::as_array);
    let words = listed.into_iter().flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

/// Whether a key, at a path without numbers, is planned and not there yet.
pub(super) fn is_planned_key(parent: &str, key: &str) -> bool {
    match parent {
        "" => key == "archive",
        "connectors[]" => matches!(key, "stored_objects" | "event_streams"),
        _ => false,
    }
}

/// Whether a value, at a path without numbers, is planned and not there yet.
pub(super) fn is_planned_word(path: &str, word: &str) -> bool {
    const DESTINATIONS: [&str; 14] = [
        "splunk_hec",
        "elasticsearch",
        "opensearch",
        "kafka",
        "object_store",
        "otlp",
        "sentinel",
        "secops",
        "datadog",
        "loki",
        "clickhouse",
        "iceberg",
        "nats",
        "security_lake",
    ];
    const FORMATS: [&str; 6] = ["ecs", "ocsf", "udm", "cim", "asim", "dnif"];
    match path {
        "ledger" => {
            word == "postgres" || word.starts_with("postgres:") || word.starts_with("postgresql:")
        }
        "destinations[].type" => DESTINATIONS.contains(&word),
        "destinations[].format" => FORMATS.contains(&word),
        _ => false,
    }
}

/// `a`, `b` and `c`, in backquotes.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// A word of the file in backquotes, made short and harmless.
pub(super) fn quoted(word: &str) -> String {
    let plain: String =
        word.chars().map(|c| if harmless(c) { c } else { '\u{fffd}' }).take(40).collect();
    let dots = if word.chars().nth(40).is_some() { "..." } else { "" };
    format!("`{plain}{dots}`")
}

/// Whether a character may go to a terminal: no controls, nothing that hides or turns text.
pub(super) fn harmless(c: char) -> bool {
    let hides = matches!(
        c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    );
    !c.is_control() && !hides
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTOR: [&str; 9] = [
        "name",
        "type",
        "instance_url",
        "salesforce_user",
        "salesforce_user_password",
        "consumer_key",
        "consumer_secret",
        "security_token",
        "poll_interval",
    ];

    #[test]
    fn the_labels_of_dnifs_form_lead_to_their_keys() {
        for (label, key) in [
            ("Connector Name", "name"),
            ("Connector Type", "type"),
            ("Instance URL", "instance_url"),
            ("Salesforce User", "salesforce_user"),
            ("Salesforce User Password", "salesforce_user_password"),
            ("Consumer key", "consumer_key"),
            ("Consumer secret", "consumer_secret"),
            ("Security Token", "security_token"),
        ] {
            assert_eq!(nearest(label, CONNECTOR), Some(key), "{label}");
        }
    }

    #[test]
    fn slips_lead_to_the_nearest_word_and_strangers_to_none() {
        assert_eq!(nearest("instence_url", CONNECTOR), Some("instance_url"));
        assert_eq!(nearest("pol_interval", CONNECTOR), Some("poll_interval"));
        assert_eq!(nearest("hourli", ["auto", "hourly", "daily"]), Some("hourly"));
        assert_eq!(nearest("client_id", CONNECTOR), Some("consumer_key"));
        assert_eq!(nearest("colour", CONNECTOR), None);
        assert_eq!(nearest("", CONNECTOR), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn every_key_of_the_schema_that_takes_a_secret_is_hidden() {
        fn walk(schema: &Value, hidden: &mut Vec<String>) {
            let is_secret = |value: &Value| {
                let text = value.to_string();
                text.contains("#/$defs/Secret\"")
            };
            match schema {
                Value::Object(map) => {
                    if let Some(Value::Object(properties)) = map.get("properties") {
                        for (key, value) in properties {
                            if is_secret(value) && value.get("properties").is_none() {
                                hidden.push(key.clone());
                            }
                        }
                    }
                    map.values().for_each(|inner| walk(inner, hidden));
                }
                Value::Array(list) => list.iter().for_each(|inner| walk(inner, hidden)),
                _ => {}
            }
        }
        let mut hidden = Vec::new();
        walk(&super::super::schema(), &mut hidden);
        assert!(hidden.len() >= 8, "{hidden:?}");
        for key in hidden {
            assert!(holds_secret(&key), "{key}");
            assert!(is_secret(&key, "") || key == "headers", "{key}");
            assert!(!may_be_shown(&key), "{key}");
        }
        assert!(may_be_shown("instance_url"));
        assert!(may_be_shown("key_file"));
        assert!(!may_be_shown("instence_url"));
    }

    #[test]
    fn words_of_the_file_are_made_harmless() {
        assert_eq!(quoted("a\u{1b}[31m\u{202e}b"), "`a\u{fffd}[31m\u{fffd}b`");
        assert!(quoted(&"x".repeat(500)).len() < 60);
        assert_eq!(listed(["a", "b", "c"], "and"), "`a`, `b` and `c`");
        assert_eq!(listed(["a"], "or"), "`a`");
    }
}
