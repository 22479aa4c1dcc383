//! How numbers, sizes and spans are written for people: at a terminal, on a page, in a message.

/// A count, with its thousands apart: `1,234,567`.
pub fn count(number: impl Into<i128>) -> String {
    let number = number.into();
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
pub fn counted(number: impl Into<i128>, noun: &str) -> String {
    let number = number.into();
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// A size in the units disks are sold by: `1.2 GB`.
pub fn bytes(number: impl Into<i128>) -> String {
    scaled(number.into() as f64, &["B", "kB", "MB", "GB", "TB", "PB"])
}

/// A number that need not be exact: `12.3 k`, `4.2 M`.
pub fn about(number: f64) -> String {
    if number.abs() < 10_000.0 {
        let whole = number.fract() == 0.0 || number.abs() >= 100.0;
        return if whole { count(number.round() as i64) } else { format!("{number:.1}") };
    }
    scaled(number, &["", "k", "M", "G", "T"])
}

/// A duration given in milliseconds: `850 ms`, `2.4 s`, `3 min`.
pub fn duration(millis: f64) -> String {
    match millis {
        ms if ms < 1_000.0 => format!("{} ms", ms.round()),
        ms if ms < 120_000.0 => format!("{:.1} s", ms / 1_000.0),
        ms => span((ms / 1_000.0) as i64),
    }
}

/// A span given in seconds, by its two largest units: `3 h 12 min`.
pub fn span(seconds: i64) -> String {
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

/// In the largest unit, a thousand times the one before, of which there is one.
fn scaled(mut number: f64, units: &[&str]) -> String {
    let mut at = 0;
    // What would be rounded to a thousand of a unit is one of the next.
    while number.abs() >= 999.5 && at + 1 < units.len() {
        number /= 1_000.0;
        at += 1;
    }
    let digits = usize::from(at > 0 && number.abs() < 99.95);
    format!("{number:.digits$} {}", units[at]).trim_end().to_owned()
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
            [999, 1_000, 99_960, 999_400, 999_600, 1_250_000, 123_456_789].map(bytes),
            ["999 B", "1.0 kB", "100 kB", "999 kB", "1.0 MB", "1.2 MB", "123 MB"]
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
}
