//! Which files the events of a lane end up in, when each file is made, and what goes wrong with
//! them.
//!
//! What can go wrong, and only in an awkward world: an hour's events come in up to three files,
//! the later ones up to two days late and with rows that were in an earlier one; rows never reach
//! an hourly file; a day's file is made without some rows and replaced by a full one; columns come
//! and move. One file of an hour or a day holds all identical rows of it, or it holds one of each.

use super::WorldConfig;
use super::ids::FilePlace;
use super::lane::Row;
use super::random::{Rng, mix, mix_label};
use super::session::{DAY, Day, HOUR};

/// Which columns a file has, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// Which order; 0 is the catalogue's.
    pub(super) order: u8,
    /// Whether it has the column a release added.
    pub(super) extra: bool,
}

/// One version of a file, before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edition {
    /// What its id is made of.
    pub(super) place: FilePlace,
    /// Whether it is an hour's file.
    pub(super) hourly: bool,
    /// `Sequence`.
    pub(super) sequence: u32,
    /// Start of the hour or day, ms since 1970.
    pub(super) log_date: i64,
    /// When it is made, seconds since 1970.
    pub(super) created: i64,
    /// When a newer version takes its place, seconds since 1970.
    pub(super) replaced: Option<i64>,
    /// Its columns.
    pub(super) layout: Layout,
    /// Whether its last row is terminated.
    pub(super) terminated: bool,
    /// Its rows by their place in the lane; a row that is there twice is named twice.
    pub(super) rows: Vec<u32>,
}

/// Kinds of order besides the catalogue's.
pub(super) const ORDERS: u64 = 3;

/// Slot of a day's own file.
const WHOLE_DAY: u8 = 24;

/// When the release that adds a column to a type reaches the org, if one does: day of the world
/// and hour.
pub(super) fn release(config: &WorldConfig, event_type: &str) -> Option<(i64, u8)> {
    let mut rng = Rng::about(mix_label(config.seed, event_type), "release");
    let happens = config.awkward && rng.chance(250);
    happens.then(|| (rng.below(u64::from(config.days.max(1))) as i64, rng.range(1, 22) as u8))
}

/// The files of one lane.
pub(super) fn editions(
    config: &WorldConfig,
    event_type: (u8, &str),
    day: &Day,
    rows: &[Row],
) -> Vec<Edition> {
    let key = mix(mix_label(config.seed, event_type.1), day.number as u64);
    let mut plan = Plan { config, event_type, day, rows, key, made: Vec::new() };
    if config.hourly {
        let mut from = 0;
        for hour in 0..24 {
            let to = from + rows[from..].partition_point(|row| row.hour() == hour);
            plan.hour(hour, from as u32..to as u32);
            from = to;
        }
    }
    if !rows.is_empty() {
        plan.whole_day();
    }
    plan.made
}

/// Makes up a lane's files.
struct Plan<'a> {
    /// The world's configuration.
    config: &'a WorldConfig,
    /// Number and name of the type.
    event_type: (u8, &'a str),
    /// The day.
    day: &'a Day,
    /// The lane's rows, by time.
    rows: &'a [Row],
    /// What chance is derived from.
    key: u64,
    /// The files so far.
    made: Vec<Edition>,
}

