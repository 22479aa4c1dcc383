//! From the configuration as written to the settings: what a value may be, and what must fit
//! together. Touches neither network nor disk.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use orgtap_destinations::config::DestinationConfig;
use orgtap_salesforce::ApiVersion;
use orgtap_transport::{Backoff, ConfigDuration, Vault};

use super::fault::FaultKind;
use super::filter::TypeFilter;
use super::reader::At;
use super::reading::Reading;
use super::report::Report;
use super::settings::{ConnectorSettings, RetrySettings, Settings, SignInSettings};
use super::tree::{Node, Step};
use super::written::{
    AuthFlow, Config, ConnectorConfig, ConnectorType, EventLogFilesConfig, Ledger,
};
use super::{address, secrets, warnings, words};

/// Checks everything. None if anything is wrong, which then is in the report.
pub(super) fn validate(
    report: &mut Report<'_>,
    reading: &Reading,
    folder: &Path,
) -> Option<Settings> {
    let root = report.root;
    let mut check = Check { report, root, reading };
    secrets::check(check.report);
    check.lists();
    check.names("connectors");
    check.names("destinations");
    check.destinations();
    let Config { data_dir, ledger, vault, spool_retention, retry: _, connectors, destinations } =
        &reading.config;
    let Ledger::Sqlite = ledger;
    let spool_retention =
        check.duration(root, "spool_retention", *spool_retention, &SPOOL_RETENTION);
    let retry = check.retry();
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
        retry,
        connectors: connectors.into_iter().collect::<Option<_>>()?,
        destinations: destinations.clone(),
        warnings: Vec::new(),
    };
    settings.warnings = warnings::of(&settings, report);
    Some(settings)
}

/// The shortest and the longest a duration may be, and why not longer.
struct Bounds {
    least: Duration,
    most: Duration,
    why: &'static str,
}

const DAY: Duration = Duration::from_hours(24);
const FORGETFUL: &str = "some orgs keep their log files for a day only";

const POLL_INTERVAL: Bounds = Bounds { least: Duration::from_secs(1), most: DAY, why: FORGETFUL };
const SETTLE: Bounds = Bounds { least: Duration::ZERO, most: DAY, why: FORGETFUL };
const OVERLAP: Bounds = Bounds {
    least: Duration::ZERO,
    most: Duration::from_hours(7 * 24),
    why: "each look lists that much again",
};
const SPOOL_RETENTION: Bounds = Bounds {
    least: Duration::ZERO,
    most: Duration::from_hours(400 * 24),
    why: "no org keeps its log files longer",
};
const RETRY: Bounds = Bounds { least: Duration::from_millis(1), most: DAY, why: FORGETFUL };

/// The first API version that tells hourly files from daily ones.
const OLDEST_API: ApiVersion = ApiVersion::new(37);
/// Longest user name Salesforce has, characters.
const LONGEST_USER: usize = 80;

struct Check<'c, 'r, 't> {
    report: &'r mut Report<'t>,
    root: &'t Node,
    reading: &'c Reading,
}

