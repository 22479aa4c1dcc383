//! What may be behind an answer that Salesforce gives for several causes, and which check tells
//! them apart.
//!
//! Which are possible, and in which order, depends on what is configured: a missing security
//! token is no suspect where there is one, and a user nobody knows is the first where a sandbox's
//! user is sent to the production host.

use orgtap_transport::{Possibility, Secret};

use super::SignInRefusal;
use crate::settings::{OrgSettings, SignIn, generic_host, is_sandbox};

/// One of several causes behind the same answer.
#[derive(Debug, PartialEq, Eq)]
pub struct LikelyCause {
    /// What is wrong.
    pub cause: &'static str,
    /// What tells it apart from the others.
    pub check: &'static str,
    /// What the user's Login History (Setup > Users > the user) shows for the attempt, where it
    /// shows something of its own.
    pub login_history: Option<&'static str>,
    /// What to do.
    pub remedy: &'static str,
}

impl LikelyCause {
    /// The same as plain data.
    pub fn possibility(&self) -> Possibility {
        Possibility {
            cause: self.cause.to_owned(),
            check: self.check.to_owned(),
            remedy: self.remedy.to_owned(),
        }
    }
}

const fn shown(
    cause: &'static str,
    label: &'static str,
    check: &'static str,
    remedy: &'static str,
) -> LikelyCause {
    LikelyCause { cause, check, login_history: Some(label), remedy }
}

const fn silent(cause: &'static str, check: &'static str, remedy: &'static str) -> LikelyCause {
    LikelyCause { cause, check, login_history: None, remedy }
}

