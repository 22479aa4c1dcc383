//! The token endpoint: the username-password flow and everything it says no with.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::json;

use crate::config::UserState;
use crate::faults::{Fault, LoginRefusal};
use crate::org::Org;
use crate::reply::Reply;
use crate::request::Request;
use crate::stats::Call;

/// A token given out; every value is a string, and nothing says when it expires.
#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    instance_url: &'a str,
    id: String,
    token_type: &'static str,
    issued_at: String,
    signature: String,
}

/// Answers the token endpoint.
pub(crate) fn token(org: &Org, request: &Request) -> Reply {
    if let Some(reply) = broken(org) {
        return reply;
    }
    match sign_in(org, request) {
        Ok(token) => {
            org.stats.signed_in(true);
            granted(org, &token)
        }
        Err(refusal) => {
            org.stats.signed_in(false);
            refused(refusal)
        }
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

/// Checks everything in the order in which the platform seems to; answers the session's token.
fn sign_in(org: &Org, request: &Request) -> Result<String, LoginRefusal> {
    for refusal in LoginRefusal::ALL {
        if org.faults.strikes(Fault::Login(*refusal), Call::Token).is_some() {
            return Err(*refusal);
        }
    }
    if request.method != http::Method::POST {
        return Err(LoginRefusal::MustUsePost);
    }
    // Only a form in the body is read: with JSON, or with the body lost on the way through a
    // redirection, no grant type arrives.
    let form = request.form().ok_or(LoginRefusal::UnsupportedGrant)?;
    if form.get("grant_type").map(String::as_str) != Some("password") {
        return Err(LoginRefusal::UnsupportedGrant);
    }
    let [key, secret, username, password] =
        ["client_id", "client_secret", "username", "password"].map(|name| form.get(name));
    let credentials = &org.credentials;
    let key = key.ok_or(LoginRefusal::MissingParameter)?;
    if *key != credentials.consumer_key {
        return Err(LoginRefusal::ClientIdentifierInvalid);
    }
    let secret = secret.ok_or(LoginRefusal::MissingParameter)?;
    if *secret != credentials.consumer_secret {
        return Err(LoginRefusal::InvalidClientCredentials);
    }
    let (Some(username), Some(password)) = (username, password) else {
        return Err(LoginRefusal::MissingParameter);
    };
    admit(org, username, password)
}

/// Checks the user; answers the session's token.
fn admit(org: &Org, username: &str, password: &str) -> Result<String, LoginRefusal> {
    let settings = org.settings();
    let now = org.now();
    if !org.sign_ins.attempt(now, settings.hourly_login_limit) {
        return Err(LoginRefusal::RateExceeded);
    }
    let credentials = &org.credentials;
    if !username.eq_ignore_ascii_case(&credentials.username) {
        return Err(LoginRefusal::AuthenticationFailure);
    }
    let right = password == credentials.password_with_token()
        || (settings.trusted_ip && password == credentials.password);
    if !org.sign_ins.password(right, now, settings.lockout_after) {
        return Err(LoginRefusal::AuthenticationFailure);
    }
    // The endpoint gives neither a blocked flow nor a frozen user away.
    if settings.flow_blocked || settings.user == UserState::Frozen {
        return Err(LoginRefusal::AuthenticationFailure);
    }
    if settings.user == UserState::Inactive {
        return Err(LoginRefusal::InactiveUser);
    }
    let (token, ended) = org.sessions.make(now, settings.most_sessions);
    for old in ended {
        org.cursors.drop_of(&old);
    }
    Ok(token)
}

fn granted(org: &Org, token: &str) -> Reply {
    let id = org.identity_url();
    let issued_at = org.now().as_millisecond().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, org.credentials.consumer_secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, format!("{id}{issued_at}").as_bytes()));
    Reply::json(
        200,
        &Granted {
            access_token: token,
            instance_url: &org.url,
            id,
            token_type: "Bearer",
            issued_at,
            signature,
        },
    )
}

/// What a form says, by name; of a name given twice the first value counts.
pub(crate) fn form(body: &[u8]) -> HashMap<String, String> {
    let mut out = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        out.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    out
}
