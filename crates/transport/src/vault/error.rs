//! What can be wrong with the vault.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Disposition, Explain};

/// A vault that cannot be read or written. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no key, or what is in its place is none.
    #[error("the vault's key cannot be had from {from}: {reason}")]
    NoKey {
        /// Where it was looked for.
        from: String,
        /// Why there is none.
        reason: String,
    },
    /// An entry was encrypted with a key that is not there.
    #[error("{name} in the vault was encrypted with another key")]
    UnknownKey {
        /// The entry.
        name: String,
    },
    /// An entry is not what was written.
    #[error("{name} in the vault is damaged")]
    Damaged {
        /// The entry.
        name: String,
    },
    /// There is only one key, and Orgtap cannot put another one there.
    #[error("there is no new key in {from}")]
    NoNewKey {
        /// Where the key is.
        from: String,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}")]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cryptographic library failed.
    #[error("the system gave no random numbers")]
    Crypto,
}

/// A line of the table: code, title, cause, remedy.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Every code of the vault, in order: code, title, cause, remedy.
pub const CATALOGUE: [Row; 6] = [
    (
        "OT-VAULT-01",
        "the vault's key cannot be had",
        "the file, environment variable or keyring entry that `vault.key` names is empty, unreadable or no key; the kernel's keyring is empty after the machine restarts",
        "put the key back where the message says it is looked for; a lost key cannot be recovered, then remove the folder `vault` and enter the stored secrets again",
    ),
    (
        "OT-VAULT-02",
        "an entry of the vault needs another key",
        "the key was exchanged or lost while entries encrypted with it remained",
        "put the old key behind the new one and run `orgtap vault rotate`; or enter that secret again with `orgtap vault set`",
    ),
    (
        "OT-VAULT-03",
        "an entry of the vault is damaged",
        "its file was changed, cut off or renamed",
        "enter that secret again with `orgtap vault set`, or restore the file from a backup",
    ),
    (
        "OT-VAULT-04",
        "there is no new key to rotate to",
        "a key in an environment variable is a person's to exchange",
        "put a new key (`orgtap vault new-key` prints one) before the old one in the variable, separated by a comma, run `orgtap vault rotate`, then remove the old one",
    ),
    (
        "OT-VAULT-05",
        "the vault's files cannot be used",
        "missing permission, a full or failing disk",
        "check owner, permissions and disk of the path that is named",
    ),
    (
        "OT-VAULT-06",
        "no random numbers",
        "the operating system's random number generator failed",
        "restart; if it stays, the system is broken",
    ),
];

impl VaultError {
    pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { path, source }
    }

    const fn row(&self) -> &'static Row {
        let index = match self {
            Self::NoKey { .. } => 0,
            Self::UnknownKey { .. } => 1,
            Self::Damaged { .. } => 2,
            Self::NoNewKey { .. } => 3,
            Self::Disk { .. } => 4,
            Self::Crypto => 5,
        };
        &CATALOGUE[index]
    }
}

impl Explain for VaultError {
    fn code(&self) -> &'static str {
        self.row().0
    }

    fn disposition(&self) -> Disposition {
        Disposition::Pause
    }

    fn cause(&self) -> String {
        self.row().2.to_owned()
    }

    fn remedy(&self) -> String {
        self.row().3.to_owned()
    }
}
