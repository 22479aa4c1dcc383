//! The destination contract and what implements it.
//!
//! [`Destination`] says where events go and what can still happen to them; [`Stream`] takes
//! batches and answers with [`Receipt`]s. Each destination has a folder of its own with the same
//! file names: `mod.rs` (documentation and the guarantee), `config.rs`, and what it needs of
//! `encode.rs`, `client.rs`, `tests.rs`. Start with [`contract`].
//!
//! [`DestinationConfig`] is a destination as configured, [`DestinationConfig::build`] makes it
//! run. Every failure is an [`Error`] with a stable code.
//!
//! # What can still happen to an event
//!
#![doc = include_str!("promises.md")]

pub mod config;
pub mod contract;
pub mod discard;
pub mod dnif;
pub mod error;
pub mod file;
mod fused;
pub mod http;
pub mod pace;
mod promises;
pub mod stdout;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
pub mod syslog;
pub mod webhook;

pub use config::{DestinationConfig, Format};
pub use contract::{
    Batch, Checked, Destination, Events, Guarantee, Limits, Promise, Receipt, Rejected, Stream,
};
pub use error::{Error, Kind};
pub use pace::{Pace, Pacing, Rate};
pub use promises::{promises, promises_table};
