//! Why the token endpoint refused a sign-in.
//!
//! The endpoint answers with a code and a description; which pair means what is known from the
//! vendor's pages and from years of public traces, and differs in wording between releases. So
//! the description is searched for a few words, and a pair nobody has seen is kept as it came.

use std::time::Duration;

use orgtap_transport::Disposition;

use crate::catalogue::Row;

/// Why a sign-in was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignInRefusal {
    /// User, password or token wrong, or the flow is closed: Salesforce does not say which.
    Credentials,
    /// The user is deactivated.
    UserInactive,
    /// Not from this address, or not at this hour.
    AddressOrHours,
    /// The consumer key is unknown here.
    ConsumerKey,
    /// The consumer secret does not belong to the key.
    ConsumerSecret,
    /// The app is not installed in this org.
    AppNotInstalled,
    /// The app admits only users an administrator has approved.
    AppNotApproved,
    /// An administrator blocked the app.
    AppBlocked,
    /// The app could not be approved for this user.
    ApprovalFailed,
    /// The app or org does not offer this flow.
    FlowNotSupported,
    /// The org is locked, closed or suspended.
    OrgInactive,
    /// Too many sign-ins.
    RateExceeded,
    /// This host does not sign in users of this org.
    WrongHost,
    /// The request reached the endpoint without TLS.
    HttpsRequired,
    /// The endpoint calls the request malformed.
    Malformed,
    /// The state of a device activation is stale.
    Activation,
    /// There is no token endpoint at the address.
    NoEndpoint,
    /// The answer says yes, but something needed is not in it.
    UnusableAnswer,
    /// A refusal nobody has described.
    Unrecognised,
}

/// One of several causes behind the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LikelyCause {
    /// What is wrong.
    pub cause: &'static str,
    /// What the user's Login History shows for the attempt; none if it shows nothing.
    pub login_history: Option<&'static str>,
    /// What to do.
    pub remedy: &'static str,
}

/// What `authentication failure` can mean, the most likely first.
const CREDENTIALS: [LikelyCause; 7] = [
    LikelyCause {
        cause: "the security token is missing and the calling address is not trusted",
        login_history: Some("Failed: API security token required"),
        remedy: "enter the user's security token, or add the address to Setup > Network Access",
    },
    LikelyCause {
        cause: "the password or the security token is wrong or was changed; a new password makes a new token",
        login_history: Some("Invalid Password"),
        remedy: "sign in as the user in a browser, reset the security token, enter both again",
    },
    LikelyCause {
        cause: "the username-password flow is off, as it is by default in orgs made since Summer '23",
        login_history: Some("Username-Password Flow Disabled"),
        remedy: "Setup > OAuth and OpenID Connect Settings > Allow OAuth Username-Password Flows",
    },
    LikelyCause {
        cause: "the user name does not exist there: a typing error, or a sandbox user at a production host",
        login_history: None,
        remedy: "check the user name and use the My Domain address of the very org the user is in",
    },
    LikelyCause {
        cause: "too many wrong passwords locked the user",
        login_history: Some("Password Lockout"),
        remedy: "unlock the user (Setup > Users), correct the password first",
    },
    LikelyCause {
        cause: "the user is frozen, by an administrator or by Salesforce after traffic from a risky address",
        login_history: Some("User is frozen"),
        remedy: "find out why before unfreezing the user; do not collect through an anonymising proxy",
    },
    LikelyCause {
        cause: "the user may not use the API",
        login_history: Some("Failed: OAuth API access disabled"),
        remedy: "give the user the permission API Enabled",
    },
];

impl SignInRefusal {
    /// Every refusal.
    pub const ALL: [Self; 19] = [
        Self::Credentials,
        Self::UserInactive,
        Self::AddressOrHours,
        Self::ConsumerKey,
        Self::ConsumerSecret,
        Self::AppNotInstalled,
        Self::AppNotApproved,
        Self::AppBlocked,
        Self::ApprovalFailed,
        Self::FlowNotSupported,
        Self::OrgInactive,
        Self::RateExceeded,
        Self::WrongHost,
        Self::HttpsRequired,
        Self::Malformed,
        Self::Activation,
        Self::NoEndpoint,
        Self::UnusableAnswer,
        Self::Unrecognised,
    ];

