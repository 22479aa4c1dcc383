//! What the statuses of sign-ins mean.

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The user is in.
    Success,
    /// Something more was asked of the user.
    Challenge,
    /// The user was sent elsewhere, or let in for a part only.
    Other,
    /// The user is not in.
    Failure,
}

impl Outcome {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Success => "succeeded",
            Self::Challenge => "challenged",
            Self::Other => "other",
            Self::Failure => "failed",
        }
    }
}

/// How a sign-in with this `LOGIN_STATUS` ended. A status nobody knows is a failure.
pub fn outcome(status: &str) -> Outcome {
    match status {
        crate::measure::SUCCESS => Outcome::Success,
        "LOGIN_CHALLENGE_ISSUED"
        | "LOGIN_CHALLENGE_PENDING"
        | "LOGIN_LIGHTNING_LOGIN"
        | "LOGIN_TWOFACTOR_REQ" => Outcome::Challenge,
        "LOGIN_DATA_DOWNLOAD_ONLY"
        | "LOGIN_ERROR_SWITCH_SFDC_INSTANCE"
        | "LOGIN_ERROR_SWITCH_SFDC_LOGIN" => Outcome::Other,
        _ => Outcome::Failure,
    }
}

/// What a status is called in Login History, where that is known.
pub fn label(status: &str) -> Option<&'static str> {
    let found = LABELS.binary_search_by(|(known, _)| (*known).cmp(status));
    found.ok().and_then(|at| LABELS.get(at)).map(|(_, label)| *label)
}