impl<'t> Check<'_, '_, 't> {
    /// A value below a mapping, if it is there and was read.
    fn below(&self, node: &'t Node, steps: &[Step<'_>]) -> Option<&'t Node> {
        node.find(steps).filter(|node| self.reading.has(node))
    }

    fn wrong(&mut self, node: &'t Node, steps: &[Step<'_>], message: impl Into<String>) {
        let node = self.below(node, steps).unwrap_or(node);
        self.report.value(node, message);
    }

    /// Both lists must be there and have something in them.
    fn lists(&mut self) {
        let mut missing = Vec::new();
        for (key, what) in [("connectors", "connector"), ("destinations", "destination")] {
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
                let message = "a name has 1 to 64 letters, digits, `-`, `_` and `.`, and does not \
                               begin with a dot";
                self.report.value(node, message);
            } else if let Some(first) = seen.get(name) {
                let name = words::quoted(name);
                let message = format!("the name {name} stands on line {first} too");
                self.report.add(FaultKind::Repeated, At { id: node.id, key: false }, message);
            } else {
                seen.insert(name, self.report.line_of(&node.bytes));
            }
        }
    }

    fn duration(
        &mut self,
        node: &'t Node,
        key: &str,
        value: ConfigDuration,
        Bounds { least, most, why }: &Bounds,
    ) -> Duration {
        let found = value.get();
        if found < *least {
            let least = ConfigDuration::new(*least);
            self.wrong(node, &[Step::Key(key)], format!("at least {least} is needed"));
        } else if found > *most {
            let most = ConfigDuration::new(*most);
            self.wrong(node, &[Step::Key(key)], format!("{most} is the most: {why}"));
        }
        found
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
        let EventLogFilesConfig { interval, event_types, settle, overlap } =
            &config.event_log_files;
        let instance_url =
            self.parsed(node, "instance_url", Some(&config.instance_url), address::org);
        let login_url = self.parsed(node, "login_url", config.login_url.as_deref(), address::org);
        let api_version = self.parsed(node, "api_version", config.api_version.as_deref(), version);
        let proxy = self.parsed(node, "proxy", config.proxy.as_deref(), address::proxy);
        let start = self.parsed(node, "start", config.start.as_deref(), moment);
        let user = self.parsed(node, "salesforce_user", config.salesforce_user.as_deref(), user);
        let poll_interval =
            self.duration(node, "poll_interval", config.poll_interval, &POLL_INTERVAL);
        let settle = self.duration(files, "settle", *settle, &SETTLE);
        let overlap = self.duration(files, "overlap", *overlap, &OVERLAP);
        let event_types = self.event_types(files, event_types);
        self.destinations_of(config, node);
        Some(ConnectorSettings {
            name: config.name.clone(),
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
            interval: *interval,
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

    fn parsed<T>(
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
        let items = self.root.get("destinations").map_or(&[][..], Node::items);
        let known: Vec<&str> = items.iter().filter_map(|item| item.get("name")?.text()).collect();
        let mut seen: Vec<&str> = Vec::new();
        for (item, name) in list.items().iter().zip(&config.destinations) {
            let shown = words::quoted(name);
            let at = At { id: item.id, key: false };
            if seen.contains(&name.as_str()) {
                let message = format!("{shown} is named twice");
                self.report.add(FaultKind::Repeated, at, message);
            } else if !known.contains(&name.as_str()) {
                let hint = match words::nearest(name, known.iter().copied()) {
                    Some(meant) => format!("; did you mean {}?", words::quoted(meant)),
                    None => String::new(),
                };
                let message = format!("no destination has the name {shown}{hint}");
                self.report.add(FaultKind::Dangling, at, message);
            }
            seen.push(name);
        }
    }

    fn destinations(&mut self) {
        let mut folders: HashMap<&Path, &str> = HashMap::new();
        let items = self.reading.items(self.root, "destinations");
        for (config, node) in self.reading.config.destinations.iter().zip(items) {
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

/// Names go into file names, metrics and logs.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

fn user(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if plain && text.contains('@') && text.chars().count() <= LONGEST_USER {
        return Ok(text.to_owned());
    }
    Err("a Salesforce user name has the form of an e-mail address".to_owned())
}

fn version(text: &str) -> Result<ApiVersion, String> {
    let version: ApiVersion =
        text.parse().map_err(|_| "an API version looks like \"66.0\"".to_owned())?;
    if version < OLDEST_API {
        return Err(format!("{OLDEST_API} is the oldest that tells hourly files from daily ones"));
    }
    Ok(version)
}

/// A date or an RFC 3339 time. A span such as `7d` is refused on purpose: it would begin anew at
/// every start and silently leave out what was missed while Orgtap was down.
fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if text.len() == 10
        && let Ok(date) = text.parse::<Date>()
        && let Ok(midnight) = format!("{date}T00:00:00Z").parse()
    {
        return Ok(midnight);
    }
    if text.parse::<ConfigDuration>().is_ok() {
        return Err("a fixed moment is wanted, because a span would begin anew at every start; \
                    write a date such as 2026-11-01"
            .to_owned());
    }
    Err("write a date such as 2026-11-01 or a time such as 2026-11-01T06:30:00Z".to_owned())
}
