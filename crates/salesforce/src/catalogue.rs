//! What a person is told about every kind of failure: code, title, cause, remedy, disposition.
//!
//! One table, read by [`Error`](crate::Error) and by the generated documentation. Codes are stable:
//! a code is never given to another meaning, and one that is dropped stays unused.

use std::time::Duration;

use orgtap_transport::Disposition;

use crate::error::ErrorKind;
use crate::reach::{self, Unreachable};
use crate::refusal::{self, LikelyCause, SignInRefusal};

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) disposition: Disposition,
}

/// A line of the table for documentation: code, title, cause, remedy, name of the disposition.
pub type Entry = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// Every code of this crate, in order.
pub fn catalogue() -> Vec<Entry> {
    let plain = [
        ErrorKind::Settings,
        ErrorKind::WrongHost,
        ErrorKind::UntrustedAddress,
        ErrorKind::NotJson,
        ErrorKind::ServerError,
        ErrorKind::Busy,
        ErrorKind::TooLarge,
        ErrorKind::BadAnswer,
        ErrorKind::BadRecord,
        ErrorKind::BadEncoding,
        ErrorKind::SessionExpired,
        ErrorKind::SessionRefused,
        ErrorKind::PermissionMissing,
        ErrorKind::ApiDisabled,
        ErrorKind::AccountBlocked,
        ErrorKind::PolicyBlocked,
        ErrorKind::NotEnabled,
        ErrorKind::Refused,
        ErrorKind::QuotaExhausted,
        ErrorKind::QueryTimeout,
        ErrorKind::InvalidField(String::new()),
        ErrorKind::InvalidLocator,
        ErrorKind::BadRequest,
        ErrorKind::Gone,
        ErrorKind::UnsupportedVersion,
        ErrorKind::OtherOrg,
        ErrorKind::NotKept,
    ];
    let mut entries: Vec<Entry> = plain
        .into_iter()
        .chain(Unreachable::ALL.map(ErrorKind::Unreachable))
        .chain(SignInRefusal::ALL.map(ErrorKind::SignIn))
        .map(|kind| {
            let row = row(&kind);
            (row.code, row.title, row.cause, row.remedy, row.disposition.name())
        })
        .collect();
    entries.sort_unstable();
    entries
}

/// What may be behind the answers that have several causes, by code: for documentation.
pub fn possibilities() -> Vec<(&'static str, Vec<&'static LikelyCause>)> {
    let all = SignInRefusal::ALL
        .map(|refusal| (refusal::row(refusal).code, refusal::every_cause(refusal)));
    all.into_iter().filter(|(_, causes)| !causes.is_empty()).collect()
}

/// The line for a kind.
pub(crate) const fn row(kind: &ErrorKind) -> &'static Row {
    match kind {
        ErrorKind::SignIn(refusal) => refusal::row(*refusal),
        ErrorKind::Unreachable(why) => reach::row(*why),
        ErrorKind::Settings => &SETTINGS,
        ErrorKind::WrongHost => &WRONG_HOST,
        ErrorKind::UntrustedAddress => &UNTRUSTED_ADDRESS,
        ErrorKind::NotJson => &NOT_JSON,
        ErrorKind::ServerError => &SERVER_ERROR,
        ErrorKind::Busy => &BUSY,
        ErrorKind::TooLarge => &TOO_LARGE,
        ErrorKind::BadAnswer => &BAD_ANSWER,
        ErrorKind::BadRecord => &BAD_RECORD,
        ErrorKind::BadEncoding => &BAD_ENCODING,
        ErrorKind::SessionExpired => &SESSION_EXPIRED,
        ErrorKind::SessionRefused => &SESSION_REFUSED,
        ErrorKind::PermissionMissing => &PERMISSION_MISSING,
        ErrorKind::ApiDisabled => &API_DISABLED,
        ErrorKind::AccountBlocked => &ACCOUNT_BLOCKED,
        ErrorKind::PolicyBlocked => &POLICY_BLOCKED,
        ErrorKind::NotEnabled => &NOT_ENABLED,
        ErrorKind::Refused => &REFUSED,
        ErrorKind::QuotaExhausted => &QUOTA_EXHAUSTED,
        ErrorKind::QueryTimeout => &QUERY_TIMEOUT,
        ErrorKind::InvalidField(_) => &INVALID_FIELD,
        ErrorKind::OtherOrg => &OTHER_ORG,
        ErrorKind::InvalidLocator => &INVALID_LOCATOR,
        ErrorKind::BadRequest => &BAD_REQUEST,
        ErrorKind::Gone => &GONE,
        ErrorKind::UnsupportedVersion => &UNSUPPORTED_VERSION,
        ErrorKind::NotKept => &NOT_KEPT,
    }
}

pub(crate) const fn wait(seconds: u64) -> Disposition {
    Disposition::Retry { after: Some(Duration::from_secs(seconds)) }
}

