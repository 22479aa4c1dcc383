//! A connector that is to be saved: the values of its keys, its file's text, and what the
//! collector will make of it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use orgtap_transport::{ConfigDuration, SecretRef, disk};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fault::{ConfigError, Fault, FaultKind};
use super::saved::{ENDING, folder};
use super::settings::{ConnectorSettings, Settings, SignInSettings};
use super::validate::{self, Beside};
use super::written::{AuthFlow, IntervalPolicy, Reconcile};
use super::{read, reading};

/// A connector to be saved: the values of its keys as they are written. One that is not there is
/// left to its default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnector {
    /// Its name, for good.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Address of the org, as a person types it.
    #[serde(default)]
    pub instance_url: String,
    /// The user to sign in as.
    #[serde(rename = "salesforce_user")]
    pub user: Option<String>,
    /// How it signs in.
    pub auth: AuthFlow,
    /// The references to secrets, by their keys. None of them is plain.
    #[serde(skip)]
    pub secrets: Vec<(&'static str, SecretRef)>,
    /// Audience of the assertion, for JWT bearer.
    pub jwt_audience: Option<String>,
    /// Where it signs in, if not at the instance URL.
    pub login_url: Option<String>,
    /// Version of the org's API.
    pub api_version: Option<String>,
    /// Proxy to the org.
    pub proxy: Option<String>,
    /// Certificates that are trusted besides: a file, absolute.
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
    /// How often the org is asked for new files, like `5m`.
    pub poll_interval: Option<String>,
    /// From when on files are collected.
    pub start: Option<String>,
    /// What it may use of the org's calls.
    #[serde(default)]
    pub api_budget: NewBudget,
    /// Which log files it collects, and how.
    #[serde(default)]
    pub event_log_files: NewFiles,
    /// Names of the destinations that get its events.
    #[serde(default)]
    pub destinations: Vec<String>,
}

/// The part `api_budget` of a connector to be saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBudget {
    /// Most calls in a UTC day.
    pub daily: Option<u64>,
    /// What is left of the org's allowance: a number of calls, or a share like `10%`.
    pub floor: Option<String>,
}

/// The part `event_log_files` of a connector to be saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFiles {
    /// Hourly files, daily ones, or both.
    pub interval: Option<IntervalPolicy>,
    /// What becomes of rows that only the daily copy has.
    pub reconcile: Option<Reconcile>,
    /// How many of a hundred rows must be the same in both copies.
    pub reconcile_threshold: Option<u8>,
    /// Patterns of event types; empty for the default.
    #[serde(default)]
    pub event_types: Vec<String>,
    /// How old a file must be before it is fetched, like `5m`.
    pub settle: Option<String>,
    /// How far each look reaches back beyond the one before, like `1h`.
    pub overlap: Option<String>,
}

impl NewConnector {
    /// One without any value but these.
    pub fn new(name: impl Into<String>, auth: AuthFlow) -> Self {
        Self {
            name: name.into(),
            description: None,
            instance_url: String::new(),
            user: None,
            auth,
            secrets: Vec::new(),
            jwt_audience: None,
            login_url: None,
            api_version: None,
            proxy: None,
            ca_file: None,
            poll_interval: None,
            start: None,
            api_budget: NewBudget::default(),
            event_log_files: NewFiles::default(),
            destinations: Vec::new(),
        }
    }

    /// The file it is saved in.
    pub fn path(&self, settings: &Settings) -> PathBuf {
        // A name is plain; one that was not checked must not lead elsewhere either.
        folder(&settings.data_dir).join(format!("{}{ENDING}", disk::path_part(&self.name)))
    }

    /// What is written of a connector there is, with its references to secrets.
    pub fn of(one: &ConnectorSettings) -> Self {
        let time = |time| Some(ConfigDuration::new(time).to_string());
        let audience = match &one.sign_in {
            SignInSettings::JwtBearer { audience, .. } => audience.clone(),
            _ => None,
        };
        let address = one.instance_url.as_str().trim_end_matches('/').to_owned();
        Self {
            name: one.name.clone(),
            description: one.description.clone(),
            instance_url: address,
            user: one.user.clone(),
            auth: one.sign_in.flow(),
            secrets: one.secrets().into_iter().map(|(key, it)| (key, it.clone())).collect(),
            jwt_audience: audience,
            login_url: one.login_url.as_ref().map(|url| url.as_str().to_owned()),
            api_version: one.api_version.map(|version| version.to_string()),
            proxy: one.proxy.as_ref().map(|url| url.as_str().to_owned()),
            ca_file: one.ca_file.clone(),
            poll_interval: time(one.poll_interval),
            start: one.start.map(|start| start.to_string()),
            api_budget: NewBudget {
                daily: one.api_budget.daily,
                floor: Some(one.api_budget.floor.to_string()),
            },
            event_log_files: NewFiles {
                interval: Some(one.interval),
                reconcile: Some(one.reconcile),
                reconcile_threshold: Some(one.reconcile_threshold),
                event_types: one.event_types.patterns(),
                settle: time(one.settle),
                overlap: time(one.overlap),
            },
            destinations: one.destinations.clone(),
        }
    }

    /// What the collector will make of it beside these settings, which are those of `main_origin`
    /// with the connectors saved already.
    pub fn check(
        &self,
        settings: &Settings,
        main_origin: &Path,
    ) -> Result<ConnectorSettings, ConfigError> {
        let path = self.path(settings);
        let main_origin = main_origin.display().to_string();
        let beside = Beside { main: settings, main_origin: &main_origin, path: &path };
        let text = self.text(Timestamp::UNIX_EPOCH);
        let folder = folder(&settings.data_dir);
        let (saved, _) = read(text.as_bytes(), &path.display().to_string(), |report| {
            let reading = reading::read(report, &folder)?;
            validate::saved(report, &reading, &beside)
        })?;
        Ok(saved.connector)
    }

