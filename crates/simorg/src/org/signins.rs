//! What guards the sign-in: the hourly limit and the lock-out after wrong passwords.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long a locked-out user stays so.
const LOCKOUT: SignedDuration = SignedDuration::from_mins(15);

/// What a password is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    /// Too many wrong ones came before: even the right one does not help.
    LockedOut,
}

/// Attempts of the one user that signs in.
#[derive(Debug, Default)]
pub(crate) struct SignIns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    recent: VecDeque<Timestamp>,
    wrong: u64,
    locked_until: Option<Timestamp>,
}

impl SignIns {
    /// Notes an attempt. False if there were too many within the last hour.
    pub(crate) fn attempt(&self, now: Timestamp, most: u64) -> bool {
        let mut state = self.state();
        let hour = SignedDuration::from_hours(1);
        while state.recent.front().is_some_and(|at| now.duration_since(*at) >= hour) {
            state.recent.pop_front();
        }
        if state.recent.len() as u64 >= most {
            return false;
        }
        state.recent.push_back(now);
        true
    }

    /// Notes whether the password was right, and answers what that is worth.
    pub(crate) fn password(&self, right: bool, now: Timestamp, lockout_after: u64) -> Verdict {
        let mut state = self.state();
        if state.locked_until.is_some_and(|until| now < until) {
            return Verdict::LockedOut;
        }
        if right {
            state.wrong = 0;
            return Verdict::Right;
        }
        state.wrong += 1;
        if state.wrong >= lockout_after {
            state.wrong = 0;
            state.locked_until = now.checked_add(LOCKOUT).ok();
        }
        Verdict::Wrong
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n * 60).unwrap()
    }

    #[test]
    fn too_many_wrong_passwords_lock_the_user_out_for_a_while() {
        let guard = SignIns::default();
        for _ in 0..3 {
            assert_eq!(guard.password(false, minute(0), 3), Verdict::Wrong);
        }
        assert_eq!(guard.password(true, minute(14), 3), Verdict::LockedOut);
        assert_eq!(guard.password(true, minute(15), 3), Verdict::Right);
    }

    #[test]
    fn a_right_password_forgives_the_wrong_ones() {
        let guard = SignIns::default();
        for _ in 0..5 {
            assert_eq!(guard.password(false, minute(0), 2), Verdict::Wrong);
            assert_eq!(guard.password(true, minute(0), 2), Verdict::Right);
        }
    }

    #[test]
    fn the_hourly_limit_rolls() {
        let guard = SignIns::default();
        assert!(guard.attempt(minute(0), 2));
        assert!(guard.attempt(minute(30), 2));
        assert!(!guard.attempt(minute(59), 2));
        assert!(guard.attempt(minute(60), 2));
    }
}
