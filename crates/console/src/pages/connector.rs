//! The page of one connector: how it is doing, how complete it is, what is under way and what was
//! set aside.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use orgtap_collector::RecentErrorStatus;
use orgtap_ledger::unit::State as UnitState;
use orgtap_ledger::{Delivery, Letter, LetterChoice, Unit};
use orgtap_transport::words::{bytes, count, counted, span};
use serde::Deserialize;

use super::heat::{Explained, Heat};
use super::row::{Delivered, Row, Trouble};
use super::words::Moment;
use super::{done, status};
use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::{Frame, show};
use crate::security::Viewer;

/// Files in flight, and dead letters, shown on the page.
const SHOWN: usize = 25;

/// What is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    day: Option<String>,
    cell: Option<String>,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "connector.html")]
struct ConnectorPage {
    frame: Frame,
    done: Option<&'static str>,
    row: Row,
    problem: Option<Trouble>,
    facts: Vec<Labelled>,
    destinations: Vec<Destination>,
    heat: Heat,
    cell: Option<Explained>,
    work: Vec<Work>,
    work_words: String,
    letters: Vec<Shown>,
    letters_words: String,
    errors: Vec<Met>,
    types: Vec<(String, String)>,
}

struct Labelled {
    label: &'static str,
    value: Fact,
}

enum Fact {
    Text(String),
    When(Moment),
}

struct Destination {
    row: Delivered,
    kind: &'static str,
    promise: &'static str,
}

/// A file on its way.
struct Work {
    title: String,
    log_file: String,
    stage: &'static str,
    size: String,
    /// Destination, per cent, and the same in words.
    progress: Vec<(String, i64, String)>,
    trouble: Option<Trouble>,
    /// When it is tried again: `in 3 min`.
    again: Option<String>,
}

/// An error met lately.
struct Met {
    at: Moment,
    /// How often, and since when: `7 times since 2026-11-25 14:05`; once: nothing.
    often: Option<String>,
    destination: Option<String>,
    trouble: Trouble,
}

/// A dead letter.
struct Shown {
    /// Where it is.
    address: String,
    what: String,
    destination: String,
    code: String,
    reason: String,
    at: Moment,
    can_replay: bool,
}

impl Shown {
    fn to(&self, what: &str) -> String {
        format!("{}/{what}", self.address)
    }
}

/// The page.
pub(super) async fn page(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let rows = status::rows(&app).await?;
    let found = rows.into_iter().find(|row| row.name == name);
    let row = found.ok_or_else(|| Error::no(format!("connector {name:?}")))?;
    let (heat, cell) = Heat::of(&app, &name, asked.day.as_deref(), asked.cell.as_deref()).await?;
    let ledger = app.ledger();
    let now = jiff::Timestamp::now().as_microsecond();
    let work = ledger.at_work(&name, SHOWN).await?;
    let choice = LetterChoice::of(&name);
    let letters = ledger.letters(&choice, SHOWN).await?;
    let on_their_way = |state| row.status.units.get(state).copied().unwrap_or_default();
    let all: i64 = ["listed", "fetched", "admitted"].map(on_their_way).iter().sum();
    let page = ConnectorPage {
        frame: Frame::new(viewer, "status"),
        done: asked.done.as_deref().and_then(done),
        problem: row.status.problem.as_ref().and_then(Trouble::of),
        facts: facts(&row),
        destinations: destinations(&app, &row),
        heat,
        cell,
        work_words: first_of(work.len(), all, "file"),
        work: work.iter().map(|(unit, deliveries)| in_flight(unit, deliveries, now)).collect(),
        letters_words: first_of(letters.len(), row.status.dead_letters, "open dead letter"),
        letters: letters.iter().map(letter).collect(),
        errors: row.status.recent_errors.iter().filter_map(met).collect(),
        types: row
            .status
            .event_types
            .iter()
            .map(|(name, files)| (name.clone(), count(*files)))
            .collect(),
        row,
    };
    show(&page)
}

