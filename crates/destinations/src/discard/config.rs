//! The configuration of throwing away.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Discard;
use crate::config::Format;

/// Nowhere: every event is thrown away. For measuring, and for trying a connector without a SIEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscardConfig {
    /// Name, by which connectors refer to it.
    pub name: String,
    /// Shape of an event. Events are made in it before they are thrown away.
    #[serde(default)]
    pub format: Format,
}

impl DiscardConfig {
    /// Makes the running destination.
    pub(crate) fn build(&self) -> Discard {
        Discard::new(&self.name)
    }
}
