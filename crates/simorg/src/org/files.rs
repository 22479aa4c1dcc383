//! Which log files the org shows at a moment, and how: retention, licence, and faults of files.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Org;
use super::decimals::with_decimals;
use crate::config::OrgSettings;
use crate::faults::{Fault, Faults};
use crate::ids;
use crate::soql::{Cell, Table};
use crate::world::{LogFile, World};

/// What faults make of single files.
#[derive(Debug)]
pub(crate) struct FileFaults {
    faults: Faults,
    /// Files that were found gone when fetched; from then on they are not listed either.
    gone: Mutex<HashSet<String>>,
}

impl FileFaults {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { faults, gone: Mutex::default() }
    }

    /// Whether a file is in listings at `now`.
    fn is_listed(&self, file: &LogFile, now: Timestamp) -> bool {
        if self.faults.is_on(Fault::StaleListing)
            && age(file, now) < self.minutes(Fault::StaleListing)
            && self.faults.concerns(Fault::StaleListing, &key(file))
        {
            return false;
        }
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.is_empty() || !gone.contains(&key(file))
    }

    /// The length a listing shows.
    fn listed_length(&self, world: &World, file: &LogFile, now: Timestamp) -> u64 {
        if self.writes_decimals(file) {
            return self.content(world, file).len() as u64;
        }
        if self.faults.is_on(Fault::WrongLength)
            && self.faults.concerns(Fault::WrongLength, &key(file))
        {
            return file.length + self.faults.amount(Fault::WrongLength).max(1);
        }
        self.grown(file, now, &[Fault::StillListing, Fault::StillGrowing])
    }

    /// The bytes of a file, before what happens to them on the way.
    pub(crate) fn content(&self, world: &World, file: &LogFile) -> Arc<Vec<u8>> {
        let content = world.content(file);
        if !self.writes_decimals(file) {
            return content;
        }
        let decimals = usize::try_from(self.faults.amount(Fault::OtherDecimals)).unwrap_or(1);
        Arc::new(with_decimals(&content, decimals.clamp(1, 9)))
    }

    fn writes_decimals(&self, file: &LogFile) -> bool {
        !file.hourly
            && self.faults.is_on(Fault::OtherDecimals)
            && self.faults.concerns(Fault::OtherDecimals, &key(file))
    }

    /// How much of a file is served at `now`; none if it is gone.
    pub(crate) fn served_length(&self, file: &LogFile, now: Timestamp) -> Option<u64> {
        if self.faults.is_on(Fault::Vanish) && self.faults.concerns(Fault::Vanish, &key(file)) {
            self.gone.lock().unwrap_or_else(PoisonError::into_inner).insert(key(file));
            return None;
        }
        if self.writes_decimals(file) {
            return Some(u64::MAX);
        }
        Some(self.grown(file, now, &[Fault::StillWriting, Fault::StillGrowing]))
    }

    /// The length of a file that is being written, if one of `faults` says that it is.
    fn grown(&self, file: &LogFile, now: Timestamp, faults: &[Fault]) -> u64 {
        let mut length = file.length;
        for fault in faults {
            let until = self.minutes(*fault);
            let age = age(file, now);
            if self.faults.is_on(*fault) && age < until && self.faults.concerns(*fault, &key(file))
            {
                let share = 0.25 + 0.7 * (age.as_secs_f64() / until.as_secs_f64()).max(0.0);
                length = length.min((file.length as f64 * share) as u64);
            }
        }
        length
    }

    fn minutes(&self, fault: Fault) -> SignedDuration {
        let minutes = i64::try_from(self.faults.amount(fault)).unwrap_or(i64::MAX);
        SignedDuration::from_secs(minutes.saturating_mul(60))
    }
}

/// A version of a file: a replaced one may have the same id.
fn key(file: &LogFile) -> String {
    format!("{}@{}", file.id, file.created_date.as_second())
}

fn age(file: &LogFile, now: Timestamp) -> SignedDuration {
    now.duration_since(file.created_date)
}

/// Whether the org has this file at all: licence, hourly files, retention, and whether it was made.
fn is_kept(org: &Org, settings: &OrgSettings, file: &LogFile, now: Timestamp) -> bool {
    (!file.hourly || settings.shows_hourly())
        && (settings.licensed || org.world.is_free(&file.event_type))
        && org.generation.made(file.created_date)
        && age(file, now) <= settings.kept_for()
}

/// The log files a listing shows, as records.
pub(crate) struct LogFiles {
    world: World,
    files: Arc<Vec<LogFile>>,
    /// Places in `files` of those that show.
    shown: Vec<usize>,
    /// Lengths that differ from the file's own, by place in `files`.
    lengths: HashMap<usize, u64>,
    /// API version, as in addresses.
    version: String,
    /// Whose name is on the files.
    system_user: String,
}

