//! What the first reading of a unit has found out, kept for the moment until its delivery: its
//! rows' hashes, and its bytes if they are few.
//!
//! Only a saving: a unit that is not kept is read and hashed again. The bytes of large units are
//! not kept, since writing them to a disk and reading them back costs as much as decompressing
//! them a second time, even where the disk is memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::admit::sort::nameless;

/// Units kept at a time, at most.
const UNITS: usize = 32;
/// The most bytes of one unit that are kept in memory, and the most hashes before they go to a
/// file, bytes.
const MEMORY: usize = 256 * 1024;
/// A unit that was not asked for in this time makes room for another.
const PATIENCE: Duration = Duration::from_mins(1);

/// The units kept. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    units: Arc<Mutex<HashMap<String, Unit>>>,
    folder: PathBuf,
}

#[derive(Debug)]
struct Unit {
    copy: Arc<Copy>,
    /// Destinations that have not had it yet.
    readers: usize,
    since: Instant,
}

/// One unit's hashes, and its bytes if they are few.
#[derive(Debug)]
pub(crate) struct Copy {
    bytes: Option<Vec<u8>>,
    hashes: Store,
}

impl Kept {
    /// Nothing yet; many hashes will lie below `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { units: Arc::default(), folder }
    }

    fn units(&self) -> MutexGuard<'_, HashMap<String, Unit>> {
        self.units.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to keep a unit of about `length` bytes, if there is room for another.
    pub(crate) fn begin(&self, length: u64) -> Option<Copying> {
        let mut units = self.units();
        if units.len() >= UNITS {
            units.retain(|_, unit| unit.since.elapsed() < PATIENCE);
        }
        (units.len() < UNITS).then(|| Copying {
            bytes: (length <= MEMORY as u64).then(Vec::new),
            hashes: Some(StoreWriter::new(&self.folder)),
        })
    }

    /// Keeps a unit for so many destinations.
    pub(crate) fn put(&self, spool_path: &str, copy: Copy, readers: usize) {
        let unit = Unit { copy: Arc::new(copy), readers, since: Instant::now() };
        if readers > 0 {
            self.units().insert(spool_path.to_owned(), unit);
        }
    }

    /// A unit's hashes from row number `row` on, and its bytes.
    pub(crate) fn open(&self, spool_path: &str, row: u64) -> Option<(Option<Bytes>, Hashes)> {
        let copy = self.units().get(spool_path).map(|unit| Arc::clone(&unit.copy))?;
        let hashes = StoreReader { copy: Arc::clone(&copy), at: row.saturating_mul(16) };
        let bytes = copy.bytes.is_some().then_some(Bytes { copy, at: 0 });
        Some((bytes, Hashes(BufReader::with_capacity(64 * 1024, hashes))))
    }

    /// One destination has had the unit.
    pub(crate) fn done(&self, spool_path: &str) {
        let mut units = self.units();
        if let Some(unit) = units.get_mut(spool_path) {
            unit.readers -= 1;
            if unit.readers == 0 {
                units.remove(spool_path);
            }
        }
    }

    /// The unit is of no use, or could not be read.
    pub(crate) fn forget(&self, spool_path: &str) {
        self.units().remove(spool_path);
    }
}

/// A unit that is being kept. What fails or grows too large is left out quietly.
#[derive(Debug)]
pub(crate) struct Copying {
    bytes: Option<Vec<u8>>,
    hashes: Option<StoreWriter>,
}

impl Copying {
    /// More of its bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.bytes {
            kept.extend_from_slice(bytes);
            if kept.len() > MEMORY {
                self.bytes = None;
            }
        }
    }

    /// The hash of its next row; 0 for one that is none.
    pub(crate) fn hash(&mut self, hash: u128) {
        if let Some(kept) = &mut self.hashes
            && let Err(error) = kept.write(&hash.to_le_bytes())
        {
            tracing::debug!(%error, "a unit's hashes are not kept");
            self.hashes = None;
        }
    }

    /// What was kept, if it is of use.
    pub(crate) fn finish(self) -> Option<Copy> {
        let hashes = self.hashes?.finish().ok()?;
        Some(Copy { bytes: self.bytes, hashes })
    }
}

