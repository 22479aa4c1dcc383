//! How Orgtap reaches other machines: HTTP client, secrets, retry, and the disposition of failures.
//!
//! A crate of its own because the org's client and the destinations need exactly the same things
//! and must not depend on each other. It knows nothing of Salesforce or of any SIEM.
//!
//! Start with [`Disposition`]: every failure anywhere in Orgtap answers that one question.

pub mod http;
mod measure;
mod problem;
mod retry;
mod secret;

pub use measure::{ByteSize, ConfigDuration, MeasureError};
pub use problem::{Disposition, Explain, Problem};
pub use retry::Backoff;
pub use secret::{Secret, SecretError, SecretRef};