/// By status, sorted.
const LABELS: &[(&str, &str)] = &[
    ("LOGIN_CHALLENGE_ISSUED", "Computer activation required"),
    ("LOGIN_CHALLENGE_PENDING", "Computer activation pending"),
    ("LOGIN_ERROR_APPEXCHANGE_DOWN", "Unable to process your login request"),
    ("LOGIN_ERROR_CLIENT_REQ_UPDATE", "Client update required"),
    ("LOGIN_ERROR_EXPORT_RESTRICTED", "Restricted country"),
    ("LOGIN_ERROR_GLOBAL_BLOCK_DOMAIN", "Restricted domain"),
    ("LOGIN_ERROR_HTP_METHD_INVALID", "Invalid HTTP method"),
    ("LOGIN_ERROR_INSECURE_LOGIN", "Login over insecure channel"),
    ("LOGIN_ERROR_INVALID_GATEWAY", "Invalid gateway"),
    ("LOGIN_ERROR_INVALID_PASSWORD", "Invalid password"),
    ("LOGIN_ERROR_INVALID_USERNAME", "Invalid login"),
    ("LOGIN_ERROR_LOGINS_EXCEEDED", "Maximum logins exceeded"),
    ("LOGIN_ERROR_MUST_USE_API_TOKEN", "API security token required"),
    ("LOGIN_ERROR_MUTUAL_AUTHENTICATION", "Mutual authentication failed"),
    ("LOGIN_ERROR_NETWORK_INACTIVE", "Invalid - community offline"),
    ("LOGIN_ERROR_NO_NETWORK_ACCESS", "No community access"),
    ("LOGIN_ERROR_NO_PORTAL_ACCESS", "Invalid profile association"),
    ("LOGIN_ERROR_OFFLINE_DISABLED", "Offline disabled"),
    ("LOGIN_ERROR_OFFLINE_TRIAL_EXP", "Offline trial expired"),
    ("LOGIN_ERROR_ORG_CLOSED", "Organization closed"),
    ("LOGIN_ERROR_ORG_DOMAIN_ONLY", "Restricted domain"),
    ("LOGIN_ERROR_ORG_INACTIVE", "Organization is inactive"),
    ("LOGIN_ERROR_ORG_IN_MAINTENANCE", "Organization is in maintenance"),
    ("LOGIN_ERROR_ORG_IS_DOT_ORG", "Organization is a DOT"),
    ("LOGIN_ERROR_ORG_LOCKOUT", "Organization locked"),
    ("LOGIN_ERROR_ORG_SUSPENDED", "Organization suspended"),
    ("LOGIN_ERROR_OUTLOOK_DISABLED", "Outlook integration disabled"),
    ("LOGIN_ERROR_PASSWORD_LOCKOUT", "Password lockout"),
    ("LOGIN_ERROR_PORTAL_INACTIVE", "Invalid - Portal disabled"),
    ("LOGIN_ERROR_RATE_EXCEEDED", "Login rate exceeded"),
    ("LOGIN_ERROR_RESTRICTED_DOMAIN", "Restricted IP"),
    ("LOGIN_ERROR_RESTRICTED_TIME", "Restricted time"),
    ("LOGIN_ERROR_SSO_PWD_INVALID", "Invalid password"),
    ("LOGIN_ERROR_SSO_SVC_DOWN", "Your company's authentication service is down"),
    ("LOGIN_ERROR_SSO_URL_INVALID", "The Single Sign-On Gateway URL is invalid"),
    ("LOGIN_ERROR_SYNCOFFLINE_DISBLD", "Mobile disabled"),
    ("LOGIN_ERROR_UNKNOWN_ERROR", "Login invalid"),
    ("LOGIN_ERROR_USER_API_ONLY", "API-only user"),
    ("LOGIN_ERROR_USER_FROZEN", "User is frozen"),
    ("LOGIN_ERROR_USER_INACTIVE", "User is inactive"),
    ("LOGIN_ERROR_USER_NON_MOBILE", "Mobile license required"),
    ("LOGIN_ERROR_WIRELESS_DISABLED", "Wireless disabled"),
    ("LOGIN_ERROR_WIRELESS_TRIAL_EXP", "Wireless trial expired"),
    ("LOGIN_LIGHTNING_LOGIN", "Lightning Login required"),
    ("LOGIN_NO_ERROR", "Success"),
    ("LOGIN_OAUTH_API_DISABLED", "OAuth API access disabled"),
    ("LOGIN_OAUTH_CONSUMER_DELETED", "Consumer Deleted"),
    ("LOGIN_OAUTH_DS_NOT_EXPECTED", "Activation secret not expected"),
    ("LOGIN_OAUTH_EXCEED_GET_AT_LMT", "Get Access Token Limit Exceeded"),
    ("LOGIN_OAUTH_INVALID_CODE_CHALLENGE", "Invalid Code Challenge"),
    ("LOGIN_OAUTH_INVALID_CODE_VERIFIER", "Invalid Code Verifier"),
    ("LOGIN_OAUTH_INVALID_DEVICE", "Device Id missing or not registered"),
    ("LOGIN_OAUTH_INVALID_DS", "Activation secret invalid"),
    ("LOGIN_OAUTH_INVALID_DSIG", "Signature Invalid"),
    ("LOGIN_OAUTH_INVALID_IP", "IP Address Not Allowed"),
    ("LOGIN_OAUTH_INVALID_NONCE", "Invalid Nonce"),
    ("LOGIN_OAUTH_INVALID_SIG_METHOD", "Invalid Signature Method"),
    ("LOGIN_OAUTH_INVALID_TIMESTAMP", "Invalid Timestamp"),
    ("LOGIN_OAUTH_INVALID_TOKEN", "Invalid Token"),
    ("LOGIN_OAUTH_INVALID_VERIFIER", "Invalid Verifier"),
    ("LOGIN_OAUTH_INVALID_VERSION", "Version Not Supported"),
    ("LOGIN_OAUTH_MISSING_DS", "Activation secret missing"),
    ("LOGIN_OAUTH_NONCE_REPLAY", "Nonce Replay Detected"),
    ("LOGIN_OAUTH_NO_CALLBACK_URL", "Invalid Callback URL"),
    ("LOGIN_OAUTH_NO_CONSUMER", "Missing Consumer Key Parameter"),
    ("LOGIN_OAUTH_NO_TOKEN", "Missing OAuth Token Parameter"),
    (
        "LOGIN_OAUTH_PACKAGE_MISSING",
        "Package for this consumer is not installed in your organization",
    ),
    ("LOGIN_OAUTH_PACKAGE_OLD", "Installed package for this consumer is out of date"),
    ("LOGIN_OAUTH_UNEXPECTED_PARAM", "Unexpected parameter"),
    ("LOGIN_ORG_TRIAL_EXP", "Trial Expired"),
    ("LOGIN_SAML_INVALID_AUDIENCE", "Audience Invalid"),
    ("LOGIN_SAML_INVALID_CONFIG", "Configuration Error/Perm Disabled"),
    ("LOGIN_SAML_INVALID_FORMAT", "Assertion Invalid"),
    ("LOGIN_SAML_INVALID_IN_RES_TO", "InResponseTo Invalid"),
    ("LOGIN_SAML_INVALID_ISSUER", "Issuer Mismatched"),
    ("LOGIN_SAML_INVALID_ORG_ID", "Invalid Organization Id"),
    ("LOGIN_SAML_INVALID_PORTAL_ID", "Invalid Portal Id"),
    ("LOGIN_SAML_INVALID_RECIPIENT", "Recipient Mismatched"),
    ("LOGIN_SAML_INVALID_SIGNATURE", "Signature Invalid"),
    ("LOGIN_SAML_INVALID_SITE_URL", "Invalid Site URL"),
    ("LOGIN_SAML_INVALID_STATUS", "Status Invalid"),
    ("LOGIN_SAML_INVALID_SUB_CONFIRM", "Subject Confirmation Error"),
    ("LOGIN_SAML_INVALID_TIMESTAMP", "Assertion Expired"),
    ("LOGIN_SAML_INVALID_USERNAME", "Username Or SSO Id Invalid"),
    ("LOGIN_SAML_MISMATCH_CERT", "Signature Invalid/Configured Certificate Mismatch"),
    ("LOGIN_SAML_MISSING_ORG_ID", "Missing Organization Id for Portal login"),
    ("LOGIN_SAML_MISSING_PORTAL_ID", "Missing Portal Id"),
    ("LOGIN_SAML_PROVISION_ERROR", "SAML Provision Error"),
    ("LOGIN_SAML_REPLAY_ATTEMPTED", "Replay Detected"),
    ("LOGIN_SAML_SITE_INACTIVE", "Specified Site is Inactive"),
    ("LOGIN_TWOFACTOR_REQ", "Two-factor required"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_status() {
        assert!(LABELS.is_sorted());
        for (status, words) in LABELS {
            assert_eq!(label(status), Some(*words));
        }
        assert_eq!(label("LOGIN_ERROR_INVALID_PASSWORD"), Some("Invalid password"));
        assert_eq!(label("NOBODY_KNOWS"), None);
        assert_eq!(outcome("NOBODY_KNOWS"), Outcome::Failure);
    }
}