fn facts(row: &Row) -> Vec<Labelled> {
    let status = &row.status;
    let mut facts = Vec::new();
    let mut add = |label, value| facts.push(Labelled { label, value });
    let moment = |when: &Option<Moment>, never: &str| match when {
        Some(when) => Fact::When(when.clone()),
        None => Fact::Text(never.to_owned()),
    };
    add("Last poll", moment(&row.polled, "never"));
    add("Newest file of the org", moment(&row.newest, "none"));
    add("Bytes of log files", Fact::Text(bytes(status.bytes)));
    add("Repeats dropped", Fact::Text(count(status.repeats)));
    if status.undecodable > 0 {
        add("Rows set aside", Fact::Text(count(status.undecodable)));
    }
    if let Some((used, allowed)) = status.api_usage {
        add("API calls of the org", Fact::Text(format!("{} of {}", count(used), count(allowed))));
    }
    let own: i64 = status.api_calls.values().sum();
    add("Of these ours, today", Fact::Text(count(own)));
    if let Some(org) = &status.org_id {
        add("Org", Fact::Text(org.clone()));
    }
    add("Instance URL", Fact::Text(row.host.clone()));
    add("Signs in by", Fact::Text(row.flow.to_owned()));
    facts
}

fn destinations(app: &App, row: &Row) -> Vec<Destination> {
    let settings = app.settings();
    let of = |one: &Delivered| {
        let configured = settings.destination(&one.name);
        Destination {
            row: one.clone(),
            kind: configured.map_or("no longer configured", |it| it.kind()),
            promise: app.fleet().promise(&one.name).map_or("", |it| it.guarantee.name()),
        }
    };
    row.delivered.iter().map(of).collect()
}

fn met(error: &RecentErrorStatus) -> Option<Met> {
    let since = || Moment::of(&error.since).plain();
    let often = format!("{}, since {} UTC", counted(error.times, "time"), since());
    Some(Met {
        at: Moment::of(&error.at),
        often: (error.times > 1).then_some(often),
        destination: error.destination.clone(),
        trouble: Trouble::of(&error.problem)?,
    })
}

fn first_of(shown: usize, all: i64, noun: &str) -> String {
    if shown as i64 >= all {
        return counted(all, noun);
    }
    format!("The first {shown} of {}", counted(all, noun))
}

fn in_flight(unit: &Unit, deliveries: &[Delivery], now: i64) -> Work {
    let listed = &unit.listed;
    let rows = unit.rows.max(1);
    let open = deliveries.iter().filter(|delivery| !delivery.done);
    let progress = open.clone().map(|delivery| {
        let share = (100 * delivery.position / rows).clamp(0, 100);
        let words = format!("{} of {} rows", count(delivery.position), count(unit.rows));
        (delivery.destination.clone(), share, words)
    });
    let failed = open.clone().find(|delivery| delivery.note.is_some() && delivery.attempts > 0);
    let (note, not_before) = match failed {
        Some(delivery) => (delivery.note.as_deref(), delivery.not_before),
        None => (unit.note.as_deref(), unit.not_before),
    };
    let wait = (not_before - now) / 1_000_000;
    Work {
        title: format!("{} of {} ({})", listed.lane.event_type, period(unit), listed.interval),
        log_file: listed.log_file_id.clone(),
        stage: match unit.state {
            UnitState::Listed => "to be fetched",
            UnitState::Fetched => "to be compared with its lane",
            _ => "being delivered",
        },
        size: bytes(listed.length),
        progress: progress.collect(),
        trouble: note.map(Trouble::of_note),
        again: (note.is_some() && wait > 0).then(|| format!("in {}", span(wait))),
    }
}

/// The day of a daily file, the hour of an hourly one.
fn period(unit: &Unit) -> String {
    let begin = Moment::at(unit.listed.log_date).plain();
    if unit.listed.interval == "Daily" { unit.listed.lane.day.clone() } else { begin }
}

fn letter(found: &Letter) -> Shown {
    let Letter { id, listed, letter, asked, .. } = found;
    let row = letter.row.map_or("whole file".to_owned(), |row| format!("row {}", row + 1));
    Shown {
        address: format!("/connectors/{}/letters/{id}", listed.lane.connector),
        what: format!("{} of {}, {row}", listed.lane.event_type, listed.lane.day),
        destination: letter.destination.clone().unwrap_or_else(|| "none: not readable".to_owned()),
        code: letter.code.clone(),
        reason: if *asked {
            format!("{} (a replay waits)", letter.reason)
        } else {
            letter.reason.clone()
        },
        at: Moment::at(letter.at),
        can_replay: !asked && (letter.destination.is_some() || letter.row.is_none()),
    }
}
