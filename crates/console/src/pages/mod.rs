//! The pages: a file for each, with its template in `templates/`.
//!
//! A page is made whole by the server and works without a script; `assets/orgtap.js` only asks for
//! it again and takes over what is marked as live.

mod chart;
mod connector;
mod connectors;
mod form;
mod heat;
mod help;
mod insights;
mod row;
mod status;
mod test;
mod words;

mod account;
mod audit;
mod people;
mod sign_in;
mod tokens;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};

use crate::app::App;

/// Addresses of all pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(async || Redirect::to("/status")))
        .route("/status", get(status::page))
        .route("/status.csv", get(status::csv))
        .route("/connectors", get(connectors::page).post(form::add))
        .route("/connectors/new", get(form::new))
        .route("/connectors/{name}", get(connector::page).post(form::change))
        .route("/connectors/{name}/edit", get(form::edit))
        .route("/connectors/{name}/remove", get(connectors::confirm).post(connectors::remove))
        .route("/connectors/{name}/pause", post(connectors::pause))
        .route("/connectors/{name}/resume", post(connectors::resume))
        .route("/connectors/{name}/collect", post(connectors::collect))
        .route("/connectors/{name}/test", post(connectors::test))
        .route("/connectors/{name}/letters/replay", post(connectors::replay_all))
        .route("/connectors/{name}/letters/{letter}/replay", post(connectors::replay))
        .route("/connectors/{name}/letters/{letter}/dismiss", post(connectors::dismiss))
        .route("/insights/monitoring", get(insights::monitoring))
        .route("/insights/security", get(insights::security))
        .route("/insights/user/{user}", get(insights::user))
        .route("/help/{code}", get(help::page))
        .merge(door())
}

/// What a page says after something was done, by the word in its address.
fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "saved" => "Saved. Collecting begins at once.",
        "removed" => "Deleted.",
        "paused" => "Paused. What was in hand is finished first.",
        "resumed" => "Resumed.",
        "collecting" => "Looking for new files now.",
        "replayed" => "They will be sent again.",
        "dismissed" => "Closed. The decision is kept with its time.",
        _ => return None,
    })
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

/// The same for a column of moments in UTC.
pub(crate) fn clock(micros: impl std::borrow::Borrow<i64>) -> String {
    moment(micros).replace('T', " ").trim_end_matches('Z').to_owned()
}

/// A moment of the ledger as RFC 3339, to the second.
pub(crate) fn moment(micros: impl std::borrow::Borrow<i64>) -> String {
    let moment = jiff::Timestamp::from_microsecond(*micros.borrow()).unwrap_or_default();
    format!("{moment:.0}")
}