impl LogFiles {
    /// All that show now.
    pub(crate) fn listed(org: &Org, version: &str) -> Self {
        let now = org.now();
        Self::of(org, version, org.world.files(org.generation.latest(now)), now)
    }

    /// The one with this id (15 or 18 characters), if it shows now.
    pub(crate) fn one(org: &Org, version: &str, id: &str) -> Option<Self> {
        let now = org.now();
        let file = find(org, id)?;
        Some(Self::of(org, version, Arc::new(vec![file]), now))
    }

    fn of(org: &Org, version: &str, files: Arc<Vec<LogFile>>, now: Timestamp) -> Self {
        let settings = org.settings();
        let shown: Vec<usize> = files
            .iter()
            .enumerate()
            .filter(|(_, file)| is_kept(org, &settings, file, now))
            .filter(|(_, file)| org.files.is_listed(file, now))
            .map(|(place, _)| place)
            .collect();
        let mut lengths = HashMap::new();
        for place in &shown {
            let length = org.files.listed_length(&org.world, &files[*place], now);
            if length != files[*place].length {
                lengths.insert(*place, length);
            }
        }
        Self {
            world: org.world.clone(),
            system_user: ids::make("005", 0),
            version: version.to_owned(),
            files,
            shown,
            lengths,
        }
    }

    /// Whether a record is an hourly file.
    pub(crate) fn is_hourly(&self, row: usize) -> bool {
        self.shown.get(row).is_some_and(|place| self.files[*place].hourly)
    }

    /// When the oldest of the files that show was made.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.shown.iter().map(|place| self.files[*place].created_date).min()
    }

    /// The header of a file, as the comma-separated list the org shows, cut where the org cuts it.
    fn field_list(&self, file: &LogFile, name: impl Fn(&str) -> String) -> Cell {
        let content = self.world.content(file);
        let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = String::from_utf8_lossy(line);
        let columns: Vec<String> =
            header.trim_end().split(',').map(|column| name(column.trim_matches('"'))).collect();
        Cell::text(columns.join(",").chars().take(1_333).collect::<String>())
    }
}

impl Table for LogFiles {
    fn len(&self) -> usize {
        self.shown.len()
    }

    fn cell(&self, row: usize, field: &str) -> Cell {
        let Some(place) = self.shown.get(row) else { return Cell::Null };
        let file = &self.files[*place];
        match field {
            "Id" => Cell::text(&file.id),
            "IsDeleted" => Cell::Bool(false),
            "CreatedDate" | "LastModifiedDate" | "SystemModstamp" => Cell::Time(file.created_date),
            "CreatedById" | "LastModifiedById" => Cell::text(&self.system_user),
            "EventType" => Cell::text(&file.event_type),
            "LogDate" => Cell::Time(file.log_date),
            "LogFileLength" => {
                Cell::Double(self.lengths.get(place).copied().unwrap_or(file.length) as f64)
            }
            "LogFileContentType" => Cell::text("text/csv"),
            "ApiVersion" => Cell::Double(self.version.parse().unwrap_or_default()),
            "LogFileFieldNames" => self.field_list(file, str::to_owned),
            "LogFileFieldTypes" => self.field_list(file, |name| column_type(name).to_owned()),
            "LogFile" => {
                let version = &self.version;
                Cell::text(format!(
                    "/services/data/v{version}/sobjects/EventLogFile/{}/LogFile",
                    file.id
                ))
            }
            "Sequence" => Cell::Int(i64::from(file.sequence)),
            "Interval" => Cell::text(if file.hourly { "Hourly" } else { "Daily" }),
            _ => Cell::Null,
        }
    }
}

/// The file with this id (15 or 18 characters), if the org has it now and shows it.
pub(crate) fn find(org: &Org, id: &str) -> Option<LogFile> {
    let now = org.now();
    ids::significant(id)?;
    let file = org.world.file(&ids::to_18(id), org.generation.latest(now))?;
    let shows = is_kept(org, &org.settings(), &file, now) && org.files.is_listed(&file, now);
    shows.then_some(file)
}

/// The declared type of a log file's column, going by its name.
fn column_type(name: &str) -> &'static str {
    match name {
        "TIMESTAMP_DERIVED" => "DateTime",
        "CLIENT_IP" | "SOURCE_IP" => "IP",
        _ if name.ends_with("_TIME") || name.starts_with("NUMBER_") => "Number",
        _ if name.ends_with("_ID") || name.ends_with("_ID_DERIVED") => "Id",
        _ => "String",
    }
}
