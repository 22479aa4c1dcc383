//! API tokens.

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use orgtap_ledger::ApiToken;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::Result;
use crate::frame::{Frame, show};
use crate::security::{Role, Viewer};
use crate::tokens;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/tokens", get(page).post(add)).route("/tokens/{id}/remove", post(remove))
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    tokens: Vec<ApiToken>,
    roles: [Role; 3],
    /// A token that was just made: shown now and never again.
    made: Option<Zeroizing<String>>,
}

async fn page(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    let tokens = tokens::all(&app, &viewer).await?;
    let frame = Frame::new(viewer, "tokens");
    show(&TokensPage { frame, tokens, roles: Role::ALL, made: None })
}

#[derive(Deserialize)]
struct Added {
    name: String,
    role: Role,
    /// Blank: it does not expire.
    days: String,
}

async fn add(State(app): State<App>, viewer: Viewer, Form(given): Form<Added>) -> Result<Response> {
    // What is no number is no life a token can have.
    let days = Some(given.days.trim()).filter(|days| !days.is_empty());
    let days = days.map(|days| days.parse().unwrap_or(0));
    let made = tokens::add(&app, &viewer, given.name.trim(), given.role, days).await?;
    let tokens = tokens::all(&app, &viewer).await?;
    let frame = Frame::new(viewer, "tokens");
    show(&TokensPage { frame, tokens, roles: Role::ALL, made: Some(made.secret) })
}

async fn remove(State(app): State<App>, viewer: Viewer, Path(id): Path<i64>) -> Result<Response> {
    tokens::remove(&app, &viewer, id).await?;
    Ok(Redirect::to("/tokens").into_response())
}
