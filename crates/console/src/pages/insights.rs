//! Insights: the panels of `orgtap_insights`, drawn.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use orgtap_events::time::DAY;
use orgtap_insights as insights;
use orgtap_insights::{Cell as Said, Choice, Kind, OTHERS, Unit};
use orgtap_ledger::ALL_TYPES;
use orgtap_transport::words::{about, bytes, count, counted, duration};
use serde::Deserialize;

use super::chart::{COLOURS, Chart};
use super::words::Moment;
use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::{Frame, show};
use crate::security::Viewer;

/// Rows of a table on a page.
const ROWS: usize = 50;
/// Words of up to so many letters stand in a table whole.
const LONG_WORD: usize = 16;

/// The periods a person chooses from: word, title, days.
const PERIODS: [(&str, &str, i64); 6] = [
    ("1d", "Last 24 hours", 1),
    ("2d", "Last 2 days", 2),
    ("7d", "Last 7 days", 7),
    ("30d", "Last 30 days", 30),
    ("90d", "Last 90 days", 90),
    ("400d", "Last 400 days", 400),
];
/// The period shown first.
const USUAL: &str = "7d";

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    connector: String,
    #[serde(default)]
    period: String,
}

impl Asked {
    fn choice(&self, app: &App) -> Result<Choice> {
        let settings = app.settings();
        let known = settings.connectors.iter().any(|one| one.name == self.connector);
        if !self.connector.is_empty() && !known {
            return Err(Error::no(format!("connector {:?}", self.connector)));
        }
        let connector = known.then(|| self.connector.clone());
        let to = jiff::Timestamp::now().as_microsecond();
        Ok(Choice { connector, from: to - self.days() * DAY, to })
    }

    fn word(&self) -> &str {
        PERIODS.iter().map(|it| it.0).find(|word| *word == self.period).unwrap_or(USUAL)
    }

    fn days(&self) -> i64 {
        PERIODS.iter().find(|it| it.0 == self.word()).map_or(7, |it| it.2)
    }

    /// The same as a query, for links that keep it.
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("connector", &self.connector).append_pair("period", self.word());
        query.finish()
    }
}

#[derive(Template)]
#[template(path = "insights.html")]
struct InsightsPage {
    frame: Frame,
    heading: String,
    about: String,
    connectors: Vec<(String, bool)>,
    periods: Vec<(&'static str, &'static str, bool)>,
    panels: Vec<Panel>,
}

/// A panel as it is drawn.
struct Panel {
    id: &'static str,
    title: &'static str,
    question: &'static str,
    wide: bool,
    body: Body,
    note: Option<String>,
    needs: Vec<insights::Need>,
}

enum Body {
    /// There is nothing to show, and why.
    Missing(String),
    Figures(Vec<Figure>),
    Chart {
        chart: Chart,
        table: Table,
    },
    Table(Table),
}

struct Figure {
    label: String,
    value: String,
    change: Option<String>,
}

struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

struct Column {
    title: String,
    is_number: bool,
}

struct Cell {
    text: String,
    /// How it is set: `num`, a number; `when`, a time; `break`, lines may end inside its words, of which
    /// one is too long for a column.
    class: &'static str,
    link: Option<String>,
    /// Per cent of the column's largest number.
    share: Option<i64>,
}

impl Cell {
    /// Its text in pieces, between which a line had better end than within them: words, and parts of
    /// long ones.
    fn pieces(&self) -> Vec<&str> {
        let words = self.text.split_inclusive(' ');
        words.flat_map(|word| if is_long(word) { parts(word) } else { vec![word] }).collect()
    }
}

/// Whether a word, with what white space follows it, is too long to stand in a table whole.
fn is_long(word: &str) -> bool {
    word.trim_end().chars().count() > LONG_WORD
}

/// A word cut after marks and before capitals.
fn parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut before) = (0, None);
    for (at, letter) in word.char_indices() {
        let after_mark = before.is_some_and(|mark| "_@./-?&=".contains(mark));
        let within_name = before.is_some_and(char::is_lowercase) && letter.is_uppercase();
        if after_mark || within_name {
            parts.extend(word.get(start..at));
            start = at;
        }
        before = Some(letter);
    }
    parts.extend(word.get(start..));
    parts
}

/// Monitoring Insights.
pub(super) async fn monitoring(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let page = insights::monitoring(app.rollups(), &asked.choice(&app)?).await?;
    let about = "What is used, by whom, and how it performs. By the time of the events.";
    draw(&app, Frame::new(viewer, "monitoring"), &asked, page, about.to_owned())
}

/// Security Insights.
pub(super) async fn security(
    State(app): State<App>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let page = insights::security(app.rollups(), &asked.choice(&app)?).await?;
    let about =
        "Who signs in, what changed, and who does more than usual. By the time of the events.";
    draw(&app, Frame::new(viewer, "security"), &asked, page, about.to_owned())
}

