//! The commands.

pub(crate) mod ask;
pub(crate) mod backfill;
pub(crate) mod collect;
pub(crate) mod completeness;
pub(crate) mod config;
pub(crate) mod connector;
pub(crate) mod console;
pub(crate) mod convert;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod healthcheck;
pub(crate) mod reference;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod setup_kit;
pub(crate) mod state;
pub(crate) mod status;
pub(crate) mod test_connection;
pub(crate) mod vault;

use std::sync::Arc;

use orgtap_collector::config::{ConnectorSettings, Settings, TypeFilter, load, load_maybe_empty};
use orgtap_ledger::Ledger;
use tokio_util::sync::CancellationToken;

use crate::cli::Common;
pub(crate) use crate::say::{say, say_aside};

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

pub(crate) fn pass_on(settings: &Settings) {
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

/// The ledger of a data folder in which something was collected.
pub(crate) async fn ledger(settings: &Settings) -> anyhow::Result<Arc<dyn Ledger>> {
    if !orgtap_collector::ledger_path(&settings.data_dir).exists() {
        return Err(crate::exit::usage(format!(
            "nothing has been collected into {} yet",
            settings.data_dir.display()
        )));
    }
    Ok(orgtap_collector::open_ledger(&settings.data_dir).await?)
}

/// The ledger, and the connectors in it of these names: all if none is given, also those that are
/// no longer configured.
pub(crate) async fn recorded(
    settings: &Settings,
    names: &[String],
) -> anyhow::Result<(Arc<dyn Ledger>, Vec<String>)> {
    let ledger = ledger(settings).await?;
    let known = ledger.connectors().await?;
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        return Err(crate::exit::usage(format!(
            "nothing was collected by a connector {unknown:?}; there are: {}",
            known.join(", ")
        )));
    }
    let names = if names.is_empty() { known } else { names.to_vec() };
    Ok((ledger, names))
}

/// The event types of a connector that names with `*` mean; none if nothing was named.
pub(crate) async fn event_types(
    ledger: &Arc<dyn Ledger>,
    connector: &str,
    names: &[String],
) -> anyhow::Result<Option<Vec<String>>> {
    if names.is_empty() {
        return Ok(None);
    }
    let filter = TypeFilter::parse(names.iter().map(String::as_str))
        .map_err(|(_, error)| crate::exit::usage(format!("--types: {error}")))?;
    let known = ledger.summary(connector).await?.event_types;
    Ok(Some(known.into_keys().filter(|name| filter.admits(name)).collect()))
}

/// Now, in the ledger's unit.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
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
