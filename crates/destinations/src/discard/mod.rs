//! Nowhere: takes every batch, keeps nothing.
//!
//! For measuring what collection costs without a target, and for trying a connector before there
//! is a SIEM. The ledger takes the events for delivered: a destination added later does not get
//! those of units that are finished.
//!
//! # Guarantee
//!
//! None, on purpose. The answer is always durable, because nothing that a crash could lose is
//! kept. Nothing here fails or waits, so a stream never dies.

mod config;

use async_trait::async_trait;

pub use self::config::DiscardConfig;
use crate::{Batch, Checked, Destination, Error, Guarantee, Limits, Promise, Receipt, Stream};

/// What happens to events here.
pub const PROMISE: Promise = Promise {
    guarantee: Guarantee::Nothing,
    repeats: "",
    loss: "always: every event is thrown away on purpose, and counts as delivered",
    reorder: "",
};

/// A running destination.
pub struct Discard {
    name: String,
}

impl Discard {
    /// A destination that keeps nothing.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }
}

#[async_trait]
impl Destination for Discard {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "discard"
    }

    fn promise(&self) -> Promise {
        PROMISE
    }

    /// The same as for files, so that one can be measured against the other.
    fn limits(&self) -> Limits {
        Limits { events: 10_000, bytes: 1 << 18 }
    }

    fn forgets_unfinished(&self) -> bool {
        true
    }

    /// There is no way to prove.
    async fn check(&self, _sample: Batch) -> Result<Checked, Error> {
        let proof = "nothing was sent: this destination throws every event away, nothing arrives \
                     anywhere";
        Ok(Checked { proof: proof.to_owned(), leaves: None })
    }

    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(Nowhere))
    }
}

/// A stream into nothing.
struct Nowhere;

#[async_trait]
impl Stream for Nowhere {
    async fn write(&mut self, _batch: Batch) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }

    async fn flush(&mut self) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }
}