/// One user's time line.
pub(super) async fn user(
    State(app): State<App>,
    viewer: Viewer,
    Path(user): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let mut page = insights::user_time_line(app.rollups(), &user, &asked.choice(&app)?).await?;
    page.panels.iter_mut().for_each(leave_out);
    let names = app.rollups().user_names(std::slice::from_ref(&user)).await?;
    let who = match names.first() {
        Some((_, name)) => format!("{name} ({user})"),
        None => format!("the user {user}"),
    };
    let about = format!("What {who} did, joined by sign-in, session and request.");
    draw(&app, Frame::new(viewer, "security"), &asked, page, about)
}

/// Takes columns away that tell nothing: there is nothing in them, or one connector in each row.
fn leave_out(panel: &mut insights::Panel) {
    let insights::Body::Table { columns, rows } = &mut panel.body else { return };
    let Some((first, others)) = rows.split_first() else { return };
    let tells: Vec<bool> = (0..columns.len())
        .map(|at| {
            let cell = first.get(at);
            let is_one = others.iter().all(|row| row.get(at) == cell);
            let is_idle = columns[at].title == "Connector" || cell == Some(&Said::None);
            !(is_one && is_idle)
        })
        .collect();
    let mut told = tells.iter();
    columns.retain(|_| told.next() == Some(&true));
    for row in rows {
        let mut told = tells.iter();
        row.retain(|_| told.next() == Some(&true));
    }
}

fn draw(
    app: &App,
    frame: Frame,
    asked: &Asked,
    page: insights::Page,
    about: String,
) -> Result<Response> {
    let settings = app.settings();
    let names = settings.connectors.iter().map(|one| &one.name);
    let connectors = names.map(|name| (name.clone(), *name == asked.connector)).collect();
    let periods = PERIODS.map(|(word, title, _)| (word, title, word == asked.word())).to_vec();
    let query = asked.query();
    let panels = page.panels.into_iter().map(|panel| drawn(panel, &query)).collect();
    show(&InsightsPage {
        frame,
        heading: page.title.to_owned(),
        about,
        connectors,
        periods,
        panels,
    })
}

fn drawn(panel: insights::Panel, query: &str) -> Panel {
    let is_missing = panel.is_without_data();
    let insights::Panel { id, title, question, needs, body, note } = panel;
    let of_all = needs.iter().any(|need| need.event_type == ALL_TYPES);
    let (body, note) = match note {
        _ if is_missing && of_all => (Body::Missing("No events yet.".to_owned()), None),
        Some(note) if is_missing => (Body::Missing(note), None),
        note => (shown(title, body, query), note),
    };
    // What every event has is no need.
    let needs = if of_all { Vec::new() } else { needs };
    let columns = match &body {
        Body::Table(table) => table.columns.len(),
        _ => 0,
    };
    let wide = columns > 5 || matches!(&body, Body::Chart { chart, .. } if chart.lines.len() > 4);
    Panel { id, title, question, wide, body, note, needs }
}

fn shown(title: &str, body: insights::Body, query: &str) -> Body {
    match body {
        insights::Body::Figures { figures } => {
            Body::Figures(figures.into_iter().map(figure).collect())
        }
        insights::Body::Series { unit, step_hours, times, lines } => {
            if lines.is_empty() {
                return Body::Missing("Nothing in this period.".to_owned());
            }
            series(title, unit, step_hours, &times, &lines)
        }
        insights::Body::Table { columns, rows } => Body::Table(table(&columns, rows, query)),
    }
}

fn figure(of: insights::Figure) -> Figure {
    let change = of.before.map(|before| match (of.value - before, before) {
        (0, _) => "as in the period before".to_owned(),
        (change, 0) => format!("+{} (none before)", number(change, of.unit)),
        (change, before) => {
            let sign = if change > 0 { "+" } else { "" };
            let percent = (100.0 * change as f64 / before as f64).round();
            format!("{sign}{percent} % against {} before", number(before, of.unit))
        }
    });
    Figure { label: of.label, value: number(of.value, of.unit), change }
}

fn number(value: i64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        Unit::Milliseconds => duration(value as f64),
        _ => about(value as f64),
    }
}

fn series(title: &str, unit: Unit, step: i64, times: &[String], lines: &[insights::Line]) -> Body {
    let label = |time: &String| {
        let time = Moment::of(time);
        let day = time.exact.get(5..10).unwrap_or_default().to_owned();
        if step < 24 { format!("{day} {}", time.clock()) } else { day }
    };
    let labels: Vec<String> = times.iter().map(label).collect();
    let drawn: Vec<(String, Vec<f64>)> = lines
        .iter()
        .take(COLOURS)
        .map(|line| (line.name.clone(), line.values.iter().map(|value| *value as f64).collect()))
        .collect();
    let total: i64 = lines.iter().flat_map(|line| &line.values).sum();
    let steps = if step < 24 { "hour" } else { "day" };
    let about = format!(
        "{title}: {} by {steps}, {} in all, in {}",
        match unit {
            Unit::Users => "users",
            Unit::Rows => "rows",
            Unit::Bytes => "bytes",
            Unit::Milliseconds => "milliseconds",
            Unit::Events => "events",
        },
        number(total, unit),
        counted(lines.len() as i64, "line")
    );
    let chart = Chart::new(about, &labels, &drawn);
    let mut columns = vec![Column { title: "Time (UTC)".to_owned(), is_number: false }];
    columns.extend(lines.iter().map(|line| Column { title: line.name.clone(), is_number: true }));
    let rows = times.iter().enumerate().map(|(at, time)| {
        let mut row = vec![when(time)];
        row.extend(lines.iter().map(|line| {
            let value = line.values.get(at).copied().unwrap_or_default();
            Cell { class: "num", ..plain(number(value, unit)) }
        }));
        row
    });
    // The newest first, as in every other table.
    let rows = rows.rev().collect();
    Body::Chart { chart, table: Table { columns, rows } }
}

