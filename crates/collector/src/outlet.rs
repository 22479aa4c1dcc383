//! A destination as a connector uses it: its open streams, and its rest after failures.

use std::sync::{Arc, Mutex, PoisonError};

use orgtap_destinations::{Destination, Kind, Limits, Pace, Stream};
use orgtap_transport::{Disposition, Explain, Problem};

use crate::clock;
use crate::config::RetrySettings;
use crate::connector::Connector;
use crate::error::{Error, Result};
use crate::room;
use crate::stage::Held;

/// One destination as a connector uses it: its open streams, and whether it rests.
pub(crate) struct Outlet {
    destination: Arc<dyn Destination>,
    idle: Mutex<Vec<Box<dyn Stream>>>,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    failures: i64,
    until: i64,
    reason: Option<(Problem, bool)>,
}

impl Outlet {
    /// For a destination, with nothing open.
    pub(crate) fn new(destination: Arc<dyn Destination>) -> Self {
        Self { destination, idle: Mutex::default(), trouble: Mutex::default() }
    }

    /// Name of the stage in the ledger.
    pub(crate) fn stage(&self) -> String {
        format!("deliver:{}", self.destination.name())
    }

    /// Whether the destination rests just now.
    pub(crate) fn held(&self) -> Held {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        (trouble.until > clock::now()).then(|| (trouble.until, trouble.reason.clone()))
    }

    /// How much it takes at once.
    pub(crate) fn limits(&self) -> Limits {
        self.destination.limits()
    }

    /// The destination's name.
    pub(crate) fn name(&self) -> &str {
        self.destination.name()
    }

    /// What the destination's target takes; none if that is everything.
    pub(crate) fn pace(&self) -> Option<&Pace> {
        self.destination.pace()
    }

    /// An open stream.
    pub(crate) async fn stream(&self) -> Result<Box<dyn Stream>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(stream) => Ok(stream),
            None => Ok(self.destination.open().await?),
        }
    }

    /// Takes a stream back that works.
    pub(crate) fn give_back(&self, stream: Box<dyn Stream>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Trouble::default();
    }

    /// A destination that fails rests as a whole: the next lane would meet the same.
    pub(crate) fn failed(&self, connector: &Connector, error: &Error) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.add(connector.retry, error, clock::now());
    }
}

impl Trouble {
    /// Adds a failure. What fails while the destination rests already is the same failure, and ends
    /// no wait.
    fn add(&mut self, retry: RetrySettings, error: &Error, now: i64) {
        if self.until <= now {
            self.failures += 1;
        }
        let tired = error.disposition() == Disposition::Pause || retry.is_tired(self.failures);
        let full = matches!(error, Error::Destination(error) if error.kind() == Kind::DiskFull);
        // To look for room costs nothing.
        let wait = if full {
            room::LOOK
        } else {
            retry.wait(error.disposition(), self.failures, self.failures)
        };
        self.until = self.until.max(now + clock::micros(wait));
        self.reason = Some((error.problem(), tired));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use orgtap_transport::Backoff;

    use super::*;

    const RETRY: RetrySettings = RetrySettings {
        backoff: Backoff { initial: Duration::from_secs(1), max: Duration::from_mins(1) },
        attempts: 3,
    };
    const MINUTE: i64 = 60_000_000;

    fn busy(minutes: u64) -> Error {
        let asked = (minutes > 0).then(|| Duration::from_mins(minutes));
        let error = orgtap_destinations::Error::new(Kind::Busy, "siem", "429");
        error.with_after(asked).into()
    }

    #[test]
    fn a_wait_that_was_asked_for_is_kept_however_often_it_failed() {
        for failures in 0..9 {
            let mut trouble = Trouble { failures, ..Trouble::default() };
            trouble.add(RETRY, &busy(60), 0);
            assert!(trouble.until >= 60 * MINUTE, "{failures} {}", trouble.until);
        }
    }

    #[test]
    fn a_target_that_is_down_is_tried_again_after_the_longest_wait_however_often_it_failed() {
        for failures in 0..99 {
            let mut trouble = Trouble { failures, ..Trouble::default() };
            trouble.add(RETRY, &busy(0), 0);
            assert!(trouble.until <= MINUTE, "{failures} {}", trouble.until);
        }
    }

    #[test]
    fn what_fails_while_the_destination_rests_neither_ends_the_rest_nor_counts() {
        let mut trouble = Trouble::default();
        trouble.add(RETRY, &busy(10), 0);
        for _ in 0..9 {
            trouble.add(RETRY, &busy(0), MINUTE);
        }
        assert_eq!(trouble.failures, 1);
        assert!(trouble.until >= 10 * MINUTE);
        assert!(trouble.reason.is_some_and(|(_, tired)| !tired));
    }
}
