//! Counts what units' rows said, beside the flow.
//!
//! A unit's rows are tallied while it comes from the org and is looked at for the first time. Once
//! it is admitted, and with all its rows, the tally is what is to be counted; it waits here for its
//! turn ([`Counting`]). Where only some rows are new, or a process died in between, the spool is
//! read again ([`read`]): in the background, one unit at a time.
//!
//! The ledger adds each unit once, whatever is told it. Nothing in the flow waits for this, and a
//! failure here stops nothing else: it is tried again, and status tells it.

pub(crate) mod networks;
mod read;
mod turns;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use orgtap_insights::{HOURS_KEPT, Tally};
use orgtap_ledger::{Horizon, Rollup, RollupLedger, UnitId};
use tokio::sync::Notify;

use crate::clock;
use crate::config::InsightsSettings;
use crate::error::Result;
use networks::Networks;

pub(crate) use turns::count;

/// Counts that wait, over all connectors, at most. Beyond that a unit is read again in its turn.
const ROOM: usize = 250_000;
/// How often it is looked whether something is too old, microseconds.
const FORGET_EVERY: i64 = 3_600_000_000;

/// What all connectors share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Insights {
    settings: InsightsSettings,
    ledger: Arc<dyn RollupLedger>,
    /// Where addresses are, if databases of that are configured.
    networks: Option<Arc<Networks>>,
    /// Counts that wait.
    held: Arc<AtomicUsize>,
    /// When it was last looked whether something is too old.
    forgotten: Arc<AtomicI64>,
}

impl Insights {
    pub(crate) fn new(settings: InsightsSettings, ledger: Arc<dyn RollupLedger>) -> Self {
        let networks = Networks::new(&settings.networks).map(Arc::new);
        Self { settings, ledger, networks, held: Arc::default(), forgotten: Arc::default() }
    }

    /// Forgets what is too old, if it has not been looked for a while. In short turns, so that
    /// others write in between.
    async fn forget(&self) -> Result<()> {
        let now = clock::now();
        let last = self.forgotten.load(Ordering::SeqCst);
        let due = now - last >= FORGET_EVERY;
        let mine = due
            && self
                .forgotten
                .compare_exchange(last, now, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok();
        if !mine {
            return Ok(());
        }
        let horizon = Horizon {
            hours: now - HOURS_KEPT,
            days: now - clock::micros(self.settings.retention),
            events: now - clock::micros(self.settings.time_line),
        };
        let mut at = Some(0);
        while let Some(from) = at {
            at = self.ledger.forget(horizon, from).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// One connector's units that wait to be counted.
pub(crate) struct Counting {
    /// None: nothing is counted.
    insights: Option<Insights>,
    waiting: Mutex<HashMap<UnitId, Waiting>>,
    /// Told when there is something.
    news: Notify,
}

struct Waiting {
    rollup: Rollup,
    since: Instant,
}

impl Counting {
    pub(crate) fn new(insights: Option<Insights>) -> Self {
        Self { insights, waiting: Mutex::default(), news: Notify::new() }
    }

    /// Counts a unit's rows, if anything is counted.
    pub(crate) const fn counter(&self) -> Counter {
        Counter { on: self.insights.is_some(), tally: None }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<UnitId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A unit is about to be admitted, and this is what its rows say. None: that is not known.
    pub(crate) fn offer(&self, unit: UnitId, rollup: Option<Rollup>) {
        let Some(insights) = &self.insights else { return };
        // What was offered before was of an admission that did not come about.
        self.take_back(unit);
        if let Some(rollup) = rollup {
            let counts = size(&rollup);
            if insights.held.load(Ordering::Relaxed) + counts <= ROOM {
                insights.held.fetch_add(counts, Ordering::Relaxed);
                self.waiting().insert(unit, Waiting { rollup, since: Instant::now() });
            }
        }
        self.news.notify_one();
    }

    fn take_back(&self, unit: UnitId) -> Option<Waiting> {
        let waiting = self.waiting().remove(&unit)?;
        if let Some(insights) = &self.insights {
            insights.held.fetch_sub(size(&waiting.rollup), Ordering::Relaxed);
        }
        Some(waiting)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let units: Vec<UnitId> = self.waiting().keys().copied().collect();
        for unit in units {
            self.take_back(unit);
        }
    }
}

/// About how much memory it takes, in counts.
fn size(rollup: &Rollup) -> usize {
    let Rollup { series, traits, sessions, notables, names } = rollup;
    let counts: usize = series.iter().map(|series| series.counts.len()).sum();
    counts + traits.len() + sessions.len() + 2 * notables.len() + names.len()
}

/// Tallies a unit's rows on the way, if that is wanted.
#[derive(Default)]
pub(crate) struct Counter {
    on: bool,
    tally: Option<Tally>,
}

impl Counter {
    /// Of a unit that is to be counted.
    pub(crate) const fn new() -> Self {
        Self { on: true, tally: None }
    }

    /// Whether anything is counted.
    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// The header was read.
    pub(crate) fn header(&mut self, unit: &orgtap_events::UnitInfo, columns: &[String]) {
        self.tally = self.on.then(|| Tally::new(unit, columns));
    }

    /// A row that is an event was read.
    pub(crate) fn row(&mut self, row: &orgtap_codec::csv::Row<'_>, time: i64) {
        if let Some(tally) = &mut self.tally {
            tally.row(row, time);
        }
    }

    /// What was counted, if anything was to be. A unit without rows has a tally too.
    pub(crate) fn finish(self) -> Option<Rollup> {
        match self.tally {
            Some(tally) => Some(tally.finish()),
            None => self.on.then(Rollup::default),
        }
    }
}
