//! One unit's file while it grows, and how it becomes the unit's file for good. All of it blocks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flate2::write::GzEncoder;
use orgtap_events::UnitInfo;
use orgtap_transport::disk::{sync_folder, unique};
use zstd::stream::write::Encoder as ZstdEncoder;

use super::Compression;
use super::path::{self, Rows};
use crate::{Batch, Error, Events};

/// Level of Zstandard: above it, time grows faster than files shrink.
const ZSTD_LEVEL: i32 = 1;

/// Which files a destination writes.
#[derive(Clone)]
pub(super) struct Place {
    /// The destination's name.
    pub(super) name: Arc<str>,
    /// The folder of the configuration.
    pub(super) root: Arc<Path>,
    /// Whether this process has seen it.
    pub(super) seen: Arc<AtomicBool>,
    /// How files are compressed.
    pub(super) compression: Compression,
}

/// A file under its temporary name. Dropping it removes it.
struct Temporary {
    path: PathBuf,
    renamed: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // If it stays, it is removed when the unit is written again.
            fs::remove_file(&self.path).ok();
        }
    }
}

enum Encoder {
    Plain(File),
    Gzip(GzEncoder<File>),
    Zstd(ZstdEncoder<'static, File>),
}

impl Encoder {
    fn new(file: File, compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(file),
            // The header holds no time and no name, so that the same unit gives the same bytes.
            Compression::Gzip => Self::Gzip(GzEncoder::new(file, flate2::Compression::fast())),
            Compression::Zstd => {
                let mut encoder = ZstdEncoder::new(file, ZSTD_LEVEL)?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
            Self::Zstd(encoder) => encoder.write_all(bytes),
        }
    }