impl Plan<'_> {
    /// The files of one hour.
    fn hour(&mut self, hour: u8, rows: std::ops::Range<u32>) {
        let mut rng = Rng::about(mix(self.key, u64::from(hour)), "hour");
        let awkward = self.config.awkward;
        let all: Vec<u32> = rows.filter(|n| !(awkward && self.only_daily(*n))).collect();
        let log_date = self.day.start + i64::from(hour) * HOUR;
        let mut created = self.hourly_batch(hour);
        if all.is_empty() {
            // The odd file has a header and nothing else.
            if awkward && rng.below(2000) == 0 {
                self.push(hour, 1, log_date, created, Vec::new());
            }
            return;
        }
        let parts = if awkward { parts(&mut rng, all) } else { vec![all] };
        let mut earlier: Vec<u32> = Vec::new();
        for (part, sequence) in parts.into_iter().zip(1..) {
            let mut file = self.with_copies(&part);
            if sequence > 1 {
                created += late_by(&mut rng);
                if rng.chance(350) {
                    self.retransmit(&mut rng, &earlier, &mut file);
                }
            }
            self.push(hour, sequence, log_date, created, file);
            earlier.extend(part);
        }
    }

    /// Repeats some of what earlier files of the hour had.
    fn retransmit(&self, rng: &mut Rng, earlier: &[u32], file: &mut Vec<u32>) {
        let always = rng.below(earlier.len() as u64) as usize;
        for (place, row) in earlier.iter().enumerate() {
            if place == always || rng.chance(300) {
                let copies = self.rows[*row as usize].copies;
                let times = if rng.chance(500) { copies } else { 1 };
                file.extend(std::iter::repeat_n(*row, usize::from(times)));
            }
        }
        file.sort_unstable();
    }

    /// The day's file, or first one without some rows and then the full one.
    fn whole_day(&mut self) {
        let mut rng = Rng::about(self.key, "day");
        let all: Vec<u32> = (0..self.rows.len() as u32).collect();
        let full = self.with_copies(&all);
        let created = self.daily_batch();
        let partial = self.config.awkward && all.len() > 1 && rng.chance(100);
        if !partial {
            self.push(WHOLE_DAY, 0, self.day.start, created, full);
            return;
        }
        let (keep, lose) = (rng.below(all.len() as u64) as usize, rng.range(40, 300));
        let mut early: Vec<u32> =
            all.iter().copied().filter(|n| *n as usize == keep || !rng.chance(lose)).collect();
        if early.len() == all.len() {
            early.remove(usize::from(keep == 0));
        }
        let early = self.with_copies(&early);
        let replaced = created + 4 * 3600 + rng.below(56 * 3600) as i64;
        self.push(WHOLE_DAY, 0, self.day.start, created, early);
        if let Some(last) = self.made.last_mut() {
            last.replaced = Some(replaced);
        }
        self.push(WHOLE_DAY, 0, self.day.start, replaced, full);
        if rng.chance(500)
            && let Some(last) = self.made.last_mut()
        {
            // A new id, and the old one is gone.
            last.place.edition = 1;
        }
    }

    /// Rows as a file has them: identical ones as often as the org wrote them.
    fn with_copies(&self, rows: &[u32]) -> Vec<u32> {
        let copies = |row: &u32| usize::from(self.rows[*row as usize].copies);
        rows.iter().flat_map(|row| std::iter::repeat_n(*row, copies(row))).collect()
    }

    /// Whether a row never gets into an hourly file.
    fn only_daily(&self, row: u32) -> bool {
        Rng::about(self.rows[row as usize].key, "only daily").chance(5)
    }

    /// Adds a file.
    fn push(&mut self, slot: u8, sequence: u8, log_date: i64, created: i64, mut rows: Vec<u32>) {
        let key = mix(mix(self.key, u64::from(slot)), created as u64);
        let mut rng = Rng::about(key, "file");
        let awkward = self.config.awkward;
        if awkward && rng.chance(80) {
            // Some files come as several servers wrote them, one after the other.
            rows.sort_by_key(|row| self.rows[*row as usize].request % 3);
        }
        self.made.push(Edition {
            place: FilePlace {
                day: self.day.number as u32,
                event_type: self.event_type.0,
                slot,
                edition: sequence,
            },
            hourly: slot != WHOLE_DAY,
            sequence: u32::from(sequence),
            log_date,
            created,
            replaced: None,
            layout: self.layout(slot),
            terminated: !(awkward && rng.chance(15)),
            rows,
        });
    }

    /// The columns of a file.
    fn layout(&self, slot: u8) -> Layout {
        if !self.config.awkward {
            return Layout { order: 0, extra: false };
        }
        let extra = release(self.config, self.event_type.1)
            .is_some_and(|release| (self.day.number, slot) >= release);
        let mut rng = Rng::about(self.key, "layout");
        let (moves, differs) = (rng.chance(50), rng.chance(80));
        let (from, to, other) =
            (rng.range(1, 22) as u8, rng.range(1, ORDERS) as u8, rng.range(1, ORDERS) as u8);
        let order = match slot {
            WHOLE_DAY if differs => other,
            slot if moves && slot >= from => to,
            _ => 0,
        };
        Layout { order, extra }
    }

    /// When the files of an hour are made, seconds since 1970: three to six hours after it, many
    /// types in the same second.
    fn hourly_batch(&self, hour: u8) -> i64 {
        let moment = mix(mix(self.config.seed, self.day.number as u64), u64::from(hour));
        let base = 3 * 3600 + Rng::about(moment, "batch").below(2 * 3600 + 1800) as i64;
        let hour_end = (self.day.start + (i64::from(hour) + 1) * HOUR) / 1000;
        let after = [0, 0, 0, 1, 4, 31, 95][(mix_label(moment, self.event_type.1) % 7) as usize];
        hour_end + base + after
    }

    /// When the day's files are made: from two in the morning, off-peak.
    fn daily_batch(&self) -> i64 {
        let moment = mix(self.config.seed, self.day.number as u64);
        let base = 2 * 3600 + Rng::about(moment, "daily batch").below(2 * 3600) as i64;
        let after = [0, 0, 0, 2, 60, 600][(mix_label(moment, self.event_type.1) % 6) as usize];
        (self.day.start + DAY) / 1000 + base + after
    }
}

/// Splits an hour's rows into what comes in time and what comes late: one to three parts, none
/// empty.
fn parts(rng: &mut Rng, all: Vec<u32>) -> Vec<Vec<u32>> {
    if all.len() < 2 || !rng.chance(85) {
        return vec![all];
    }
    let count = if all.len() > 2 && rng.chance(250) { 3 } else { 2 };
    let mut parts = vec![Vec::new(); count];
    let first = rng.below(all.len() as u64) as usize;
    for (place, row) in all.iter().enumerate() {
        // Starting anywhere, the first rows make sure that no part stays empty.
        let turn = (place + all.len() - first) % all.len();
        let part = if turn < count {
            turn
        } else if rng.chance(600) {
            0
        } else {
            1 + rng.below(count as u64 - 1) as usize
        };
        parts[part].push(*row);
    }
    parts
}

/// How long after the file before it a late file is made, seconds: minutes to a day.
fn late_by(rng: &mut Rng) -> i64 {
    rng.spread(600, 24 * 3600) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_an_hour_loses_and_doubles_nothing() {
        let mut split = 0;
        for key in 0..4000 {
            let mut rng = Rng::new(mix(1, key));
            let all: Vec<u32> = (0..rng.range(1, 9) as u32).collect();
            let parts = parts(&mut rng, all.clone());
            assert!(parts.iter().all(|part| !part.is_empty()));
            let mut joined = parts.concat();
            joined.sort_unstable();
            assert_eq!(joined, all);
            split += usize::from(parts.len() > 1);
        }
        assert!((200..500).contains(&split), "{split} of 4000");
    }
}
