//! Dead letters: shown, replayed, dismissed.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use orgtap_events::time::rfc3339;
use orgtap_ledger::{Letter, LetterChoice, LetterId};
use serde::Serialize;
use utoipa::ToSchema;

use super::read::{Asked, Named};
use super::status::{Limit, no_connector};
use crate::app::App;
use crate::error::Result;
use crate::letters;
use crate::security::Viewer;

/// A row or a file that was set aside.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetter {
    id: LetterId,
    event_type: String,
    log_file_id: String,
    /// The row, from 0; none for a whole file.
    row: Option<i64>,
    /// Who refused it; none if it cannot be read.
    destination: Option<String>,
    /// Stable code.
    code: String,
    reason: String,
    /// When, RFC 3339.
    at: String,
    /// Whether a replay waits.
    replay: bool,
}

impl From<Letter> for DeadLetter {
    fn from(found: Letter) -> Self {
        let Letter { id, listed, letter, asked, .. } = found;
        Self {
            id,
            event_type: listed.lane.event_type,
            log_file_id: listed.log_file_id,
            row: letter.row,
            destination: letter.destination,
            code: letter.code,
            reason: letter.reason,
            at: rfc3339(letter.at),
            replay: asked,
        }
    }
}

/// How many were chosen.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Chosen {
    dead_letters: usize,
}

/// Open dead letters
#[utoipa::path(get, path = "/connectors/{name}/dead-letters", tag = "dead letters",
    params(("name" = String, Path, description = "The connector"), Limit),
    responses((status = 200, description = "The newest", body = Vec<DeadLetter>)))]
pub(super) async fn all(
    State(app): State<App>,
    _: Viewer,
    Named(name): Named<String>,
    Asked(limit): Asked<Limit>,
) -> Result<Json<Vec<DeadLetter>>> {
    let limit = limit.read()?;
    app.fleet().connector(&name).ok_or_else(|| no_connector(&name))?;
    let found = app.ledger().letters(&LetterChoice::of(&name), limit).await?;
    Ok(Json(found.into_iter().map(DeadLetter::from).collect()))
}

/// Replays all open dead letters
#[utoipa::path(post, path = "/connectors/{name}/dead-letters/replay", tag = "dead letters",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 202, description = "They will be sent again", body = Chosen)))]
pub(super) async fn replay_all(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
) -> Result<(StatusCode, Json<Chosen>)> {
    let dead_letters = letters::replay_all(&app, &viewer, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(Chosen { dead_letters })))
}

/// Replays a dead letter
#[utoipa::path(post, path = "/connectors/{name}/dead-letters/{id}/replay", tag = "dead letters",
    params(("name" = String, Path, description = "The connector"),
           ("id" = i64, Path, description = "The dead letter")),
    responses((status = 202, description = "It will be sent again")))]
pub(super) async fn replay(
    State(app): State<App>,
    viewer: Viewer,
    Named((name, id)): Named<(String, LetterId)>,
) -> Result<StatusCode> {
    letters::replay(&app, &viewer, &name, id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Dismisses a dead letter for good
#[utoipa::path(post, path = "/connectors/{name}/dead-letters/{id}/dismiss", tag = "dead letters",
    params(("name" = String, Path, description = "The connector"),
           ("id" = i64, Path, description = "The dead letter")),
    responses((status = 204, description = "Closed; the decision is kept")))]
pub(super) async fn dismiss(
    State(app): State<App>,
    viewer: Viewer,
    Named((name, id)): Named<(String, LetterId)>,
) -> Result<StatusCode> {
    letters::dismiss(&app, &viewer, &name, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
