//! Spreads events over time, for targets that drop what comes faster than they allow.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A rate shared by all streams of a destination.
///
/// Each batch takes its share of the future: it starts when the batches before it are paid for,
/// so over any second no more than the rate, plus one batch, is sent. Idle time is not saved up.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: NonZeroU32,
    /// When the next batch may start.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most this many events per second.
    pub(crate) const fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, next: Mutex::new(None) }
    }

    /// The rate. A batch arrives at once, so a larger one would exceed it.
    pub(crate) const fn per_second(&self) -> usize {
        self.per_second.get() as usize
    }

    /// Waits until a batch of so many events may start.
    ///
    /// A caller that is dropped while it waits has still used its share.
    pub(crate) async fn admit(&self, events: usize) {
        let start = self.reserve(events, Instant::now());
        sleep_until(start).await;
    }

    fn reserve(&self, events: usize, now: Instant) -> Instant {
        let share =
            Duration::from_secs(1).mul_f64(events as f64 / f64::from(self.per_second.get()));
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let start = next.map_or(now, |next| next.max(now));
        *next = Some(start + share);
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_rate_over_many_batches_and_saves_up_nothing() {
        let pace = Pace::new(NonZeroU32::new(100).unwrap());
        let start = Instant::now();
        for _ in 0..10 {
            pace.admit(50).await;
        }
        // Nine shares of half a second passed before the tenth batch started.
        assert_eq!(start.elapsed().as_millis() / 10, 450);
        tokio::time::advance(Duration::from_mins(1)).await;
        let start = Instant::now();
        for _ in 0..3 {
            pace.admit(100).await;
        }
        assert_eq!(start.elapsed().as_millis() / 10, 200);
    }
}