/// Bytes in memory, or in a file once there are many.
#[derive(Debug)]
enum Store {
    Memory(Vec<u8>),
    Disk(Mutex<File>),
}

#[derive(Debug)]
struct StoreWriter {
    folder: PathBuf,
    /// All of it, or what is not in the file yet.
    memory: Vec<u8>,
    file: Option<File>,
}

impl StoreWriter {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), memory: Vec::new(), file: None }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.memory.len() + bytes.len() > MEMORY {
            self.flush()?;
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(nameless(&self.folder)?),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Store> {
        if self.file.is_some() {
            self.flush()?;
        }
        Ok(match self.file {
            Some(file) => Store::Disk(Mutex::new(file)),
            None => Store::Memory(self.memory),
        })
    }
}

/// Reads a unit's hashes from some place on.
struct StoreReader {
    copy: Arc<Copy>,
    at: u64,
}

impl Read for StoreReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = match &self.copy.hashes {
            Store::Memory(bytes) => read_at(bytes, self.at, out),
            Store::Disk(file) => {
                // Others may read the same file from another place.
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(self.at))?;
                file.read(out)?
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

/// A unit's bytes, as a stream.
pub(crate) struct Bytes {
    copy: Arc<Copy>,
    at: u64,
}

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = read_at(self.copy.bytes.as_deref().unwrap_or_default(), self.at, out);
        self.at += count as u64;
        Ok(count)
    }
}

fn read_at(bytes: &[u8], at: u64, out: &mut [u8]) -> usize {
    let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let count = rest.len().min(out.len());
    out[..count].copy_from_slice(&rest[..count]);
    count
}

/// The hashes of a unit's rows, one after the other.
pub(crate) struct Hashes(BufReader<StoreReader>);

impl Hashes {
    /// The next row's.
    pub(crate) fn next(&mut self) -> io::Result<u128> {
        let mut bytes = [0; 16];
        self.0.read_exact(&mut bytes)?;
        Ok(u128::from_le_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kept: &Kept, row: u64) -> Option<(Option<Vec<u8>>, u128)> {
        let (bytes, mut hashes) = kept.open("unit", row)?;
        let bytes = bytes.map(|mut bytes| {
            let mut all = Vec::new();
            bytes.read_to_end(&mut all).unwrap();
            all
        });
        Some((bytes, hashes.next().unwrap()))
    }

    #[test]
    fn a_unit_is_kept_until_every_destination_has_had_it() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().to_owned());
        for (size, rows) in [(10, 1), (MEMORY, 30_000), (MEMORY + 1, 100_000)] {
            let mut copying = kept.begin(10).unwrap();
            let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            bytes.chunks(70_000).for_each(|piece| copying.bytes(piece));
            (0..rows).for_each(|row| copying.hash(row));
            kept.put("unit", copying.finish().unwrap(), 2);
            let bytes = (size <= MEMORY).then_some(bytes);
            assert!(read(&kept, 0).unwrap() == (bytes.clone(), 0), "{size}");
            kept.done("unit");
            let last = u64::try_from(rows - 1).unwrap();
            assert!(read(&kept, last).unwrap() == (bytes, rows - 1), "{size}");
            kept.done("unit");
            assert!(read(&kept, 0).is_none());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_is_kept_when_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path().to_owned());
        for turn in 0..UNITS {
            let copy = kept.begin(1).unwrap().finish().unwrap();
            kept.put(&turn.to_string(), copy, 1);
        }
        assert!(kept.begin(1).is_none());
        kept.forget("7");
        assert!(kept.begin(1).is_some());
    }

    #[test]
    fn hashes_that_cannot_be_kept_are_no_failure() {
        let nowhere = Kept::new("/proc/orgtap".into());
        let mut copying = nowhere.begin(1).unwrap();
        (0..100_000).for_each(|row| copying.hash(row));
        assert!(copying.finish().is_none());
    }
}
