//! Every case of the suite over SQLite files.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use orgtap_ledger::suite::Storage;
use orgtap_ledger::{Ledger, SqliteLedger};
use tempfile::TempDir;

/// A folder with one ledger in it.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Empty, on a disk.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("ledger.db")
    }
}

#[async_trait]
impl Storage for Folder {
    async fn open(&self) -> Arc<dyn Ledger> {
        Arc::new(SqliteLedger::open(&self.path()).await.expect("a ledger"))
    }
}

async fn fresh() -> Folder {
    Folder::new()
}

orgtap_ledger::ledger_suite!(fresh);
