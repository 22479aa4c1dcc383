//! The server: connections, one entry for all requests, start and stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::serve::Listener;
use http::{Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Credentials, OrgSettings, SimConfig};
use crate::faults::{Fault, Faults};
use crate::org::{Org, SignInAttempt};
use crate::reply::Reply;
use crate::request::Request;
use crate::stats::{Call, Stats};
use crate::wire::{Facts, shape};
use crate::world::World;
use crate::{Error, control, oauth, rest, token};

/// Longest request body read, in bytes.
const LONGEST_BODY: usize = 64 * 1024;
/// Longest address, and longest address with headers, in bytes.
const LONGEST_HEAD: usize = 16_384;
/// How long [`Running::stop`] waits for answers under way.
const PATIENCE: Duration = Duration::from_secs(2);

/// A simulated org, to be started.
#[derive(Debug)]
pub struct SimOrg;

impl SimOrg {
    /// Starts an org that listens at `addr`; port 0 picks a free one.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address cannot be had.
    pub async fn start(config: SimConfig, addr: SocketAddr) -> Result<Running, Error> {
        let listener = TcpListener::bind(addr).await.map_err(|e| Error::Listen(addr, e))?;
        let local = listener.local_addr().map_err(|e| Error::Listen(addr, e))?;
        let org = Arc::new(Org::new(config, format!("http://{local}")));
        let stop = CancellationToken::new();
        let entry = Entry { org: Arc::clone(&org), stop: stop.clone() };
        let app = Router::new().fallback(answer).with_state(entry);
        let door = Door { listener, faults: org.faults.clone(), org: Arc::clone(&org) };
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            let served = axum::serve(door, app).with_graceful_shutdown(stopped).await;
            if let Err(error) = served {
                tracing::error!(%error, "the simulated org stopped serving");
            }
        });
        Ok(Running { org, stop, serving: Some(serving) })
    }
}

/// An org that runs. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    org: Arc<Org>,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Running {
    /// Its address, without a slash at the end: My Domain and instance in one.
    pub fn url(&self) -> &str {
        &self.org.url
    }

    /// The address at which it plays the login host: the same listener under the name `localhost`.
    pub fn login_url(&self) -> String {
        self.org.login_url()
    }

    /// The refresh token the app's authorisation gave, which follows from the seed. Exchanges
    /// with rotation replace it.
    pub fn refresh_token(&self) -> String {
        self.org.refresh_tokens.first()
    }

    /// The refresh token that is alive now; none once the authorisation was revoked.
    pub fn current_refresh_token(&self) -> Option<String> {
        self.org.refresh_tokens.current()
    }

    /// Every refresh token the present authorisation ever had, oldest first.
    pub fn refresh_tokens(&self) -> Vec<String> {
        self.org.refresh_tokens.all()
    }

    /// The token of every session there ever was, oldest first.
    pub fn session_tokens(&self) -> Vec<String> {
        self.org.sessions.all()
    }

    /// The user authorises the app anew: answers the first refresh token of a new family. Tokens
    /// of the old one are dead.
    pub fn authorise(&self) -> String {
        self.org.refresh_tokens.authorise()
    }

    /// The code that the user's authenticator app shows now.
    pub fn totp(&self) -> String {
        token::totp(&self.org, self.org.now())
    }

    /// Every attempt to sign in, oldest first, with what the administrator sees of it.
    pub fn login_history(&self) -> Vec<SignInAttempt> {
        self.org.login_history.all()
    }

    /// What to sign in with.
    pub fn credentials(&self) -> &Credentials {
        &self.org.credentials
    }

    /// Its time.
    pub fn clock(&self) -> &Clock {
        &self.org.clock
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        &self.org.faults
    }

    /// What really happened in it.
    pub fn world(&self) -> &World {
        &self.org.world
    }

    /// What clients did so far.
    pub fn stats(&self) -> Stats {
        self.org.stats.snapshot()
    }

    /// Its settings as they are now.
    pub fn settings(&self) -> OrgSettings {
        self.org.settings()
    }

    /// Changes its settings, as an administrator would.
    pub fn change(&self, change: impl FnOnce(&mut OrgSettings)) {
        self.org.change(change);
    }

    /// Ends all sessions, and the open queries with them.
    pub fn end_sessions(&self) {
        self.org.end_all_sessions();
    }

    /// Stops it, and waits a little for answers under way.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(mut serving) = self.serving.take()
            && tokio::time::timeout(PATIENCE, &mut serving).await.is_err()
        {
            serving.abort();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Where connections come in; the one fault that strikes before there is a request lives here.
struct Door {
    listener: TcpListener,
    faults: Faults,
    org: Arc<Org>,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let (stream, from) = Listener::accept(&mut self.listener).await;
            if self.faults.strikes(Fault::ResetOnConnect, Call::Connect).is_none() {
                // A lost chance to send sooner is all that can go wrong.
                drop(stream.set_nodelay(true));
                return (stream, from);
            }
            self.org.stats.reset_connection();
            // With no time to linger, closing sends a reset.
            drop(stream.set_zero_linger());
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What the entry for requests needs.
#[derive(Debug, Clone)]
struct Entry {
    org: Arc<Org>,
    stop: CancellationToken,
}

/// Answers any request.
async fn answer(State(entry): State<Entry>, request: http::Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_BODY).await else {
        return status_only(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let request = Request {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    let Entry { org, stop } = entry;
    // Making rows, running queries and compressing are work for a thread of their own.
    let shaped = tokio::task::spawn_blocking(move || {
        let (call, reply) = route(&org, &request);
        let facts = Facts {
            call,
            gzip_welcome: request.accepts_gzip(),
            pretty: request.header("x-prettyprint") == "1",
        };
        let shaped = shape(&org, reply, facts);
        if !request.path.starts_with("/_sim") {
            org.stats.answered(call, shaped.status());
        }
        shaped
    });
    match shaped.await {
        Ok(shaped) => shaped.into_response(stop),
        Err(error) => {
            tracing::error!(%error, "a request of the simulated org failed");
            status_only(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

fn status_only(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Finds out what a request asks for, and answers it.
fn route(org: &Org, request: &Request) -> (Call, Reply) {
    if request.uri_size() > LONGEST_HEAD {
        return (Call::Other, Reply::html(414, "Bad Message 414", "reason: URI Too Long"));
    }
    if request.head_size() > LONGEST_HEAD {
        let reason = "reason: Request Header Fields Too Large";
        return (Call::Other, Reply::html(431, "Bad Message 431", reason));
    }
    match request.segments().as_slice() {
        ["services", "data"] => (Call::Versions, rest::versions(org)),
        ["services", "data", version, path @ ..] => {
            (rest::classify(path), rest::answer(org, version, path, request))
        }
        ["services", "oauth2", "token"] => (Call::Token, token::token(org, request)),
        ["services", "oauth2", name] => (Call::OAuth, oauth::answer(org, name, request)),
        ["id", org_id, user_id] => (Call::OAuth, oauth::identity(org, org_id, user_id, request)),
        ["_sim", path @ ..] => (Call::Other, control::answer(org, path, request)),
        _ => {
            let text = "You have attempted to reach a URL that no longer exists on salesforce.com.";
            (Call::Other, Reply::html(404, "URL No Longer Exists", text))
        }
    }
}
