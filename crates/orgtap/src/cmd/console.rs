//! The console beside `orgtap run`, and `orgtap console`.

use std::io::IsTerminal;

use clap::Subcommand;
use orgtap_collector::Fleet;
use orgtap_console::{Console, Error};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{reference, say, say_aside, settings_maybe_empty};
use crate::cli::Common;
use crate::exit::Exit;

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConsoleWhat {
    /// Make a one-time link for an administrator: the first one, or one who is locked out.
    Link,
}

/// Starts the console, if it is not off, and tells where it is. It ends with `cancel`.
pub(super) async fn start(
    fleet: &Fleet,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<JoinHandle<()>>> {
    let settings = fleet.settings();
    let Some(wanted) = &settings.console else { return Ok(None) };
    let console = match Console::bind(wanted, fleet.clone(), reference::explanations()).await {
        // Nobody asked for it in so many words, so collecting goes on without.
        Err(error @ Error::Listen { .. }) if !wanted.is_written => {
            tracing::warn!("{error}: {}; collecting without it", reason(&error));
            return Ok(None);
        }
        other => other?,
    };
    tracing::info!("the console is at {}", console.url());
    if let Some(link) = console.first_link().await? {
        // What is not a terminal is a log, and a log is no place for it.
        if std::io::stderr().is_terminal() {
            let address = &link.address;
            say_aside(&format!("\nBecome the console's first administrator at\n  {address}\n"));
        } else {
            let file = link.file.display();
            tracing::info!("the console has no people yet: a link for the first is in {file}");
        }
    }
    let cancel = cancel.clone();
    Ok(Some(tokio::spawn(async move { console.serve(&cancel).await })))
}

fn reason(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}

/// Runs the command.
pub(crate) async fn run(common: &Common, what: ConsoleWhat) -> anyhow::Result<Exit> {
    let ConsoleWhat::Link = what;
    let settings = settings_maybe_empty(common)?;
    let Some(console) = &settings.console else {
        return Err(crate::exit::usage("the configuration says `console: off`".to_owned()));
    };
    if !orgtap_collector::ledger_path(&settings.data_dir).exists() {
        let folder = settings.data_dir.display();
        let message =
            format!("there is no Orgtap in {folder} yet; `orgtap run` makes it, and a first link");
        return Err(crate::exit::usage(message));
    }
    let link = orgtap_console::make_link(&settings.data_dir, console).await?;
    if common.json {
        say(serde_json::json!({ "link": link }));
    } else {
        say(format!("{link}\nIt works once, and for an hour. Links made before are void."));
    }
    Ok(Exit::Success)
}
