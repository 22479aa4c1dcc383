//! Runs one stage of one connector: takes lanes that are due, a few at a time, until there is
//! nothing left or somebody says stop.
//!
//! To ask the ledger and to write leases into it costs as much for one lane as for many, so lanes
//! are leased ahead of their turn, leases are given back together, and the ledger is asked a few
//! times at once at most, and then once in a moment, in which more becomes due.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use orgtap_ledger::{Lane, Lease, LedgerError};
use orgtap_transport::Problem;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::connector::Connector;
use crate::error::{Error, Result};

/// How long a lane is leased at a time.
pub(crate) const LEASE: Duration = Duration::from_mins(2);

/// Lanes leased ahead, for each worker. Their leases must outlast the wait for a turn, mostly.
const AHEAD: usize = 8;
/// The ledger is not asked for due lanes more often than this, in the long run.
const MOMENT: Duration = Duration::from_millis(10);
/// So often it may be asked without a pause: a short run waits for nothing else.
const AT_ONCE: u32 = 4;

/// How a lane's turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// All that was due is done.
    Done,
    /// Something failed and waits.
    Failed,
    /// Everybody waits.
    Held,
}

/// When a stage ends.
#[derive(Debug, Clone)]
pub(crate) enum Until {
    /// When nothing is due, nothing waits for a short while only, and the stage before has ended,
    /// of which this tells.
    Empty(CancellationToken),
    /// Never by itself.
    Stopped,
}

impl Until {
    /// Whether the stage before has ended.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Empty(ended) => ended.is_cancelled(),
            Self::Stopped => false,
        }
    }

    /// Waits until the stage before has ended.
    pub(crate) async fn over(&self) {
        match self {
            Self::Empty(ended) => ended.cancelled().await,
            Self::Stopped => std::future::pending().await,
        }
    }
}

/// What a stage is: its name in the ledger, how many lanes at once, and when it ends.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// `collect` or `deliver:NAME`.
    pub(crate) name: String,
    /// Lanes at once.
    pub(crate) workers: usize,
    /// When it ends.
    pub(crate) until: Until,
}

/// Why a stage cannot go on: until when (microseconds), why, and whether a pass has waited long
/// enough.
pub(crate) type Held = Option<(i64, Option<(Problem, bool)>)>;

/// Runs a stage. `held` says whether everybody waits; `work` does one lane's turn.
pub(crate) async fn run<H, W, F>(
    connector: &Arc<Connector>,
    stage: Stage,
    held: H,
    work: W,
) -> Result<Option<Problem>>
where
    H: Fn() -> Held,
    W: Fn(Lane, Lease) -> F,
    F: Future<Output = Result<Turn>> + Send + 'static,
{
    let mut lanes = Lanes::new(connector, &stage);
    let ended = turns(&mut lanes, &held, &work).await;
    let failed = ended.as_ref().is_err_and(|error| !error.is_disk_full());
    if failed && lanes.give_back().await.is_err() {
        // The next process to open the ledger ends them.
        tracing::debug!(stage = stage.name, "leases are left behind");
    }
    ended
}

