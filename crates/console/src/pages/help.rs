//! What a code means: cause and remedy, as `orgtap explain` says them.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::app::{App, Explanation};
use crate::error::{Error, Result};
use crate::frame::{Frame, show};
use crate::security::Viewer;

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage {
    frame: Frame,
    code: String,
    meanings: Vec<Explanation>,
}

/// The page of a code.
pub(super) async fn page(
    State(app): State<App>,
    viewer: Viewer,
    Path(code): Path<String>,
) -> Result<Response> {
    let code = code.to_ascii_uppercase();
    let meanings: Vec<Explanation> =
        app.explanations().iter().filter(|it| it.code == code).cloned().collect();
    if meanings.is_empty() {
        return Err(Error::no("code of that name"));
    }
    show(&HelpPage { frame: Frame::new(viewer, "help"), code, meanings })
}
