//! Connectors that the console or `orgtap connector add` made, each in a file of its own in the data folder.
//!
//! The files have the form of the configuration, so people can read and change them, and go
//! through the same reading and checks. A connector's file has its name, which makes sure that
//! none is overwritten by another.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::fault::ConfigError;
use super::settings::Settings;
use super::validate::{self, Beside};
use super::{OnDisk, read, readable_by_others, reading, unreadable};

/// Most saved connectors; more were not made by people.
const MOST: usize = 1_000;
/// How the files of saved connectors end.
pub(super) const ENDING: &str = ".yaml";

/// Reads the saved connectors and appends them to the settings of the main file. `broken` decides
/// whether one that cannot be read ends it.
pub(super) fn append(
    settings: &mut Settings,
    main_origin: &str,
    broken: &mut dyn FnMut(&mut Settings, &Path, ConfigError) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    for path in files(&folder(&settings.data_dir), &mut settings.warnings)? {
        if let Err(error) = append_one(settings, main_origin, &path) {
            broken(settings, &path, error)?;
        }
    }
    Ok(())
}

fn append_one(settings: &mut Settings, main_origin: &str, path: &Path) -> Result<(), ConfigError> {
    let OnDisk { bytes, folder, is_readable_by_others } = OnDisk::read(path)?;
    let beside = Beside { main: settings, main_origin, path };
    let origin = path.display().to_string();
    let (saved, has_plain) = read(&bytes, &origin, |report| {
        let reading = reading::read(report, &folder)?;
        validate::saved(report, &reading, &beside)
    })?;
    settings.connectors.push(saved.connector);
    settings.stored.extend(saved.stored);
    settings.warnings.extend(saved.warnings);
    if has_plain && is_readable_by_others {
        settings.warnings.push(readable_by_others(path));
    }
    Ok(())
}

/// What the saved connectors' files look like from outside: whoever changes one changes this.
pub(super) fn marks(data_dir: &Path) -> Marks {
    let Ok(entries) = fs::read_dir(folder(data_dir)) else { return Marks::default() };
    let mark = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        Some((entry.path(), (metadata.modified().ok(), metadata.len())))
    };
    Marks(entries.filter_map(mark).collect())
}

/// See [`marks`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Marks {
    /// Whether a file is not what it was.
    pub(crate) fn is_changed(&self, before: &Self, file: &Path) -> bool {
        self.0.get(file) != before.0.get(file)
    }

    /// Makes a file count as changed.
    pub(crate) fn forget(&mut self, file: &Path) {
        self.0.remove(file);
    }
}

/// The folder of the saved connectors.
pub(super) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("connectors")
}

/// The files of saved connectors, sorted. What else is there is warned of, apart from what a
/// write that was cut off left behind.
fn files(folder: &Path, warnings: &mut Vec<String>) -> Result<Vec<PathBuf>, ConfigError> {
    let refuse = |error: io::Error| unreadable(folder, &error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refuse(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(refuse)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(ENDING) {
            if files.len() == MOST {
                let why = format!("it holds more than {MOST} saved connectors");
                return Err(unreadable(folder, &why));
            }
            files.push(path);
        } else if !name.ends_with(".part") {
            warnings.push(format!(
                "{} is not read: the file of a saved connector ends with {ENDING}",
                path.display()
            ));
        }
    }
    files.sort();
    Ok(files)
}
