//! The spool: units as they came from the wire, on local disk.
//!
//! ```text
//! DATA/spool/CONNECTOR/EVENT TYPE/DAY/KEY.csv.gz     the bytes (.csv.zst if the org refused gzip)
//! DATA/rows/CONNECTOR/EVENT TYPE/DAY/KEY.rows        the row index, kept after the bytes are gone
//! DATA/rows/CONNECTOR/EVENT TYPE/DAY/KEY.admit       rows that are not plainly new, if any; kept too,
//!                                                    so that a replay sends the same rows
//! DATA/scratch/                                      what a dead process may leave; emptied at start
//! ```

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use orgtap_events::UnitInfo;
use orgtap_ledger::Lane;
use orgtap_transport::disk::{path_part, text_of_part};

use crate::error::Error;
use crate::kept::Kept;
use crate::room;

/// Name of the scratch folder.
const SCRATCH: &str = "scratch";

/// How the bytes in the spool are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As the org sent them.
    Gzip,
    /// By Orgtap, where the org sent them plain.
    Zstd,
}

impl Packing {
    /// How the names of its files end.
    pub(crate) const fn ending(self) -> &'static str {
        match self {
            Self::Gzip => "csv.gz",
            Self::Zstd => "csv.zst",
        }
    }

    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "gz" => Some(Self::Gzip),
            "zst" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The folders on disk. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    root: PathBuf,
    /// Units that need not be decompressed again.
    pub(crate) kept: Kept,
}

impl Spool {
    /// Opens the spool below a data folder, and empties the scratch folder. Only for the process
    /// that holds the data folder's lock.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let kept = Kept::new(data_dir.join(SCRATCH));
        let spool = Self { root: data_dir.to_owned(), kept };
        match fs::remove_dir_all(spool.scratch()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for folder in [spool.scratch(), spool.root.join("spool"), spool.root.join("rows")] {
            fs::create_dir_all(folder)?;
        }
        Ok(spool)
    }

    /// Where files lie that nobody misses after a crash.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join(SCRATCH)
    }

    /// Why the disk has no room for a file of so many bytes, if it has none.
    pub(crate) fn no_room(&self, length: u64) -> Option<Error> {
        room::missing(&self.root, length)
    }

    /// A unit's place below `spool`, without an ending.
    fn place(unit: &UnitInfo) -> PathBuf {
        [
            path_part(&unit.connector),
            path_part(&unit.event_type),
            unit.day().to_string(),
            path_part(&unit.key()),
        ]
        .iter()
        .collect()
    }

    /// Path of a unit's bytes, relative to the spool: what the ledger keeps.
    pub(crate) fn relative(unit: &UnitInfo, packing: Packing) -> String {
        Self::place(unit).with_added_extension(packing.ending()).to_string_lossy().into_owned()
    }

    /// Path of a unit's bytes.
    pub(crate) fn bytes(&self, relative: &str) -> PathBuf {
        self.root.join("spool").join(relative)
    }

    /// Path of something of a unit's while it is made, with this ending. Two connectors may collect
    /// the same file of one org at the same time.
    pub(crate) fn part(&self, unit: &UnitInfo, ending: &str) -> PathBuf {
        let name = path_part(&format!("{}/{}", unit.connector, unit.key()));
        self.scratch().join(name).with_added_extension(ending)
    }

    /// Path of a unit's admission record.
    pub(crate) fn decisions(&self, unit: &UnitInfo) -> PathBuf {
        self.root.join("rows").join(Self::place(unit)).with_added_extension("admit")
    }

    /// Path of a unit's row index.
    pub(crate) fn rows(&self, unit: &UnitInfo) -> PathBuf {
        self.root.join("rows").join(Self::place(unit)).with_added_extension("rows")
    }

    /// Folders with row indexes of a connector, with their event type and day, of days before one.
    pub(crate) fn lanes(&self, connector: &str, before: &str) -> io::Result<Vec<(Lane, PathBuf)>> {
        let mut lanes = Vec::new();
        let root = self.root.join("rows").join(path_part(connector));
        for (name, folder) in folders(&root)? {
            // A name that was cut is not known any more. No event type's is that long.
            let Some(event_type) = text_of_part(&name) else { continue };
            for (day, folder) in folders(&folder)? {
                if day.as_str() < before {
                    let (connector, event_type) = (connector.to_owned(), event_type.clone());
                    lanes.push((Lane { connector, event_type, day }, folder));
                }
            }
        }
        Ok(lanes)
    }

    /// The folder with the bytes of a lane's units.
    pub(crate) fn folder(&self, lane: &Lane) -> PathBuf {
        let Lane { connector, event_type, day } = lane;
        self.root.join("spool").join(path_part(connector)).join(path_part(event_type)).join(day)
    }

    /// Opens a unit's bytes for reading, decompressed.
    pub(crate) fn open_bytes(&self, relative: &str) -> io::Result<Box<dyn Read + Send>> {
        open_packed(&self.bytes(relative))
    }

    /// Removes a unit's bytes. That they are gone already is no error.
    pub(crate) fn release(&self, relative: &str) -> io::Result<()> {
        match fs::remove_file(self.bytes(relative)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The folders in one, by name; none if it is not there.
fn folders(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}

/// Opens a file that may be packed, by its ending: `.gz` (any number of members), `.zst`, or plain.
pub(crate) fn open_packed(path: &Path) -> io::Result<Box<dyn Read + Send>> {
    let file = File::open(path)?;
    Ok(match Packing::of(path) {
        Some(Packing::Gzip) => {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, file)))
        }
        Some(Packing::Zstd) => Box::new(zstd::Decoder::new(file)?),
        None => Box::new(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_connectors_make_of_one_file_at_the_same_time_lies_apart() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let acme = crate::sample::unit();
        let beta = UnitInfo { connector: "beta".into(), ..acme.clone() };
        for ending in ["rows", "admit", Packing::Gzip.ending()] {
            assert_ne!(spool.part(&acme, ending), spool.part(&beta, ending));
        }
        assert_ne!(spool.decisions(&acme), spool.decisions(&beta));
    }
}
