//! Everything the data API, and what stands before it, says no with, by name.
//!
//! Where a status is not known for sure, each one that may be has a row.

/// What a refusal is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RestBody {
    /// The platform's array with one error: code, message, fields.
    Json(&'static str, &'static str, &'static [&'static str]),
    /// A page, from the edge or a proxy: title and text.
    Html(&'static str, &'static str),
    /// A page of the content delivery network.
    CdnHtml(&'static str, &'static str),
    /// Plain text.
    Text(&'static str),
    /// Nothing.
    Empty,
}

use RestBody::{CdnHtml, Empty, Html, Json, Text};

/// Declares the refusals: variant, name, status, body.
macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident $name:literal $status:literal $body:expr;)*) => {
        /// A refusal of the data API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RestRefusal {
            $($(#[$doc])* $variant,)*
        }

        impl RestRefusal {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name of the fault that forces this refusal.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("rest_", $name),)* }
            }

            /// The status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// What the answer is written as.
            pub(crate) const fn body(self) -> RestBody {
                match self { $(Self::$variant => $body,)* }
            }
        }
    };
}

impl RestRefusal {
    /// The `errorCode` of the answer; none if it is not the platform's JSON.
    pub const fn error_code(self) -> Option<&'static str> {
        match self.body() {
            Json(code, _, _) => Some(code),
            _ => None,
        }
    }

    /// The `message` of the answer, or the text of one that is not JSON.
    pub const fn message(self) -> &'static str {
        match self.body() {
            Json(_, message, _) => message,
            Html(_, text) | CdnHtml(_, text) | Text(text) => text,
            Empty => "",
        }
    }
}

