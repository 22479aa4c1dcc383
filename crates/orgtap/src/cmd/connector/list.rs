//! `orgtap connector list` and `show`: what there is, never a secret.

use orgtap_collector::KeptSecret;
use orgtap_collector::config::{ConnectorSettings, SignInSettings};
use orgtap_transport::ConfigDuration;
use serde_json::{Map, Value, json};

use super::{file_of, named};
use crate::cli::Common;
use crate::cmd::{say, settings_maybe_empty};
use crate::exit::Exit;
use crate::render::table;

/// Lists all connectors.
pub(super) fn list(common: &Common) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    if common.json {
        let all: Vec<Value> =
            settings.connectors.iter().map(|one| as_object(one, common)).collect();
        say(json!({ "connectors": all }));
        return Ok(Exit::Success);
    }
    if settings.connectors.is_empty() {
        say("There is no connector yet; `orgtap connector add` makes one.");
        return Ok(Exit::Success);
    }
    let rows = settings.connectors.iter().map(|one| {
        [
            one.name.clone(),
            address(one),
            one.sign_in.flow().word().to_owned(),
            one.user.clone().unwrap_or_else(|| "-".to_owned()),
            one.destinations.join(", "),
            file_of(one, &common.config).display().to_string(),
        ]
    });
    let header = ["Connector", "Instance URL", "Signs in by", "User", "Destinations", "From"];
    say(table(header, rows.collect()));
    Ok(Exit::Success)
}

/// Shows one connector.
pub(super) fn show(common: &Common, name: &str) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let connector = named(&settings, name)?;
    if common.json {
        say(as_object(connector, common));
        return Ok(Exit::Success);
    }
    let mut lines = Vec::new();
    for (key, value) in plain(connector, common) {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Array(items) => {
                items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => other.to_string(),
        };
        lines.push((key, text));
    }
    for (key, reference) in connector.secrets() {
        lines.push((key, KeptSecret::of(reference).to_string()));
    }
    for (key, text) in lines {
        say(format!("{key:<25} {text}"));
    }
    Ok(Exit::Success)
}

/// The address as a person writes it.
fn address(connector: &ConnectorSettings) -> String {
    connector.instance_url.as_str().trim_end_matches('/').to_owned()
}

/// Everything but the values of secrets.
fn as_object(one: &ConnectorSettings, common: &Common) -> Value {
    let secrets: Map<String, Value> = one
        .secrets()
        .into_iter()
        .map(|(key, reference)| (key.to_owned(), json!(KeptSecret::of(reference))))
        .collect();
    let plain = plain(one, common).into_iter().map(|(key, value)| (key.to_owned(), value));
    let rest = [
        ("is_saved".to_owned(), json!(one.saved_in.is_some())),
        ("secrets".to_owned(), Value::Object(secrets)),
    ];
    Value::Object(plain.chain(rest).collect())
}

/// What is not secret, by the keys of the configuration, and where it stands.
fn plain(one: &ConnectorSettings, common: &Common) -> Vec<(&'static str, Value)> {
    let audience = match &one.sign_in {
        SignInSettings::JwtBearer { audience, .. } => audience.as_ref(),
        _ => None,
    };
    let time = |time| ConfigDuration::new(time).to_string();
    vec![
        ("name", json!(one.name)),
        ("from", json!(file_of(one, &common.config))),
        ("instance_url", json!(address(one))),
        ("auth", json!(one.sign_in.flow().word())),
        ("salesforce_user", json!(one.user)),
        ("jwt_audience", json!(audience)),
        ("login_url", json!(one.login_url)),
        ("api_version", json!(one.api_version.map(|version| version.to_string()))),
        ("proxy", json!(one.proxy)),
        ("ca_file", json!(one.ca_file)),
        ("poll_interval", json!(time(one.poll_interval))),
        ("start", json!(one.start.map(|start| start.to_string()))),
        ("interval", json!(one.interval.word())),
        ("reconcile", json!(one.reconcile.word())),
        ("reconcile_threshold", json!(one.reconcile_threshold)),
        ("event_types", json!(one.event_types.to_string())),
        ("settle", json!(time(one.settle))),
        ("overlap", json!(time(one.overlap))),
        ("destinations", json!(one.destinations)),
    ]
}
