//! Why the token endpoint refused a sign-in.
//!
//! The endpoint answers with a code and a description; which pair means what is known from the
//! vendor's pages and from years of public traces, and differs in wording between releases. So
//! the description is searched for a few words, and a pair nobody has seen is kept as it came.

mod possible;
mod rows;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use possible::LikelyCause;
pub(crate) use possible::{causes, every_cause};
pub(crate) use rows::row;

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
    /// The signed assertion does not fit the app's certificate or the user.
    AssertionInvalid,
    /// The signed assertion is too old, or from the future.
    AssertionExpired,
    /// The signed assertion is for somebody else.
    Audience,
    /// The refresh token is dead.
    RefreshTokenDead,
    /// The app has no user to sign in as.
    NoRunAsUser,
    /// An answer of flows in which a person authorises an app in the browser.
    BrowserFlow,
    /// A refusal nobody has described.
    Unrecognised,
}

impl SignInRefusal {
    /// Every refusal.
    pub const ALL: [Self; 25] = [
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
        Self::AssertionInvalid,
        Self::AssertionExpired,
        Self::Audience,
        Self::RefreshTokenDead,
        Self::NoRunAsUser,
        Self::BrowserFlow,
        Self::Unrecognised,
    ];

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
        } else if says("invalid assertion") {
            Self::AssertionInvalid
        } else if says("audience is invalid") || says("audience validation failed") {
            Self::Audience
        } else if says("expired access/refresh token") {
            Self::RefreshTokenDead
        } else if says("expired authorization code") {
            Self::AssertionExpired
        } else if says("no client credentials user") {
            Self::NoRunAsUser
        } else if says("authentication failure")
            || says("invalid user credentials")
            || says("must use security token")
        {
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
            "invalid_login" | "login_must_use_security_token" => Self::Credentials,
            "unsupported_response_type"
            | "redirect_uri_missing"
            | "redirect_uri_mismatch"
            | "immediate_unsuccessful"
            | "access_denied"
            | "invalid_scope" => Self::BrowserFlow,
            _ => Self::Unrecognised,
        }
    }
}

/// Shortest and longest pause after too many sign-ins.
pub(crate) const RATE_PAUSE: (Duration, Duration) =
    (Duration::from_mins(15), Duration::from_hours(1));
