//! Named places where a test can make the process die as if by `kill -9`.
//!
//! `ORGTAP_KILL_AT=NAME` or `NAME:N` ends the process the N-th time it comes by. Only builds with
//! debug assertions look; in a release build this is nothing.

/// Every place, in the order a unit passes them.
pub const POINTS: &[&str] = &[
    "discover.before_list",
    "discover.after_list",
    "fetch.mid_download",
    "fetch.before_rename",
    "fetch.after_rename",
    "admit.before_rename",
    "admit.before_ledger",
    "admit.after_ledger",
    "count.before_ledger",
    "count.after_ledger",
    "deliver.before_write",
    "deliver.after_write",
    "deliver.after_flush",
    "deliver.after_ledger",
    "release.before_ledger",
];

/// Dies here if asked to.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("ORGTAP_KILL_AT").ok()?;
        let (name, turn) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), turn.parse().ok()?))
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);

    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    if let Some((wanted, turn)) = &*WANTED
        && wanted == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *turn
    {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn point(_: &'static str) {}
