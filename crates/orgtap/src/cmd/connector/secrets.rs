//! The secrets of a connector: where new ones come from, and how they are referred to.

use std::path::PathBuf;

use orgtap_collector::config::NewConnector;
use orgtap_transport::{Secret, SecretRef, Vault};

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
