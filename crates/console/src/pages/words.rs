//! How moments are written for people.

use jiff::Timestamp;
use orgtap_events::time::rfc3339;
use orgtap_transport::words::counted;

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
