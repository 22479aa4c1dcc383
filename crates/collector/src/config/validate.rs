//! From the configuration as written to the settings: what a value may be, and what must fit
//! together. Touches neither network nor disk.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use orgtap_destinations::Pacing;
use orgtap_destinations::config::DestinationConfig;
use orgtap_transport::{Backoff, ByteSize, ConfigDuration, Vault};

use crate::budget::figures::ApiBudget;

use super::fault::FaultKind;
use super::filter::TypeFilter;
use super::reader::At;
use super::reading::Reading;
use super::report::Report;
use super::settings::{ConnectorSettings, RetrySettings, Settings, SignInSettings, StoredUse};
use super::tree::{Node, Step};
use super::value::{
    Bounds, MAX_AGE, NO_NAME, OVERLAP, POLL_INTERVAL, RETRY, ROWS_RETENTION, SETTLE,
    SPOOL_RETENTION, description, floor, is_name, moment, user, version,
};
use super::written::{
    AuthFlow, Config, ConnectorConfig, ConnectorType, EventLogFilesConfig, IntervalPolicy, Ledger,
    Reconcile,
};
use super::{address, secrets, warnings, words};

/// The main file, checked. None if anything is wrong, which then is in the report. With
/// `may_lack_connectors` there may be none, because there are saved ones or are to be.
pub(super) fn main(
    report: &mut Report<'_>,
    reading: &Reading,
    folder: &Path,
    may_lack_connectors: bool,
) -> Option<Settings> {
    let root = report.root;
    let items = root.get("destinations").map_or(&[][..], Node::items);
    let destinations = items.iter().filter_map(|item| item.get("name")?.text()).collect();
    let mut check = Check { report, root, reading, destinations };
    secrets::check(check.report);
    check.lists(may_lack_connectors);
    check.names("connectors");
    check.names("destinations");
    check.destinations();
    let Config {
        data_dir,
        ledger,
        vault,
        spool_retention,
        spool_limit,
        rows_retention,
        retry: _,
        console,
        insights,
        connectors,
        destinations,
    } = &reading.config;
    let Ledger::Sqlite = ledger;
    let spool_retention =
        check.duration(root, "spool_retention", *spool_retention, &SPOOL_RETENTION);
    let spool_limit = spool_limit.map(ByteSize::bytes);
    if spool_limit == Some(0) {
        check.wrong(root, &[Step::Key("spool_limit")], "nothing could be fetched");
    }
    let rows_retention = check.duration(root, "rows_retention", *rows_retention, &ROWS_RETENTION);
    let retry = check.retry();
    let console = check.console(console.as_ref());
    let insights = check.insights(insights, folder);
    let connectors: Vec<_> = connectors
        .iter()
        .zip(reading.items(root, "connectors"))
        .map(|(connector, node)| check.connector(connector, node))
        .collect();
    if check.report.count() > 0 {
        return None;
    }
    let data_dir = super::based_on(folder, data_dir);
    let mut settings = Settings {
        vault: Vault::new(&data_dir, vault.key.clone()),
        data_dir,
        spool_retention,
        spool_limit,
        rows_retention,
        retry,
        console,
        insights,
        connectors: connectors.into_iter().collect::<Option<_>>()?,
        destinations: destinations.clone(),
        broken: Vec::new(),
        stored: secrets::stored(root),
        warnings: Vec::new(),
    };
    settings.warnings = warnings::of_file(&settings.connectors, report, "the file");
    Some(settings)
}

/// What a saved connector must fit.
pub(super) struct Beside<'m> {
    /// The main file's settings.
    pub(super) main: &'m Settings,
    /// How the main file is called in messages.
    pub(super) main_origin: &'m str,
    /// The file of the connector.
    pub(super) path: &'m Path,
}

/// A saved connector, and what is to be said of it.
pub(super) struct Saved {
    pub(super) connector: ConnectorSettings,
    pub(super) stored: Vec<StoredUse>,
    pub(super) warnings: Vec<String>,
}

/// A saved connector's file, checked. None if anything is wrong, which then is in the report.
pub(super) fn saved(
    report: &mut Report<'_>,
    reading: &Reading,
    beside: &Beside<'_>,
) -> Option<Saved> {
    let root = report.root;
    let destinations = beside.main.destinations.iter().map(DestinationConfig::name).collect();
    let mut check = Check { report, root, reading, destinations };
    secrets::check(check.report);
    check.one_connector(beside);
    check.names("connectors");
    let config = reading.config.connectors.first();
    let node = reading.items(root, "connectors").into_iter().next();
    let connector = config.zip(node).and_then(|(config, node)| check.connector(config, node));
    if check.report.count() > 0 {
        return None;
    }
    let connector = ConnectorSettings { saved_in: Some(beside.path.to_owned()), ..connector? };
    let file = beside.path.display().to_string();
    let warnings = warnings::of_file(std::slice::from_ref(&connector), report, &file);
    Some(Saved { connector, stored: secrets::stored(root), warnings })
}