fn plain(text: String) -> Cell {
    let long = text.split_whitespace().any(is_long);
    Cell { text, class: if long { "break" } else { "" }, link: None, share: None }
}

fn when(time: &str) -> Cell {
    Cell { class: "when", ..plain(Moment::of(time).plain()) }
}

fn table(columns: &[insights::Column], rows: Vec<Vec<Said>>, query: &str) -> Table {
    let counted = |kind| matches!(kind, Kind::Count | Kind::Bytes | Kind::Duration | Kind::Percent);
    // The first column of numbers is what the rows are ranked by: it gets bars.
    let ranked = columns.iter().position(|column| matches!(column.kind, Kind::Count | Kind::Bytes));
    let value = |row: &Vec<Said>| match ranked.and_then(|at| row.get(at)) {
        Some(Said::Number(value)) => *value,
        _ => 0,
    };
    let most = rows.iter().map(value).max().unwrap_or_default();
    let rows = rows.into_iter().take(ROWS).map(|row| {
        let share = (most > 0).then(|| 100 * value(&row) / most);
        let cells = row.into_iter().zip(columns).enumerate();
        let cells = cells.map(|(at, (said, column))| {
            let cell = cell(said, column.kind, query);
            let class = if counted(column.kind) { "num" } else { cell.class };
            Cell { share: share.filter(|_| Some(at) == ranked), class, ..cell }
        });
        cells.collect()
    });
    let title = |column: &insights::Column| Column {
        title: column.title.to_owned(),
        is_number: counted(column.kind),
    };
    Table { columns: columns.iter().map(title).collect(), rows: rows.collect() }
}

fn cell(said: Said, kind: Kind, query: &str) -> Cell {
    match said {
        Said::None => plain("–".to_owned()),
        Said::Text(text) if kind == Kind::Time => when(&text),
        Said::Text(text) if text == OTHERS => plain("all others".to_owned()),
        Said::Text(text) => plain(text),
        Said::Number(value) => plain(match kind {
            Kind::Bytes => bytes(value),
            Kind::Duration => duration(value as f64),
            Kind::Percent => format!("{} %", count(value)),
            _ => count(value),
        }),
        Said::User { id, name } => {
            let id_in_address: String =
                id.chars().filter(char::is_ascii_alphanumeric).take(18).collect();
            let link = format!("/insights/user/{id_in_address}?{query}");
            Cell { link: Some(link), ..plain(name.unwrap_or(id)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_after_marks_and_before_the_capitals_of_long_words() {
        for (text, pieces) in [
            ("sarah.brown@acme.example", &["sarah.", "brown@", "acme.", "example"][..]),
            ("LOGIN_CHALLENGE_ISSUED", &["LOGIN_", "CHALLENGE_", "ISSUED"]),
            (
                "ApexSoap 1, MetadataApiOperation 2",
                &["ApexSoap ", "1, ", "Metadata", "Api", "Operation ", "2"],
            ),
            ("größe_der_Übertragung", &["größe_", "der_", "Übertragung"]),
            ("", &[]),
        ] {
            assert_eq!(plain(text.to_owned()).pieces(), pieces);
        }
    }

    #[test]
    fn a_column_with_nothing_or_one_connector_is_left_out() {
        let column = |title| insights::Column { title, kind: Kind::Text };
        let row = |connector: &str| {
            vec![Said::Text("one".to_owned()), Said::None, Said::Text(connector.to_owned())]
        };
        let titles = |rows: Vec<Vec<Said>>| {
            let columns = vec![column("What"), column("Session key"), column("Connector")];
            let body = insights::Body::Table { columns, rows };
            let mut panel = insights::Panel {
                id: "x",
                title: "x",
                question: "x",
                needs: Vec::new(),
                body,
                note: None,
            };
            leave_out(&mut panel);
            let insights::Body::Table { columns, rows } = panel.body else { unreachable!() };
            assert!(rows.iter().all(|row| row.len() == columns.len()));
            columns.iter().map(|column| column.title).collect::<Vec<_>>()
        };
        assert_eq!(titles(vec![row("a"), row("a")]), ["What"]);
        assert_eq!(titles(vec![row("a"), row("b")]), ["What", "Connector"]);
        assert_eq!(titles(vec![]), ["What", "Session key", "Connector"]);
    }
}
