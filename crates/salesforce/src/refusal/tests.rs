//! Which answer means what.

use super::*;
use orgtap_transport::Disposition;

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
        ("invalid_grant", "External client app is not installed in this org", R::AppNotInstalled),
        ("app_not_found", "External client app is not installed in this org", R::AppNotInstalled),
        ("invalid_grant", "user hasn't approved this consumer", R::AppNotApproved),
        ("invalid_app_access", "user is not admin approved to access this app", R::AppNotApproved),
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
        ("invalid_grant", "invalid assertion", R::AssertionInvalid),
        ("invalid_grant", "audience is invalid", R::Audience),
        ("invalid_grant", "audience is invalid [audience=x login=y]", R::Audience),
        ("invalid_grant", "Audience validation failed", R::Audience),
        ("invalid_grant", "expired access/refresh token", R::RefreshTokenDead),
        ("invalid_grant", "expired authorization code", R::AssertionExpired),
        ("invalid_grant", "no client credentials user enabled", R::NoRunAsUser),
        ("LOGIN_MUST_USE_SECURITY_TOKEN", "Login must use security token", R::Credentials),
        ("redirect_uri_mismatch", "redirect_uri must match configuration", R::BrowserFlow),
        ("invalid_scope", "the requested scope is not allowed", R::BrowserFlow),
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
