//! What pages and calls work with.

use std::sync::Arc;

use jiff::Timestamp;
use orgtap_collector::config::{ConsoleSettings, Settings};
use orgtap_collector::{Fleet, ledger_path};
use orgtap_ledger::{ConsoleLedger, Ledger, RollupLedger, SqliteLedger};
use tokio_util::task::TaskTracker;

use crate::error::Result;
use crate::rate::Rates;
use crate::security::{Passwords, Throttle};
use crate::testing::UnderTest;

/// The state behind every request. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App {
    shared: Arc<Shared>,
}

struct Shared {
    fleet: Fleet,
    explanations: Vec<Explanation>,
    console: ConsoleSettings,
    door: SqliteLedger,
    passwords: Passwords,
    throttle: Throttle,
    rates: Rates,
    changes: TaskTracker,
    under_test: UnderTest,
    #[cfg(test)]
    ahead: std::sync::atomic::AtomicI64,
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
    /// Opens the ledger of the data folder once more, beside the collector's own connections, so
    /// that neither waits for the other's reads. The port is the one listened on.
    pub(crate) async fn open(
        fleet: Fleet,
        explanations: Vec<Explanation>,
        console: ConsoleSettings,
    ) -> Result<Self> {
        let door = SqliteLedger::open(&ledger_path(&fleet.settings().data_dir)).await?;
        let shared = Shared {
            fleet,
            explanations,
            console,
            door,
            passwords: Passwords::new(),
            throttle: Throttle::new(),
            rates: Rates::default(),
            changes: TaskTracker::new(),
            under_test: UnderTest::default(),
            #[cfg(test)]
            ahead: 0.into(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

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

    /// The console's part of the configuration, as it started with.
    pub(crate) fn console(&self) -> &ConsoleSettings {
        &self.shared.console
    }

    /// The record of what was collected.
    pub(crate) fn ledger(&self) -> &Arc<dyn Ledger> {
        self.shared.fleet.ledger()
    }

    /// The record of people, sessions and what was done.
    pub(crate) fn door(&self) -> &dyn ConsoleLedger {
        &self.shared.door
    }

    /// What Insights is made of.
    pub(crate) fn rollups(&self) -> &dyn RollupLedger {
        &self.shared.door
    }

    /// What makes and checks hashes of passwords.
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.shared.passwords
    }

    /// What slows down those who guess passwords.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.shared.throttle
    }

    /// How fast connectors collect.
    pub(crate) fn rates(&self) -> &Rates {
        &self.shared.rates
    }

    /// The changes under way, which end as they would whether somebody waits for them or not.
    pub(crate) fn changes(&self) -> &TaskTracker {
        &self.shared.changes
    }

    /// The connectors that are being tested.
    pub(crate) fn under_test(&self) -> &UnderTest {
        &self.shared.under_test
    }

    /// Now, microseconds since 1970.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "in tests it may be later"))]
    pub(crate) fn now(&self) -> i64 {
        let now = Timestamp::now().as_microsecond();
        #[cfg(test)]
        let now = now + self.shared.ahead.load(std::sync::atomic::Ordering::Relaxed);
        now
    }

    /// Lets time pass.
    #[cfg(test)]
    pub(crate) fn pass(&self, time: std::time::Duration) {
        self.shared.ahead.fetch_add(micros(time), std::sync::atomic::Ordering::Relaxed);
    }
}

/// A length of time in the ledger's unit.
pub(crate) fn micros(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
