//! The pages: a file for each, with its templates in `templates/`.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use crate::app::App;

/// Addresses of all pages.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(async || Redirect::to("/connectors")))
}
