//! What kind of org to simulate, and what may be changed while it runs.

mod app;
mod patch;
mod permissions;

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

pub use app::{App, Flow, Flows, PermittedUsers};
pub(crate) use patch::SettingsPatch;
pub use permissions::Permissions;

use crate::Error;
use crate::clock::ClockConfig;
use crate::faults::{Fault, Rule};
use crate::world::WorldConfig;

/// An org to start.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// What happens in it.
    pub world: WorldConfig,
    /// Its time.
    pub clock: ClockConfig,
    /// Its settings; they can be changed later.
    pub org: OrgSettings,
    /// Who signs in; none for an integration user of the world, with secrets made from the seed.
    pub credentials: Option<Credentials>,
    /// Faults switched on from the start.
    pub faults: Vec<(Fault, Rule)>,
    /// Decides which calls a fault's rate hits.
    pub fault_seed: u64,
}

impl SimConfig {
    /// An org with this world, at the machine's time, with the usual settings and no faults.
    pub fn new(world: WorldConfig) -> Self {
        let org = OrgSettings { interval_column: world.hourly, ..OrgSettings::default() };
        Self {
            fault_seed: world.seed,
            world,
            clock: ClockConfig::REAL,
            org,
            credentials: None,
            faults: Vec::new(),
        }
    }
}

/// What an administrator of the org decides.
#[derive(Debug, Clone, PartialEq)]
pub struct OrgSettings {
    /// How long a log file is kept after it was made.
    pub retention: Duration,
    /// Whether the org has the add-on for event monitoring. Without it only the free types have
    /// files, daily ones, kept for a day.
    pub licensed: bool,
    /// Whether the org is entitled to hourly files: without it there are none, and the column
    /// `Interval` does not exist.
    pub interval_column: bool,
    /// Oldest API version served.
    pub oldest_version: u32,
    /// Newest API version served.
    pub newest_version: u32,
    /// How long a session lives without being used.
    pub session_lifetime: Duration,
    /// Live sessions per user; one more ends the oldest.
    pub most_sessions: usize,
    /// Whether the caller's address is trusted; otherwise the security token must follow the
    /// password.
    pub trusted_ip: bool,
    /// Whether the org blocks the username-password flow.
    pub flow_blocked: bool,
    /// Whether the org is open: not locked, closed or suspended.
    pub org_active: bool,
    /// Whether it is a sandbox, whose login host is another one than a production org's.
    pub sandbox: bool,
    /// Whether `localhost` plays the login host of the other kind of org, where nobody of this
    /// one is known.
    pub wrong_login_host: bool,
    /// Whether the My Domain's policy refuses sign-ins at the login host.
    pub login_host_closed: bool,
    /// The kind of app clients sign in through.
    pub app: App,
    /// The flows it offers.
    pub flows: Flows,
    /// The certificate uploaded for the app (X.509, PEM): what signed assertions are checked with.
    pub certificate: Option<String>,
    /// Whether a refresh token is exchanged only together with the consumer secret.
    pub consumer_secret_required: bool,
    /// Whether each exchange of a refresh token gives a new one and ends the old one.
    pub refresh_rotation: bool,
    /// Whether the app's policy names a user for client credentials.
    pub run_as_user: bool,
    /// Whom the app's policy admits.
    pub permitted_users: PermittedUsers,
    /// Whether the user is authorised for the app already: by an administrator, or earlier.
    pub pre_authorised: bool,
    /// Whether an administrator blocked the app.
    pub app_blocked: bool,
    /// Whether the app is installed in the org.
    pub app_installed: bool,
    /// Whether users may not begin to use connected apps that are not installed, which is so in
    /// every org since September 2025.
    pub uninstalled_apps_restricted: bool,
    /// Whether the caller's address is outside the ranges of the user's profile.
    pub ip_restricted: bool,
    /// Whether it is outside the login hours of the user's profile.
    pub outside_login_hours: bool,
    /// Names of the permission sets assigned to the user.
    pub permission_sets: Vec<String>,
    /// Whether the org makes log files: while this is off, no new ones appear, and those of that
    /// time never do.
    pub event_log_generation: bool,
    /// State of the user that signs in.
    pub user: UserState,
    /// What that user may do.
    pub permissions: Permissions,
    /// API calls within 24 hours.
    pub daily_api_limit: u64,
    /// Sign-ins of one user within an hour.
    pub hourly_login_limit: u64,
    /// Wrong passwords after which the user is locked out for fifteen minutes.
    pub lockout_after: u64,
    /// Whether bodies are compressed when asked for.
    pub gzip: bool,
    /// Records in a page when nothing is asked; asking can make it smaller, not larger.
    pub batch_size: usize,
    /// The address clients are told to go on at after a sign-in, for an org behind something that
    /// terminates TLS; none for the one it listens at.
    pub external_url: Option<String>,
    /// The My Domain name: `acme` for `https://acme.my.salesforce.com`.
    pub domain: String,
    /// The user's offset from UTC in hours: what date literals such as `YESTERDAY` follow.
    pub user_utc_offset: i8,
}

