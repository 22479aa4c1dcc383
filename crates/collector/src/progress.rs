//! Counts for whoever watches: progress bars, logs, status. Never used to decide anything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one connector's collection has done since it started.
#[derive(Debug, Default)]
pub struct Progress {
    /// Units new in the listings.
    pub listed: AtomicU64,
    /// Units finished with fetching: spooled, vanished, covered or set aside.
    pub fetched: AtomicU64,
    /// Bytes received from the org, as on the wire.
    pub downloaded: AtomicU64,
    /// Bytes of log files after decompression.
    pub raw_bytes: AtomicU64,
    /// Rows admitted.
    pub admitted: AtomicU64,
    /// Rows dropped as delivered before.
    pub repeats: AtomicU64,
    /// Failed tries.
    pub retries: AtomicU64,
    /// Per destination.
    pub destinations: BTreeMap<String, Delivered>,
}

/// What one destination got since the start.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Events durably delivered.
    pub events: AtomicU64,
    /// Bytes of NDJSON written.
    pub bytes: AtomicU64,
    /// Units finished.
    pub units: AtomicU64,
    /// Units withheld.
    pub withheld: AtomicU64,
    /// Events refused for good.
    pub rejected: AtomicU64,
}

impl Progress {
    /// Starts at nothing, for these destinations.
    pub fn new(destinations: &[String]) -> Self {
        let destinations =
            destinations.iter().map(|name| (name.clone(), Delivered::default())).collect();
        Self { destinations, ..Self::default() }
    }

    /// Reads a counter.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Adds to a counter.
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
