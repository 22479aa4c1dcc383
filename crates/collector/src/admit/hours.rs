//! Rows by hour of their lane's day: which hour a row belongs to, and counts of each.

use orgtap_events::UnitInfo;
use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{HourRows, OUTSIDE};

/// A UTC day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Day {
    start: i64,
}

impl Day {
    /// The day a unit's lane is about.
    pub(crate) fn of(unit: &UnitInfo) -> Self {
        let log_date = unit.log_date.as_microsecond();
        Self { start: log_date - log_date.rem_euclid(DAY) }
    }

    /// The hour of a moment, or [`OUTSIDE`].
    pub(crate) const fn hour(self, micros: i64) -> u8 {
        let since = micros.saturating_sub(self.start);
        if since < 0 || since >= DAY { OUTSIDE } else { (since / HOUR) as u8 }
    }
}

/// Counts for each hour and for what is outside the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hours([HourRows; OUTSIDE as usize + 1]);

impl Default for Hours {
    fn default() -> Self {
        let none = HourRows { hour: 0, rows: 0, admitted: 0, repeats: 0, missing: 0 };
        let mut hours = [none; OUTSIDE as usize + 1];
        for (hour, counts) in (0..).zip(&mut hours) {
            counts.hour = hour;
        }
        Self(hours)
    }
}

impl Hours {
    /// The counts of an hour. An index that was tampered with may name one that does not exist.
    pub(crate) fn of(&mut self, hour: u8) -> &mut HourRows {
        &mut self.0[usize::from(hour.min(OUTSIDE))]
    }

    /// Counts all rows as admitted.
    pub(crate) fn admit_all(&mut self) {
        for hour in &mut self.0 {
            hour.admitted = hour.rows;
        }
    }

    /// Sums over all hours.
    pub(crate) fn sum(&self, count: impl Fn(&HourRows) -> u64) -> u64 {
        self.0.iter().map(count).sum()
    }

    /// The hours with rows.
    pub(crate) fn busy(&self) -> Vec<HourRows> {
        self.0.iter().filter(|hour| hour.rows > 0).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_in_its_hour_or_outside_the_day() {
        let day = Day { start: 7 * DAY };
        for (micros, hour) in [
            (0, 0),
            (HOUR - 1, 0),
            (HOUR, 1),
            (DAY - 1, 23),
            (DAY, OUTSIDE),
            (-1, OUTSIDE),
            (i64::MIN, OUTSIDE),
            (i64::MAX - 7 * DAY, OUTSIDE),
        ] {
            assert_eq!(day.hour((7 * DAY).wrapping_add(micros)), hour, "{micros}");
        }
    }
}
