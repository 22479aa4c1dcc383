//! Connections: who may have one, for how long, and how they end.
//!
//! Everything here is bounded: connections at a time, the size of a head, the time a head, a
//! handshake or a slow reader may take. Bodies are bounded in `security::gate`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::middleware::from_fn_with_state;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use orgtap_collector::Fleet;
use orgtap_collector::config::ConsoleSettings;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::{CompressionLayer, Predicate};

use crate::app::{App, Explanation, micros};
use crate::error::{Error, Result};
use crate::patience::Patient;
use crate::security::{self, Peer};
use crate::{api, assets, pages, tls};

/// Connections at the same time.
const MOST_CONNECTIONS: usize = 512;
/// Answers below this many bytes fit a packet as they are.
const SHORT: u64 = 1200;
/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// Largest head of a request, bytes.
const LARGEST_HEAD: usize = 16 << 10;
/// Most headers of a request.
const MOST_HEADERS: usize = 64;
/// How long a TLS handshake may take.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// How long answers and changes under way may take when all ends.
const LAST_WORDS: Duration = Duration::from_secs(3);
/// Pause after the system had no connection to give, say for want of file descriptors.
const BREATH: Duration = Duration::from_millis(100);
/// How often what has ended is forgotten.
const TIDY_EVERY: Duration = Duration::from_hours(1);

/// The console, listening but not answering yet.
pub struct Console {
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    app: App,
    url: String,
}

/// The way in for the first administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstLink {
    /// The address, with a secret: not for logs.
    pub address: String,
    /// The file that holds it too, for its owner alone.
    pub file: std::path::PathBuf,
}

impl Console {
    /// Listens as the configuration says. `explanations` are all codes there are.
    ///
    /// # Errors
    /// [`Error::Listen`] and [`Error::Tls`], and those of the ledger.
    pub async fn bind(
        console: &ConsoleSettings,
        fleet: Fleet,
        explanations: Vec<Explanation>,
    ) -> Result<Self> {
        let failed = |source| Error::Listen { address: console.listen, source };
        let listener = TcpListener::bind(console.listen).await.map_err(failed)?;
        Self::on(listener, console, fleet, explanations).await
    }

    /// Listens where somebody has begun to, whatever address the configuration names.
    ///
    /// # Errors
    /// Those of [`Self::bind`].
    pub async fn on(
        listener: TcpListener,
        console: &ConsoleSettings,
        fleet: Fleet,
        explanations: Vec<Explanation>,
    ) -> Result<Self> {
        let acceptor = match &console.tls {
            Some(files) => Some(tls::acceptor(files).await?),
            None => None,
        };
        let failed = |source| Error::Listen { address: console.listen, source };
        let mut bound = console.clone();
        bound.listen = listener.local_addr().map_err(failed)?;
        let url = security::url(&bound);
        let app = App::open(fleet, explanations, bound).await?;
        Ok(Self { listener, acceptor, app, url })
    }

    /// Where browsers find it, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The way in for the first administrator, where there are no people yet.
    pub async fn first_link(&self) -> Result<Option<FirstLink>> {
        let data_dir = self.app.settings().data_dir.clone();
        let made = security::first_link(self.app.door(), &data_dir, &self.url).await?;
        Ok(made.map(|(address, file)| FirstLink { address, file }))
    }

    /// Answers until cancelled.
    pub async fn serve(self, cancel: &CancellationToken) {
        let router = router(self.app.clone());
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let tasks = TaskTracker::new();
        tasks.spawn(tidy(self.app.clone(), cancel.clone()));
        let (watching, until) = (self.app.clone(), cancel.clone());
        tasks.spawn(async move { watching.rates().watch(watching.fleet(), &until).await });
        loop {
            let accepted = tokio::select! {
                () = cancel.cancelled() => break,
                accepted = next(&self.listener, &places) => accepted,
            };
            let Some((stream, peer, place)) = accepted else { continue };
            let (router, cancel) = (router.clone(), cancel.clone());
            let acceptor = self.acceptor.clone();
            tasks.spawn(async move {
                connection(stream, peer, acceptor, router, cancel).await;
                drop(place);
            });
        }
        let changes = self.app.changes();
        tasks.close();
        changes.close();
        let ended = async { tokio::join!(tasks.wait(), changes.wait()) };
        tokio::time::timeout(LAST_WORDS, ended).await.ok();
    }
}

/// Every address there is, behind the gate.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .merge(pages::routes())
        .nest(api::BASE, api::routes())
        .route("/assets/{name}", axum::routing::get(assets::serve))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), security::gate))
        .layer(CompressionLayer::new().compress_when(WholeAndLong))
        .with_state(app)
}

/// What is worth compressing. A stream is not: what it tells must not wait for more.
///
/// That compressed lengths can betray a secret beside chosen text asks for requests a stranger makes a
/// browser send; the session's cookie does not go with those (`SameSite=Strict`).
#[derive(Clone, Copy)]
struct WholeAndLong;

impl Predicate for WholeAndLong {
    fn should_compress<B: HttpBody>(&self, response: &http::Response<B>) -> bool {
        response.body().size_hint().exact().is_some_and(|length| length >= SHORT)
    }
}

/// What is not there is not told to strangers.
async fn nothing(_: security::Viewer) -> Error {
    Error::no("page or call of this address")
}

async fn wrong_method(_: security::Viewer, method: http::Method) -> Error {
    Error::Method { method: method.to_string() }
}

/// The next connection, when there is a place for one.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    // Never closed, so there is always a place some time.
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            tracing::debug!(%error, "the console could not take a connection");
            tokio::time::sleep(BREATH).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    cancel: CancellationToken,
) {
    // A lost chance to send sooner is all that can go wrong.
    stream.set_nodelay(true).ok();
    let stream = Patient::new(stream);
    match acceptor {
        None => converse(stream, peer, router, cancel).await,
        Some(acceptor) => {
            match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => converse(stream, peer, router, cancel).await,
                Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS with the console"),
                Err(_) => tracing::debug!(%peer, "no TLS with the console in time"),
            }
        }
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    cancel: CancellationToken,
) {
    let service = tower_service(router, peer);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS);
    let conversation = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(conversation);
    let ended = tokio::select! {
        ended = conversation.as_mut() => ended,
        () = cancel.cancelled() => {
            conversation.as_mut().graceful_shutdown();
            conversation.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a conversation with the console broke off");
    }
}

fn tower_service(
    router: Router,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send + 'static,
> {
    let service = TowerToHyperService::new(router);
    hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        hyper::service::Service::call(&service, request)
    })
}

/// Forgets what has ended, now and then.
async fn tidy(app: App, cancel: CancellationToken) {
    loop {
        let now = app.now();
        let idle_since = now - micros(app.console().session_idle);
        let audit_before = now - micros(app.console().audit_retention);
        if let Err(error) = app.door().forget(idle_since, audit_before, now).await {
            tracing::warn!(%error, "what has ended in the console is not forgotten");
        }
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(TIDY_EVERY) => {}
        }
    }
}