refusals! {
    /// The session is dead.
    InvalidSession "invalid_session_id" 401 Json("INVALID_SESSION_ID", "Session expired or invalid", &[]);
    /// The header has a scheme the org does not know.
    InvalidAuthHeader "invalid_auth_header" 401 Json("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", &[]);
    /// A dead token, where tokens are JWTs.
    InvalidJwtFormat "invalid_jwt_format" 401 Json("INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT", &[]);
    /// The org's calls of the day are used up.
    RequestLimitExceeded "request_limit_exceeded" 403 Json("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", &[]);
    /// Too many long requests at once.
    ConcurrentLimitExceeded "concurrent_limit_exceeded" 403 Json("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded", &[]);
    /// The same with the status one site reports.
    ConcurrentLimitExceeded429 "concurrent_limit_exceeded_429" 429 Json("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded", &[]);
    /// The edition has no API.
    ApiDisabledForOrg "api_disabled_for_org" 403 Json("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.", &[]);
    /// The edition or the user has no API.
    ApiDisabledForUser "api_disabled_for_user" 403 Json("API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization or user type.", &[]);
    /// The org's API access control does not admit the app.
    ApiCurrentlyDisabled "api_currently_disabled" 403 Json("API_CURRENTLY_DISABLED", "API is currently disabled", &[]);
    /// The same with another status.
    ApiCurrentlyDisabled400 "api_currently_disabled_400" 400 Json("API_CURRENTLY_DISABLED", "API is currently disabled", &[]);
    /// The same with another status.
    ApiCurrentlyDisabled401 "api_currently_disabled_401" 401 Json("API_CURRENTLY_DISABLED", "API is currently disabled", &[]);
    /// A column that is not there.
    InvalidField "invalid_field" 400 Json("INVALID_FIELD", "\nSELECT Id, Interval FROM EventLogFile\n           ^\nERROR at Row:1:Column:12\nNo such column 'Interval' on entity 'EventLogFile'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", &[]);
    /// An object that is not there, or not for this user.
    InvalidType "invalid_type" 400 Json("INVALID_TYPE", "\nSELECT Id FROM EventLogFile\n               ^\nERROR at Row:1:Column:16\nsObject type 'EventLogFile' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.", &[]);
    /// A query that is none.
    MalformedQuery "malformed_query" 400 Json("MALFORMED_QUERY", "unexpected token: 'FROM'", &[]);
    /// An id of another object.
    MalformedId "malformed_id" 400 Json("MALFORMED_ID", "Event Log File ID: id value of incorrect type: 005000000000001AAA", &["Id"]);
    /// A field that cannot be filtered so.
    InvalidFilterOperator "invalid_query_filter_operator" 400 Json("INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field", &[]);
    /// A page that is gone.
    InvalidLocator "invalid_query_locator" 400 Json("INVALID_QUERY_LOCATOR", "invalid query locator", &[]);
    /// A query over the time limit.
    QueryTimeout "query_timeout" 400 Json("QUERY_TIMEOUT", "Your query request was running for too long.", &[]);
    /// The same with the other status that was seen.
    QueryTimeout500 "query_timeout_500" 500 Json("QUERY_TIMEOUT", "Your query request was running for too long.", &[]);
    /// A query with too much in it.
    QueryTooComplicated "query_too_complicated" 400 Json("QUERY_TOO_COMPLICATED", "Query is either selecting too many fields or the filter conditions are too complicated.", &[]);
    /// Too many ids.
    ExceededIdLimit "exceeded_id_limit" 400 Json("EXCEEDED_ID_LIMIT", "record limit reached", &[]);
    /// A query big objects do not take.
    BigObjectUnsupported "big_object_unsupported_operation" 400 Json("BIG_OBJECT_UNSUPPORTED_OPERATION", "This query is not supported by big objects", &[]);
    /// A permission is missing.
    InsufficientAccess "insufficient_access" 403 Json("INSUFFICIENT_ACCESS", "insufficient access rights on object id", &[]);
    /// The same with another status.
    InsufficientAccess400 "insufficient_access_400" 400 Json("INSUFFICIENT_ACCESS", "insufficient access rights on object id", &[]);
    /// A permission is missing, under the longer code.
    InsufficientAccessOrReadonly "insufficient_access_or_readonly" 400 Json("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", &[]);
    /// The same with another status.
    InsufficientAccessOrReadonly403 "insufficient_access_or_readonly_403" 403 Json("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", &[]);
    /// A transaction security policy blocked the call.
    TxnSecurity "txn_security_no_access" 403 Json("TXN_SECURITY_NO_ACCESS", "The operation you requested was blocked by a transaction security policy", &[]);
    /// The org does not have the feature.
    FunctionalityNotEnabled "functionality_not_enabled" 400 Json("FUNCTIONALITY_NOT_ENABLED", "This functionality is not enabled for this organization.", &[]);
    /// The same with another status.
    FunctionalityNotEnabled403 "functionality_not_enabled_403" 403 Json("FUNCTIONALITY_NOT_ENABLED", "This functionality is not enabled for this organization.", &[]);
    /// There is nothing at this address.
    NotFound "not_found" 404 Json("NOT_FOUND", "The requested resource does not exist", &[]);
    /// A version the instance does not have.
    UnsupportedVersion "unsupported_api_version" 404 Json("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", &[]);
    /// The same with another status.
    UnsupportedVersion400 "unsupported_api_version_400" 400 Json("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", &[]);
    /// A retired version.
    RetiredVersion "retired_api_version" 410 Json("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", &[]);
    /// The password has expired.
    ExpiredPassword401 "expired_password_401" 401 Json("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "Your password has expired. Please reset your password.", &[]);
    /// The same with another status.
    ExpiredPassword403 "expired_password_403" 403 Json("INVALID_OPERATION_WITH_EXPIRED_PASSWORD", "Your password has expired. Please reset your password.", &[]);
    /// The user is locked out.
    PasswordLockout401 "password_lockout_401" 401 Json("PASSWORD_LOCKOUT", "user locked out", &[]);
    /// The same with another status.
    PasswordLockout403 "password_lockout_403" 403 Json("PASSWORD_LOCKOUT", "user locked out", &[]);
    /// From an address the profile does not allow.
    RestrictedDomain401 "login_during_restricted_domain_401" 401 Json("LOGIN_DURING_RESTRICTED_DOMAIN", "Logins from this domain are not allowed", &[]);
    /// The same with another status.
    RestrictedDomain403 "login_during_restricted_domain_403" 403 Json("LOGIN_DURING_RESTRICTED_DOMAIN", "Logins from this domain are not allowed", &[]);
    /// At an hour the profile does not allow.
    RestrictedTime401 "login_during_restricted_time_401" 401 Json("LOGIN_DURING_RESTRICTED_TIME", "Logins are not allowed at this time", &[]);
    /// The same with another status.
    RestrictedTime403 "login_during_restricted_time_403" 403 Json("LOGIN_DURING_RESTRICTED_TIME", "Logins are not allowed at this time", &[]);
    /// The org is locked.
    OrgLocked401 "org_locked_401" 401 Json("ORG_LOCKED", "organization is locked", &[]);
    /// The same with another status.
    OrgLocked403 "org_locked_403" 403 Json("ORG_LOCKED", "organization is locked", &[]);
    /// The org's trial is over.
    TrialExpired401 "trial_expired_401" 401 Json("TRIAL_EXPIRED", "trial period has expired", &[]);
    /// The same with another status.
    TrialExpired403 "trial_expired_403" 403 Json("TRIAL_EXPIRED", "trial period has expired", &[]);
    /// The org is busy.
    ServerUnavailable "server_unavailable" 503 Json("SERVER_UNAVAILABLE", "Server too busy", &[]);
    /// The org failed.
    UnknownException "unknown_exception" 500 Json("UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (1234567890)", &[]);
    /// The content delivery network says that the org is not available.
    CdnHtml503 "html_503_cdn" 503 CdnHtml("Service Unavailable", "The service is not available.");
    /// A page with a status that says that all is well.
    Html200 "html_200" 200 Html("Maintenance", "This instance is being moved. Please come back later.");
    /// The address is too long.
    Html414 "html_414" 414 Html("Bad Message 414", "reason: URI Too Long");
    /// The edge has no way to this host.
    Html420 "html_420" 420 Html("No Route", "The edge has no route for this host.");
    /// The headers are too long.
    Html431 "html_431" 431 Html("Bad Message 431", "reason: Request Header Fields Too Large");
    /// The edge cannot reach the instance.
    Html502 "html_502" 502 Html("Bad Gateway", "The edge could not reach the instance.");
    /// Not available, and not a word more.
    Empty503 "empty_503" 503 Empty;
    /// The identity service's word for a bad token, in plain text.
    BadOAuthToken "bad_oauth_token" 403 Text("Bad_OAuth_Token");
}