pub(super) struct Check<'c, 'r, 't> {
    report: &'r mut Report<'t>,
    pub(super) root: &'t Node,
    reading: &'c Reading,
    /// Names of the destinations there are.
    destinations: Vec<&'c str>,
}

impl<'t> Check<'_, '_, 't> {
    /// A value below a mapping, if it is there and was read.
    fn below(&self, node: &'t Node, steps: &[Step<'_>]) -> Option<&'t Node> {
        node.find(steps).filter(|node| self.reading.has(node))
    }

    pub(super) fn wrong(&mut self, node: &'t Node, steps: &[Step<'_>], message: impl Into<String>) {
        let node = self.below(node, steps).unwrap_or(node);
        self.report.value(node, message);
    }

    /// Both lists must be there and have something in them.
    fn lists(&mut self, may_lack_connectors: bool) {
        let mut missing = Vec::new();
        for (key, what) in [("connectors", "connector"), ("destinations", "destination")] {
            if may_lack_connectors && key == "connectors" {
                continue;
            }
            match self.root.get(key) {
                None if !self.was_misspelt(self.root, key) => missing.push(key),
                Some(list) if list.items().is_empty() && self.reading.has(list) => {
                    self.report.value(list, format!("there is no {what}"));
                }
                _ => {}
            }
        }
        let at = At { id: self.root.id, key: false };
        if self.root.entries().is_empty() {
            self.report.add(FaultKind::MissingKey, at, "there is nothing in this file");
        } else if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let keys = words::listed(missing, "and");
            self.report.add(FaultKind::MissingKey, at, format!("missing key{plural} {keys}"));
        }
    }

    /// A saved file holds one connector, which has the file's name, and nothing else.
    fn one_connector(&mut self, beside: &Beside<'_>) {
        for entry in self.root.entries().iter().filter(|entry| entry.key != "connectors") {
            if self.reading.has(&entry.node) {
                let key = words::quoted(&entry.key);
                let message = format!("{key} belongs into the main file, {}", beside.main_origin);
                self.report.add(
                    FaultKind::UnknownKey,
                    At { id: entry.node.id, key: true },
                    message,
                );
            }
        }
        let Some(list) = self.root.get("connectors") else {
            if !self.was_misspelt(self.root, "connectors") {
                let at = At { id: self.root.id, key: false };
                self.report.add(FaultKind::MissingKey, at, "missing key `connectors`");
            }
            return;
        };
        let [item] = list.items() else {
            if self.reading.has(list) {
                self.report.value(list, "this file is for one connector, no more and no less");
            }
            return;
        };
        let Some(node) = item.get("name").filter(|node| self.reading.has(node)) else { return };
        let Some(name) = node.text().filter(|name| is_name(name)) else { return };
        let shown = words::quoted(name);
        let file = beside.path.file_stem().unwrap_or_default().to_string_lossy();
        if beside.main.connectors.iter().any(|one| one.saved_in.is_none() && one.name == name) {
            let message = format!("the name {shown} stands in {} too", beside.main_origin);
            self.report.add(FaultKind::Repeated, At { id: node.id, key: false }, message);
        } else if name != file {
            let file = words::quoted(&file);
            self.report.value(node, format!("{file} is wanted here, which is the file's name"));
        }
    }

    /// Whether a key that was not known was told to be this one.
    fn was_misspelt(&self, node: &Node, key: &str) -> bool {
        node.entries().iter().any(|entry| {
            !self.reading.has(&entry.node) && words::nearest(&entry.key, [key]).is_some()
        })
    }

    /// Names are plain and come once. Looks at the text, so that a name is known even if the rest
    /// of its block cannot be read.
    fn names(&mut self, list: &str) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for item in self.root.get(list).map_or(&[][..], Node::items) {
            let Some(node) = item.get("name").filter(|node| self.reading.has(node)) else {
                continue;
            };
            let Some(name) = node.text() else { continue };
            if !is_name(name) {
                self.report.value(node, NO_NAME);
            } else if let Some(first) = seen.get(name) {
                let name = words::quoted(name);
                let message = format!("the name {name} stands on line {first} too");
                self.report.add(FaultKind::Repeated, At { id: node.id, key: false }, message);
            } else {
                seen.insert(name, self.report.line_of(&node.bytes));
            }
        }
    }

    pub(super) fn duration(
        &mut self,
        node: &'t Node,
        key: &str,
        value: ConfigDuration,
        bounds: &Bounds,
    ) -> Duration {
        if let Err(message) = bounds.admit(value) {
            self.wrong(node, &[Step::Key(key)], message);
        }
        value.get()
    }

    fn retry(&mut self) -> RetrySettings {
        let retry = self.reading.config.retry;
        let node = self.root.get("retry").unwrap_or(self.root);
        let initial = self.duration(node, "initial", retry.initial, &RETRY);
        let max = self.duration(node, "max", retry.max, &RETRY);
        if initial > max && initial <= RETRY.most && max >= RETRY.least {
            let message = "the first wait is longer than the longest, `max`";
            self.wrong(node, &[Step::Key("initial")], message);
        }
        if !(1..=100).contains(&retry.attempts) {
            self.wrong(node, &[Step::Key("attempts")], "1 to 100 tries are possible");
        }
        RetrySettings { backoff: Backoff { initial, max }, attempts: retry.attempts }
    }

    fn connector(&mut self, config: &ConnectorConfig, node: &'t Node) -> Option<ConnectorSettings> {
        let ConnectorType::SalesforceConnector = config.kind;
        let sign_in = self.sign_in(config, node);
        let files = self.below(node, &[Step::Key("event_log_files")]).unwrap_or(node);
        let EventLogFilesConfig {
            interval,
            reconcile,
            reconcile_threshold,
            event_types,
            settle,
            overlap,
        } = &config.event_log_files;
        let instance_url =
            self.parsed(node, "instance_url", Some(&config.instance_url), address::org);
        let login_url = self.parsed(node, "login_url", config.login_url.as_deref(), address::org);
        let api_version = self.parsed(node, "api_version", config.api_version.as_deref(), version);
        let proxy = self.parsed(node, "proxy", config.proxy.as_deref(), address::proxy);
        let start = self.parsed(node, "start", config.start.as_deref(), moment);
        let description =
            self.parsed(node, "description", config.description.as_deref(), description);
        let user = self.parsed(node, "salesforce_user", config.salesforce_user.as_deref(), user);
        let poll_interval =
            self.duration(node, "poll_interval", config.poll_interval, &POLL_INTERVAL);
        let settle = self.duration(files, "settle", *settle, &SETTLE);
        let overlap = self.duration(files, "overlap", *overlap, &OVERLAP);
        if *interval == IntervalPolicy::Both && *reconcile == Reconcile::Off {
            let message = "`interval: both` takes daily files beside hourly ones: write `report` or \
                           `deliver`, or leave it out";
            self.wrong(files, &[Step::Key("reconcile")], message);
        }
        if *reconcile_threshold > 100 {
            let message = "a share in percent is 0 to 100";
            self.wrong(files, &[Step::Key("reconcile_threshold")], message);
        }
        let event_types = self.event_types(files, event_types);
        let budget = self.below(node, &[Step::Key("api_budget")]).unwrap_or(node);
        let floor = self.parsed(budget, "floor", config.api_budget.floor.as_deref(), floor);
        let floor = floor.unwrap_or(ApiBudget::default().floor);
        let api_budget = ApiBudget { daily: config.api_budget.daily, floor };
        self.destinations_of(config, node);
        Some(ConnectorSettings {
            name: config.name.clone(),
            saved_in: None,
            description: description.filter(|text| !text.is_empty()),
            instance_url: instance_url?,
            login_url,
            user,
            consumer_key: config.consumer_key.clone(),
            consumer_secret: config.consumer_secret.clone(),
            sign_in: sign_in?,
            api_version,
            proxy,
            ca_file: config.ca_file.clone(),
            poll_interval,
            start,
            api_budget,
            interval: *interval,
            reconcile: *reconcile,
            reconcile_threshold: *reconcile_threshold,
            event_types: event_types?,
            settle,
            overlap,
            destinations: config.destinations.clone(),
        })
    }

    /// The flow, with what only it needs. None if something is missing, which then is told.
    fn sign_in(&mut self, config: &ConnectorConfig, node: &'t Node) -> Option<SignInSettings> {
        let flow =
            config.auth.unwrap_or(AuthFlow::usual(config.salesforce_user_password.is_some()));
        let absent = |key: &&str| node.get(key).is_none() && !self.was_misspelt(node, key);
        let missing: Vec<&str> = flow.needs().iter().copied().filter(absent).collect();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let (keys, flow) = (words::listed(missing, "and"), flow.word());
            let message = format!("missing key{plural} {keys}, for `auth: {flow}`");
            self.report.add(FaultKind::MissingKey, At { id: node.id, key: false }, message);
        }
        let audience =
            self.parsed(node, "jwt_audience", config.jwt_audience.as_deref(), address::audience);
        Some(match flow {
            AuthFlow::Password => SignInSettings::Password {
                password: config.salesforce_user_password.clone()?,
                security_token: config.security_token.clone(),
            },
            AuthFlow::ClientCredentials => SignInSettings::ClientCredentials,
            AuthFlow::JwtBearer => {
                SignInSettings::JwtBearer { key: config.jwt_key.clone()?, audience }
            }
            AuthFlow::RefreshToken => {
                SignInSettings::RefreshToken { token: config.refresh_token.clone()? }
            }
        })
    }

    pub(super) fn parsed<T>(
        &mut self,
        node: &'t Node,
        key: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(text?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.wrong(node, &[Step::Key(key)], message);
                None
            }
        }
    }

    fn event_types(&mut self, files: &'t Node, written: &[String]) -> Option<TypeFilter> {
        let list = [Step::Key("event_types")];
        if written.is_empty() {
            self.wrong(files, &list, "no event type is named; write [\"*\"] for all");
            return None;
        }
        match TypeFilter::parse(written.iter().map(String::as_str)) {
            Err((index, error)) => {
                let steps = [Step::Key("event_types"), Step::Item(index)];
                self.wrong(files, &steps, error.to_string());
                None
            }
            Ok(filter) if filter.admits_none() => {
                self.wrong(files, &list, "this excludes every event type it names");
                None
            }
            Ok(filter) => Some(filter),
        }
    }

    fn destinations_of(&mut self, config: &ConnectorConfig, node: &'t Node) {
        let Some(list) = self.below(node, &[Step::Key("destinations")]) else { return };
        if config.destinations.is_empty() {
            self.report.value(list, "no destination is named, so nothing could be delivered");
        }
        let mut seen: Vec<&str> = Vec::new();
        for (item, name) in list.items().iter().zip(&config.destinations) {
            let shown = words::quoted(name);
            let at = At { id: item.id, key: false };
            if seen.contains(&name.as_str()) {
                let message = format!("{shown} is named twice");
                self.report.add(FaultKind::Repeated, at, message);
            } else if !self.destinations.contains(&name.as_str()) {
                let known = self.destinations.iter().copied();
                let hint = match words::nearest(name, known) {
                    Some(meant) => format!("; did you mean {}?", words::quoted(meant)),
                    None => String::new(),
                };
                let message = format!("no destination has the name {shown}{hint}");
                self.report.add(FaultKind::Dangling, at, message);
            }
            seen.push(name);
        }
    }

    /// What a destination's target takes.
    fn pacing(&mut self, pacing: &Pacing, node: &'t Node) {
        if let Some(max_age) = pacing.max_age {
            self.duration(node, "max_age", ConfigDuration::new(max_age), &MAX_AGE);
        }
        let Pacing { max_events_per_second: all, backfill_events_per_second: some, .. } = pacing;
        if let (Some(all), Some(some)) = (all, some)
            && some > all
        {
            let message = format!("a part of the {all} of `max_events_per_second` is wanted");
            self.wrong(node, &[Step::Key("backfill_events_per_second")], message);
        }
    }

    fn destinations(&mut self) {
        let mut folders: HashMap<&Path, &str> = HashMap::new();
        let items = self.reading.items(self.root, "destinations");
        for (config, node) in self.reading.config.destinations.iter().zip(items) {
            self.pacing(&config.pacing(), node);
            let (url, allowed) = match config {
                DestinationConfig::Dnif(dnif) => (&dnif.url, dnif.allow_plaintext),
                DestinationConfig::Http(http) => (&http.url, http.allow_plaintext),
                DestinationConfig::File(file) => {
                    if let Some(other) = folders.insert(&file.directory, &file.name) {
                        let other = words::quoted(other);
                        let message =
                            format!("the destination {other} writes into this folder too");
                        self.wrong(node, &[Step::Key("directory")], message);
                    }
                    continue;
                }
                _ => continue,
            };
            if url.is_plaintext_abroad() && !allowed {
                let message = "events would cross the network readable: write https://, or allow \
                               it with allow_plaintext: true";
                self.wrong(node, &[Step::Key("url")], message);
            }
        }
    }
}
