//! What is the same on every day: the org, its people, its event types.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::WorldConfig;
use super::catalogue::{self, EventType};
use super::column::{self, Column, Kind};
use super::ids;
use super::people::People;
use super::random::{Rng, mix_label};
use super::session::DAY;
use super::traffic::{self, Cause};

/// The longest a world can last, days; what an id has room for.
const MOST_DAYS: u32 = 1 << 18;

/// The most a volume can be: hundreds of millions of rows a day.
const MOST_VOLUME: f64 = 100_000.0;

/// Columns a release can add.
const ADDED: [(&str, Kind); 3] = [
    ("EDGE_LOCATION", Kind::Pick(&["fra1", "bom2", "iad3", "pdx1"])),
    ("DATA_SPACE", Kind::Theme(&["default", "emea", "\"legacy\", do not use"])),
    ("ROUTING_TIER", Kind::Int(1, 4)),
];

/// One event type of this world.
#[derive(Debug, Clone)]
pub(super) struct TypeFacts {
    /// Its name.
    pub(super) name: String,
    /// Its columns, then the one a release adds.
    pub(super) columns: Vec<Column>,
    /// Which columns hold free text.
    pub(super) free_text: Vec<usize>,
    /// Who causes its events.
    pub(super) cause: Cause,
}

impl TypeFacts {
    /// Works out the columns.
    fn new(seed: u64, event_type: &EventType) -> Self {
        let mut columns = column::columns(event_type);
        let free_text =
            columns.iter().enumerate().filter(|(_, c)| c.is_free_text()).map(|(n, _)| n).collect();
        let mut rng = Rng::about(mix_label(seed, &event_type.name), "added column");
        let (name, kind) = ADDED[rng.below(ADDED.len() as u64) as usize];
        columns.push(Column::new(name, kind));
        let cause = traffic::of(&event_type.name).1;
        Self { name: event_type.name.clone(), columns, free_text, cause }
    }

    /// Which of the columns a release adds.
    pub(super) fn added(&self) -> usize {
        self.columns.len() - 1
    }
}

/// The world but for what happens in it.
#[derive(Debug)]
pub(super) struct Facts {
    /// How it was asked for.
    pub(super) config: WorldConfig,
    /// Two characters in the middle of every id.
    pub(super) instance: [u8; 2],
    /// The org's id, 15 characters.
    pub(super) org: [u8; 15],
    /// The org's id, 18 characters.
    pub(super) org_id: String,
    /// Who is there.
    pub(super) people: People,
    /// What is logged.
    pub(super) types: Vec<TypeFacts>,
    /// The catalogue's names, whether or not they are logged.
    pub(super) picklist: Vec<String>,
    /// Names of the types that need no licence.
    pub(super) free: Vec<String>,
}

/// A day's date as it is written in files.
#[derive(Debug, Clone)]
pub(super) struct DayText {
    /// Number of the day in the world.
    pub(super) number: i64,
    /// Year, month and day, eight digits.
    pub(super) compact: Vec<u8>,
    /// The same with hyphens.
    pub(super) iso: Vec<u8>,
}

impl Facts {
    /// Makes what is the same on every day.
    pub(super) fn new(mut config: WorldConfig) -> Self {
        config.days = config.days.min(MOST_DAYS);
        let volume = config.volume;
        config.volume = if volume.is_finite() { volume.clamp(0.0, MOST_VOLUME) } else { 1.0 };
        // Days are counted from a midnight.
        let start = config.start.as_millisecond().div_euclid(DAY) * DAY;
        config.start = Timestamp::from_millisecond(start).unwrap_or(config.start);
        let instance = ids::instance(config.seed);
        let org = ids::fifteen("00D", instance, mix_label(config.seed, "org") % 900_000_000);
        let known = catalogue::known();
        let wanted = |each: &&EventType| {
            config.event_types.is_empty() || config.event_types.contains(&each.name)
        };
        let all: Vec<EventType> = known.iter().cloned().chain(catalogue::unknown()).collect();
        Self {
            instance,
            org,
            org_id: ids::text(&ids::eighteen(org)),
            people: People::new(config.seed, instance, config.users),
            types: all.iter().filter(wanted).map(|t| TypeFacts::new(config.seed, t)).collect(),
            picklist: known.iter().map(|each| each.name.clone()).collect(),
            free: all.iter().filter(|each| each.free).map(|each| each.name.clone()).collect(),
            config,
        }
    }

    /// First millisecond of a day since 1970.
    pub(super) fn day_start(&self, day: &DayText) -> i64 {
        self.config.start.as_millisecond() + day.number * DAY
    }

    /// How many of the world's days have begun at `now`.
    pub(super) fn days_begun(&self, now: Timestamp) -> u32 {
        let since = now.as_millisecond() - self.config.start.as_millisecond();
        let begun = since.div_euclid(DAY).saturating_add(1);
        begun.clamp(0, i64::from(self.config.days)) as u32
    }

    /// A day in writing.
    pub(super) fn day_text(&self, number: i64) -> DayText {
        let ms = self.config.start.as_millisecond() + number * DAY;
        let date = Timestamp::from_millisecond(ms)
            .unwrap_or(self.config.start)
            .to_zoned_datetime(TimeZone::UTC)
            .date();
        let (year, month, day) = (date.year(), date.month(), date.day());
        DayText {
            number,
            compact: format!("{year:04}{month:02}{day:02}").into_bytes(),
            iso: format!("{year:04}-{month:02}-{day:02}").into_bytes(),
        }
    }

    /// A person other than `one`.
    pub(super) fn somebody_else(&self, key: u64, one: Option<usize>) -> usize {
        let persons = self.people.persons;
        let other = Rng::about(key, "somebody else").below(persons as u64) as usize;
        if Some(other) == one { (other + 1) % persons } else { other }
    }
}
