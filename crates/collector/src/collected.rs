//! What one pass came to.

use orgtap_transport::{Disposition, Explain, Problem};
use serde::Serialize;

use crate::collector::Collector;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::recent::last_met;

/// How one pass ended.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Collected {
    /// The connector.
    pub connector: String,
    /// Files the org had that were not known before.
    pub new_files: u64,
    /// Files too young to be taken; the next pass will.
    pub settling_files: u64,
    /// Units finished at every destination, over all passes.
    pub done: i64,
    /// Units not finished yet.
    pub unfinished: i64,
    /// Units the org had no more when they were to be fetched, and no later version of.
    pub lost: i64,
    /// Units set aside because their rows could come twice, and no later version of them.
    pub disputed: i64,
    /// Rows and units set aside, over all passes, that are still open.
    pub dead_letters: i64,
    /// Replays that were asked for and have not ended.
    pub replays: i64,
    /// Units withheld from a destination in this pass, because they are older than it takes.
    pub withheld: u64,
    /// Events delivered in this pass, all destinations.
    pub delivered: u64,
    /// What stopped the pass or a destination.
    pub problems: Vec<Problem>,
    /// Whether a person must act before it can go on.
    pub needs_person: bool,
}

impl Collected {
    /// Whether something of what was found is not delivered, and will not be by itself.
    pub fn sets_aside(&self) -> bool {
        self.lost > 0 || self.disputed > 0 || self.dead_letters > 0 || self.withheld > 0
    }

    /// Whether all that was found is durably delivered, set aside or withheld.
    pub fn is_complete(&self) -> bool {
        self.unfinished == 0 && self.replays == 0 && self.problems.is_empty()
    }

    /// Takes in how a part of the pass ended. A failure of the ledger is everybody's.
    pub(crate) fn take_in(&mut self, ended: Result<()>) -> Result<()> {
        let Err(error) = ended else { return Ok(()) };
        if matches!(error, Error::Ledger(_)) {
            return Err(error);
        }
        self.needs_person |= error.disposition() == Disposition::Pause;
        let problem = error.problem();
        // What held back the files may have held back the look for more as well.
        if !self.problems.iter().any(|known| known.code == problem.code) {
            self.problems.push(problem);
        }
        Ok(())
    }
}

impl Collector {
    /// The numbers of the pass that began then, and why something waits, if nothing has said so.
    pub(crate) async fn tally(
        &self,
        name: &str,
        progress: &Progress,
        began: i64,
        collected: &mut Collected,
    ) -> Result<()> {
        let summary = self.ledger.summary(name).await?;
        let count = |state: &str| summary.units.get(state).copied().unwrap_or(0);
        collected.done = count("done");
        collected.unfinished = count("listed") + count("fetched") + count("admitted");
        collected.lost = summary.lost;
        collected.disputed = summary.disputed;
        collected.dead_letters = summary.dead_letters;
        collected.replays = summary.replays;
        let destinations = || progress.destinations.values();
        collected.withheld = destinations().map(|one| Progress::get(&one.withheld)).sum();
        collected.delivered = destinations().map(|one| Progress::get(&one.events)).sum();
        if summary.failing > 0 && collected.problems.is_empty() {
            let record = self.ledger.connector(name).await?;
            let problem = last_met(&record, began);
            collected.needs_person |= problem.as_ref().is_some_and(|it| it.disposition == "pause");
            collected.problems.extend(problem);
        }
        Ok(())
    }
}
