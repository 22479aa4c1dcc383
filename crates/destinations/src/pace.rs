//! What a target takes: how fast, and how old. One place for all destinations.
//!
//! Targets drop or refuse, some without a word, what comes faster than they allow or is about too
//! long ago. Here is said what they allow; waiting and withholding are the collector's.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::{Batch, Checked, Destination, Error, Limits, Promise, Stream};

/// What a target takes, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pacing {
    /// Events per second, at most.
    pub max_events_per_second: Option<NonZeroU32>,
    /// Of these, events per second that are not about new log files, at most.
    pub backfill_events_per_second: Option<NonZeroU32>,
    /// The longest a log file's period may have begun ago.
    pub max_age: Option<Duration>,
}

impl Pacing {
    /// Whether a log file is too old to be sent at `now`: its oldest possible row is. `period` is
    /// when its period begins; both in microseconds since 1970 UTC.
    ///
    /// One that is exactly of the greatest age is not. A clock that stands before the period makes
    /// nothing old.
    pub fn is_too_old(&self, period: i64, now: i64) -> bool {
        self.oldest(now).is_some_and(|oldest| period < oldest)
    }

    /// Begin of the oldest period that may be sent at `now`, if there is one.
    pub fn oldest(&self, now: i64) -> Option<i64> {
        let age = self.max_age?;
        Some(now.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Events per second of a backfill, if they are bounded.
    pub fn backfill_rate(&self) -> Option<NonZeroU32> {
        let rates = [self.max_events_per_second, self.backfill_events_per_second];
        rates.into_iter().flatten().min()
    }
}

/// A rate that all who send to a destination share.
///
/// Each batch takes its share of the future: it starts when the batches before it are paid for,
/// so over any second no more than the rate, plus one batch, is sent. Idle time is not saved up.
#[derive(Debug)]
pub struct Rate {
    per_second: NonZeroU32,
    /// When the next batch may start.
    next: Mutex<Option<Instant>>,
}

impl Rate {
    fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, next: Mutex::default() }
    }

    /// Takes the share of so many events. Answers when they may start.
    pub fn reserve(&self, events: usize, now: Instant) -> Instant {
        self.take(events, now, None).unwrap_or(now)
    }

    /// The same, if they may start by a moment; else nothing is taken.
    pub fn reserve_by(&self, events: usize, now: Instant, last: Instant) -> Option<Instant> {
        self.take(events, now, Some(last))
    }

    fn take(&self, events: usize, now: Instant, last: Option<Instant>) -> Option<Instant> {
        let share =
            Duration::from_secs(1).mul_f64(events as f64 / f64::from(self.per_second.get()));
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let start = next.map_or(now, |next| next.max(now));
        if last.is_some_and(|last| start > last) {
            return None;
        }
        *next = Some(start + share);
        Some(start)
    }
}

/// What a running destination's target takes.
#[derive(Debug)]
pub struct Pace {
    /// As configured.
    pub pacing: Pacing,
    /// For everything that is sent.
    pub all: Option<Rate>,
    /// Besides, for what is not about new log files.
    pub backfill: Option<Rate>,
    /// Whether a unit has to be written in one go, because the target shows it when it has ended
    /// and half of it cannot be kept.
    pub whole_units: bool,
}

/// A destination with what its target takes.
pub(crate) struct Paced {
    inner: Arc<dyn Destination>,
    pace: Pace,
}

impl Paced {
    pub(crate) fn new(inner: Arc<dyn Destination>, pacing: Pacing) -> Self {
        let all = pacing.max_events_per_second.map(Rate::new);
        let backfill = pacing.backfill_events_per_second.map(Rate::new);
        let whole_units = inner.forgets_unfinished();
        Self { inner, pace: Pace { pacing, all, backfill, whole_units } }
    }
}

#[async_trait]
impl Destination for Paced {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn promise(&self) -> Promise {
        self.inner.promise()
    }

    /// A batch arrives at once, so one larger than the rate would exceed it.
    fn limits(&self) -> Limits {
        let limits = self.inner.limits();
        let most =
            self.pace.pacing.max_events_per_second.map_or(usize::MAX, |it| it.get() as usize);
        Limits { events: limits.events.min(most), ..limits }
    }

    fn pace(&self) -> Option<&Pace> {
        Some(&self.pace)
    }

    /// No: nothing is written before it is known that it may be.
    fn forgets_unfinished(&self) -> bool {
        false
    }

    async fn check(&self, sample: Batch) -> Result<Checked, Error> {
        self.inner.check(sample).await
    }

    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        self.inner.open().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32) -> Rate {
        Rate::new(NonZeroU32::new(per_second).unwrap())
    }

    #[test]
    fn keeps_the_rate_over_many_batches_and_saves_up_nothing() {
        let rate = rate(100);
        let start = Instant::now();
        let starts: Vec<_> = (0..10).map(|_| rate.reserve(50, start)).collect();
        // Nine shares of half a second passed before the tenth batch started.
        assert_eq!((starts[9] - start).as_millis(), 4_500);
        let later = start + Duration::from_mins(1);
        let starts: Vec<_> = (0..3).map(|_| rate.reserve(100, later)).collect();
        assert_eq!((starts[2] - later).as_millis(), 2_000);
    }

    #[test]
    fn a_share_that_would_start_too_late_is_not_taken() {
        let rate = rate(10);
        let now = Instant::now();
        let second = now + Duration::from_secs(1);
        assert_eq!(rate.reserve_by(20, now, second), Some(now));
        assert_eq!(rate.reserve_by(1, now, second), None);
        assert_eq!(rate.reserve(1, now), now + Duration::from_secs(2));
    }

    #[test]
    fn a_log_file_is_too_old_when_its_period_began_longer_ago_than_is_taken() {
        let hour = 3_600_000_000;
        let pacing = Pacing { max_age: Some(Duration::from_hours(18)), ..Pacing::default() };
        let (now, begin) = (100 * hour, 82 * hour);
        assert!(!pacing.is_too_old(begin, now), "exactly as old as is taken");
        assert!(pacing.is_too_old(begin - 1, now));
        assert!(!pacing.is_too_old(now + hour, now), "the clock stands before the period");
        assert!(!Pacing::default().is_too_old(i64::MIN, i64::MAX), "no rule");
        let for_ever = Pacing { max_age: Some(Duration::MAX), ..Pacing::default() };
        assert!(!for_ever.is_too_old(0, now) && !for_ever.is_too_old(i64::MIN + 1, -1));
    }

    #[test]
    fn a_backfill_goes_at_the_lower_of_both_rates() {
        let (few, many) = (NonZeroU32::new(5), NonZeroU32::new(50));
        for (all, backfill, rate) in
            [(None, None, None), (many, None, many), (None, few, few), (many, few, few)]
        {
            let pacing = Pacing {
                max_events_per_second: all,
                backfill_events_per_second: backfill,
                max_age: None,
            };
            assert_eq!(pacing.backfill_rate(), rate);
        }
    }
}
