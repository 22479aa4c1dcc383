//! The ledger in memory, which histories are compared with, is held to the same cases.

use std::sync::Arc;

use async_trait::async_trait;
use orgtap_ledger::Ledger;
use orgtap_ledger::suite::{MemoryLedger, Storage, run_all};

/// One ledger, however often it is opened.
struct Memory(Arc<MemoryLedger>);

#[async_trait]
impl Storage for Memory {
    async fn open(&self) -> Arc<dyn Ledger> {
        self.0.clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_in_memory_passes_every_case() {
    run_all(async || Memory(Arc::default())).await;
}
