//! The token endpoint: who may have a session, by which flow, and everything it says no with.
//!
//! One file per flow; what all of them check is in [`client`] and [`gate`].

mod client;
mod client_credentials;
mod gate;
mod host;
mod jwt_bearer;
mod password;
mod refresh;
mod totp;

use std::collections::HashMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::config::{App, Flow, OrgSettings};
use crate::faults::{Fault, LoginRefusal};
use crate::org::{Org, SignInAttempt};
use crate::reply::Reply;
use crate::request::Request;
use crate::stats::Call;

pub(crate) use client::named as client;
pub(crate) use totp::code as totp;

use host::Host;

/// A sign-in to be judged.
struct Asked<'a> {
    org: &'a Org,
    settings: OrgSettings,
    now: Timestamp,
    host: Host,
    request: &'a Request,
    form: HashMap<String, String>,
}

impl Asked<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        self.form.get(name).map(String::as_str)
    }
}

/// A sign-in that is refused: what the client is told, and what the administrator sees.
#[derive(Debug)]
struct Denied {
    refusal: LoginRefusal,
    label: Option<&'static str>,
}

impl Denied {
    const fn with(refusal: LoginRefusal, label: &'static str) -> Self {
        Self { refusal, label: Some(label) }
    }
}

/// A refusal that does not come to the login history.
impl From<LoginRefusal> for Denied {
    fn from(refusal: LoginRefusal) -> Self {
        Self { refusal, label: None }
    }
}

/// What is known of an attempt so far.
#[derive(Debug, Default)]
struct Who {
    flow: Option<Flow>,
    user: Option<String>,
}

/// A token given out: every value is a string, and nothing says when it expires.
#[derive(Serialize)]
struct Granted {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    instance_url: String,
    id: String,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// Answers the token endpoint.
pub(crate) fn token(org: &Org, request: &Request) -> Reply {
    if let Some(reply) = broken(org) {
        return reply;
    }
    let mut who = Who::default();
    let outcome = sign_in(org, request, &mut who);
    org.stats.signed_in(outcome.is_ok());
    let (refusal, label) = match &outcome {
        Ok(_) => (None, Some("Success")),
        Err(denied) => (Some(denied.refusal), denied.label),
    };
    let Who { flow, user } = who;
    org.login_history.note(SignInAttempt { at: org.now(), user, flow, refusal, label });
    match outcome {
        Ok(granted) => Reply::json(200, &granted),
        Err(denied) => refused(denied.refusal),
    }
}

/// A refusal as the endpoint writes it, always with status 400.
pub(crate) fn refused(refusal: LoginRefusal) -> Reply {
    Reply::json(
        400,
        &json!({
            "error": refusal.error(),
            "error_description": refusal.description(),
        }),
    )
}

/// Faults that keep the endpoint itself from answering.
fn broken(org: &Org) -> Option<Reply> {
    if org.faults.strikes(Fault::LoginUnavailable, Call::Token).is_some() {
        return Some(Reply::empty(503));
    }
    if org.faults.strikes(Fault::LoginHtml, Call::Token).is_some() {
        return Some(Reply::html(200, "Login", "We are down for maintenance."));
    }
    if org.faults.strikes(Fault::LoginRedirect, Call::Token).is_some() {
        let domain = org.settings().domain;
        let to = format!("https://{domain}.my.salesforce.com/services/oauth2/token");
        return Some(Reply::redirect(&to));
    }
    None
}

/// Checks everything in the order in which the platform seems to.
fn sign_in(org: &Org, request: &Request, who: &mut Who) -> Result<Granted, Denied> {
    if let Some(refusal) = org.faults.login_refusal() {
        return Err(refusal.into());
    }
    if request.method != http::Method::POST {
        return Err(LoginRefusal::MustUsePost.into());
    }
    // Only a form in the body is read: with JSON, or with the body lost on the way through a
    // redirection, no grant type arrives.
    let form = request.form().ok_or(LoginRefusal::UnsupportedGrant)?;
    let grant_type = form.get("grant_type").map(String::as_str).unwrap_or_default();
    let flow = Flow::of_grant(grant_type).ok_or(LoginRefusal::UnsupportedGrant)?;
    who.flow = Some(flow);
    let settings = org.settings();
    // The password flow of the newer apps is refused where the password would be checked.
    if !settings.flows.offers(flow) {
        return Err(LoginRefusal::UnsupportedGrant.into());
    }
    let host = Host::of(request.header("host"), &settings);
    let asked = Asked { org, settings, now: org.now(), host, request, form };
    match flow {
        Flow::Password => password::sign_in(&asked, who),
        Flow::ClientCredentials => client_credentials::sign_in(&asked, who),
        Flow::JwtBearer => jwt_bearer::sign_in(&asked, who),
        Flow::RefreshToken => refresh::sign_in(&asked, who),
    }
}

impl Asked<'_> {
    /// Whether no app of this kind offers the password flow, or the org blocks it.
    fn password_flow_is_off(&self) -> bool {
        self.settings.flow_blocked || self.settings.app == App::ExternalClientApp
    }

    /// Makes the session, and the answer with everything a flow's answer can have.
    fn grant(&self) -> Granted {
        let org = self.org;
        let (access_token, ended) = org.sessions.make(self.now, self.settings.most_sessions);
        for old in ended {
            org.cursors.drop_of(&old);
        }
        let id = org.identity_url();
        let issued_at = self.now.as_millisecond().to_string();
        let key = hmac::Key::new(hmac::HMAC_SHA256, org.credentials.consumer_secret.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, format!("{id}{issued_at}").as_bytes()));
        Granted {
            access_token,
            refresh_token: None,
            scope: Some("api id"),
            instance_url: self.settings.external_url.clone().unwrap_or_else(|| org.url.clone()),
            id,
            token_type: "Bearer",
            issued_at: Some(issued_at),
            signature: Some(signature),
        }
    }
}

/// What a form says, by name; of a name given twice the first value counts.
pub(crate) fn form(body: &[u8]) -> HashMap<String, String> {
    let mut out = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        out.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    out
}
