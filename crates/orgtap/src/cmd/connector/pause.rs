//! `orgtap connector pause` and `resume`. An Orgtap at work notices by itself.

use std::sync::Arc;

use orgtap_collector::config::Settings;
use orgtap_collector::{is_running, open_ledger};
use orgtap_ledger::{Ledger, Paused};
use orgtap_transport::disk;
use serde_json::json;

use super::{PauseArgs, named};
use crate::cli::Common;
use crate::cmd::{now, say, settings_maybe_empty};
use crate::exit::Exit;

/// Pauses a connector.
pub(super) async fn pause(common: &Common, args: &PauseArgs) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let name = &args.name;
    named(&settings, name)?;
    let by = args.by.clone().or_else(|| std::env::var("USER").ok().filter(|it| !it.is_empty()));
    let paused = Paused { at: now(), by, note: args.note.clone() };
    ledger(&settings).await?.set_paused(name, Some(&paused)).await?;
    if common.json {
        say(json!({ "connector": name, "paused": true, "by": paused.by, "note": paused.note }));
        return Ok(Exit::Success);
    }
    let at_work = if is_running(&settings.data_dir) {
        " The `orgtap run` that is at work finishes what is in hand and stops."
    } else {
        ""
    };
    say(format!("{name} is paused.{at_work}"));
    Ok(Exit::Success)
}

/// Ends a pause.
pub(super) async fn resume(common: &Common, name: &str) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    named(&settings, name)?;
    let ledger = ledger(&settings).await?;
    let was_paused = ledger.connector(name).await?.paused.is_some();
    ledger.set_paused(name, None).await?;
    if common.json {
        say(json!({ "connector": name, "paused": false, "was_paused": was_paused }));
    } else if was_paused {
        say(format!("{name} is resumed."));
    } else {
        say(format!("{name} was not paused."));
    }
    Ok(Exit::Success)
}

/// The ledger, made if nothing has been collected yet.
async fn ledger(settings: &Settings) -> anyhow::Result<Arc<dyn Ledger>> {
    disk::create_private_folder(&settings.data_dir)?;
    Ok(open_ledger(&settings.data_dir).await?)
}
