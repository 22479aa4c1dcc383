//! `orgtap status`: how each connector is doing, from the ledger.

use orgtap_collector::{ConnectorState, ConnectorStatus, Status};
use orgtap_transport::words::{bytes, count, counted, span};

use super::{ledger, run, say};
use crate::cli::Common;
use crate::exit::Exit;
use crate::render::{moment, problem_text, table};

/// Recent errors shown of a connector; `--json` and the console show more.
const RECENT: usize = 3;

/// Runs the command.
pub(crate) async fn run(common: &Common) -> anyhow::Result<Exit> {
    let settings = run::settings(common)?;
    let status = if settings.connectors.is_empty() {
        Status::of_none(&settings)
    } else {
        orgtap_collector::status(&settings, &ledger(&settings).await?).await?
    };
    if common.json {
        say(serde_json::to_string(&status)?);
    } else {
        say(text(&status));
    }
    let has_error = status.connectors.iter().any(|one| one.state == ConnectorState::Error);
    let is_well = !has_error && status.broken.is_empty();
    Ok(if is_well { Exit::Success } else { Exit::Blocked })
}

fn text(status: &Status) -> String {
    let rows = status.connectors.iter().map(|one| {
        let when = |time: &Option<String>| {
            time.as_deref().map_or("-".to_owned(), |time| moment(time).replace('T', " "))
        };
        [
            one.connector.clone(),
            one.state.word().to_owned(),
            one.event_types.len().to_string(),
            count(one.admitted),
            when(&one.last_poll),
            when(&one.newest_file),
            one.reason.clone(),
        ]
    });
    let header =
        ["Source", "Status", "Event types", "Total records", "Last poll", "Newest file", "Why"];
    let mut lines = if status.connectors.is_empty() {
        vec!["there is no connector yet; `orgtap connector add` makes one".to_owned()]
    } else {
        vec![table(header, rows.collect())]
    };
    lines.extend(status.connectors.iter().map(details));
    lines.extend(status.broken.iter().map(problem_text));
    lines.push(if status.running {
        "orgtap is at work on this data folder".to_owned()
    } else {
        "orgtap is not running on this data folder".to_owned()
    });
    lines.join("\n")
}

fn details(one: &ConnectorStatus) -> String {
    let mut lines = vec![format!(
        "{}: {} of events; {} rows repeated, {} undecodable, {} open dead letters, {} files lost",
        one.connector,
        bytes(one.bytes),
        count(one.repeats),
        count(one.undecodable),
        count(one.dead_letters),
        count(one.lost),
    )];
    if let Some(gaps) = one.gaps.as_ref().filter(|gaps| gaps.hours > 0) {
        lines.push(format!(
            "  gaps in {} of {}, the first from {}, as counted {}; `orgtap completeness` names them",
            counted(gaps.hours, "hour"),
            counted(gaps.event_types, "event type"),
            gaps.oldest.as_deref().map(moment).unwrap_or_default(),
            moment(&gaps.counted_at),
        ));
    }
    for destination in &one.destinations {
        lines.push(format!(
            "  {}: {} delivered, {} refused; {} finished, {} waiting",
            destination.destination,
            counted(destination.delivered, "event"),
            count(destination.rejected),
            counted(destination.finished, "file"),
            count(destination.waiting),
        ));
        if destination.withheld > 0 {
            lines.push(format!(
                "    {} with {} withheld because of age; `orgtap replay --withheld` sends them",
                counted(destination.withheld, "file"),
                counted(destination.withheld_rows, "row"),
            ));
        }
        if let (Some(at), Some(newest)) = (&destination.delivered_at, &destination.newest_delivered)
        {
            let lag = match destination.lag_s {
                0 => String::new(),
                lag => format!("; the oldest file that waits was made {} ago", span(lag)),
            };
            lines.push(format!(
                "    last delivery {}, of the period from {}{lag}",
                moment(at),
                moment(newest)
            ));
        }
    }
    lines.extend(one.backfills.iter().map(|it| format!("  {}", super::backfill::progress(it))));
    if one.replays > 0 {
        lines.push(format!("  {} waiting", counted(one.replays, "replay")));
    }
    if let Some((used, allowed)) = one.api_usage {
        lines.push(format!(
            "  {} of {} API calls used in the org's day",
            count(used),
            count(allowed)
        ));
    }
    if !one.api_calls.is_empty() {
        let calls = one.api_calls.iter().map(|(purpose, calls)| format!("{calls} {purpose}"));
        let calls: Vec<_> = calls.collect();
        lines.push(format!("  calls made today: {}", calls.join(", ")));
    }
    for error in one.recent_errors.iter().take(RECENT) {
        let said = |key| error.problem.get(key).and_then(|text| text.as_str()).unwrap_or_default();
        let since = match error.times {
            1 => String::new(),
            _ => format!(" since {}", moment(&error.since)),
        };
        lines.push(format!(
            "  met {}{since}, last {}: {} ({})",
            counted(error.times, "time"),
            moment(&error.at),
            said("message"),
            said("code"),
        ));
    }
    if let Some(problem) = &one.problem {
        for key in ["cause", "remedy", "code"] {
            if let Some(text) = problem.get(key).and_then(|text| text.as_str()) {
                lines.push(format!("  {key}: {text}"));
            }
        }
    }
    lines.join("\n")
}
