//! The audit log: who did what, from where, and what came of it.
//!
//! Every change of a person or token is written down, whether its handler says what it was or
//! not; of those who are not signed in, only what the handler says.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::extract::FromRequestParts;
use http::request::Parts;
use orgtap_ledger::AuditEntry;

use super::Viewer;
use crate::app::App;
use crate::error::{Error, Result};

/// What a request says about itself for the audit log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Option<Did>>>);

#[derive(Debug, Clone)]
struct Did {
    who: Option<String>,
    action: &'static str,
    subject: String,
}

impl Log {
    /// Says what this request does.
    pub(crate) fn did(&self, action: &'static str, subject: impl Into<String>) {
        self.set(None, action, subject.into());
    }

    /// The same of somebody who is not signed in (yet).
    pub(crate) fn did_as(&self, who: &str, action: &'static str, subject: impl Into<String>) {
        // What was typed as a name may be long, or a password.
        let who = who.chars().take(64).collect();
        self.set(Some(who), action, subject.into());
    }

    fn set(&self, who: Option<String>, action: &'static str, subject: String) {
        if let Ok(mut did) = self.0.lock() {
            *did = Some(Did { who, action, subject });
        }
    }

    fn take(&self) -> Option<Did> {
        self.0.lock().ok()?.take()
    }
}

impl<S: Sync> FromRequestParts<S> for Log {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// A request that may have to be written down.
pub(super) struct Pending {
    pub(super) log: Log,
    pub(super) viewer: Option<Viewer>,
    pub(super) address: IpAddr,
    /// Method and path.
    pub(super) request: String,
    pub(super) may_change: bool,
}

impl Pending {
    /// Writes it down, if it is to be.
    pub(super) async fn write(self, app: &App, outcome: String) {
        let did = self.log.take();
        if did.is_none() && (!self.may_change || self.viewer.is_none()) {
            return;
        }
        let (who, action, subject) = match did {
            Some(did) => (did.who, did.action.to_owned(), did.subject),
            None => (None, "request".to_owned(), self.request),
        };
        let (name, token) = self.viewer.map_or_else(Default::default, |v| (v.name, v.token));
        let entry = AuditEntry {
            id: 0,
            at: app.now(),
            who: who.unwrap_or(name),
            token,
            address: self.address.to_string(),
            action,
            subject: subject.chars().take(256).collect(),
            outcome,
        };
        if let Err(error) = app.door().note(&entry).await {
            tracing::error!(%error, action = entry.action, who = entry.who, "not written into the audit log");
        }
    }
}
