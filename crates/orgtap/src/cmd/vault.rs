//! `orgtap vault`: the names in the vault, and what changes them. Never shows a value.

use clap::{Args, Subcommand};
use orgtap_collector::config::Settings;
use orgtap_transport::{disk, vault};
use serde_json::json;

use super::{ask, say, settings_maybe_empty};
use crate::cli::Common;
use crate::exit::{Exit, usage};
use crate::render::table;

#[derive(Debug, Subcommand)]
pub(crate) enum VaultWhat {
    /// List the names of the entries, and what uses each.
    List,
    /// Keep a secret: typed unseen, or from standard input if that is no terminal.
    Set(EntryArgs),
    /// Remove a secret.
    Remove(RemoveArgs),
    /// Encrypt everything with a new key.
    Rotate,
    /// Print a new key, for an environment variable. Nothing is changed.
    NewKey,
}

#[derive(Debug, Args)]
pub(crate) struct EntryArgs {
    /// The entry, for example acme/consumer_secret.
    #[arg(value_name = "ENTRY")]
    entry: String,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// The entry.
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// Do not ask, even if something uses it.
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub(crate) async fn run(common: &Common, what: &VaultWhat) -> anyhow::Result<Exit> {
    match what {
        VaultWhat::List => list(common),
        VaultWhat::Set(args) => set(common, &args.entry).await,
        VaultWhat::Remove(args) => remove(common, args).await,
        VaultWhat::Rotate => rotate(common),
        VaultWhat::NewKey => {
            let key = vault::new_key()?;
            if common.json {
                say(json!({ "key": key.expose() }));
            } else {
                say(key.expose());
            }
            Ok(Exit::Success)
        }
    }
}

fn list(common: &Common) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let names = tokio::task::block_in_place(|| settings.vault.names())?;
    if common.json {
        let entries: Vec<_> = names
            .iter()
            .map(|entry| json!({ "entry": entry, "used_by": users(&settings, entry) }))
            .collect();
        say(json!({ "key": settings.vault.key().to_string(), "entries": entries }));
        return Ok(Exit::Success);
    }
    if names.is_empty() {
        say("The vault is empty.");
        return Ok(Exit::Success);
    }
    let rows = names.into_iter().map(|entry| {
        let users = users(&settings, &entry);
        let users = if users.is_empty() { "unused".to_owned() } else { users.join(", ") };
        [entry, users]
    });
    say(table(["Entry", "Used by"], rows.collect()));
    Ok(Exit::Success)
}

async fn set(common: &Common, entry: &str) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    if !is_entry(entry) {
        return Err(usage(
            "an entry is called like acme/consumer_secret: letters, digits, `-`, `_`, `.` and `/`, \
             and not longer than 100"
                .to_owned(),
        ));
    }
    let value = if ask::is_possible() {
        ask::needed_secret(&format!("{entry}: ")).await?
    } else {
        tokio::task::block_in_place(ask::secret_from_stdin)?
    };
    tokio::task::block_in_place(|| settings.vault.set(entry, &value))?;
    let users = users(&settings, entry);
    if common.json {
        say(json!({ "entry": entry, "kept": true, "used_by": users }));
    } else if users.is_empty() {
        say(format!(
            "{entry} is in the vault. Nothing uses it yet; the configuration refers to it as \
             {{ stored: {entry} }}."
        ));
    } else {
        say(format!("{entry} is in the vault, for {}.", users.join(", ")));
    }
    Ok(Exit::Success)
}

async fn remove(common: &Common, args: &RemoveArgs) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let entry = &args.entry;
    let users = users(&settings, entry);
    if !users.is_empty() && !args.yes {
        let users = users.join(", ");
        if !ask::is_possible() {
            return Err(usage(format!(
                "{entry} is used by {users}; --yes removes it all the same"
            )));
        }
        if !ask::confirm(&format!("{entry} is used by {users}. Remove it?")).await? {
            say("Nothing is removed.");
            return Ok(Exit::Success);
        }
    }
    if !tokio::task::block_in_place(|| settings.vault.remove(entry))? {
        return Err(usage(format!("there is no {entry:?} in the vault; see `orgtap vault list`")));
    }
    if common.json {
        say(json!({ "entry": entry, "removed": true }));
    } else {
        say(format!("{entry} is removed."));
    }
    Ok(Exit::Success)
}

fn rotate(common: &Common) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let count = tokio::task::block_in_place(|| settings.vault.rotate())?;
    let key = settings.vault.key().to_string();
    if common.json {
        say(json!({ "entries": count, "key": key }));
    } else {
        let entries = if count == 1 { "entry is" } else { "entries are" };
        say(format!("{count} {entries} encrypted with the new key ({key})."));
    }
    Ok(Exit::Success)
}

/// What uses an entry: references of the configuration, and the sign-ins of its connectors.
fn users(settings: &Settings, entry: &str) -> Vec<String> {
    let referring = settings.stored.iter().filter(|it| it.entry == entry);
    let mut users: Vec<String> = referring.map(|it| format!("{} {}", it.kind, it.name)).collect();
    if let Some((connector, "session" | "newest_refresh_token")) = entry.split_once('/')
        && settings.connectors.iter().any(|one| one.name == connector)
    {
        users.push(format!("connector {connector} (its sign-in)"));
    }
    users.dedup();
    users
}

/// Whether a name can be listed again and typed without quotes.
fn is_entry(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let fits = !name.is_empty() && name.len() <= 100 && name.bytes().all(plain);
    fits && disk::text_of_part(&disk::path_part(name)).as_deref() == Some(name)
}
