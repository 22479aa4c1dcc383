//! How connectors are doing, how complete they are, and what is under way.

use axum::Json;
use axum::extract::State;
use orgtap_collector::{ConnectorStatus, Period, Record, Status, completeness as record};
use orgtap_events::time::DAY;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::read::{Asked, Named};
use crate::app::App;
use crate::error::{Error, Result};
use crate::security::Viewer;

/// Days of a completeness record that is asked for without a range.
const USUAL: i64 = 7;
/// Most days of one.
const LONGEST: i64 = 400;
/// Most units in one answer.
const MOST: usize = 1_000;

/// The status of all connectors
///
/// As `orgtap status --json` prints it.
#[utoipa::path(get, path = "/status", tag = "status",
    responses((status = 200, description = "All of them", body = Status)))]
pub(super) async fn all(State(app): State<App>, _: Viewer) -> Result<Json<Status>> {
    Ok(Json(app.fleet().status().await?))
}

/// The status of one connector
#[utoipa::path(get, path = "/connectors/{name}/status", tag = "status",
    params(("name" = String, Path, description = "The connector")),
    responses((status = 200, description = "Its status", body = ConnectorStatus)))]
pub(super) async fn one(
    State(app): State<App>,
    _: Viewer,
    Named(name): Named<String>,
) -> Result<Json<ConnectorStatus>> {
    let found = app.fleet().status().await?.connectors.into_iter();
    let found = found.into_iter().find(|one| one.connector == name);
    found.map(Json).ok_or_else(|| no_connector(&name))
}

pub(super) fn no_connector(name: &str) -> Error {
    Error::no(format!("connector {name:?}"))
}

/// A range of log dates.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// From this date or RFC 3339 time on. Default: a week before `to`.
    pub(super) from: Option<String>,
    /// Before this one. Default: now.
    pub(super) to: Option<String>,
}

impl Range {
    /// From when to when, microseconds since 1970, and now.
    pub(super) fn read(&self) -> Result<Period> {
        let now = jiff::Timestamp::now().as_microsecond();
        let to = moment("to", self.to.as_deref())?.unwrap_or(now);
        let from = moment("from", self.from.as_deref())?.unwrap_or(to - USUAL * DAY);
        if from >= to || to - from > LONGEST * DAY {
            let message = format!("from must be before to, by {LONGEST} days at most");
            return Err(Error::unusable(message));
        }
        Ok(Period { from, to, now })
    }
}

fn moment(key: &str, text: Option<&str>) -> Result<Option<i64>> {
    let read = text.map(orgtap_events::time::moment).transpose();
    let read = read.map_err(|form| Error::unusable(format!("{key}: {form}")))?;
    Ok(read.map(jiff::Timestamp::as_microsecond))
}

/// What is delivered and what is missing, by event type and hour
#[utoipa::path(get, path = "/connectors/{name}/completeness", tag = "status",
    params(("name" = String, Path, description = "The connector"), Range),
    responses((status = 200, description = "The record", body = Record)))]
pub(super) async fn completeness(
    State(app): State<App>,
    _: Viewer,
    Named(name): Named<String>,
    Asked(range): Asked<Range>,
) -> Result<Json<Record>> {
    let period = range.read()?;
    let connector = app.fleet().connector(&name).ok_or_else(|| no_connector(&name))?;
    Ok(Json(record(&**app.ledger(), &connector, period, |_| true).await?))
}

/// How many to answer.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Limit {
    /// At most so many, 1 to 1000. Default: 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl Limit {
    pub(super) fn read(&self) -> Result<usize> {
        let limit = self.limit.unwrap_or(100);
        if !(1..=MOST).contains(&limit) {
            return Err(Error::unusable(format!("limit is 1 to {MOST}")));
        }
        Ok(limit)
    }
}

/// A log file on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InFlight {
    /// The org's id of the file.
    log_file_id: String,
    event_type: String,
    /// `Hourly` or `Daily`.
    interval: String,
    /// Start of its hour or day, RFC 3339.
    log_date: String,
    /// Bytes the org says it has.
    length: i64,
    /// `listed`, `fetched` or `admitted`.
    state: &'static str,
    /// Rows, once they are counted.
    rows: i64,
    /// Failed tries since the last step.
    attempts: i64,
    /// Destinations that do not have all of it.
    waiting: Vec<Waiting>,
}

/// How much of a file a destination has.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Waiting {
    destination: String,
    /// Rows it has.
    position: i64,
}

/// Log files on their way
#[utoipa::path(get, path = "/connectors/{name}/work", tag = "status",
    params(("name" = String, Path, description = "The connector"), Limit),
    responses((status = 200, description = "Those found first", body = Vec<InFlight>)))]
pub(super) async fn work(
    State(app): State<App>,
    _: Viewer,
    Named(name): Named<String>,
    Asked(limit): Asked<Limit>,
) -> Result<Json<Vec<InFlight>>> {
    let limit = limit.read()?;
    app.fleet().connector(&name).ok_or_else(|| no_connector(&name))?;
    let units = app.ledger().at_work(&name, limit).await?;
    let shown = units.into_iter().map(|(unit, deliveries)| InFlight {
        log_file_id: unit.listed.log_file_id,
        event_type: unit.listed.lane.event_type,
        interval: unit.listed.interval,
        log_date: orgtap_events::time::rfc3339(unit.listed.log_date),
        length: unit.listed.length,
        state: unit.state.name(),
        rows: unit.rows,
        attempts: unit.attempts,
        waiting: deliveries
            .into_iter()
            .filter(|delivery| !delivery.done)
            .map(|delivery| Waiting {
                destination: delivery.destination,
                position: delivery.position,
            })
            .collect(),
    });
    Ok(Json(shown.collect()))
}
