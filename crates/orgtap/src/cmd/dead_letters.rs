//! `orgtap dead-letters`: what was set aside and why, and what a person decides about it.
//!
//! Decisions are only written to the ledger; whatever collects next carries them out.

use std::sync::Arc;

use clap::{Args, Subcommand};
use orgtap_collector::config::Settings;
use orgtap_events::time::rfc3339;
use orgtap_ledger::{Ledger, Letter, LetterChoice, LetterCount, LetterId, LettersAsked};
use orgtap_transport::words::{count, counted};
use serde_json::{Value, json};

use super::{event_types, recorded, say, settings};
use crate::cli::Common;
use crate::exit::{Exit, usage};
use crate::render::moment;

/// Letters listed unless told otherwise.
const SHOWN: usize = 50;
/// Letters decided on in one go.
const BATCH: usize = 1_000;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DeadLettersArgs {
    #[command(subcommand)]
    what: Option<DeadLettersWhat>,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// The closed ones in place of the open ones.
    #[arg(long)]
    closed: bool,
    /// With what was set aside: contents of events. Only with --json.
    #[arg(long)]
    payload: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersWhat {
    /// Try again: send rows once more to the destination that refused them, and fetch undecodable
    /// log files anew.
    Replay(DecisionArgs),
    /// Give up: close them for good. The decision is kept with its time.
    Dismiss(DecisionArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DecisionArgs {
    #[command(flatten)]
    choice: ChoiceArgs,
    /// All open ones, where no other flag chooses some.
    #[arg(long)]
    all: bool,
}

/// Which dead letters.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArgs {
    /// Only of these connectors.
    #[arg(value_name = "CONNECTOR")]
    connectors: Vec<String>,
    /// Only of these event types; `*` stands for any letters.
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only what this destination refused.
    #[arg(long, value_name = "NAME")]
    destination: Option<String>,
    /// Only with this code, for example OT-DEST-90.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// At most so many, the newest.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl ChoiceArgs {
    fn is_empty(&self) -> bool {
        self.connectors.is_empty()
            && self.types.is_empty()
            && self.destination.is_none()
            && self.code.is_none()
            && self.limit.is_none()
    }

    async fn of(&self, ledger: &Arc<dyn Ledger>, connector: &str) -> anyhow::Result<LetterChoice> {
        Ok(LetterChoice {
            destination: self.destination.clone(),
            code: self.code.as_ref().map(|code| code.to_ascii_uppercase()),
            event_types: event_types(ledger, connector, &self.types).await?,
            ..LetterChoice::of(connector)
        })
    }
}

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &DeadLettersArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    match &args.what {
        None => list(common, &settings, args).await,
        Some(DeadLettersWhat::Replay(decision)) => replay(common, &settings, decision).await,
        Some(DeadLettersWhat::Dismiss(decision)) => dismiss(common, &settings, decision).await,
    }
}

async fn list(
    common: &Common,
    settings: &Settings,
    args: &DeadLettersArgs,
) -> anyhow::Result<Exit> {
    if args.payload && !common.json {
        return Err(usage("--payload goes with --json: payloads are bytes of any kind".to_owned()));
    }
    let (ledger, names) = recorded(settings, &args.choice.connectors).await?;
    let limit = args.choice.limit.unwrap_or(SHOWN);
    let mut reports = Vec::new();
    for name in names {
        let choice = LetterChoice {
            closed: args.closed,
            payload: args.payload,
            ..args.choice.of(&ledger, &name).await?
        };
        let letters = ledger.letters(&choice, limit).await?;
        let counts = ledger.letter_counts(&choice).await?;
        if common.json {
            let letters: Vec<Value> =
                letters.iter().map(|letter| as_json(letter, args.payload)).collect();
            reports.push(json!({ "connector": name, "counts": counts, "letters": letters }));
        } else {
            say(text(&name, &letters, &counts, args.closed));
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(Exit::Success)
}

fn as_json(found: &Letter, payload: bool) -> Value {
    let Letter { id, listed, letter, asked, closed } = found;
    let mut value = json!({
        "id": id,
        "event_type": listed.lane.event_type,
        "day": listed.lane.day,
        "log_file_id": listed.log_file_id,
        "created_date": rfc3339(listed.created_date),
        "row": letter.row,
        "offset": letter.offset,
        "destination": letter.destination,
        "code": letter.code,
        "reason": letter.reason,
        "at": rfc3339(letter.at),
        "replay_waits": asked,
        "closed": closed.map(|closed| {
            json!({ "at": rfc3339(closed.at), "how": closed.how })
        }),
    });
    if payload {
        value["payload"] = json!(String::from_utf8_lossy(&letter.payload));
    }
    value
}

fn text(connector: &str, letters: &[Letter], counts: &[LetterCount], closed: bool) -> String {
    let word = if closed { "closed" } else { "open" };
    let all: i64 = counts.iter().map(|one| one.letters).sum();
    let mut lines = vec![format!("{connector}: {}", counted(all, &format!("{word} dead letter")))];
    for group in counts {
        let own: Vec<&Letter> = letters
            .iter()
            .filter(|found| {
                found.letter.code == group.code && found.letter.destination == group.destination
            })
            .collect();
        lines.push(format!("  {} {} [{}]", count(group.letters), who(group), group.code));
        lines.extend(own.iter().map(|found| line(found)));
        let more = group.letters.unsigned_abs() - own.len() as u64;
        if more > 0 && !own.is_empty() {
            lines.push(format!("    and {} more", count(more)));
        }
    }
    lines.join("\n")
}

fn who(group: &LetterCount) -> String {
    match &group.destination {
        Some(destination) => format!("refused by {destination}"),
        None => "that could not be decoded".to_owned(),
    }
}

fn line(found: &Letter) -> String {
    let Letter { id: _, listed, letter, asked, closed } = found;
    let row = letter.row.map_or("the whole file".to_owned(), |row| format!("row {}", row + 1));
    let mut line = format!(
        "    {}  {} of {}, {}, {row}: {}",
        moment(&rfc3339(letter.at)),
        listed.lane.event_type,
        listed.lane.day,
        listed.log_file_id,
        letter.reason
    );
    if *asked {
        line.push_str(" (a replay waits)");
    }
    if let Some(closed) = closed {
        line.push_str(&format!(" ({} {})", closed.how.name(), moment(&rfc3339(closed.at))));
    }
    line
}

/// The numbers of the letters a person has chosen, by connector.
async fn decided(
    ledger: &Arc<dyn Ledger>,
    names: Vec<String>,
    args: &DecisionArgs,
) -> anyhow::Result<Vec<(String, Vec<LetterId>)>> {
    if args.all != args.choice.is_empty() {
        let text = "say which: by connector, --types, --destination, --code or --limit; or --all";
        return Err(usage(text.to_owned()));
    }
    let limit = args.choice.limit.unwrap_or(usize::MAX);
    let mut chosen = Vec::new();
    for name in names {
        let choice = args.choice.of(ledger, &name).await?;
        let letters = ledger.letters(&choice, limit).await?;
        chosen.push((name, letters.iter().map(|found| found.id).collect()));
    }
    Ok(chosen)
}

async fn replay(common: &Common, settings: &Settings, args: &DecisionArgs) -> anyhow::Result<Exit> {
    let (ledger, names) = recorded(settings, &args.choice.connectors).await?;
    let mut reports = Vec::new();
    let mut exit = Exit::Success;
    for (name, letters) in decided(&ledger, names, args).await? {
        let mut all = LettersAsked::default();
        for letters in letters.chunks(BATCH) {
            let asked = ledger.replay_letters(letters, super::now()).await?;
            all.asked += asked.asked;
            all.listed += asked.listed;
            all.reconsidered += asked.reconsidered;
            all.waiting += asked.waiting;
            all.undecodable += asked.undecodable;
            for (destination, letters) in asked.unregistered {
                *all.unregistered.entry(destination).or_default() += letters;
            }
        }
        if all.undecodable > 0 || !all.unregistered.is_empty() {
            exit = Exit::Remarks;
        }
        if common.json {
            reports.push(json!({ "connector": name, "replays": all }));
        } else {
            say(replay_text(&name, &all, letters.len()));
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(exit)
}

fn replay_text(name: &str, all: &LettersAsked, chosen: usize) -> String {
    let mut lines = vec![format!("{name}: {} dead letters chosen", count(chosen as u64))];
    for (number, what) in [
        (all.asked, "will be sent again by the running Orgtap, or the next `orgtap collect`"),
        (all.listed, "undecodable log files will be fetched anew"),
        (all.reconsidered, "log files that were set aside will be decided again"),
        (all.waiting, "have a replay that waits already"),
        (all.undecodable, "rows could not be decoded, so there is nothing to send; dismiss them"),
    ] {
        if number > 0 {
            lines.push(format!("  {} {what}", count(number)));
        }
    }
    lines.extend(all.refusal().map(|refusal| format!("  {refusal}")));
    lines.join("\n")
}

async fn dismiss(
    common: &Common,
    settings: &Settings,
    args: &DecisionArgs,
) -> anyhow::Result<Exit> {
    let (ledger, names) = recorded(settings, &args.choice.connectors).await?;
    let mut reports = Vec::new();
    for (name, letters) in decided(&ledger, names, args).await? {
        let mut dismissed = 0;
        for letters in letters.chunks(BATCH) {
            dismissed += ledger.dismiss(letters, super::now()).await?;
        }
        tracing::info!(connector = name, dismissed, "dead letters are dismissed");
        if common.json {
            reports.push(json!({ "connector": name, "dismissed": dismissed }));
        } else {
            say(format!("{name}: {} dead letters dismissed", count(dismissed)));
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(Exit::Success)
}
