//! What pages and calls work with.

use std::sync::Arc;

use orgtap_collector::Fleet;
use orgtap_collector::config::Settings;
use orgtap_ledger::Ledger;

/// The state behind every request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    shared: Arc<Shared>,
}

struct Shared {
    fleet: Fleet,
    explanations: Vec<Explanation>,
}

/// What a code means.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The code, such as `OT-AUTH-01`.
    pub code: &'static str,
    /// What happened.
    pub title: String,
    /// Why it most likely happened.
    pub cause: String,
    /// What to do.
    pub remedy: String,
}

impl App {
    /// The configuration as it is now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.shared.fleet.settings()
    }

    /// The connectors at work.
    pub(crate) fn fleet(&self) -> &Fleet {
        &self.shared.fleet
    }

    /// Every code there is.
    pub(crate) fn explanations(&self) -> &[Explanation] {
        &self.shared.explanations
    }

    /// The record of what was collected.
    pub(crate) fn ledger(&self) -> &Arc<dyn Ledger> {
        self.shared.fleet.ledger()
    }
}
