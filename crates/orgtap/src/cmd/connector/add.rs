//! `orgtap connector add`: ask, test, save.
//!
//! The secrets are in memory only until it is certain that the connector is saved, so that a process
//! that dies before leaves the old ones in place and no new ones behind.

use std::path::{Path, PathBuf};

use orgtap_collector::config::{ConnectorSettings, NewConnector, Settings};
use orgtap_collector::{KeptSecret, TestReport, is_running, save_connector};
use orgtap_transport::SecretRef;
use serde_json::{Map, Value, json};

use super::answers::{self, Answers};
use super::before::Before;
use super::flags::AddArgs;
use crate::cli::Common;
use crate::cmd::ask::{self, Interrupted};
use crate::cmd::{next_signal, say, say_aside, settings_maybe_empty, test_connection};
use crate::exit::{Exit, usage};

/// How it ended.
struct Added {
    /// The test, unless there was none.
    report: Option<TestReport>,
    /// The file, if it is saved.
    file: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(common: &Common, args: &AddArgs) -> anyhow::Result<Exit> {
    let settings = settings_maybe_empty(common)?;
    let answers = answers::gather(args, &settings, &common.config).await?;
    let connector = answers.new.check(&settings, &common.config)?;
    let before = Before::of(&settings, &answers.new.name).await?;
    let added = Box::pin(test_and_save(common, args, &settings, &answers, connector)).await;
    let mut is_exchanged = false;
    if !matches!(&added, Ok(Added { file: Some(_), .. })) {
        match before.restore(answers.entered_value("refresh_token")).await {
            Ok(exchanged) => is_exchanged = exchanged,
            // What went wrong first is what a person should hear of.
            Err(error) if added.is_err() => {
                tracing::warn!(%error, "not everything is as it was");
            }
            Err(error) => return Err(error),
        }
    }
    let added = added?;
    if common.json {
        say(as_object(&answers.new, &added));
    } else {
        say(last_words(&answers.new, &added, is_exchanged, &settings.data_dir));
    }
    Ok(if added.file.is_some() { Exit::Success } else { Exit::Blocked })
}

async fn test_and_save(
    common: &Common,
    args: &AddArgs,
    settings: &Settings,
    answers: &Answers,
    connector: ConnectorSettings,
) -> anyhow::Result<Added> {
    let report = if args.no_test {
        None
    } else {
        let connector = connector.with_secrets(|key| answers.value(key));
        let interrupted = next_signal();
        tokio::select! {
            report = test_connection::test(settings, &connector, common.json) => Some(report?),
            () = interrupted => return Err(Interrupted.into()),
        }
    };
    let is_good = report.as_ref().is_none_or(|report| report.successful);
    let is_meant = is_good || args.save_anyway || is_wanted(common, report.as_ref()).await?;
    let file = if is_meant {
        Some(tokio::task::block_in_place(|| save(args, settings, answers))?)
    } else {
        None
    };
    Ok(Added { report, file })
}

/// Whether a person wants to have a connector saved that does not work.
async fn is_wanted(common: &Common, report: Option<&TestReport>) -> anyhow::Result<bool> {
    if !ask::is_possible() {
        return Ok(false);
    }
    if let (true, Some(report)) = (common.json, report) {
        // The answer depends on it, and standard output is for the end.
        say_aside(&test_connection::verdict(report));
    }
    ask::confirm("Save it anyway?").await
}

/// Puts the secrets into the vault, then the connector beside the others. Blocks.
fn save(args: &AddArgs, settings: &Settings, answers: &Answers) -> anyhow::Result<PathBuf> {
    let Answers { new, entered } = answers;
    if !args.replace && new.path(settings).exists() {
        let name = &new.name;
        return Err(usage(format!(
            "{name} was saved by somebody else meanwhile; nothing is changed"
        )));
    }
    let to_store = entered.iter().filter(|secret| secret.kept.is_none());
    let to_store: Vec<_> = to_store.map(|secret| (secret.key, &secret.value)).collect();
    Ok(save_connector(settings, new, &to_store)?)
}

fn last_words(new: &NewConnector, added: &Added, is_exchanged: bool, data_dir: &Path) -> String {
    let name = &new.name;
    let Some(file) = &added.file else {
        if is_exchanged {
            return format!(
                "{name} is not saved. The test exchanged its refresh token; the newest one stays \
                 in the vault, and the next try with the same token goes on with it."
            );
        }
        return format!("{name} is not saved, and nothing of it is kept.");
    };
    let tested = match &added.report {
        None => ", untested",
        Some(report) if report.successful => "",
        Some(_) => ", although the test failed",
    };
    let is_stored = |(_, it): &(_, SecretRef)| matches!(it, SecretRef::Stored(_));
    let secrets = if new.secrets.iter().any(is_stored) {
        format!("\nIts secrets are in the vault: `orgtap vault list` names them as {name}/...")
    } else {
        String::new()
    };
    let taken_up = if is_running(data_dir) {
        "The `orgtap run` that is at work begins collecting it now."
    } else {
        "`orgtap run` collects it."
    };
    format!("{name} is saved in {}{tested}.{secrets}\n{taken_up}", file.display())
}

fn as_object(new: &NewConnector, added: &Added) -> Value {
    let secrets: Map<String, Value> = new
        .secrets
        .iter()
        .map(|(key, it)| ((*key).to_owned(), json!(KeptSecret::of(it))))
        .collect();
    json!({
        "connector": new.name,
        "saved": added.file.is_some(),
        "file": added.file,
        "instance_url": new.instance_url,
        "auth": new.auth.word(),
        "salesforce_user": new.user,
        "secrets": secrets,
        "destinations": new.destinations,
        "test": added.report,
    })
}
