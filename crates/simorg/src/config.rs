//! What kind of org to simulate, and what may be changed while it runs.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

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
            user: UserState::Active,
            permissions: Permissions::default(),
            daily_api_limit: 100_000,
            hourly_login_limit: 3_600,
            lockout_after: 10,
            gzip: true,
            batch_size: 2_000,
            domain: "acme".to_owned(),
            user_utc_offset: -8,
        }
    }
}

impl OrgSettings {
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

/// What the user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permissions {
    /// "API Enabled".
    pub api_enabled: bool,
    /// "View Event Log Files".
    pub view_event_log_files: bool,
    /// "View Setup and Configuration".
    pub view_setup: bool,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { api_enabled: true, view_event_log_files: true, view_setup: true }
    }
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

/// Settings that can be changed over HTTP; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    retention_hours: Option<u64>,
    licensed: Option<bool>,
    interval_column: Option<bool>,
    session_lifetime_seconds: Option<u64>,
    trusted_ip: Option<bool>,
    flow_blocked: Option<bool>,
    user: Option<UserState>,
    api_enabled: Option<bool>,
    view_event_log_files: Option<bool>,
    view_setup: Option<bool>,
    daily_api_limit: Option<u64>,
    gzip: Option<bool>,
    batch_size: Option<usize>,
}

impl SettingsPatch {
    /// Applies what was given.
    pub(crate) fn apply(self, org: &mut OrgSettings) {
        fn put<T>(value: Option<T>, place: &mut T) {
            if let Some(value) = value {
                *place = value;
            }
        }
        let hours =
            self.retention_hours.map(|hours| Duration::from_secs(hours.saturating_mul(3600)));
        put(hours, &mut org.retention);
        put(self.licensed, &mut org.licensed);
        put(self.interval_column, &mut org.interval_column);
        put(self.session_lifetime_seconds.map(Duration::from_secs), &mut org.session_lifetime);
        put(self.trusted_ip, &mut org.trusted_ip);
        put(self.flow_blocked, &mut org.flow_blocked);
        put(self.user, &mut org.user);
        put(self.api_enabled, &mut org.permissions.api_enabled);
        put(self.view_event_log_files, &mut org.permissions.view_event_log_files);
        put(self.view_setup, &mut org.permissions.view_setup);
        put(self.daily_api_limit, &mut org.daily_api_limit);
        put(self.gzip, &mut org.gzip);
        put(self.batch_size, &mut org.batch_size);
    }
}
