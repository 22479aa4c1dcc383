//! What was there of a connector before it was to be added.
//!
//! A test keeps its session in the vault and notes in the ledger which org it came to; saving puts
//! secrets into the vault. If the connector is not saved in the end, all is to be as it was: a next
//! try under this name may be about another org. But a refresh token that was exchanged is never
//! put back: the org would take it for stolen, and end all that came of it.

use std::path::PathBuf;

use orgtap_collector::config::Settings;
use orgtap_collector::{ledger_path, open_ledger, vault_entries};
use orgtap_ledger::ConnectorRecord;
use orgtap_salesforce::newest_refresh_token;
use orgtap_transport::vault::VaultError;
use orgtap_transport::{Secret, Vault};

/// What the vault and the ledger held.
pub(super) struct Before {
    name: String,
    data_dir: PathBuf,
    vault: Vault,
    /// None for an entry that cannot be read, which is left alone.
    entries: Vec<(String, Option<Secret>)>,
    record: ConnectorRecord,
}

impl Before {
    /// Looks.
    pub(super) async fn of(settings: &Settings, name: &str) -> anyhow::Result<Self> {
        let vault = settings.vault.clone();
        let entries = tokio::task::block_in_place(|| {
            let all = vault_entries(&vault, name)?.into_iter().map(|entry| {
                let value = vault.get(&entry).ok().flatten();
                (entry, value)
            });
            Ok::<_, VaultError>(all.collect())
        })?;
        let data_dir = settings.data_dir.clone();
        let record = if ledger_path(&data_dir).exists() {
            open_ledger(&data_dir).await?.connector(name).await?
        } else {
            ConnectorRecord::default()
        };
        Ok(Self { name: name.to_owned(), data_dir, vault, entries, record })
    }

    /// Makes it so again. Answers whether the refresh token that was `given` was exchanged, so that
    /// a newer one stays in the vault, beside those of other chains.
    pub(super) async fn restore(self, given: Option<&Secret>) -> anyhow::Result<bool> {
        let is_exchanged = tokio::task::block_in_place(|| {
            let is_exchanged = self.is_exchanged(given)?;
            self.restore_vault(is_exchanged)?;
            Ok::<_, VaultError>(is_exchanged)
        })?;
        if !ledger_path(&self.data_dir).exists() {
            return Ok(is_exchanged);
        }
        let ledger = open_ledger(&self.data_dir).await?;
        let ConnectorRecord { org_id, sign_in, refused_credentials, test, .. } = self.record;
        // What a test does not touch may be newer: an Orgtap at work writes there too.
        let change = |now: &mut ConnectorRecord| {
            now.org_id.clone_from(&org_id);
            now.sign_in.clone_from(&sign_in);
            now.refused_credentials.clone_from(&refused_credentials);
            now.test.clone_from(&test);
        };
        ledger.change_connector(&self.name, Box::new(change)).await?;
        Ok(is_exchanged)
    }

    fn is_exchanged(&self, given: Option<&Secret>) -> Result<bool, VaultError> {
        let newest = self.newest();
        let before = self.entries.iter().find(|(entry, _)| *entry == newest);
        let before = before.and_then(|(_, value)| value.as_ref());
        let (Some(given), Some(now)) = (given, self.vault.get(&newest)?) else { return Ok(false) };
        let is_other = newest_refresh_token(&now).is_some_and(|token| token != *given);
        Ok(is_other && before != Some(&now))
    }

    /// The vault's entry of the newest refresh tokens.
    fn newest(&self) -> String {
        format!("{}/newest_refresh_token", self.name)
    }

    /// Puts back what changed, and removes what is new. The newest refresh tokens that were there
    /// are left alone: an Orgtap at work exchanges them too.
    fn restore_vault(&self, is_exchanged: bool) -> Result<(), VaultError> {
        let newest = self.newest();
        for entry in vault_entries(&self.vault, &self.name)? {
            let stays = is_exchanged && entry == newest;
            if !stays && !self.entries.iter().any(|(name, _)| *name == entry) {
                self.vault.remove(&entry)?;
            }
        }
        for (entry, value) in self.entries.iter().filter(|(entry, _)| *entry != newest) {
            if let Some(value) = value
                && self.vault.get(entry)?.as_ref() != Some(value)
            {
                self.vault.set(entry, value)?;
            }
        }
        Ok(())
    }
}
