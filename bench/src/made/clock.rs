//! Times, in the two forms files have them in.

use jiff::Span;
use jiff::civil::date;

use super::row::digits;

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// A time, as it stands in files.
#[derive(Debug)]
pub(super) struct Clock {
    day: u64,
    /// As in `TIMESTAMP`.
    pub(super) compact: [u8; 18],
    /// As in `TIMESTAMP_DERIVED`.
    pub(super) iso: [u8; 24],
}

impl Clock {
    /// So many milliseconds after 1970.
    pub(super) fn at(at: u64) -> Self {
        let mut clock = Self {
            day: u64::MAX,
            compact: *b"yyyymmddhhmmss.mmm",
            iso: *b"yyyy-mm-ddThh:mm:ss.mmmZ",
        };
        clock.set(at);
        clock
    }

    /// Sets the time to so many milliseconds after 1970.
    pub(super) fn set(&mut self, at: u64) {
        let (today, within) = (at / DAY, at % DAY);
        if today != self.day {
            self.day = today;
            let day = date(1970, 1, 1).saturating_add(Span::new().days(today as i64));
            self.put(0, 0, day.year() as u64, 4);
            self.put(4, 5, day.month() as u64, 2);
            self.put(6, 8, day.day() as u64, 2);
        }
        self.put(8, 11, within / 3_600_000, 2);
        self.put(10, 14, within / 60_000 % 60, 2);
        self.put(12, 17, within / 1_000 % 60, 2);
        self.put(15, 20, within % 1_000, 3);
    }

    /// Puts a number of so many digits into both forms.
    fn put(&mut self, compact: usize, iso: usize, number: u64, width: usize) {
        let mut room = [0; 20];
        let digits = digits(number, width, &mut room);
        self.compact[compact..compact + width].copy_from_slice(digits);
        self.iso[iso..iso + width].copy_from_slice(digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_both_forms_and_days_go_on() {
        let clock = Clock::at(DAY * 20_788 + 3_661_007);
        assert_eq!(&clock.compact, b"20261201010101.007");
        assert_eq!(&clock.iso, b"2026-12-01T01:01:01.007Z");
    }
}
