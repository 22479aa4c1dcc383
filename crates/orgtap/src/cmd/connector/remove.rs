//! `orgtap connector remove`: a saved connector and its secrets.

use orgtap_collector::config::Settings;
use orgtap_collector::{
    files_waiting, is_running, ledger_path, open_ledger, remove_file, remove_secrets,
};
use orgtap_transport::words::count;
use serde_json::json;

use super::{RemoveArgs, named};
use crate::cli::Common;
use crate::cmd::{ask, say, settings_maybe_empty};
use crate::exit::{Exit, usage};

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
        remove_file(&file)?;
        anyhow::Ok(remove_secrets(&settings, name)?)
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
    if is_running(&settings.data_dir) {
        say("The `orgtap run` that is at work stops collecting it now.");
    }
    if waiting > 0 {
        say(format!(
            "{} of its log files wait in the spool to be delivered. They stay there until a \
             connector of this name, for the same org, is there again and delivers them.",
            count(waiting)
        ));
    }
    Ok(Exit::Success)
}

/// How many of its log files are in the spool and not delivered everywhere.
async fn waiting(settings: &Settings, name: &str) -> anyhow::Result<u64> {
    if !ledger_path(&settings.data_dir).exists() {
        return Ok(0);
    }
    Ok(files_waiting(&*open_ledger(&settings.data_dir).await?, name).await?)
}
