//! From what is kept of a connector to its state: no I/O.

use orgtap_events::time::rfc3339;
use orgtap_ledger::{ConnectorRecord, Outcome, Summary};
use orgtap_transport::words::counted;
use orgtap_transport::{Explain, Problem};

use super::ConnectorState;
use crate::clock;
use crate::error::{Error, UnitFault};

/// No sign-in takes longer, microseconds; one that began before was cut off.
const SIGN_IN: i64 = 120_000_000;

pub(super) type Judged = (ConnectorState, String, Option<serde_json::Value>);

/// The state and its reason. The gravest thing wins. Besides what the connector's record and counts
/// say: whether the disk is full, and how many units are set aside for lost row indexes.
pub(super) fn judge(
    record: &ConnectorRecord,
    summary: &Summary,
    (full, index_lost): (Option<&Error>, i64),
) -> Judged {
    let failed =
        |outcome: &Option<Outcome>| outcome.as_ref().and_then(|outcome| outcome.problem.clone());
    let message = |problem: &serde_json::Value| {
        problem.get("message").and_then(|text| text.as_str()).unwrap_or("unknown").to_owned()
    };
    if let Some(paused) = &record.paused {
        let who = paused.by.as_ref().map(|by| format!(" by {by}"));
        let note = paused.note.as_ref().map(|note| format!(": {note}"));
        let (who, note) = (who.unwrap_or_default(), note.unwrap_or_default());
        let at: String = rfc3339(paused.at).replace('T', " ").chars().take(16).collect();
        let reason = format!("paused{who} on {at} UTC{note}");
        return (ConnectorState::Paused, reason, None);
    }
    if let Some(problem) = failed(&record.stopped) {
        return (ConnectorState::Error, format!("stopped: {}", message(&problem)), Some(problem));
    }
    // With a full disk it may be over, which could not be written down.
    if full.is_none() && record.signing_in.is_some_and(|since| clock::now() - since < SIGN_IN) {
        return (ConnectorState::Authenticating, "signing in".to_owned(), None);
    }
    if let Some(problem) = failed(&record.sign_in) {
        return (by(&problem), format!("sign-in: {}", message(&problem)), Some(problem));
    }
    // Looked at, since it may be that it cannot be written down.
    if let Some(full) = full.map(Explain::problem) {
        let reason = format!("fetching waits: {}", full.message);
        return (ConnectorState::Degraded, reason, serde_json::to_value(full).ok());
    }
    if let Some(problem) = &record.api_restraint {
        return (ConnectorState::Degraded, message(problem), Some(problem.clone()));
    }
    if record.poll.is_none() {
        return (ConnectorState::Pending, "not polled yet".to_owned(), None);
    }
    if let Some(problem) = failed(&record.poll) {
        return (by(&problem), format!("listing: {}", message(&problem)), Some(problem));
    }
    if let Some(problem) = failed(&record.hold) {
        let reason = format!("fetching waits: {}", message(&problem));
        return (ConnectorState::Degraded, reason, Some(problem));
    }
    if let Some((destination, problem)) = stuck(record, summary) {
        let reason = format!("delivery to {destination} waits: {}", message(problem));
        return (by(problem), reason, Some(problem.clone()));
    }
    let mut troubles = Vec::new();
    let mut problem = None;
    let disagreeing = summary.disputed - index_lost;
    if disagreeing > 0 {
        let fault = UnitFault::Disagree { rows: 0, both: 0, example: None };
        let message =
            format!("{} not in agreement with the lane's other copy", counted(disagreeing, "file"));
        troubles.push(message.clone());
        let disputed = Problem { message, ..Error::Unit(fault).problem() };
        problem = serde_json::to_value(disputed).ok();
    }
    if index_lost > 0 {
        let fault = UnitFault::IndexLost { unit: String::new(), why: String::new() };
        let message =
            format!("{} set aside, since a row index is lost", counted(index_lost, "file"));
        troubles.push(message.clone());
        let lost = Problem { message, ..Error::Unit(fault).problem() };
        problem = serde_json::to_value(lost).ok();
    }
    if summary.lost > 0 {
        troubles.push(format!("{} gone before being fetched", counted(summary.lost, "file")));
    }
    if summary.dead_letters > 0 {
        troubles.push(counted(summary.dead_letters, "open dead letter"));
    }
    if summary.failing > 0 {
        troubles.push(format!("{} waiting out a failure", counted(summary.failing, "unit")));
    }
    if let Some(uncounted) = failed(&record.counting) {
        troubles.push(format!("rows are not counted for insights: {}", message(&uncounted)));
        problem = problem.or(Some(uncounted));
    }
    if troubles.is_empty() {
        // Not a trouble: it was told to be so.
        let withheld: i64 = summary.destinations.values().map(|one| one.withheld.units).sum();
        let but = match withheld {
            0 => String::new(),
            units => format!(", but for {} withheld because of age", counted(units, "file")),
        };
        let reason = format!("all that was found is delivered or on its way{but}");
        (ConnectorState::Active, reason, None)
    } else {
        (ConnectorState::Degraded, troubles.join("; "), problem)
    }
}

/// The state of a connector with this problem, by whether a person must act.
fn by(problem: &serde_json::Value) -> ConnectorState {
    match problem.get("disposition").and_then(|word| word.as_str()) {
        Some("retry") => ConnectorState::Degraded,
        _ => ConnectorState::Error,
    }
}

/// A destination that has taken nothing since it failed, though something waits for it; and why.
fn stuck<'r>(
    record: &'r ConnectorRecord,
    summary: &Summary,
) -> Option<(&'r str, &'r serde_json::Value)> {
    record.recent_errors.iter().find_map(|met| {
        let name = met.destination.as_deref()?;
        let it = summary.destinations.get(name)?;
        let taken = it.delivered_at.is_some_and(|at| at > met.at);
        (it.waiting > 0 && !taken).then_some((name, &met.problem))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_although_the_end_of_a_sign_in_could_not_be_written_down() {
        let signing_in = Some(clock::now());
        let record = ConnectorRecord { signing_in, ..ConnectorRecord::default() };
        let judged = |full| judge(&record, &Summary::default(), (full, 0));
        assert_eq!(judged(None).0, ConnectorState::Authenticating);
        let full = Error::NoRoom { folder: "data".into(), free: 0, needed: 1 };
        let (state, _, problem) = judged(Some(&full));
        assert_eq!(state, ConnectorState::Degraded);
        assert_eq!(problem.unwrap()["code"], "OT-DISK-01");
    }
}
