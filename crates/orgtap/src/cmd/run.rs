//! `orgtap run`: collects from all connectors until stopped.

use std::sync::Arc;

use orgtap_collector::{Collector, Progress};
use tokio::task::JoinSet;

use super::{chosen, settings, stop_signal};
use crate::cli::{Common, RunArgs};
use crate::exit::Exit;

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &RunArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    let connectors = chosen(&settings, &args.connectors)?;
    let cancel = stop_signal();
    let Some(collector) = Collector::open_to_run(settings, &cancel).await? else {
        return Ok(Exit::Success);
    };
    let collector = Arc::new(collector.giving_up(&args.give_up));
    let mut running = JoinSet::new();
    for connector in connectors {
        let (collector, cancel) = (Arc::clone(&collector), cancel.clone());
        tracing::info!(connector = connector.name, "collecting");
        running.spawn(async move {
            let progress = Arc::new(Progress::new(&connector.destinations));
            collector.run(&connector, &progress, &cancel).await
        });
    }
    let mut failed = None;
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended? {
            // The ledger or the disk failed: that is everybody's, so everybody stops.
            cancel.cancel();
            failed = failed.or(Some(error));
        }
    }
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(Exit::Success),
    }
}
