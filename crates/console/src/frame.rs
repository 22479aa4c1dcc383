//! What every page has around its own: who is looking, where they are, and which version this is.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use crate::assets;
use crate::error::{Error, Result};
use crate::security::{Role, Viewer};

/// The frame of a page: field `frame` of its template.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Who looks at it.
    pub(crate) viewer: Viewer,
    /// The entry of the menu it belongs to, for example `connectors`.
    pub(crate) section: &'static str,
    /// Orgtap's version.
    pub(crate) version: &'static str,
}

impl Frame {
    /// The frame of a page in a section.
    pub(crate) fn new(viewer: Viewer, section: &'static str) -> Self {
        Self { viewer, section, version: env!("CARGO_PKG_VERSION") }
    }

    /// Address of a file in `assets/`, which changes with its content.
    #[expect(clippy::unused_self, reason = "templates call it on the frame")]
    pub(crate) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// Whether the viewer may what operators may.
    pub(crate) fn operates(&self) -> bool {
        self.viewer.role >= Role::Operator
    }

    /// Whether the viewer may what administrators may.
    pub(crate) fn administers(&self) -> bool {
        self.viewer.role >= Role::Administrator
    }
}

/// A page from its template.
pub(crate) fn show(template: &impl Template) -> Result<Response> {
    let html = template.render().map_err(|error| Error::Unexpected(error.to_string()))?;
    Ok(Html(html).into_response())
}
