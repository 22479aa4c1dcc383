//! The org's own time: the real one, or one that starts elsewhere, runs faster and can be moved.
//!
//! Everything the org shows (record times, sessions, quota, the `Date` header) comes from here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::Error;

/// How the org's time begins and runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClockConfig {
    /// First moment; none for the machine's present time.
    pub start: Option<Timestamp>,
    /// Org seconds per real second; 0 stands still.
    pub factor: f64,
}

impl ClockConfig {
    /// The machine's time at its own pace.
    pub const REAL: Self = Self { start: None, factor: 1.0 };

    /// A clock that stands at `start` until it is moved.
    pub const fn standing(start: Timestamp) -> Self {
        Self { start: Some(start), factor: 0.0 }
    }
}

/// The org's clock; cheap to clone, every clone is the same clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Mutex<Reading>>);

/// At `real` the org's time was `org`; since then it runs at `factor`.
#[derive(Debug)]
struct Reading {
    org: Timestamp,
    real: Instant,
    factor: f64,
}

impl Reading {
    fn now(&self) -> Timestamp {
        let passed =
            SignedDuration::try_from_secs_f64(self.real.elapsed().as_secs_f64() * self.factor)
                .unwrap_or(SignedDuration::MAX);
        self.org.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}

impl Clock {
    /// Starts a clock. A factor that is not a number, or negative, stands still.
    pub fn new(config: ClockConfig) -> Self {
        let factor = if config.factor.is_finite() { config.factor.max(0.0) } else { 0.0 };
        Self(Arc::new(Mutex::new(Reading {
            org: config.start.unwrap_or_else(Timestamp::now),
            real: Instant::now(),
            factor,
        })))
    }

    /// The org's time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        let now = self.reading().now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Moves the clock forward and answers the new time.
    ///
    /// # Errors
    /// [`Error::Clock`] if `by` is negative: an org's time never runs backwards.
    pub fn advance(&self, by: SignedDuration) -> Result<Timestamp, Error> {
        if by.is_negative() {
            return Err(Error::Clock("an org's time does not run backwards".into()));
        }
        let mut reading = self.reading();
        reading.org = reading.now().checked_add(by).map_err(|e| Error::Clock(e.to_string()))?;
        reading.real = Instant::now();
        drop(reading);
        Ok(self.now())
    }

    /// Moves the clock forward to `to` and answers the new time.
    ///
    /// # Errors
    /// [`Error::Clock`] if `to` is in the org's past.
    pub fn advance_to(&self, to: Timestamp) -> Result<Timestamp, Error> {
        // In two steps: the reading must be free again before it is changed.
        let now = self.reading().now();
        self.advance(to.duration_since(now))
    }

    /// Changes the pace from now on; 0 stands still.
    ///
    /// # Errors
    /// [`Error::Clock`] if the factor is negative or not a number.
    pub fn set_factor(&self, factor: f64) -> Result<(), Error> {
        if !factor.is_finite() || factor < 0.0 {
            return Err(Error::Clock("the factor must be 0 or more".into()));
        }
        let mut reading = self.reading();
        reading.org = reading.now();
        reading.real = Instant::now();
        reading.factor = factor;
        Ok(())
    }

    /// The present pace.
    pub fn factor(&self) -> f64 {
        self.reading().factor
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The way record times look in JSON: `2014-03-14T00:00:00.000+0000`.
pub(crate) fn record_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// The way the `Date` header looks: `Mon, 23 Nov 2026 19:00:00 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_standing_clock_moves_only_when_told() {
        let clock = Clock::new(ClockConfig::standing(at("2026-11-01T00:00:00Z")));
        assert_eq!(clock.now(), at("2026-11-01T00:00:00Z"));
        clock.advance(SignedDuration::from_hours(3)).unwrap();
        assert_eq!(clock.now(), at("2026-11-01T03:00:00Z"));
        clock.advance_to(at("2026-11-02T00:00:00Z")).unwrap();
        assert!(clock.advance_to(at("2026-11-01T00:00:00Z")).is_err());
        assert_eq!(clock.now(), at("2026-11-02T00:00:00Z"));
    }

    #[test]
    fn a_fast_clock_runs_ahead_of_the_real_one() {
        let start = at("2026-11-01T00:00:00Z");
        let clock = Clock::new(ClockConfig { start: Some(start), factor: 1e9 });
        while Instant::now().elapsed().as_nanos() == 0 && clock.now() == start {}
        assert!(clock.now() > start);
        clock.set_factor(0.0).unwrap();
        assert_eq!(clock.now(), clock.now());
        assert!(clock.set_factor(f64::NAN).is_err());
    }

    #[test]
    fn times_look_as_on_the_platform() {
        let time = at("2014-03-14T00:00:00Z");
        assert_eq!(record_time(time), "2014-03-14T00:00:00.000+0000");
        assert_eq!(http_date(at("2026-11-23T19:00:00Z")), "Mon, 23 Nov 2026 19:00:00 GMT");
    }
}
