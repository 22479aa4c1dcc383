//! People and their roles.

use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use orgtap_ledger::Person;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::Result;
use crate::frame::{Frame, show};
use crate::people;
use crate::security::{Role, Viewer};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/people", get(page).post(add))
        .route("/people/{name}/role", post(set_role))
        .route("/people/{name}/password", post(set_password))
        .route("/people/{name}/remove", post(remove))
}

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    people: Vec<Person>,
    roles: [Role; 3],
}

async fn page(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    let people = people::all(&app, &viewer).await?;
    show(&PeoplePage { frame: Frame::new(viewer, "people"), people, roles: Role::ALL })
}

#[derive(Deserialize)]
struct Added {
    name: String,
    role: Role,
    password: Zeroizing<String>,
}

fn back() -> Response {
    Redirect::to("/people").into_response()
}

async fn add(State(app): State<App>, viewer: Viewer, Form(given): Form<Added>) -> Result<Response> {
    people::add(&app, &viewer, &given.name, given.role, given.password).await?;
    Ok(back())
}

#[derive(Deserialize)]
struct NewRole {
    role: Role,
}

async fn set_role(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Form(NewRole { role }): Form<NewRole>,
) -> Result<Response> {
    people::set_role(&app, &viewer, &name, role).await?;
    Ok(back())
}

#[derive(Deserialize)]
struct NewPassword {
    password: Zeroizing<String>,
}

async fn set_password(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Form(given): Form<NewPassword>,
) -> Result<Response> {
    people::set_password(&app, &viewer, &name, given.password).await?;
    Ok(back())
}

async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    people::remove(&app, &viewer, &name).await?;
    Ok(back())
}
