//! The audit log, and its export.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use http::header;
use orgtap_ledger::AuditEntry;
use serde::Deserialize;

use super::moment;
use super::status::quoted;
use crate::app::App;
use crate::error::Result;
use crate::frame::{Frame, show};
use crate::security::{Role, Viewer};

/// Lines of a page.
const PAGE: u32 = 100;
/// Lines read at a time for the export.
const PIECE: u32 = 1_000;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/audit", get(page)).route("/audit.csv", get(export))
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    entries: Vec<AuditEntry>,
    /// Where the next page begins.
    next: Option<i64>,
}

#[derive(Deserialize)]
struct Before {
    before: Option<i64>,
}

async fn page(
    State(app): State<App>,
    viewer: Viewer,
    Query(Before { before }): Query<Before>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    let entries = app.door().audit(before, PAGE).await?;
    let is_full = entries.len() == PAGE as usize;
    let next = entries.last().map(|entry| entry.id).filter(|_| is_full);
    show(&AuditPage { frame: Frame::new(viewer, "audit"), entries, next })
}

/// All of it, read in pieces while it is sent.
async fn export(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    viewer.did("audit.export", "");
    let pieces = stream::try_unfold((app, None, true), async |(app, before, first)| {
        let entries = app.door().audit(before, PIECE).await.map_err(std::io::Error::other)?;
        let mut text = String::new();
        if first {
            text.push_str("time,who,token,address,action,subject,outcome\r\n");
        }
        let Some(last) = entries.last().map(|entry| entry.id) else {
            return Ok::<_, std::io::Error>(first.then_some((text, (app, Some(0), false))));
        };
        for entry in &entries {
            line(entry, &mut text);
        }
        Ok(Some((text, (app, Some(last), false))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"orgtap-audit.csv\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

fn line(entry: &AuditEntry, text: &mut String) {
    let AuditEntry { id: _, at, who, token, address, action, subject, outcome } = entry;
    let time = moment(*at);
    let token = token.as_deref().unwrap_or_default();
    let fields = [&time, who.as_str(), token, address, action, subject, outcome];
    for (index, field) in fields.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&quoted(field));
    }
    text.push_str("\r\n");
}
