//! Signing in and out, and the one-time link of an administrator.

use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use orgtap_transport::Explain;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::show;
use crate::security::{
    Address, Log, Outcome, SecretText, Viewer, check_new_password, check_person_name, clear_cookie,
    local_path, open_session,
};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(form).post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/link", get(link).post(use_link))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    name: String,
    next: String,
    said: Option<String>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage {
    name: String,
    code: String,
    /// Of the session there may be already.
    csrf: String,
    said: Option<String>,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn form(Query(Next { next }): Query<Next>, viewer: Option<Viewer>) -> Result<Response> {
    let next = local_path(&next).to_owned();
    if viewer.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    show(&SignInPage { name: String::new(), next, said: None })
}

#[derive(Deserialize)]
struct SignIn {
    name: String,
    password: Zeroizing<String>,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(app): State<App>,
    Address(address): Address,
    viewer: Option<Viewer>,
    log: Log,
    Form(given): Form<SignIn>,
) -> Result<Response> {
    let SignIn { name, password, next } = given;
    let next = local_path(&next).to_owned();
    app.throttle().begin(address, &name, app.now())?;
    log.did_as(&name, "sign-in", "");
    let found = app.door().person(&name).await?;
    let (person, hash) = found.unzip();
    // The same work and the same answer whether there is such a person or not.
    let fits = app.passwords().fits(password, hash).await?;
    let Some(person) = person.filter(|_| fits) else {
        let refused = Error::WrongPassword;
        let page = SignInPage { name, next, said: Some(refused.to_string()) };
        return refused_with(&refused, &page);
    };
    app.throttle().forget(address, &name);
    let entered = Redirect::to(&next).into_response();
    if viewer.is_some_and(|viewer| viewer.session.is_some() && viewer.person == person.id) {
        // Another tab's session is this one's too.
        return Ok(entered);
    }
    tracing::info!(person = person.name, "signed in to the console");
    open_session(&app, person.id, entered).await
}

/// A form again, with what is wrong.
fn refused_with(refused: &Error, page: &impl Template) -> Result<Response> {
    let mut response = show(page)?;
    *response.status_mut() = refused.status();
    response.extensions_mut().insert(Outcome(refused.code()));
    Ok(response)
}

async fn sign_out(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    viewer.did("sign-out", "");
    if let Some(session) = &viewer.session {
        app.door().end_session(session).await?;
    }
    clear_cookie(app.console(), Redirect::to("/sign-in").into_response())
}

async fn link(viewer: Option<Viewer>) -> Result<Response> {
    let csrf = viewer.map(|viewer| viewer.csrf).unwrap_or_default();
    show(&LinkPage { name: String::new(), code: String::new(), csrf, said: None })
}

#[derive(Deserialize)]
struct UseLink {
    code: Zeroizing<String>,
    name: String,
    password: Zeroizing<String>,
    again: Zeroizing<String>,
}

async fn use_link(
    State(app): State<App>,
    viewer: Option<Viewer>,
    log: Log,
    Form(given): Form<UseLink>,
) -> Result<Response> {
    let UseLink { code, name, password, again } = given;
    let secret = SecretText::sent(code.trim()).ok_or(Error::LinkSpent)?;
    let hash = secret.hash();
    // Before the work of a hash, which strangers are not to cause.
    if !app.door().has_link(&hash, app.now()).await? {
        return Err(Error::LinkSpent);
    }
    log.did_as(&name, "link", "");
    let checked = check_person_name(&name).and_then(|()| check_new_password(&password, &name));
    let checked = checked.and_then(|()| {
        let same = *password == *again;
        if same { Ok(()) } else { Err(Error::unusable("the two passwords are not the same")) }
    });
    if let Err(refused) = checked {
        let csrf = viewer.map(|viewer| viewer.csrf).unwrap_or_default();
        let page = LinkPage { name, code: code.to_string(), csrf, said: Some(refused.to_string()) };
        return refused_with(&refused, &page);
    }
    let password = app.passwords().hash(password).await?;
    let used = app.door().use_link(&hash, &name, &password, app.now()).await?;
    let person = used.ok_or(Error::LinkSpent)?;
    tracing::info!(person = name, "a one-time link made an administrator of the console");
    open_session(&app, person, Redirect::to("/").into_response()).await
}