static TOKEN_MISSING: LikelyCause = shown(
    "no security token is configured, and the calling address is not one the org trusts",
    "Failed: API security token required",
    "Login History shows \"Failed: API security token required\"",
    "enter the user's security token, or add this machine's address to Setup > Network Access",
);
static WRONG: LikelyCause = shown(
    "the password or the security token is wrong or was changed: a new password makes a new token",
    "Invalid Password",
    "Login History shows \"Invalid Password\"",
    "sign in as the user in a browser, reset the security token, enter both again",
);
static FLOW_OFF: LikelyCause = shown(
    "the username-password flow is off, as it is by default in orgs made since Summer '23",
    "Username-Password Flow Disabled",
    "Login History shows \"Username-Password Flow Disabled\"",
    "better: use client_credentials or jwt_bearer (`orgtap setup-kit`); or Setup > OAuth and OpenID Connect Settings > Allow OAuth Username-Password Flows",
);
static NO_SUCH_USER: LikelyCause = silent(
    "no user of that name is known there: a typing error, or a sandbox's user at a production address",
    "Login History shows nothing at all for the attempt",
    "check the user name, which in a sandbox ends with the sandbox's name, and sign in at the My Domain of the very org the user is in",
);
static LOGIN_HOST_CLOSED: LikelyCause = silent(
    "the org admits sign-ins at its My Domain only",
    "Setup > My Domain > Policies shows \"Prevent login from https://login.salesforce.com\"",
    "remove `login_url`, so that Orgtap signs in at the instance URL",
);
static LOCKED: LikelyCause = shown(
    "too many wrong passwords locked the user",
    "Password Lockout",
    "Login History shows \"Password Lockout\"",
    "correct the password first, then unlock the user (Setup > Users)",
);
static FROZEN: LikelyCause = shown(
    "the user is frozen, by an administrator or by Salesforce after traffic from a risky address",
    "User is frozen",
    "Login History shows \"User is frozen\"",
    "find out why before unfreezing the user; do not collect through an anonymising proxy or VPN",
);
static NO_API: LikelyCause = shown(
    "the user may not use the API",
    "Failed: OAuth API access disabled",
    "Login History shows \"Failed: OAuth API access disabled\"",
    "give the user the permission API Enabled",
);
static ONE_TIME_CODE: LikelyCause = silent(
    "the user has the permission Multi-Factor Authentication for API Logins, which wants a one-time code in place of the security token",
    "the user's permission sets hold that permission",
    "take the permission from the integration user, or use client_credentials or jwt_bearer",
);
static RUN_AS_FROZEN: LikelyCause = shown(
    "the app's run-as user is frozen",
    "User is frozen",
    "Login History of the run-as user shows \"User is frozen\"",
    "find out why before unfreezing the user; do not collect through an anonymising proxy or VPN",
);
static RUN_AS_NO_API: LikelyCause = shown(
    "the app's run-as user may not use the API",
    "Failed: OAuth API access disabled",
    "Login History of the run-as user shows \"Failed: OAuth API access disabled\"",
    "give the run-as user the permission API Enabled",
);
static NOT_PRE_AUTHORISED: LikelyCause = silent(
    "the app's permitted users are not set to \"admin approved users are pre-authorized\", or no permission set or profile of the user is attached",
    "the app's policies, and the permission sets of the user",
    "set the policy and attach the permission set; `orgtap setup-kit` deploys both",
);
static NO_REFRESH_SCOPE: LikelyCause = silent(
    "the app lacks the scope Perform requests at any time (refresh_token), which the JWT flow needs although it gets no refresh token",
    "the app's OAuth scopes",
    "add the scope",
);
static WRONG_PAIR: LikelyCause = silent(
    "the assertion went to another kind of org than its audience: a sandbox's user with the production login host, or the other way round",
    "login_url and jwt_audience against the org's kind",
    "remove both, so that Orgtap chooses them by the instance URL",
);
static WRONG_KEY: LikelyCause = silent(
    "the key Orgtap signs with does not belong to the certificate the app has",
    "`openssl x509 -noout -pubkey` of the app's certificate against `openssl pkey -pubout` of the key",
    "upload the certificate that belongs to the key",
);
static CERTIFICATE_EXPIRED: LikelyCause = silent(
    "the app's certificate has expired",
    "`openssl x509 -noout -enddate` of the certificate",
    "make a new pair (`orgtap setup-kit --flow jwt --new-key`), upload the certificate, then give Orgtap the key",
);
static ASSERTION_USER: LikelyCause = silent(
    "the user the assertion names is not one of this org",
    "the user name in Setup > Users, with a sandbox's ending",
    "correct the user name",
);
static TOKEN_ROTATED: LikelyCause = silent(
    "another program, or an earlier set-up of this connector, exchanged the token: with rotation each is good once, and using an old one ends the whole chain",
    "the app's OAuth usage shows more than one use, or the data folder was restored from a backup",
    "authorise the app again, for Orgtap alone",
);
static TOKEN_IDLE: LikelyCause = silent(
    "the token was not used for as long as the app's refresh token policy allows",
    "the app's refresh token policy against the time Orgtap was last running",
    "authorise the app again; choose a longer idle time",
);
static TOKEN_REVOKED: LikelyCause = silent(
    "an administrator, or Salesforce itself after traffic from a risky address, revoked the user's tokens",
    "Setup > Connected Apps OAuth Usage, and whether the user is frozen",
    "find out why, then authorise the app again",
);
static KEY_WRONG: LikelyCause = silent(
    "the consumer key is mistyped or cut off",
    "the key in the app's Manage Consumer Details",
    "copy it again",
);
static KEY_OF_ANOTHER_ORG: LikelyCause = silent(
    "the app belongs to another org: a sandbox refreshed since, or production against sandbox",
    "whether the app is listed in this org's Setup",
    "make or install the app in this org",
);
static KEY_YOUNG: LikelyCause = silent(
    "the app is only minutes old, and not known everywhere yet",
    "when the app was made",
    "test again in ten minutes",
);
static ECA_WITHOUT_PASSWORD: LikelyCause = silent(
    "the app is an External Client App, and these never offer the username-password flow",
    "the app is listed in the External Client App Manager",
    "set auth: client_credentials or jwt_bearer and enable that flow in the app; `orgtap setup-kit` deploys it",
);
static FLOW_NOT_ON_APP: LikelyCause = silent(
    "the app's OAuth settings do not have the flow switched on",
    "the app's OAuth settings and policies",
    "switch the flow on, in the settings and in the policies",
);
static BODY_LOST: LikelyCause = silent(
    "something on the way dropped the request's body",
    "the proxy's log",
    "let the proxy pass POST requests to Salesforce unchanged",
);
static RESTRICTED_ADDRESS: LikelyCause = shown(
    "the profile's Login IP Ranges do not hold the address Orgtap calls from",
    "Restricted IP",
    "Login History shows \"Restricted IP\" and the address",
    "add the address to the profile's Login IP Ranges, or relax IP restrictions in the app's policies",
);
static RESTRICTED_HOURS: LikelyCause = shown(
    "the profile's Login Hours do not hold this hour",
    "Restricted Time",
    "Login History shows \"Restricted Time\"",
    "widen the Login Hours of the integration user's profile: Orgtap calls around the clock",
);

