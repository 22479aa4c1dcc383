//! What happens in the org: people, sessions, events, and the log files made of them.
//!
//! Nothing is stored but the list of files: whoever asks for a file gets it made anew, always the
//! same. A world is computed in steps that each depend on the seed, the day and the type alone, so
//! any file can be made without any other:
//!
//! 1. `people` and the event types of the `catalogue` are the same every day (`facts`).
//! 2. A day has `session`s and failed sign-ins; a `story` adds some. They join events of different
//!    types: one session's keys, address and requests are seen in all of them.
//! 3. A `lane` has the events of one type on one day, as many as its `traffic` says.
//! 4. `delivery` decides which file has which event, and when it is made.
//! 5. `render` writes a file; `column` knows what its values are.
//!
//! [`World::truth`] skips the last step, so files can be checked against it.
//!
//! Whether a caller may see a file, retention and licences are the server's business.

mod archive;
mod catalogue;
mod column;
mod delivery;
mod event;
mod facts;
mod hostile;
mod ids;
mod lane;
mod people;
mod random;
mod render;
mod session;
mod shelf;
mod story;
#[cfg(test)]
mod tests;
mod traffic;
mod truth;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use archive::Archive;
use facts::Facts;
use render::Lane;
use session::{DAY, Day};
use shelf::Shelf;

pub use people::User;
pub(crate) use people::office_countries;
pub use truth::{Interval, LaneTruth};

/// What kind of org to make.
#[derive(Debug, Clone, PartialEq)]
pub struct WorldConfig {
    /// Same seed, same world, to the byte.
    pub seed: u64,
    /// First moment the org has data for; a UTC midnight.
    pub start: Timestamp,
    /// Days of data.
    pub days: u32,
    /// People with a login, at least one; programs with a login come on top, one for every ten.
    pub users: u32,
    /// Multiplies the number of events of every type; 1.0 is a small company's working day.
    pub volume: f64,
    /// Whether hourly files exist besides daily ones.
    pub hourly: bool,
    /// Event types to make; empty for the whole catalogue and two it does not know. Names nobody
    /// has heard of are left out.
    pub event_types: Vec<String>,
    /// Whether the awkward things happen: late increments, replaced daily files (new and same
    /// id), retransmitted rows, header drift, hostile rows.
    pub awkward: bool,
}

/// One version of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// 18 characters, prefix `0AT`.
    pub id: String,
    /// Event type.
    pub event_type: String,
    /// Whether it is an hourly file; else daily.
    pub hourly: bool,
    /// 0 for daily, 1, 2, ... for an hour's increments.
    pub sequence: u32,
    /// Start of the covered hour or day.
    pub log_date: Timestamp,
    /// When the org made this version; whole seconds.
    pub created_date: Timestamp,
    /// When it is replaced by a later version, if ever: from then on it is neither listed nor
    /// served.
    pub replaced_at: Option<Timestamp>,
    /// Bytes of the CSV.
    pub length: u64,
}

/// The world, made from its configuration alone; cheap to clone.
#[derive(Debug, Clone)]
pub struct World {
    /// What is the same on every day.
    facts: Arc<Facts>,
    /// What was worked out before.
    memory: Arc<Memory>,
}

/// What is kept, so that it need not be worked out again.
#[derive(Debug)]
struct Memory {
    /// The list of files.
    archive: Mutex<Archive>,
    /// Days.
    days: Mutex<Shelf<i64, Day>>,
    /// Lanes, by day and type.
    lanes: Mutex<Shelf<(i64, usize), Lane>>,
    /// Files, by id and creation.
    files: Mutex<Shelf<(String, Timestamp), Vec<u8>>>,
}

/// Days kept.
const DAYS_KEPT: usize = 6;

/// Rows of lanes kept, about a hundred bytes each.
const ROWS_KEPT: usize = 150_000;

/// Bytes of files kept.
const BYTES_KEPT: usize = 64 << 20;

impl World {
    /// Makes a world; nothing is computed until it is asked for.
    pub fn new(config: WorldConfig) -> Self {
        let memory = Memory {
            archive: Mutex::default(),
            days: Mutex::new(Shelf::new(DAYS_KEPT)),
            lanes: Mutex::new(Shelf::new(ROWS_KEPT)),
            files: Mutex::new(Shelf::new(BYTES_KEPT)),
        };
        Self { facts: Arc::new(Facts::new(config)), memory: Arc::new(memory) }
    }

