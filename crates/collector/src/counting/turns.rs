//! The turns in which one connector's units are counted.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use orgtap_ledger::{Added, ConnectorRecord, Outcome, Rollup, UnitId};
use orgtap_transport::Explain;

use super::read::read;
use super::{Insights, Waiting, size};
use crate::clock;
use crate::connector::Connector;
use crate::error::{Error, Result};
use crate::kill;
use crate::stage::Until;

/// Units counted in one step, and counts in one, about.
const UNITS: usize = 256;
const COUNTS: usize = 60_000;
/// Units are left to gather for so long.
const LULL: Duration = Duration::from_millis(200);
/// How often it is looked for units nobody told of.
const LOOK: Duration = Duration::from_mins(1);
/// A unit that was not admitted in this time is left to be found when it is.
const PATIENCE: Duration = Duration::from_mins(1);
/// Units read again before others that wait get their turn.
const AGAIN: usize = 64;
/// Failures after which a pass that is to end leaves the rest to the next.
const TRIES: u32 = 3;

/// Counts a connector's units, until the stages before have ended and nothing is left, or until it
/// is told to stop.
pub(crate) async fn count(connector: &Connector, until: &Until) {
    let Some(insights) = &connector.counting.insights else { return };
    let mut turns = Turns { connector, insights, behind: true, failed: HashSet::new() };
    let mut failures = 0;
    let mut told = None;
    loop {
        let stopped = connector.cancel.is_cancelled();
        let last = stopped || until.is_over();
        // When it is told to stop, what is at hand is counted, and nothing more is read.
        turns.behind &= !stopped;
        let wait = match turns.turn(last).await {
            Ok(true) => continue,
            Ok(false) => {
                failures = 0;
                if told != Some(false) {
                    note(connector, None).await;
                    told = Some(false);
                }
                if last {
                    return;
                }
                match until {
                    Until::Empty(_) => LULL,
                    Until::Stopped => LOOK,
                }
            }
            Err(error) => {
                failures += 1;
                connector.warn("count rows for insights", &error);
                if last && (stopped || failures >= TRIES) {
                    note(connector, Some(&error)).await;
                    return;
                }
                if told != Some(true) {
                    note(connector, Some(&error)).await;
                    told = Some(true);
                }
                connector.retry.backoff.wait(failures, 1, None)
            }
        };
        tokio::select! {
            () = pause(wait, until, failures > 0) => turns.look(),
            () = connector.cancel.cancelled(), if !stopped => {}
            () = connector.counting.news.notified(), if failures == 0 => {
                pause(LULL, until, false).await;
                turns.behind = true;
            }
        }
    }
}

/// Waits, but not beyond the end of the stages before: a pass is not to last longer for it.
async fn pause(time: Duration, until: &Until, failed: bool) {
    // What failed when all was over is tried again after its time.
    if failed && until.is_over() {
        tokio::time::sleep(time).await;
    } else {
        tokio::time::timeout(time, until.over()).await.ok();
    }
}

struct Turns<'a> {
    connector: &'a Connector,
    insights: &'a Insights,
    /// Whether there may be units nobody told of.
    behind: bool,
    /// Units that cannot be read, until the next look.
    failed: HashSet<UnitId>,
}

