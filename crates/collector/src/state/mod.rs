//! The state of a data folder as one file, and back: for another machine, or a new disk.
//!
//! A stream of JSON lines, compressed with Zstandard. The first line names format and version;
//! then come the ledger's rows, then the files that are still needed, each a line that names it
//! and its length, and its bytes; the last line has the counts and a checksum of all before it.
//!
//! ```text
//! {"orgtap_state": 1, "ledger": 1, "orgtap": "0.1.0", "created": "2026-11-25T08:00:00Z"}
//! {"row": "connector", "values": {"id": 1, "name": "acme", ..}}
//! {"file": "rows/acme/Login/2026-11-25/KEY.rows", "bytes": 6208}
//! ..
//! {"end": {"rows": 812, "files": 31, "bytes": 99120}, "checksum": "6c7fa8e1b7a1d7b3.."}
//! ```

mod archive;
mod export;
mod import;

use std::path::Path;

use serde::Serialize;

pub use export::export_state;
pub use import::import_state;

/// Version of the format.
const VERSION: u64 = 1;
/// Folders below a data folder whose files belong to the state.
const FOLDERS: [&str; 2] = ["rows", "spool"];

/// What was moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Rows of the ledger.
    pub rows: u64,
    /// Row indexes, admission records and log files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What has to be moved by hand, because it holds secrets or is not below the data folder.
    pub by_hand: Vec<String>,
}

/// What is wrong with a file of state, or with where it shall go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// It is something else, cut, or altered.
    #[error("it is no whole file of Orgtap's state: {0}")]
    Damaged(String),
    /// A newer Orgtap wrote it.
    #[error("it was written by a newer Orgtap: format {found}, known here up to {known}")]
    Newer {
        /// Version in the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// The data folder holds state already.
    #[error("the data folder holds {0} already")]
    NotEmpty(&'static str),
    /// Nothing has been collected there.
    #[error("there is no ledger in the data folder")]
    Nothing,
}

impl StateFault {
    /// Stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "OT-DISK-20",
            Self::Newer { .. } => "OT-DISK-21",
            Self::NotEmpty(_) => "OT-DISK-22",
            Self::Nothing => "OT-DISK-23",
        }
    }
}

/// Which of two data folders is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The one it comes from, which has what belongs to it.
    Old,
    /// The one it goes to, which may have got that already.
    New,
}

/// What belongs to an installation besides its state.
fn by_hand(data_dir: &Path, side: Side) -> Vec<String> {
    let mut all =
        vec!["the configuration file, and files and environment variables it names".to_owned()];
    for (name, what) in [
        ("connectors", "connectors made by `orgtap connector add`"),
        ("vault", "secrets, sessions and refresh tokens, encrypted"),
        ("vault.key", "the key of the vault; by another way than the vault"),
    ] {
        let path = data_dir.join(name);
        let shown = path.display();
        match (side, path.exists()) {
            (Side::Old, true) => all.push(format!("{shown}: {what}")),
            (Side::New, false) => {
                all.push(format!("{shown}, if the old data folder has it: {what}"));
            }
            _ => {}
        }
    }
    all
}
