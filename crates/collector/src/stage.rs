//! Runs one stage of one connector: takes lanes that are due, a few at a time, until there is
//! nothing left or somebody says stop.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use orgtap_ledger::{Lane, Lease};
use orgtap_transport::Problem;
use tokio::task::JoinSet;

use crate::clock;
use crate::connector::Connector;
use crate::error::{Error, Result};

/// How long a lane is leased at a time.
pub(crate) const LEASE: Duration = Duration::from_mins(2);

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
    /// When nothing is due, nothing waits for a short while only, and the stage before has ended.
    Empty(Arc<AtomicBool>),
    /// Never by itself.
    Stopped,
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

/// Why a stage cannot go on: until when (microseconds), why, and whether a person must act.
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
    let mut running: JoinSet<(Lane, Result<Turn>)> = JoinSet::new();
    let mut lanes: HashSet<Lane> = HashSet::new();
    loop {
        let woken = connector.work.notified();
        if connector.cancel.is_cancelled() {
            while let Some(ended) = running.join_next().await {
                settle(ended, &mut lanes)?;
            }
            return Ok(None);
        }
        let hold = held();
        if hold.is_none() {
            start(connector, &stage, &mut running, &mut lanes, &work).await?;
        }
        if !running.is_empty() {
            tokio::select! {
                Some(ended) = running.join_next() => settle(ended, &mut lanes)?,
                () = woken, if running.len() < stage.workers => {}
                () = connector.cancel.cancelled() => {}
            }
            continue;
        }
        match rest(connector, &stage, hold).await? {
            Rest::Until(until) => {
                let wait = Duration::from_micros((until - clock::now()).max(1_000).unsigned_abs());
                tokio::select! {
                    () = tokio::time::sleep(wait.min(Duration::from_mins(1))) => {}
                    () = woken => {}
                    () = connector.cancel.cancelled() => {}
                }
            }
            Rest::End(problem) => return Ok(problem),
        }
    }
}

/// What to do when nothing runs.
enum Rest {
    Until(i64),
    End(Option<Problem>),
}

async fn rest(connector: &Connector, stage: &Stage, hold: Held) -> Result<Rest> {
    let now = clock::now();
    let patience = clock::micros(connector.retry.backoff.max) + 1_000_000;
    let Until::Empty(before) = &stage.until else {
        let next = connector.ledger.next_due(connector.name(), now).await?;
        let hold = hold.map(|(until, _)| until);
        let next = hold.or(next).unwrap_or(i64::MAX).min(now + 60_000_000);
        return Ok(Rest::Until(next));
    };
    if let Some((until, reason)) = hold {
        let person = reason.as_ref().is_some_and(|(_, person)| *person);
        if person || until > now + patience {
            return Ok(Rest::End(reason.map(|(problem, _)| problem)));
        }
        return Ok(Rest::Until(until));
    }
    if !connector.ledger.due(connector.name(), &stage.name, now, 1).await?.is_empty() {
        // Something became due, or another process holds a lease on it.
        return Ok(Rest::Until(now + 50_000));
    }
    let next = connector.ledger.next_due(connector.name(), now).await?;
    match next {
        Some(next) if next <= now + patience => Ok(Rest::Until(next)),
        _ if before.load(Ordering::SeqCst) => Ok(Rest::End(None)),
        _ => Ok(Rest::Until(now + 1_000_000)),
    }
}

async fn start<W, F>(
    connector: &Arc<Connector>,
    stage: &Stage,
    running: &mut JoinSet<(Lane, Result<Turn>)>,
    lanes: &mut HashSet<Lane>,
    work: &W,
) -> Result<()>
where
    W: Fn(Lane, Lease) -> F,
    F: Future<Output = Result<Turn>> + Send + 'static,
{
    let free = stage.workers.saturating_sub(running.len());
    if free == 0 {
        return Ok(());
    }
    let ledger = &connector.ledger;
    let due = ledger.due(connector.name(), &stage.name, clock::now(), free + lanes.len()).await?;
    for found in due {
        if running.len() >= stage.workers {
            break;
        }
        if lanes.contains(&found.lane) {
            continue;
        }
        let (now, term) = (clock::now(), clock::micros(LEASE));
        let lease = ledger.lease(&found.lane, &stage.name, &connector.owner, now, term).await?;
        let Some(lease) = lease else { continue };
        lanes.insert(found.lane.clone());
        let turn = work(found.lane.clone(), lease.clone());
        let ledger = Arc::clone(ledger);
        running.spawn(async move {
            let ended = turn.await;
            let released = ledger.release(&lease).await.map_err(Error::from);
            (found.lane, ended.and_then(|turn| released.map(|()| turn)))
        });
    }
    Ok(())
}

/// Takes in a lane's turn. A stale lease is nobody's trouble; the ledger's own is everybody's.
fn settle(
    ended: Result<(Lane, Result<Turn>), tokio::task::JoinError>,
    lanes: &mut HashSet<Lane>,
) -> Result<()> {
    let (lane, ended) = match ended {
        Ok(ended) => ended,
        Err(error) => return Err(Error::Worker(error.to_string())),
    };
    lanes.remove(&lane);
    match ended {
        Ok(_) => Ok(()),
        Err(Error::Ledger(orgtap_ledger::LedgerError::Fenced { .. })) => {
            tracing::warn!(%lane, "another worker has taken over this lane");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