    /// What may be behind the answer, the most likely first, where one answer covers several
    /// causes. Login History (Setup > Users > the user) tells them apart.
    pub const fn likely_causes(self) -> &'static [LikelyCause] {
        match self {
            Self::Credentials => &CREDENTIALS,
            _ => &[],
        }
    }

    /// Reads a pair of `error` and `error_description`.
    pub(crate) fn read(error: &str, description: &str) -> Self {
        let error = error.to_ascii_lowercase();
        let description = description.to_ascii_lowercase();
        let says = |words: &str| description.contains(words);
        // Descriptions first: the same words have come under different codes.
        if says("login rate exceeded") || error == "rate_limit_exceeded" {
            Self::RateExceeded
        } else if says("ip restricted") || says("invalid login hours") {
            Self::AddressOrHours
        } else if says("not installed in this org") {
            Self::AppNotInstalled
        } else if says("not admin approved") || says("hasn't approved this consumer") {
            Self::AppNotApproved
        } else if says("inactive user") || says("user is inactive") || error == "inactive_user" {
            Self::UserInactive
        } else if error == "inactive_org" || says("inactive org") {
            Self::OrgInactive
        } else if says("not supported on this domain") || says("retry your request") {
            Self::WrongHost
        } else if says("activation secret") {
            Self::Activation
        } else if says("authentication failure") || says("invalid user credentials") {
            Self::Credentials
        } else {
            Self::read_code(&error, &description)
        }
    }

    fn read_code(error: &str, description: &str) -> Self {
        match error {
            "invalid_client_id" => Self::ConsumerKey,
            "invalid_client" if description.contains("identifier") => Self::ConsumerKey,
            "invalid_client" | "invalid_client_credentials" => Self::ConsumerSecret,
            "unsupported_grant_type" => Self::FlowNotSupported,
            "invalid_request" if description.contains("https") => Self::HttpsRequired,
            "invalid_request" => Self::Malformed,
            "invalid_app_access" | "oauth_app_access_denied" => Self::AppNotApproved,
            "oauth_app_blocked" => Self::AppBlocked,
            "oauth_approval_error_generic" => Self::ApprovalFailed,
            "unknown_error" => Self::WrongHost,
            _ => Self::Unrecognised,
        }
    }
}

/// Shortest and longest pause after too many sign-ins.
pub(crate) const RATE_PAUSE: (Duration, Duration) =
    (Duration::from_mins(15), Duration::from_hours(1));

const fn pause(
    code: &'static str,
    title: &'static str,
    cause: &'static str,
    remedy: &'static str,
) -> Row {
    Row { code, title, cause, remedy, disposition: Disposition::Pause }
}

