//! `orgtap run`: collects from all connectors until stopped.

use orgtap_collector::Fleet;
use orgtap_collector::config::{MainFile, Settings};

use super::{chosen, console, pass_on, stop_signal};
use crate::cli::{Common, RunArgs};
use crate::exit::Exit;

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &RunArgs) -> anyhow::Result<Exit> {
    let main = MainFile::read(&common.config)?;
    let settings = main.with_readable()?;
    pass_on(&settings);
    for problem in &settings.broken {
        tracing::error!(
            code = problem.code,
            remedy = problem.remedy,
            "passed over, the others are collected: {}",
            problem.message
        );
    }
    chosen(&settings, &args.connectors)?;
    if settings.connectors.is_empty() {
        tracing::warn!("there is no connector yet; `orgtap connector add` makes one");
    }
    let cancel = stop_signal();
    let opened = Fleet::open_to_run(main, &args.give_up, &args.connectors, &cancel).await?;
    let Some(fleet) = opened else { return Ok(Exit::Success) };
    let console = console::start(&fleet, &cancel).await?;
    let ran = fleet.run(&cancel).await;
    // The console does not outlive the collecting, whatever ended that.
    cancel.cancel();
    if let Some(console) = console {
        console.await?;
    }
    ran?;
    Ok(Exit::Success)
}

/// Reads the configuration as `orgtap run` does: there may be no connector, and saved ones whose
/// file cannot be read are passed over.
pub(crate) fn settings(common: &Common) -> anyhow::Result<Settings> {
    let settings = MainFile::read(&common.config)?.with_readable()?;
    pass_on(&settings);
    Ok(settings)
}
