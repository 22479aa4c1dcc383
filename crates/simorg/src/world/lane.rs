//! What happened: the events of one type on one UTC day, before any file is made of them.

use super::WorldConfig;
use super::random::{Rng, mix, mix_label};
use super::session::{DAY, Day, Draw, Session, Use};
use super::story;
use super::traffic::{self, Cause};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody signed in.
    Nobody,
    /// A session of the day.
    Session(u32),
    /// A failed sign-in of the day.
    Attempt(u32),
}

/// One event; all of its values follow from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// What its own values are derived from.
    pub(super) key: u64,
    /// What the values are derived from that it shares with other events of the same request.
    pub(super) request: u64,
    /// When, ms of the day.
    pub(super) at: u32,
    /// Who.
    pub(super) who: Who,
    /// How often the org wrote it: some types repeat a row to the byte.
    pub(super) copies: u8,
}

impl Row {
    /// Hour of the day.
    pub(super) fn hour(&self) -> u8 {
        (self.at / 3_600_000) as u8
    }
}

/// Types whose files have rows that are the same to the byte.
const REPEATING: [&str; 6] = [
    "LightningInteraction",
    "ApexTrigger",
    "DatabaseSave",
    "ApiTotalUsage",
    "PlatformEncryption",
    "UITelemetryResourceTiming",
];

/// How long a request of a person, a program and a story lasts on average, ms: few enough that
/// events of different types meet in one.
const REQUEST_EVERY: [i64; 3] = [300_000, 150_000, 20_000];

/// The events of `event_type` on `day`, in order of time.
pub(super) fn rows(config: &WorldConfig, event_type: &str, day: &Day) -> Vec<Row> {
    let key = mix(mix_label(config.seed, event_type), day.number as u64);
    let (rate, cause) = traffic::of(event_type);
    let mut rows = match cause {
        Cause::SignIns => sign_ins(day),
        Cause::SignOuts => sign_outs(day),
        _ => background(config, rate, cause, day, key),
    };
    add_stories(config, event_type, cause, day, key, &mut rows);
    if config.awkward && REPEATING.contains(&event_type) {
        for row in &mut rows {
            let mut rng = Rng::about(row.key, "copies");
            row.copies = if rng.chance(15) { rng.range(2, 3) as u8 } else { 1 };
        }
    }
    rows.sort_by_key(|row| (row.at, row.key));
    rows
}

/// Everyday events at their type's rate.
fn background(config: &WorldConfig, rate: f64, cause: Cause, day: &Day, key: u64) -> Vec<Row> {
    let quiet = if day.is_weekend() { cause.at_weekends() } else { 1.0 };
    let mean = rate * quiet * config.volume * f64::from(config.users.max(1)) / 40.0;
    let count = Rng::about(key, "count").count(mean);
    let mut rows = Vec::with_capacity(count as usize);
    for n in 0..count {
        let key = mix(key, n);
        let mut rng = Rng::new(key);
        let draw: &Draw = match cause {
            Cause::Guests | Cause::Platform => &Vec::new(),
            Cause::Programs => &day.draws[1],
            Cause::Admins if !day.draws[2].is_empty() => &day.draws[2],
            Cause::Both if rng.chance(450) => &day.draws[1],
            _ => &day.draws[0],
        };
        let total = draw.last().map_or(0, |each| each.1);
        if total == 0 {
            let at = rng.below(DAY as u64) as u32;
            rows.push(Row { key, request: rng.next(), at, who: Who::Nobody, copies: 1 });
            continue;
        }
        let at = rng.below(total);
        let index = draw[draw.partition_point(|each| each.1 <= at)].0;
        rows.push(in_session(day, index, key, &mut rng));
    }
    rows
}

/// An event of some request of a session.
fn in_session(day: &Day, index: u32, key: u64, rng: &mut Rng) -> Row {
    let session = &day.sessions[index as usize];
    let from = session.start.max(day.start);
    let to = session.end.min(day.start + DAY);
    let moment = from + rng.below((to - from).max(1) as u64) as i64;
    let slot = REQUEST_EVERY
        [if session.story.is_some() { 2 } else { usize::from(session.used == Use::Api) }];
    let n = (moment - session.start) / slot;
    let request = mix(session.key, n as u64);
    let begun = session.start + n * slot + Rng::new(request).below(slot as u64) as i64;
    // What a request causes follows within half a second, and never leaves session and day.
    let at = (begun + rng.below(500) as i64).clamp(from, to - 1) - day.start;
    Row { key, request, at: at as u32, who: Who::Session(index), copies: 1 }
}

/// Adds the rows of the day's stories.
fn add_stories(
    config: &WorldConfig,
    event_type: &str,
    cause: Cause,
    day: &Day,
    key: u64,
    rows: &mut Vec<Row>,
) {
    for (index, session) in day.sessions.iter().enumerate() {
        let Some(story) = session.story else { continue };
        if matches!(cause, Cause::SignIns | Cause::SignOuts) {
            continue;
        }
        let count = story::scaled(story.rows(event_type), config.volume);
        for n in 0..count {
            let key = mix(mix(key, session.key), n);
            rows.push(in_session(day, index as u32, key, &mut Rng::new(key)));
        }
    }
}

/// One row per session that starts on the day, and one per failed sign-in.
fn sign_ins(day: &Day) -> Vec<Row> {
    let begun = |session: &Session| session.start >= day.start;
    let sessions = day
        .sessions
        .iter()
        .enumerate()
        .filter(|(_, each)| begun(each))
        .map(|(n, s)| (s.key, s.start, Who::Session(n as u32)));
    let attempts =
        day.attempts.iter().enumerate().map(|(n, a)| (a.key, a.at, Who::Attempt(n as u32)));
    sessions
        .chain(attempts)
        .filter(|(_, at, _)| (day.start..day.start + DAY).contains(at))
        .map(|(key, at, who)| Row {
            key: mix_label(key, "login"),
            request: mix_label(key, "login request"),
            at: (at - day.start) as u32,
            who,
            copies: 1,
        })
        .collect()
}

/// One row per session whose end was recorded on the day.
fn sign_outs(day: &Day) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, session) in day.sessions.iter().enumerate() {
        let Some(at) = session.logged_out() else { continue };
        if (day.start..day.start + DAY).contains(&at) {
            rows.push(Row {
                key: mix_label(session.key, "logout"),
                request: mix_label(session.key, "logout request"),
                at: (at - day.start) as u32,
                who: Who::Session(index as u32),
                copies: 1,
            });
        }
    }
    rows
}
