//! Saved connectors on disk: a file beside the others, and their secrets in the vault. What the
//! console and the command line do alike.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use orgtap_ledger::Ledger;
use orgtap_ledger::unit::State;
use orgtap_transport::vault::VaultError;
use orgtap_transport::{Secret, SecretRef, Vault, disk};

use crate::config::{NewConnector, Settings};
use crate::error::{Error, Result};

/// The names of a connector's entries in the vault: its secrets, and what its sign-ins keep.
pub fn vault_entries(vault: &Vault, connector: &str) -> Result<Vec<String>, VaultError> {
    let own =
        |entry: &String| entry.strip_prefix(connector).is_some_and(|rest| rest.starts_with('/'));
    Ok(vault.names()?.into_iter().filter(own).collect())
}

/// Puts secrets into the vault, by their keys, and then the connector beside the others, in place
/// of an older one. Secrets of the older one that nothing refers to any longer are removed. If the
/// file cannot be written, the vault is as before. Blocks.
pub fn save_connector(
    settings: &Settings,
    new: &NewConnector,
    secrets: &[(&'static str, &Secret)],
) -> Result<PathBuf> {
    let vault = &settings.vault;
    let mut before = Vec::new();
    let saved = (|| {
        for (key, value) in secrets {
            let entry = NewConnector::entry(&new.name, key);
            before.push((entry.clone(), vault.get(&entry).ok().flatten()));
            vault.set(&entry, value)?;
        }
        Ok::<_, Error>(new.save(settings, Timestamp::now())?)
    })();
    if saved.is_err() {
        for (entry, value) in before {
            let restored = match value {
                Some(value) => vault.set(&entry, &value),
                None => vault.remove(&entry).map(drop),
            };
            if let Err(error) = restored {
                tracing::warn!(%error, "not everything in the vault is as it was");
            }
        }
    }
    let file = saved?;
    for key in NewConnector::SECRETS {
        // Secrets of the connector that was here before, which this one has no use for.
        let entry = NewConnector::entry(&new.name, key);
        let is_used = |(_, it): &(_, SecretRef)| *it == SecretRef::Stored(entry.clone());
        if !new.secrets.iter().any(is_used) && !settings.is_used_elsewhere(&entry, &new.name) {
            vault.remove(&entry)?;
        }
    }
    Ok(file)
}

/// Removes the file of a saved connector for good. Its secrets are for [`remove_secrets`], when
/// nobody collects with them any longer. Blocks.
pub fn remove_file(file: &Path) -> Result<()> {
    fs::remove_file(file)
        .and_then(|()| file.parent().map_or(Ok(()), disk::sync_folder))
        .map_err(Error::disk(file))
}

/// Removes a connector's entries from the vault, but for those that something else refers to.
/// Answers the removed ones and the others. Blocks.
pub fn remove_secrets(
    settings: &Settings,
    connector: &str,
) -> Result<(Vec<String>, Vec<String>), VaultError> {
    let vault = &settings.vault;
    let (kept, gone): (Vec<_>, Vec<_>) = vault_entries(vault, connector)?
        .into_iter()
        .partition(|entry| settings.is_used_elsewhere(entry, connector));
    for entry in &gone {
        vault.remove(entry)?;
    }
    Ok((gone, kept))
}

/// How many of a connector's log files are in the spool and not delivered everywhere. Nobody works
/// on those of a connector that is not configured, and nobody drops them.
pub async fn files_waiting(ledger: &dyn Ledger, connector: &str) -> Result<u64> {
    let units = ledger.summary(connector).await?.units;
    let waits = |state: &str| matches!(State::parse(state), Some(State::Fetched | State::Admitted));
    let waiting = units.iter().filter(|(state, _)| waits(state)).map(|(_, count)| *count);
    Ok(waiting.sum::<i64>().unsigned_abs())
}
