//! The org's state: who is signed in, what is counted, which files show, which pages are open.

mod cursors;
mod decimals;
mod files;
mod generation;
mod history;
mod quota;
mod refresh;
mod sessions;
mod signins;

use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;
use jiff::Timestamp;

use crate::clock::Clock;
use crate::config::{Credentials, OrgSettings, SimConfig};
use crate::faults::Faults;
use crate::ids;
use crate::schema::{self, Object};
use crate::stats::Recorder;
use crate::world::{User, World};

pub(crate) use cursors::Cursors;
pub(crate) use files::{LogFiles, find as find_file};
pub(crate) use generation::Generation;
pub(crate) use history::LoginHistory;
pub use history::SignInAttempt;
pub(crate) use quota::Quota;
pub(crate) use refresh::{Exchange, RefreshTokens};
pub(crate) use sessions::Sessions;
pub(crate) use signins::{SignIns, Verdict};

/// Everything the server knows.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) credentials: Credentials,
    /// The user that signs in.
    pub(crate) user: User,
    /// The address the org answers at, without a slash at the end.
    pub(crate) url: String,
    pub(crate) sessions: Sessions,
    pub(crate) sign_ins: SignIns,
    pub(crate) refresh_tokens: RefreshTokens,
    pub(crate) login_history: LoginHistory,
    pub(crate) quota: Quota,
    pub(crate) cursors: Cursors,
    pub(crate) files: files::FileFaults,
    pub(crate) generation: Generation,
    pub(crate) stats: Recorder,
    settings: RwLock<OrgSettings>,
}

impl Org {
    pub(crate) fn new(config: SimConfig, url: String) -> Self {
        let world = World::new(config.world);
        let seed = world.config().seed;
        let found = world.users().iter().find(|user| user.integration && user.active).cloned();
        let mut user = found.unwrap_or_else(|| collector(seed));
        let credentials = config.credentials.unwrap_or_else(|| credentials(seed, &user.username));
        user.username.clone_from(&credentials.username);
        let faults = Faults::new(config.fault_seed);
        faults.set_all(config.faults);
        let clock = Clock::new(config.clock);
        let generation = Generation::default();
        generation.switched(config.org.event_log_generation, clock.now());
        Self {
            clock,
            sessions: Sessions::new(seed, world.org_id()),
            sign_ins: SignIns::default(),
            refresh_tokens: RefreshTokens::new(seed),
            login_history: LoginHistory::default(),
            quota: Quota::default(),
            cursors: Cursors::default(),
            files: files::FileFaults::new(faults.clone()),
            generation,
            stats: Recorder::default(),
            settings: RwLock::new(config.org),
            world,
            faults,
            credentials,
            user,
            url,
        }
    }

    pub(crate) fn settings(&self) -> OrgSettings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut OrgSettings)) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let before = settings.event_log_generation;
        change(&mut settings);
        if settings.event_log_generation != before {
            self.generation.switched(settings.event_log_generation, self.now());
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The objects the user sees in this API version.
    pub(crate) fn objects(&self, version: u32) -> Vec<Object> {
        let settings = self.settings();
        let mut objects =
            vec![schema::organization(), schema::user(), schema::user_permission_access()];
        if settings.permissions.view_setup {
            objects.push(schema::permission_set());
            objects.push(schema::permission_set_assignment());
        }
        if settings.permissions.view_event_log_files && version >= 32 {
            let types = self.world.event_types();
            objects.insert(0, schema::event_log_file(types, settings.shows_hourly(), version));
        }
        objects
    }

    /// The user's address at the identity service, which is the login host of all orgs of a kind.
    pub(crate) fn identity_url(&self) -> String {
        let host = login_host(self.settings().sandbox);
        format!("https://{host}/id/{}/{}", self.world.org_id(), self.user.id)
    }

    /// The address at which the org plays the login host.
    pub(crate) fn login_url(&self) -> String {
        let port = self.url.rsplit_once(':').map_or("", |(_, port)| port);
        format!("http://localhost:{port}")
    }

    /// Ends these sessions and all that hangs on them.
    pub(crate) fn end_sessions(&self, tokens: &[String]) {
        for token in tokens {
            self.end_session(token);
        }
    }

    /// Ends a session and all that hangs on it.
    pub(crate) fn end_session(&self, token: &str) {
        self.sessions.end(token);
        self.cursors.drop_of(token);
    }

    /// Ends all sessions and all that hangs on them.
    pub(crate) fn end_all_sessions(&self) {
        self.sessions.end_all();
        self.cursors.clear();
    }
}

/// The login host of production orgs, or of sandboxes.
pub(crate) const fn login_host(sandbox: bool) -> &'static str {
    if sandbox { "test.salesforce.com" } else { "login.salesforce.com" }
}

/// The user of an org whose world has no program that signs in.
fn collector(seed: u64) -> User {
    User {
        id: ids::make("005", seed % 1_000_000),
        username: "collector@acme.example".to_owned(),
        name: "Event Collector".to_owned(),
        email: "collector@acme.example".to_owned(),
        profile: "Minimum Access - API Only Integrations".to_owned(),
        profile_id: ids::make("00e", seed % 1_000_000),
        active: true,
        integration: true,
    }
}

/// Secrets made from the seed, in the forms real ones have.
fn credentials(seed: u64, username: &str) -> Credentials {
    Credentials {
        username: username.to_owned(),
        // Characters that must be escaped in a form body belong in every test.
        password: format!("{}+&%=pw", random_text(seed, "password", 12)),
        security_token: random_text(seed, "token", 25),
        consumer_key: format!("3MVG9{}", random_text(seed, "key", 80)),
        consumer_secret: random_text(seed, "secret", 64),
    }
}

/// Letters and digits that follow from the seed and the purpose.
pub(crate) fn random_text(seed: u64, purpose: &str, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let key = hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes());
    let mut out = String::with_capacity(length);
    for block in 0_u32.. {
        let tag = hmac::sign(&key, format!("{purpose}/{block}").as_bytes());
        for byte in tag.as_ref() {
            if out.len() == length {
                return out;
            }
            out.push(char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
        }
    }
    out
}
