//! The form of a connector: what it shows, what comes back, and what is wrong with that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use orgtap_transport::{Secret, SecretRef};
use serde::{Deserialize, Serialize, Serializer};
use url::Url;
use utoipa::ToSchema;

use crate::config::{
    ConfigError, ConnectorSettings, FaultKind, NewConnector, Settings, check_value,
};
use crate::error::Error;

/// A connector as a person fills it in.
#[derive(Debug, Clone, Deserialize)]
pub struct Form {
    /// The values that are not secret.
    pub connector: NewConnector,
    /// Secrets by their keys. A value goes into the vault and is never shown again; a blank one,
    /// or none, keeps the present secret, unless the org's host was changed; a reference is
    /// written down as it is.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretRef>,
    /// Keys of secrets that shall not be there any longer.
    #[serde(default)]
    pub forget: BTreeSet<String>,
    /// Whether there must not be a connector of this name yet; else there must.
    #[serde(default)]
    pub is_new: bool,
}

/// What the form of a connector shows: everything but secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FormShown {
    /// The values that are not secret.
    pub connector: NewConnector,
    /// The secrets that are set, by their keys, and how each is kept.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub secrets: BTreeMap<&'static str, KeptSecret>,
    /// The file it stands in.
    #[schema(value_type = String)]
    pub file: PathBuf,
    /// Whether it can be changed and removed here. A connector of the main file cannot.
    pub is_saved: bool,
}

/// How a secret is kept, without its value; of a command only the program, since its arguments may
/// be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret(SecretRef);

impl KeptSecret {
    /// Of a reference.
    pub fn of(reference: &SecretRef) -> Self {
        Self(reference.clone())
    }
}

/// For people: `stored acme/consumer_key`, `env NAME`, `file PATH`.
impl std::fmt::Display for KeptSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            SecretRef::Plain(_) => f.write_str("written out in the file"),
            SecretRef::Env(name) => write!(f, "env {name}"),
            SecretRef::File(path) => write!(f, "file {}", path.display()),
            SecretRef::Command(words) => {
                write!(f, "command {}", words.first().map_or("", String::as_str))
            }
            SecretRef::Stored(entry) => write!(f, "stored {entry}"),
        }
    }
}

/// For programs: `{"stored": ".."}`, `{"env": ".."}`, `{"file": ".."}`, `{"command": ".."}`,
/// `"plain"`.
impl Serialize for KeptSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let one = |key: &str, value: &dyn AsRef<str>| {
            BTreeMap::from([(key.to_owned(), value.as_ref().to_owned())])
        };
        match &self.0 {
            SecretRef::Plain(_) => "plain".serialize(serializer),
            SecretRef::Env(name) => one("env", name).serialize(serializer),
            SecretRef::File(path) => one("file", &path.to_string_lossy()).serialize(serializer),
            SecretRef::Command(words) => {
                one("command", &words.first().cloned().unwrap_or_default()).serialize(serializer)
            }
            SecretRef::Stored(entry) => one("stored", entry).serialize(serializer),
        }
    }
}

/// What is wrong with one field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// The field's key, as in the configuration, for example `instance_url` or
    /// `event_log_files.settle`; empty for the form as a whole.
    pub key: String,
    /// Stable code.
    pub code: &'static str,
    /// What is wrong, without secrets.
    pub message: String,
    /// What is to be done.
    pub remedy: &'static str,
}

impl FieldFault {
    pub(super) fn new(kind: FaultKind, key: impl Into<String>, message: impl Into<String>) -> Self {
        let (key, message) = (key.into(), message.into());
        // A form has no file to look at.
        let remedy = if kind == FaultKind::MissingKey { "fill it in" } else { kind.remedy() };
        Self { key, code: kind.code(), message, remedy }
    }
}

/// Why a form is not taken.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// Fields are wrong; there is at least one. Nothing has changed.
    #[error("{}", first(.0))]
    Fields(Vec<FieldFault>),
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] Error),
}

fn first(faults: &[FieldFault]) -> String {
    faults.first().map_or_else(String::new, |fault| format!("{}: {}", fault.key, fault.message))
}

