//! The org's state: who is signed in, what is counted, which files show, which pages are open.

mod cursors;
mod files;
mod quota;
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
pub(crate) use quota::Quota;
pub(crate) use sessions::Sessions;
pub(crate) use signins::SignIns;

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
    pub(crate) quota: Quota,
    pub(crate) cursors: Cursors,
    pub(crate) files: files::FileFaults,
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
        Self {
            clock: Clock::new(config.clock),
            sessions: Sessions::new(seed, world.org_id()),
            sign_ins: SignIns::default(),
            quota: Quota::default(),
            cursors: Cursors::default(),
            files: files::FileFaults::new(faults.clone()),
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
        change(&mut self.settings.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The objects the user sees in this API version.
    pub(crate) fn objects(&self, version: u32) -> Vec<Object> {
        let settings = self.settings();
        let mut objects = vec![schema::organization(), schema::user()];
        if settings.permissions.view_event_log_files && version >= 32 {
            let types = self.world.event_types();
            objects.insert(0, schema::event_log_file(types, settings.shows_hourly(), version));
        }
        objects
    }

    /// The user's address at the identity service, which is the same host for every org.
    pub(crate) fn identity_url(&self) -> String {
        format!("https://login.salesforce.com/id/{}/{}", self.world.org_id(), self.user.id)
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
