//! Makes the state of a data folder from a file.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use orgtap_ledger::{Ledger, Restore, SqliteLedger};
use orgtap_transport::disk;

use super::archive::{Counts, Item, Reader};
use super::{FOLDERS, Moved, Side, StateFault, by_hand};
use crate::collector::{ledger_path, lock};
use crate::error::{Error, Result};

/// Where it is made, below the data folder, before it is known to be whole.
const MAKING: &str = "import.part";

/// Takes over the state that [`export_state`](super::export_state) wrote. The data folder may hold
/// what belongs to an installation, such as the vault, but no state. All of it is there in the end,
/// or nothing.
///
/// # Errors
/// [`Error::State`] for a file that is damaged or newer, or a data folder with state.
pub async fn import_state(data_dir: &Path, from: &Path) -> Result<Moved> {
    disk::create_private_folder(data_dir).map_err(Error::disk(data_dir))?;
    let _lock = lock(data_dir)?;
    if ledger_path(data_dir).exists() {
        return Err(StateFault::NotEmpty("a ledger").into());
    }
    for (folder, what) in FOLDERS.iter().zip(["row indexes", "log files"]) {
        if has_entries(&data_dir.join(folder)).map_err(Error::disk(data_dir.join(folder)))? {
            return Err(StateFault::NotEmpty(what).into());
        }
    }
    let making = data_dir.join(MAKING);
    remove(&making)?;
    let made = match make(&making, from).await {
        Ok(counts) => put_in_place(&making, data_dir).map(|()| counts),
        Err(error) => Err(error),
    };
    let removed = remove(&making);
    let counts = made?;
    removed?;
    let (rows, files, bytes) = (counts.rows, counts.files, counts.bytes);
    Ok(Moved { rows, files, bytes, by_hand: by_hand(data_dir, Side::New) })
}

fn has_entries(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::Disk { path: folder.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

/// Makes all of it in a folder of its own.
async fn make(making: &Path, from: &Path) -> Result<Counts> {
    let file = File::open(from).map_err(Error::disk(from))?;
    let (mut reader, header) = Reader::open(file)?;
    disk::create_private_folder(making).map_err(Error::disk(making))?;
    let path = ledger_path(making);
    let mut restore = Restore::begin(&path, header.ledger).await.map_err(unfit)?;
    let counts = loop {
        match reader.next()? {
            Item::Row(table, values) => restore.row(&table, &values).await.map_err(unfit)?,
            Item::File(name, bytes) => {
                let path = making.join(name);
                let folder = path.parent().unwrap_or(making);
                fs::create_dir_all(folder).map_err(Error::disk(folder))?;
                let mut file = File::create_new(&path).map_err(Error::disk(&path))?;
                reader.copy(bytes, &mut file)?;
                file.sync_all().map_err(Error::disk(&path))?;
            }
            Item::End(counts) => break counts,
        }
    };
    restore.finish().await.map_err(unfit)?;
    let ledger = SqliteLedger::open(&path).await?;
    // Whoever held them is on another machine, and has ended.
    ledger.break_leases().await?;
    let done = ledger.releasable(i64::MAX, usize::MAX).await?;
    let done: Vec<_> = done.into_iter().map(|unit| unit.id).collect();
    ledger.spool_released(&done).await?;
    ledger.close().await?;
    Ok(counts)
}

/// What the ledger says to rows that do not fit is about the file they came from.
fn unfit(error: orgtap_ledger::LedgerError) -> Error {
    use orgtap_ledger::LedgerError;
    match error {
        LedgerError::Corrupt(what) => StateFault::Damaged(what).into(),
        LedgerError::Newer { found, known } => StateFault::Newer { found, known }.into(),
        error => error.into(),
    }
}

/// The ledger last: without it, nothing is there.
fn put_in_place(making: &Path, data_dir: &Path) -> Result<()> {
    for folder in FOLDERS {
        let (from, to) = (making.join(folder), data_dir.join(folder));
        if from.exists() {
            fs::rename(&from, &to).map_err(Error::disk(&to))?;
        }
    }
    disk::settle(&ledger_path(making), &ledger_path(data_dir)).map_err(Error::disk(data_dir))
}
