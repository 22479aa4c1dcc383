//! `orgtap setup-kit`: what an administrator deploys into an org, and a guide to it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::tz::Offset;
use orgtap_collector::{SetupReport, SetupState, setup_check};
use orgtap_salesforce::kit::{self, KitError, KitSettings, Written};
use orgtap_transport::Explain as _;
use serde_json::json;

use super::{chosen, say, say_aside};
use crate::cli::Common;
use crate::exit::Exit;
use crate::render::problem_text;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SetupKitArgs {
    #[command(flatten)]
    kit: Option<KitArgs>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Ask the org what of the set-up is still missing.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Only these connectors.
    #[arg(value_name = "CONNECTOR")]
    connectors: Vec<String>,
    /// Developer name the kit was made with.
    #[arg(long, default_value = "Orgtap")]
    name: String,
    /// What Orgtap will read.
    #[arg(
        long,
        value_enum,
        value_name = "SOURCE,..",
        value_delimiter = ',',
        default_value = "event-log-files"
    )]
    sources: Vec<Source>,
}

#[derive(Debug, Args)]
struct KitArgs {
    /// Folder to write the kit into.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How Orgtap will sign in.
    #[arg(long, value_enum, default_value_t = Flow::ClientCredentials)]
    flow: Flow,
    /// What Orgtap will read; the user gets the permissions for that and no more.
    #[arg(
        long,
        value_enum,
        value_name = "SOURCE,..",
        value_delimiter = ',',
        default_value = "event-log-files"
    )]
    sources: Vec<Source>,
    /// Address Salesforce writes to about the app.
    #[arg(long, value_name = "ADDRESS")]
    contact_email: String,
    /// User name Orgtap will run as, for example collector@acme.example.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Developer name of everything the kit makes in the org.
    #[arg(long, default_value = "Orgtap")]
    name: String,
    /// Label that administrators see; the name with "Collector" if not given.
    #[arg(long)]
    label: Option<String>,
    /// Address, network (203.0.113.0/24) or range (203.0.113.1-203.0.113.9) Orgtap calls from. May
    /// be repeated.
    #[arg(long = "address", value_name = "RANGE")]
    addresses: Vec<String>,
    /// Days the org shall keep event log files, 30 to 365.
    #[arg(long, value_name = "DAYS")]
    event_log_retention: Option<u16>,
    /// Version of the metadata.
    #[arg(long, value_name = "VERSION", default_value = "66.0")]
    api_version: String,
    /// Days the certificate of the JWT flow is valid.
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    certificate_days: u16,
    /// Make a new key and certificate in place of those that are there.
    #[arg(long)]
    new_key: bool,
    /// Write over a kit that is there; its key is kept.
    #[arg(long)]
    force: bool,
}

/// Ways to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Flow {
    /// OAuth client credentials: key and secret of an external client app.
    ClientCredentials,
    /// OAuth JWT bearer: a private key, whose certificate an external client app has.
    Jwt,
    /// OAuth username-password, with a connected app: off in newer orgs, and easier to attack.
    Password,
    /// Each of them.
    All,
}

impl From<Flow> for kit::Flow {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::ClientCredentials => Self::ClientCredentials,
            Flow::Jwt => Self::Jwt,
            Flow::Password => Self::Password,
            Flow::All => Self::All,
        }
    }
}

/// Things to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Event log files.
    EventLogFiles,
    /// Stored real-time events.
    RealTimeEvents,
    /// Event log objects.
    EventLogObjects,
    /// Login history.
    LoginHistory,
    /// The setup audit trail.
    SetupAuditTrail,
}

