//! What outlives the process: the session, and the newest refresh token.
//!
//! Both are in the vault under the connector's name, together with a fingerprint of the settings
//! they came from, so that changed credentials never meet an old session. A lock, held across a
//! sign-in, makes sure that of several processes only one signs in and the others take its session.

use jiff::Timestamp;
use orgtap_transport::vault::{VaultError, VaultLock};
use orgtap_transport::{Secret, Vault};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::session::{Session, SignedIn};
use crate::settings::OrgSettings;

/// What is kept of one connector.
#[derive(Clone)]
pub(crate) struct Kept {
    vault: Vault,
    connector: String,
    /// Of the settings; the key is no secret here, because the entry is encrypted.
    fingerprint: String,
}

/// A session as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptSession {
    credentials: String,
    token: String,
    instance_url: Url,
    org_id: String,
    user_id: String,
    /// Microseconds since 1970.
    at: i64,
}

/// A refresh token as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptToken {
    credentials: String,
    token: String,
}

impl Kept {
    /// None if the settings name no vault.
    pub(crate) fn of(settings: &OrgSettings) -> Option<Self> {
        let keep = settings.keep.as_ref()?;
        Some(Self {
            vault: keep.vault.clone(),
            connector: keep.connector.clone(),
            fingerprint: settings.fingerprint(&[0; 32]),
        })
    }

    /// Keeps all other processes from signing in this connector.
    pub(crate) async fn lock(&self) -> Result<VaultLock, Error> {
        self.off_thread(|kept| kept.vault.lock(&format!("session/{}", kept.connector))).await
    }

    /// The session another run left, if it came from the same settings and can still be sent.
    pub(crate) async fn session(&self, settings: &OrgSettings) -> Result<Option<Session>, Error> {
        let Some(kept) = self.get::<KeptSession>("session").await? else { return Ok(None) };
        if kept.credentials != self.fingerprint || !settings.trusts(&kept.instance_url) {
            return Ok(None);
        }
        let who = SignedIn {
            org_id: kept.org_id,
            user_id: kept.user_id,
            instance_url: kept.instance_url,
            at: Timestamp::from_microsecond(kept.at).unwrap_or_default(),
        };
        Ok(Session::new(Secret::new(kept.token), who).map(Session::adopted))
    }

    /// Keeps a session for the next run.
    pub(crate) async fn keep_session(&self, session: &Session) -> Result<(), Error> {
        let who = &session.who;
        let kept = KeptSession {
            credentials: self.fingerprint.clone(),
            token: session.token.expose().to_owned(),
            instance_url: who.instance_url.clone(),
            org_id: who.org_id.clone(),
            user_id: who.user_id.clone(),
            at: who.at.as_microsecond(),
        };
        self.set("session", &kept).await
    }

    /// The newest refresh token of the chain the settings began; none if they are it themselves.
    pub(crate) async fn refresh_token(&self) -> Result<Option<Secret>, Error> {
        let kept = self.get::<KeptToken>("newest_refresh_token").await?;
        let ours = kept.filter(|kept| kept.credentials == self.fingerprint);
        Ok(ours.map(|kept| Secret::new(kept.token)))
    }

    /// Keeps a refresh token. It is on disk when this ends.
    pub(crate) async fn keep_refresh_token(&self, token: &Secret) -> Result<(), Error> {
        let token = token.expose().to_owned();
        let kept = KeptToken { credentials: self.fingerprint.clone(), token };
        self.set("newest_refresh_token", &kept).await
    }

    async fn get<T: DeserializeOwned + Send + 'static>(
        &self,
        what: &'static str,
    ) -> Result<Option<T>, Error> {
        self.off_thread(move |kept| {
            let found = kept.vault.get(&kept.name(what))?;
            // What another version kept in another form is as good as nothing.
            Ok(found.and_then(|text| serde_json::from_str(text.expose()).ok()))
        })
        .await
    }

    async fn set<T: Serialize>(&self, what: &'static str, value: &T) -> Result<(), Error> {
        let text = serde_json::to_string(value)
            .map_err(|error| Error::new(ErrorKind::NotKept, error.to_string()))?;
        let text = Secret::new(text);
        self.off_thread(move |kept| kept.vault.set(&kept.name(what), &text)).await
    }

    fn name(&self, what: &str) -> String {
        format!("{}/{what}", self.connector)
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, Error> {
        let kept = self.clone();
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::NotKept, source.to_string())
        };
        match tokio::task::spawn_blocking(move || work(&kept)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(failed(Box::new(error))),
            Err(error) => Err(failed(Box::new(error))),
        }
    }
}
