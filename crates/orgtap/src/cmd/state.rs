//! `orgtap state`: everything Orgtap knows into one file, and from there into another data folder.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use orgtap_collector::{Moved, export_state, import_state};
use orgtap_transport::words::{bytes, count};
use serde_json::json;

use super::{say, settings_maybe_empty};
use crate::cli::Common;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub(crate) enum StateWhat {
    /// Write the state of the data folder into a file. It holds contents of events, and no secrets.
    /// Stop `orgtap run` first, and do not start it here again.
    Export(StateArgs),
    /// Take over a file of state into a data folder without any.
    Import(StateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, what: &StateWhat) -> anyhow::Result<Exit> {
    let data_dir = settings_maybe_empty(common)?.data_dir;
    let (moved, verb, file) = match what {
        StateWhat::Export(args) => (export_state(&data_dir, &args.file).await?, "written", args),
        StateWhat::Import(args) => (import_state(&data_dir, &args.file).await?, "taken over", args),
    };
    if common.json {
        say(json!(moved));
    } else {
        say(text(&moved, verb, &file.file.display().to_string()));
    }
    Ok(Exit::Success)
}

fn text(moved: &Moved, verb: &str, file: &str) -> String {
    let mut lines = vec![
        format!(
            "{file}: {} records of the ledger and {} files, {}, are {verb}",
            count(moved.rows),
            count(moved.files),
            bytes(moved.bytes)
        ),
        "not among it, to be moved by hand:".to_owned(),
    ];
    lines.extend(moved.by_hand.iter().map(|what| format!("  {what}")));
    lines.join("\n")
}
