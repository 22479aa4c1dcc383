//! Salesforce's ways of writing a moment, read to microseconds since 1970 UTC, and RFC 3339 back; and
//! what people write.
//!
//! The former is done by hand because it happens once per row.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a day.
pub const DAY: i64 = 86_400 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 3_600 * SECOND;

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// How many days a month has.
const fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The date that many days after 1970-01-01, as year, month, day.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

/// Reads digits; `None` when there is another character or too few.
fn number(text: &[u8], start: usize, count: usize) -> Option<i64> {
    let digits = text.get(start..start + count)?;
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

/// Reads `.` and one to nine digits, or nothing; answers microseconds and what follows.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', rest)) = text.split_first() else { return Some((0, text)) };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > 9 {
        return None;
    }
    let value = number(rest, 0, count)?;
    let scale = 10_i64.pow(count.abs_diff(6) as u32);
    let micros = if count <= 6 { value * scale } else { value / scale };
    Some((micros, rest.get(count..)?))
}

fn assemble(date: [i64; 3], time: [i64; 3], micros: i64) -> Option<i64> {
    let [year, month, day] = date;
    let [hour, minute, second] = time;
    let whole = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
    if !whole || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    Some(days * DAY + (hour * 3_600 + minute * 60 + second) * SECOND + micros)
}

/// Reads the compact form of the `TIMESTAMP` column, `20231218054831.655`, which is in GMT. The
/// fraction may have any number of digits or be missing.
pub fn parse_compact(text: &[u8]) -> Option<i64> {
    let date = [number(text, 0, 4)?, number(text, 4, 2)?, number(text, 6, 2)?];
    let time = [number(text, 8, 2)?, number(text, 10, 2)?, number(text, 12, 2)?];
    let (micros, rest) = fraction(text.get(14..)?)?;
    if rest.is_empty() { assemble(date, time, micros) } else { None }
}

/// Reads ISO 8601 as the platform writes it: `2023-12-18T05:48:31.655Z`, also with `+0000`,
/// `+02:00` or a blank for the `T`.
pub fn parse_iso(text: &[u8]) -> Option<i64> {
    // Nearly all have one form, which is read at once.
    if let Ok(text) = text.try_into()
        && let Some(digits) = usual(text)
    {
        let number =
            |places: &[usize]| places.iter().fold(0, |sum, at| sum * 10 + i64::from(digits[*at]));
        let date = [number(&[0, 1, 2, 3]), number(&[5, 6]), number(&[8, 9])];
        let time = [number(&[11, 12]), number(&[14, 15]), number(&[17, 18])];
        return assemble(date, time, number(&[20, 21, 22]) * 1_000);
    }
    parse_any_iso(text)
}

/// The digits of a text that has the form `2023-12-18T05:48:31.655Z`, each in its place.
fn usual(text: &[u8; 24]) -> Option<[u8; 24]> {
    const FORM: &[u8; 24] = b"0000-00-00T00:00:00.000Z";
    let (mut digits, mut wrong) = ([0; 24], false);
    for ((digit, byte), form) in digits.iter_mut().zip(text).zip(FORM) {
        *digit = byte.wrapping_sub(*form);
        wrong |= *digit > if *form == b'0' { 9 } else { 0 };
    }
    (!wrong).then_some(digits)
}

fn parse_any_iso(text: &[u8]) -> Option<i64> {
    let shape = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if shape.iter().any(|(at, mark)| text.get(*at) != Some(mark))
        || !matches!(text.get(10), Some(b'T' | b't' | b' '))
    {
        return None;
    }
    let date = [number(text, 0, 4)?, number(text, 5, 2)?, number(text, 8, 2)?];
    let time = [number(text, 11, 2)?, number(text, 14, 2)?, number(text, 17, 2)?];
    let (micros, zone) = fraction(text.get(19..)?)?;
    Some(assemble(date, time, micros)? - offset(zone)? * SECOND)
}

/// Whether a text that [`parse_iso`] can read is what [`write_rfc3339`] would make of it.
pub fn is_rfc3339(text: &[u8]) -> bool {
    // A sixtieth second is the next minute's first.
    matches!(text, [.., b'Z'] if text.len() == 24)
        && (text.get(10), text.get(19)) == (Some(&b'T'), Some(&b'.'))
        && text.get(17) != Some(&b'6')
}

/// Reads a zone to seconds east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    let sign = match zone {
        b"Z" | b"z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let minutes_at = match zone.len() {
        5 => 3,
        6 if zone.get(3) == Some(&b':') => 4,
        _ => return None,
    };
    let (hours, minutes) = (number(zone, 1, 2)?, number(zone, minutes_at, 2)?);
    (hours <= 18 && minutes <= 59).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// Appends RFC 3339 in UTC with milliseconds, or microseconds when there are any.
