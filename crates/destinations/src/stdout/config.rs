//! The configuration of the standard output.

use std::num::NonZeroU32;

use orgtap_transport::ConfigDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Stdout;
use crate::config::Format;

/// The standard output.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdoutConfig {
    /// Name, by which connectors refer to it.
    pub name: String,
    /// Shape of an event.
    #[serde(default)]
    pub format: Format,
    /// Events per second, at most, over all connectors.
    #[serde(default)]
    pub max_events_per_second: Option<NonZeroU32>,
    /// Of these, events per second of backfilled and replayed log files, at most.
    #[serde(default)]
    pub backfill_events_per_second: Option<NonZeroU32>,
    /// Log files whose period began longer ago than this are withheld: not sent here, and said to
    /// be missing. Without it the target takes everything.
    #[serde(default)]
    pub max_age: Option<ConfigDuration>,
}

impl StdoutConfig {
    /// Makes the running destination.
    pub(crate) fn build(&self) -> Stdout {
        Stdout::new(&self.name, std::io::stdout())
    }
}
