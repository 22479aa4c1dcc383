//! Backfills: log files of a range of days that the look for new files left behind.
//!
//! A backfill is a record in the ledger. It feeds files into the same pipeline, a few at a time:
//! as many as the API budget has to spare, and no more than can be in work beside new files, which
//! come first at every stage. So it can be stopped anywhere, and whoever runs next goes on.

mod listing;
mod plan;

use std::sync::Arc;
use std::time::{Duration, Instant};

use orgtap_ledger::{Backfill, BackfillState, Cursor, LedgerError, NewUnit};
use orgtap_salesforce::LogFile;
use orgtap_transport::{Explain, Problem};

use crate::clock;
use crate::collector::Collector;
use crate::config::TypeFilter;
use crate::connector::{Connector, is_everybodys};
use crate::discover::new_unit;
use crate::error::{Error, Result};
use crate::polling::error_wait;
use crate::progress::Progress;
use listing::Files;
pub use plan::{
    BackfillPlan, PlannedDelivery, PlannedType, check_backfill, is_paced, plan_backfill,
};

/// Files of backfills in work at once, at most.
const AT_ONCE: i64 = 200;
/// How long to wait for room.
const PAUSE: Duration = Duration::from_millis(500);
/// A pass ends when no file has gone out for so long, and longer waits are not usual: what is in
/// the way is told by the stages.
const STUCK: Duration = Duration::from_mins(5);
/// The longest until a backfill that somebody asks for is noticed.
const NOTICE: Duration = Duration::from_secs(30);

/// What there is to do for the backfills of a connector.
enum Next {
    /// Nothing.
    Idle,
    /// Nothing before files in work have gone out. So many have.
    Full(i64),
    /// To list up to so many files of one that is open.
    Feed(Box<Backfill>, u64),
    /// To wait: the API budget has nothing to spare.
    NoSpare,
}

