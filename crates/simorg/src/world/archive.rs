//! Which files exist when: built a day at a time, kept, and handed out without being copied as
//! long as nothing changes.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::LogFile;
use super::facts::Facts;
use super::ids;
use super::render::Lane;
use super::session::Day;

/// All versions of all files of the days that have begun.
#[derive(Debug, Default)]
pub(super) struct Archive {
    /// Days built.
    built: u32,
    /// Every version, day after day.
    all: Vec<LogFile>,
    /// Places in `all` of an id's versions.
    by_id: HashMap<String, Vec<u32>>,
    /// Places in `all`, by creation and id.
    by_creation: Vec<u32>,
    /// When versions are replaced, in order.
    replacements: Vec<Timestamp>,
    /// What was there when last asked, and when that was.
    shown: Option<(Timestamp, Arc<Vec<LogFile>>)>,
}

impl Archive {
    /// The files that exist at `now`.
    pub(super) fn files(&mut self, facts: &Arc<Facts>, now: Timestamp) -> Arc<Vec<LogFile>> {
        self.build(facts, now);
        let (since, mut shown) = match self.shown.take() {
            Some((then, shown)) if then <= now => (Some(then), shown),
            _ => (None, Arc::default()),
        };
        let all = &self.all;
        let created = |n: &u32| all[*n as usize].created_date;
        let from = since.map_or(0, |then| self.by_creation.partition_point(|n| created(n) <= then));
        let to = self.by_creation.partition_point(|n| created(n) <= now);
        let gone = |then| {
            let before = |moment| self.replacements.partition_point(|each| *each <= moment);
            before(then) < before(now)
        };
        if since.is_some_and(gone) {
            Arc::make_mut(&mut shown).retain(|file| exists(file, now));
        }
        if from < to {
            let new = self.by_creation[from..to].iter().map(|n| &all[*n as usize]);
            Arc::make_mut(&mut shown).extend(new.filter(|file| exists(file, now)).cloned());
        }
        self.shown = Some((now, Arc::clone(&shown)));
        shown
    }

    /// The version of a file that exists at `now`.
    pub(super) fn file(&mut self, facts: &Arc<Facts>, id: &str, now: Timestamp) -> Option<LogFile> {
        self.build(facts, now);
        let versions = self.by_id.get(id)?;
        versions.iter().map(|n| &self.all[*n as usize]).find(|file| exists(file, now)).cloned()
    }

    /// Builds the days that have begun by `now`.
    fn build(&mut self, facts: &Arc<Facts>, now: Timestamp) {
        let begun = facts.days_begun(now);
        if begun <= self.built {
            return;
        }
        while self.built < begun {
            let number = i64::from(self.built);
            let day = Arc::new(Day::new(&facts.config, &facts.people, number));
            for event_type in 0..facts.types.len() {
                self.add(facts, &Lane::new(facts, event_type, &day));
            }
            self.built += 1;
        }
        let all = &self.all;
        self.by_creation = (0..all.len() as u32).collect();
        self.by_creation.sort_unstable_by_key(|n| {
            let file = &all[*n as usize];
            (file.created_date, &file.id)
        });
        self.replacements = all.iter().filter_map(|file| file.replaced_at).collect();
        self.replacements.sort_unstable();
    }

    /// Adds a lane's files.
    fn add(&mut self, facts: &Facts, lane: &Lane) {
        for (file, length) in lane.log_files(facts).zip(lane.lengths()) {
            let place = self.all.len() as u32;
            self.by_id.entry(file.id.clone()).or_default().push(place);
            self.all.push(LogFile { length, ..file });
        }
    }
}

impl Lane {
    /// The lane's files as the org lists them, all but their lengths.
    pub(super) fn log_files(&self, facts: &Facts) -> impl Iterator<Item = LogFile> {
        self.editions.iter().map(|edition| LogFile {
            id: ids::log_file(facts.config.seed, facts.instance, edition.place),
            event_type: facts.types[usize::from(edition.place.event_type)].name.clone(),
            hourly: edition.hourly,
            sequence: edition.sequence,
            log_date: Timestamp::from_millisecond(edition.log_date).unwrap_or_default(),
            created_date: Timestamp::from_second(edition.created).unwrap_or_default(),
            replaced_at: edition.replaced.and_then(|at| Timestamp::from_second(at).ok()),
            length: 0,
        })
    }
}

/// Whether a version is there to be listed and served at `now`.
fn exists(file: &LogFile, now: Timestamp) -> bool {
    file.created_date <= now && file.replaced_at.is_none_or(|at| at > now)
}
