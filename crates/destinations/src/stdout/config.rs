//! The configuration of the standard output.

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
}

impl StdoutConfig {
    /// Makes the running destination.
    pub(crate) fn build(&self) -> Stdout {
        Stdout::new(&self.name, std::io::stdout())
    }
}
