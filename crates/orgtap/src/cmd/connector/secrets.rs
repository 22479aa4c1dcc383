//! The secrets of a connector: where new ones come from, and how they are referred to.

use std::path::PathBuf;

use orgtap_collector::config::{ConnectorSettings, NewConnector, Settings, SignInSettings};
use orgtap_transport::vault::VaultError;
use orgtap_transport::{Secret, SecretRef, Vault};
use serde_json::{Value, json};

use super::flags::{AddArgs, flag_of};
use crate::cmd::ask;
use crate::exit::usage;

/// A secret that was entered.
pub(super) struct Entered {
    /// Its key in the configuration.
    pub(super) key: &'static str,
    /// Its value.
    pub(super) value: Secret,
    /// The reference to keep, if the value is not to be copied into the vault.
    pub(super) kept: Option<SecretRef>,
}

impl Entered {
    /// One that goes into the vault.
    pub(super) fn new(key: &'static str, value: Secret) -> Self {
        Self { key, value, kept: None }
    }

    /// One that a reference gives. Blocks.
    pub(super) fn referred(
        key: &'static str,
        reference: SecretRef,
        vault: &Vault,
        keep: bool,
    ) -> Result<Self, String> {
        let value = reference.resolve(vault).map_err(|error| error.to_string())?;
        Ok(Self { key, value, kept: keep.then_some(reference) })
    }

    /// How the saved connector refers to it.
    pub(super) fn reference(&self, name: &str) -> SecretRef {
        let stored = || SecretRef::Stored(NewConnector::entry(name, self.key));
        self.kept.clone().unwrap_or_else(stored)
    }
}

/// Fetches the secrets whose place is given on the command line. Blocks.
pub(super) fn from_places(args: &AddArgs, vault: &Vault) -> anyhow::Result<Vec<Entered>> {
    let mut entered = Vec::new();
    let mut is_stdin_taken = false;
    for (key, place) in args.places() {
        let Some(place) = place else { continue };
        let flag = flag_of(key);
        if place == "stdin" {
            if is_stdin_taken {
                return Err(usage(format!("{flag}: standard input holds one secret only")));
            }
            if ask::is_possible() {
                let why = "standard input is a terminal; without the flag it is asked for unseen";
                return Err(usage(format!("{flag}: {why}")));
            }
            is_stdin_taken = true;
            entered.push(Entered::new(key, ask::secret_from_stdin()?));
            continue;
        }
        let (reference, keep) = match place.split_once(':') {
            Some(("env", name)) => (SecretRef::Env(name.to_owned()), args.keep_references),
            Some(("file", path)) => (SecretRef::File(absolute(path)?), args.keep_references),
            Some(("stored", entry)) => (SecretRef::Stored(entry.to_owned()), true),
            // What was written may be the secret itself, so it is not repeated.
            _ => {
                return Err(usage(format!(
                    "{flag}: write env:NAME, file:PATH, stdin or stored:ENTRY, never the secret"
                )));
            }
        };
        let found = Entered::referred(key, reference, vault, keep);
        entered.push(found.map_err(|why| usage(format!("{flag}: {why}")))?);
    }
    Ok(entered)
}

/// A path that means the same wherever it is read from.
pub(super) fn absolute(path: impl Into<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = path.into();
    let absolute = std::path::absolute(&path)
        .map_err(|error| usage(format!("{}: {error}", path.display())))?;
    if absolute.to_str().is_none() {
        return Err(usage(format!("{}: the path is not UTF-8", path.display())));
    }
    Ok(absolute)
}

/// The references of a connector, by their keys.
pub(super) fn references(connector: &ConnectorSettings) -> Vec<(&'static str, &SecretRef)> {
    let mut all = vec![("consumer_key", &connector.consumer_key)];
    all.extend(connector.consumer_secret.as_ref().map(|it| ("consumer_secret", it)));
    match &connector.sign_in {
        SignInSettings::Password { password, security_token } => {
            all.insert(0, ("salesforce_user_password", password));
            all.extend(security_token.as_ref().map(|it| ("security_token", it)));
        }
        SignInSettings::JwtBearer { key, .. } => all.push(("jwt_key", key)),
        SignInSettings::RefreshToken { token } => all.push(("refresh_token", token)),
        _ => {}
    }
    all
}

/// The connector with the values themselves in the place of entries that are not there yet.
pub(super) fn with_values(
    mut connector: ConnectorSettings,
    entered: &[Entered],
) -> ConnectorSettings {
    let put = |key: &str, reference: &mut SecretRef| {
        if let Some(secret) = entered.iter().find(|it| it.key == key && it.kept.is_none()) {
            *reference = SecretRef::Plain(secret.value.clone());
        }
    };
    put("consumer_key", &mut connector.consumer_key);
    if let Some(secret) = &mut connector.consumer_secret {
        put("consumer_secret", secret);
    }
    match &mut connector.sign_in {
        SignInSettings::Password { password, security_token } => {
            put("salesforce_user_password", password);
            if let Some(token) = security_token {
                put("security_token", token);
            }
        }
        SignInSettings::JwtBearer { key, .. } => put("jwt_key", key),
        SignInSettings::RefreshToken { token } => put("refresh_token", token),
        _ => {}
    }
    connector
}

/// A reference in words. Of a command only the program: its arguments may be secret.
pub(super) fn words(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Plain(_) => "written out in the file".to_owned(),
        SecretRef::Env(name) => format!("env {name}"),
        SecretRef::File(path) => format!("file {}", path.display()),
        SecretRef::Command(words) => {
            format!("command {}", words.first().map_or("", String::as_str))
        }
        SecretRef::Stored(entry) => format!("stored {entry}"),
    }
}

/// The same for programs.
pub(super) fn as_json(reference: &SecretRef) -> Value {
    match reference {
        SecretRef::Plain(_) => json!("plain"),
        SecretRef::Env(name) => json!({ "env": name }),
        SecretRef::File(path) => json!({ "file": path }),
        SecretRef::Command(words) => json!({ "command": words.first() }),
        SecretRef::Stored(entry) => json!({ "stored": entry }),
    }
}

/// Whether something else than this connector refers to an entry of the vault.
pub(super) fn is_used_elsewhere(settings: &Settings, entry: &str, connector: &str) -> bool {
    let own = ("connector", connector);
    settings.stored.iter().any(|it| it.entry == entry && (it.kind, it.name.as_str()) != own)
}

/// The names of a connector's entries in the vault: its secrets, and what its sign-ins keep.
pub(super) fn entries(vault: &Vault, connector: &str) -> Result<Vec<String>, VaultError> {
    let own =
        |entry: &String| entry.strip_prefix(connector).is_some_and(|rest| rest.starts_with('/'));
    Ok(vault.names()?.into_iter().filter(own).collect())
}
