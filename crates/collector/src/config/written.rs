//! The configuration as people write it. The comments here become the schema's descriptions.
//!
//! Only shapes: what a value may be is checked on the way to the settings, so that every problem
//! of a file can be reported at once and with its place.

use std::path::PathBuf;
use std::time::Duration;

use orgtap_destinations::config::DestinationConfig;
use orgtap_transport::vault::KeyRef;
use orgtap_transport::{ByteSize, ConfigDuration, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console::ConsoleKey;
use super::insights::InsightsKey;

/// Orgtap's configuration file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Orgtap", extend("required" = ["connectors", "destinations"]))]
pub(super) struct Config {
    /// The folder for spool and ledger. Relative paths, here and everywhere in this file, begin
    /// at the folder this file is in.
    #[serde(default = "default_data_dir")]
    pub(super) data_dir: PathBuf,
    /// The database of what has been collected and delivered.
    #[serde(default)]
    pub(super) ledger: Ledger,
    /// The store of encrypted secrets and sessions in `data_dir`.
    #[serde(default)]
    pub(super) vault: VaultConfig,
    /// How long log files are kept on disk after every destination has them.
    #[serde(default = "default_spool_retention")]
    pub(super) spool_retention: ConfigDuration,
    /// How much the log files on disk may take. When there is more, those that every destination
    /// has go before their time; when that is not enough, no more are fetched until it is.
    pub(super) spool_limit: Option<ByteSize>,
    /// How long it is remembered which rows of a day were delivered, after the org made the last
    /// file of that day; longer where the org is seen to keep its files longer.
    #[serde(default = "default_rows_retention")]
    pub(super) rows_retention: ConfigDuration,
    /// What happens after a failure that may pass.
    #[serde(default)]
    pub(super) retry: RetryConfig,
    /// The web console that `orgtap run` serves: `off`, or where and how.
    pub(super) console: Option<ConsoleKey>,
    /// What the rows say about usage and behaviour: `off`, or how long it is kept.
    #[serde(default)]
    pub(super) insights: InsightsKey,
    /// The orgs to collect from.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) connectors: Vec<ConnectorConfig>,
    /// Where events go.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) destinations: Vec<DestinationConfig>,
}

/// The database of what has been collected and delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ledger {
    /// A file in `data_dir`.
    #[default]
    Sqlite,
}

/// The store of encrypted secrets and sessions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultConfig {
    /// Where its key is. Default: the file `vault.key` in `data_dir`, made when it is needed.
    pub(super) key: Option<KeyRef>,
}

/// What happens after a failure that may pass.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RetryConfig {
    /// The wait after the first failure; it doubles with each further one.
    pub(super) initial: ConfigDuration,
    /// The longest wait.
    pub(super) max: ConfigDuration,
    /// Tries before `orgtap collect` gives up for now; `orgtap run` goes on trying.
    pub(super) attempts: u32,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial: ConfigDuration::from_secs(1),
            max: ConfigDuration::from_secs(300),
            attempts: 6,
        }
    }
}

/// One org to collect from. The first eight keys are the fields of DNIF's connector form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectorConfig {
    /// Connector Name: letters, digits, `-`, `_` and `.`, at most 64.
    #[schemars(length(min = 1, max = 64), regex(pattern = NAME_PATTERN))]
    pub(super) name: String,
    /// Connector Type.
    #[serde(rename = "type")]
    pub(super) kind: ConnectorType,
    /// Instance URL: the org's My Domain, for example `https://acme.my.salesforce.com`.
    pub(super) instance_url: String,
    /// What people call it, or what it is for: shown, and otherwise not used. At most 200 letters.
    #[schemars(length(max = 200))]
    pub(super) description: Option<String>,
    /// Salesforce User: the user name to sign in with. For `password` and `jwt_bearer`.
    pub(super) salesforce_user: Option<String>,
    /// Salesforce User Password. For `password`.
    pub(super) salesforce_user_password: Option<SecretRef>,
    /// Consumer key of the app.
    pub(super) consumer_key: SecretRef,
    /// Consumer secret of the app. For `password` and `client_credentials`; for `refresh_token`
    /// if the app demands it.
    pub(super) consumer_secret: Option<SecretRef>,
    /// Security Token of the user. Not needed from addresses the org trusts. For `password`.
    pub(super) security_token: Option<SecretRef>,
    /// The way to sign in. Default: `password` where a user password is given, else
    /// `client_credentials`.
    pub(super) auth: Option<AuthFlow>,
    /// The private RSA key (PEM) whose certificate the app has. For `jwt_bearer`.
    pub(super) jwt_key: Option<SecretRef>,
    /// Who the assertion is for, if not the login host of the org's kind. For `jwt_bearer`.
    pub(super) jwt_audience: Option<String>,
    /// The refresh token of an authorisation. For `refresh_token`.
    pub(super) refresh_token: Option<SecretRef>,
    /// Where to sign in, if not at the instance URL.
    pub(super) login_url: Option<String>,
    /// The API version to stay at, for example "66.0". Default: the newest that the org offers
    /// and Orgtap has been tested with.
    pub(super) api_version: Option<String>,
    /// A proxy towards the org, for example `http://proxy.example:3128`. Default: the environment
    /// variable `HTTPS_PROXY`.
    pub(super) proxy: Option<String>,
    /// A file of certificate authorities (PEM) to trust besides the system's own.
    pub(super) ca_file: Option<PathBuf>,
    /// The time between two looks for new log files.
    #[serde(default = "default_poll_interval")]
    pub(super) poll_interval: ConfigDuration,
    /// The moment to begin at: log files created before it are left alone. A date or an RFC 3339
    /// time. Default: everything the org still has.
    pub(super) start: Option<String>,
    /// What may be used of the org's API calls.
    #[serde(default)]
    pub(super) api_budget: ApiBudgetConfig,
    /// The org's event log files.
    #[serde(default)]
    pub(super) event_log_files: EventLogFilesConfig,
    /// Names of the destinations to deliver to.
    #[schemars(length(min = 1))]
    pub(super) destinations: Vec<String>,
}

