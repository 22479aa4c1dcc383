//! What pages and calls work with.

use std::sync::Arc;

use orgtap_collector::config::Settings;
use orgtap_ledger::Ledger;

/// The state behind every request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    ledger: Arc<dyn Ledger>,
}

impl App {
    /// The configuration as it is now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.shared.settings)
    }

    /// The record of what was collected.
    pub(crate) fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.shared.ledger
    }
}
