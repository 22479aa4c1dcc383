//! The configuration as the collector uses it: checked, defaults filled in.
//!
//! Secrets are still references. They are fetched where they are used, by
//! [`ConnectorSettings::org_settings`] and [`DestinationConfig::build`], so that a changed secret
//! is seen by the next start of a connector.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use orgtap_destinations::config::DestinationConfig;
use orgtap_salesforce::{ApiVersion, Keep, OrgSettings, SignIn};
use orgtap_transport::http::ClientSettings;
use orgtap_transport::{Backoff, Problem, Secret, SecretRef, Vault};
use url::Url;

use crate::budget::figures::ApiBudget;

use super::console::ConsoleSettings;
use super::fault::{ConfigError, Fault, FaultKind};
use super::filter::TypeFilter;
use super::insights::InsightsSettings;
use super::written::{AuthFlow, IntervalPolicy, Reconcile};

/// A whole configuration.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// Where spool and ledger are kept.
    pub data_dir: PathBuf,
    /// Secrets and sessions at rest.
    pub vault: Vault,
    /// How long a unit stays in the spool after every destination has it.
    pub spool_retention: Duration,
    /// Bytes the spool may take.
    pub spool_limit: Option<u64>,
    /// How long row indexes and admission records stay after the last file of their lane.
    pub rows_retention: Duration,
    /// What happens after a failure.
    pub retry: RetrySettings,
    /// The console; none: it is off.
    pub console: Option<ConsoleSettings>,
    /// What the rows say, counted; none: nothing is.
    pub insights: Option<InsightsSettings>,
    /// The orgs to collect from: those of the main file, then the saved ones. At least one, unless
    /// read by [`load_maybe_empty`](super::load_maybe_empty).
    pub connectors: Vec<ConnectorSettings>,
    /// Where events go; at least one.
    pub destinations: Vec<DestinationConfig>,
    /// What is wrong with files of saved connectors that were passed over.
    pub broken: Vec<Problem>,
    /// The vault's entries that are referred to.
    pub stored: Vec<StoredUse>,
    /// What works but should not stay as it is, for a person to read. Without secrets.
    pub warnings: Vec<String>,
}

/// A reference to an entry of the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredUse {
    /// The entry's name.
    pub entry: String,
    /// `connector` or `destination`.
    pub kind: &'static str,
    /// The name of the connector or destination that refers to it.
    pub name: String,
}

/// What happens after a failure that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// How long to wait between tries.
    pub backoff: Backoff,
    /// Tries before a pass gives up; a running daemon goes on trying.
    pub attempts: u32,
}

/// One connector.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConnectorSettings {
    /// Its name: unique, and plain enough for file names and metrics.
    pub name: String,
    /// The file `orgtap connector add` saved it in; none for a connector of the main file.
    pub saved_in: Option<PathBuf>,
    /// What people call it, or what it is for.
    pub description: Option<String>,
    /// The org's address, without path.
    pub instance_url: Url,
    /// Where to sign in, if not there.
    pub login_url: Option<Url>,
    /// The user that collects, where it is named.
    pub user: Option<String>,
    /// The app's consumer key.
    pub consumer_key: SecretRef,
    /// The app's consumer secret, where the flow uses it.
    pub consumer_secret: Option<SecretRef>,
    /// The way to sign in.
    pub sign_in: SignInSettings,
    /// The API version to stay at, if not the newest.
    pub api_version: Option<ApiVersion>,
    /// Proxy towards the org.
    pub proxy: Option<Url>,
    /// Authorities (PEM) trusted besides the system's own.
    pub ca_file: Option<PathBuf>,
    /// Time between two looks for new log files.
    pub poll_interval: Duration,
    /// Log files created before this are left alone; none means everything the org still has.
    pub start: Option<Timestamp>,
    /// What may be used of the org's API calls.
    pub api_budget: ApiBudget,
    /// Hourly files, daily files, or whichever the org has.
    pub interval: IntervalPolicy,
    /// What becomes of a daily file beside hourly ones.
    pub reconcile: Reconcile,
    /// Least share of hourly rows, in percent, that their daily file must hold; 0 for no check.
    pub reconcile_threshold: u8,
    /// The event types to collect.
    pub event_types: TypeFilter,
    /// Age a log file must have before it is fetched, because it may still be being written.
    pub settle: Duration,
    /// How far each look reaches back behind the newest file seen.
    pub overlap: Duration,
    /// Names of the destinations; at least one, each of them in [`Settings::destinations`].
    pub destinations: Vec<String>,
}

/// The way to sign in, with what only that way needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInSettings {
    /// The OAuth username-password flow.
    Password {
        /// The user's password.
        password: SecretRef,
        /// The user's security token; not needed from addresses the org trusts.
        security_token: Option<SecretRef>,
    },
    /// The OAuth client-credentials flow.
    ClientCredentials,
    /// The OAuth JWT bearer flow.
    JwtBearer {
        /// The private RSA key, PEM.
        key: SecretRef,
        /// Who the assertion is for, if not the login host of the org's kind.
        audience: Option<String>,
    },
    /// The OAuth refresh-token flow.
    RefreshToken {
        /// The token that began the chain.
        token: SecretRef,
    },
}

/// Largest certificate file read, bytes. A whole system's bundle has about 200 KiB.
const LARGEST_CA_FILE: u64 = 4 << 20;

impl Settings {
    /// The destination of a name.
    pub fn destination(&self, name: &str) -> Option<&DestinationConfig> {
        self.destinations.iter().find(|destination| destination.name() == name)
    }