    fn finish(self) -> io::Result<File> {
        match self {
            Self::Plain(file) => Ok(file),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// A unit's file that still grows.
pub(super) struct Part {
    name: Arc<str>,
    encoder: Encoder,
    temporary: Temporary,
    target: PathBuf,
    written: u64,
}

/// A unit's file that is complete, but not yet safe.
pub(super) struct Ended {
    name: Arc<str>,
    file: File,
    temporary: Temporary,
    target: PathBuf,
    /// Bytes of NDJSON in it.
    pub(super) written: u64,
}

impl Part {
    /// Starts a unit's file from nothing, and removes what earlier tries left of it.
    ///
    /// Every try has a temporary name of its own, so that a worker that was thought dead and still
    /// writes spoils nothing: it puts the same whole file in place, or none.
    pub(super) fn create(place: &Place, unit: &UnitInfo, rows: Rows) -> Result<Self, Error> {
        let folder = make_folder(place, &path::folder(unit))?;
        remove_leftovers(place, &folder, &path::temporary_prefix(unit))?;
        let suffix = place.compression.suffix();
        let prefix = path::temporary_prefix(unit);
        let target = folder.join(path::file_name(unit, rows, place.compression));
        let (temporary, file) =
            create_new(&folder, || format!("{prefix}{}{suffix}.part", unique()));
        let file = file.map_err(|error| failed(place, "creating", &temporary, error))?;
        Self::over(place, file, temporary, target)
    }

    /// Writes to a file that is already open.
    pub(super) fn over(
        place: &Place,
        file: File,
        temporary: PathBuf,
        target: PathBuf,
    ) -> Result<Self, Error> {
        let temporary = Temporary { path: temporary, renamed: false };
        let encoder = Encoder::new(file, place.compression)
            .map_err(|error| failed(place, "compressing", &temporary.path, error))?;
        Ok(Self { name: Arc::clone(&place.name), encoder, temporary, target, written: 0 })
    }

    /// Adds events.
    pub(super) fn write(&mut self, events: &Events) -> Result<(), Error> {
        self.written += events.ndjson().len() as u64;
        self.encoder.write_all(events.ndjson()).map_err(|error| self.error("writing", error))
    }

    /// Completes the file, in the operating system's memory at least.
    pub(super) fn end(self) -> Result<Ended, Error> {
        let Self { name, encoder, temporary, target, written } = self;
        match encoder.finish() {
            Ok(file) => Ok(Ended { name, file, temporary, target, written }),
            Err(error) => Err(storage(&name, "writing", &temporary.path, error)),
        }
    }

    fn error(&self, doing: &str, error: io::Error) -> Error {
        storage(&self.name, doing, &self.temporary.path, error)
    }
}

/// Makes complete files safe and gives them their names.
///
/// All contents are synced before the first name changes, and each folder is synced once.
pub(super) fn settle(ended: Vec<Ended>) -> Result<(), Error> {
    for part in &ended {
        part.file
            .sync_all()
            .map_err(|error| storage(&part.name, "syncing", &part.temporary.path, error))?;
    }
    let mut folders: Vec<(Arc<str>, PathBuf)> = Vec::new();
    for mut part in ended {
        fs::rename(&part.temporary.path, &part.target)
            .map_err(|error| storage(&part.name, "renaming", &part.temporary.path, error))?;
        part.temporary.renamed = true;
        let folder = part.target.parent().unwrap_or(&part.target).to_owned();
        if !folders.iter().any(|(_, known)| *known == folder) {
            folders.push((Arc::clone(&part.name), folder));
        }
    }
    for (name, folder) in folders {
        sync_folder(&folder).map_err(|error| storage(&name, "syncing", &folder, error))?;
    }
    Ok(())
}

/// Tries everything a unit's file needs, and leaves nothing behind but the folder.
pub(super) fn probe(place: &Place, sample: &Batch) -> Result<(), Error> {
    let folder = make_folder(place, &[])?;
    let renamed = folder.join(format!(".probe.{}", unique()));
    let (temporary, file) = create_new(&folder, || format!(".probe.{}.part", unique()));
    let file = file.map_err(|error| failed(place, "creating", &temporary, error))?;
    let mut part = Part::over(place, file, temporary, renamed.clone())?;
    part.write(&sample.events)?;
    settle(vec![part.end()?])?;
    fs::remove_file(&renamed).map_err(|error| failed(place, "removing", &renamed, error))
}

/// Makes folders below the destination's own, syncing each parent that got a new entry.
fn make_folder(place: &Place, parts: &[String]) -> Result<PathBuf, Error> {
    let mut folder = place.root.to_path_buf();
    if !folder.is_dir() {
        // It may be below a mount that has gone away. What went to the disk beneath would count as
        // delivered, and nobody would see it.
        if place.seen.load(Ordering::Relaxed) {
            let gone = "the folder was there and is gone; mount it, or make it again";
            let error = io::Error::new(io::ErrorKind::NotFound, gone);
            return Err(failed(place, "looking for", &folder, error));
        }
        let made = builder().recursive(true).create(&folder);
        made.map_err(|error| failed(place, "creating", &folder, error))?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent).map_err(|error| failed(place, "syncing", parent, error))?;
        }
    }
    place.seen.store(true, Ordering::Relaxed);
    for part in parts {
        let parent = folder.clone();
        folder.push(part);
        match builder().create(&folder) {
            Ok(()) => {
                sync_folder(&parent).map_err(|error| failed(place, "syncing", &parent, error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(place, "creating", &folder, error)),
        }
    }
    Ok(folder)
}

/// Removes temporary files whose writer is gone. Those of a living one are locked.
fn remove_leftovers(place: &Place, folder: &Path, prefix: &str) -> Result<(), Error> {
    let listing = fs::read_dir(folder).map_err(|error| failed(place, "listing", folder, error))?;
    for entry in listing.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(prefix)) {
            let path = entry.path();
            // Held until the file is gone, so that its writer, if it has only just made it, knows.
            let _held = match File::open(&path).map(|file| (file.try_lock(), file)) {
                Ok((Err(TryLockError::WouldBlock), _)) => continue,
                held => held,
            };
            match fs::remove_file(&path) {
                Ok(()) => tracing::debug!(path = %path.display(), "removed a leftover"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(place, "removing", &path, error)),
            }
        }
    }
    Ok(())
}

/// A file that is locked while it is open, and its path. It is for Orgtap and its group: events
/// are nobody else's business.
fn create_new(folder: &Path, name: impl Fn() -> String) -> (PathBuf, io::Result<File>) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    loop {
        let path = folder.join(name());
        let file = match options.open(&path) {
            Ok(file) => file,
            Err(error) => return (path, Err(error)),
        };
        // Another try of the unit may hold the lock for as long as it takes to remove this file,
        // which it takes for a leftover. Where a file system knows no locks, a try that is still
        // alive may lose its file to the next one, fails, and is made again.
        if file.lock().is_err() || path.exists() {
            return (path, Ok(file));
        }
    }
}

fn builder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o750);
    builder
}

fn failed(place: &Place, doing: &str, path: &Path, error: io::Error) -> Error {
    storage(&place.name, doing, path, error)
}

fn storage(name: &str, doing: &str, path: &Path, error: io::Error) -> Error {
    Error::storage(name, format!("{doing} {}", path.display()), error)
}
