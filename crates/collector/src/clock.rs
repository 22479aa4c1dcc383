//! The one place that asks what time it is.

use std::time::Duration;

/// Now, microseconds since 1970 UTC: the ledger's unit.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// The UTC day of a moment, as lanes have it: `2026-11-25`.
pub(crate) fn day(micros: i64) -> String {
    orgtap_events::time::rfc3339(micros).chars().take(10).collect()
}

/// A duration in the ledger's unit.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// How long to wait for a moment: a minute at most, since clocks are set.
pub(crate) fn until(moment: i64) -> Duration {
    let wait = Duration::from_micros((moment - now()).max(1_000).unsigned_abs());
    wait.min(Duration::from_mins(1))
}