async fn turns<H, W, F>(lanes: &mut Lanes<'_>, held: &H, work: &W) -> Result<Option<Problem>>
where
    H: Fn() -> Held,
    W: Fn(Lane, Lease) -> F,
    F: Future<Output = Result<Turn>> + Send + 'static,
{
    let (connector, stage) = (lanes.connector, lanes.stage);
    let mut woken = Box::pin(connector.work.notified());
    loop {
        if connector.cancel.is_cancelled() {
            while let Some(ended) = lanes.running.join_next().await {
                lanes.settle(ended)?;
            }
            lanes.give_back().await?;
            return Ok(None);
        }
        let hold = held();
        let mut found = Found::default();
        if hold.is_none() {
            lanes.start(work);
            if lanes.is_short() && lanes.may_ask() {
                // Before the question: what comes after it is heard of.
                woken.set(connector.work.notified());
                found = lanes.ask().await?;
                lanes.start(work);
            }
        }
        if !lanes.running.is_empty() {
            let again = match &hold {
                Some((until, _)) => Instant::now() + clock::until(*until),
                None => lanes.again(),
            };
            tokio::select! {
                Some(ended) = lanes.running.join_next() => lanes.settle(ended)?,
                () = &mut woken, if lanes.is_short() => {
                    lanes.news = true;
                    woken.set(connector.work.notified());
                }
                () = tokio::time::sleep_until(again), if lanes.is_short() && lanes.news => {}
                () = connector.cancel.cancelled() => {}
            }
            continue;
        }
        if hold.is_none() && !found.asked {
            tokio::select! {
                () = tokio::time::sleep_until(lanes.again()) => {}
                () = connector.cancel.cancelled() => {}
            }
            lanes.news = true;
            continue;
        }
        lanes.give_back().await?;
        match rest(connector, stage, hold, &found).await? {
            Rest::Until(until) => {
                tokio::select! {
                    () = tokio::time::sleep(clock::until(until)) => {}
                    () = &mut woken => woken.set(connector.work.notified()),
                    () = connector.cancel.cancelled() => {}
                }
                lanes.news = true;
            }
            Rest::End(problem) => return Ok(problem),
        }
    }
}

/// What came of asking for due lanes.
#[derive(Debug, Default)]
struct Found {
    /// Whether the ledger was asked.
    asked: bool,
    /// Whether anything was due.
    any: bool,
    /// Whether the stage before had ended already when it was asked.
    last: bool,
}

/// The lanes of a stage: leased, at work, and done with.
struct Lanes<'a> {
    connector: &'a Connector,
    stage: &'a Stage,
    running: JoinSet<(Lease, Result<Turn>)>,
    busy: HashSet<Lane>,
    /// Leased, and not begun.
    ready: VecDeque<Lease>,
    /// Ended, and not given back yet.
    ended: Vec<Lease>,
    questions: Questions,
    /// Whether there may be more due than when it was last asked.
    news: bool,
}

impl<'a> Lanes<'a> {
    fn new(connector: &'a Connector, stage: &'a Stage) -> Self {
        Self {
            connector,
            stage,
            running: JoinSet::new(),
            busy: HashSet::new(),
            ready: VecDeque::new(),
            ended: Vec::new(),
            questions: Questions { up_to: Instant::now() },
            news: true,
        }
    }

    /// Whether there is a worker without a lane.
    fn is_short(&self) -> bool {
        self.ready.is_empty() && self.running.len() < self.stage.workers
    }

    /// When the ledger may be asked again.
    fn again(&self) -> Instant {
        self.questions.again()
    }

    fn may_ask(&self) -> bool {
        self.news && self.again() <= Instant::now()
    }

    /// Begins the turns of lanes that are leased, as far as there are workers.
    fn start<W, F>(&mut self, work: &W)
    where
        W: Fn(Lane, Lease) -> F,
        F: Future<Output = Result<Turn>> + Send + 'static,
    {
        while self.running.len() < self.stage.workers {
            let Some(lease) = self.ready.pop_front() else { return };
            self.busy.insert(lease.lane.clone());
            let turn = work(lease.lane.clone(), lease.clone());
            self.running.spawn(async move { (lease, turn.await) });
        }
    }

    /// Asks for lanes that are due, and leases them.
    async fn ask(&mut self) -> Result<Found> {
        self.return_ended().await?;
        self.news = false;
        let last = self.stage.until.is_over();
        let (ledger, name) = (&self.connector.ledger, &self.stage.name);
        let wanted = self.stage.workers * AHEAD;
        // A lane whose lease has run out while it is worked on is due as well.
        let most = wanted + self.busy.len();
        let due = ledger.due(self.connector.name(), name, clock::now(), most).await?;
        self.questions.asked(Instant::now());
        let any = !due.is_empty();
        let lanes = due.into_iter().map(|found| found.lane);
        let lanes: Vec<Lane> = lanes.filter(|lane| !self.busy.contains(lane)).collect();
        if !lanes.is_empty() {
            let (owner, now) = (&self.connector.owner, clock::now());
            let leases = ledger.lease_each(&lanes, name, owner, now, clock::micros(LEASE)).await?;
            self.ready.extend(leases);
        }
        Ok(Found { asked: true, any, last })
    }

