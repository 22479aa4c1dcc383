//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cmd::connector::ConnectorWhat;
use crate::cmd::console::ConsoleWhat;
use crate::cmd::dead_letters::DeadLettersArgs;
use crate::cmd::replay::ReplayArgs;
use crate::cmd::setup_kit::SetupKitArgs;
use crate::cmd::state::StateWhat;
use crate::cmd::vault::VaultWhat;

/// Collects a Salesforce org's event-monitoring data and hands it to a SIEM: nothing lost, nothing
/// doubled.
#[derive(Debug, Parser)]
#[command(name = "orgtap", version, propagate_version = true)]
#[command(after_help = crate::exit::HELP)]
pub(crate) struct Cli {
    /// Configuration file.
    #[arg(long, short, global = true, env = "ORGTAP_CONFIG", default_value = "orgtap.yaml")]
    pub(crate) config: PathBuf,

    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// What to log: error, warn, info, debug, or a filter such as `orgtap_salesforce=debug`.
    #[arg(long, global = true, env = "ORGTAP_LOG")]
    pub(crate) log: Option<String>,

    /// How to log.
    #[arg(long, global = true, env = "ORGTAP_LOG_FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Forms of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole thing: a simulated org, one connector, days of events into files.
    Demo(DemoArgs),
    /// Collect from all connectors until stopped.
    Run(RunArgs),
    /// Collect once: all the org has, to all destinations.
    Collect(CollectArgs),
    /// Collect log files of a range of days that were left behind.
    Backfill(BackfillArgs),
    /// Test a connector stage by stage, and say what to do if it does not work.
    TestConnection(ConnectorArgs),
    /// Add, list, show and remove connectors without an editor.
    #[command(subcommand)]
    Connector(ConnectorWhat),
    /// The web console that `orgtap run` serves.
    #[command(subcommand)]
    Console(ConsoleWhat),
    /// The encrypted store of secrets and sessions.
    #[command(subcommand)]
    Vault(VaultWhat),
    /// Show how each connector is doing.
    Status,
    /// Show what is delivered and what is missing, by event type and hour.
    #[command(after_help = COMPLETENESS_HELP)]
    Completeness(CompletenessArgs),
    /// List what was set aside, with its reason; try it again, or give it up.
    DeadLetters(DeadLettersArgs),
    /// Send log files to one destination again: a file, a time, an event type.
    Replay(ReplayArgs),
    /// Move what Orgtap knows to another machine or data folder.
    #[command(subcommand)]
    State(StateWhat),
    /// Turn log files on disk into events, with no org.
    Convert(ConvertArgs),
    /// Check the configuration, or print its schema or an example.
    Config(ConfigArgs),
    /// Write what an administrator deploys into an org, and a guide to it.
    SetupKit(Box<SetupKitArgs>),
    /// Tell a supervisor whether `orgtap run` is well.
    Healthcheck(HealthcheckArgs),
    /// Explain an error code: cause, remedy, and what tells possible causes apart.
    Explain(ExplainArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
    /// Print a page of the reference, as the documentation has it.
    #[command(hide = true)]
    Reference(ReferenceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Folder for everything the demo makes; emptied first if a demo made it.
    #[arg(long, default_value = "orgtap-demo")]
    pub(crate) dir: PathBuf,
    /// Seed of the simulated world: same seed, same events.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// People in the simulated org.
    #[arg(long, default_value_t = 40)]
    pub(crate) users: u32,
    /// Days of events, up to yesterday.
    #[arg(long, default_value_t = 7)]
    pub(crate) days: u32,
    /// Go on until stopped even if nobody is at a terminal.
    #[arg(long)]
    pub(crate) stay: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Only these connectors.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connectors: Vec<String>,
    /// Drop what waits for this destination, which is no longer configured. May be repeated.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) give_up: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CollectArgs {
    /// Only these connectors.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connectors: Vec<String>,
    /// Drop what waits for this destination, which is no longer configured. May be repeated.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) give_up: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    /// Only these connectors.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connectors: Vec<String>,
    /// Files about this time or later: a date or an RFC 3339 time.
    #[arg(long, value_name = "TIME", required_unless_present_any = ["status", "cancel"],
        value_parser = orgtap_events::time::moment)]
    pub(crate) from: Option<jiff::Timestamp>,
    /// Files about times before this one; with a date, those of the day before are the last.
    #[arg(long, value_name = "TIME", required_unless_present_any = ["status", "cancel"],
        value_parser = orgtap_events::time::moment)]
    pub(crate) to: Option<jiff::Timestamp>,
    /// Only these event types, of those the connector collects: names, `*` for any letters, `!`
    /// to exclude.
    #[arg(long, value_name = "TYPE", num_args = 1.., value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Say what it would take, and download nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show all backfills.
    #[arg(long, conflicts_with_all = ["from", "to", "types", "dry_run", "cancel"])]
    pub(crate) status: bool,
    /// Stop a backfill by its number. Files it has listed by then still go out.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["from", "to", "types", "dry_run"])]
    pub(crate) cancel: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectorArgs {
    /// Only these connectors.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connectors: Vec<String>,
}

