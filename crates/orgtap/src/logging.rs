//! Logs go to standard error, so that standard output stays for results.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command, LogFormat};

/// Starts logging. Commands that show progress log less unless told otherwise.
pub(crate) fn start(cli: &Cli) {
    let usual = match cli.command {
        Command::Run(_) => "info",
        Command::Collect(_) | Command::Demo(_) if std::io::stderr().is_terminal() => "error",
        _ => "warn",
    };
    let wanted = cli.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(usual));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        // It would panic where standard error takes nothing.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    match cli.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
