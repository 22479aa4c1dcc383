//! How numbers, sizes and times are written for people.

use jiff::Timestamp;
use orgtap_events::time::rfc3339;

/// A count, with its thousands apart: `1,234,567`.
pub(crate) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 file`, `2 files`.
pub(crate) fn counted(number: i64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// A size in the units disks are sold by: `1.2 GB`.
pub(crate) fn bytes(number: i64) -> String {
    scaled(number as f64, &["B", "kB", "MB", "GB", "TB", "PB"], 1000.0)
}

/// A number that need not be exact: `1.2 M`.
pub(crate) fn about(number: f64) -> String {
    if number.abs() < 10_000.0 {
        let whole = number.fract() == 0.0 || number.abs() >= 100.0;
        return if whole { count(number.round() as i64) } else { format!("{number:.1}") };
    }
    scaled(number, &["", "k", "M", "G", "T"], 1000.0)
}

/// A duration given in milliseconds: `850 ms`, `2.4 s`, `3 min`.
pub(crate) fn duration(millis: f64) -> String {
    match millis {
        ms if ms < 1_000.0 => format!("{} ms", ms.round()),
        ms if ms < 120_000.0 => format!("{:.1} s", ms / 1_000.0),
        ms => span((ms / 1_000.0) as i64),
    }
}

/// A span given in seconds, by its two largest units: `3 h 12 min`.
pub(crate) fn span(seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3_600);
    let (minutes, rest) = (seconds % 3_600 / 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

fn scaled(number: f64, units: &[&str], step: f64) -> String {
    let (mut number, mut at) = (number, 0);
    while number.abs() >= step && at + 1 < units.len() {
        number /= step;
        at += 1;
    }
    let digits = usize::from(at > 0 && number.abs() < 100.0);
    format!("{number:.digits$} {}", units[at]).trim_end().to_owned()
}

/// A moment, as a page shows it: how long ago, with the exact time beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339, UTC.
    pub(crate) exact: String,
    /// `45 seconds ago`, when the page was made.
    pub(crate) ago: String,
}

impl Moment {
    /// A moment given in microseconds since 1970.
    pub(crate) fn at(micros: i64) -> Self {
        let now = Timestamp::now().as_microsecond();
        Self { exact: rfc3339(micros), ago: ago((now - micros) / 1_000_000) }
    }

    /// A moment given as RFC 3339; what is none is shown as it stands.
    pub(crate) fn of(text: &str) -> Self {
        match text.parse::<Timestamp>() {
            Ok(time) => Self::at(time.as_microsecond()),
            Err(_) => Self { exact: text.to_owned(), ago: text.to_owned() },
        }
    }

    /// To the minute, without a date: `14:05`.
    pub(crate) fn clock(&self) -> &str {
        self.exact.get(11..16).unwrap_or(&self.exact)
    }

    /// To the minute, with its date: `2026-11-25 14:05`.
    pub(crate) fn plain(&self) -> String {
        self.exact.get(..16).unwrap_or(&self.exact).replace('T', " ")
    }
}

/// How long ago, by the largest unit.
fn ago(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (size, unit) = [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(size, _)| seconds >= *size)
        .unwrap_or((1, "second"));
    format!("{} ago", counted(seconds / size, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            [0, 7, 999, 1_000, 1_234_567, -1_000].map(count),
            ["0", "7", "999", "1,000", "1,234,567", "-1,000"]
        );
        assert_eq!([0, 1, 2].map(|n| counted(n, "file")), ["0 files", "1 file", "2 files"]);
    }

    #[test]
    fn large_numbers_are_rounded_to_three_figures_or_so() {
        assert_eq!(
            [999, 1_000, 1_250_000, 123_456_789].map(bytes),
            ["999 B", "1.0 kB", "1.2 MB", "123 MB"]
        );
        assert_eq!(
            [0.0, 0.25, 42.0, 9_999.0, 12_345.0, 4.2e9].map(about),
            ["0", "0.2", "42", "9,999", "12.3 k", "4.2 G"]
        );
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        assert_eq!(
            [0, 59, 60, 3_599, 3_600, 11_520, 90_000, 86_400].map(span),
            ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 12 min", "1 d 1 h", "1 d"]
        );
        assert_eq!([850.0, 2_400.0, 180_000.0].map(duration), ["850 ms", "2.4 s", "3 min"]);
    }

    #[test]
    fn ages_count_whole_units_and_never_the_future() {
        assert_eq!(
            [-5, 1, 59, 60, 7_200, 100_000].map(ago),
            [
                "0 seconds ago",
                "1 second ago",
                "59 seconds ago",
                "1 minute ago",
                "2 hours ago",
                "1 day ago"
            ]
        );
    }
}