const COMPLETENESS_HELP: &str = "States of an hour:
  complete  all that is known of it is delivered, and no further copy is waited for
  expected  by the type's history a file should come; it is not due yet
  partial   something of it is there or under way
  gap       something is missing, set aside as a dead letter, or withheld from a
            destination for its age: it says what, and what can be done
  lost      something is missing, and the org keeps it no longer (30 days)

Exit codes with --until:
  0  everything up to then is delivered
  3  it is not: there are gaps, and nothing more is under way
  4  it is not yet: something is under way or expected";

#[derive(Debug, Args)]
pub(crate) struct CompletenessArgs {
    /// Only these connectors.
    #[arg(value_name = "CONNECTOR")]
    pub(crate) connectors: Vec<String>,
    /// Hours from this date or time on. Default: thirty days before the end.
    #[arg(long, value_name = "TIME", value_parser = orgtap_events::time::moment)]
    pub(crate) from: Option<jiff::Timestamp>,
    /// Hours before this date or time. Default: the time of `--until`, else now.
    #[arg(long, value_name = "TIME", value_parser = orgtap_events::time::moment)]
    pub(crate) to: Option<jiff::Timestamp>,
    /// Only these event types; `*` stands for any letters, `!` excludes.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Show every hour or every day. Default: one line for each event type.
    #[arg(long)]
    pub(crate) by: Option<By>,
    /// How to print it; `--json` is the same as `--format json`.
    #[arg(long, default_value = "table")]
    pub(crate) format: Form,
    /// Answer whether everything in the period up to this date or time is delivered, by the exit
    /// code too.
    #[arg(long, value_name = "TIME", value_parser = orgtap_events::time::moment)]
    pub(crate) until: Option<jiff::Timestamp>,
    /// Judge as of this date or time. Default: now.
    #[arg(long, value_name = "TIME", value_parser = orgtap_events::time::moment)]
    pub(crate) at: Option<jiff::Timestamp>,
}

/// What a line of the record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// An hour of an event type.
    Hour,
    /// A day of an event type.
    Day,
}

/// Forms of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Lines for people.
    Table,
    /// One JSON object.
    Json,
    /// Comma-separated values.
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// Log files: CSV, plain or as `.gz` or `.zst`.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where to write; standard output if not given.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) what: ConfigWhat,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigWhat {
    /// Check the configuration file, without asking the org or a destination.
    Check,
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Print a whole configuration with comments.
    Example,
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// A connector that was not polled for longer than this is not well. Default: three of its
    /// poll intervals, at least ten minutes.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) max_age: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    Ok(Duration::from_secs(text.parse()?))
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code, for example OT-AUTH-01.
    pub(crate) code: String,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ReferenceArgs {
    /// The page.
    pub(crate) page: Page,
}

/// Pages of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    /// Every error code.
    Errors,
    /// What each destination promises.
    Delivery,
    /// The command line.
    Cli,
    /// What Test Connection says to every refusal.
    Troubleshooting,
    /// What the console's JSON API can do, as OpenAPI.
    Openapi,
}

/// What all commands share.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    /// Configuration file.
    pub(crate) config: PathBuf,
    /// JSON instead of text.
    pub(crate) json: bool,
}

impl Cli {
    pub(crate) fn common(&self) -> Common {
        Common { config: self.config.clone(), json: self.json }
    }
}
