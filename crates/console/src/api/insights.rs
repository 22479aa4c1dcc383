//! Insights as data.

use axum::Json;
use axum::extract::State;
use orgtap_insights::{self as insights, Choice, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use super::read::{Asked, Named};
use super::status::{Range, no_connector};
use crate::app::App;
use crate::error::{Error, Result};
use crate::security::Viewer;

/// Of which connector.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Of {
    /// One connector. Default: all together.
    connector: Option<String>,
    /// From this date or RFC 3339 time on. Default: a week before `to`.
    from: Option<String>,
    /// Before this one. Default: now.
    to: Option<String>,
}

impl Of {
    fn choice(self, app: &App) -> Result<Choice> {
        let Self { connector, from, to } = self;
        if let Some(name) = &connector {
            app.fleet().connector(name).ok_or_else(|| no_connector(name))?;
        }
        let period = Range { from, to }.read()?;
        Ok(Choice { connector, from: period.from, to: period.to })
    }
}

/// How the org is used
#[utoipa::path(get, path = "/insights/monitoring", tag = "insights", params(Of),
    responses((status = 200, description = "Panels", body = Page)))]
pub(super) async fn monitoring(
    State(app): State<App>,
    _: Viewer,
    Asked(of): Asked<Of>,
) -> Result<Json<Page>> {
    Ok(Json(insights::monitoring(app.rollups(), &of.choice(&app)?).await?))
}

/// How people and programs behave
#[utoipa::path(get, path = "/insights/security", tag = "insights", params(Of),
    responses((status = 200, description = "Panels", body = Page)))]
pub(super) async fn security(
    State(app): State<App>,
    _: Viewer,
    Asked(of): Asked<Of>,
) -> Result<Json<Page>> {
    Ok(Json(insights::security(app.rollups(), &of.choice(&app)?).await?))
}

/// One user's time line
#[utoipa::path(get, path = "/insights/users/{user}", tag = "insights",
    params(("user" = String, Path, description = "The user's id, 15 or 18 characters"), Of),
    responses((status = 200, description = "Panels", body = Page)))]
pub(super) async fn user(
    State(app): State<App>,
    _: Viewer,
    Named(user): Named<String>,
    Asked(of): Asked<Of>,
) -> Result<Json<Page>> {
    if !matches!(user.len(), 15 | 18) || !user.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::unusable("user: an id has 15 or 18 letters and digits"));
    }
    Ok(Json(insights::user_time_line(app.rollups(), &user, &of.choice(&app)?).await?))
}
