//! Replays: what was delivered or refused before goes to one destination again, after what is new.
//!
//! A replay is carried out like a delivery, under the same lease, in the same batches, and is done
//! as far as receipts say. Bytes that have left the spool are fetched again, and only sent when
//! they say the same.

use std::time::{Duration, Instant};

use orgtap_destinations::{Events, Kind, Receipt, Rejected};
use orgtap_ledger::{Lane, Lease, Replay, Unit, UnitId};
use orgtap_salesforce::ErrorKind;
use orgtap_transport::Explain;
use tokio::sync::Mutex;

use crate::clock;
use crate::connector::{Connector, Note};
use crate::deliver::Run;
use crate::error::{Error, Result, UnitFault};
use crate::fetch::{Earlier, fetch};
use crate::letter;
use crate::stage::Turn;

/// After so long a lane makes way for others, which may have something new.
const TURN: Duration = Duration::from_secs(1);

/// How what was released is fetched again.
#[derive(Debug, Default)]
pub(crate) struct Refetch {
    /// Whether the sign-in has worked. Nothing is asked of the org before.
    signed_in: bool,
    /// One at a time: destinations may want the same unit.
    turn: Mutex<()>,
}

impl Refetch {
    /// For a connector whose sign-in has worked.
    pub(crate) fn signed_in() -> Self {
        Self { signed_in: true, ..Self::default() }
    }
}

/// Fetches a unit again whose bytes have left the spool, or are `damaged` there; it must say what it
/// said. Its row index is made anew by that. Under the lease of any stage of its lane.
pub(crate) async fn refetch(
    connector: &Connector,
    lease: &Lease,
    unit: UnitId,
    damaged: bool,
) -> Result<Unit> {
    let Refetch { signed_in, turn } = &connector.refetch;
    if !signed_in {
        return Err(UnitFault::Released.into());
    }
    let _turn = turn.lock().await;
    let unit = connector.ledger.unit(unit).await?;
    if unit.spooled && !damaged {
        return Ok(unit);
    }
    let info = connector.info(&unit)?;
    let _share = connector.memory.to_fetch(info.length).await;
    let earlier = Earlier { delivered: unit.content_hash.clone(), ..Earlier::default() };
    let allowed = connector.budget.fetch(&connector.org)?;
    allowed.turn().await;
    let fetched = fetch(connector, &info, &earlier, None).await;
    let fetched = fetched.map_err(|error| match error {
        Error::Org(org) if *org.kind() == ErrorKind::Gone => UnitFault::NowhereLeft.into(),
        error => error,
    })?;
    connector.hold.succeeded();
    let bytes = i64::try_from(fetched.spool_bytes).unwrap_or(i64::MAX);
    connector.ledger.spooled_again(lease, unit.id, &fetched.relative, bytes).await?;
    connector.ledger.unit(unit.id).await.map_err(Error::from)
}

impl Run<'_> {
    /// Sends what of a lane was asked for again. One replay that has to wait holds up no other.
    pub(crate) async fn replays(&mut self, lane: &Lane) -> Result<Turn> {
        let began = Instant::now();
        let replays = self.connector.ledger.replays(lane, self.outlet.name()).await?;
        for (unit, replay) in replays {
            if self.connector.cancel.is_cancelled() {
                return Ok(Turn::Held);
            }
            if began.elapsed() >= TURN {
                break;
            }
            if replay.not_before > clock::now() {
                continue;
            }
            let unit = match self.with_bytes(unit.clone()).await {
                Ok(unit) => unit,
                Err(error) => {
                    self.no_bytes(&unit, &replay, error).await?;
                    continue;
                }
            };
            if let Err(error) = self.again(&unit, &replay).await {
                self.replay_failed(&replay, error).await?;
                return Ok(Turn::Failed);
            }
        }
        Ok(Turn::Done)
    }

    async fn again(&mut self, unit: &Unit, replay: &Replay) -> Result<()> {
        if replay.rows.is_some() {
            // What is refused here shall take nothing else along.
            self.settle().await?;
        }
        self.unit(unit, replay.position, Some(replay)).await
    }

    /// The unit with its bytes in the spool, where they are fetched to if need be.
    async fn with_bytes(&mut self, unit: Unit) -> Result<Unit> {
        let record = self.connector.spool.decisions(&*self.connector.info(&unit)?);
        if unit.exceptions > 0 && !record.exists() {
            return Err(UnitFault::Forgotten.into());
        }
        if unit.spooled {
            return Ok(unit);
        }
        self.prolong().await?;
        refetch(self.connector, &self.lease, unit.id, false).await
    }

    /// Decides what it means that a unit's bytes cannot be had. The stream has no part in it.
    async fn no_bytes(&mut self, unit: &Unit, replay: &Replay, error: Error) -> Result<()> {
        let (connector, name) = (self.connector, self.outlet.name().to_owned());
        if matches!(error, Error::Ledger(_)) {
            return Err(error);
        }
        let problem = error.problem();
        tracing::warn!(
            connector = connector.name(),
            destination = name,
            log_file = unit.listed.log_file_id,
            event_type = unit.listed.lane.event_type,
            code = problem.code,
            "cannot replay: {}",
            problem.message
        );
        let note = Note::of(&error).text();
        let ledger = &connector.ledger;
        let forgotten = matches!(error, Error::Unit(UnitFault::Forgotten));
        if !forgotten && !matches!(error, Error::Unit(UnitFault::Changed | UnitFault::NowhereLeft))
        {
            connector.hold.failed(connector, &error);
            let until = match error {
                Error::Unit(UnitFault::Released) => {
                    clock::now() + clock::micros(connector.retry.rest())
                }
                _ => connector.wait(&error, replay.attempts + 1, replay.id),
            };
            let until = connector.hold.until(clock::now()).map_or(until, |held| held.max(until));
            ledger.postpone_replay(&self.lease, replay.id, until, &note).await?;
            return Ok(());
        }
        // Rows that were refused have their letters already.
        let letter = replay.rows.is_none().then(|| letter::of_unit(unit, Some(name), problem));
        let now = clock::now();
        ledger.fail_replay(&self.lease, replay.id, letter.as_ref(), &note, now).await?;
        Ok(())
    }

    /// Dead letters that are all refused once more are no trouble of the destination: it takes other
    /// events, as it did around them the first time. The stream is dead all the same.
    pub(crate) fn refused_again(
        &mut self,
        replay: Option<&Replay>,
        events: &Events,
        error: orgtap_destinations::Error,
    ) -> Result<Receipt> {
        let letters = replay.is_some_and(|replay| replay.rows.is_some());
        if !letters || error.kind() != Kind::RefusedAll || self.unflushed > 0 {
            return Err(error.into());
        }
        self.stream = None;
        let reason = error.to_string();
        let rejected =
            (0..events.len()).map(|index| Rejected { index, reason: reason.clone() }).collect();
        Ok(Receipt { durable: true, rejected })
    }

    /// Decides what a failure on the way means.
    async fn replay_failed(&mut self, replay: &Replay, error: Error) -> Result<()> {
        if matches!(error, Error::Ledger(_)) {
            return Err(error);
        }
        self.trouble(&error).await?;
        // A destination that fails rests as a whole.
        if !matches!(error, Error::Destination(_)) {
            let until = self.connector.wait(&error, replay.attempts + 1, replay.id);
            let note = Note::of(&error).text();
            let ledger = &self.connector.ledger;
            ledger.postpone_replay(&self.lease, replay.id, until, &note).await?;
        }
        Ok(())
    }
}