/// What a person is told about a refusal.
pub(crate) const fn row(refusal: SignInRefusal) -> &'static Row {
    match refusal {
        SignInRefusal::Credentials => {
            const {
                &pause(
                    "OT-AUTH-01",
                    "sign-in refused",
                    "Salesforce gives this one answer for several causes; the user's Login History tells them apart. \
                 Most likely first: security token missing while the calling address is not trusted (\"Failed: API security token required\"); \
                 password or token wrong or changed (\"Invalid Password\"); \
                 username-password flow off, the default in orgs made since Summer '23 (\"Username-Password Flow Disabled\"); \
                 no such user at this host, for example a sandbox user at a production address (no entry); \
                 user locked out (\"Password Lockout\"); user frozen (\"User is frozen\"); \
                 user without API access (\"Failed: OAuth API access disabled\").",
                    "Open Setup > Users > the user > Login History, find the attempt, and correct what it names. \
                 Orgtap does not try again by itself, because repeated failures lock the user.",
                )
            }
        }
        SignInRefusal::UserInactive => {
            const {
                &pause(
                    "OT-AUTH-02",
                    "the user is inactive",
                    "The user was deactivated in the org.",
                    "Activate the user (Setup > Users), or enter another integration user.",
                )
            }
        }
        SignInRefusal::AddressOrHours => {
            const {
                &pause(
                    "OT-AUTH-03",
                    "sign-in is not allowed from this address or at this hour",
                    "The user's profile limits login addresses or hours, or the app enforces the org's addresses.",
                    "Add the address Orgtap calls from to the profile's Login IP Ranges, or relax IP restrictions in the app's policies; check Login Hours.",
                )
            }
        }
        SignInRefusal::ConsumerKey => {
            const {
                &pause(
                    "OT-AUTH-04",
                    "the consumer key is unknown",
                    "The key is mistyped, belongs to an app of another org, or the app is only minutes old: a new app takes up to ten minutes to work.",
                    "Copy the consumer key again from the app's Manage Consumer Details, check the login URL, and for a new app test again in ten minutes.",
                )
            }
        }
        SignInRefusal::ConsumerSecret => {
            const {
                &pause(
                    "OT-AUTH-05",
                    "the consumer key or secret is wrong",
                    "The secret does not belong to the key, most likely because it was rotated or cut off while copying.",
                    "Copy consumer key and secret again from the app's Manage Consumer Details.",
                )
            }
        }
        SignInRefusal::AppNotInstalled => {
            const {
                &pause(
                    "OT-AUTH-06",
                    "the app is not installed in this org",
                    "The app was made in another org and nobody has installed or approved it in this one.",
                    "Install the app (Setup > Connected Apps OAuth Usage > Install), or use an app of this org.",
                )
            }
        }
        SignInRefusal::AppNotApproved => {
            const {
                &pause(
                    "OT-AUTH-07",
                    "the user is not approved for the app",
                    "The app admits pre-authorised users only, and neither the user's profile nor a permission set is attached to it.",
                    "Attach the user's profile or permission set to the app (its Manage page), or let users authorise themselves.",
                )
            }
        }
        SignInRefusal::AppBlocked => {
            const {
                &pause(
                    "OT-AUTH-08",
                    "the app is blocked",
                    "An administrator blocked the app in this org.",
                    "Unblock it in Setup > Connected Apps OAuth Usage, or use another app.",
                )
            }
        }
        SignInRefusal::ApprovalFailed => {
            const {
                &pause(
                    "OT-AUTH-09",
                    "the app could not be approved for the user",
                    "Usually the app is not installed in the org; since September 2025 users may not begin to use such an app without a special permission.",
                    "Install the app in the org, or give the user the permission Approve Uninstalled Connected Apps.",
                )
            }
        }
        SignInRefusal::FlowNotSupported => {
            const {
                &pause(
                    "OT-AUTH-10",
                    "the sign-in flow is not supported",
                    "The app does not offer the username-password flow: External Client Apps never do.",
                    "Use a Connected App with OAuth enabled, and allow the flow in Setup > OAuth and OpenID Connect Settings.",
                )
            }
        }
        SignInRefusal::OrgInactive => {
            const {
                &pause(
                    "OT-AUTH-11",
                    "the org is inactive",
                    "The org is locked, closed or suspended.",
                    "Ask the org's owner or Salesforce Support.",
                )
            }
        }
        SignInRefusal::RateExceeded => {
            const {
                &Row {
                    code: "OT-AUTH-12",
                    title: "too many sign-ins",
                    cause: "The user signed in too often in the last hour, most likely by several programs that share it.",
                    remedy: "Wait: Orgtap tries again after 15 to 60 minutes. Give Orgtap a user of its own.",
                    disposition: Disposition::Retry { after: Some(RATE_PAUSE.0) },
                }
            }
        }
        SignInRefusal::WrongHost => {
            const {
                &pause(
                    "OT-AUTH-13",
                    "this host does not sign in users of the org",
                    "The login URL is not the org's own: the answer asks to retry, but trying again never helps.",
                    "Set the login URL to the org's My Domain (Setup > My Domain), https://NAME.my.salesforce.com or https://NAME--SANDBOX.sandbox.my.salesforce.com.",
                )
            }
        }
        SignInRefusal::HttpsRequired => {
            const {
                &pause(
                    "OT-AUTH-14",
                    "the token endpoint demands https",
                    "The request reached Salesforce without TLS, through an http:// login URL or a proxy that strips TLS.",
                    "Use an https:// login URL and a proxy that passes TLS through.",
                )
            }
        }
        SignInRefusal::Malformed => {
            const {
                &Row {
                    code: "OT-AUTH-15",
                    title: "the token endpoint calls the request malformed",
                    cause: "A proxy changed the request, or Orgtap sent a wrong one.",
                    remedy: "Try without the proxy; if it stays, report it to Orgtap with this message.",
                    disposition: Disposition::Bug,
                }
            }
        }
        SignInRefusal::Activation => {
            const {
                &pause(
                    "OT-AUTH-16",
                    "a device activation is stale",
                    "The org keeps an activation of this client that no longer fits.",
                    "Revoke the app's tokens for the user (Setup > Connected Apps OAuth Usage) and try again.",
                )
            }
        }
        SignInRefusal::NoEndpoint => {
            const {
                &pause(
                    "OT-AUTH-17",
                    "there is no token endpoint at the login URL",
                    "The login URL does not lead to Salesforce.",
                    "Set the login URL to the org's My Domain, https://NAME.my.salesforce.com.",
                )
            }
        }
        SignInRefusal::UnusableAnswer => {
            const {
                &pause(
                    "OT-AUTH-18",
                    "the sign-in answer is incomplete",
                    "The endpoint said yes without a usable token, instance URL or identity: most likely it is not Salesforce, or a proxy rewrites answers.",
                    "Check the login URL and the proxy; if both are right, report it to Orgtap.",
                )
            }
        }
        SignInRefusal::Unrecognised => {
            const {
                &pause(
                    "OT-AUTH-19",
                    "sign-in refused for a reason Orgtap does not know",
                    "Salesforce answered with a code Orgtap has no explanation for; its own words are in the message.",
                    "Look the words up at Salesforce, check the user's Login History, and report them to Orgtap.",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_known_pair() {
        use SignInRefusal as R;
        for (error, description, expected) in [
            ("invalid_grant", "authentication failure", R::Credentials),
            ("invalid_grant", "Invalid user credentials", R::Credentials),
            ("invalid_grant", "inactive user", R::UserInactive),
            ("inactive_user", "user is inactive", R::UserInactive),
            ("inactive_user", "", R::UserInactive),
            ("invalid_grant", "ip restricted or invalid login hours", R::AddressOrHours),
            ("invalid_grant", "IP restricted", R::AddressOrHours),
            (
                "invalid_grant",
                "External client app is not installed in this org",
                R::AppNotInstalled,
            ),
            (
                "app_not_found",
                "External client app is not installed in this org",
                R::AppNotInstalled,
            ),
            ("invalid_grant", "user hasn't approved this consumer", R::AppNotApproved),
            (
                "invalid_app_access",
                "user is not admin approved to access this app",
                R::AppNotApproved,
            ),
            (
                "OAUTH_APP_ACCESS_DENIED",
                "user is not admin approved to access this app",
                R::AppNotApproved,
            ),
            ("OAUTH_APP_ACCESS_DENIED", "", R::AppNotApproved),
            ("OAUTH_APP_BLOCKED", "this app is blocked by admin", R::AppBlocked),
            ("OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error", R::ApprovalFailed),
            ("invalid_grant", "activation secret invalid", R::Activation),
            ("invalid_grant", "request not supported on this domain", R::WrongHost),
            ("unknown_error", "retry your request", R::WrongHost),
            ("invalid_client_id", "client identifier invalid", R::ConsumerKey),
            ("invalid_client", "client identifier invalid", R::ConsumerKey),
            ("invalid_client", "invalid client credentials", R::ConsumerSecret),
            ("invalid_client_credentials", "client secret invalid", R::ConsumerSecret),
            ("invalid_request", "must use HTTPS", R::HttpsRequired),
            ("invalid_request", "must use POST", R::Malformed),
            ("invalid_request", "missing parameter", R::Malformed),
            ("unsupported_grant_type", "grant type not supported", R::FlowNotSupported),
            ("inactive_org", "org locked", R::OrgInactive),
            ("rate_limit_exceeded", "login rate exceeded", R::RateExceeded),
            ("invalid_grant", "login rate exceeded", R::RateExceeded),
            ("rate_limit_exceeded", "", R::RateExceeded),
            ("invalid_grant", "the moon is full", R::Unrecognised),
            ("", "", R::Unrecognised),
        ] {
            assert_eq!(R::read(error, description), expected, "{error} / {description}");
        }
    }

    #[test]
    fn only_too_many_sign_ins_is_tried_again() {
        for refusal in SignInRefusal::ALL {
            let again = matches!(row(refusal).disposition, Disposition::Retry { .. });
            assert_eq!(again, refusal == SignInRefusal::RateExceeded, "{refusal:?}");
        }
    }

    #[test]
    fn the_cause_in_words_names_what_login_history_shows() {
        let cause = row(SignInRefusal::Credentials).cause;
        let mut last = 0;
        for likely in SignInRefusal::Credentials.likely_causes() {
            if let Some(label) = likely.login_history {
                let at = cause.find(label).unwrap_or_else(|| panic!("{label} is missing"));
                assert!(at > last, "{label} is out of order");
                last = at;
            }
        }
    }
}