    /// Whether something else than this connector refers to an entry of the vault.
    pub fn is_used_elsewhere(&self, entry: &str, connector: &str) -> bool {
        let own = ("connector", connector);
        self.stored.iter().any(|it| it.entry == entry && (it.kind, it.name.as_str()) != own)
    }
}

impl SignInSettings {
    /// The flow, by its word.
    pub const fn flow(&self) -> AuthFlow {
        match self {
            Self::Password { .. } => AuthFlow::Password,
            Self::ClientCredentials => AuthFlow::ClientCredentials,
            Self::JwtBearer { .. } => AuthFlow::JwtBearer,
            Self::RefreshToken { .. } => AuthFlow::RefreshToken,
        }
    }
}

impl ConnectorSettings {
    /// The references to its secrets, by their keys.
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        let mut all = vec![("consumer_key", &self.consumer_key)];
        all.extend(self.consumer_secret.as_ref().map(|it| ("consumer_secret", it)));
        match &self.sign_in {
            SignInSettings::Password { password, security_token } => {
                all.insert(0, ("salesforce_user_password", password));
                all.extend(security_token.as_ref().map(|it| ("security_token", it)));
            }
            SignInSettings::JwtBearer { key, .. } => all.push(("jwt_key", key)),
            SignInSettings::RefreshToken { token } => all.push(("refresh_token", token)),
            SignInSettings::ClientCredentials => {}
        }
        all
    }

    /// The connector with the values themselves in the place of references that lead to nothing
    /// yet.
    #[must_use]
    pub fn with_secrets<'s>(mut self, value: impl Fn(&'static str) -> Option<&'s Secret>) -> Self {
        let put = |key: &'static str, reference: &mut SecretRef| {
            if let Some(secret) = value(key) {
                *reference = SecretRef::Plain(secret.clone());
            }
        };
        put("consumer_key", &mut self.consumer_key);
        if let Some(secret) = &mut self.consumer_secret {
            put("consumer_secret", secret);
        }
        match &mut self.sign_in {
            SignInSettings::Password { password, security_token } => {
                put("salesforce_user_password", password);
                if let Some(token) = security_token {
                    put("security_token", token);
                }
            }
            SignInSettings::JwtBearer { key, .. } => put("jwt_key", key),
            SignInSettings::RefreshToken { token } => put("refresh_token", token),
            SignInSettings::ClientCredentials => {}
        }
        self
    }

    /// Fetches the secrets and the certificates, and has the session kept in the vault. Blocks
    /// while files are read or commands run.
    pub fn org_settings(&self, vault: &Vault) -> Result<OrgSettings, ConfigError> {
        let extra_roots_pem = match &self.ca_file {
            Some(path) => Some(self.read_ca_file(path)?),
            None => None,
        };
        let fetch = |key: &str, reference: &SecretRef| self.resolve(vault, key, reference);
        let optional = |key: &str, reference: Option<&SecretRef>| {
            reference.map(|reference| fetch(key, reference)).transpose()
        };
        let consumer_key = fetch("consumer_key", &self.consumer_key)?;
        let consumer_secret = optional("consumer_secret", self.consumer_secret.as_ref())?;
        let user = self.user.clone().unwrap_or_default();
        let sign_in = match &self.sign_in {
            SignInSettings::Password { password, security_token } => SignIn::Password {
                user,
                password: fetch("salesforce_user_password", password)?,
                security_token: optional("security_token", security_token.as_ref())?,
            },
            SignInSettings::ClientCredentials => SignIn::ClientCredentials,
            SignInSettings::JwtBearer { key, audience } => {
                SignIn::JwtBearer { user, key: fetch("jwt_key", key)?, audience: audience.clone() }
            }
            SignInSettings::RefreshToken { token } => {
                SignIn::RefreshToken { token: fetch("refresh_token", token)? }
            }
        };
        Ok(OrgSettings {
            instance_url: self.instance_url.clone(),
            login_url: self.login_url.clone(),
            consumer_key,
            consumer_secret,
            sign_in,
            api_version: self.api_version,
            client: ClientSettings {
                proxy: self.proxy.clone(),
                extra_roots_pem,
                identity_pem: None,
            },
            keep: Some(Keep { vault: vault.clone(), connector: self.name.clone() }),
        })
    }

    fn resolve(
        &self,
        vault: &Vault,
        key: &str,
        reference: &SecretRef,
    ) -> Result<Secret, ConfigError> {
        reference.resolve(vault).map_err(|error| self.unusable(FaultKind::Secret, key, &error))
    }

    fn read_ca_file(&self, path: &Path) -> Result<Vec<u8>, ConfigError> {
        let mut pem = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST_CA_FILE + 1).read_to_end(&mut pem));
        let why: &dyn std::fmt::Display = match &read {
            Err(error) => error,
            Ok(_) if pem.len() as u64 > LARGEST_CA_FILE => &"it is larger than 4 MiB",
            Ok(_) if !is_pem(&pem) => &"it holds no certificate (PEM)",
            Ok(_) => return Ok(pem),
        };
        let message = format!("cannot use {}: {why}", path.display());
        Err(self.unusable(FaultKind::File, "ca_file", &message))
    }

    fn unusable(&self, kind: FaultKind, key: &str, why: &dyn std::fmt::Display) -> ConfigError {
        let path = format!("connectors.{}.{key}", self.name);
        ConfigError::new("the configuration", vec![Fault::new(kind, path, why.to_string())])
    }
}

fn is_pem(bytes: &[u8]) -> bool {
    let mark = b"-----BEGIN CERTIFICATE-----";
    bytes.windows(mark.len()).any(|window| window == mark)
}
