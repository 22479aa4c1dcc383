//! What clients may ask about a token: introspection, revocation, user info, identity.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::clock::record_time;
use crate::faults::LoginRefusal;
use crate::org::Org;
use crate::reply::Reply;
use crate::request::Request;
use crate::rest;
use crate::stats::Call;
use crate::token::{client, refused};

/// Answers `/services/oauth2/{name}` other than `token`.
pub(crate) fn answer(org: &Org, name: &str, request: &Request) -> Reply {
    if let Some(reply) = rest::forced(org, Call::OAuth) {
        return reply;
    }
    match name {
        "introspect" => introspect(org, request),
        "revoke" => revoke(org, request),
        "userinfo" => user_info(org, request),
        _ => Reply::html(404, "URL No Longer Exists", "There is nothing at this address."),
    }
}

/// How long an unused session lives.
fn life(org: &Org) -> SignedDuration {
    SignedDuration::try_from(org.settings().session_lifetime).unwrap_or(SignedDuration::MAX)
}

fn introspect(org: &Org, request: &Request) -> Reply {
    let Some(mut form) = request.form() else {
        return refused(LoginRefusal::MissingParameter);
    };
    let (key, secret) = client(request, &form);
    if key.as_ref() != Some(&org.credentials.consumer_key)
        || secret.as_ref() != Some(&org.credentials.consumer_secret)
    {
        return refused(LoginRefusal::InvalidClientCredentials);
    }
    let token = form.remove("token").unwrap_or_default();
    let Some(session) = org.sessions.look(&token, org.now(), life(org)) else {
        return Reply::json(200, &json!({ "active": false }));
    };
    let expires = session.used.checked_add(life(org)).unwrap_or(session.used);
    Reply::json(
        200,
        &json!({
            "active": true,
            "scope": "api id",
            "client_id": org.credentials.consumer_key,
            "username": org.credentials.username,
            "sub": org.identity_url(),
            "token_type": "access_token",
            "exp": expires.as_second(),
            "iat": session.made.as_second(),
            "nbf": session.made.as_second(),
        }),
    )
}

fn revoke(org: &Org, request: &Request) -> Reply {
    let form = request.form().unwrap_or_default();
    let token = form.get("token").cloned().or_else(|| request.parameter("token"));
    let Some(token) = token else {
        return Reply::json(
            400,
            &json!({
                "error": "unsupported_token_type",
                "error_description": "this token type is not supported",
            }),
        );
    };
    if let Some(ended) = org.refresh_tokens.revoke(&token) {
        org.end_sessions(&ended);
        return Reply::empty(200);
    }
    if org.sessions.look(&token, org.now(), life(org)).is_none() {
        return Reply::json(
            400,
            &json!({
                "error": "invalid_token",
                "error_description": "invalid token",
            }),
        );
    }
    org.end_session(&token);
    Reply::empty(200)
}

fn user_info(org: &Org, request: &Request) -> Reply {
    match live_token(org, request) {
        Some(_) => Reply::json(200, &about_user(org)),
        // Plain text, unlike every other refusal.
        None => Reply::text(403, "Bad_OAuth_Token"),
    }
}

fn live_token<'a>(org: &Org, request: &'a Request) -> Option<&'a str> {
    let token = request.token().ok()??;
    org.sessions.touch(token, org.now(), life(org)).then_some(token)
}

/// Answers `/id/{org}/{user}`.
pub(crate) fn identity(org: &Org, org_id: &str, user_id: &str, request: &Request) -> Reply {
    if live_token(org, request).is_none() {
        return Reply::text(403, "Bad_OAuth_Token");
    }
    if org_id != org.world.org_id() || user_id != org.user.id {
        return Reply::text(404, "Bad_Id");
    }
    let mut about = about_user(org);
    if let Value::Object(map) = &mut about {
        map.insert("id".into(), json!(org.identity_url()));
        map.insert("asserted_user".into(), json!(true));
        map.insert("username".into(), json!(org.user.username));
        map.insert("display_name".into(), json!(org.user.name));
        map.insert("last_modified_date".into(), json!(record_time(org.world.config().start)));
    }
    Reply::json(200, &about)
}

fn about_user(org: &Org) -> Value {
    let (user, url) = (&org.user, &org.url);
    let (first, last) = user.name.rsplit_once(' ').unwrap_or(("", &user.name));
    json!({
        "sub": org.identity_url(),
        "user_id": user.id,
        "organization_id": org.world.org_id(),
        "preferred_username": user.username,
        "nickname": user.username.split('@').next(),
        "name": user.name,
        "given_name": first,
        "family_name": last,
        "email": user.email,
        "email_verified": true,
        "zoneinfo": "America/Los_Angeles",
        "active": true,
        "user_type": "STANDARD",
        "language": "en_US",
        "locale": "en_US",
        "utcOffset": i64::from(org.settings().user_utc_offset) * 3_600_000,
        "urls": {
            "rest": format!("{url}/services/data/v{{version}}/"),
            "query": format!("{url}/services/data/v{{version}}/query/"),
            "sobjects": format!("{url}/services/data/v{{version}}/sobjects/"),
            "profile": format!("{url}/{}", user.id),
        },
    })
}
