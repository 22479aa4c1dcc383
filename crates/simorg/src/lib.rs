//! A simulated Salesforce org over HTTP, with a seeded world, a clock of its own and faults by name.
//!
//! For the demo and the tests. It follows the platform's documented and observed behaviour, not
//! our convenience, and shares no code with the collector but the catalogue of event types, so
//! that the two cannot be wrong together. [`world`] decides what happened and which files exist
//! when; the server shows it over HTTP.

//!
//! Start with [`SimOrg::start`]; a [`Running`] org gives its address, credentials, clock, faults,
//! settings, counts and the world's own truth.

mod access;
mod clock;
mod config;
mod control;
mod describe;
mod error;
mod faults;
mod ids;
mod networks;
mod oauth;
mod org;
mod query;
mod records;
mod reply;
mod request;
mod rest;
mod schema;
mod server;
mod soql;
mod stats;
mod token;
mod wire;
pub mod world;

pub use clock::{Clock, ClockConfig};
pub use config::{
    App, Credentials, Flow, Flows, OrgSettings, Permissions, PermittedUsers, SimConfig, UserState,
};
pub use error::Error;
pub use faults::{Fault, Faults, LoginRefusal, PRESETS, RestRefusal, Rule, When, preset};
pub use networks::networks;
pub use org::SignInAttempt;
pub use server::{Running, SimOrg};
pub use stats::{Call, Stats};
