//! Connectors that `orgtap connector add` made, each in a file of its own in the data folder.
//!
//! The files have the form of the configuration, so people can read and change them, and go
//! through the same reading and checks. A connector's file has its name, which makes sure that
//! none is overwritten by another.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use orgtap_transport::{SecretRef, disk};

use super::fault::{ConfigError, Fault, FaultKind};
use super::settings::{ConnectorSettings, Settings};
use super::validate::{self, Beside};
use super::written::AuthFlow;
use super::{OnDisk, read, readable_by_others, reading, unreadable};

/// Most saved connectors; more were not made by people.
const MOST: usize = 1_000;
/// How the files of saved connectors end.
const ENDING: &str = ".yaml";

/// Reads the saved connectors and appends them to the settings of the main file.
pub(super) fn append(settings: &mut Settings, main_origin: &str) -> Result<(), ConfigError> {
    let folder = folder(&settings.data_dir);
    for path in files(&folder, &mut settings.warnings)? {
        let OnDisk { bytes, folder, is_readable_by_others } = OnDisk::read(&path)?;
        let beside = Beside { main: settings, main_origin, path: &path };
        let origin = path.display().to_string();
        let (saved, has_plain) = read(&bytes, &origin, |report| {
            let reading = reading::read(report, &folder)?;
            validate::saved(report, &reading, &beside)
        })?;
        settings.connectors.push(saved.connector);
        settings.stored.extend(saved.stored);
        settings.warnings.extend(saved.warnings);
        if has_plain && is_readable_by_others {
            settings.warnings.push(readable_by_others(&path));
        }
    }
    Ok(())
}

/// The folder of the saved connectors.
fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("connectors")
}

/// The files of saved connectors, sorted. What else is there is warned of, apart from what a
/// write that was cut off left behind.
fn files(folder: &Path, warnings: &mut Vec<String>) -> Result<Vec<PathBuf>, ConfigError> {
    let refuse = |error: io::Error| unreadable(folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refuse(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(refuse)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(ENDING) {
            if files.len() == MOST {
                let why = format!("it holds more than {MOST} saved connectors");
                return Err(unreadable(folder, &why));
            }
            files.push(path);
        } else if !name.ends_with(".part") {
            warnings.push(format!(
                "{} is not read: the file of a saved connector ends with {ENDING}",
                path.display()
            ));
        }
    }
    files.sort();
    Ok(files)
}

/// A connector to be saved: the values of its keys as they are written.
#[derive(Debug, Clone)]
pub struct NewConnector {
    /// `name`.
    pub name: String,
    /// `instance_url`.
    pub instance_url: String,
    /// `salesforce_user`.
    pub user: Option<String>,
    /// `auth`.
    pub auth: AuthFlow,
    /// The references to secrets, by their keys. None of them is plain.
    pub secrets: Vec<(&'static str, SecretRef)>,
    /// `jwt_audience`.
    pub jwt_audience: Option<String>,
    /// `login_url`.
    pub login_url: Option<String>,
    /// `api_version`.
    pub api_version: Option<String>,
    /// `proxy`.
    pub proxy: Option<String>,
    /// `ca_file`, absolute.
    pub ca_file: Option<PathBuf>,
    /// `poll_interval`.
    pub poll_interval: Option<String>,
    /// `start`.
    pub start: Option<String>,
    /// `destinations`.
    pub destinations: Vec<String>,
}

impl NewConnector {
    /// The file it is saved in.
    pub fn path(&self, settings: &Settings) -> PathBuf {
        // A name is plain; one that was not checked must not lead elsewhere either.
        folder(&settings.data_dir).join(format!("{}{ENDING}", disk::path_part(&self.name)))
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
            "# Made by `orgtap connector add` on {date}, and read after the main configuration file.\n\
             # It has the same form, and more keys are possible: `orgtap config example` shows them.\n\
             # To change something, edit it here, or run `orgtap connector add --replace`; to change\n\
             # a secret that is `stored`, run `orgtap vault set` and its name. `orgtap config check`\n\
             # tells whether all is well. `orgtap run` reads this when it starts.\n\
             connectors:\n"
        );
        let (secret, auth) = (|key| self.secrets.iter().find(|it| it.0 == key), self.auth.word());
        lines.first("name", &self.name);
        lines.text("type", Some("salesforce_connector"));
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
        let names: Vec<String> = self.destinations.iter().map(|name| scalar(name)).collect();
        lines.line("destinations", &format!("[{}]", names.join(", ")));
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
            SecretRef::Command(words) => {
                let words: Vec<String> = words.iter().map(|word| scalar(word)).collect();
                ("command", format!("[{}]", words.join(", ")))
            }
            // Left out, so that the check says that it is missing: a value never gets here.
            SecretRef::Plain(_) => return,
        };
        self.line(key, &format!("{{ {word}: {value} }}"));
    }
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
