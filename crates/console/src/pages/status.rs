//! Collection Status: one row per source, filtered, and the same as CSV.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::header;
use orgtap_collector::ConnectorStatus;
use orgtap_transport::words::{count, counted};
use serde::Deserialize;

use super::row::{Row, Shown};
use crate::app::App;
use crate::error::Result;
use crate::frame::{Frame, show};
use crate::security::Viewer;

/// Rows on one page.
const ROWS: usize = 100;
/// Longest search text that is looked for, characters.
const LONGEST: usize = 200;

/// What is asked for.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    page: usize,
}

/// What is asked for, as the page repeats it.
struct Filter {
    text: String,
    state: String,
    /// The same as a query, without the page.
    query: String,
}

impl Filter {
    fn of(asked: &Asked) -> Self {
        let text: String = asked.q.trim().chars().take(LONGEST).collect();
        let state = asked.state.clone();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in [("q", &text), ("state", &state)] {
            if !value.is_empty() {
                query.append_pair(key, value);
            }
        }
        let query = query.finish();
        Self { text, state, query }
    }

    fn states(&self) -> Vec<(&'static str, bool)> {
        Shown::ALL.iter().map(|state| (state.word(), state.word() == self.state)).collect()
    }

    fn admits(&self, row: &Row) -> bool {
        let state = self.state.is_empty() || row.state.word() == self.state;
        state && self.text.split_whitespace().all(|word| row.matches(word))
    }
}

/// A page of the list.
struct Page {
    number: usize,
    query: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    frame: Frame,
    filter: Filter,
    rows: Vec<Row>,
    total: usize,
    summary: String,
    pages: Vec<Page>,
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let filter = Filter::of(&asked);
    let all = rows(&app).await?;
    let total = all.len();
    let mut rows: Vec<Row> = all.into_iter().filter(|row| filter.admits(row)).collect();
    let summary = summary(&rows);
    let last = rows.len().div_ceil(ROWS).max(1);
    let current = asked.page.clamp(1, last);
    let pages = (1..=last)
        .map(|number| Page {
            number,
            query: format!("{}&page={number}", filter.query),
            current: number == current,
        })
        .collect();
    rows.drain(..(current - 1) * ROWS);
    rows.truncate(ROWS);
    show(&StatusPage { frame: Frame::new(viewer, "status"), filter, rows, total, summary, pages })
}

/// All connectors with their status, by name.
pub(super) async fn rows(app: &App) -> Result<Vec<Row>> {
    let settings = app.settings();
    let mut status: HashMap<String, ConnectorStatus> = app
        .fleet()
        .status()
        .await?
        .connectors
        .into_iter()
        .map(|one| (one.connector.clone(), one))
        .collect();
    let known = settings.connectors.iter().filter_map(|one| {
        // One that was saved a moment ago is on the next page.
        Some(Row::of(one, status.remove(&one.name)?, app.rates().of(&one.name)))
    });
    let mut rows: Vec<Row> = known.collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

fn summary(rows: &[Row]) -> String {
    let states = Shown::ALL.iter().filter_map(|state| {
        let number = rows.iter().filter(|row| row.state == *state).count();
        (number > 0).then(|| format!("{} {}", count(number as i64), state.word()))
    });
    let states: Vec<String> = states.collect();
    format!("{}: {}", counted(rows.len() as i64, "source"), states.join(", "))
}

/// The rows as CSV, in the page's columns.
pub(super) async fn csv(
    State(app): State<App>,
    _: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let filter = Filter::of(&asked);
    let mut text = String::from(
        "Source,Description,Event types,Stream,Status,Reason,Total Records,Bytes,Last poll,\
         Newest file,Delivered,Waiting files,Gaps,Lost files,Disputed files,Dead letters\r\n",
    );
    for row in rows(&app).await?.iter().filter(|row| filter.admits(row)) {
        let status = &row.status;
        let types: Vec<&str> = status.event_types.keys().map(String::as_str).collect();
        let delivered: Vec<String> = status
            .destinations
            .iter()
            .map(|one| format!("{}={}", one.destination, one.delivered))
            .collect();
        let waiting: i64 = status.destinations.iter().map(|one| one.waiting).sum();
        let cells = [
            row.name.clone(),
            row.description.clone(),
            types.join(" "),
            format!("Event log files to {}", row.destinations),
            row.state.word().to_owned(),
            row.reason.clone(),
            status.admitted.to_string(),
            status.bytes.to_string(),
            status.last_poll.clone().unwrap_or_default(),
            status.newest_file.clone().unwrap_or_default(),
            delivered.join(" "),
            waiting.to_string(),
            status.gaps.as_ref().map(|gaps| gaps.hours.to_string()).unwrap_or_default(),
            status.lost.to_string(),
            status.disputed.to_string(),
            status.dead_letters.to_string(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    let told = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"collection-status.csv\""),
    ];
    Ok((told, text).into_response())
}

/// A cell of a CSV file. One that a spreadsheet would run as a formula begins with an apostrophe.
pub(super) fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_and_is_no_formula() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }

    #[test]
    fn a_filter_repeats_what_was_asked_and_nothing_else() {
        let asked = Asked { q: " a&b ".into(), state: "Active".into(), page: 7 };
        assert_eq!(Filter::of(&asked).query, "q=a%26b&state=Active");
        assert_eq!(Filter::of(&Asked::default()).query, "");
    }
}
