//! One's own account: another password, and an end to all sessions.

use askama::Template;
use axum::Router;
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::{Frame, show};
use crate::security::{Address, Viewer, check_new_password, clear_cookie, open_session};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/account", get(page))
        .route("/account/password", post(set_password))
        .route("/account/sign-out-everywhere", post(sign_out_everywhere))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
}

async fn page(viewer: Viewer) -> Result<Response> {
    show(&AccountPage { frame: Frame::new(viewer, "account") })
}

#[derive(Deserialize)]
struct Passwords {
    present: Zeroizing<String>,
    password: Zeroizing<String>,
    again: Zeroizing<String>,
}

async fn set_password(
    State(app): State<App>,
    Address(address): Address,
    viewer: Viewer,
    Form(given): Form<Passwords>,
) -> Result<Response> {
    let Passwords { present, password, again } = given;
    viewer.did("person.password", &viewer.name);
    if viewer.session.is_none() {
        return Err(Error::unusable("a token cannot change a password"));
    }
    if *password != *again {
        return Err(Error::unusable("the two passwords are not the same"));
    }
    check_new_password(&password, &viewer.name)?;
    app.throttle().begin(address, &viewer.name, app.now())?;
    let hash = app.door().person(&viewer.name).await?.map(|(_, hash)| hash);
    if !app.passwords().fits(present, hash).await? {
        return Err(Error::WrongPassword);
    }
    app.throttle().forget(address, &viewer.name);
    let hash = app.passwords().hash(password).await?;
    app.door().set_password(viewer.person, &hash).await?;
    // All sessions are over; this browser gets a new one.
    open_session(&app, viewer.person, Redirect::to("/account").into_response()).await
}

async fn sign_out_everywhere(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    viewer.did("sign-out.everywhere", "");
    if viewer.session.is_none() {
        return Err(Error::unusable("a token cannot end sessions"));
    }
    app.door().end_sessions(viewer.person).await?;
    clear_cookie(app.console(), Redirect::to("/sign-in").into_response())
}
