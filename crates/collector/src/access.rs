//! Signing in: never twice with credentials that were refused, and never into another org.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use orgtap_ledger::{ConnectorRecord, Ledger, Outcome};
use orgtap_salesforce::{ErrorKind, Org, SignedIn};
use orgtap_transport::{Disposition, Explain, disk};

use crate::clock;
use crate::error::{Error, Result};

/// What remembers sign-ins: the ledger, and the key that makes fingerprints of credentials.
#[derive(Clone)]
pub(crate) struct Access {
    ledger: Arc<dyn Ledger>,
    key: [u8; 32],
    /// Whether nothing of it is written down.
    forgets: bool,
}

impl Access {
    /// For a data folder.
    pub(crate) fn open(data_dir: &Path, ledger: Arc<dyn Ledger>) -> Result<Self> {
        Ok(Self { ledger, key: installation_key(data_dir)?, forgets: false })
    }

    /// The same, for credentials that may never be used: nothing is written down of how it went.
    pub(crate) fn that_forgets(self) -> Self {
        Self { forgets: true, ..self }
    }

    async fn note(
        &self,
        name: &str,
        note: impl Fn(&mut ConnectorRecord) + Send + Sync,
    ) -> Result<()> {
        if self.forgets {
            return Ok(());
        }
        Ok(self.ledger.change_connector(name, Box::new(note)).await?)
    }

    /// Signs in, unless the same credentials were refused before, and records how it went.
    pub(crate) async fn sign_in(
        &self,
        name: &str,
        org: &Org,
        even_if_refused: bool,
    ) -> Result<SignedIn> {
        let record = self.ledger.connector(name).await?;
        let fingerprint = org.credentials_fingerprint(&self.key);
        let refused = record.refused_credentials.as_ref() == Some(&fingerprint);
        if refused && !even_if_refused {
            let since = record.sign_in.as_ref().map_or(0, |outcome| outcome.at);
            return Err(Error::StillRefused {
                connector: name.to_owned(),
                since: orgtap_events::time::rfc3339(since),
            });
        }
        if let Some(known) = &record.org_id {
            org.expect(known);
        }
        let began = clock::now();
        self.note(name, |record| record.signing_in = Some(began)).await?;
        // A person who asks wants to see a sign-in; everybody else may use the last session.
        let answer = if even_if_refused { org.sign_in().await } else { org.connect().await };
        let answer = answer.map_err(Error::from);
        let at = clock::now();
        let ended = self.note(name, |record| {
            record.signing_in = None;
            record.sign_in = Some(outcome(at, answer.as_ref().err()));
            match &answer {
                Ok(signed_in) => {
                    record.org_id = Some(signed_in.org_id.clone());
                    record.refused_credentials = None;
                }
                Err(Error::Org(error)) if is_refusal(error) => {
                    record.refused_credentials = Some(fingerprint.clone());
                }
                Err(_) => {}
            }
        });
        ended.await?;
        answer
    }

    /// Whether these credentials may be tried: they are not the ones that were refused last.
    pub(crate) async fn allows(&self, name: &str, org: &Org) -> Result<bool> {
        let refused = self.ledger.connector(name).await?.refused_credentials;
        Ok(refused != Some(org.credentials_fingerprint(&self.key)))
    }

    /// Records that the org refused the credentials in mid-work.
    pub(crate) async fn note_refusal(&self, name: &str, org: &Org, error: &Error) -> Result<()> {
        self.note(name, |record| {
            record.refused_credentials = Some(org.credentials_fingerprint(&self.key));
            record.sign_in = Some(outcome(clock::now(), Some(error)));
        })
        .await
    }
}

/// Whether the org refused the credentials themselves, so that trying again could lock the user.
pub(crate) fn is_refusal(error: &orgtap_salesforce::Error) -> bool {
    matches!(error.kind(), ErrorKind::SignIn(_))
        && matches!(error.disposition(), Disposition::Pause | Disposition::Bug)
}

/// An outcome for the ledger.
pub(crate) fn outcome(at: i64, error: Option<&Error>) -> Outcome {
    Outcome { at, problem: error.and_then(|error| serde_json::to_value(error.problem()).ok()) }
}

/// A key made once per data folder. Fingerprints of credentials are made with it, so that they
/// say nothing about the credentials to whoever has only the ledger.
fn installation_key(data_dir: &Path) -> Result<[u8; 32]> {
    let path = data_dir.join("installation.key");
    let failed = Error::disk(&path);
    match fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            failed(std::io::Error::new(std::io::ErrorKind::InvalidData, "it must be 32 bytes"))
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            aws_lc_rs::rand::fill(&mut key)
                .map_err(|_| Error::Worker("no random numbers from the system".to_owned()))?;
            disk::write_private(&path, &key).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}
