//! `orgtap backfill`: log files of a range of days, beside what is new.

use std::sync::Arc;
use std::time::Instant;

use orgtap_collector::config::{ConnectorSettings, Settings, TypeFilter};
use orgtap_collector::{
    BackfillPlan, BackfillStatus, Collector, Progress, check_backfill, is_paced, is_running,
    open_ledger, plan_backfill,
};
use orgtap_ledger::{BackfillState, Ledger, NewBackfill};
use orgtap_transport::words::{bytes, count};
use orgtap_transport::{Disposition, Explain, disk};
use serde_json::json;

use super::collect::{exit_of, passed_over, report};
use super::{chosen, ledger, now, say, say_aside, settings, stop_signal};
use crate::cli::{BackfillArgs, Common};
use crate::exit::{Exit, usage};
use crate::render::{moment, problem_text};
use crate::watch::watch;

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &BackfillArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    let mut connectors = chosen(&settings, &args.connectors)?;
    if args.status || args.cancel.is_some() {
        let ledger = ledger(&settings).await?;
        return match args.cancel {
            Some(id) => cancel(common, &connectors, &ledger, id).await,
            None => show(common, &connectors, &ledger).await,
        };
    }
    disk::create_private_folder(&settings.data_dir).map_err(|source| {
        let path = settings.data_dir.clone();
        orgtap_collector::Error::Disk { path, source }
    })?;
    if args.connectors.is_empty() {
        let paused = open_ledger(&settings.data_dir).await?.paused().await?;
        connectors.retain(|one| {
            let is_paused = paused.contains(&one.name);
            if is_paused {
                tracing::warn!("{}", passed_over(&one.name));
            }
            !is_paused
        });
    }
    let wishes = wishes(&connectors, args)?;
    for (connector, wish) in connectors.iter().zip(&wishes) {
        check_backfill(&settings, connector, wish, now())?;
    }
    if args.dry_run {
        return plan(common, &settings, &connectors, &wishes).await;
    }
    foresee(common, &settings, &connectors, &wishes).await?;
    if is_running(&settings.data_dir) {
        return leave(common, &settings, &wishes).await;
    }
    collect(common, settings, &connectors, &wishes).await
}

/// What is asked for, of each connector.
fn wishes(
    connectors: &[ConnectorSettings],
    args: &BackfillArgs,
) -> anyhow::Result<Vec<NewBackfill>> {
    let (Some(from), Some(to)) = (args.from, args.to) else {
        return Err(usage("--from and --to are needed".to_owned()));
    };
    if from >= to {
        return Err(usage("--from must be before --to".to_owned()));
    }
    if let Err((place, error)) = TypeFilter::parse(args.types.iter().map(String::as_str)) {
        let written = args.types.get(place).cloned().unwrap_or_default();
        return Err(usage(format!("--types {written:?}: {error}")));
    }
    let wish = |connector: &ConnectorSettings| NewBackfill {
        connector: connector.name.clone(),
        from: from.as_microsecond(),
        to: to.as_microsecond(),
        event_types: args.types.clone(),
    };
    Ok(connectors.iter().map(wish).collect())
}

/// Records the wishes; who is at work on the data folder takes them up.
async fn leave(
    common: &Common,
    settings: &Settings,
    wishes: &[NewBackfill],
) -> anyhow::Result<Exit> {
    let ledger = open_ledger(&settings.data_dir).await?;
    let mut begun = Vec::new();
    for wish in wishes {
        let id = begin(&ledger, wish).await?;
        begun.push(json!({ "connector": wish.connector, "id": id }));
        if !common.json {
            say(format!(
                "{}: backfill {id} is recorded; `orgtap run`, which is at work, carries it out",
                wish.connector
            ));
        }
    }
    if common.json {
        say(json!({ "begun": begun }));
    }
    Ok(Exit::Success)
}

async fn begin(ledger: &Arc<dyn Ledger>, wish: &NewBackfill) -> anyhow::Result<i64> {
    Ok(ledger.begin_backfill(wish, now()).await?)
}

