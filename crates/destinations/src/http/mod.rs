//! Any HTTP endpoint that takes JSON: a webhook.
//!
//! A batch is one request. Each carries `Idempotency-Key: <batch id>`, the same for every repeat,
//! so that a target can forget repeats; parts of a refused batch carry the id with their range.
//!
//! # Guarantee
//!
//! At least once. Any 2xx answer counts as durable: what the target answers for is its own.
//! A request whose answer was lost is sent again, with the same key and the same `event_uid`s.
//!
//! # Refusals
//!
//! After 413, 400 or 422 a batch is cut in halves until the events at fault are found; those are
//! set aside and the others count as delivered. If every event is refused, the configuration is
//! to blame and delivery pauses. 415 and other 4xx answers pause at once; 408, 409, 425, 429 and
//! 5xx are tried again later. Redirects are not followed.

mod config;

pub use self::config::HttpConfig;
use crate::{Guarantee, Promise};

/// What can still happen to events on the way to an HTTP target.
pub const PROMISE: Promise = Promise {
    guarantee: Guarantee::AtLeastOnce,
    repeats: "a request whose answer was lost, or that was answered just before a crash, is sent \
              again, with the same Idempotency-Key and event_uid",
    loss: "",
    reorder: "",
};