    /// Writes it into its file, in place of an older one. It is on disk when this ends. Blocks.
    pub fn save(&self, settings: &Settings, now: Timestamp) -> Result<PathBuf, ConfigError> {
        let path = self.path(settings);
        let written = disk::create_private_folder(&folder(&settings.data_dir))
            .and_then(|()| disk::write_private(&path, self.text(now).as_bytes()));
        written.map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    }

    /// The file's text.
    fn text(&self, now: Timestamp) -> String {
        let mut lines = Lines(String::new());
        let date = jiff::tz::Offset::UTC.to_datetime(now).date();
        lines.0 = format!(
            "# Made by Orgtap on {date}, and read after the main configuration file.\n\
             # It has the same form; `orgtap config example` explains every key. To change something,\n\
             # edit it here, use the console, or run `orgtap connector add --replace`; to change a\n\
             # secret that is `stored`, run `orgtap vault set` and its name. `orgtap config check`\n\
             # tells whether all is well. An `orgtap run` that is at work takes changes up by itself.\n\
             connectors:\n"
        );
        let (secret, auth) = (|key| self.secrets.iter().find(|it| it.0 == key), self.auth.word());
        lines.first("name", &self.name);
        lines.text("type", Some("salesforce_connector"));
        lines.text("description", self.description.as_deref());
        lines.text("instance_url", Some(&self.instance_url));
        lines.text("auth", Some(auth));
        lines.text("salesforce_user", self.user.as_deref());
        for key in Self::SECRETS {
            if let Some((_, reference)) = secret(key) {
                lines.secret(key, reference);
            }
        }
        lines.text("jwt_audience", self.jwt_audience.as_deref());
        lines.text("login_url", self.login_url.as_deref());
        lines.text("api_version", self.api_version.as_deref());
        lines.text("proxy", self.proxy.as_deref());
        let ca_file = self.ca_file.as_ref().map(|path| path.to_string_lossy());
        lines.text("ca_file", ca_file.as_deref());
        lines.text("poll_interval", self.poll_interval.as_deref());
        lines.text("start", self.start.as_deref());
        let NewBudget { daily, floor } = &self.api_budget;
        lines.part(
            "api_budget",
            &[("daily", daily.map(|it| it.to_string())), ("floor", floor.as_deref().map(scalar))],
        );
        let files = &self.event_log_files;
        let types = &files.event_types;
        lines.part(
            "event_log_files",
            &[
                ("interval", files.interval.map(|it| it.word().to_owned())),
                ("reconcile", files.reconcile.map(|it| it.word().to_owned())),
                ("reconcile_threshold", files.reconcile_threshold.map(|it| it.to_string())),
                ("event_types", (!types.is_empty()).then(|| list(types))),
                ("settle", files.settle.as_deref().map(scalar)),
                ("overlap", files.overlap.as_deref().map(scalar)),
            ],
        );
        lines.line("destinations", &list(&self.destinations));
        lines.0
    }

    /// The keys that hold secrets, in the order of DNIF's form.
    pub const SECRETS: [&'static str; 6] = [
        "salesforce_user_password",
        "consumer_key",
        "consumer_secret",
        "security_token",
        "jwt_key",
        "refresh_token",
    ];

    /// The vault's entry for the secret of a key.
    pub fn entry(name: &str, key: &str) -> String {
        format!("{name}/{key}")
    }
}

fn unwritable(path: &Path, error: &io::Error) -> ConfigError {
    let fault = Fault::new(FaultKind::File, "", format!("cannot be written: {error}"));
    ConfigError::new(path.display().to_string(), vec![fault])
}

/// The lines of one connector.
struct Lines(String);

impl Lines {
    fn first(&mut self, key: &str, value: &str) {
        // Writing to a string cannot fail.
        writeln!(self.0, "  - {key}: {}", scalar(value)).ok();
    }

    fn line(&mut self, key: &str, value: &str) {
        writeln!(self.0, "    {key}: {value}").ok();
    }

    /// A mapping of what is there; nothing if nothing is.
    fn part(&mut self, key: &str, values: &[(&str, Option<String>)]) {
        let there = values.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        for (place, (below, value)) in there.enumerate() {
            if place == 0 {
                writeln!(self.0, "    {key}:").ok();
            }
            writeln!(self.0, "      {below}: {value}").ok();
        }
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(key, &scalar(value));
        }
    }

    fn secret(&mut self, key: &str, reference: &SecretRef) {
        let (word, value) = match reference {
            SecretRef::Env(name) => ("env", scalar(name)),
            SecretRef::File(path) => ("file", scalar(&path.to_string_lossy())),
            SecretRef::Stored(name) => ("stored", scalar(name)),
            SecretRef::Command(words) => ("command", list(words)),
            // Left out, so that the check says that it is missing: a value never gets here.
            SecretRef::Plain(_) => return,
        };
        self.line(key, &format!("{{ {word}: {value} }}"));
    }
}

/// Texts as YAML reads them back.
fn list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| scalar(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A text as YAML reads it back: without quotes where they are plainly not needed.
fn scalar(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@-".contains(&byte);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let word = !text.eq_ignore_ascii_case("null") && !text.ends_with(':');
    if begins && word && text.bytes().all(plain) {
        return text.to_owned();
    }
    // A JSON string is a YAML one; what YAML takes for the end of a line is escaped besides.
    let mut quoted = serde_json::Value::from(text).to_string();
    for c in ['\u{7f}', '\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'] {
        quoted = quoted.replace(c, &format!("\\u{:04x}", c as u32));
    }
    quoted
}
