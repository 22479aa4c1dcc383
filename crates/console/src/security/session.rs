//! Sessions in cookies, and tokens in a header.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use orgtap_collector::config::ConsoleSettings;
use orgtap_ledger::{NewSession, PersonId};

use super::{Log, Role, SecretText, Viewer};
use crate::app::{App, micros};
use crate::error::{Error, Result};

/// What a token begins with, so that it is known for what it is wherever it turns up.
pub(crate) const TOKEN_PREFIX: &str = "ot_";
/// What scripts send when they ask for a page again on their own.
const LIVE_HEADER: &str = "x-live";
/// A use of a session or token is noted when the last one noted is this long ago.
const NOTED_EVERY: i64 = 60_000_000;

/// Whoever sent these headers, by token or session. Nobody is no error.
pub(super) async fn viewer(app: &App, headers: &HeaderMap, log: &Log) -> Result<Option<Viewer>> {
    match headers.get(header::AUTHORIZATION) {
        // Whoever sends a token means it: a cookie beside it is not looked at.
        Some(value) => by_token(app, value, log).await,
        None => by_session(app, headers, log).await,
    }
}

async fn by_token(app: &App, value: &HeaderValue, log: &Log) -> Result<Option<Viewer>> {
    let secret = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        let token = token.trim().strip_prefix(TOKEN_PREFIX)?;
        SecretText::sent(token).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
    });
    let Some(secret) = secret else { return Ok(None) };
    let now = app.now();
    let Some(token) = app.door().token(&secret.hash(), now).await? else { return Ok(None) };
    if token.used_at.is_none_or(|used| now - used >= NOTED_EVERY) {
        app.door().token_used(token.id, now).await?;
    }
    // The token does not outgrow the person: who loses a role loses it here too.
    let role = role(&token.role)?.min(role(&token.person.role)?);
    Ok(Some(Viewer {
        name: token.person.name,
        role,
        csrf: String::new(),
        token: Some(token.name),
        person: token.person.id,
        session: None,
        log: log.clone(),
    }))
}

async fn by_session(app: &App, headers: &HeaderMap, log: &Log) -> Result<Option<Viewer>> {
    let Some(secret) = sent_cookie(headers, &cookie_name(app.console())) else { return Ok(None) };
    let (hash, now) = (secret.hash(), app.now());
    let idle_since = now - micros(app.console().session_idle);
    let Some(session) = app.door().session(&hash, idle_since, now).await? else { return Ok(None) };
    // A page that keeps itself current is nobody at work.
    if now - session.seen_at >= NOTED_EVERY && !headers.contains_key(LIVE_HEADER) {
        app.door().session_seen(&hash, now).await?;
    }
    Ok(Some(Viewer {
        role: role(&session.person.role)?,
        name: session.person.name,
        csrf: secret.csrf(),
        token: None,
        person: session.person.id,
        session: Some(hash),
        log: log.clone(),
    }))
}

fn role(word: &str) -> Result<Role> {
    word.parse().map_err(|_| Error::Unexpected("a role in the ledger is none".to_owned()))
}

/// Browsers keep cookies by host, not by port: the port is in the name.
fn cookie_name(console: &ConsoleSettings) -> String {
    let prefix = if is_secure(console) { "__Host-" } else { "" };
    format!("{prefix}orgtap-{}", console.listen.port())
}

/// Whether browsers reach the console over TLS.
fn is_secure(console: &ConsoleSettings) -> bool {
    console.tls.is_some() || console.behind_proxy
}

fn sent_cookie(headers: &HeaderMap, name: &str) -> Option<SecretText> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
    let value = values.next()?;
    // Two of that name: one was planted.
    if values.next().is_some() { None } else { SecretText::sent(value) }
}

fn cookie(console: &ConsoleSettings, value: &str, more: &str) -> Result<HeaderValue> {
    let secure = if is_secure(console) { "; Secure" } else { "" };
    let name = cookie_name(console);
    HeaderValue::try_from(format!(
        "{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}"
    ))
    .map_err(|error| Error::Unexpected(error.to_string()))
}

/// Opens a session for a person, and gives its cookie to an answer.
pub(crate) async fn open_session(
    app: &App,
    person: PersonId,
    mut response: Response,
) -> Result<Response> {
    let secret = SecretText::random()?;
    let now = app.now();
    let ends_at = now.saturating_add(micros(app.console().session_end));
    let session = NewSession { hash: secret.hash(), person, ends_at };
    if !app.door().open_session(&session, now).await? {
        return Err(Error::WrongPassword);
    }
    let cookie = cookie(app.console(), secret.expose(), "")?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Takes the cookie away from a browser.
pub(crate) fn clear_cookie(console: &ConsoleSettings, mut response: Response) -> Result<Response> {
    let cookie = cookie(console, "", "; Max-Age=0")?;
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