    /// The configuration.
    pub fn config(&self) -> &WorldConfig {
        &self.facts.config
    }

    /// The org's id, 18 characters, prefix `00D`.
    pub fn org_id(&self) -> &str {
        &self.facts.org_id
    }

    /// The event types the org offers, as describe lists them; files may exist of others too.
    pub fn event_types(&self) -> Vec<String> {
        self.facts.picklist.clone()
    }

    /// Whether files of this type are made without the add-on licence.
    pub fn is_free(&self, event_type: &str) -> bool {
        self.facts.free.iter().any(|each| each == event_type)
    }

    /// People and programs with a login.
    pub fn users(&self) -> &[User] {
        &self.facts.people.users
    }

    /// Files that exist at `now`, ordered by (`created_date`, `id`).
    ///
    /// The first call works out every day that has begun, which can take seconds; after that a
    /// call costs what has changed since the last one.
    pub fn files(&self, now: Timestamp) -> Arc<Vec<LogFile>> {
        held(&self.memory.archive).files(&self.facts, now)
    }

    /// The version of a file that is served at `now`.
    pub fn file(&self, id: &str, now: Timestamp) -> Option<LogFile> {
        held(&self.memory.archive).file(&self.facts, id, now)
    }

    /// The CSV bytes of exactly that version; empty for a file that is not of this world.
    pub fn content(&self, file: &LogFile) -> Arc<Vec<u8>> {
        let key = (file.id.clone(), file.created_date);
        if let Some(bytes) = held(&self.memory.files).get(&key) {
            return bytes;
        }
        let bytes = Arc::new(self.write(file).unwrap_or_default());
        held(&self.memory.files).put(key, bytes.len(), &bytes);
        bytes
    }

    /// What a reader of `interval` files should have at `now`: day after day, type after type;
    /// lanes without rows are left out.
    pub fn truth(
        &self,
        interval: Interval,
        now: Timestamp,
    ) -> impl Iterator<Item = LaneTruth> + use<> {
        let world = self.clone();
        let types = self.facts.types.len();
        let lanes = (0..self.facts.days_begun(now))
            .flat_map(move |day| (0..types).map(move |event_type| (i64::from(day), event_type)));
        lanes.filter_map(move |(number, event_type)| {
            let lane = world.lane(number, event_type);
            let rows = truth::rows(&lane, interval, now.as_second());
            (!rows.is_empty()).then(|| LaneTruth {
                event_type: world.facts.types[event_type].name.clone(),
                day: lane.begins(),
                columns: lane.column_names().map(str::to_owned).collect(),
                rows,
            })
        })
    }

    /// Writes a file, if there is such a file.
    fn write(&self, file: &LogFile) -> Option<Vec<u8>> {
        let since = file.log_date.as_millisecond() - self.facts.config.start.as_millisecond();
        let number = since.div_euclid(DAY);
        if !(0..i64::from(self.facts.config.days)).contains(&number) {
            return None;
        }
        let event_type = self.facts.types.iter().position(|each| each.name == file.event_type)?;
        let lane = self.lane(number, event_type);
        let place = lane
            .log_files(&self.facts)
            .position(|other| (&other.id, other.created_date) == (&file.id, file.created_date))?;
        Some(lane.write(lane.editions.get(place)?))
    }

    /// A lane, from memory or worked out.
    fn lane(&self, number: i64, event_type: usize) -> Arc<Lane> {
        let key = (number, event_type);
        if let Some(lane) = held(&self.memory.lanes).get(&key) {
            return lane;
        }
        let lane = Arc::new(Lane::new(&self.facts, event_type, &self.day(number)));
        // A lane without rows weighs something too.
        held(&self.memory.lanes).put(key, lane.rows.len() + 20, &lane);
        lane
    }

    /// A day, from memory or worked out.
    fn day(&self, number: i64) -> Arc<Day> {
        if let Some(day) = held(&self.memory.days).get(&number) {
            return day;
        }
        let day = Arc::new(Day::new(&self.facts.config, &self.facts.people, number));
        held(&self.memory.days).put(number, 1, &day);
        day
    }
}

/// A lock; what it guards is never left half done, so a panic elsewhere spoils nothing.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