/// A form that can be saved: everything in it was checked.
pub(super) struct Checked {
    /// What is to be written, with its references.
    pub(super) new: NewConnector,
    /// The secrets that go into the vault, by their keys.
    pub(super) entered: Vec<(&'static str, Secret)>,
    /// What the collector will make of it.
    pub(super) settings: ConnectorSettings,
}

impl Checked {
    /// The value of a secret that is not in the vault yet.
    pub(super) fn value(&self, key: &str) -> Option<&Secret> {
        self.entered.iter().find(|(it, _)| *it == key).map(|(_, value)| value)
    }
}

/// Checks a form beside the connectors there are. Blocks while secrets are fetched that it refers
/// to.
pub(super) fn check(form: Form, settings: &Settings, main: &Path) -> Result<Checked, FormError> {
    let Form { mut connector, secrets, forget, is_new } = form;
    blanks_are_absent(&mut connector);
    let name = connector.name.clone();
    let present = settings.connectors.iter().find(|one| one.name == name);
    match present {
        Some(one) if one.saved_in.is_none() => {
            return Err(Error::Configured { name, file: main.to_owned() }.into());
        }
        Some(_) if is_new => {
            let message = format!("there is a connector {name} already");
            let fault = FieldFault::new(FaultKind::Repeated, "name", message);
            return Err(FormError::Fields(vec![fault]));
        }
        None if !is_new => return Err(Error::UnknownConnector { name }.into()),
        _ => {}
    }
    let mut faults = wrong_values(&connector);
    let given = Given { secrets: &secrets, forget: &forget, present };
    let (references, entered) = given.take(&connector, settings, &mut faults);
    connector.secrets = references;
    missing(&connector, &mut faults);
    match connector.check(settings, main) {
        Ok(settings) if faults.is_empty() => {
            return Ok(Checked { new: connector, entered, settings });
        }
        Ok(_) => {}
        Err(error) => add_missed(&error, &mut faults),
    }
    Err(FormError::Fields(faults))
}

/// Fields that were left blank are as good as not there.
fn blanks_are_absent(new: &mut NewConnector) {
    let trim = |text: &mut String| {
        if text.trim().len() != text.len() {
            *text = text.trim().to_owned();
        }
    };
    trim(&mut new.name);
    trim(&mut new.instance_url);
    let NewConnector { api_budget, event_log_files, .. } = new;
    for value in [
        &mut new.description,
        &mut new.user,
        &mut new.jwt_audience,
        &mut new.login_url,
        &mut new.api_version,
        &mut new.proxy,
        &mut new.poll_interval,
        &mut new.start,
        &mut api_budget.floor,
        &mut event_log_files.settle,
        &mut event_log_files.overlap,
    ] {
        value.iter_mut().for_each(trim);
        *value = value.take().filter(|text| !text.is_empty());
    }
    event_log_files.event_types.iter_mut().for_each(trim);
    event_log_files.event_types.retain(|name| !name.is_empty());
    new.ca_file = new.ca_file.take().filter(|path| !path.as_os_str().is_empty());
}

/// What can be said of single values.
fn wrong_values(new: &NewConnector) -> Vec<FieldFault> {
    let values = [
        ("name", Some(&new.name)),
        ("instance_url", Some(&new.instance_url)),
        ("description", new.description.as_ref()),
        ("salesforce_user", new.user.as_ref()),
        ("jwt_audience", new.jwt_audience.as_ref()),
        ("login_url", new.login_url.as_ref()),
        ("api_version", new.api_version.as_ref()),
        ("proxy", new.proxy.as_ref()),
        ("poll_interval", new.poll_interval.as_ref()),
        ("start", new.start.as_ref()),
    ];
    let wrong = values.into_iter().filter_map(|(key, value)| {
        let message = check_value(key, value?).err()?;
        let empty = value?.is_empty();
        let (kind, message) = if empty {
            (FaultKind::MissingKey, "this is needed".to_owned())
        } else {
            (FaultKind::Value, message)
        };
        Some(FieldFault::new(kind, key, message))
    });
    let mut faults: Vec<FieldFault> = wrong.collect();
    if new.ca_file.as_ref().is_some_and(|path| !path.is_absolute()) {
        faults.push(FieldFault::new(FaultKind::Value, "ca_file", "write the whole path"));
    }
    if new.destinations.is_empty() {
        let message = "choose at least one destination";
        faults.push(FieldFault::new(FaultKind::MissingKey, "destinations", message));
    }
    faults
}

/// The secrets of a form, and those of the connector it changes.
struct Given<'f> {
    secrets: &'f BTreeMap<String, SecretRef>,
    forget: &'f BTreeSet<String>,
    present: Option<&'f ConnectorSettings>,
}

type Taken = (Vec<(&'static str, SecretRef)>, Vec<(&'static str, Secret)>);

