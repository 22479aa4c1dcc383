//! `orgtap replay`: log files again to one destination, with the same event uids and batch ids.
//!
//! The request is only written to the ledger; whatever collects next carries it out.

use clap::Args;
use jiff::Timestamp;
use orgtap_collector::config::Settings;
use orgtap_destinations::DestinationConfig;
use orgtap_events::time::rfc3339;
use orgtap_ledger::{Replay, Unit, UnitChoice, UnitId};
use orgtap_transport::ConfigDuration;
use orgtap_transport::words::{bytes, count, counted};
use serde_json::{Value, json};

use super::{chosen, event_types, recorded, say, settings};
use crate::cli::Common;
use crate::exit::{Exit, usage};
use crate::render::moment;

/// Replays listed at most.
const SHOWN: usize = 50;
/// Log files asked for in one go.
const BATCH: usize = 1_000;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Only of these connectors.
    #[arg(value_name = "CONNECTOR")]
    connectors: Vec<String>,
    /// The destination to send to.
    #[arg(long, value_name = "DESTINATION", required_unless_present = "list")]
    to: Option<String>,
    /// Only the log file with this Id.
    #[arg(long, value_name = "LOG_FILE_ID")]
    unit: Option<String>,
    /// Only log files for this time and later: `2026-11-25` or `2026-11-25T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = orgtap_events::time::moment)]
    from: Option<Timestamp>,
    /// Only log files for times before this.
    #[arg(long, value_name = "TIME", value_parser = orgtap_events::time::moment)]
    until: Option<Timestamp>,
    /// Only these event types; `*` stands for any letters.
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Everything, where no other flag chooses some.
    #[arg(long, conflicts_with_all = ["unit", "from", "until", "types", "withheld"])]
    all: bool,
    /// Only what is withheld from the destination, because it was older than its `max_age`.
    #[arg(long)]
    withheld: bool,
    /// Also what is older than the destination's `max_age`, which is left out otherwise.
    #[arg(long, requires = "to")]
    any_age: bool,
    /// Say what would be sent, and ask for nothing.
    #[arg(long)]
    dry_run: bool,
    /// List the replays asked for so far instead, the last first.
    #[arg(long, conflicts_with_all =
        ["to", "unit", "from", "until", "types", "withheld", "all", "dry_run"])]
    list: bool,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &ReplayArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    match &args.to {
        Some(to) => ask(common, &settings, args, to).await,
        None => list(common, &settings, args).await,
    }
}