const SETTINGS: Row = Row {
    code: "OT-ORG-01",
    title: "the org's settings cannot work",
    cause: "A value is missing or of the wrong shape; nothing was sent.",
    remedy: "Correct the value. The instance URL is the org's My Domain, https://NAME.my.salesforce.com, with nothing after it.",
    disposition: Disposition::Pause,
};
const WRONG_HOST: Row = Row {
    code: "OT-ORG-02",
    title: "the address does not answer like a Salesforce API",
    cause: "The host sends callers elsewhere or has no REST API: an old or browser address of the org, or not Salesforce at all.",
    remedy: "Set the instance URL to the org's My Domain as Setup > My Domain shows it, https://NAME.my.salesforce.com.",
    disposition: Disposition::Pause,
};
const UNTRUSTED_ADDRESS: Row = Row {
    code: "OT-ORG-03",
    title: "an answer points to an address Orgtap will not follow",
    cause: "The answer names a host that is neither Salesforce's nor in the settings, or a path outside the API. Following it would hand the session to somebody else.",
    remedy: "Check that the login URL is the org's own and that no proxy rewrites answers.",
    disposition: Disposition::Pause,
};
const NOT_JSON: Row = Row {
    code: "OT-ORG-20",
    title: "the answer is not Salesforce's",
    cause: "A proxy, a content network or a maintenance page answered in place of the API, or the answer was cut off.",
    remedy: "Usually it passes. If it stays, look at what the excerpt says and at the proxy between Orgtap and Salesforce.",
    disposition: Disposition::RETRY,
};
const SERVER_ERROR: Row = Row {
    code: "OT-ORG-21",
    title: "the org failed to answer",
    cause: "Salesforce had an internal error, or its edge could not reach the org's instance.",
    remedy: "Usually it passes. If it stays, see status.salesforce.com for the org's instance.",
    disposition: Disposition::RETRY,
};
const BUSY: Row = Row {
    code: "OT-ORG-22",
    title: "the org is busy",
    cause: "Too many long requests run at once, or the server asks for a pause.",
    remedy: "Nothing: Orgtap waits and tries again. If it happens daily, find what else calls the org's API.",
    disposition: wait(30),
};
const TOO_LARGE: Row = Row {
    code: "OT-ORG-23",
    title: "the answer is larger than any real one",
    cause: "Something that is not Salesforce answers, or a limit in Orgtap is too tight.",
    remedy: "Check the instance URL and the proxy; if both are right, report it to Orgtap.",
    disposition: Disposition::Bug,
};
const BAD_ANSWER: Row = Row {
    code: "OT-ORG-24",
    title: "the answer lacks what must be in it",
    cause: "JSON came, but not of the shape this call has: most likely a proxy answered.",
    remedy: "Usually it passes. If it stays, report it to Orgtap with this message.",
    disposition: Disposition::RETRY,
};
const BAD_RECORD: Row = Row {
    code: "OT-ORG-25",
    title: "a listed log file cannot be understood",
    cause: "The org describes a log file in a way Orgtap does not know; the message names the record and the column.",
    remedy: "Update Orgtap; if it is the newest, report it with this message. Nothing is skipped meanwhile.",
    disposition: Disposition::Bug,
};
const BAD_ENCODING: Row = Row {
    code: "OT-ORG-26",
    title: "the body is compressed in an unknown way",
    cause: "Orgtap asks for gzip or nothing; a proxy compressed the answer otherwise.",
    remedy: "Switch off compression in the proxy between Orgtap and Salesforce.",
    disposition: wait(300),
};
const SESSION_EXPIRED: Row = Row {
    code: "OT-ORG-30",
    title: "the session has ended",
    cause: "It was idle too long, was revoked, or too many sessions of the user pushed it out.",
    remedy: "Nothing: Orgtap signs in once and goes on.",
    disposition: Disposition::RefreshCredentials,
};
const SESSION_REFUSED: Row = Row {
    code: "OT-ORG-31",
    title: "the org refuses a session it has just given",
    cause: "The session is bound to another address (proxies that change the calling address), the user was frozen, or the sign-in leads to another org than the instance.",
    remedy: "Look at the user's Login History and at Setup > Session Settings > Lock sessions to the IP address; make Orgtap leave through one address.",
    disposition: Disposition::Pause,
};
const PERMISSION_MISSING: Row = Row {
    code: "OT-ORG-32",
    title: "the user may not read event log files",
    cause: "Salesforce hides EventLogFile from users without the permissions View Event Log Files and API Enabled, and answers as if it did not exist. The org may also lack Event Monitoring.",
    remedy: "Give the user a permission set with View Event Log Files and API Enabled (Setup > Permission Sets).",
    disposition: Disposition::Pause,
};
const API_DISABLED: Row = Row {
    code: "OT-ORG-33",
    title: "the REST API is closed",
    cause: "The user lacks the permission API Enabled, API access control does not list the app, or the org's edition has no API.",
    remedy: "Give the user API Enabled; in Setup > API Access Control allow the app.",
    disposition: Disposition::Pause,
};
const ACCOUNT_BLOCKED: Row = Row {
    code: "OT-ORG-34",
    title: "the user or the org is blocked",
    cause: "The password expired, the user is locked, the call came from an address or at an hour not allowed, or the org is locked or its trial over; the message says which.",
    remedy: "Correct it in Setup > Users. For an integration user choose Password Never Expires.",
    disposition: Disposition::Pause,
};
const POLICY_BLOCKED: Row = Row {
    code: "OT-ORG-35",
    title: "a transaction security policy blocked the call",
    cause: "The org watches queries or exports, and a policy's condition met Orgtap's.",
    remedy: "Exempt the integration user in Setup > Transaction Security Policies.",
    disposition: Disposition::Pause,
};
const NOT_ENABLED: Row = Row {
    code: "OT-ORG-36",
    title: "the feature is off in this org",
    cause: "Event log files are not switched on or not licensed.",
    remedy: "Switch on Generate event log files in Setup > Event Monitoring Settings; check the licence.",
    disposition: Disposition::Pause,
};
const REFUSED: Row = Row {
    code: "OT-ORG-37",
    title: "the org refuses for a reason Orgtap does not know",
    cause: "Salesforce's own code and words are in the message.",
    remedy: "Orgtap tries again every few minutes. Look the code up at Salesforce and report it to Orgtap.",
    disposition: wait(300),
};
const QUOTA_EXHAUSTED: Row = Row {
    code: "OT-ORG-40",
    title: "the org's daily API calls are used up",
    cause: "All programs of the org together made more calls in the last 24 hours than its licence allows.",
    remedy: "Orgtap tries again every 15 minutes. See Setup > Company Information and System Overview for who uses them; ask for more.",
    disposition: wait(900),
};
const QUERY_TIMEOUT: Row = Row {
    code: "OT-ORG-41",
    title: "the query ran too long",
    cause: "The period asked about holds more log files than the org can find in time.",
    remedy: "Nothing: Orgtap asks about a shorter period.",
    disposition: Disposition::RETRY,
};
const INVALID_FIELD: Row = Row {
    code: "OT-ORG-42",
    title: "the org does not have a column",
    cause: "The column is not in this API version, is hidden from the user, or belongs to a feature the org no longer has (Interval: hourly event log files).",
    remedy: "Test the connection again, so that Orgtap asks which columns there are.",
    disposition: Disposition::Pause,
};
const INVALID_LOCATOR: Row = Row {
    code: "OT-ORG-43",
    title: "the listing was cut off",
    cause: "The place in a listing is bound to the session that began it, and that session ended.",
    remedy: "Nothing: Orgtap begins the listing again. If it comes often, another program shares the user and ends its sessions.",
    disposition: Disposition::RETRY,
};
const BAD_REQUEST: Row = Row {
    code: "OT-ORG-44",
    title: "the org calls the request malformed",
    cause: "Orgtap sent a request this org does not accept.",
    remedy: "Report it to Orgtap with this message.",
    disposition: Disposition::Bug,
};
const GONE: Row = Row {
    code: "OT-ORG-45",
    title: "the org no longer has the log file",
    cause: "Its retention ended, it was replaced by a fuller one, or an administrator deleted it.",
    remedy: "Nothing can bring this version back; a replacement is listed by itself. If it happens often, collect more often or ask for longer retention.",
    disposition: Disposition::Reject,
};
const UNSUPPORTED_VERSION: Row = Row {
    code: "OT-ORG-46",
    title: "the org does not offer the API version",
    cause: "The configured version is retired or newer than the org.",
    remedy: "Remove api_version from the configuration, or set one the org offers.",
    disposition: Disposition::Pause,
};
const OTHER_ORG: Row = Row {
    code: "OT-ORG-50",
    title: "the connector leads to another org",
    cause: "Instance URL or user were changed to another org, or a sandbox was refreshed.",
    remedy: "Give the other org a connector of its own, with another name.",
    disposition: Disposition::Pause,
};
const NOT_KEPT: Row = Row {
    code: "OT-AUTH-26",
    title: "the refresh token cannot be kept",
    cause: "The vault in the data folder cannot be written or read; the message says why. Orgtap does not exchange a refresh token it could not keep, because with rotation the old one is good once.",
    remedy: "Make room on the disk or correct the permissions of the data folder, or put the vault's key back. Orgtap tries again by itself.",
    disposition: wait(60),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_used_once_and_says_something() {
        let entries = catalogue();
        let codes: std::collections::BTreeSet<_> = entries.iter().map(|entry| entry.0).collect();
        assert_eq!(codes.len(), entries.len());
        assert_eq!(entries.len(), 27 + Unreachable::ALL.len() + SignInRefusal::ALL.len());
        for (code, title, cause, remedy, _) in entries {
            let area = code.strip_prefix("OT-AUTH-").or_else(|| code.strip_prefix("OT-ORG-"));
            assert!(area.is_some_and(|number| number.len() == 2), "{code}");
            assert!(!title.ends_with('.') && title.len() < 70, "{code} {title}");
            assert!(cause.ends_with('.') && remedy.ends_with('.'), "{code}");
            assert!(!cause.contains("  ") && !remedy.contains("  "), "{code}");
        }
    }

    #[test]
    fn a_missing_permission_is_named_in_the_remedy() {
        let remedy = row(&ErrorKind::PermissionMissing).remedy;
        assert!(remedy.contains("View Event Log Files") && remedy.contains("API Enabled"));
    }
}
