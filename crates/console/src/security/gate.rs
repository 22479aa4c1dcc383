//! What every request passes, and every answer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use orgtap_collector::config::ConsoleSettings;

use super::log::{Log, Pending};
use super::{origin, refusal, session};
use crate::api;
use crate::app::App;
use crate::error::{Error, Refused, Result};
use crate::testing;

/// Largest body of a person's or token's request: a form with a key in it has a few kilobytes.
const LARGEST_BODY: usize = 1 << 20;
/// Largest body of anybody's request.
const LARGEST_BODY_OF_STRANGERS: usize = 16 << 10;
/// Where people sign in.
const ENTRY: &str = "/sign-in";
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// The code of a refusal that is shown on the page it belongs to, for the audit log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome(pub(crate) &'static str);

/// The other end of the connection; the server sets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
    base-uri 'none'";

/// Headers of every answer.
const HEADERS: [(&str, &str); 8] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Looks at who asks and whether the request can be trusted; writes down what it did; turns
/// refusals into pages or JSON; sets the headers of the answer.
pub(crate) async fn gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut pending = Pending {
        log: Log::default(),
        viewer: None,
        address: address(&request, app.console()),
        request: format!("{method} {path}"),
        may_change: origin::may_change(&method),
    };
    let by_script = request.headers().get(header::ACCEPT).is_some_and(|it| it == testing::NDJSON);
    let asked = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let admitted = admit(&app, request, &mut pending).await;
    let viewer = pending.viewer.clone();
    let may_change = pending.may_change;
    let answer = answer(app.clone(), admitted, pending, next);
    let response = if may_change {
        // Whoever goes away meanwhile does not cut it in the middle.
        let answered = app.changes().spawn(answer).await;
        answered.unwrap_or_else(|error| Error::Unexpected(error.to_string()).into_response())
    } else {
        answer.await
    };
    let asked = refusal::Asked { method, address: asked, viewer, by_script };
    let mut response = refusal::told(response, &asked);
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What the handler answers to a request that is let in, once that is written down.
async fn answer(app: App, admitted: Result<Request>, pending: Pending, next: Next) -> Response {
    let response = match admitted {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    let told = response.extensions().get::<Outcome>().map(|outcome| outcome.0.to_owned());
    let refused = response.extensions().get::<Refused>();
    let outcome = match told.or_else(|| refused.map(|refused| refused.problem.code.clone())) {
        Some(code) => code,
        None if response.status().as_u16() < 400 => "done".to_owned(),
        None => response.status().as_u16().to_string(),
    };
    pending.write(&app, outcome).await;
    response
}

/// The request as its handler gets it: whole, with its [`Viewer`](super::Viewer) if there is one.
async fn admit(app: &App, request: Request, pending: &mut Pending) -> Result<Request> {
    origin::check_host(&request, app.console())?;
    let (mut parts, body) = request.into_parts();
    if parts.uri.path().starts_with("/assets/") {
        return Ok(Request::from_parts(parts, Body::empty()));
    }
    parts.extensions.insert(pending.log.clone());
    parts.extensions.insert(Address(pending.address));
    pending.viewer = session::viewer(app, &parts.headers, &pending.log).await?;
    let viewer = pending.viewer.as_ref();
    let limit = if viewer.is_some() { LARGEST_BODY } else { LARGEST_BODY_OF_STRANGERS };
    let body = whole(&parts.headers, body, limit).await?;
    if pending.may_change {
        // Whoever signs in may have done so in another tab, after this one's page was made.
        let is_entry = parts.uri.path() == ENTRY;
        // Tokens are not sent by browsers on their own; sessions are, and strangers sign in.
        let is_bearer = parts.headers.contains_key(header::AUTHORIZATION);
        if !is_bearer {
            // A program that forgot its token is told so.
            let is_api = parts.uri.path().starts_with(api::BASE);
            origin::check_origin(&parts.headers, (viewer.is_none() || is_entry) && !is_api)?;
        }
        if let Some(viewer) = viewer.filter(|viewer| viewer.session.is_some() && !is_entry) {
            origin::check_csrf(&parts.headers, &body, &viewer.csrf)?;
        }
    }
    if let Some(viewer) = viewer {
        parts.extensions.insert(viewer.clone());
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

async fn whole(headers: &HeaderMap, body: Body, limit: usize) -> Result<bytes::Bytes> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length > limit) {
        return Err(Error::TooLarge);
    }
    match tokio::time::timeout(BODY_TIME, to_bytes(body, limit)).await {
        Err(_) => Err(Error::TooSlow),
        Ok(Ok(bytes)) => Ok(bytes),
        // The limit, or a body that broke off, whose sender hears nothing any more.
        Ok(Err(_)) => Err(Error::TooLarge),
    }
}

/// The address a request comes from; an argument of handlers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address(pub(crate) IpAddr);

impl<S: Sync> axum::extract::FromRequestParts<S> for Address {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self> {
        let found = parts.extensions.get::<Self>().copied();
        found.ok_or_else(|| Error::Unexpected("a request from nowhere".to_owned()))
    }
}

/// Where a request comes from: behind a proxy, what that saw last.
fn address(request: &Request, console: &ConsoleSettings) -> IpAddr {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip().to_canonical());
    if !console.behind_proxy {
        return peer;
    }
    let last = request.headers().get_all("x-forwarded-for").iter().next_back();
    let last = last.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.unwrap_or(peer)
}
