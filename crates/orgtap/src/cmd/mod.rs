//! The commands.

pub(crate) mod ask;
pub(crate) mod backfill;
pub(crate) mod collect;
pub(crate) mod completeness;
pub(crate) mod config;
pub(crate) mod connector;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod healthcheck;
pub(crate) mod reference;
pub(crate) mod run;
pub(crate) mod setup_kit;
pub(crate) mod status;
pub(crate) mod test_connection;
pub(crate) mod vault;

use orgtap_collector::config::{ConnectorSettings, Settings, load, load_maybe_empty};
use tokio_util::sync::CancellationToken;

use crate::cli::Common;

/// Reads the configuration and passes its warnings on.
pub(crate) fn settings(common: &Common) -> anyhow::Result<Settings> {
    let settings = load(&common.config)?;
    pass_on(&settings);
    Ok(settings)
}

/// The same, for commands that can do without any connector.
pub(crate) fn settings_maybe_empty(common: &Common) -> anyhow::Result<Settings> {
    let settings = load_maybe_empty(&common.config)?;
    pass_on(&settings);
    Ok(settings)
}

fn pass_on(settings: &Settings) {
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
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

/// Waits until the person or the supervisor asks to stop.
async fn wait_for_signal() {
    next_signal().await;
}

/// The same, listening from now on: what comes before it is awaited is not lost.
#[cfg(unix)]
fn next_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn heard(signal: std::io::Result<Signal>) {
        match signal {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    }
    let interrupt = signal(SignalKind::interrupt());
    let terminate = signal(SignalKind::terminate());
    async move {
        tokio::select! {
            () = heard(interrupt) => {}
            () = heard(terminate) => {}
        }
    }
}

#[cfg(not(unix))]
fn next_signal() -> impl Future<Output = ()> {
    async { drop(tokio::signal::ctrl_c().await) }
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
