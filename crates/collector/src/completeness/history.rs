//! What an event type's own past lets expect. Inferred, and said to be.
//!
//! Careful on purpose: an hour is expected only if the type had it on nearly all of the last days
//! of the same kind (working days, or weekends), and there were enough of them.

use std::collections::BTreeMap;

use orgtap_events::time::DAY;
use orgtap_ledger::Account;

use super::HOUR;
use super::judge::DUE;
use crate::reconcile::is_hourly;

/// Days looked at, of the same kind, and how many there must be.
const DAYS: usize = 10;
const LEAST_DAYS: usize = 5;
/// Of how many of ten days an hour must have had rows to be expected.
const OF_TEN: usize = 9;
/// Days with hourly files and no daily one, after which none is waited for.
const WITHOUT_DAILY: usize = 3;

/// One day of the past.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// A bit for each hour that had rows or a file.
    hours: u32,
    hourly: bool,
    daily: bool,
}

/// The past of an event type.
#[derive(Debug)]
pub(crate) struct History {
    days: BTreeMap<i64, Past>,
    /// The first day the ledger knows of, of any type.
    first: i64,
    /// Up to when the org was asked for files.
    known_to: i64,
}

impl History {
    /// Learns from the units of the type.
    pub(crate) fn of(accounts: &[Account], first: i64, known_to: i64) -> Self {
        let mut days: BTreeMap<i64, Past> = BTreeMap::new();
        for account in accounts {
            let log_date = account.unit.listed.log_date;
            let past = days.entry(log_date.div_euclid(DAY)).or_default();
            let busy = account.hours.iter().filter(|rows| rows.rows > 0 && rows.hour < 24);
            past.hours |= busy.fold(0, |bits, rows| bits | 1 << rows.hour);
            if is_hourly(&account.unit) {
                past.hourly = true;
                past.hours |= 1 << (log_date.rem_euclid(DAY) / HOUR);
            } else {
                past.daily = true;
            }
        }
        Self { days, first, known_to }
    }

    /// Whether the type had rows in an hour so regularly that it should have some on this day.
    pub(crate) fn expects(&self, day: i64, hour: u8) -> bool {
        let kind = is_weekend(day);
        let before = (self.first..day).rev().filter(|day| is_weekend(*day) == kind).take(DAYS);
        let busy: Vec<bool> = before
            .map(|day| self.days.get(&day).is_some_and(|past| past.hours >> hour & 1 == 1))
            .collect();
        let count = busy.iter().filter(|busy| **busy).count();
        busy.len() >= LEAST_DAYS && count * 10 >= busy.len() * OF_TEN
    }

    /// Whether daily files come beside hourly ones: unless none ever did when it was due.
    pub(crate) fn has_daily(&self) -> bool {
        let due = |day: i64| (day + 1) * DAY + DUE <= self.known_to;
        let without = self.days.iter().filter(|(day, past)| past.hourly && due(**day)).count();
        without < WITHOUT_DAILY || self.days.values().any(|past| past.daily)
    }
}

/// Saturday or Sunday; day 0 was a Thursday.
fn is_weekend(day: i64) -> bool {
    matches!((day + 4).rem_euclid(7), 0 | 6)
}
