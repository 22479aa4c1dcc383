//! What of the set-up is still missing in an org: the other half of the set-up kit.
//!
//! Signs in as the connector does and asks; changes nothing. What the user may not see is said to
//! be unknown, not to be missing.

use std::sync::Arc;

use jiff::Timestamp;
use orgtap_salesforce::Org;
use orgtap_salesforce::kit::{self, Source};
use orgtap_transport::{Explain, disk};
use serde::Serialize;

use crate::access::Access;
use crate::collector::open_ledger;
use crate::config::{ConnectorSettings, Settings, SignInSettings};
use crate::error::{Error, Result};
use crate::secrets::org_settings;
use crate::test_connection::listed::list;

/// Whether one thing is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupState {
    /// It is.
    Done,
    /// It is not.
    Missing,
    /// The org does not tell.
    Unknown,
}

/// One thing that has to be in place.
#[derive(Debug, Clone, Serialize)]
pub struct SetupItem {
    /// What.
    pub what: String,
    /// Whether it is.
    pub state: SetupState,
    /// What to do, or why it is not known; empty if it is done.
    pub remedy: String,
}

/// What is in place and what is not.
#[derive(Debug, Clone, Serialize)]
pub struct SetupReport {
    /// The connector.
    pub connector: String,
    /// Everything that was looked at, in the order of the guide.
    pub items: Vec<SetupItem>,
}

impl SetupReport {
    /// Whether nothing is known to be missing.
    pub fn is_complete(&self) -> bool {
        self.items.iter().all(|item| item.state != SetupState::Missing)
    }

    fn done(&mut self, what: impl Into<String>) {
        self.add(what, SetupState::Done, "");
    }

    fn missing(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(what, SetupState::Missing, remedy);
    }

    fn unknown(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.add(what, SetupState::Unknown, why);
    }

    fn add(&mut self, what: impl Into<String>, state: SetupState, remedy: impl Into<String>) {
        self.items.push(SetupItem { what: what.into(), state, remedy: remedy.into() });
    }
}

/// Asks the org of a connector what is still missing. `name` is the kit's developer name.
pub async fn setup_check(
    settings: &Settings,
    connector: &ConnectorSettings,
    name: &str,
    sources: &[Source],
) -> Result<SetupReport> {
    disk::create_private_folder(&settings.data_dir).map_err(Error::disk(&settings.data_dir))?;
    let ledger = open_ledger(&settings.data_dir).await?;
    let access = Access::open(&settings.data_dir, Arc::clone(&ledger))?;
    let mut report = SetupReport { connector: connector.name.clone(), items: Vec::new() };
    let org_settings = org_settings(connector, &settings.vault).await?;
    let what = format!("the app signs Orgtap in ({})", org_settings.sign_in.flow());
    let org = Org::new(org_settings)?;
    match access.sign_in(&connector.name, &org, false).await {
        Ok(_) => report.done(what),
        Err(error @ (Error::Org(_) | Error::StillRefused { .. })) => {
            let remedy = error.remedy();
            let text = format!("{error}; {remedy} `orgtap test-connection` says more");
            report.missing(what, text);
            return Ok(report);
        }
        Err(error) => return Err(error),
    }
    permission_set(&mut report, &org, name).await;
    permissions(&mut report, &org, connector, sources).await;
    if sources.contains(&Source::EventLogFiles) {
        log_files(&mut report, &org).await;
    }
    Ok(report)
}

async fn permission_set(report: &mut SetupReport, org: &Org, name: &str) {
    let what = format!("the permission set {name} is assigned to the user");
    match org.permission_sets().await {
        Ok(Some(names)) if names.iter().any(|held| held == name) => report.done(what),
        Ok(Some(_)) => {
            let user = org.signed_in().map_or_else(String::new, |who| who.user_id);
            report.missing(
                what,
                format!("`sf org assign permset --name {name} --on-behalf-of USER`, where USER is the user {user}"),
            );
        }
        Ok(None) => report.unknown(
            what,
            "the user may not see permission sets (View Setup and Configuration), and need not",
        ),
        Err(error) => report.unknown(what, error.to_string()),
    }
}

async fn permissions(
    report: &mut SetupReport,
    org: &Org,
    connector: &ConnectorSettings,
    sources: &[Source],
) {
    let mut wanted = kit::permissions(sources);
    if matches!(connector.sign_in, SignInSettings::Password { .. }) {
        wanted.push(("PasswordNeverExpires", "Password Never Expires"));
    }
    let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    let held = match org.permissions(&names).await {
        Ok(held) => held,
        Err(error) => {
            report.unknown("the user's permissions", error.to_string());
            return;
        }
    };
    for (name, label) in wanted {
        let what = format!("the user has {label}");
        match held.get(name).copied().flatten() {
            Some(true) => report.done(what),
            Some(false) => report.missing(
                what,
                format!("add {label} to a permission set of the user, or deploy the kit's again"),
            ),
            None => report.unknown(what, "the org does not tell"),
        }
    }
    if sources.contains(&Source::EventLogObjects) {
        report.unknown(
            "the user has View Event Log Object Data",
            "its API name is not published; look at the user's permission sets",
        );
    }
}

async fn log_files(report: &mut SetupReport, org: &Org) {
    let what = "event log files can be read";
    let shape = match org.log_file_shape().await {
        Ok(shape) => shape,
        Err(error) => {
            report.missing(what, format!("{error}; {}", error.remedy()));
            return;
        }
    };
    report.done(what);
    let now = org.server_time().unwrap_or_else(Timestamp::now);
    let (generated, licensed) =
        ("event log files are generated", "the org has the Event Monitoring licence");
    match list(org, &shape, now).await {
        Ok(listed) if listed.files.is_empty() => {
            report.missing(
                generated,
                "none was made in the last four days: Setup > Event Monitoring Settings > Generate \
                 event log files; or nothing happened",
            );
            report.unknown(licensed, "it shows with the first files");
        }
        Ok(listed) => {
            report.done(generated);
            if listed.is_free_only() {
                report.missing(
                    licensed,
                    "only event types that need none have files, and they are kept for a day; ask \
                     Salesforce for Shield or Event Monitoring",
                );
            } else {
                report.done(licensed);
            }
        }
        Err(error) => report.unknown(generated, error.to_string()),
    }
    if shape.has_interval {
        report.done("the org makes hourly files");
    } else {
        report.unknown(
            "the org makes hourly files",
            "it does not, which is fine: daily ones come a day later",
        );
    }
}
