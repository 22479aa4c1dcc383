//! The contract, held against HTTP and DNIF destinations.

use std::sync::Arc;

use async_trait::async_trait;
use orgtap_destinations::suite::{Condition, Harness};
use orgtap_destinations::{Destination, DestinationConfig, contract_suite};
use serde_json::{Value, json};

use crate::fake_http::{FakeHttp, Manner};
use crate::no_vault;
use crate::proxy::{Fault, Proxy};

/// Builds a destination from its configuration.
pub(crate) fn build(config: Value) -> Arc<dyn Destination> {
    let config: DestinationConfig = serde_json::from_value(config).unwrap();
    config.build(&no_vault()).unwrap()
}

const SECRET: &str = "hunter2-and-more";

struct Webhook {
    target: FakeHttp,
    proxy: Proxy,
    destination: Arc<dyn Destination>,
}

impl Webhook {
    async fn start(mut config: Value) -> Self {
        let target = FakeHttp::start().await;
        let proxy = Proxy::start(target.address()).await;
        config["name"] = "siem".into();
        config["url"] = format!("http://{}/c/s/{SECRET}/events", proxy.address()).into();
        Self { target, proxy, destination: build(config) }
    }
}

#[async_trait]
impl Harness for Webhook {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::clone(&self.destination)
    }

    async fn set(&mut self, condition: Condition) -> bool {
        self.target.set(Manner::Takes);
        match condition {
            Condition::Well => self.proxy.up(),
            Condition::Down => self.proxy.down().await,
            Condition::CutAfter(bytes) => self.proxy.set(Fault::CutAfter(bytes)),
            Condition::CutAnswer => self.proxy.set(Fault::CutAnswer),
            Condition::Slow => self.proxy.set(Fault::Slow),
            Condition::Busy(wait) => {
                let after = vec![("retry-after", wait.as_secs().to_string())];
                self.target.set(Manner::Answers(429, after, "too fast".to_owned()));
            }
            Condition::Refuses(uids) => self.target.set(Manner::Refuses(422, uids)),
            Condition::RefusesAll => self.target.set(Manner::Echoes(400)),
        }
        true
    }

    async fn arrived(&mut self, _: usize) -> Vec<String> {
        self.target.taken()
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }
}

contract_suite!(http_as_array, Webhook::start(json!({ "type": "http" })));
contract_suite!(
    http_as_compressed_lines,
    Webhook::start(json!({
        "type": "http",
        "method": "PUT",
        "body": "ndjson",
        "gzip": true,
        "headers": { "X-Key": SECRET },
        "auth": { "hmac": { "header": "X-Signature", "secret": SECRET } },
    }))
);
contract_suite!(
    dnif_as_array,
    Webhook::start(json!({
        "type": "dnif",
        "auth": { "basic": { "username": "u", "password": SECRET } },
    }))
);
contract_suite!(
    dnif_as_lines,
    Webhook::start(json!({
        "type": "dnif",
        "body": "ndjson",
        "auth": { "shared_secret": { "header": "X-Dnif", "secret": SECRET } },
    }))
);
