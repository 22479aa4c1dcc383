//! Durations and sizes as people write them in a configuration: a number with its unit.
//!
//! A number without a unit is refused: `5` could be seconds or minutes, and both have been meant.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is no duration or size, with an example of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {what}: {reason}")]
pub struct MeasureError {
    /// What was written, shortened.
    found: String,
    /// What was wanted.
    what: &'static str,
    /// What is wrong with it.
    reason: &'static str,
}

/// A duration such as `250ms`, `5s`, `10m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigDuration(Duration);

/// A number of bytes such as `512B`, `64KiB`, `4MiB` or, in powers of ten, `5MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// Units of a duration in milliseconds, largest first.
const TIMES: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of a size in bytes; those used for showing come first, largest first.
const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

const A_DURATION: &str = "a duration";
const A_SIZE: &str = "a size";
const TIME_UNITS: &str = "write a whole number and ms, s, m, h or d, for example \"5m\"";
const SIZE_UNITS: &str =
    "write a whole number and B, KiB, MiB, GiB, TiB, kB, MB, GB or TB, for example \"4MiB\"";

impl ConfigDuration {
    /// Takes a duration. Parts below a millisecond are shown rounded down.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// That many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<ConfigDuration> for Duration {
    fn from(duration: ConfigDuration) -> Self {
        duration.0
    }
}

impl ByteSize {
    /// That many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// That many times 1024 bytes.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// That many times 1024 * 1024 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes as a length in memory; the largest possible one if it is larger.
    pub fn as_len(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ConfigDuration {
    type Err = MeasureError;

    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let millis = measure(text, &TIMES, A_DURATION, TIME_UNITS)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for ByteSize {
    type Err = MeasureError;

    fn from_str(text: &str) -> Result<Self, MeasureError> {
        measure(text, &SIZES, A_SIZE, SIZE_UNITS).map(Self)
    }
}

/// Reads digits and a unit, with nothing or one blank between them.
fn measure(
    text: &str,
    units: &[(&str, u64)],
    what: &'static str,
    how: &'static str,
) -> Result<u64, MeasureError> {
    let wrong = |reason| MeasureError { found: text.chars().take(40).collect(), what, reason };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let factor = units.iter().find(|(name, _)| *name == unit).ok_or_else(|| wrong(how))?.1;
    if number.is_empty() {
        return Err(wrong(how));
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(factor))
        .ok_or_else(|| wrong("it is too large"))
}

/// Writes a count in the largest unit that leaves no rest.
fn show(f: &mut fmt::Formatter<'_>, count: u64, units: &[(&str, u64)]) -> fmt::Result {
    let exact = units.iter().find(|(_, factor)| count != 0 && count.is_multiple_of(*factor));
    match exact.or(units.last()) {
        Some((name, factor)) => write!(f, "{}{name}", count / factor),
        None => write!(f, "{count}"),
    }
}

impl fmt::Display for ConfigDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        show(f, u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &TIMES)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, &SIZES[..5])
    }
}

/// Takes a string; answers anything else with how to write it instead.
struct MeasureVisitor<T> {
    how: &'static str,
    of: std::marker::PhantomData<T>,
}

impl<T: FromStr<Err = MeasureError>> Visitor<'_> for MeasureVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number with its unit ({})", self.how)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for ConfigDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(MeasureVisitor { how: TIME_UNITS, of: std::marker::PhantomData })
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(MeasureVisitor { how: SIZE_UNITS, of: std::marker::PhantomData })
    }
}

impl Serialize for ConfigDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for ConfigDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: a whole number with ms, s, m, h or d.",
            "type": "string",
            "pattern": "^[0-9]+ ?(ms|s|m|h|d)$",
            "examples": ["250ms", "5s", "10m", "24h", "7d"]
        })
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A size: a whole number with B, KiB, MiB, GiB, TiB or kB, MB, GB, TB.",
            "type": "string",
            "pattern": "^[0-9]+ ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$",
            "examples": ["64KiB", "4MiB", "10GB"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        let millis = |text: &str| text.parse::<ConfigDuration>().unwrap().get().as_millis();
        assert_eq!(millis("250ms"), 250);
        assert_eq!(millis("0s"), 0);
        assert_eq!(millis("5s"), 5_000);
        assert_eq!(millis("10 m"), 600_000);
        assert_eq!(millis("24h"), 86_400_000);
        assert_eq!(millis("7d"), 604_800_000);
    }

    #[test]
    fn sizes_are_read_in_powers_of_two_and_of_ten() {
        let bytes = |text: &str| text.parse::<ByteSize>().unwrap().bytes();
        assert_eq!(bytes("0B"), 0);
        assert_eq!(bytes("64KiB"), 65_536);
        assert_eq!(bytes("4 MiB"), 4 << 20);
        assert_eq!(bytes("1GiB"), 1 << 30);
        assert_eq!(bytes("5kB"), 5_000);
        assert_eq!(bytes("2GB"), 2_000_000_000);
    }

    #[test]
    fn what_is_neither_is_refused_with_an_example() {
        for text in ["", "5", "s", "-5s", "1.5h", "5  s", "5s ", " 5s", "5 seconds", "5S", "٥s"] {
            let message = text.parse::<ConfigDuration>().unwrap_err().to_string();
            assert!(message.contains("\"5m\""), "{text:?}: {message}");
        }
        for text in ["", "5", "MiB", "5M", "5mib", "5 MiB!", "0x5B", "5\u{0}B"] {
            let message = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(message.contains("\"4MiB\""), "{text:?}: {message}");
        }
        let long = "9".repeat(5_000);
        assert!(long.parse::<ByteSize>().unwrap_err().to_string().len() < 200);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in ["18446744073709551616B", "99999999TiB"] {
            let message = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(message.contains("too large"), "{message}");
        }
        assert!("99999999999999999d".parse::<ConfigDuration>().is_err());
    }

    #[test]
    fn shown_and_read_again_they_are_the_same() {
        for millis in [0, 1, 999, 1_000, 90_000, 3_600_000, 86_400_000, 90_061_001] {
            let duration = ConfigDuration::new(Duration::from_millis(millis));
            assert_eq!(duration.to_string().parse(), Ok(duration), "{duration}");
        }
        for bytes in [0, 1, 1_000, 1_024, 1 << 20, (1 << 20) + 1, 3 << 40] {
            let size = ByteSize::new(bytes);
            assert_eq!(size.to_string().parse(), Ok(size), "{size}");
        }
        assert_eq!(ByteSize::mib(4).to_string(), "4MiB");
        assert_eq!(ConfigDuration::from_secs(90).to_string(), "90s");
    }

    #[test]
    fn in_a_configuration_they_are_strings_and_bare_numbers_are_explained() {
        let read: ByteSize = serde_json::from_str("\"64KiB\"").unwrap();
        assert_eq!(read, ByteSize::kib(64));
        let message = serde_json::from_str::<ConfigDuration>("5").unwrap_err().to_string();
        assert!(message.contains("a number with its unit"), "{message}");
        assert_eq!(serde_json::to_string(&ConfigDuration::from_secs(300)).unwrap(), "\"5m\"");
    }
}
