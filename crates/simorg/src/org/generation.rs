//! When the org made log files: an administrator can switch that off and on again.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// The times in which the org made no log files, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Generation(Mutex<Vec<(Timestamp, Option<Timestamp>)>>);

impl Generation {
    /// Notes that making files was switched off or on.
    pub(crate) fn switched(&self, on: bool, now: Timestamp) {
        let mut gaps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match gaps.last_mut() {
            Some((_, end @ None)) if on => *end = Some(now),
            _ if !on => gaps.push((now, None)),
            _ => {}
        }
    }

    /// The last moment at which files were made: nothing younger can be there.
    pub(crate) fn latest(&self, now: Timestamp) -> Timestamp {
        let gaps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match gaps.last() {
            Some((from, None)) => now.min(*from),
            _ => now,
        }
    }

    /// Whether a file of this moment was made.
    pub(crate) fn made(&self, at: Timestamp) -> bool {
        let gaps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !gaps.iter().any(|(from, to)| at > *from && to.is_none_or(|to| at <= to))
    }
}
