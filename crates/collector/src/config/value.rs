//! What a single value may be, wherever it comes from: a file, a flag, an answer at the terminal.

use std::time::Duration;

use jiff::Timestamp;
use orgtap_salesforce::ApiVersion;
use orgtap_transport::ConfigDuration;

use crate::budget::figures::Floor;

use super::address;

/// The shortest and the longest a duration may be, and why not longer.
pub(super) struct Bounds {
    pub(super) least: Duration,
    pub(super) most: Duration,
    why: &'static str,
}

impl Bounds {
    /// Whether a duration lies within; if not, why.
    pub(super) fn admit(&self, value: ConfigDuration) -> Result<(), String> {
        let Self { least, most, why } = self;
        if value.get() < *least {
            return Err(format!("at least {} is needed", ConfigDuration::new(*least)));
        }
        if value.get() > *most {
            return Err(format!("{} is the most: {why}", ConfigDuration::new(*most)));
        }
        Ok(())
    }
}

const DAY: Duration = Duration::from_hours(24);
const FORGETFUL: &str = "some orgs keep their log files for a day only";

pub(super) const POLL_INTERVAL: Bounds =
    Bounds { least: Duration::from_secs(1), most: DAY, why: FORGETFUL };
pub(super) const SETTLE: Bounds = Bounds { least: Duration::ZERO, most: DAY, why: FORGETFUL };
pub(super) const OVERLAP: Bounds = Bounds {
    least: Duration::ZERO,
    most: Duration::from_hours(7 * 24),
    why: "each look lists that much again",
};
pub(super) const SPOOL_RETENTION: Bounds = Bounds {
    least: Duration::ZERO,
    most: Duration::from_hours(400 * 24),
    why: "no org keeps its log files longer",
};
pub(super) const ROWS_RETENTION: Bounds = Bounds {
    least: Duration::from_hours(24),
    most: Duration::from_hours(400 * 24),
    why: "files of a day come late, and no org keeps them for more than a year",
};
pub(super) const SESSION: Bounds = Bounds {
    least: Duration::from_mins(1),
    most: Duration::from_hours(30 * 24),
    why: "whoever finds a browser open could use the console that long",
};
pub(super) const AUDIT_RETENTION: Bounds = Bounds {
    least: DAY,
    most: Duration::from_hours(10 * 366 * 24),
    why: "it is kept in the ledger, which would grow without end",
};
pub(super) const MAX_AGE: Bounds = Bounds {
    least: Duration::from_hours(1),
    most: Duration::from_hours(400 * 24),
    why: "no org keeps its log files longer, so leave it out",
};
pub(super) const INSIGHTS_RETENTION: Bounds = Bounds {
    least: DAY,
    most: Duration::from_hours(4_000 * 24),
    why: "pages over longer times would be slow",
};
pub(super) const TIME_LINE: Bounds = Bounds {
    least: DAY,
    most: Duration::from_hours(400 * 24),
    why: "single events take much more room than counts",
};
pub(super) const RETRY: Bounds =
    Bounds { least: Duration::from_millis(1), most: DAY, why: FORGETFUL };

/// The first API version that tells hourly files from daily ones.
const OLDEST_API: ApiVersion = ApiVersion::new(37);
/// Longest user name Salesforce has, characters.
const LONGEST_USER: usize = 80;

/// Longest description of a connector, characters.
const LONGEST_DESCRIPTION: usize = 200;

/// What is said of what is no name.
pub(super) const NO_NAME: &str =
    "a name has 1 to 64 letters, digits, `-`, `_` and `.`, and does not begin with a dot";

/// Checks one value of a connector as it is checked in a file. The error says why it cannot be.
pub fn check(key: &str, text: &str) -> Result<(), String> {
    match key {
        "name" if !is_name(text) => Err(NO_NAME.to_owned()),
        "instance_url" | "login_url" => address::org(text).map(drop),
        "description" => description(text).map(drop),
        "salesforce_user" => user(text).map(drop),
        "jwt_audience" => address::audience(text).map(drop),
        "proxy" => address::proxy(text).map(drop),
        "api_version" => version(text).map(drop),
        "start" => moment(text).map(drop),
        "poll_interval" => {
            let interval = text.parse::<ConfigDuration>().map_err(|error| error.to_string())?;
            POLL_INTERVAL.admit(interval)
        }
        _ => Ok(()),
    }
}

/// Names go into file names, metrics and logs.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('.')
}

/// What people call a connector, on one line.
pub(super) fn description(text: &str) -> Result<String, String> {
    if text.chars().count() <= LONGEST_DESCRIPTION && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("a description is one line of at most {LONGEST_DESCRIPTION} letters"))
}

/// A Salesforce user name.
pub(super) fn user(text: &str) -> Result<String, String> {
    let plain = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if plain && text.contains('@') && text.chars().count() <= LONGEST_USER {
        return Ok(text.to_owned());
    }
    Err("a Salesforce user name has the form of an e-mail address".to_owned())
}

/// An API version that can be worked with.
pub(super) fn version(text: &str) -> Result<ApiVersion, String> {
    let version: ApiVersion =
        text.parse().map_err(|_| "an API version looks like \"66.0\"".to_owned())?;
    if version < OLDEST_API {
        return Err(format!("{OLDEST_API} is the oldest that tells hourly files from daily ones"));
    }
    Ok(version)
}

/// A share of the org's calls, or a number of them.
pub(super) fn floor(text: &str) -> Result<Floor, String> {
    let floor = match text.strip_suffix('%') {
        Some(share) => share.trim_end().parse().ok().filter(|it| *it <= 100).map(Floor::Share),
        None => text.parse().ok().map(Floor::Calls),
    };
    floor.ok_or_else(|| "write a share such as 20%, up to 100%, or a number of calls".to_owned())
}

/// A date or an RFC 3339 time. A span such as `7d` is refused on purpose: it would begin anew at
/// every start and silently leave out what was missed while Orgtap was down.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let wanted = |form| match text.parse::<ConfigDuration>() {
        Ok(_) => {
            "a fixed moment is wanted, because a span would begin anew at every start; write a date \
             such as 2026-11-01"
        }
        Err(_) => form,
    };
    orgtap_events::time::moment(text).map_err(|form| wanted(form).to_owned())
}