impl Collector {
    /// Feeds the connector's backfills until told to stop.
    pub(crate) async fn keep_feeding(&self, connector: &Arc<Connector>) -> Result<()> {
        let mut failures = 0;
        loop {
            let wait = match self.feed_next(connector).await {
                Ok(Next::Idle | Next::NoSpare) => connector.settings.poll_interval.min(NOTICE),
                Ok(Next::Full(_)) => PAUSE,
                Ok(Next::Feed(..)) => {
                    failures = 0;
                    Duration::ZERO
                }
                Err(error @ Error::Ledger(_)) => return Err(error),
                Err(error) => {
                    failures += 1;
                    connector.warn("list for a backfill", &error);
                    // What only old files meet is never in the way of new ones.
                    if is_everybodys(&error) {
                        connector.hold.look_failed(connector, &error);
                    }
                    match error {
                        Error::Budget(_) => NOTICE,
                        error => connector.retry.wait(error.disposition(), failures, 0),
                    }
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = connector.cancel.cancelled() => return Ok(()),
            }
        }
    }

    /// Feeds the connector's backfills until all are listed, or something is in the way.
    pub(crate) async fn feed_all(&self, connector: &Arc<Connector>) -> Result<Option<Problem>> {
        let mut failures = 0;
        let mut moved = (0, Instant::now());
        loop {
            let wait = match self.feed_next(connector).await {
                Ok(Next::Idle) => return Ok(None),
                Ok(Next::Full(finished)) => {
                    if moved.0 != finished {
                        moved = (finished, Instant::now());
                    }
                    if moved.1.elapsed() > STUCK.max(connector.retry.backoff.max) {
                        return Ok(None);
                    }
                    PAUSE
                }
                Ok(Next::NoSpare) => {
                    let connector = connector.name().to_owned();
                    return Ok(Some(Error::NoSpare { connector }.problem()));
                }
                Ok(Next::Feed(..)) => Duration::ZERO,
                Err(error @ Error::Ledger(_)) => return Err(error),
                Err(error) => {
                    failures += 1;
                    connector.warn("list for a backfill", &error);
                    match error_wait(&error, connector.retry, failures) {
                        Some(wait) => wait,
                        None => return Ok(Some(error.problem())),
                    }
                }
            };
            // Files that cannot be fetched now make no room.
            if let (Some((until, reason)), false) = (connector.held(), wait.is_zero()) {
                let patience = clock::micros(connector.retry.backoff.max) + 1_000_000;
                if until > clock::now() + patience {
                    return Ok(reason.map(|(problem, _)| problem));
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = connector.cancel.cancelled() => return Ok(None),
            }
        }
    }

    /// Does what is next.
    async fn feed_next(&self, connector: &Arc<Connector>) -> Result<Next> {
        let next = self.next_of(connector).await?;
        if let Next::Feed(backfill, most) = &next {
            let fed = feed(connector, backfill, *most).await;
            self.unless_cancelled(backfill, fed).await?;
        }
        Ok(next)
    }

    /// What came of work on a backfill; nothing, if somebody cancelled that meanwhile.
    async fn unless_cancelled(&self, backfill: &Backfill, came: Result<()>) -> Result<()> {
        if let Err(Error::Ledger(LedgerError::Delta { .. })) = &came {
            let all = self.ledger.backfills(&backfill.wish.connector).await?;
            let now = all.iter().find(|one| one.id == backfill.id).map(|one| one.state);
            if now == Some(BackfillState::Cancelled) {
                return Ok(());
            }
        }
        came
    }

    async fn next_of(&self, connector: &Connector) -> Result<Next> {
        let all = self.ledger.backfills(connector.name()).await?;
        let under_way: Vec<_> = all.into_iter().filter(|it| it.state.is_under_way()).collect();
        self.end_finished(connector, &under_way).await?;
        let in_work: i64 = under_way.iter().map(|it| it.files - it.finished).sum();
        let finished = under_way.iter().map(|it| it.finished).sum();
        let Some(open) = under_way.into_iter().rev().find(|it| it.state == BackfillState::Open)
        else {
            return Ok(Next::Idle);
        };
        // Each turn costs a call to list, so room for a few files is not worth one.
        if in_work > AT_ONCE / 2 || connector.held().is_some() {
            return Ok(Next::Full(finished));
        }
        let spare = connector.budget.spare(&connector.org).saturating_sub(in_work.unsigned_abs());
        let most = (AT_ONCE - in_work).unsigned_abs().min(spare.saturating_sub(1));
        Ok(if most == 0 { Next::NoSpare } else { Next::Feed(Box::new(open), most) })
    }

    /// Notes the end of backfills all of whose files have come as far as they can.
    pub(crate) async fn end_backfills(&self, connector: &Connector) -> Result<()> {
        let all = self.ledger.backfills(connector.name()).await?;
        self.end_finished(connector, &all).await
    }

    async fn end_finished(&self, connector: &Connector, backfills: &[Backfill]) -> Result<()> {
        for one in backfills {
            if one.state == BackfillState::Listed && one.finished == one.files {
                let (from, to) = (BackfillState::Listed, BackfillState::Done);
                let ended = self.ledger.move_backfill(one.id, from, to, clock::now()).await;
                self.unless_cancelled(one, ended.map_err(Error::from)).await?;
                let (backfill, files) = (one.id, one.files);
                tracing::info!(connector = connector.name(), backfill, files, "backfill done");
            }
        }
        Ok(())
    }
}

/// Lists on from where a backfill's cursor stands, until `most` files are new or there are no more.
async fn feed(connector: &Connector, backfill: &Backfill, most: u64) -> Result<()> {
    let filter = filter(&backfill.wish.event_types)?;
    let mut feed = Feed { connector, backfill, filter, cursor: backfill.cursor.clone(), new: 0 };
    let Connector { org, budget, settings, .. } = connector;
    let shape = connector.shape.get(org, budget).await?;
    let mut files =
        Files::new((org, budget), settings, &shape, &backfill.wish, backfill.cursor.clone());
    loop {
        let page = match files.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            // The next turn asks for the columns there are now.
            Err(Error::Org(error))
                if connector.shape.has_changed(&error, (org, budget)).await? =>
            {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for some in page.chunks(usize::try_from(most).unwrap_or(usize::MAX)) {
            feed.take(some).await?;
            if feed.new >= most {
                return Ok(());
            }
        }
    }
    let (from, to) = (BackfillState::Open, BackfillState::Listed);
    Ok(connector.ledger.move_backfill(backfill.id, from, to, clock::now()).await?)
}

/// A backfill's patterns, which were checked when it was asked for.
fn filter(written: &[String]) -> Result<TypeFilter> {
    TypeFilter::parse(written.iter().map(String::as_str))
        .map_err(|_| LedgerError::Corrupt("a backfill of impossible types".to_owned()).into())
}

/// One turn of feeding.
struct Feed<'a> {
    connector: &'a Connector,
    backfill: &'a Backfill,
    filter: TypeFilter,
    cursor: Option<Cursor>,
    new: u64,
}

impl Feed<'_> {
    /// Records files, and that the listing has come past them.
    async fn take(&mut self, files: &[LogFile]) -> Result<()> {
        let connector = self.connector;
        let mut units: Vec<NewUnit> = Vec::with_capacity(files.len());
        let mut to = self.cursor.clone();
        for file in files {
            let created_date = file.created_date.as_microsecond();
            to = to.max(Some(Cursor { created_date, log_file_id: file.id.clone() }));
            let types = [&connector.settings.event_types, &self.filter];
            if types.iter().all(|types| types.admits(&file.event_type)) {
                units.push(new_unit(connector.name(), file));
            }
        }
        let from = self.cursor.as_ref();
        let (ledger, id, now) = (&connector.ledger, self.backfill.id, clock::now());
        let listed = ledger.feed_backfill(id, &units, from, to.as_ref(), now).await?;
        self.cursor = to;
        self.new += listed.new;
        Progress::add(&connector.progress.listed, listed.new);
        connector.work.notify_waiters();
        Ok(())
    }
}
