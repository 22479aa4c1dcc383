//! The app clients sign in through, as an administrator set it up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of app. It decides what the org says, and whether there can be a password flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum App {
    /// The older kind, which may offer every flow.
    ConnectedApp,
    /// The newer kind, which never offers the username-password flow.
    ExternalClientApp,
}

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Username, password and security token.
    Password,
    /// The app's own key and secret; the org decides as which user.
    ClientCredentials,
    /// An assertion signed with the key of an uploaded certificate.
    JwtBearer,
    /// A token from an earlier authorisation.
    RefreshToken,
}

impl Flow {
    /// The flow a `grant_type` asks for.
    pub(crate) fn of_grant(grant_type: &str) -> Option<Self> {
        Some(match grant_type {
            "password" => Self::Password,
            "client_credentials" => Self::ClientCredentials,
            "urn:ietf:params:oauth:grant-type:jwt-bearer" => Self::JwtBearer,
            "refresh_token" => Self::RefreshToken,
            _ => return None,
        })
    }

    /// The name used in the control endpoint.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "jwt_bearer",
            Self::RefreshToken => "refresh_token",
        }
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The flows the app offers; one that it does not offer is `unsupported_grant_type`. In JSON, a
/// flow that is left out is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flows {
    /// Username and password. Only a connected app can.
    pub password: bool,
    /// Client credentials.
    pub client_credentials: bool,
    /// JWT bearer.
    pub jwt_bearer: bool,
    /// Refresh token.
    pub refresh_token: bool,
}

impl Flows {
    /// Only this one.
    pub const fn only(flow: Flow) -> Self {
        Self {
            password: matches!(flow, Flow::Password),
            client_credentials: matches!(flow, Flow::ClientCredentials),
            jwt_bearer: matches!(flow, Flow::JwtBearer),
            refresh_token: matches!(flow, Flow::RefreshToken),
        }
    }

    /// Whether the app offers this one.
    pub const fn offers(self, flow: Flow) -> bool {
        match flow {
            Flow::Password => self.password,
            Flow::ClientCredentials => self.client_credentials,
            Flow::JwtBearer => self.jwt_bearer,
            Flow::RefreshToken => self.refresh_token,
        }
    }
}

impl Default for Flows {
    fn default() -> Self {
        Self { password: true, client_credentials: true, jwt_bearer: true, refresh_token: true }
    }
}

/// Whom the app's policy admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PermittedUsers {
    /// All users may authorise the app themselves.
    SelfAuthorised,
    /// Only users an administrator approved.
    AdminApproved,
}
