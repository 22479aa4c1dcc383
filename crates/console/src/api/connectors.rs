//! Connectors: added, changed, removed, paused, tested.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderName, StatusCode};
use orgtap_collector::config::NewConnector;
use orgtap_collector::{Form, FormError, FormShown, Removed};
use orgtap_transport::SecretRef;
use serde::Deserialize;
use utoipa::ToSchema;

use super::read::{Given, Named};
use crate::app::App;
use crate::error::{Error, Result};
use crate::security::{Role, Viewer};
use crate::testing;

/// A connector as it is written down.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// The keys of a connector in the configuration file, without secrets: `name`, `instance_url`,
    /// `auth`, `salesforce_user`, `description`, `destinations` and the others.
    connector: NewConnector,
    /// Secrets by their keys: a text goes into the vault; a key that is not there keeps the secret
    /// there is, which is refused where the org's host changes; `{"env": ..}`, `{"file": ..}` and
    /// `{"command": [..]}` are written down as they are.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    secrets: BTreeMap<String, SecretRef>,
    /// Keys of secrets that shall not be there any longer.
    #[serde(default)]
    forget: BTreeSet<String>,
}

/// A word why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// Shown beside the state, at most 200 letters.
    note: Option<String>,
}

/// All connectors
#[utoipa::path(get, path = "/connectors", tag = "connectors",
    responses((status = 200, description = "Each as it is written down, without secrets", body = Vec<FormShown>)))]
pub(super) async fn all(State(app): State<App>, _: Viewer) -> Result<Json<Vec<FormShown>>> {
    let settings = app.settings();
    let shown = settings.connectors.iter().map(|one| app.fleet().form_of(&one.name));
    Ok(Json(shown.collect::<Result<_, _>>()?))
}

/// Adds a connector
///
/// It is collected from at once. Connectors are tested by a call of their own.
#[utoipa::path(post, path = "/connectors", tag = "connectors", request_body = Written,
    responses((status = 201, description = "Added", body = FormShown)))]
pub(super) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Given(written): Given<Written>,
) -> Result<(StatusCode, Json<FormShown>)> {
    viewer.may(Role::Administrator)?;
    viewer.did("connector.add", &written.connector.name);
    Ok((StatusCode::CREATED, Json(save(&app, written, true, None).await?)))
}

/// One connector
#[utoipa::path(get, path = "/connectors/{name}", tag = "connectors",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "As it is written down, without secrets; its ETag is for If-Match", body = FormShown)))]
pub(super) async fn one(
    State(app): State<App>,
    _: Viewer,
    Named(name): Named<String>,
) -> Result<([(HeaderName, String); 1], Json<FormShown>)> {
    let shown = app.fleet().form_of(&name)?;
    Ok(([(ETAG, format!("\"{}\"", shown.version()))], Json(shown)))
}

/// Changes a connector
///
/// The whole connector is written anew; secrets that are not given stay. With `If-Match`, it is
/// refused if somebody has changed the connector since it was asked for.
#[utoipa::path(put, path = "/connectors/{name}", tag = "connectors", request_body = Written,
    params(
        ("name" = String, Path, description = "The connector"),
        ("If-Match" = Option<String>, Header, description = "The ETag it had when it was asked for")
    ),
    responses((status = 200, description = "Changed", body = FormShown)))]
pub(super) async fn replace(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
    headers: HeaderMap,
    Given(written): Given<Written>,
) -> Result<Json<FormShown>> {
    viewer.may(Role::Administrator)?;
    if written.connector.name != name {
        return Err(Error::unusable("connector.name: a connector keeps its name"));
    }
    viewer.did("connector.change", &name);
    let version = headers.get(IF_MATCH).map(|tag| tag.to_str().unwrap_or_default().trim());
    let version = version.filter(|tag| *tag != "*").map(|tag| tag.trim_matches('"'));
    Ok(Json(save(&app, written, false, version).await?))
}

/// `version` is what the connector must still be.
async fn save(
    app: &App,
    written: Written,
    is_new: bool,
    version: Option<&str>,
) -> Result<FormShown> {
    let Written { connector, secrets, forget } = written;
    let form = Form { connector, secrets, forget, is_new };
    let saved = match version {
        Some(version) => app.fleet().save_over(version, form).await,
        None => app.fleet().save(form).await.map(Some),
    };
    match saved {
        Ok(Some(shown)) => Ok(shown),
        Ok(None) => Err(Error::conflict(
            "the connector was changed since it was asked for; ask for it again",
        )),
        Err(FormError::Other(error)) => Err(error.into()),
        Err(FormError::Fields(faults)) => {
            let told = faults.iter().map(|fault| {
                let key = if fault.key.is_empty() { "connector" } else { &fault.key };
                format!("{key}: {}; {}", fault.message, fault.remedy)
            });
            Err(Error::unusable(told.collect::<Vec<_>>().join(". ")))
        }
    }
}

/// Removes a connector
///
/// With its settings and secrets. What was delivered stays, and so does the record of it.
#[utoipa::path(delete, path = "/connectors/{name}", tag = "connectors",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "Removed, and what stays", body = Removed)))]
pub(super) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
) -> Result<Json<Removed>> {
    viewer.may(Role::Administrator)?;
    viewer.did("connector.remove", &name);
    Ok(Json(app.fleet().remove(&name).await?))
}

/// Pauses a connector
#[utoipa::path(post, path = "/connectors/{name}/pause", tag = "connectors", request_body = Why,
    params(("name" = String, Path, description = "The connector")),
    responses((status = 204, description = "Paused")))]
pub(super) async fn pause(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
    Given(Why { note }): Given<Why>,
) -> Result<StatusCode> {
    viewer.may(Role::Operator)?;
    let plain = |note: &String| note.chars().count() <= 200 && !note.chars().any(char::is_control);
    if !note.as_ref().is_none_or(plain) {
        return Err(Error::unusable("note: one line of at most 200 letters"));
    }
    viewer.did("connector.pause", &name);
    app.fleet().pause(&name, Some(&viewer.name), note.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a connector's pause
#[utoipa::path(post, path = "/connectors/{name}/resume", tag = "connectors",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 204, description = "Resumed")))]
pub(super) async fn resume(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
) -> Result<StatusCode> {
    viewer.may(Role::Operator)?;
    viewer.did("connector.resume", &name);
    app.fleet().resume(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks for new files at once
#[utoipa::path(post, path = "/connectors/{name}/collect", tag = "connectors",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 202, description = "It looks")))]
pub(super) async fn collect(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
) -> Result<StatusCode> {
    viewer.may(Role::Operator)?;
    viewer.did("connector.collect", &name);
    app.fleet().collect_now(&name).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Tests a connector
///
/// Answers a line of JSON for everything that happens: `event` is `began`, `found`, `ended`, and of
/// the last line `report`, or `failed` if there cannot be one. While a test of the connector is under
/// way, another one is refused with 409.
#[utoipa::path(post, path = "/connectors/{name}/test", tag = "connectors",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "The test as it goes", body = String,
               content_type = "application/x-ndjson")))]
pub(super) async fn test(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
) -> Result<Response> {
    viewer.may(Role::Operator)?;
    app.fleet().form_of(&name)?;
    viewer.did("connector.test", &name);
    testing::stream(app, name)
}
