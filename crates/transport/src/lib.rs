//! What everything that reaches outside needs alike: HTTP client, secrets and the vault they rest
//! in, files that must survive, retry, the disposition of failures, and how numbers are written for
//! people.
//!
//! A crate of its own because the org's client and the destinations need exactly the same things
//! and must not depend on each other. It knows nothing of Salesforce or of any SIEM.
//!
//! Start with [`Disposition`]: every failure anywhere in Orgtap answers that one question.

pub mod disk;
pub mod http;
mod measure;
mod problem;
mod retry;
mod secret;
pub mod tls;
pub mod vault;
pub mod words;

pub use measure::{ByteSize, ConfigDuration, MeasureError};
pub use problem::{Disposition, Explain, Possibility, Problem};
pub use retry::Backoff;
pub use secret::{COMMAND_LIMIT, Secret, SecretError, SecretRef};
pub use vault::Vault;
