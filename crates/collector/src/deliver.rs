//! The last stage: each destination reads the spool at its own pace.
//!
//! A lane's units go out in order, in batches, through one stream. The ledger moves only past
//! what the destination has called durable, in steps of at most a second's work, and past all of it
//! before anything is written again.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use orgtap_codec::csv::Blocks;
use orgtap_destinations::{Kind, Receipt, Stream};
use orgtap_ledger::{
    DeadLetter, Delivery, DeliveryDelta, Lane, Lease, PAYLOAD_LIMIT, Replay, Unit, UnitId,
};
use orgtap_transport::Explain;
use tokio::sync::mpsc;

use crate::admit::decisions::Decisions;
use crate::clock;
use crate::connector::{Connector, Note};
use crate::cut::Cut;
use crate::decode::{Wanted, decode};
use crate::error::{Error, Result, UnitFault};
use crate::kill;
use crate::outlet::Outlet;
use crate::pacing::Paced;
use crate::prepare::Ready;
use crate::progress::Progress;
use crate::replay::refetch;
use crate::stage::{LEASE, Turn};
use crate::unpack::ahead;

/// The ledger is moved at least this often while a big unit goes out.
const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Bytes written before the barrier is asked for though more is to come.
const FLUSH_EVERY: usize = 32 * 1024 * 1024;

/// Sends a lane's units to one destination, in order, up to the first that fails.
pub(crate) async fn lane(
    connector: &Connector,
    outlet: &Outlet,
    lane: &Lane,
    lease: Lease,
) -> Result<Turn> {
    let mut run = Run {
        connector,
        outlet,
        lease,
        stream: None,
        durable: Vec::new(),
        pending: Vec::new(),
        unflushed: 0,
        committed: Instant::now(),
        paced: Paced::new(),
    };
    let mut turn = Turn::Done;
    let name = outlet.name();
    let outbox = connector.ledger.outbox(lane, name).await?;
    for (unit, delivery) in run.young(outbox).await? {
        if connector.cancel.is_cancelled() {
            turn = Turn::Held;
            break;
        }
        if delivery.not_before > clock::now() {
            // What was asked for again need not wait for it.
            break;
        }
        if !run.takes_up(&unit, &delivery) {
            continue;
        }
        if let Err(error) = run.unit(&unit, delivery.position, None).await {
            turn = run.failed(&unit, &delivery, error).await?;
            break;
        }
    }
    if turn == Turn::Done && !run.paced.makes_way {
        turn = run.replays(lane).await?;
    }
    match run.finish().await {
        Ok(()) => Ok(turn),
        Err(error @ Error::Ledger(_)) => Err(error),
        Err(error) => {
            run.trouble(&error).await?;
            Ok(Turn::Failed)
        }
    }
}

/// One lane's way into one destination.
pub(crate) struct Run<'a> {
    pub(crate) connector: &'a Connector,
    pub(crate) outlet: &'a Outlet,
    pub(crate) lease: Lease,
    pub(crate) stream: Option<Box<dyn Stream>>,
    /// Steps that are durable, and not yet in the ledger.
    durable: Vec<DeliveryDelta>,
    /// Steps that are not durable yet.
    pending: Vec<DeliveryDelta>,
    /// Bytes written since the last durable receipt.
    pub(crate) unflushed: usize,
    committed: Instant,
    pub(crate) paced: Paced,
}

