//! Everything the token endpoint says no with, by name.

/// Declares the refusals: variant, name, `error`, `error_description`.
macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident $name:literal $error:literal $description:literal;)*) => {
        /// A refusal of the token endpoint, answered with status 400.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LoginRefusal {
            $($(#[$doc])* $variant,)*
        }

        impl LoginRefusal {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name of the fault that forces this refusal.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("login_", $name),)* }
            }

            /// The `error` of the answer.
            pub const fn error(self) -> &'static str {
                match self { $(Self::$variant => $error,)* }
            }

            /// The `error_description` of the answer.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }
        }
    };
}

refusals! {
    /// Wrong name, password or security token; also a frozen user, a blocked flow, a lock-out.
    AuthenticationFailure "authentication_failure" "invalid_grant" "authentication failure";
    /// The same in newer words.
    InvalidUserCredentials "invalid_user_credentials" "invalid_grant" "invalid user credentials";
    /// The user is deactivated.
    InactiveUser "inactive_user" "invalid_grant" "inactive user";
    /// The same under a code of its own.
    UserIsInactive "user_is_inactive" "inactive_user" "user is inactive";
    /// The org is locked, closed or suspended.
    InactiveOrg "inactive_org" "inactive_org" "org locked, closed, or suspended";
    /// The profile's addresses or hours do not allow it.
    IpRestricted "ip_restricted" "invalid_grant" "ip restricted or invalid login hours";
    /// No such consumer key, or not in this org.
    ClientIdentifierInvalid "client_identifier_invalid" "invalid_client_id" "client identifier invalid";
    /// Wrong consumer secret.
    InvalidClientCredentials "invalid_client_credentials" "invalid_client" "invalid client credentials";
    /// The same in older words.
    ClientSecretInvalid "client_secret_invalid" "invalid_client_credentials" "client secret invalid";
    /// The app is not installed in this org.
    AppNotInstalled "app_not_installed" "invalid_grant" "External client app is not installed in this org";
    /// The app admits only users an administrator approved.
    NotAdminApproved "not_admin_approved" "invalid_app_access" "user is not admin approved to access this app";
    /// The app is blocked for the whole org.
    AppBlocked "app_blocked" "OAUTH_APP_BLOCKED" "this app is blocked by admin";
    /// The user may not use the app.
    AppAccessDenied "app_access_denied" "OAUTH_APP_ACCESS_DENIED" "user is not admin approved to access this app";
    /// Restricted use of apps that are not installed.
    ApprovalError "approval_error" "OAUTH_APPROVAL_ERROR_GENERIC" "An unexpected error has occurred during authentication. Please try again.";
    /// Too many sign-ins within the hour.
    RateExceeded "rate_exceeded" "rate_limit_exceeded" "login rate exceeded";
    /// The same under the more usual code.
    GrantRateExceeded "grant_rate_exceeded" "invalid_grant" "login rate exceeded";
    /// The app or the body does not offer this grant.
    UnsupportedGrant "unsupported_grant" "unsupported_grant_type" "grant type not supported";
    /// Asked over plain HTTP.
    MustUseHttps "must_use_https" "invalid_request" "must use HTTPS";
    /// Asked with GET.
    MustUsePost "must_use_post" "invalid_request" "must use POST";
    /// Something is missing from the body.
    MissingParameter "missing_parameter" "invalid_request" "missing required parameters";
    /// A wrong host can answer this; trying again does not help.
    UnknownError "unknown_error" "unknown_error" "retry your request";
    /// The signed assertion is wrong.
    InvalidAssertion "invalid_assertion" "invalid_grant" "invalid assertion";
    /// The refresh token is dead.
    ExpiredToken "expired_token" "invalid_grant" "expired access/refresh token";
    /// A code used twice or late.
    ExpiredCode "expired_code" "invalid_grant" "expired authorization code";
    /// The user is not pre-authorised for the app.
    NotApproved "not_approved" "invalid_grant" "user hasn't approved this consumer";
    /// The assertion's audience is wrong.
    AudienceInvalid "audience_invalid" "invalid_grant" "audience is invalid";
    /// The same in other words.
    AudienceFailed "audience_failed" "invalid_grant" "Audience validation failed";
    /// Client credentials without a user to run as.
    NoClientCredentialsUser "no_client_credentials_user" "invalid_grant" "no client credentials user enabled";
    /// Client credentials at a host that is not the My Domain.
    WrongDomain "wrong_domain" "invalid_grant" "request not supported on this domain";
    /// Stale device activation.
    ActivationSecret "activation_secret" "invalid_grant" "activation secret invalid";
    /// Addresses or hours, in the spelling of other releases.
    IpRestrictedCapital "ip_restricted_capital" "invalid_grant" "IP restricted or invalid login hours";
    /// The app is not installed in this org, under a code of its own.
    AppNotFound "app_not_found" "OAUTH_EC_APP_NOT_FOUND" "External client app is not installed in this org";
    /// The assertion's audience is wrong, in the newer words that name it.
    AudienceInvalidNamed "audience_invalid_named" "invalid_grant" "audience is invalid [audience=https://acme.my.salesforce.com login=https://login.salesforce.com]";
    /// Wrong consumer key or secret, in words of other releases.
    ClientUnknown "client_unknown" "invalid_client" "client identifier invalid";
    /// The security token is missing, in the words of the other kind of API.
    MustUseSecurityToken "must_use_security_token" "LOGIN_MUST_USE_SECURITY_TOKEN" "Login must use security token";
    /// Code flows only: no such kind of response.
    UnsupportedResponseType "unsupported_response_type" "unsupported_response_type" "response type is not supported";
    /// Code flows only: no address to go back to.
    RedirectMissing "redirect_uri_missing" "redirect_uri_missing" "redirect_uri not provided";
    /// Code flows only: not an address of this app.
    RedirectMismatch "redirect_uri_mismatch" "redirect_uri_mismatch" "redirect_uri must match configuration";
    /// Code flows only: the user would have to be asked.
    ImmediateUnsuccessful "immediate_unsuccessful" "immediate_unsuccessful" "immediate unsuccessful";
    /// Code flows only: the user said no.
    AccessDenied "access_denied" "access_denied" "end-user denied authorization";
    /// Code flows only: no such scope, or not for this app.
    InvalidScope "invalid_scope" "invalid_scope" "the requested scope is not allowed";
}
