//! The engine behind [`dnif`](crate::dnif) and [`http`](crate::http): batches as POST requests.
//!
//! One batch is one request, and any 2xx answer makes it durable. A batch the target refuses as
//! too large or malformed is cut in halves until the events at fault are found (`deliver`). What
//! an answer means is decided in one place (`answer`).
//!
//! It never follows redirects and never sends anything twice by itself.

mod answer;
mod auth;
mod body;
mod client;
mod deliver;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orgtap_transport::{ByteSize, SecretRef, Vault};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::auth::{AuthConfig, HmacAlgorithm, HmacEncoding};
pub use self::body::Body;
use self::client::Client;
use self::deliver::Engine;
use crate::config::{TargetUrl, TlsConfig};
use crate::fused::Fused;
use crate::{Batch, Checked, Destination, Error, Limits, Promise, Stream};

/// How large a request may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Events per request, at most.
    pub events: NonZeroU32,
    /// Bytes of events per request, at most. A single larger event is sent alone.
    pub bytes: ByteSize,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self { events: NonZeroU32::MIN.saturating_add(499), bytes: ByteSize::mib(1) }
    }
}

/// HTTP methods that can carry events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum Method {
    /// POST.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// PUT.
    #[serde(rename = "PUT")]
    Put,
}

/// What the two destinations differ in, as configured.
pub(crate) struct Settings<'a> {
    /// Where stored secrets are.
    pub(crate) vault: &'a Vault,
    pub(crate) name: &'a str,
    pub(crate) kind: &'static str,
    pub(crate) promise: Promise,
    pub(crate) url: &'a TargetUrl,
    pub(crate) allow_plaintext: bool,
    pub(crate) method: Method,
    pub(crate) headers: &'a BTreeMap<String, SecretRef>,
    pub(crate) auth: Option<&'a AuthConfig>,
    pub(crate) body: Body,
    pub(crate) content_type: &'static str,
    pub(crate) gzip: bool,
    /// Whether each request names its batch in an `Idempotency-Key` header.
    pub(crate) names_batches: bool,
    pub(crate) batch: BatchConfig,
    pub(crate) timeout: Duration,
    pub(crate) tls: &'a TlsConfig,
    pub(crate) proxy: Option<&'a TargetUrl>,
}

/// A running destination of either type.
pub struct Webhook {
    name: String,
    kind: &'static str,
    promise: Promise,
    limits: Limits,
    engine: Arc<Engine>,
}

impl Webhook {
    /// Fetches secrets and certificates and builds the client. Sends nothing.
    pub(crate) fn build(settings: &Settings<'_>) -> Result<Self, Error> {
        Ok(Self {
            name: settings.name.to_owned(),
            kind: settings.kind,
            promise: settings.promise,
            limits: Limits {
                events: settings.batch.events.get() as usize,
                bytes: settings.batch.bytes.as_len(),
            },
            engine: Arc::new(Engine::new(Client::build(settings)?)),
        })
    }
}

#[async_trait]
impl Destination for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn promise(&self) -> Promise {
        self.promise
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    /// Sends the sample, which stays at the target.
    async fn check(&self, sample: Batch) -> Result<Checked, Error> {
        self.engine.check(&sample).await
    }

    /// Connects to nothing yet: the first request does.
    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(Fused::new(&self.name, deliver::Requests::new(Arc::clone(&self.engine)))))
    }
}
