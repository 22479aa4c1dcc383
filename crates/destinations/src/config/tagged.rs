//! Reads a destination by its `type`, keeping the place of every error.
//!
//! The derived way to read a tagged enum first buffers the whole map, and an error in it is then
//! reported at the map's first line. Here the keys that follow `type` are read straight from the
//! source; only those before it (usually just `name`) are held back.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::DestinationConfig;

/// The words after `type:`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Dnif,
    Http,
    Syslog,
    File,
    Stdout,
    Discard,
}

impl<'de> Deserialize<'de> for DestinationConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConfigVisitor)
    }
}

struct ConfigVisitor;

impl<'de> Visitor<'de> for ConfigVisitor {
    type Value = DestinationConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a destination with name and type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DestinationConfig, A::Error> {
        let mut held = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => {
                    let kind = map.next_value::<Kind>()?;
                    return read(kind, Rest { held: held.into_iter(), value: None, map });
                }
                // Read as a string, so that a name of digits stays what was written.
                "name" => {
                    let name = map.next_value::<String>()?;
                    held.push((key, Value::String(name)));
                }
                _ => {
                    let value = map.next_value::<Value>()?;
                    held.push((key, value));
                }
            }
        }
        Err(A::Error::missing_field("type"))
    }
}

/// Reads what remains as the struct of one type.
fn read<'de, A: MapAccess<'de>>(kind: Kind, rest: Rest<A>) -> Result<DestinationConfig, A::Error> {
    fn of<'de, T: Deserialize<'de>, A: MapAccess<'de>>(rest: Rest<A>) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(rest))
    }
    Ok(match kind {
        Kind::Dnif => DestinationConfig::Dnif(of(rest)?),
        Kind::Http => DestinationConfig::Http(of(rest)?),
        Kind::Syslog => DestinationConfig::Syslog(of(rest)?),
        Kind::File => DestinationConfig::File(of(rest)?),
        Kind::Stdout => DestinationConfig::Stdout(of(rest)?),
        Kind::Discard => DestinationConfig::Discard(of(rest)?),
    })
}

/// The keys held back, then those not read yet.
struct Rest<A> {
    held: std::vec::IntoIter<(String, Value)>,
    value: Option<Value>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Some((key, value)) = self.held.next() else {
            return self.map.next_key_seed(seed);
        };
        self.value = Some(value);
        let key: StringDeserializer<A::Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value).map_err(A::Error::custom),
            None => self.map.next_value_seed(seed),
        }
    }
}
