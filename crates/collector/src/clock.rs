//! The one place that asks what time it is.

/// Now, microseconds since 1970 UTC: the ledger's unit.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The UTC day of a moment, as lanes have it: `2026-11-25`.
pub(crate) fn day(micros: i64) -> String {
    orgtap_events::time::rfc3339(micros).chars().take(10).collect()
}

/// A duration in the ledger's unit.
pub(crate) fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}
