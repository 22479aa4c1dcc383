//! What outlives the process: the session, and the newest refresh token.
//!
//! Both are in the vault under the connector's name. A session is kept with a fingerprint of the
//! settings it came from, so that changed credentials never meet an old session; a refresh token
//! with the chain it is of, which goes on when other settings change. A lock, held across a
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
    /// Of what begins a chain of refresh tokens; none for other flows.
    chain: Option<String>,
    login_url: Url,
}

/// Chains whose newest tokens are kept of one connector: the one it goes on with, and those of
/// tries with other tokens.
const MOST_CHAINS: usize = 16;

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
    /// Fingerprint of all settings. A version that knew no chains went by it.
    credentials: String,
    token: String,
    /// The chain it is the newest of; none if such a version kept it.
    chain: Option<String>,
    /// Where it was to be sent.
    login_url: Option<Url>,
}

/// The newest refresh tokens as they are kept, so that a try with another token never costs the
/// one a connector goes on with.
#[derive(Serialize, Deserialize)]
struct KeptTokens {
    /// Of the chain that was used last.
    #[serde(flatten)]
    last: KeptToken,
    /// Of the chains before.
    #[serde(default)]
    earlier: Vec<KeptToken>,
}

/// The token in a vault's entry of the newest refresh token: that of the chain that was used last.
pub fn newest_refresh_token(entry: &Secret) -> Option<Secret> {
    let kept: KeptTokens = serde_json::from_str(entry.expose()).ok()?;
    Some(Secret::new(kept.last.token))
}

impl Kept {
    /// None if the settings name no vault.
    pub(crate) fn of(settings: &OrgSettings) -> Option<Self> {
        let keep = settings.keep.as_ref()?;
        Some(Self {
            vault: keep.vault.clone(),
            connector: keep.connector.clone(),
            fingerprint: settings.fingerprint(&[0; 32]),
            chain: settings.chain(&[0; 32]),
            login_url: settings.login_url().clone(),
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
    pub(crate) async fn refresh_token(
        &self,
        settings: &OrgSettings,
    ) -> Result<Option<Secret>, Error> {
        let Some(kept) = self.tokens().await?.into_iter().find(|kept| self.goes_on(kept)) else {
            return Ok(None);
        };
        match kept.login_url {
            // Neither is the configured one sent: it is used up, and sending it ends the chain.
            Some(before) if !settings.may_move(&before) => {
                let host = |url: &Url| url.host_str().unwrap_or("no host").to_owned();
                let detail = format!(
                    "the refresh token is used at {}, and the login URL's host {} is not \
                     Salesforce's; put the login URL back, or authorise the app again and enter \
                     the new refresh token",
                    host(&before),
                    host(&self.login_url),
                );
                Err(Error::new(ErrorKind::Settings, detail))
            }
            _ => Ok(Some(Secret::new(kept.token))),
        }
    }

    /// Keeps a refresh token. It is on disk when this ends.
    pub(crate) async fn keep_refresh_token(&self, token: &Secret) -> Result<(), Error> {
        let mut earlier = self.tokens().await?;
        earlier.retain(|kept| !self.goes_on(kept));
        earlier.truncate(MOST_CHAINS - 1);
        let last = KeptToken {
            credentials: self.fingerprint.clone(),
            token: token.expose().to_owned(),
            chain: self.chain.clone(),
            login_url: Some(self.login_url.clone()),
        };
        self.set("newest_refresh_token", &KeptTokens { last, earlier }).await
    }

    /// The refresh tokens that are kept, that of the chain used last first.
    async fn tokens(&self) -> Result<Vec<KeptToken>, Error> {
        let Some(kept) = self.get::<KeptTokens>("newest_refresh_token").await? else {
            return Ok(Vec::new());
        };
        Ok(std::iter::once(kept.last).chain(kept.earlier).collect())
    }

    /// Whether a token is of the chain the settings began.
    fn goes_on(&self, kept: &KeptToken) -> bool {
        match &kept.chain {
            Some(_) => kept.chain == self.chain,
            None => kept.credentials == self.fingerprint,
        }
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
