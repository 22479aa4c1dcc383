//! Destinations as written in the configuration, and how they become running ones.
//!
//! Reading a configuration touches neither network nor secrets. [`DestinationConfig::build`]
//! checks what a single value cannot show, reads certificates and fetches secrets; it sends
//! nothing.

mod tagged;
mod tls;
mod url;

use std::sync::Arc;

use orgtap_transport::{ConfigDuration, Vault};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::tls::TlsConfig;
pub use self::url::TargetUrl;
use crate::discard::DiscardConfig;
use crate::dnif::DnifConfig;
use crate::error::Kind;
use crate::file::FileConfig;
use crate::http::HttpConfig;
use crate::pace::{Paced, Pacing};
use crate::stdout::StdoutConfig;
use crate::syslog::SyslogConfig;
use crate::{Destination, Error};

/// One destination of the configuration, told apart by `type`.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum DestinationConfig {
    /// DNIF, by its HTTP connector.
    Dnif(DnifConfig),
    /// Any HTTP endpoint that takes JSON.
    Http(HttpConfig),
    /// A syslog receiver.
    Syslog(SyslogConfig),
    /// Files on local disk.
    File(FileConfig),
    /// The standard output.
    Stdout(StdoutConfig),
    /// Nowhere.
    Discard(DiscardConfig),
}

/// The shape events are delivered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Format {
    /// Every non-empty column under its own name, as Salesforce wrote it, and `_orgtap`.
    #[default]
    Raw,
}

impl DestinationConfig {
    /// The name, by which connectors refer to it.
    pub fn name(&self) -> &str {
        match self {
            Self::Dnif(config) => &config.name,
            Self::Http(config) => &config.name,
            Self::Syslog(config) => &config.name,
            Self::File(config) => &config.name,
            Self::Stdout(config) => &config.name,
            Self::Discard(config) => &config.name,
        }
    }

    /// The word after `type:`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Dnif(_) => "dnif",
            Self::Http(_) => "http",
            Self::Syslog(_) => "syslog",
            Self::File(_) => "file",
            Self::Stdout(_) => "stdout",
            Self::Discard(_) => "discard",
        }
    }

    /// The format its events have.
    pub const fn format(&self) -> Format {
        match self {
            Self::Dnif(config) => config.format,
            Self::Http(config) => config.format,
            Self::Syslog(config) => config.format,
            Self::File(config) => config.format,
            Self::Stdout(config) => config.format,
            Self::Discard(config) => config.format,
        }
    }

    /// How fast it takes events, and up to what age.
    pub fn pacing(&self) -> Pacing {
        macro_rules! of {
            ($config:expr) => {
                Pacing {
                    max_events_per_second: $config.max_events_per_second,
                    backfill_events_per_second: $config.backfill_events_per_second,
                    max_age: $config.max_age.map(ConfigDuration::get),
                }
            };
        }
        match self {
            Self::Dnif(config) => of!(config),
            Self::Http(config) => of!(config),
            Self::Syslog(config) => of!(config),
            Self::File(config) => of!(config),
            Self::Stdout(config) => of!(config),
            Self::Discard(config) => of!(config),
        }
    }

    /// Makes the running destination, with stored secrets from `vault`. Blocks while secrets are
    /// fetched and certificates read.
    pub fn build(&self, vault: &Vault) -> Result<Arc<dyn Destination>, Error> {
        check_name(self.name())?;
        let destination: Arc<dyn Destination> = match self {
            Self::Dnif(config) => Arc::new(config.build(vault)?),
            Self::Http(config) => Arc::new(config.build(vault)?),
            Self::Syslog(config) => Arc::new(config.build()?),
            Self::File(config) => Arc::new(config.build()?),
            Self::Stdout(config) => Arc::new(config.build()),
            Self::Discard(config) => Arc::new(config.build()),
        };
        let pacing = self.pacing();
        if pacing == Pacing::default() {
            return Ok(destination);
        }
        Ok(Arc::new(Paced::new(destination, pacing)))
    }
}

/// Names go into the ledger, logs and metrics, so they are short and plain.
fn check_name(name: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        return Err(Error::new(
            Kind::Configuration,
            &shown,
            "name must be 1 to 64 letters, digits, dots, dashes or underscores",
        ));
    }
    Ok(())
}
