//! DNIF, by its HTTP connector.
//!
//! Events go to the bulk endpoint of one authentication block,
//! `https://<tenant>:2882/<cluster>/<scope>/<auth-id>/events`, as a JSON array or one object per
//! line, with the mode of authentication chosen there: Basic, Bearer, SharedSecret or HMAC.
//!
//! # Guarantee
//!
//! At least once. DNIF keeps no memory of what it was sent, so a request whose answer was lost
//! is there twice, with the same `event_uid`. DNIF's own safeguards may drop events it has
//! answered for when they come faster than its EPS threshold: set `max_events_per_second` below
//! that. A batch never holds more than one second's worth then.
//!
//! # Worth knowing
//!
//! - Compression of bodies is not offered: DNIF does not document that it is understood.
//! - DNIF's tools for custom extractors look at 10,000 characters of an event. Longer events are
//!   delivered all the same; few log files have them.
//! - The check sends one event, which stays in DNIF.

mod config;

pub use self::config::DnifConfig;
use crate::{Guarantee, Promise};

/// What can still happen to events on the way to DNIF.
pub const PROMISE: Promise = Promise {
    guarantee: Guarantee::AtLeastOnce,
    repeats: "a request whose answer was lost, or that was answered just before a crash, is sent \
              again; its events have the same event_uid",
    loss: "only inside DNIF: events that came faster than its EPS threshold",
    reorder: "",
};
