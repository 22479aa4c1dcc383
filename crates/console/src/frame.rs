//! What every page has around its own: who is looking, where they are, and which version this is.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use orgtap_events::time::rfc3339;

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
    /// When the page was made, RFC 3339.
    pub(crate) now: String,
}

/// An entry of the menu.
pub(crate) struct Link {
    /// The [`Frame::section`] it stands for.
    pub(crate) section: &'static str,
    pub(crate) href: &'static str,
    pub(crate) text: &'static str,
    /// Heading of the part that begins with it; empty where none begins.
    pub(crate) begins: &'static str,
}

/// The menu. What follows [`ADMINISTRATION`] is an administrator's.
const LINKS: [Link; 7] = [
    link("status", "/status", "Collection Status", ""),
    link("connectors", "/connectors", "Connectors", ""),
    link("monitoring", "/insights/monitoring", "Monitoring", "Insights"),
    link("security", "/insights/security", "Security", ""),
    link("people", "/people", "People", ADMINISTRATION),
    link("tokens", "/tokens", "API tokens", ""),
    link("audit", "/audit", "Audit log", ""),
];
const ADMINISTRATION: &str = "Administration";

const fn link(
    section: &'static str,
    href: &'static str,
    text: &'static str,
    begins: &'static str,
) -> Link {
    Link { section, href, text, begins }
}

impl Frame {
    /// The frame of a page in a section.
    pub(crate) fn new(viewer: Viewer, section: &'static str) -> Self {
        Self {
            viewer,
            section,
            version: env!("CARGO_PKG_VERSION"),
            now: rfc3339(Timestamp::now().as_microsecond()),
        }
    }

    /// The menu, as far as the viewer's role goes.
    pub(crate) fn links(&self) -> &'static [Link] {
        let end = LINKS.iter().position(|link| link.begins == ADMINISTRATION);
        let end = end.filter(|_| !self.administers()).unwrap_or(LINKS.len());
        LINKS.get(..end).unwrap_or_default()
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
