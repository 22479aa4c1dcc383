//! The pages: a file for each, with its templates in `templates/`.

mod account;
mod audit;
mod people;
mod sign_in;
mod tokens;

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;

use crate::app::App;

/// Addresses of all pages.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/", get(async || Redirect::to("/status"))).merge(door())
}

/// Addresses of the pages about who may use the console.
fn door() -> Router<App> {
    Router::new()
        .merge(sign_in::routes())
        .merge(account::routes())
        .merge(people::routes())
        .merge(tokens::routes())
        .merge(audit::routes())
}

/// A moment of the ledger as RFC 3339, to the second.
pub(crate) fn moment(micros: impl std::borrow::Borrow<i64>) -> String {
    let moment = jiff::Timestamp::from_microsecond(*micros.borrow()).unwrap_or_default();
    format!("{moment:.0}")
}