impl From<Source> for kit::Source {
    fn from(source: Source) -> Self {
        match source {
            Source::EventLogFiles => Self::EventLogFiles,
            Source::RealTimeEvents => Self::RealTimeEvents,
            Source::EventLogObjects => Self::EventLogObjects,
            Source::LoginHistory => Self::LoginHistory,
            Source::SetupAuditTrail => Self::SetupAuditTrail,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &SetupKitArgs) -> anyhow::Result<Exit> {
    match (&args.what, &args.kit) {
        (Some(What::Check(check_args)), _) => check(common, check_args).await,
        (None, Some(kit_args)) => Ok(write(common, kit_args)),
        (None, None) => Err(crate::exit::usage("give --out, or the command check".to_owned())),
    }
}

/// Asks each connector's org.
async fn check(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let settings = super::settings(common)?;
    let connectors = chosen(&settings, &args.connectors)?;
    let sources: Vec<kit::Source> = args.sources.iter().copied().map(Into::into).collect();
    let mut worst = Exit::Success;
    let mut reports = Vec::new();
    for connector in &connectors {
        let report = setup_check(&settings, connector, &args.name, &sources).await?;
        if !report.is_complete() {
            worst = Exit::Blocked;
        }
        if common.json {
            reports.push(json!({ "complete": report.is_complete(), "report": report }));
        } else {
            say(found(&report));
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(worst)
}

fn found(report: &SetupReport) -> String {
    let mut lines = vec![report.connector.clone()];
    for item in &report.items {
        let mark = match item.state {
            SetupState::Done => "done",
            SetupState::Missing => "MISSING",
            SetupState::Unknown => "unknown",
        };
        lines.push(format!("  {mark:<8} {}", item.what));
        if !item.remedy.is_empty() {
            lines.push(format!("           {}", item.remedy));
        }
    }
    let end = if report.is_complete() { "Nothing is missing." } else { "Something is missing." };
    lines.push(end.to_owned());
    lines.join("\n")
}

/// Writes a kit.
fn write(common: &Common, args: &KitArgs) -> Exit {
    match kit::write(&settings(args), &args.out) {
        Ok(written) if common.json => {
            say(json!({
                "folder": written.folder,
                "files": written.files,
                "kept": written.kept,
                "next": next(&written),
            }));
            Exit::Success
        }
        Ok(written) => {
            say(report(&written));
            Exit::Success
        }
        Err(error) => refused(&error, common.json),
    }
}

fn settings(args: &KitArgs) -> KitSettings {
    KitSettings {
        name: args.name.clone(),
        label: args.label.clone(),
        flow: args.flow.into(),
        user: args.user.clone(),
        contact_email: args.contact_email.clone(),
        sources: args.sources.iter().copied().map(Into::into).collect(),
        api_version: args.api_version.clone(),
        event_log_retention: args.event_log_retention,
        addresses: args.addresses.clone(),
        certificate_days: args.certificate_days,
        new_key: args.new_key,
        force: args.force,
        today: Offset::UTC.to_datetime(Timestamp::now()).date(),
    }
}

fn report(written: &Written) -> String {
    let mut lines = vec![format!("The kit is in {}:", written.folder.display())];
    for name in &written.files {
        let kept = if written.kept.contains(name) { "  (as it was)" } else { "" };
        lines.push(format!("  {name}{kept}"));
    }
    if written.allows_password_flow {
        lines.push(
            "\nwarning: deploying the folder seed allows the username-password flow to the whole \
             org, which makes it easier to attack"
                .to_owned(),
        );
    }
    lines.push("\nNext:".to_owned());
    lines.extend(next(written).iter().map(|step| format!("  {step}")));
    lines.join("\n")
}

/// What the person does next.
fn next(written: &Written) -> [String; 3] {
    let guide = written.folder.join(written.guide);
    [
        format!("follow {}", guide.display()),
        "orgtap test-connection".to_owned(),
        "orgtap setup-kit check".to_owned(),
    ]
}

/// Prints why no kit was written, in the form of every other failure.
fn refused(error: &KitError, json: bool) -> Exit {
    let problem = error.problem();
    if json {
        say_aside(&json!({ "problem": problem }).to_string());
    } else {
        say_aside(&problem_text(&problem));
    }
    if error.is_usage() { Exit::Usage } else { Exit::Failure }
}