/// Carries the wishes out, with whatever other backfills are under way.
async fn collect(
    common: &Common,
    settings: Settings,
    connectors: &[ConnectorSettings],
    wishes: &[NewBackfill],
) -> anyhow::Result<Exit> {
    let collector = Collector::open(settings).await?;
    let cancel = stop_signal();
    let mut worst = Exit::Success;
    let mut reports = Vec::new();
    for (connector, wish) in connectors.iter().zip(wishes) {
        let id = begin(collector.ledger(), wish).await?;
        let started = Instant::now();
        let progress = Arc::new(Progress::new(&connector.destinations));
        let bars = watch(&connector.name, &progress, !common.json);
        let collected = collector.backfill(connector, &progress, &cancel).await?;
        drop(bars);
        let all = collector.ledger().backfills(&connector.name).await?;
        let own = all.into_iter().find(|one| one.id == id).map(BackfillStatus::from);
        let is_done = own.as_ref().is_some_and(|one| one.state == BackfillState::Done.name());
        worst = worst.max(exit_of(&collected));
        if !is_done {
            worst = worst.max(Exit::Incomplete);
        }
        if common.json {
            reports.push(json!({ "collected": collected, "backfill": own }));
        } else {
            say(report(&collected, &progress, started.elapsed()));
            if let Some(one) = &own {
                say(format!("  {}", self::progress(one)));
            }
        }
        if cancel.is_cancelled() {
            break;
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(worst)
}

async fn plan(
    common: &Common,
    settings: &Settings,
    connectors: &[ConnectorSettings],
    wishes: &[NewBackfill],
) -> anyhow::Result<Exit> {
    let ledger = open_ledger(&settings.data_dir).await?;
    let (mut plans, mut reports, mut worst) = (Vec::new(), Vec::new(), Exit::Success);
    for (connector, wish) in connectors.iter().zip(wishes) {
        let plan = match plan_backfill(settings, connector, &ledger, wish).await {
            Ok(plan) => plan,
            Err(error @ orgtap_collector::Error::Ledger(_)) => return Err(error.into()),
            Err(error) => {
                let problem = error.problem();
                worst = worst.max(match error.disposition() {
                    Disposition::Retry { .. } => Exit::Incomplete,
                    _ => Exit::Blocked,
                });
                if common.json {
                    reports.push(json!({ "connector": connector.name, "problem": problem }));
                } else {
                    say(format!("{}: cannot be planned", connector.name));
                    say(problem_text(&problem));
                }
                continue;
            }
        };
        if common.json {
            reports.push(serde_json::to_value(&plan)?);
        } else {
            say(planned(&plan));
        }
        plans.push(plan);
    }
    if common.json {
        say(json!({ "plans": reports }));
    }
    for plan in &plans {
        plan.check()?;
    }
    Ok(worst)
}

/// Says what destinations would not get and how long they take, where that is to be expected.
/// Refuses a backfill of which nothing would be delivered. An org that cannot be asked now is the
/// backfill's own matter.
async fn foresee(
    common: &Common,
    settings: &Settings,
    connectors: &[ConnectorSettings],
    wishes: &[NewBackfill],
) -> anyhow::Result<()> {
    for (connector, wish) in connectors.iter().zip(wishes) {
        if !is_paced(settings, connector) {
            continue;
        }
        let ledger = open_ledger(&settings.data_dir).await?;
        match plan_backfill(settings, connector, &ledger, wish).await {
            Ok(plan) => {
                plan.check()?;
                for line in paced(&plan) {
                    say_aside(&format!("{}: {line}", plan.connector));
                }
            }
            Err(error) if !common.json => {
                say_aside(&format!("{}: cannot be planned: {error}", connector.name));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// What a plan says of destinations that have a rate or a greatest age.
fn paced(plan: &BackfillPlan) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &plan.destinations {
        let name = &one.destination;
        if let (Some(from), Some(to)) = (&one.withheld_from, &one.withheld_to) {
            lines.push(format!(
                "{name}: {} of {} files are older than its max_age and would be withheld, those \
                 for {} to {}",
                count(one.withheld),
                count(plan.files),
                moment(from),
                moment(to)
            ));
        }
        if let Some(seconds) = one.seconds {
            let events = count(one.events);
            let span = span(seconds);
            lines.push(format!(
                "{name}: about {events} events, which take about {span} at its rate"
            ));
        }
    }
    lines
}

/// A span to be planned with.
fn span(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A plan in words.
fn planned(plan: &BackfillPlan) -> String {
    let mut lines = vec![format!(
        "{}: {} files to fetch, {} decompressed, about {} events; {} files are known already",
        plan.connector,
        count(plan.files),
        bytes(plan.bytes),
        count(plan.events),
        count(plan.known),
    )];
    for (name, one) in &plan.event_types {
        lines.push(format!(
            "  {name}: {} files, {}, about {} events",
            count(one.files),
            bytes(one.bytes),
            count(one.events)
        ));
    }
    lines.extend(paced(plan).iter().map(|line| format!("  {line}")));
    lines.push(format!(
        "  {} API calls needed; {} can be spared now; this plan took {}",
        count(plan.calls),
        count(plan.calls_to_spare),
        count(plan.calls_made)
    ));
    if let Some(days) = plan.days() {
        lines.push(format!("  the API budget makes it take about {} days", count(days)));
    }
    lines.join("\n")
}

/// A backfill in words.
pub(crate) fn progress(one: &BackfillStatus) -> String {
    let types = match one.event_types.as_slice() {
        [] => String::new(),
        types => format!(" of {}", types.join(", ")),
    };
    format!(
        "backfill {} from {} to {}{types}: {}; {} of {} files finished, {}; {} were known",
        one.id,
        moment(&one.from),
        moment(&one.to),
        one.state,
        count(one.finished),
        count(one.files),
        bytes(one.bytes),
        count(one.known),
    )
}

async fn show(
    common: &Common,
    connectors: &[ConnectorSettings],
    ledger: &Arc<dyn Ledger>,
) -> anyhow::Result<Exit> {
    let mut all = Vec::new();
    for connector in connectors {
        let backfills = ledger.backfills(&connector.name).await?;
        let backfills: Vec<_> = backfills.into_iter().map(BackfillStatus::from).collect();
        if !common.json {
            for one in &backfills {
                say(format!("{}: {}", connector.name, progress(one)));
            }
        }
        all.push(json!({ "connector": connector.name, "backfills": backfills }));
    }
    if common.json {
        say(json!({ "connectors": all }));
    }
    Ok(Exit::Success)
}

async fn cancel(
    common: &Common,
    connectors: &[ConnectorSettings],
    ledger: &Arc<dyn Ledger>,
    id: i64,
) -> anyhow::Result<Exit> {
    for connector in connectors {
        let backfills = ledger.backfills(&connector.name).await?;
        let Some(one) = backfills.into_iter().find(|one| one.id == id) else { continue };
        if !one.state.is_under_way() {
            return Err(usage(format!("backfill {id} is {} already", one.state.name())));
        }
        ledger.move_backfill(id, one.state, BackfillState::Cancelled, now()).await?;
        if common.json {
            say(json!({ "cancelled": id }));
        } else {
            say(format!("backfill {id} is cancelled; files it has listed still go out"));
        }
        return Ok(Exit::Success);
    }
    Err(usage(format!("there is no backfill {id}")))
}
