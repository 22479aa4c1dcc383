//! What works but should not stay as it is: in one file, and where several come together.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use orgtap_destinations::config::DestinationConfig;
use orgtap_destinations::syslog::Transport;

use super::report::Report;
use super::settings::{ConnectorSettings, Settings};
use super::tree::{Node, path_of};
use super::written::{AuthFlow, IntervalPolicy};
use super::{address, secrets, words};
use crate::counting::networks;

/// What one file shows alone. `file` is how it is called in the messages.
pub(super) fn of_file(
    connectors: &[ConnectorSettings],
    report: &Report<'_>,
    file: &str,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for secret in secrets::plain(report.root) {
        let path = path_of(&report.way(secret.node.id));
        let line = report.line_of(&secret.node.bytes);
        warnings.push(format!(
            "{path} on line {line} is written out in {file}; env, file, command or stored keep it elsewhere"
        ));
    }
    warnings.extend(connectors.iter().filter_map(|connector| unused_keys(connector, report)));
    warnings
}

/// That a database of networks cannot be used, and why.
pub(super) fn of_database(path: &Path) -> Option<String> {
    let why = networks::check(path).err()?;
    Some(format!(
        "insights.networks: {} cannot be used: {why}; sign-ins are not looked up in it",
        path.display()
    ))
}

/// What only all files together show.
pub(super) fn of_whole(settings: &Settings) -> Vec<String> {
    let mut warnings = Vec::new();
    for destination in &settings.destinations {
        let name = destination.name();
        if sends_plaintext(destination) {
            warnings.push(format!(
                "the destination `{name}` sends events unencrypted: everybody on the way can read them"
            ));
        }
        if matches!(destination, DestinationConfig::Discard(_)) {
            warnings.push(format!("the destination `{name}` throws every event away"));
        }
        for connector in daily_too_late(&settings.connectors, destination) {
            warnings.push(format!(
                "the destination `{name}` takes nothing of the connector `{connector}`: daily files come when their day is over, and are older than its max_age by then"
            ));
        }
        let is_used =
            |connector: &ConnectorSettings| connector.destinations.iter().any(|used| used == name);
        // Where there is no connector yet, that is not worth a word.
        if !settings.connectors.is_empty() && !settings.connectors.iter().any(is_used) {
            warnings.push(format!("no connector delivers to the destination `{name}`"));
        }
    }
    twins(&settings.connectors, &mut warnings);
    warnings
}

/// Connectors of whose files, all daily, each is too old for a destination when it comes.
fn daily_too_late<'s>(
    connectors: &'s [ConnectorSettings],
    destination: &DestinationConfig,
) -> impl Iterator<Item = &'s str> {
    let day = Duration::from_hours(24);
    let name = destination.name().to_owned();
    let is_short = destination.pacing().max_age.is_some_and(|max_age| max_age <= day);
    connectors
        .iter()
        .filter(move |one| is_short && one.interval == IntervalPolicy::Daily)
        .filter(move |one| one.destinations.contains(&name))
        .map(|one| one.name.as_str())
}

/// Keys of a connector that its flow has no use for, which often means that another was meant.
fn unused_keys(connector: &ConnectorSettings, report: &Report<'_>) -> Option<String> {
    let flow = connector.sign_in.flow();
    let items = report.root.get("connectors").map_or(&[][..], Node::items);
    let node = items
        .iter()
        .find(|item| item.get("name").and_then(Node::text) == Some(connector.name.as_str()))?;
    let unused: Vec<&str> = AuthFlow::KEYS
        .into_iter()
        .filter(|key| !flow.needs().contains(key) && !flow.may_have().contains(key))
        .filter(|key| node.get(key).is_some())
        .collect();
    if unused.is_empty() {
        return None;
    }
    let verb = if unused.len() == 1 { "is" } else { "are" };
    let (keys, name, word) = (words::listed(unused, "and"), &connector.name, flow.word());
    Some(format!("{keys} of the connector `{name}` {verb} not used: it signs in by {word}"))
}

fn sends_plaintext(destination: &DestinationConfig) -> bool {
    match destination {
        DestinationConfig::Dnif(dnif) => dnif.url.is_plaintext_abroad(),
        DestinationConfig::Http(http) => http.url.is_plaintext_abroad(),
        DestinationConfig::Syslog(syslog) => {
            syslog.transport != Transport::Tls && !address::is_loopback_host(&syslog.host)
        }
        _ => false,
    }
}

/// Two connectors on one org.
fn twins(connectors: &[ConnectorSettings], warnings: &mut Vec<String>) {
    let mut first: HashMap<&str, &ConnectorSettings> = HashMap::new();
    for connector in connectors {
        let Some(other) = first.get(connector.instance_url.as_str()) else {
            first.insert(connector.instance_url.as_str(), connector);
            continue;
        };
        let (one, two) = (&other.name, &connector.name);
        let shared = connector.destinations.iter().find(|name| other.destinations.contains(name));
        if let Some(shared) = shared {
            warnings.push(format!(
                "the connectors `{one}` and `{two}` collect from the same org and deliver to `{shared}`: events they share arrive twice there"
            ));
        } else if other.user == connector.user {
            warnings.push(format!(
                "the connectors `{one}` and `{two}` sign in to the same org as the same user: Salesforce ends older sessions of a user"
            ));
        }
    }
}