impl Turns<'_> {
    /// Everything is to be tried again.
    fn look(&mut self) {
        self.behind = true;
        self.failed.clear();
    }

    /// Counts some units. Answers whether there may be more.
    async fn turn(&mut self, last: bool) -> Result<bool> {
        if self.count_waiting(last).await? {
            return Ok(true);
        }
        if self.behind && self.count_others().await? {
            return Ok(true);
        }
        self.insights.forget().await?;
        Ok(false)
    }

    /// Counts units whose rollups wait. Answers whether to go on at once: there may be as many
    /// again, or it is the last turn. Otherwise more are left to gather, since what many units
    /// add to the same counts is written once.
    async fn count_waiting(&self, last: bool) -> Result<bool> {
        let counting = &self.connector.counting;
        let mut ids: Vec<(UnitId, usize)> =
            counting.waiting().iter().map(|(id, one)| (*id, size(&one.rollup))).collect();
        ids.sort_unstable();
        let mut counts = 0;
        let enough = ids.iter().take_while(|(_, size)| {
            let more = counts < COUNTS;
            counts += size;
            more
        });
        let ids: Vec<UnitId> = enough.take(UNITS).map(|(id, _)| *id).collect();
        let taken: Vec<(UnitId, Waiting)> =
            ids.into_iter().filter_map(|id| Some((id, counting.take_back(id)?))).collect();
        if taken.is_empty() {
            return Ok(false);
        }
        let go_on = last || taken.len() == UNITS || counts >= COUNTS;
        let (mut units, since): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|(id, one)| ((id, one.rollup), one.since)).unzip();
        let added = match self.add(&mut units).await {
            Ok(added) => added,
            Err(error) => {
                for (unit, rollup) in units {
                    counting.offer(unit, Some(rollup));
                }
                return Err(error);
            }
        };
        let mut some = false;
        for (((unit, rollup), since), added) in units.into_iter().zip(since).zip(added) {
            match added {
                Added::NotAdmitted if !last && since.elapsed() < PATIENCE => {
                    self.insights.held.fetch_add(size(&rollup), Ordering::Relaxed);
                    counting.waiting().insert(unit, Waiting { rollup, since });
                }
                _ => some = true,
            }
        }
        if !some {
            // Their admission is being written down.
            tokio::time::sleep(LULL / 4).await;
        }
        Ok(go_on)
    }

    /// Reads some units that are not counted, and counts them.
    async fn count_others(&mut self) -> Result<bool> {
        let connector = self.connector;
        let limit = AGAIN + connector.counting.waiting().len() + self.failed.len();
        let found = self.insights.ledger.uncounted(connector.name(), limit).await?;
        let waiting: HashSet<UnitId> = connector.counting.waiting().keys().copied().collect();
        let mut units = found
            .into_iter()
            .filter(|unit| !waiting.contains(&unit.id) && !self.failed.contains(&unit.id));
        let units: Vec<_> = units.by_ref().take(AGAIN).collect();
        self.behind = !units.is_empty();
        let (mut failure, mut taken, mut counts) = (None, Vec::new(), 0);
        for unit in units {
            if connector.cancel.is_cancelled() || counts >= COUNTS {
                break;
            }
            let (info, spool) = (connector.info(&unit)?, connector.spool.clone());
            let id = unit.id;
            let reading = tokio::task::spawn_blocking(move || read(&spool, &info, &unit));
            let read = reading.await.map_err(|error| Error::Worker(error.to_string()))?;
            match read {
                Ok(rollup) => {
                    counts += size(&rollup);
                    taken.push((id, rollup));
                }
                Err(error) => {
                    self.failed.insert(id);
                    failure = Some(error);
                }
            }
        }
        if !taken.is_empty()
            && let Err(error) = self.add(&mut taken).await
        {
            self.failed.extend(taken.iter().map(|(id, _)| *id));
            failure = Some(error);
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(self.behind),
        }
    }

    async fn add(&self, units: &mut [(UnitId, Rollup)]) -> Result<Vec<Added>> {
        if let Some(networks) = &self.insights.networks {
            networks.locate(units.iter_mut().map(|(_, rollup)| rollup));
        }
        kill::point("count.before_ledger");
        let added = self.insights.ledger.count_units(units).await?;
        kill::point("count.after_ledger");
        Ok(added)
    }
}

/// Keeps in the ledger why nothing is counted, and forgets it when that is over.
async fn note(connector: &Connector, error: Option<&Error>) {
    let noting = async {
        let ledger = Arc::clone(&connector.ledger);
        let record = ledger.connector(connector.name()).await?;
        let problem = error.and_then(|error| serde_json::to_value(error.problem()).ok());
        let known = record.counting.as_ref().and_then(|outcome| outcome.problem.as_ref());
        if known != problem.as_ref() {
            let outcome =
                problem.map(|problem| Outcome { at: clock::now(), problem: Some(problem) });
            let change =
                Box::new(|record: &mut ConnectorRecord| record.counting.clone_from(&outcome));
            ledger.change_connector(connector.name(), change).await?;
        }
        Ok::<_, Error>(())
    };
    if let Err(error) = noting.await {
        connector.warn("note why nothing is counted", &error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn when_all_before_is_over_only_what_failed_is_waited_for() {
        let over = CancellationToken::new();
        over.cancel();
        let until = Until::Empty(over);
        let long = Duration::from_mins(10);
        let soon = |failed| tokio::time::timeout(LULL, pause(long, &until, failed));
        assert!(soon(false).await.is_ok());
        assert!(soon(true).await.is_err());
    }
}
