//! The configuration of an HTTP destination.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use orgtap_transport::{ConfigDuration, SecretRef, Vault};
use schemars::JsonSchema;
use serde::Deserialize;

use super::PROMISE;
use crate::Error;
use crate::config::{Format, TargetUrl, TlsConfig};
use crate::webhook::{AuthConfig, BatchConfig, Body, Method, Settings, Webhook};

/// An HTTP endpoint that takes JSON.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Name, by which connectors refer to it.
    pub name: String,
    /// Shape of an event.
    #[serde(default)]
    pub format: Format,
    /// Where requests go.
    pub url: TargetUrl,
    /// Method of the requests.
    #[serde(default)]
    pub method: Method,
    /// Credentials. None if absent.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// Further headers: name and value, which may be a secret.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretRef>,
    /// How several events make one body.
    #[serde(default)]
    pub body: Body,
    /// Whether bodies are compressed with gzip.
    #[serde(default)]
    pub gzip: bool,
    /// How large a request may get.
    #[serde(default)]
    pub batch: BatchConfig,
    /// Events per second, at most, over all connectors.
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
    #[serde(default = "HttpConfig::default_timeout")]
    pub timeout: ConfigDuration,
    /// Certificates.
    #[serde(default)]
    pub tls: TlsConfig,
    /// Proxy for the way to the target; without it, the usual environment variables count.
    #[serde(default)]
    pub proxy: Option<TargetUrl>,
    /// Allows an http address of another machine. Everybody on the way can read the events.
    #[serde(default)]
    pub allow_plaintext: bool,
}

impl HttpConfig {
    const fn default_timeout() -> ConfigDuration {
        ConfigDuration::from_secs(60)
    }

    /// Makes the running destination.
    pub(crate) fn build(&self, vault: &Vault) -> Result<Webhook, Error> {
        Webhook::build(&Settings {
            vault,
            name: &self.name,
            kind: "http",
            promise: PROMISE,
            url: &self.url,
            allow_plaintext: self.allow_plaintext,
            method: self.method,
            headers: &self.headers,
            auth: self.auth.as_ref(),
            body: self.body,
            content_type: match self.body {
                Body::JsonArray => "application/json",
                Body::Ndjson => "application/x-ndjson",
            },
            gzip: self.gzip,
            names_batches: true,
            batch: self.batch,
            timeout: self.timeout.get(),
            tls: &self.tls,
            proxy: self.proxy.as_ref(),
        })
    }
}
