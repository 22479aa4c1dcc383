//! The record for a terminal of eighty columns.

use orgtap_collector::{HourState, Record, Until};
use orgtap_events::time::rfc3339;
use orgtap_transport::words::counted;

use super::{By, Group};

/// The record with its answer.
pub(super) fn text(record: &Record, by: Option<By>, until: Option<&Until>) -> String {
    let mut lines = vec![format!("{}, hours by state", record.connector)];
    match by {
        Some(By::Hour) => hours(record, &mut lines),
        by => sums(record, by, &mut lines),
    }
    if record.types.iter().all(|one| one.hours.is_empty()) {
        lines.push("nothing is known of this period".to_owned());
    }
    lines.extend(until.map(answer));
    lines.join("\n")
}

fn sums(record: &Record, by: Option<By>, lines: &mut Vec<String>) {
    let width = if by.is_some() { 22 } else { 33 };
    let day = if by.is_some() { "Day        " } else { "" };
    let name = "Event type";
    lines.push(format!("{day}{name:<width$} complete waiting   gap  lost  first gap"));
    for group in Group::of(record, by) {
        let waiting = group.count(HourState::Expected) + group.count(HourState::Partial);
        let day =
            group.begin.map_or_else(String::new, |day| format!("{} ", cut(&rfc3339(day), 10)));
        let first = group.first_gap().map_or_else(|| "-".to_owned(), hour);
        lines.push(format!(
            "{day}{:<width$} {:>8} {waiting:>7} {:>5} {:>5}  {first}",
            cut(group.event_type, width),
            group.count(HourState::Complete),
            group.count(HourState::Gap),
            group.count(HourState::Lost),
        ));
    }
    reasons(record, lines);
}

/// Why there are gaps: each reason once, with how many hours it has.
fn reasons(record: &Record, lines: &mut Vec<String>) {
    let mut reasons = std::collections::BTreeMap::new();
    for one in record.types.iter().flat_map(|one| &one.hours) {
        if matches!(one.state, HourState::Gap | HourState::Lost) {
            let (reason, remedy) = (one.reason.clone().unwrap_or_default(), one.remedy);
            *reasons.entry((reason, remedy)).or_insert(0_u64) += 1;
        }
    }
    for ((reason, remedy), hours) in reasons {
        lines.push(format!("{}: {reason}", counted(hours, "hour")));
        lines.extend(remedy.map(|remedy| format!("  remedy: {remedy}")));
    }
}

fn hours(record: &Record, lines: &mut Vec<String>) {
    lines.push(format!(
        "{:<16}  {:<26} {:<8} {:>7} {:>7} {:>8}",
        "Hour (UTC)", "Event type", "State", "hourly", "daily", "repeats"
    ));
    for one in &record.types {
        for each in &one.hours {
            let daily = each.rows_daily.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
            lines.push(format!(
                "{}  {:<26} {:<8} {:>7} {daily:>7} {:>8}",
                hour(each.hour),
                cut(&one.event_type, 26),
                each.state.name(),
                each.rows_hourly,
                each.repeats,
            ));
            let inferred = if each.inferred { " (inferred)" } else { "" };
            lines.extend(each.reason.as_ref().map(|reason| format!("  {reason}{inferred}")));
            lines.extend(each.remedy.map(|remedy| format!("  remedy: {remedy}")));
        }
    }
}

fn answer(until: &Until) -> String {
    let then = hour(until.until);
    if until.complete {
        return format!("everything up to {then} is delivered");
    }
    let mut why = Vec::new();
    if until.gaps > 0 {
        why.push(format!("{} with gaps", counted(until.gaps, "hour")));
    }
    if until.withheld > 0 {
        let hours = counted(until.withheld, "hour");
        why.push(format!("{hours} with rows withheld from a destination"));
    }
    if until.waiting > 0 {
        why.push(format!("{} under way or expected", counted(until.waiting, "hour")));
    }
    if !until.known {
        why.push("it cannot be known yet that all files have come".to_owned());
    }
    let first = until.first.as_ref().map_or_else(String::new, |(event_type, hour)| {
        format!("; the first is {event_type} at {}", cut(hour, 16))
    });
    format!("not everything up to {then} is delivered: {}{first}", why.join("; "))
}

/// A moment to the minute.
fn hour(micros: i64) -> String {
    cut(&rfc3339(micros), 16)
}

/// A text made as short as its column.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}
