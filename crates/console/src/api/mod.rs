//! The JSON API: what programs can do, which is what the pages can do.

mod problem;

use axum::Router;

pub(crate) use problem::ProblemBody;

use crate::app::App;

/// Addresses of all calls, below `/api/v1`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
}
