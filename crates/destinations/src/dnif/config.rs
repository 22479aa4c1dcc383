//! The configuration of a DNIF destination.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use orgtap_transport::{ConfigDuration, Vault};
use schemars::JsonSchema;
use serde::Deserialize;

use super::PROMISE;
use crate::Error;
use crate::config::{Format, TargetUrl, TlsConfig};
use crate::error::Kind;
use crate::webhook::{AuthConfig, BatchConfig, Body, Method, Settings, Webhook};

/// DNIF's HTTP connector.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnifConfig {
    /// Name, by which connectors refer to it.
    pub name: String,
    /// Shape of an event.
    #[serde(default)]
    pub format: Format,
    /// The bulk endpoint of an authentication block, as DNIF shows it:
    /// `https://<tenant>:2882/<cluster>/<scope>/<auth-id>/events`.
    pub url: TargetUrl,
    /// Credentials, of the mode chosen in the authentication block.
    pub auth: AuthConfig,
    /// How several events make one body.
    #[serde(default)]
    pub body: Body,
    /// How large a request may get.
    #[serde(default)]
    pub batch: BatchConfig,
    /// Events per second, at most, over all connectors. Set it below DNIF's EPS
    /// threshold: what comes faster is dropped there, without a word.
    #[serde(default)]
    pub max_events_per_second: Option<NonZeroU32>,
    /// Of these, events per second of backfilled and replayed log files, at most.
    #[serde(default)]
    pub backfill_events_per_second: Option<NonZeroU32>,
    /// Log files whose period began longer ago than this are withheld: not sent here, and said to
    /// be missing. Without it the target takes everything.
    #[serde(default)]
    pub max_age: Option<ConfigDuration>,
    /// Longest wait for the answer to a request, at most a minute.
    #[serde(default = "DnifConfig::default_timeout")]
    pub timeout: ConfigDuration,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsConfig,
    /// Proxy for the way to DNIF; without it, the usual environment variables count.
    #[serde(default)]
    pub proxy: Option<TargetUrl>,
    /// Allows an http address of another machine. Everybody on the way can read the events.
    #[serde(default)]
    pub allow_plaintext: bool,
}

impl DnifConfig {
    const fn default_timeout() -> ConfigDuration {
        ConfigDuration::from_secs(60)
    }

    /// Makes the running destination.
    pub(crate) fn build(&self, vault: &Vault) -> Result<Webhook, Error> {
        let last = self.url.url().path().trim_end_matches('/').rsplit('/').next();
        if last == Some("event") {
            return Err(Error::new(
                Kind::Configuration,
                &self.name,
                "url ends in /event, which takes one event per request: use the address that \
                 ends in /events",
            ));
        }
        Webhook::build(&Settings {
            vault,
            name: &self.name,
            kind: "dnif",
            promise: PROMISE,
            url: &self.url,
            allow_plaintext: self.allow_plaintext,
            method: Method::Post,
            headers: &BTreeMap::new(),
            auth: Some(&self.auth),
            body: self.body,
            // DNIF wants this for lines of objects too.
            content_type: "application/json",
            gzip: false,
            names_batches: false,
            batch: self.batch,
            timeout: self.timeout.get(),
            tls: &self.tls,
            proxy: self.proxy.as_ref(),
        })
    }
}
