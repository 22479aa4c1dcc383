//! The ledger's file before SQLite sees it: made once, readable by its owner only, and never
//! silently replaced by an empty one.
//!
//! SQLite takes an empty file for a new database. That would turn a ledger cut to nothing into a
//! fresh start in which all of the org's data comes again. So a mark lies beside the file from
//! before it is made until its tables are there, and an empty file without the mark is damage.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::LedgerError;

/// A ledger's file that is there, with the lock on its mark while its tables may have to be made.
#[derive(Debug)]
pub(super) struct LedgerFile {
    mark: PathBuf,
    /// Processes that make the same ledger do it one after the other: SQLite cannot wait for
    /// another connection where it begins to keep a write-ahead log.
    making: Option<File>,
}

impl LedgerFile {
    /// Makes the file unless it is there, and closes it to other users. Blocks.
    pub(super) fn prepare(path: &Path) -> Result<Self, LedgerError> {
        let mark = beside(path, "-new");
        let failed = |error| refused(path, error);
        if length(path).map_err(failed)?.is_none() {
            let orphan = length(&beside(path, "-wal")).map_err(failed)?.is_some_and(|len| len > 0);
            if orphan && length(&mark).map_err(failed)?.is_none() {
                return Err(LedgerError::Corrupt(
                    "a write-ahead log without its file: the file is gone".to_owned(),
                ));
            }
            let making = make(path, &mark).map_err(failed)?;
            return Ok(Self { mark, making: Some(making) });
        }
        if length(&mark).map_err(failed)?.is_some() {
            let making = make(path, &mark).map_err(failed)?;
            return Ok(Self { mark, making: Some(making) });
        }
        // Looked at after the mark, so that whoever just finished making it is not blamed.
        if !is_database(path).map_err(failed)? {
            return Err(LedgerError::Corrupt(
                "no SQLite database: its file was emptied, damaged or replaced".to_owned(),
            ));
        }
        restrict(path).map_err(failed)?;
        Ok(Self { mark, making: None })
    }

    /// Whether a database without tables is one in the making.
    pub(super) fn is_new(&self) -> bool {
        self.making.is_some()
    }

    /// The tables are there now.
    pub(super) fn made(self) -> Result<(), LedgerError> {
        if self.making.is_none() {
            return Ok(());
        }
        match std::fs::remove_file(&self.mark) {
            Ok(()) => Ok(()),
            // Another process had its turn before.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(refused(&self.mark, error)),
        }
    }
}

/// Makes mark and file, in this order, and waits for its turn to fill the file. Finding them made
/// by another process, or left by a crash, is fine.
fn make(path: &Path, mark: &Path) -> io::Result<File> {
    let making = create(mark)?;
    making.lock()?;
    create(path)?;
    restrict(path)?;
    sync_folder(path)?;
    Ok(making)
}

fn refused(path: &Path, error: io::Error) -> LedgerError {
    if error.kind() == ErrorKind::StorageFull {
        return LedgerError::DiskFull(error.into());
    }
    let told = io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    LedgerError::Database(told.into())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Bytes in a file; none if there is no file.
fn length(path: &Path) -> io::Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file is long enough for a database and begins like one. SQLite takes a shorter file
/// for an empty database and writes over it.
fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = [0; 512];
    match File::open(path)?.read_exact(&mut start) {
        Ok(()) => Ok(start.starts_with(b"SQLite format 3\0")),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a file that only its owner can read, making it if it is not there.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the file's rights from everybody but its owner. SQLite gives the files beside it the
/// same rights.
#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let rights = std::fs::metadata(path)?.permissions().mode();
    let others = rights & 0o077;
    if others != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
