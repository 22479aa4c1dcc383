//! The record as CSV, for spreadsheets.

use std::collections::BTreeMap;

use orgtap_collector::{HourState, Record};
use orgtap_events::time::rfc3339;

use super::{By, Group, STATES};

/// The first line.
pub(super) fn header(by: Option<By>) -> String {
    if by == Some(By::Hour) {
        return "connector,event_type,hour,state,inferred,files_listed,files_fetched,rows_hourly,\
                rows_daily,delivered,withheld,repeats,missing,late,reissued,rejected,disputed,set_aside,first_listed,\
                last_change,reason,remedy"
            .to_owned();
    }
    let states = STATES.map(HourState::name).join(",");
    let rows = "rows_hourly,rows_daily,withheld,repeats,missing,late";
    format!("connector,event_type,day,{states},first_gap,{rows}")
}

/// The lines of a connector.
pub(super) fn lines(record: &Record, by: Option<By>) -> Vec<String> {
    if by == Some(By::Hour) {
        return hours(record);
    }
    let line = |group: &Group<'_>| {
        let day = group.begin.map_or_else(String::new, rfc3339);
        let mut cells = vec![record.connector.clone(), group.event_type.to_owned(), day];
        cells.extend(STATES.map(|state| group.count(state).to_string()));
        cells.push(group.first_gap().map_or_else(String::new, rfc3339));
        cells.push(group.sum(|hour| hour.rows_hourly).to_string());
        cells.push(group.sum(|hour| hour.rows_daily.unwrap_or_default()).to_string());
        cells.push(group.sum(|hour| hour.withheld.values().sum()).to_string());
        cells.push(group.sum(|hour| hour.repeats).to_string());
        cells.push(group.sum(|hour| hour.missing).to_string());
        cells.push(group.sum(|hour| hour.late).to_string());
        joined(&cells)
    };
    Group::of(record, by).iter().map(line).collect()
}

fn hours(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &record.types {
        for hour in &one.hours {
            lines.push(joined(&[
                record.connector.clone(),
                one.event_type.clone(),
                rfc3339(hour.hour),
                hour.state.name().to_owned(),
                hour.inferred.to_string(),
                hour.files_listed.to_string(),
                hour.files_fetched.to_string(),
                hour.rows_hourly.to_string(),
                hour.rows_daily.map_or_else(String::new, |rows| rows.to_string()),
                by_destination(&hour.delivered),
                by_destination(&hour.withheld),
                hour.repeats.to_string(),
                hour.missing.to_string(),
                hour.late.to_string(),
                hour.reissued.to_string(),
                hour.rejected.to_string(),
                hour.disputed.to_string(),
                hour.set_aside.to_string(),
                hour.first_listed.map_or_else(String::new, rfc3339),
                hour.last_change.map_or_else(String::new, rfc3339),
                hour.reason.clone().unwrap_or_default(),
                hour.remedy.unwrap_or_default().to_owned(),
            ]));
        }
    }
    lines
}

/// Counts with the destinations they are of.
fn by_destination(counts: &BTreeMap<String, u64>) -> String {
    let each: Vec<_> = counts.iter().map(|(name, rows)| format!("{name}={rows}")).collect();
    each.join(" ")
}

/// Cells with a comma, a quote or a line break are quoted.
fn joined(cells: &[String]) -> String {
    let cell = |text: &String| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.clone()
        }
    };
    cells.iter().map(cell).collect::<Vec<_>>().join(",")
}
