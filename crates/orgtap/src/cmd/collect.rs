//! `orgtap collect`: one pass over each connector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use orgtap_collector::{Collected, Collector, Progress};
use serde_json::json;

use super::{chosen, say, say_aside, settings, stop_signal};
use crate::cli::{CollectArgs, Common};
use crate::exit::Exit;
use crate::render::{bytes, count, problem_text};
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
        "{}: {} new files, {} of events, {} rows new, {} rows repeated; {:.1} s",
        collected.connector,
        count(collected.new_files),
        bytes(Progress::get(&progress.raw_bytes)),
        count(Progress::get(&progress.admitted)),
        count(Progress::get(&progress.repeats)),
        took.as_secs_f64(),
    )];
    for (name, delivered) in &progress.destinations {
        lines.push(format!(
            "  {name}: {} events delivered from {} files",
            count(Progress::get(&delivered.events)),
            count(Progress::get(&delivered.units)),
        ));
    }
    let retries = Progress::get(&progress.retries);
    if retries > 0 {
        lines.push(format!("  {} failed tries on the way", count(retries)));
    }
    if collected.settling_files > 0 {
        lines.push(format!(
            "  {} files are too young to be taken; the next pass takes them",
            collected.settling_files
        ));
    }
    if collected.unfinished > 0 {
        lines.push(format!("  {} files are not finished yet", collected.unfinished));
    }
    if collected.lost > 0 {
        lines.push(format!("  {} files were gone before they could be fetched", collected.lost));
    }
    if collected.disputed > 0 {
        lines.push(format!(
            "  {} files are set aside, because their rows could come twice; see `orgtap status`",
            collected.disputed
        ));
    }
    if collected.dead_letters > 0 {
        lines.push(format!(
            "  {} dead letters are open; see `orgtap dead-letters`",
            collected.dead_letters
        ));
    }
    if collected.withheld > 0 {
        lines.push(format!(
            "  {} files were withheld from a destination for their age; see `orgtap status`",
            collected.withheld
        ));
    }
    if collected.replays > 0 {
        lines.push(format!("  {} replays wait", collected.replays));
    }
    for problem in &collected.problems {
        lines.push(problem_text(problem));
    }
    lines.join("\n")
}
