//! The part of the configuration about insights: as written, and as it is used.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use orgtap_transport::ConfigDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::validate::Check;
use super::value::{INSIGHTS_RETENTION, TIME_LINE};

/// Insights as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InsightsSettings {
    /// How long counts are kept.
    pub retention: Duration,
    /// How long users' sign-ins and single events are kept.
    pub time_line: Duration,
    /// Databases of networks, in the format of MaxMind, that addresses are looked up in.
    pub networks: Vec<PathBuf>,
}

/// What may stand at the key `insights`.
#[derive(Debug, Clone)]
pub(super) enum InsightsKey {
    Off,
    On(InsightsConfig),
}

/// What the rows say about usage and behaviour, counted as they pass.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct InsightsConfig {
    /// Whether they are kept at all.
    enabled: bool,
    /// How long counts are kept.
    retention: ConfigDuration,
    /// How long users' sign-ins and single events are kept.
    time_line: ConfigDuration,
    /// Databases of countries or networks, in the format of MaxMind (`.mmdb`): sign-ins are counted
    /// by them too.
    networks: Vec<PathBuf>,
}

impl Default for InsightsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            retention: ConfigDuration::new(Duration::from_hours(400 * 24)),
            time_line: ConfigDuration::new(Duration::from_hours(90 * 24)),
            networks: Vec::new(),
        }
    }
}

impl Default for InsightsKey {
    fn default() -> Self {
        Self::On(InsightsConfig::default())
    }
}

impl<'de> Deserialize<'de> for InsightsKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = InsightsKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`off`, or a mapping with the keys of insights")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<InsightsKey, E> {
                match word {
                    "off" => Ok(InsightsKey::Off),
                    other => Err(de::Error::unknown_variant(other, &["off"])),
                }
            }

            // What `off` means to other readers of YAML.
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<InsightsKey, E> {
                Ok(if on { InsightsKey::default() } else { InsightsKey::Off })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<InsightsKey, A::Error> {
                InsightsConfig::deserialize(MapAccessDeserializer::new(map)).map(InsightsKey::On)
            }
        }
        deserializer.deserialize_any(KeyVisitor)
    }
}

impl JsonSchema for InsightsKey {
    fn schema_name() -> Cow<'static, str> {
        "Insights".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let on = generator.subschema_for::<InsightsConfig>();
        json_schema!({ "anyOf": [{ "const": "off" }, { "type": "boolean" }, on] })
    }
}

impl Check<'_, '_, '_> {
    /// Insights; none: they are off.
    pub(super) fn insights(
        &mut self,
        key: &InsightsKey,
        folder: &Path,
    ) -> Option<InsightsSettings> {
        let InsightsKey::On(written) = key else { return None };
        let node = self.root.get("insights").unwrap_or(self.root);
        let retention = self.duration(node, "retention", written.retention, &INSIGHTS_RETENTION);
        let time_line = self.duration(node, "time_line", written.time_line, &TIME_LINE);
        let networks = written.networks.iter().map(|path| super::based_on(folder, path)).collect();
        written.enabled.then_some(InsightsSettings { retention, time_line, networks })
    }
}