async fn ask(
    common: &Common,
    settings: &Settings,
    args: &ReplayArgs,
    to: &str,
) -> anyhow::Result<Exit> {
    let some = args.unit.is_some()
        || args.from.is_some()
        || args.until.is_some()
        || args.withheld
        || !args.types.is_empty();
    if !some && !args.all {
        return Err(usage(
            "say what: --unit, --from, --until, --types, --withheld; or --all".to_owned(),
        ));
    }
    let connectors = chosen(settings, &args.connectors)?;
    let connectors: Vec<String> = connectors
        .into_iter()
        .filter(|one| one.destinations.iter().any(|name| name == to))
        .map(|one| one.name)
        .collect();
    if connectors.is_empty() {
        let text = format!("no connector chosen has a destination {to:?} in the configuration");
        return Err(usage(text));
    }
    let pacing = settings.destination(to).map(DestinationConfig::pacing).unwrap_or_default();
    let (ledger, _) = recorded(settings, &[]).await?;
    let (mut reports, mut found) = (Vec::new(), false);
    for name in connectors {
        let choice = UnitChoice {
            connector: name.clone(),
            log_file_id: args.unit.clone(),
            from: args.from.map(Timestamp::as_microsecond),
            to: args.until.map(Timestamp::as_microsecond),
            event_types: event_types(&ledger, &name, &args.types).await?,
            withheld: args.withheld,
        };
        let mut units = ledger.replayable(&choice, to).await?;
        let all = units.len();
        found |= all > 0;
        if !args.any_age {
            units.retain(|unit| !pacing.is_too_old(unit.listed.log_date, super::now()));
        }
        let too_old = all - units.len();
        if !args.dry_run {
            let ids: Vec<UnitId> = units.iter().map(|unit| unit.id).collect();
            for ids in ids.chunks(BATCH) {
                ledger.replay_units(ids, to, super::now()).await?;
            }
        }
        let sum = |of: fn(&Unit) -> i64| units.iter().map(of).sum::<i64>().unsigned_abs();
        let (rows, size) = (sum(|unit| unit.admitted), sum(|unit| unit.raw_bytes));
        let released = units.iter().filter(|unit| !unit.spooled).count();
        if common.json {
            reports.push(json!({
                "connector": name,
                "destination": to,
                "dry_run": args.dry_run,
                "log_files": units.len(),
                "rows": rows,
                "bytes": size,
                "to_fetch_again": released,
                "too_old": too_old,
            }));
            continue;
        }
        let verb = if args.dry_run { "would be sent" } else { "will be sent" };
        say(format!(
            "{name}: {} with {}, {}, {verb} to {to} again",
            counted(units.len() as u64, "log file"),
            counted(rows, "row"),
            bytes(size)
        ));
        if released > 0 {
            let released = count(released as u64);
            say(format!("  {released} of them are fetched from the org again, if it has them"));
        }
        if too_old > 0 {
            let max_age = ConfigDuration::new(pacing.max_age.unwrap_or_default());
            say(format!(
                "  {} more are left out: older than the max_age of {to}, {max_age}; --any-age \
                 sends them too",
                count(too_old as u64)
            ));
        }
        if all == 0 {
            say("  log files that are on their way there anyway are not sent twice");
        } else if !args.dry_run && !units.is_empty() {
            say("  by the running Orgtap, or by the next `orgtap collect`");
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    if let (Some(unit), false) = (&args.unit, found) {
        let text = format!("no log file {unit} is known that is not on its way to {to} anyway");
        return Err(usage(text));
    }
    Ok(Exit::Success)
}

async fn list(common: &Common, settings: &Settings, args: &ReplayArgs) -> anyhow::Result<Exit> {
    let (ledger, names) = recorded(settings, &args.connectors).await?;
    let mut reports = Vec::new();
    for name in names {
        let replays = ledger.replays_of(&name, SHOWN).await?;
        if common.json {
            let replays: Vec<Value> =
                replays.iter().map(|(unit, replay)| as_json(unit, replay)).collect();
            reports.push(json!({ "connector": name, "replays": replays }));
            continue;
        }
        say(format!("{name}: the last {} replays", count(replays.len() as u64)));
        for (unit, replay) in &replays {
            say(line(unit, replay));
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(Exit::Success)
}

/// Where a replay is, in a word.
fn state(replay: &Replay) -> &'static str {
    match (replay.ended_at, &replay.note) {
        (None, _) => "waiting",
        (Some(_), None) => "done",
        (Some(_), Some(_)) => "failed",
    }
}

/// The text of the last failure.
fn failure(replay: &Replay) -> Option<String> {
    let note = replay.note.as_deref()?;
    let found: Option<Value> = serde_json::from_str(note).ok();
    let problem = found.as_ref().and_then(|note| note.get("problem"));
    let part = |key| problem.and_then(|problem| problem.get(key)).and_then(Value::as_str);
    Some(match (part("message"), part("code")) {
        (Some(message), Some(code)) => format!("{message} [{code}]"),
        _ => note.to_owned(),
    })
}

fn as_json(unit: &Unit, replay: &Replay) -> Value {
    json!({
        "id": replay.id,
        "state": state(replay),
        "destination": replay.destination,
        "event_type": unit.listed.lane.event_type,
        "day": unit.listed.lane.day,
        "log_file_id": unit.listed.log_file_id,
        "rows": replay.rows,
        "position": replay.position,
        "delivered": replay.delivered,
        "rejected": replay.rejected,
        "failure": failure(replay),
        "requested_at": rfc3339(replay.requested_at),
        "ended_at": replay.ended_at.map(rfc3339),
    })
}

fn line(unit: &Unit, replay: &Replay) -> String {
    let what = if replay.rows.is_some() { "dead letters" } else { "all rows" };
    let mut line = format!(
        "  {}  {:7}  to {}: {} of {}, {}, {what}; {} events delivered, {} refused",
        moment(&rfc3339(replay.requested_at)),
        state(replay),
        replay.destination,
        unit.listed.lane.event_type,
        unit.listed.lane.day,
        unit.listed.log_file_id,
        count(replay.delivered),
        count(replay.rejected),
    );
    if let Some(failure) = failure(replay) {
        line.push_str(&format!("\n    {failure}"));
    }
    line
}