impl Given<'_> {
    /// The references to write down, and the values for the vault.
    fn take(&self, new: &NewConnector, settings: &Settings, faults: &mut Vec<FieldFault>) -> Taken {
        let flow = new.auth;
        let belongs = |key: &str| {
            key == "consumer_key" || flow.needs().contains(&key) || flow.may_have().contains(&key)
        };
        for (key, secret) in self.secrets {
            let is_blank = matches!(secret, SecretRef::Plain(value) if value.is_empty());
            if !belongs(key) && !is_blank {
                let message = format!("it is not used when signing in by {}", flow.word());
                faults.push(FieldFault::new(FaultKind::Value, key, message));
            }
        }
        let is_moved = self.present.is_some_and(|present| is_moved(present, new));
        let mut taken = Taken::default();
        for key in NewConnector::SECRETS.into_iter().filter(|key| belongs(key)) {
            let own = SecretRef::Stored(NewConnector::entry(&new.name, key));
            let reference = match self.secrets.get(key) {
                Some(SecretRef::Plain(value)) if !value.is_empty() => {
                    taken.1.push((key, value.clone()));
                    own
                }
                Some(SecretRef::Command(_)) => {
                    let message = "a command can only be written into a file, not into a form";
                    faults.push(FieldFault::new(FaultKind::Value, key, message));
                    continue;
                }
                Some(SecretRef::File(path)) if !path.is_absolute() => {
                    faults.push(FieldFault::new(FaultKind::Value, key, "write the whole path"));
                    continue;
                }
                Some(reference) if !matches!(reference, SecretRef::Plain(_)) => {
                    if let Err(error) = reference.resolve(&settings.vault) {
                        let message = error.to_string();
                        faults.push(FieldFault::new(FaultKind::Secret, key, message));
                    }
                    reference.clone()
                }
                _ if self.forget.contains(key) => continue,
                _ => match self.of_present(key) {
                    Some(SecretRef::Plain(_) | SecretRef::Stored(_)) if is_moved => {
                        let message = "the host was changed: type it again, so that it is not \
                                       sent elsewhere by mistake";
                        faults.push(FieldFault::new(FaultKind::MissingKey, key, message));
                        continue;
                    }
                    // Written out in the file by a person: it is better off in the vault.
                    Some(SecretRef::Plain(value)) => {
                        taken.1.push((key, value.clone()));
                        own
                    }
                    Some(reference) => reference.clone(),
                    None => continue,
                },
            };
            taken.0.push((key, reference));
        }
        taken
    }

    fn of_present(&self, key: &str) -> Option<&SecretRef> {
        let all = self.present?.secrets();
        all.into_iter().find(|(it, _)| *it == key).map(|(_, reference)| reference)
    }
}

/// Whether secrets would go to another host than those of the connector there is, or sessions.
fn is_moved(present: &ConnectorSettings, new: &NewConnector) -> bool {
    // What is no address goes nowhere, and was told.
    let parse = |text: &str| Url::parse(text).ok();
    let Some(instance_url) = parse(&new.instance_url) else { return false };
    let login_url = new.login_url.as_deref().and_then(parse);
    let login_url = login_url.as_ref().unwrap_or(&instance_url);
    let before = present.login_url.as_ref().unwrap_or(&present.instance_url);
    instance_url.origin() != present.instance_url.origin() || login_url.origin() != before.origin()
}

/// What the flow cannot do without.
fn missing(new: &NewConnector, faults: &mut Vec<FieldFault>) {
    for key in ["consumer_key"].iter().chain(new.auth.needs()).copied() {
        let is_there = match key {
            "salesforce_user" => new.user.is_some(),
            _ => new.secrets.iter().any(|(it, _)| *it == key),
        };
        if !is_there && !faults.iter().any(|fault| fault.key == key) {
            let message = format!("this is needed to sign in by {}", new.auth.word());
            faults.push(FieldFault::new(FaultKind::MissingKey, key, message));
        }
    }
}

/// What only the whole check finds, by the fields' keys.
fn add_missed(error: &ConfigError, faults: &mut Vec<FieldFault>) {
    for fault in error.faults() {
        let path = fault.path.strip_prefix("connectors[0]").unwrap_or(&fault.path);
        let key = path.trim_start_matches('.');
        let field = key.split('[').next().unwrap_or_default();
        // That keys are missing was told key by key.
        let is_told = fault.kind == FaultKind::MissingKey && !faults.is_empty();
        if !is_told && !faults.iter().any(|known| known.key == field) {
            faults.push(FieldFault::new(fault.kind, key, fault.message.clone()));
        }
    }
}
