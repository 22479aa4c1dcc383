//! The commands.

pub(crate) mod collect;
pub(crate) mod config;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod healthcheck;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod setup_kit;
pub(crate) mod status;
pub(crate) mod test_connection;

use orgtap_collector::config::{ConnectorSettings, Settings, load};
use tokio_util::sync::CancellationToken;

use crate::cli::Common;

/// Reads the configuration and passes its warnings on.
pub(crate) fn settings(common: &Common) -> anyhow::Result<Settings> {
    let settings = load(&common.config)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    Ok(settings)
}

/// The connectors named on the command line; all of them when none is named.
pub(crate) fn chosen(
    settings: &Settings,
    names: &[String],
) -> anyhow::Result<Vec<ConnectorSettings>> {
    if names.is_empty() {
        return Ok(settings.connectors.clone());
    }
    names
        .iter()
        .map(|name| {
            let known = settings.connectors.iter().find(|connector| connector.name == *name);
            known.cloned().ok_or_else(|| {
                let all: Vec<_> =
                    settings.connectors.iter().map(|connector| connector.name.as_str()).collect();
                crate::exit::usage(format!(
                    "no connector {name:?} in the configuration; there are: {}",
                    all.join(", ")
                ))
            })
        })
        .collect()
}

/// Ends when the person or the supervisor asks to stop. A second time stops at once.
pub(crate) fn stop_signal() -> CancellationToken {
    let cancel = CancellationToken::new();
    let told = cancel.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        tracing::info!("stopping: finishing what is in hand; again to stop at once");
        told.cancel();
        wait_for_signal().await;
        std::process::exit(130);
    });
    cancel
}

#[cfg(unix)]
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn wait_for_signal() {
    drop(tokio::signal::ctrl_c().await);
}

/// Prints a line of results to standard error, where standard output is taken.
#[expect(clippy::print_stderr, reason = "standard output carries events")]
pub(crate) fn say_aside(text: &str) {
    eprintln!("{text}");
}

/// Prints a line of results. A reader that has gone away ends the program quietly.
pub(crate) fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}
