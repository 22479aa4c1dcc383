//! Times as the org writes and reads them.

use jiff::Timestamp;

/// Reads `2026-11-23T04:00:00.000+0000`, and the same with `Z` or an offset with a colon.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    let (head, tail) = text.split_at(text.len().checked_sub(5)?);
    let digits = tail.strip_prefix(['+', '-']);
    if digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        let (hours, minutes) = tail.split_at(3);
        return format!("{head}{hours}:{minutes}").parse().ok();
    }
    text.parse().ok()
}

/// Years SOQL can express.
const OLDEST: &str = "1700-01-01T00:00:00Z";
const NEWEST: &str = "4000-12-31T23:59:59Z";

/// A SOQL time that is not later than the given one.
pub(crate) fn soql_at_or_before(time: Timestamp) -> String {
    soql(milliseconds(time))
}

/// A SOQL time that is not earlier than the given one.
pub(crate) fn soql_at_or_after(time: Timestamp) -> String {
    let floor = milliseconds(time);
    let exact = time.as_nanosecond() == i128::from(floor) * 1_000_000;
    soql(if exact { floor } else { floor + 1 })
}

/// Milliseconds since 1970, rounded down before 1970 too.
fn milliseconds(time: Timestamp) -> i64 {
    time.as_nanosecond().div_euclid(1_000_000) as i64
}

fn soql(milliseconds: i64) -> String {
    let bound = |text: &str| text.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let (oldest, newest): (Timestamp, Timestamp) = (bound(OLDEST), bound(NEWEST));
    let within = milliseconds.clamp(oldest.as_millisecond(), newest.as_millisecond());
    let time = Timestamp::from_millisecond(within).unwrap_or(oldest);
    let format = if within % 1_000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%3fZ" };
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_spellings_orgs_use() {
        let expected: Timestamp = "2026-11-23T04:00:00Z".parse().unwrap();
        for text in [
            "2026-11-23T04:00:00.000+0000",
            "2026-11-23T04:00:00+0000",
            "2026-11-23T04:00:00.000Z",
            "2026-11-23T04:00:00Z",
            "2026-11-23T04:00:00+00:00",
            "2026-11-22T20:00:00.000-0800",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "Z", "+0000", "2026", "2026-13-01T00:00:00Z", "yesterday", "é+0000"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn bounds_never_cut_off_what_they_include() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let exact = time("2026-11-23T09:00:00Z");
        assert_eq!(soql_at_or_before(exact), "2026-11-23T09:00:00Z");
        assert_eq!(soql_at_or_after(exact), "2026-11-23T09:00:00Z");
        let fine = time("2026-11-23T09:00:00.1234Z");
        assert_eq!(soql_at_or_before(fine), "2026-11-23T09:00:00.123Z");
        assert_eq!(soql_at_or_after(fine), "2026-11-23T09:00:00.124Z");
        assert_eq!(soql_at_or_before(Timestamp::MIN), "1700-01-01T00:00:00Z");
        assert_eq!(soql_at_or_after(Timestamp::MAX), "4000-12-31T23:59:59Z");
        assert_eq!(
            soql_at_or_before(time("1969-12-31T23:59:59.9999Z")),
            "1969-12-31T23:59:59.999Z"
        );
    }
}
