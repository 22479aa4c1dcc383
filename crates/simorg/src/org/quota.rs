//! API calls within the last 24 hours.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// The count, in hours: an hour's calls come free 24 hours later.
#[derive(Debug, Default)]
pub(crate) struct Quota(Mutex<VecDeque<(i64, u64)>>);

impl Quota {
    /// Counts a call if there is one left; answers whether there was, and the calls used.
    pub(crate) fn charge(&self, now: Timestamp, most: u64) -> (bool, u64) {
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let used = count(&mut hours, now);
        if used >= most {
            return (false, used);
        }
        let hour = now.as_second().div_euclid(3_600);
        match hours.back_mut() {
            Some((last, calls)) if *last == hour => *calls += 1,
            _ => hours.push_back((hour, 1)),
        }
        (true, used + 1)
    }

    /// Calls used.
    pub(crate) fn used(&self, now: Timestamp) -> u64 {
        count(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), now)
    }
}

fn count(hours: &mut VecDeque<(i64, u64)>, now: Timestamp) -> u64 {
    let first = now.as_second().div_euclid(3_600) - 23;
    while hours.front().is_some_and(|(hour, _)| *hour < first) {
        hours.pop_front();
    }
    hours.iter().map(|(_, calls)| calls).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n * 3_600).unwrap()
    }

    #[test]
    fn the_quota_comes_back_a_day_later() {
        let quota = Quota::default();
        assert_eq!(quota.charge(hour(0), 2), (true, 1));
        assert_eq!(quota.charge(hour(5), 2), (true, 2));
        assert_eq!(quota.charge(hour(23), 2), (false, 2));
        assert_eq!(quota.charge(hour(24), 2), (true, 2));
        assert_eq!(quota.used(hour(100)), 0);
    }
}
