//! Slows down those who guess passwords: growing waits, by address and by name.
//!
//! In memory: a restart forgets them, which only somebody on the machine can bring about.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use crate::app::micros;
use crate::error::{Error, Result};

/// Wrong passwords in a row that cost nothing yet.
const FREE: u32 = 5;
/// The first wait.
const FIRST: Duration = Duration::from_secs(2);
/// The longest wait for an address.
const LONGEST_FOR_ADDRESS: Duration = Duration::from_mins(15);
/// The longest wait for a name: short, so that nobody can be locked out by a stranger for long.
const LONGEST_FOR_NAME: Duration = Duration::from_secs(30);
/// After this long without a wrong password all is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// Most addresses and names remembered.
const MOST: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// An address; of IPv6 the network of 64 bits, which is one customer's.
    Address(IpAddr),
    Name(String),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
}

/// Who failed how often.
pub(crate) struct Throttle {
    failures: Mutex<HashMap<Key, Failures>>,
}

impl Failures {
    /// When the next try is possible; none: it is now.
    fn next(self, longest: Duration) -> Option<i64> {
        let doublings = self.count.checked_sub(FREE)?;
        let wait = FIRST.saturating_mul(1 << doublings.min(20)).min(longest);
        Some(self.last.saturating_add(micros(wait)))
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { failures: Mutex::default() }
    }

    /// Whether a try is possible now. It counts as failed until [`Throttle::forget`] says it was
    /// not, so that many at once gain nothing.
    pub(crate) fn begin(&self, address: IpAddr, name: &str, now: i64) -> Result<()> {
        let Ok(mut failures) = self.failures.lock() else { return Err(Error::Busy) };
        let keys = [
            (Key::Address(network(address)), LONGEST_FOR_ADDRESS),
            (Key::Name(name.to_lowercase()), LONGEST_FOR_NAME),
        ];
        let wait = keys
            .iter()
            .filter_map(|(key, longest)| {
                Some(failures.get(key)?.next(*longest)?.saturating_sub(now))
            })
            .max()
            .unwrap_or_default();
        if wait > 0 {
            return Err(Error::TooManyTries { wait: Duration::from_micros(wait.unsigned_abs()) });
        }
        make_room(&mut failures, now);
        for (key, _) in keys {
            let entry = failures.entry(key).or_insert(Failures { count: 0, last: now });
            entry.count = entry.count.saturating_add(1);
            entry.last = now;
        }
        Ok(())
    }

    /// The password was right: what was held against address and name is forgotten.
    pub(crate) fn forget(&self, address: IpAddr, name: &str) {
        if let Ok(mut failures) = self.failures.lock() {
            failures.remove(&Key::Address(network(address)));
            failures.remove(&Key::Name(name.to_lowercase()));
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address @ IpAddr::V4(_) => address,
    }
}

/// Forgets what is old, and when that is not enough, what is oldest.
fn make_room(failures: &mut HashMap<Key, Failures>, now: i64) {
    if failures.len() < MOST {
        return;
    }
    failures.retain(|_, failed| now - failed.last < micros(FORGOTTEN));
    if failures.len() >= MOST {
        let mut times: Vec<i64> = failures.values().map(|failed| failed.last).collect();
        let (_, middle, _) = times.select_nth_unstable(MOST / 2);
        let middle = *middle;
        failures.retain(|_, failed| failed.last > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn wait(throttle: &Throttle, address: [u8; 4], name: &str, now: i64) -> u64 {
        match throttle.begin(address.into(), name, now) {
            Err(Error::TooManyTries { wait }) => wait.as_secs(),
            other => {
                other.unwrap();
                0
            }
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let throttle = Throttle::new();
        // Of the year 2026, as it is in earnest.
        let mut now = 1_795_000_000 * SECOND;
        for _ in 0..FREE {
            assert_eq!(wait(&throttle, [1; 4], "ada", now), 0);
        }
        for expected in [2, 4, 8, 16] {
            assert_eq!(wait(&throttle, [1; 4], "ada", now), expected);
            now += i64::try_from(expected).unwrap() * SECOND;
            assert_eq!(wait(&throttle, [1; 4], "ada", now), 0);
        }
        throttle.forget([1; 4].into(), "ADA");
        assert_eq!(wait(&throttle, [1; 4], "ada", now), 0);
        assert_eq!(wait(&throttle, [1; 4], "ada", now), 0);
    }

    #[test]
    fn a_name_is_guarded_from_many_addresses_and_an_address_against_many_names() {
        let throttle = Throttle::new();
        for last in 0..60 {
            throttle.begin([10, 0, 0, last].into(), "ada", 0).ok();
        }
        assert!((1..=30).contains(&wait(&throttle, [10, 0, 1, 1], "ada", 0)));
        for name in 0..60 {
            throttle.begin([20, 0, 0, 1].into(), &name.to_string(), 0).ok();
        }
        assert!(wait(&throttle, [20, 0, 0, 1], "new", 0) > 0);
        let v6 = |last: u16| IpAddr::V6(Ipv6Addr::new(1, 2, 3, 4, last, 6, 7, 8));
        for last in 0..u16::try_from(FREE).unwrap() {
            throttle.begin(v6(last), &format!("v{last}"), 0).unwrap();
        }
        throttle.begin(v6(99), "v99", 0).unwrap_err();
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let throttle = Throttle::new();
        for n in 0..30_000_u32 {
            throttle.begin(n.to_be_bytes().into(), &n.to_string(), i64::from(n)).ok();
        }
        assert!(throttle.failures.lock().unwrap().len() <= MOST + 1);
    }
}