impl Run<'_> {
    /// Sends one unit from a position on, for the first time or as a replay.
    pub(crate) async fn unit(
        &mut self,
        unit: &Unit,
        from: i64,
        replay: Option<&Replay>,
    ) -> Result<()> {
        let connector = self.connector;
        let name = self.outlet.name();
        if replay.is_none()
            && let Some(ready) = connector.prepared.take(unit.id, name)
            && from == 0
        {
            return self.end(unit, ready).await;
        }
        let info = connector.info(unit)?;
        let _share = connector.memory.to_deliver(name, info.length).await;
        let relative = unit.spool_path.as_deref().filter(|_| unit.spooled);
        let relative = relative.ok_or(UnitFault::Spool("they were released".to_owned()))?;
        let lost = |error: std::io::Error| UnitFault::Spool(error.to_string());
        let exceptions = u64::try_from(unit.exceptions).unwrap_or_default();
        let decisions = if exceptions == 0 {
            Decisions::none()
        } else {
            Decisions::open(&connector.spool.decisions(&info), exceptions).map_err(lost)?
        };
        let limits = self.outlet.limits();
        let position = u64::try_from(from).unwrap_or_default();
        let only = replay.and_then(|replay| replay.rows.as_ref());
        let only = only.map(|rows| rows.iter().map(|row| row.unsigned_abs()).collect());
        let wanted = Wanted { from: position, only };
        let kept = &connector.spool.kept;
        // What is kept is kept for deliveries.
        let (bytes, hashes) =
            replay.is_none().then(|| kept.open(relative, position)).flatten().unzip();
        let bytes: Box<dyn Read + Send> = match bytes.flatten() {
            Some(bytes) => Box::new(bytes),
            None => connector.spool.open_bytes(relative).map_err(lost)?,
        };
        let length = info.length;
        let (sender, mut cuts) = mpsc::channel::<Cut>(2);
        let decoder = tokio::task::spawn_blocking(move || {
            let read = |bytes: &mut dyn Blocks| {
                decode(bytes, hashes, decisions, &info, wanted, limits, &sender)
            };
            ahead(bytes, length, &Arc::default(), read).0
        });
        self.begin(unit, from, replay);
        let mut outcome = Ok(true);
        while let Some(cut) = cuts.recv().await {
            outcome = self.write_in_turn(unit, cut, replay).await;
            if !matches!(outcome, Ok(true)) {
                break;
            }
        }
        drop(cuts);
        let decoded = decoder.await.map_err(|error| Error::Worker(error.to_string()))?;
        let to_its_end = outcome?;
        match &decoded {
            _ if replay.is_some() => {}
            Ok(()) if to_its_end => kept.done(relative),
            // The next try reads the spool.
            _ => kept.forget(relative),
        }
        Ok(decoded?)
    }

    /// Ends a unit all of which but its last batch is written already.
    async fn end(&mut self, unit: &Unit, ready: Ready) -> Result<()> {
        tracing::debug!(log_file = unit.listed.log_file_id, "was written while it came");
        // The units before it are on another stream.
        self.finish().await?;
        self.stream = ready.stream;
        self.unflushed = ready.bytes;
        let delta = self.begin(unit, 0, None);
        delta.to = i64::try_from(ready.last.batch.rows.start).unwrap_or(i64::MAX);
        delta.delivered = i64::try_from(ready.events).unwrap_or(i64::MAX);
        self.count_bytes(ready.bytes);
        self.write(unit, ready.last, None).await
    }

    /// Begins a unit's step, which goes nowhere yet.
    fn begin(&mut self, unit: &Unit, position: i64, replay: Option<&Replay>) -> &mut DeliveryDelta {
        let destination = self.outlet.name().to_owned();
        self.pending.push_mut(DeliveryDelta {
            unit: unit.id,
            destination,
            replay: replay.map(|replay| replay.id),
            from: position,
            to: position,
            delivered: 0,
            rejected: Vec::new(),
            done: false,
        })
    }

    fn count_bytes(&self, bytes: usize) {
        let name = self.outlet.name();
        if let Some(delivered) = self.connector.progress.destinations.get(name) {
            Progress::add(&delivered.bytes, bytes as u64);
        }
    }

    pub(crate) async fn write(
        &mut self,
        unit: &Unit,
        cut: Cut,
        replay: Option<&Replay>,
    ) -> Result<()> {
        if self.stream.is_none() {
            self.stream = Some(self.outlet.stream().await?);
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let Cut { batch, rows } = cut;
        let (to, ends, events) = (batch.rows.end, batch.ends_unit, batch.events.clone());
        kill::point("deliver.before_write");
        let receipt = match stream.write(batch).await {
            Ok(receipt) => receipt,
            Err(error) => self.refused_again(replay, &events, error)?,
        };
        kill::point("deliver.after_write");
        let letters: Vec<DeadLetter> = receipt
            .rejected
            .iter()
            .map(|rejected| {
                let event = events.get(rejected.index).unwrap_or_default();
                DeadLetter {
                    unit: unit.id,
                    destination: Some(self.outlet.name().to_owned()),
                    row: rows.get(rejected.index).and_then(|row| i64::try_from(*row).ok()),
                    offset: None,
                    code: "OT-DEST-90".to_owned(),
                    reason: rejected.reason.clone(),
                    payload: event
                        .get(..event.len().min(PAYLOAD_LIMIT))
                        .unwrap_or_default()
                        .to_vec(),
                    at: clock::now(),
                }
            })
            .collect();
        if let Some(delta) = self.pending.last_mut() {
            delta.to = i64::try_from(to).unwrap_or(i64::MAX);
            delta.delivered += (events.len() - letters.len()) as i64;
            delta.rejected.extend(letters);
            delta.done = ends;
        }
        self.unflushed += events.ndjson().len();
        self.count_bytes(events.ndjson().len());
        self.receipt(&receipt).await?;
        if self.unflushed >= FLUSH_EVERY {
            self.barrier().await?;
        }
        Ok(())
    }

    /// Takes in a receipt: what is durable goes to the ledger, not more than once a second.
    async fn receipt(&mut self, receipt: &Receipt) -> Result<()> {
        if receipt.durable {
            self.now_durable();
            if self.committed.elapsed() >= COMMIT_EVERY {
                self.commit().await?;
            }
        }
        Ok(())
    }

    /// Asks for the barrier, and commits if it holds.
    async fn barrier(&mut self) -> Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let receipt = stream.flush().await?;
        kill::point("deliver.after_flush");
        if receipt.durable {
            self.now_durable();
            self.commit().await?;
        }
        self.unflushed = 0;
        Ok(())
    }

    /// Everything written is durable. What follows of the unit under way is a step of its own.
    fn now_durable(&mut self) {
        self.unflushed = 0;
        let Some(last) = self.pending.last() else { return };
        let next =
            DeliveryDelta { from: last.to, delivered: 0, rejected: Vec::new(), ..last.clone() };
        for step in self.pending.drain(..).filter(has_moved) {
            match self.durable.last_mut() {
                Some(before) if (before.unit, before.replay) == (step.unit, step.replay) => {
                    before.to = step.to;
                    before.delivered += step.delivered;
                    before.rejected.extend(step.rejected);
                    before.done = step.done;
                }
                _ => self.durable.push(step),
            }
        }
        self.pending.extend((!next.done).then_some(next));
    }

    /// Moves the ledger past everything durable.
    async fn commit(&mut self) -> Result<()> {
        self.committed = Instant::now();
        let moved = std::mem::take(&mut self.durable);
        if moved.is_empty() {
            return Ok(());
        }
        let ledger = &self.connector.ledger;
        self.prolong().await?;
        ledger.deliver(&self.lease, &moved, clock::now()).await?;
        kill::point("deliver.after_ledger");
        if moved.iter().any(|step| step.done) && self.connector.hold.room() {
            self.connector.work.notify_waiters();
        }
        if let Some(delivered) = self.connector.progress.destinations.get(self.outlet.name()) {
            for step in &moved {
                Progress::add(&delivered.events, step.delivered.unsigned_abs());
                Progress::add(&delivered.rejected, step.rejected.len() as u64);
                Progress::add(&delivered.units, u64::from(step.done));
            }
        }
        Ok(())
    }

    /// Renews the lease in good time.
    pub(crate) async fn prolong(&mut self) -> Result<()> {
        if self.lease.expires - clock::now() < clock::micros(LEASE) / 2 {
            let (ledger, now) = (&self.connector.ledger, clock::now());
            self.lease = ledger.renew(&self.lease, now, clock::micros(LEASE)).await?;
        }
        Ok(())
    }

    /// Makes everything written durable, in the ledger too.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        if self.unflushed > 0 || self.pending.iter().any(has_moved) {
            if self.stream.is_some() {
                return self.barrier().await;
            }
            self.now_durable();
        }
        self.commit().await
    }

    /// The lane's end: the barrier, the ledger, and the stream goes back for the next lane.
    async fn finish(&mut self) -> Result<()> {
        self.settle().await?;
        if let Some(stream) = self.stream.take() {
            self.outlet.give_back(stream);
        }
        Ok(())
    }

    /// The stream is dead: what it had not called durable is forgotten, to be written again.
    pub(crate) async fn trouble(&mut self, error: &Error) -> Result<()> {
        self.commit().await?;
        if let Error::Destination(it) = error {
            match self.pending.first().filter(|step| step.replay.is_none()) {
                // It may take what other lanes have.
                Some(step) if it.kind() == Kind::RefusedAll => {
                    self.postpone(step.unit, error, 1).await?;
                }
                _ => self.outlet.failed(self.connector, error),
            }
        }
        self.stream = None;
        self.pending.clear();
        self.unflushed = 0;
        Progress::add(&self.connector.progress.retries, 1);
        let destination = self.outlet.name();
        self.connector.errors.add(error, Some(destination));
        let problem = error.problem();
        tracing::warn!(
            connector = self.connector.name(),
            destination,
            code = problem.code,
            "{}",
            problem.message
        );
        Ok(())
    }

    /// Decides what a unit's failure means.
    async fn failed(&mut self, unit: &Unit, delivery: &Delivery, error: Error) -> Result<Turn> {
        if matches!(error, Error::Ledger(_)) {
            return Err(error);
        }
        self.trouble(&error).await?;
        let fresh = delivery.attempts < i64::from(self.connector.retry.attempts);
        if fresh && matches!(error, Error::Unit(UnitFault::Spool(_))) {
            self.fetch_lost(unit).await?;
        }
        if !matches!(error, Error::Destination(_)) {
            self.postpone(unit.id, &error, delivery.attempts + 1).await?;
        }
        Ok(Turn::Failed)
    }

    /// A unit waits after its `attempt`-th failure, and its lane with it.
    async fn postpone(&mut self, unit: UnitId, error: &Error, attempt: i64) -> Result<()> {
        let until = self.connector.wait(error, attempt, unit);
        let note = Note::of(error).text();
        Ok(self.connector.ledger.postpone(&self.lease, unit, until, &note).await?)
    }

    /// Fetches a unit again whose bytes are lost in the spool, for the next try.
    async fn fetch_lost(&mut self, unit: &Unit) -> Result<()> {
        let connector = self.connector;
        self.prolong().await?;
        match refetch(connector, &self.lease, unit.id, true).await {
            Ok(_) => {
                let log_file = unit.listed.log_file_id.as_str();
                tracing::info!(connector = connector.name(), log_file, "was fetched again");
                Ok(())
            }
            Err(error @ Error::Ledger(_)) => Err(error),
            Err(error) => {
                // What is wrong is that it is lost, which has been told.
                connector.log("fetch again what is lost in the spool", &error);
                Ok(())
            }
        }
    }
}

/// Whether a step goes anywhere.
fn has_moved(step: &DeliveryDelta) -> bool {
    step.to > step.from || step.done
}
