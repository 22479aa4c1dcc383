//! Writes the state of a data folder into one file.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use orgtap_ledger::{DumpedRow, Ledger, SqliteLedger};
use orgtap_transport::disk::settle;

use super::archive::{Header, Writer};
use super::{FOLDERS, Moved, Side, StateFault, VERSION, by_hand};
use crate::collector::{ledger_path, lock};
use crate::error::{Error, Result};

/// Writes everything that another machine needs to go on without fetching or delivering anything
/// twice: the ledger, row indexes and admission records, and the log files that some destination
/// does not have yet. The data folder stays as it is. No secrets are among it; contents of events
/// are.
///
/// # Errors
/// [`Error::InUse`] while another Orgtap works with the data folder.
pub async fn export_state(data_dir: &Path, to: &Path) -> Result<Moved> {
    let path = ledger_path(data_dir);
    if !path.exists() {
        return Err(StateFault::Nothing.into());
    }
    let _lock = lock(data_dir)?;
    let ledger = SqliteLedger::open(&path).await?;
    let part = to.with_added_extension("part");
    let written = write(data_dir, &ledger, &part).await;
    let written = written.and_then(|moved| {
        settle(&part, to).map_err(Error::disk(to))?;
        Ok(moved)
    });
    if written.is_err() {
        // Not there if it could not be made.
        drop(fs::remove_file(&part));
    }
    ledger.close().await?;
    written
}

async fn write(data_dir: &Path, ledger: &SqliteLedger, part: &Path) -> Result<Moved> {
    let header = Header {
        orgtap_state: VERSION,
        ledger: SqliteLedger::version(),
        orgtap: env!("CARGO_PKG_VERSION").to_owned(),
        created: jiff::Timestamp::now().to_string(),
    };
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(part).map_err(Error::disk(part))?;
    let mut writer = Writer::new(file, &header).map_err(Error::disk(part))?;
    let mut tell = |table: &str, row: DumpedRow| writer.row(table, row).map_err(Error::disk(part));
    ledger.dump(&mut tell).await?;
    // What every destination has need not move.
    let done = ledger.releasable(i64::MAX, usize::MAX).await?;
    let done: BTreeSet<PathBuf> = done
        .into_iter()
        .filter_map(|unit| unit.spool_path)
        .map(|path| Path::new("spool").join(path))
        .collect();
    for folder in FOLDERS {
        for path in files(&data_dir.join(folder)).map_err(Error::disk(data_dir.join(folder)))? {
            let name = path.strip_prefix(data_dir).unwrap_or(&path);
            if !done.contains(name) {
                let file = File::open(&path).map_err(Error::disk(&path))?;
                writer.file(&name.to_string_lossy(), file).map_err(Error::disk(&path))?;
            }
        }
    }
    let counts = writer.finish().map_err(Error::disk(part))?;
    let (rows, files, bytes) = (counts.rows, counts.files, counts.bytes);
    Ok(Moved { rows, files, bytes, by_hand: by_hand(data_dir, Side::Old) })
}

/// All files below a folder, sorted.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => folders.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}
