//! Getting a session: the one another run or process left, or a new one; and keeping what the
//! next one needs.

use std::sync::{Mutex, PoisonError};

use orgtap_transport::Secret;

use super::kept::Kept;
use super::sign_in;
use crate::error::Error;
use crate::session::Session;
use crate::settings::{OrgSettings, SignIn};
use crate::wire::Wire;

/// What outlives a session.
pub(crate) struct Renewal {
    kept: Option<Kept>,
    /// A refresh token that is not in the vault: not yet, or for want of a vault.
    loose: Mutex<Option<Secret>>,
}

impl Renewal {
    pub(crate) fn of(settings: &OrgSettings) -> Self {
        Self { kept: Kept::of(settings), loose: Mutex::default() }
    }

    /// Gets a session: the one another run left, if it may be adopted; otherwise it is made by one
    /// sign-in.
    pub(crate) async fn renew(
        &self,
        wire: &Wire,
        settings: &OrgSettings,
        may_adopt: impl Fn(&Session) -> bool,
    ) -> Result<Session, Error> {
        let Some(kept) = &self.kept else { return self.exchange(wire, settings).await };
        // What is kept saves sign-ins; only a refresh token that cannot be kept is a failure.
        let _lock = match kept.lock().await {
            Ok(lock) => Some(lock),
            Err(error) if refreshes(settings) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "this session will not outlive the process");
                None
            }
        };
        match kept.session(settings).await {
            Ok(Some(session)) if may_adopt(&session) => {
                tracing::debug!("taking up the session of an earlier run");
                return Ok(session);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the last run's session cannot be read"),
        }
        let session = self.exchange(wire, settings).await?;
        if let Err(error) = kept.keep_session(&session).await {
            tracing::warn!(%error, "this session will not outlive the process");
        }
        Ok(session)
    }

    /// One sign-in. A rotated refresh token is in the vault before the session is used.
    async fn exchange(&self, wire: &Wire, settings: &OrgSettings) -> Result<Session, Error> {
        let newest = self.newest(settings).await?;
        let granted = sign_in(wire, settings, newest.as_ref()).await?;
        if let Some(token) = granted.refresh_token {
            *self.loose() = Some(token.clone());
            self.settle(&token).await?;
        }
        Ok(granted.session)
    }

    /// The newest refresh token; none for other flows. Proves that the next one can be kept, while
    /// there is still one that is good: it is rewritten, which costs little and tries everything.
    async fn newest(&self, settings: &OrgSettings) -> Result<Option<Secret>, Error> {
        let SignIn::RefreshToken { token } = &settings.sign_in else { return Ok(None) };
        let loose = self.loose().clone();
        let newest = match (&self.kept, loose) {
            (_, Some(loose)) => loose,
            (Some(kept), None) => {
                kept.refresh_token(settings).await?.unwrap_or_else(|| token.clone())
            }
            (None, None) => token.clone(),
        };
        self.settle(&newest).await?;
        Ok(Some(newest))
    }

    /// Puts a refresh token into the vault, if there is one.
    async fn settle(&self, token: &Secret) -> Result<(), Error> {
        let Some(kept) = &self.kept else { return Ok(()) };
        kept.keep_refresh_token(token).await?;
        *self.loose() = None;
        Ok(())
    }

    fn loose(&self) -> std::sync::MutexGuard<'_, Option<Secret>> {
        self.loose.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn refreshes(settings: &OrgSettings) -> bool {
    matches!(settings.sign_in, SignIn::RefreshToken { .. })
}
