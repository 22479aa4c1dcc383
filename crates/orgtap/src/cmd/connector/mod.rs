//! `orgtap connector`: connectors that are added, listed, shown, paused and removed without an
//! editor.
//!
//! Added ones are saved in the data folder and read after the main configuration file, which
//! Orgtap never changes.

mod add;
mod answers;
mod before;
mod flags;
mod list;
mod pause;
mod remove;
mod secrets;

use std::path::Path;

use clap::{Args, Subcommand};
use orgtap_collector::config::{ConnectorSettings, Settings};

pub(crate) use self::flags::AddArgs;
use crate::cli::Common;
use crate::exit::{Exit, usage};

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorWhat {
    /// Add a connector: ask for what is not given, test it, and save it.
    #[command(after_help = flags::HELP)]
    Add(Box<AddArgs>),
    /// List the connectors there are.
    List,
    /// Show one connector, without its secrets.
    Show(NameArgs),
    /// Have a connector rest, across restarts, until it is resumed.
    #[command(after_help = PAUSE_HELP)]
    Pause(PauseArgs),
    /// End a connector's pause.
    Resume(NameArgs),
    /// Remove a saved connector and its secrets.
    Remove(RemoveArgs),
}

const PAUSE_HELP: &str = "\
An `orgtap run` that is at work finishes what is in hand, and then asks neither the org nor a
destination for anything. `orgtap collect` and `orgtap backfill` pass over a paused connector unless
it is named. The org keeps its log files for a while only: a pause that is longer loses them.";

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// The connector.
    #[arg(value_name = "CONNECTOR")]
    name: String,
    /// Why, for whoever reads the status.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Who asks for it. Default: the user of the system.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The connector.
    #[arg(value_name = "CONNECTOR")]
    name: String,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The connector.
    #[arg(value_name = "CONNECTOR")]
    name: String,
    /// Do not ask whether it is meant.
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, what: &ConnectorWhat) -> anyhow::Result<Exit> {
    match what {
        ConnectorWhat::Add(args) => add::run(common, args).await,
        ConnectorWhat::List => list::list(common),
        ConnectorWhat::Show(args) => list::show(common, &args.name),
        ConnectorWhat::Pause(args) => pause::pause(common, args).await,
        ConnectorWhat::Resume(args) => pause::resume(common, &args.name).await,
        ConnectorWhat::Remove(args) => remove::run(common, args).await,
    }
}

/// The connector of a name.
fn named<'s>(settings: &'s Settings, name: &str) -> anyhow::Result<&'s ConnectorSettings> {
    let connectors = &settings.connectors;
    connectors.iter().find(|connector| connector.name == name).ok_or_else(|| {
        let all: Vec<_> = connectors.iter().map(|connector| connector.name.as_str()).collect();
        let there = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        usage(format!("no connector {name:?} in the configuration; there are: {there}"))
    })
}

/// The file a connector stands in.
fn file_of<'a>(connector: &'a ConnectorSettings, main: &'a Path) -> &'a Path {
    connector.saved_in.as_deref().unwrap_or(main)
}