/// The kind of system to collect from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConnectorType {
    /// A Salesforce org.
    SalesforceConnector,
}

/// The way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthFlow {
    /// The OAuth username-password flow: off by default in newer orgs.
    Password,
    /// The OAuth client-credentials flow: the app signs in as the user its policies name.
    ClientCredentials,
    /// The OAuth JWT bearer flow: a key in place of a password.
    JwtBearer,
    /// The OAuth refresh-token flow: with the authorisation a person gave in the browser.
    RefreshToken,
}

impl AuthFlow {
    /// The flow of a connector that names none.
    pub const fn usual(has_password: bool) -> Self {
        if has_password { Self::Password } else { Self::ClientCredentials }
    }

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "jwt_bearer",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// Every flow.
    pub const ALL: [Self; 4] =
        [Self::Password, Self::ClientCredentials, Self::JwtBearer, Self::RefreshToken];

    /// The flow of a word; none if it is no flow's.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.word() == word)
    }

    /// Keys this flow cannot do without, besides those every connector needs.
    pub const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["salesforce_user", "salesforce_user_password", "consumer_secret"],
            Self::ClientCredentials => &["consumer_secret"],
            Self::JwtBearer => &["salesforce_user", "jwt_key"],
            Self::RefreshToken => &["refresh_token"],
        }
    }

    /// Keys this flow makes use of if they are there.
    pub const fn may_have(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["security_token"],
            // Not sent, and yet worth writing down: it is who Login History shows.
            Self::ClientCredentials => &["salesforce_user"],
            Self::JwtBearer => &["jwt_audience"],
            Self::RefreshToken => &["salesforce_user", "consumer_secret"],
        }
    }

    /// The keys that belong to some flow or other.
    pub const KEYS: [&'static str; 7] = [
        "salesforce_user",
        "salesforce_user_password",
        "consumer_secret",
        "security_token",
        "jwt_key",
        "jwt_audience",
        "refresh_token",
    ];
}

/// What may be used of the org's API calls. Sign-ins do not count.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiBudgetConfig {
    /// Most calls of Orgtap for this connector in a UTC day. Default: as many as the floor leaves.
    pub(super) daily: Option<u64>,
    /// What Orgtap leaves of the org's calls in 24 hours, whoever makes them: a share such as
    /// `20%`, or a number. Below it no calls are made; before that they are spread. Default: `10%`.
    pub(super) floor: Option<String>,
}

/// The org's event log files.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EventLogFilesConfig {
    /// Which of the two kinds of files to collect.
    pub(super) interval: IntervalPolicy,
    /// What becomes of a daily file where the org has hourly ones too.
    pub(super) reconcile: Reconcile,
    /// The share of a lane's hourly rows, in percent, that its daily file must hold before anything
    /// of it is delivered: where the two copies are written differently, every row would come twice.
    /// 0 turns the check off.
    #[schemars(range(max = 100))]
    pub(super) reconcile_threshold: u8,
    /// Names of event types; `*` stands for any letters, `!` before a name excludes it. Both need
    /// quotes.
    #[schemars(length(min = 1))]
    pub(super) event_types: Vec<String>,
    /// The age a log file must have before it is fetched, because it may still be being written.
    pub(super) settle: ConfigDuration,
    /// How far each look reaches back behind the newest file seen, for files that appear late.
    pub(super) overlap: ConfigDuration,
}

impl Default for EventLogFilesConfig {
    fn default() -> Self {
        Self {
            interval: IntervalPolicy::Auto,
            reconcile: Reconcile::Deliver,
            reconcile_threshold: 90,
            event_types: vec!["*".to_owned()],
            settle: ConfigDuration::from_secs(300),
            overlap: ConfigDuration::from_secs(3_600),
        }
    }
}

/// Which files of an event type are collected.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IntervalPolicy {
    /// Hourly files where the org has them, else daily ones; `reconcile` says what becomes of daily
    /// ones beside them.
    #[default]
    Auto,
    /// All files there are. The same as `auto`, but cannot be combined with `reconcile: off`.
    Both,
    /// Hourly files only.
    Hourly,
    /// Daily files only.
    Daily,
}

impl IntervalPolicy {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Both => "both",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
        }
    }
}

/// What becomes of a daily file where the org has hourly ones too. Both should hold the same rows,
/// and the daily one those that came too late for an hourly one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Reconcile {
    /// It is not fetched.
    Off,
    /// It is fetched and compared; rows that only it has are counted, not delivered.
    Report,
    /// It is fetched and compared; rows that only it has are delivered.
    #[default]
    Deliver,
}

impl Reconcile {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::Deliver => "deliver",
        }
    }
}

/// What a name is made of, in the schema's words.
pub(super) const NAME_PATTERN: &str = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$";

fn default_data_dir() -> PathBuf {
    PathBuf::from("./data")
}

const fn default_spool_retention() -> ConfigDuration {
    ConfigDuration::new(Duration::from_hours(24))
}

const fn default_rows_retention() -> ConfigDuration {
    ConfigDuration::new(Duration::from_hours(35 * 24))
}

const fn default_poll_interval() -> ConfigDuration {
    ConfigDuration::from_secs(300)
}