impl Default for OrgSettings {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(30 * 24),
            licensed: true,
            interval_column: true,
            oldest_version: 31,
            newest_version: 68,
            session_lifetime: Duration::from_hours(2),
            most_sessions: 5,
            trusted_ip: false,
            flow_blocked: false,
            org_active: true,
            sandbox: false,
            wrong_login_host: false,
            login_host_closed: false,
            app: App::ConnectedApp,
            flows: Flows::default(),
            certificate: None,
            consumer_secret_required: true,
            refresh_rotation: false,
            run_as_user: true,
            permitted_users: PermittedUsers::SelfAuthorised,
            pre_authorised: true,
            app_blocked: false,
            app_installed: true,
            uninstalled_apps_restricted: true,
            ip_restricted: false,
            outside_login_hours: false,
            permission_sets: Vec::new(),
            event_log_generation: true,
            user: UserState::Active,
            permissions: Permissions::default(),
            daily_api_limit: 100_000,
            hourly_login_limit: 3_600,
            lockout_after: 10,
            gzip: true,
            batch_size: 2_000,
            external_url: None,
            domain: "acme".to_owned(),
            user_utc_offset: -8,
        }
    }
}

impl OrgSettings {
    /// Changes what this JSON names, as `POST /_sim/org` does.
    ///
    /// # Errors
    /// [`Error::Control`] if it is not JSON, or names what is not a setting; nothing is changed.
    pub fn apply_json(&mut self, json: &str) -> Result<(), Error> {
        let patch: SettingsPatch =
            serde_json::from_str(json).map_err(|error| Error::Control(error.to_string()))?;
        patch.apply(self);
        Ok(())
    }

    /// How long files are kept, licence considered.
    pub(crate) fn kept_for(&self) -> SignedDuration {
        let retention = if self.licensed { self.retention } else { Duration::from_hours(24) };
        SignedDuration::try_from(retention).unwrap_or(SignedDuration::MAX)
    }

    /// Whether hourly files can be seen.
    pub(crate) const fn shows_hourly(&self) -> bool {
        self.interval_column && self.licensed
    }
}

/// State of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// May sign in.
    Active,
    /// Deactivated.
    Inactive,
    /// Frozen by an administrator, or by automatic containment.
    Frozen,
    /// May sign in, and then do nothing but change the password.
    PasswordExpired,
}

/// What a connector needs to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The login name.
    pub username: String,
    /// The password, without the security token.
    pub password: String,
    /// The security token, to be appended to the password.
    pub security_token: String,
    /// The connected app's consumer key.
    pub consumer_key: String,
    /// The connected app's consumer secret.
    pub consumer_secret: String,
}

impl Credentials {
    /// Password and security token in one, as the token endpoint wants them.
    pub fn password_with_token(&self) -> String {
        format!("{}{}", self.password, self.security_token)
    }
}