pub fn write_rfc3339(out: &mut Vec<u8>, micros: i64) {
    let (days, of_day) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    let (year, month, day) = civil_from_days(days);
    let (seconds, fraction) = (of_day / SECOND, of_day % SECOND);
    // Two digits each; years have four, also where they would need more or a sign.
    let year = year.rem_euclid(10_000);
    let mut text = *b"0000-00-00T00:00:00.000Z000";
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, seconds / 3_600),
        (14, seconds / 60 % 60),
        (17, seconds % 60),
    ];
    for (at, value) in pairs {
        put(&mut text, at, value);
    }
    let millis = fraction / 1_000;
    text[20] = digit(millis / 100);
    put(&mut text, 21, millis % 100);
    let rest = fraction % 1_000;
    if rest == 0 {
        out.extend_from_slice(&text[..24]);
    } else {
        text[23] = digit(rest / 100);
        put(&mut text, 24, rest % 100);
        text[26] = b'Z';
        out.extend_from_slice(&text);
    }
}

/// Puts two digits.
fn put(text: &mut [u8; 27], at: usize, value: i64) {
    text[at] = digit(value / 10);
    text[at + 1] = digit(value);
}

fn digit(value: i64) -> u8 {
    b'0' + (value % 10).unsigned_abs() as u8
}

/// [`write_rfc3339`] as text.
pub fn rfc3339(micros: i64) -> String {
    let mut out = Vec::with_capacity(27);
    write_rfc3339(&mut out, micros);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads what a person writes: a time in RFC 3339, or a date, which stands for its start in UTC. A time
/// that does not say in which zone is refused.
///
/// # Errors
/// How to write it.
pub fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let date = || {
        // A time after the date would be passed over.
        let date = text.parse::<Date>().ok().filter(|_| text.len() == "2026-11-01".len())?;
        Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    };
    text.parse()
        .ok()
        .or_else(date)
        .ok_or("write a date such as 2026-11-01 or a time such as 2026-11-01T06:30:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_write_dates_and_times_with_their_zone() {
        for (text, time) in [
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("2026-11-25T06:30:00Z", "2026-11-25T06:30:00Z"),
            ("2026-11-25T06:30:00+02:00", "2026-11-25T04:30:00Z"),
        ] {
            assert_eq!(moment(text), Ok(time.parse().unwrap()), "{text}");
        }
        for wrong in
            ["", "yesterday", "7d", "2026-11-31", "2026-11-25T06:30", "2026-11-25 06:30:00"]
        {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reads_both_clocks_of_a_row() {
        let moment = parse_iso(b"2023-12-18T05:48:31.655Z").unwrap();
        assert_eq!(rfc3339(moment), "2023-12-18T05:48:31.655Z");
        assert_eq!(parse_compact(b"20231218054831.655"), Some(moment));
        assert_eq!(parse_compact(b"20231218054831"), Some(moment - 655_000));
        assert_eq!(parse_compact(b"20231218054831.65"), Some(moment - 5_000));
        assert_eq!(parse_iso(b"2023-12-18T05:48:31.655+0000"), Some(moment));
        assert_eq!(parse_iso(b"2023-12-18T07:48:31.655+02:00"), Some(moment));
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for text in
            ["", "2023", "20231318054831", "20230230054831.1", "20231218054831.", "2023121805483x"]
        {
            assert_eq!(parse_compact(text.as_bytes()), None, "{text}");
        }
        for text in [
            "",
            "2023-12-18",
            "2023-12-18T05:48:31.655",
            "2023-02-29T00:00:00Z",
            "2023-12-18T05:48:31+1:00",
        ] {
            assert_eq!(parse_iso(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_called_rfc3339_is_what_would_be_written(
            text in "[0-9]{3}[0-9]-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.?[0-9]{0,6}(Z|z|\\+0000)",
        ) {
            if let Some(time) = parse_iso(text.as_bytes()) && is_rfc3339(text.as_bytes()) {
                prop_assert_eq!(rfc3339(time), text);
            }
        }

        #[test]
        fn writes_what_jiff_writes_and_reads_it_back(millis in -2_000_000_000_000_i64..4_000_000_000_000) {
            let micros = millis * 1_000;
            let text = rfc3339(micros);
            let jiff = jiff::Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(&text, &format!("{jiff:.3}"));
            prop_assert_eq!(parse_iso(text.as_bytes()), Some(micros));
        }

        #[test]
        fn the_usual_form_is_read_like_any_other(
            text in "[0-9:]{4}-[0-9]{2}-[0-9/]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z",
        ) {
            prop_assert_eq!(parse_iso(text.as_bytes()), parse_any_iso(text.as_bytes()));
        }

        #[test]
        fn days_are_those_of_the_calendar(year in 0..10_000_i64, month in 1..13_i64, day in 1..32_i64) {
            let days = days_from_civil(year, month, day);
            let is_there = civil_from_days(days) == (year, month, day);
            prop_assert_eq!(day <= days_of_month(year, month), is_there);
        }

        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = (parse_iso(&text), parse_compact(&text));
        }
    }
}
