//! `orgtap run`: collects from all connectors until stopped.

use orgtap_collector::Fleet;
use orgtap_collector::config::MainFile;

use super::{chosen, pass_on, stop_signal};
use crate::cli::{Common, RunArgs};
use crate::exit::Exit;

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &RunArgs) -> anyhow::Result<Exit> {
    let main = MainFile::read(&common.config)?;
    let settings = main.with_saved()?;
    pass_on(&settings);
    chosen(&settings, &args.connectors)?;
    if settings.connectors.is_empty() {
        tracing::warn!("there is no connector yet; `orgtap connector add` makes one");
    }
    let fleet = Fleet::open(main, &args.give_up, &args.connectors).await?;
    fleet.run(&stop_signal()).await?;
    Ok(Exit::Success)
}
