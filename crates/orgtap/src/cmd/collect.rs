//! `orgtap collect`: one pass over each connector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orgtap_collector::{Collected, Collector, Progress};
use orgtap_transport::words::{bytes, count, counted};
use serde_json::json;

use super::{chosen, say, say_aside, settings, stop_signal};
use crate::cli::{CollectArgs, Common};
use crate::exit::Exit;
use crate::render::problem_text;
use crate::watch::watch;

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &CollectArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    let connectors = chosen(&settings, &args.connectors)?;
    // Standard output that carries events carries nothing else.
    let carries_events = settings.destinations.iter().any(|destination| {
        let used = connectors
            .iter()
            .any(|one| one.destinations.iter().any(|name| name == destination.name()));
        destination.kind() == "stdout" && used
    });
    let tell = |text: String| if carries_events { say_aside(&text) } else { say(text) };
    let collector = Collector::open(settings).await?.giving_up(&args.give_up);
    let cancel = stop_signal();
    let mut worst = Exit::Success;
    let mut reports = Vec::new();
    let paused = collector.ledger().paused().await?;
    for connector in &connectors {
        if cancel.is_cancelled() {
            worst = worst.max(Exit::Incomplete);
            break;
        }
        // Who names it wants it in spite of that.
        if args.connectors.is_empty() && paused.contains(&connector.name) {
            if common.json {
                reports.push(json!({ "connector": connector.name, "paused": true }));
            } else {
                tell(passed_over(&connector.name));
            }
            continue;
        }
        let started = Instant::now();
        let progress = Arc::new(Progress::new(&connector.destinations));
        let bars = watch(&connector.name, &progress, !common.json);
        let collected = collector.collect(connector, &progress, &cancel).await?;
        drop(bars);
        worst = worst.max(exit_of(&collected));
        if common.json {
            reports.push(serde_json::to_value(&collected)?);
        } else {
            tell(report(&collected, &progress, started.elapsed()));
        }
    }
    if common.json {
        tell(json!({ "connectors": reports }).to_string());
    }
    Ok(worst)
}

/// That nothing is done for a paused connector.
pub(crate) fn passed_over(name: &str) -> String {
    format!(
        "{name}: paused, nothing is collected; `orgtap connector resume {name}` ends that, and to \
         name it collects once"
    )
}

/// The exit code a pass deserves.
pub(crate) fn exit_of(collected: &Collected) -> Exit {
    if collected.needs_person {
        Exit::Blocked
    } else if !collected.is_complete() {
        Exit::Incomplete
    } else if collected.sets_aside() {
        Exit::Remarks
    } else {
        Exit::Success
    }
}

/// A pass in words.
pub(crate) fn report(collected: &Collected, progress: &Progress, took: Duration) -> String {
    let mut lines = vec![format!(
        "{}: {}, {} of events, {} new, {} repeated; {:.1} s",
        collected.connector,
        counted(collected.new_files, "new file"),
        bytes(Progress::get(&progress.raw_bytes)),
        counted(Progress::get(&progress.admitted), "row"),
        count(Progress::get(&progress.repeats)),
        took.as_secs_f64(),
    )];
    for (name, delivered) in &progress.destinations {
        lines.push(format!(
            "  {name}: {} delivered from {}",
            counted(Progress::get(&delivered.events), "event"),
            counted(Progress::get(&delivered.units), "file"),
        ));
    }
    let remarks: [(i128, &str, &str); 8] = [
        (Progress::get(&progress.retries).into(), "failure", "on the way, and tried again"),
        (collected.settling_files.into(), "file", "too young for this pass"),
        (collected.unfinished.into(), "file", "not finished yet"),
        (collected.lost.into(), "file", "gone from the org before being fetched"),
        (
            collected.disputed.into(),
            "file",
            "set aside, because rows could come twice; see `orgtap status`",
        ),
        (collected.dead_letters.into(), "dead letter", "open; see `orgtap dead-letters`"),
        (
            collected.withheld.into(),
            "file",
            "withheld from a destination because of age; see `orgtap status`",
        ),
        (collected.replays.into(), "replay", "waiting"),
    ];
    for (number, noun, what) in remarks {
        if number > 0 {
            lines.push(format!("  {} {what}", counted(number, noun)));
        }
    }
    for problem in &collected.problems {
        lines.push(problem_text(problem));
    }
    lines.join("\n")
}
