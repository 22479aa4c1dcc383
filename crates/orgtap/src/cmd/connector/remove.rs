//! `orgtap connector remove`: a saved connector and its secrets.

use std::fs;

use anyhow::Context as _;
use orgtap_collector::config::Settings;
use orgtap_ledger::unit::State;
use orgtap_transport::disk;
use serde_json::json;

use super::secrets::{entries, is_used_elsewhere};
use super::{RemoveArgs, named};
use crate::cli::Common;
use crate::cmd::{ask, say, settings_maybe_empty};
use crate::exit::{Exit, usage};
use crate::render::count;

/// Runs the command.
pub(super) async fn run(common: &Common, args: &RemoveArgs) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let name = &args.name;
    let Some(file) = named(&settings, name)?.saved_in.clone() else {
        let main = common.config.display();
        return Err(usage(format!(
            "{name} stands in {main}, which Orgtap does not change; remove it there"
        )));
    };
    if !args.yes {
        if !ask::is_possible() {
            return Err(usage("there is no terminal to ask at; --yes removes unasked".to_owned()));
        }
        if !ask::confirm(&format!("Remove {name} and its secrets?")).await? {
            say("Nothing is removed.");
            return Ok(Exit::Success);
        }
    }
    let waiting = waiting(&settings, name).await?;
    let (removed, kept) = tokio::task::block_in_place(|| {
        // The connector first: one without secrets would be worse than secrets without one.
        fs::remove_file(&file)
            .and_then(|()| file.parent().map_or(Ok(()), disk::sync_folder))
            .with_context(|| format!("cannot remove {}", file.display()))?;
        let vault = &settings.vault;
        let (kept, gone): (Vec<_>, Vec<_>) = entries(vault, name)?
            .into_iter()
            .partition(|entry| is_used_elsewhere(&settings, entry, name));
        for entry in &gone {
            vault.remove(entry)?;
        }
        anyhow::Ok((gone, kept))
    })?;
    if common.json {
        say(json!({
            "connector": name, "removed": true, "file": file,
            "vault_entries_removed": removed, "vault_entries_kept": kept, "files_waiting": waiting,
        }));
        return Ok(Exit::Success);
    }
    say(format!(
        "{name} is removed: {} and {} entries of the vault.",
        file.display(),
        removed.len()
    ));
    for entry in &kept {
        say(format!("{entry} stays in the vault: something else refers to it."));
    }
    if orgtap_collector::is_running(&settings.data_dir) {
        say("The Orgtap that is at work goes on collecting it until it is restarted.");
    }
    if waiting > 0 {
        say(format!(
            "{} of its log files wait in the spool to be delivered. They stay there until a \
             connector of this name, for the same org, is there again and delivers them.",
            count(waiting.unsigned_abs())
        ));
    }
    Ok(Exit::Success)
}

/// How many of a connector's log files are in the spool and not delivered everywhere. Nobody works
/// on those of a connector that is not configured, and nobody drops them.
async fn waiting(settings: &Settings, name: &str) -> anyhow::Result<i64> {
    if !orgtap_collector::ledger_path(&settings.data_dir).exists() {
        return Ok(0);
    }
    let ledger = orgtap_collector::open_ledger(&settings.data_dir).await?;
    let units = ledger.summary(name).await?.units;
    let waits = |state: &str| matches!(State::parse(state), Some(State::Fetched | State::Admitted));
    Ok(units.iter().filter(|(state, _)| waits(state)).map(|(_, count)| count).sum())
}