    /// Takes in a lane's turn, and others that have ended as well. A stale lease is nobody's
    /// trouble; the ledger's own is everybody's.
    fn settle(&mut self, ended: Result<(Lease, Result<Turn>), JoinError>) -> Result<()> {
        let mut next = Some(ended);
        while let Some(ended) = next {
            let (lease, ended) = ended.map_err(|error| Error::Worker(error.to_string()))?;
            self.busy.remove(&lease.lane);
            self.ended.push(lease);
            self.news = true;
            match ended {
                Ok(_) => {}
                Err(Error::Ledger(LedgerError::Fenced { lane, .. })) => {
                    tracing::warn!(lane, "another worker has taken over this lane");
                }
                Err(error) => return Err(error),
            }
            next = self.running.try_join_next();
        }
        Ok(())
    }

    /// Gives back the leases of lanes whose turn has ended.
    async fn return_ended(&mut self) -> Result<()> {
        if !self.ended.is_empty() {
            self.connector.ledger.release_each(&self.ended).await?;
            self.ended.clear();
        }
        Ok(())
    }

    /// Gives back all leases but those of lanes at work.
    async fn give_back(&mut self) -> Result<()> {
        self.ended.extend(self.ready.drain(..));
        self.return_ended().await
    }
}

/// How often the ledger was asked.
#[derive(Debug)]
struct Questions {
    /// When a moment will have passed for each of them.
    up_to: Instant,
}

impl Questions {
    /// When there may be another.
    fn again(&self) -> Instant {
        self.up_to.checked_sub((AT_ONCE - 1) * MOMENT).unwrap_or(self.up_to)
    }

    fn asked(&mut self, now: Instant) {
        self.up_to = self.up_to.max(now) + MOMENT;
    }
}

/// What to do when nothing runs.
enum Rest {
    Until(i64),
    End(Option<Problem>),
}

async fn rest(connector: &Connector, stage: &Stage, hold: Held, found: &Found) -> Result<Rest> {
    let now = clock::now();
    let patience = clock::micros(connector.retry.backoff.max) + 1_000_000;
    let Until::Empty(_) = &stage.until else {
        let next = connector.ledger.next_due(connector.name(), now).await?;
        let hold = hold.map(|(until, _)| until);
        let next = hold.or(next).unwrap_or(i64::MAX).min(now + 60_000_000);
        return Ok(Rest::Until(next));
    };
    if let Some((until, reason)) = hold {
        let tired = reason.as_ref().is_some_and(|(_, tired)| *tired);
        if tired || until > now + patience {
            return Ok(Rest::End(reason.map(|(problem, _)| problem)));
        }
        return Ok(Rest::Until(until));
    }
    if found.any {
        // Another process holds the lease.
        return Ok(Rest::Until(now + 50_000));
    }
    let next = connector.ledger.next_due(connector.name(), now).await?;
    match next {
        Some(next) if next <= now + patience => Ok(Rest::Until(next)),
        _ if found.last => Ok(Rest::End(None)),
        _ => Ok(Rest::Until(now + 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_asked_a_few_times_at_once_and_then_once_in_a_moment() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut questions = Questions { up_to: start };
        let mut wait = |now| {
            let wait = questions.again().saturating_duration_since(now);
            questions.asked(now + wait);
            wait
        };
        for _ in 0..AT_ONCE {
            assert_eq!(wait(start), Duration::ZERO);
        }
        assert_eq!(wait(start), MOMENT);
        assert_eq!(wait(start + MOMENT), MOMENT);
        let rested = start + 10 * MOMENT;
        for _ in 0..AT_ONCE {
            assert_eq!(wait(rested), Duration::ZERO);
        }
        assert_eq!(wait(rested), MOMENT);
    }
}