/// What may be behind a refusal under these settings, the most likely first; empty where the
/// answer has one cause only.
pub(crate) fn causes(refusal: SignInRefusal, settings: &OrgSettings) -> Vec<&'static LikelyCause> {
    match (refusal, &settings.sign_in) {
        (SignInRefusal::Credentials, SignIn::Password { security_token, .. }) => {
            password(settings, security_token.as_ref().is_none_or(Secret::is_empty))
        }
        (SignInRefusal::Credentials, SignIn::ClientCredentials) => {
            vec![&RUN_AS_FROZEN, &RUN_AS_NO_API]
        }
        (SignInRefusal::Credentials, SignIn::JwtBearer { .. }) => {
            let mut all = vec![&ASSERTION_USER, &FROZEN, &NO_API];
            if generic_host(settings.login_url()).is_some() {
                all.push(&LOGIN_HOST_CLOSED);
            }
            all
        }
        (SignInRefusal::Credentials, SignIn::RefreshToken { .. }) => vec![&FROZEN, &NO_API],
        (SignInRefusal::AppNotApproved, SignIn::JwtBearer { .. }) => {
            vec![&NOT_PRE_AUTHORISED, &WRONG_PAIR, &NO_REFRESH_SCOPE]
        }
        (SignInRefusal::AssertionInvalid, _) => {
            vec![&WRONG_KEY, &CERTIFICATE_EXPIRED, &ASSERTION_USER]
        }
        (SignInRefusal::RefreshTokenDead, _) => vec![&TOKEN_ROTATED, &TOKEN_IDLE, &TOKEN_REVOKED],
        (SignInRefusal::ConsumerKey, _) => vec![&KEY_WRONG, &KEY_OF_ANOTHER_ORG, &KEY_YOUNG],
        (SignInRefusal::FlowNotSupported, SignIn::Password { .. }) => {
            vec![&ECA_WITHOUT_PASSWORD, &FLOW_NOT_ON_APP, &BODY_LOST]
        }
        (SignInRefusal::FlowNotSupported, _) => vec![&FLOW_NOT_ON_APP, &BODY_LOST],
        (SignInRefusal::AddressOrHours, _) => vec![&RESTRICTED_ADDRESS, &RESTRICTED_HOURS],
        _ => Vec::new(),
    }
}

fn password(settings: &OrgSettings, no_token: bool) -> Vec<&'static LikelyCause> {
    let login = settings.login_url();
    let generic = generic_host(login).is_some();
    let mut all: Vec<&LikelyCause> = Vec::new();
    if generic && is_sandbox(login) != is_sandbox(&settings.instance_url) {
        all.push(&NO_SUCH_USER);
    }
    if no_token {
        all.push(&TOKEN_MISSING);
    }
    all.extend([&WRONG, &FLOW_OFF, &NO_SUCH_USER]);
    if generic {
        all.push(&LOGIN_HOST_CLOSED);
    }
    all.extend([&LOCKED, &FROZEN, &NO_API, &ONE_TIME_CODE]);
    let mut seen: Vec<&LikelyCause> = Vec::with_capacity(all.len());
    for cause in all {
        if !seen.iter().any(|known| std::ptr::eq(*known, cause)) {
            seen.push(cause);
        }
    }
    seen
}

/// Everything that can be behind a refusal under some settings, for the documentation.
pub(crate) fn every_cause(refusal: SignInRefusal) -> Vec<&'static LikelyCause> {
    match refusal {
        SignInRefusal::Credentials => vec![
            &TOKEN_MISSING,
            &WRONG,
            &FLOW_OFF,
            &NO_SUCH_USER,
            &LOGIN_HOST_CLOSED,
            &LOCKED,
            &FROZEN,
            &NO_API,
            &ONE_TIME_CODE,
            &RUN_AS_FROZEN,
            &RUN_AS_NO_API,
            &ASSERTION_USER,
        ],
        SignInRefusal::AppNotApproved => vec![&NOT_PRE_AUTHORISED, &WRONG_PAIR, &NO_REFRESH_SCOPE],
        SignInRefusal::AssertionInvalid => vec![&WRONG_KEY, &CERTIFICATE_EXPIRED, &ASSERTION_USER],
        SignInRefusal::RefreshTokenDead => vec![&TOKEN_ROTATED, &TOKEN_IDLE, &TOKEN_REVOKED],
        SignInRefusal::ConsumerKey => vec![&KEY_WRONG, &KEY_OF_ANOTHER_ORG, &KEY_YOUNG],
        SignInRefusal::FlowNotSupported => {
            vec![&ECA_WITHOUT_PASSWORD, &FLOW_NOT_ON_APP, &BODY_LOST]
        }
        SignInRefusal::AddressOrHours => vec![&RESTRICTED_ADDRESS, &RESTRICTED_HOURS],
        _ => Vec::new(),
    }
}
