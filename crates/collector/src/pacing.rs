//! Keeps to what a destination's target takes: waits for its rate, and withholds what is too old.
//!
//! Whether a unit is too old is asked before anything of it is written. What the target has begun
//! to get goes on; a replay was asked for by a person, who was told of the rule.

use std::time::Duration;

use orgtap_destinations::{Batch, Pace, Pacing};
use orgtap_events::time::rfc3339;
use orgtap_ledger::{Delivery, Replay, Unit, UnitId};
use orgtap_transport::ConfigDuration;
use tokio::time::{Instant, sleep_until};

use crate::clock;
use crate::cut::Cut;
use crate::deliver::Run;
use crate::error::{Result, WITHHELD};
use crate::progress::Progress;
use crate::stage::LEASE;

/// After so long what is not new makes way: at a low rate it would keep others waiting for hours.
const TURN: Duration = Duration::from_secs(5);

/// Whether a unit is withheld from a destination, of which nothing is out yet. One without new rows
/// is not: nothing of it is sent.
fn is_withheld(pacing: &Pacing, unit: &Unit, now: i64) -> bool {
    unit.admitted > 0 && pacing.is_too_old(unit.listed.log_date, now)
}

/// A lane's turn at a destination, as far as the destination's pace is concerned.
#[derive(Debug)]
pub(crate) struct Paced {
    began: Instant,
    /// Whether the unit at hand is a backfill's.
    pub(crate) backfilled: bool,
    /// Whether what is not new has had its turn.
    pub(crate) makes_way: bool,
}

impl Paced {
    /// Begins now.
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), backfilled: false, makes_way: false }
    }
}

impl Run<'_> {
    /// Those of a lane's units that are to be sent. The others are withheld.
    pub(crate) async fn young(
        &mut self,
        outbox: Vec<(Unit, Delivery)>,
    ) -> Result<Vec<(Unit, Delivery)>> {
        let Some(Pace { pacing, .. }) = self.outlet.pace() else { return Ok(outbox) };
        let (old, young): (Vec<_>, Vec<_>) =
            outbox.into_iter().partition(|(unit, delivery)| self.is_old(unit, delivery));
        let (Some((first, _)), Some(max_age)) = (old.first(), pacing.max_age) else {
            return Ok(young);
        };
        let connector = self.connector;
        let units = old.len() as u64;
        let rows: i64 = old.iter().map(|(unit, _)| unit.admitted).sum();
        let max_age = ConfigDuration::new(max_age);
        let reason = format!(
            "{WITHHELD}: at {} its period had begun longer than max_age, {max_age}, ago",
            rfc3339(clock::now())
        );
        let ids: Vec<UnitId> = old.iter().map(|(unit, _)| unit.id).collect();
        connector.ledger.withhold(&self.lease, &ids, &reason, clock::now()).await?;
        tracing::warn!(
            connector = connector.name(),
            destination = self.outlet.name(),
            event_type = first.listed.lane.event_type,
            day = first.listed.lane.day,
            log_files = units,
            rows,
            code = WITHHELD,
            "withheld: older than the destination's max_age, {max_age}"
        );
        if connector.hold.room() {
            connector.work.notify_waiters();
        }
        if let Some(delivered) = connector.progress.destinations.get(self.outlet.name()) {
            Progress::add(&delivered.withheld, units);
        }
        Ok(young)
    }

    fn is_old(&self, unit: &Unit, delivery: &Delivery) -> bool {
        delivery.position == 0
            && self.outlet.pace().is_some_and(|it| is_withheld(&it.pacing, unit, clock::now()))
    }

    /// Takes a unit up, unless it is left for the lane's next turn: it has become too old in this
    /// one, or is not new and makes way.
    pub(crate) fn takes_up(&mut self, unit: &Unit, delivery: &Delivery) -> bool {
        self.paced.backfilled = delivery.backfilled;
        !(self.is_old(unit, delivery) || (self.paced.makes_way && delivery.backfilled))
    }

    /// Writes a batch when the destination's rate admits it. Answers false where the unit is left
    /// at the batch before, for another turn.
    pub(crate) async fn write_in_turn(
        &mut self,
        unit: &Unit,
        cut: Cut,
        replay: Option<&Replay>,
    ) -> Result<bool> {
        let is_new = replay.is_none() && !self.paced.backfilled;
        if !self.may_write(&cut.batch, is_new).await? {
            return Ok(false);
        }
        self.write(unit, cut, replay).await?;
        Ok(true)
    }

    async fn may_write(&mut self, batch: &Batch, is_new: bool) -> Result<bool> {
        let events = batch.events.len();
        let outlet = self.outlet;
        let Some(pace) = outlet.pace().filter(|_| events > 0) else { return Ok(true) };
        // Of a unit that is shown as a whole, half is of no use.
        let must_go_on = pace.whole_units && batch.rows.start > 0;
        let last = self.paced.began + TURN;
        if !is_new && !must_go_on && Instant::now() > last {
            self.paced.makes_way = true;
            return Ok(false);
        }
        if let Some(rate) = pace.backfill.as_ref().filter(|_| !is_new) {
            let now = Instant::now();
            let start = if must_go_on {
                Some(rate.reserve(events, now))
            } else {
                rate.reserve_by(events, now, last)
            };
            let Some(start) = start else {
                self.paced.makes_way = true;
                self.wait_until(last).await?;
                return Ok(false);
            };
            if !self.wait_until(start).await? {
                return Ok(false);
            }
        }
        match &pace.all {
            Some(rate) => self.wait_until(rate.reserve(events, Instant::now())).await,
            None => Ok(true),
        }
    }

    /// Keeps the lease meanwhile. Answers false when somebody says stop.
    async fn wait_until(&mut self, start: Instant) -> Result<bool> {
        loop {
            let now = Instant::now();
            if start <= now {
                return Ok(true);
            }
            tokio::select! {
                () = sleep_until(start.min(now + LEASE / 4)) => {}
                () = self.connector.cancel.cancelled() => return Ok(false),
            }
            self.prolong().await?;
        }
    }
}
