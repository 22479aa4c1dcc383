//! How long to wait between tries. Only arithmetic: who waits, and for what, is the collector's.

use std::time::Duration;

/// Exponential back-off with jitter: `initial * 2^(attempt-1)`, at most `max`, the last half random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(1), max: Duration::from_mins(5) }
    }
}

impl Backoff {
    /// The wait before the try that follows failure number `attempt` (from 1).
    ///
    /// `salt` spreads callers that failed at the same moment; the same salt and attempt always
    /// give the same wait. A wait the other side asked for (`after`) is never undercut.
    pub fn wait(&self, attempt: u32, salt: u64, after: Option<Duration>) -> Duration {
        let doublings = attempt.saturating_sub(1).min(32);
        let full = self.initial.saturating_mul(1 << doublings.min(31)).min(self.max);
        let half = full / 2;
        let spread = splitmix(salt ^ u64::from(attempt)) % 1_000;
        let jittered = half + half.mul_f64(spread as f64 / 1_000.0);
        after.map_or(jittered, |asked| asked.max(jittered))
    }
}

/// One step of the splitmix64 generator: enough to spread waits, no state to keep.
const fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_between_half_and_all_of_the_doubling() {
        let backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(60) };
        for attempt in 1..40 {
            let full = Duration::from_secs(1 << (attempt - 1).min(10)).min(backoff.max);
            for salt in 0..50 {
                let wait = backoff.wait(attempt, salt, None);
                assert!(wait >= full / 2 && wait <= full, "{attempt} {wait:?}");
            }
        }
    }

    #[test]
    fn a_wait_the_other_side_asked_for_is_never_undercut() {
        let asked = Duration::from_secs(900);
        assert_eq!(Backoff::default().wait(1, 7, Some(asked)), asked);
    }

    #[test]
    fn callers_that_failed_together_do_not_come_back_together() {
        let backoff = Backoff::default();
        let waits: std::collections::BTreeSet<_> =
            (0..20).map(|salt| backoff.wait(3, salt, None)).collect();
        assert!(waits.len() > 15);
    }
}
