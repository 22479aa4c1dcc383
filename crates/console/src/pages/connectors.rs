//! The list of connectors, and what is done with one of them at a press of a button.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, header};
use orgtap_ledger::LetterId;
use serde::Deserialize;

use super::row::Row;
use super::{done, status};
use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::{Frame, show};
use crate::security::{Role, Viewer};
use crate::{letters, testing};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "connectors.html")]
struct ConnectorsPage {
    frame: Frame,
    done: Option<&'static str>,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "remove.html")]
struct RemovePage {
    frame: Frame,
    name: String,
}

/// The list.
pub(super) async fn page(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let rows = status::rows(&app).await?;
    let done = asked.done.as_deref().and_then(done);
    show(&ConnectorsPage { frame: Frame::new(viewer, "connectors"), done, rows })
}

/// Asks whether it is meant.
pub(super) async fn confirm(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    if !app.fleet().form_of(&name)?.is_saved {
        return Err(Error::ReadOnly { name });
    }
    show(&RemovePage { frame: Frame::new(viewer, "connectors"), name })
}

/// Removes a connector.
pub(super) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    viewer.did("connector.remove", &name);
    app.fleet().remove(&name).await?;
    Ok(Redirect::to("/connectors?done=removed").into_response())
}

/// Has a connector rest.
pub(super) async fn pause(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    viewer.may(Role::Operator)?;
    viewer.did("connector.pause", &name);
    app.fleet().pause(&name, Some(&viewer.name), None).await?;
    Ok(back(&name, "paused"))
}

/// Ends its rest.
pub(super) async fn resume(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    viewer.may(Role::Operator)?;
    viewer.did("connector.resume", &name);
    app.fleet().resume(&name).await?;
    Ok(back(&name, "resumed"))
}

/// Has it look for new files at once.
pub(super) async fn collect(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    viewer.may(Role::Operator)?;
    viewer.did("connector.collect", &name);
    app.fleet().collect_now(&name).await?;
    Ok(back(&name, "collecting"))
}

/// Tests it: for the script line by line; without one, the page comes when the test has ended.
pub(super) async fn test(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    viewer.may(Role::Operator)?;
    app.fleet().form_of(&name)?;
    viewer.did("connector.test", &name);
    if headers.get(header::ACCEPT).is_some_and(|wanted| wanted == testing::NDJSON) {
        return testing::stream(app, name);
    }
    testing::whole(&app, &name).await?;
    Ok(Redirect::to(&format!("/connectors/{name}/edit")).into_response())
}

/// Replays all open dead letters of a connector.
pub(super) async fn replay_all(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
) -> Result<Response> {
    letters::replay_all(&app, &viewer, &name).await?;
    Ok(back(&name, "replayed"))
}

/// Replays one.
pub(super) async fn replay(
    State(app): State<App>,
    viewer: Viewer,
    Path((name, letter)): Path<(String, LetterId)>,
) -> Result<Response> {
    letters::replay(&app, &viewer, &name, letter).await?;
    Ok(back(&name, "replayed"))
}

/// Closes one for good.
pub(super) async fn dismiss(
    State(app): State<App>,
    viewer: Viewer,
    Path((name, letter)): Path<(String, LetterId)>,
) -> Result<Response> {
    letters::dismiss(&app, &viewer, &name, letter).await?;
    Ok(back(&name, "dismissed"))
}

fn back(name: &str, done: &str) -> Response {
    Redirect::to(&format!("/connectors/{name}?done={done}")).into_response()
}
