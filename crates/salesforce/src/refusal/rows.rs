//! What a person is told about each refusal.

use orgtap_transport::Disposition;

use super::{RATE_PAUSE, SignInRefusal};
use crate::catalogue::Row;

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
                    "Salesforce gives this one answer for several causes; the user's Login History tells them apart.",
                    "Open Setup > Users > the user > Login History, find the attempt, and correct what it names. Orgtap does not try again by itself, because repeated failures lock the user.",
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
                    "Install the app (Setup > Connected Apps OAuth Usage > Install, or the External Client App Manager), or use an app of this org.",
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
                    "The app does not offer the flow that `auth` names. External Client Apps never offer the username-password flow.",
                    "Switch the flow on in the app's OAuth settings, or choose one it offers: for an External Client App `client_credentials` or `jwt_bearer`.",
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
        SignInRefusal::AssertionInvalid => {
            const {
                &pause(
                    "OT-AUTH-20",
                    "the signed assertion is not accepted",
                    "The key Orgtap signs with does not belong to the certificate the app has, or the certificate has expired.",
                    "Upload the certificate that belongs to the key to the app, or give Orgtap the key that belongs to the app's certificate; `orgtap setup-kit` makes a pair.",
                )
            }
        }
        SignInRefusal::RefreshTokenDead => {
            const {
                &pause(
                    "OT-AUTH-21",
                    "the refresh token is dead",
                    "The token expired, was revoked, or was exchanged by another program: where the org rotates tokens, each is good once.",
                    "Authorise the app again and enter the new refresh token. Give each program an authorisation of its own.",
                )
            }
        }
        SignInRefusal::AssertionExpired => {
            const {
                &pause(
                    "OT-AUTH-22",
                    "the signed assertion is too old",
                    "The clock this machine or a proxy shows differs from the org's by more than Salesforce allows.",
                    "Set this machine's clock by NTP. Orgtap takes the org's time where it can see it: check that no proxy rewrites the Date header.",
                )
            }
        }
        SignInRefusal::Audience => {
            const {
                &pause(
                    "OT-AUTH-23",
                    "the assertion is for another audience",
                    "The audience must be the login host of the org's kind as a whole address: https://login.salesforce.com, for sandboxes and scratch orgs https://test.salesforce.com, or the address of a site.",
                    "Remove `jwt_audience`, so that Orgtap chooses it by the instance URL, or set it to one of these.",
                )
            }
        }
        SignInRefusal::NoRunAsUser => {
            const {
                &pause(
                    "OT-AUTH-24",
                    "the app has no user to sign in as",
                    "The client-credentials flow is on, and its policies name no user, or one that cannot be used.",
                    "In the app's policies enable the client-credentials flow and choose the run-as user: an active one with API Enabled.",
                )
            }
        }
        SignInRefusal::BrowserFlow => {
            const {
                &pause(
                    "OT-AUTH-25",
                    "the token endpoint answers for another flow",
                    "The answer belongs to flows in which a person authorises an app in the browser, which Orgtap does not use: most likely a proxy or login page stands between.",
                    "Check the login URL and the proxy; compare the app's scopes, which must hold Manage user data via APIs (api) and, for JWT, Perform requests at any time (refresh_token).",
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
