//! Who looks at a page or makes a call.

use std::fmt;
use std::str::FromStr;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use orgtap_ledger::{PersonId, SecretHash};
use serde::{Deserialize, Serialize};

use super::Log;
use crate::error::{Error, Result};

/// What a person may do, each role what those before it may.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything but secrets, people and the audit log.
    Viewer,
    /// Pauses, resumes, collects now, tests, replays, dismisses.
    Operator,
    /// Changes connectors, people and tokens; reads the audit log.
    Administrator,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Administrator];

    /// One word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|role| role.name() == word);
        known.ok_or_else(|| Error::unusable("a role is viewer, operator or administrator"))
    }
}

/// Who makes this request: a person with a session, or a token in a person's place.
///
/// As an argument of a handler it demands one of the two.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// The person's name.
    pub(crate) name: String,
    /// What they may; of a token no more than the token may.
    pub(crate) role: Role,
    /// What forms carry in the field `csrf`, scripts in the header `x-csrf-token`. Empty for tokens.
    pub(crate) csrf: String,
    /// The token's name, if it is one.
    pub(crate) token: Option<String>,
    /// The number of the person in the ledger.
    pub(crate) person: PersonId,
    /// The hash of the session's secret; none for tokens.
    pub(crate) session: Option<SecretHash>,
    /// What this request did, for the audit log.
    pub(super) log: Log,
}

impl Viewer {
    /// Demands a role.
    pub(crate) fn may(&self, needs: Role) -> Result<()> {
        if self.role >= needs { Ok(()) } else { Err(Error::Forbidden { needs }) }
    }

    /// Says for the audit log what this request does, for example `connector.pause` and the
    /// connector's name. A change that does not say is written down by its address.
    pub(crate) fn did(&self, action: &'static str, subject: impl Into<String>) {
        self.log.did(action, subject);
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        parts.extensions.get::<Self>().cloned().ok_or(Error::SignInNeeded)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
