//! What events mean: the catalogue of event types, ids, times, the identity of units and events,
//! and the formats events are delivered in.
//!
//! No I/O and no async. The row loop ([`raw`]) allocates nothing per field.

pub mod catalogue;
pub mod id;
pub mod raw;
pub mod time;
mod unit;

pub use unit::{Interval, UnitInfo};
