//! The ledger's contract: what any database behind it must do.
//!
//! # Rules, checked by one suite over every implementation
//!
//! 1. Every method is one transaction: it happened wholly or not at all, and once it has
//!    answered it survives a crash of process or machine.
//! 2. Progress is a delta. A write that says `from -> to` is refused when the stored position is
//!    not `from` ([`LedgerError::Delta`]). Nothing is ever moved backwards.
//! 3. A lane is worked on under a [`Lease`]. Each grant of a lane has a higher epoch; a write that
//!    carries an old epoch or comes after expiry was taken over by another is refused
//!    ([`LedgerError::Fenced`]).
//! 4. States change only by [`unit::apply`](crate::unit::apply).
//! 5. Listing the same unit again changes nothing.
//! 6. Times come from the caller, in microseconds since 1970 UTC.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::LedgerError;
use crate::account::{Account, Kind, LogDates};
use crate::backfill::{Backfill, BackfillId, BackfillState, NewBackfill};
use crate::record::{
    ApiCalls, ConnectorRecord, Cursor, DeadLetter, Delivery, DeliveryDelta, Happened, Lane,
    LaneWork, Lease, Listed, NewUnit, Overview, Paused, RecordChange, Summary, Unit, UnitId,
};
use crate::replay::{
    Letter, LetterChoice, LetterCount, LetterId, LettersAsked, Replay, ReplayId, UnitChoice,
};
use crate::unit::{Event, State};

/// What a ledger asks when a write meets a full disk. The ledger itself never waits.
#[async_trait]
pub trait WhenFull: Send + Sync {
    /// Nothing of the write was written, for the `tries`-th time (from 1): waits for room and
    /// answers whether it is to be tried again. Other writes go on being tried meanwhile.
    async fn is_to_try_again(&self, tries: u32) -> bool;

    /// A write that had to wait has ended otherwise.
    fn has_room(&self);
}

/// The durable record. See the module's rules.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Makes the connector known with the destinations it has now. Unfinished deliveries to
    /// destinations it no longer has are dropped (finished ones stay as a record); units finished
    /// by that become done. Answers the names, sorted, whose deliveries were dropped with how many.
    async fn register(
        &self,
        connector: &str,
        destinations: &[String],
        now: i64,
    ) -> Result<Vec<(String, i64)>, LedgerError>;

    /// What is kept about a connector; empty for one never seen.
    async fn connector(&self, connector: &str) -> Result<ConnectorRecord, LedgerError>;

    /// Replaces what is kept about a connector, but for [`ConnectorRecord::paused`].
    async fn set_connector(
        &self,
        connector: &str,
        record: &ConnectorRecord,
    ) -> Result<(), LedgerError> {
        let record = record.clone();
        self.change_connector(connector, Box::new(move |kept| *kept = record.clone())).await
    }

    /// Changes what is kept about a connector, but for [`ConnectorRecord::paused`]. Nobody else
    /// changes it between what `change` sees and what it leaves.
    async fn change_connector(
        &self,
        connector: &str,
        change: RecordChange<'_>,
    ) -> Result<(), LedgerError>;

    /// Pauses a connector, or ends that.
    async fn set_paused(&self, connector: &str, paused: Option<&Paused>)
    -> Result<(), LedgerError>;

    /// Names of the connectors that are paused, sorted. Cheap enough for every second.
    async fn paused(&self) -> Result<Vec<String>, LedgerError>;

    /// How far discovery has come. `track` tells listings of one connector apart, for example
    /// `event_log_files/Hourly`.
    async fn cursor(&self, connector: &str, track: &str) -> Result<Option<Cursor>, LedgerError>;

    /// Records a page of a listing, and moves the cursor `from -> to` in the same transaction.
    /// `to` equal to `from` records without moving.
    async fn list(
        &self,
        connector: &str,
        track: &str,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Result<Listed, LedgerError>;

    /// Lanes of a connector with work due for a stage (`collect`, or `deliver:NAME`) at `now` and
    /// no live lease on it, at most `limit`: those with anything but a backfill's units first, then
    /// oldest file first, then by day and event type. A unit that waits out a failure is not due; at
    /// a destination, where units go in order, neither is the rest of its lane.
    async fn due(
        &self,
        connector: &str,
        stage: &str,
        now: i64,
        limit: usize,
    ) -> Result<Vec<LaneWork>, LedgerError>;

    /// When the earliest unit that now waits out a failure may be tried again, over all stages.
    async fn next_due(&self, connector: &str, now: i64) -> Result<Option<i64>, LedgerError>;

    /// Makes everything of a connector that waits out a failure due at once, with its failures
    /// forgotten: a person asked for it. The notes stay.
    async fn wake(&self, connector: &str) -> Result<(), LedgerError>;

    /// Makes every disputed unit of a connector fetched again, with its reason forgotten and its
    /// letter closed: what it was disputed under has changed. Answers how many.
    async fn reconsider(&self, connector: &str, now: i64) -> Result<u64, LedgerError>;

    /// Takes the right to a lane's stage, unless somebody holds it, the same owner included.
    async fn lease(
        &self,
        lane: &Lane,
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Result<Option<Lease>, LedgerError> {
        Ok(self.lease_each(std::slice::from_ref(lane), stage, owner, now, ttl).await?.pop())
    }

    /// [`Ledger::lease`] for many lanes: answers the leases of those nobody held, in their order.
    async fn lease_each(
        &self,
        lanes: &[Lane],
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Result<Vec<Lease>, LedgerError>;

    /// Prolongs a lease.
    async fn renew(&self, lease: &Lease, now: i64, ttl: i64) -> Result<Lease, LedgerError>;

    /// Gives a lease back. One that is no longer held is left alone.
    async fn release(&self, lease: &Lease) -> Result<(), LedgerError> {
        self.release_each(std::slice::from_ref(lease)).await
    }

    /// [`Ledger::release`] for many leases.
    async fn release_each(&self, leases: &[Lease]) -> Result<(), LedgerError>;

    /// Ends every lease, whoever holds it. Only for a process that knows it is alone.
    async fn break_leases(&self) -> Result<(), LedgerError>;

    /// All units of a lane, in the order they are handled: hourly before daily, then by log date,
    /// sequence, creation, id.
    async fn units(&self, lane: &Lane) -> Result<Vec<Unit>, LedgerError>;

    /// One unit.
    async fn unit(&self, unit: UnitId) -> Result<Unit, LedgerError>;

    /// Moves a unit by an event, with the dead letters that belong to it. Clears its failures. On
    /// [`Event::Admitted`] the deliveries to the connector's destinations are opened, at 0.
    /// [`Event::Delivered`] is refused here: it comes of [`Ledger::deliver`] alone, as
    /// [`Event::Reconsidered`] comes of [`Ledger::reconsider`].
    async fn apply(
        &self,
        lease: &Lease,
        unit: UnitId,
        event: &Event,
        dead_letters: &[DeadLetter],
        now: i64,
    ) -> Result<State, LedgerError> {
        let (event, dead_letters) = (event.clone(), dead_letters.to_vec());
        let states = self.apply_each(lease, &[Happened { unit, event, dead_letters }], now).await?;
        states.last().copied().ok_or(LedgerError::NoUnit(unit))
    }

    /// [`Ledger::apply`] for several events of the lane's units, in order, all or none. A unit may
    /// occur more than once. Answers the state after each event.
    async fn apply_each(
        &self,
        lease: &Lease,
        events: &[Happened],
        now: i64,
    ) -> Result<Vec<State>, LedgerError>;

    /// Counts a failure at the lease's stage: not to be tried again before `not_before`. Under
    /// `collect` it is the unit's failure, under `deliver:NAME` that of its delivery to NAME.
    async fn postpone(
        &self,
        lease: &Lease,
        unit: UnitId,
        not_before: i64,
        note: &str,
    ) -> Result<(), LedgerError>;

    /// What of a lane a destination has not finished, in the order it is handled: the units that
    /// are admitted, each with how far the destination has come.
    async fn outbox(
        &self,
        lane: &Lane,
        destination: &str,
    ) -> Result<Vec<(Unit, Delivery)>, LedgerError>;

    /// How far each destination has come in a unit.
    async fn deliveries(&self, unit: UnitId) -> Result<Vec<Delivery>, LedgerError>;

    /// Moves a destination through units and replays, all or none. A step that gets further clears
    /// the delivery's failures. A replay's step closes the open dead letters of the rows it
    /// delivered; those refused again stay open with the new reason. A unit whose last destination is done becomes [`State::Done`] in the
    /// same transaction.
    async fn deliver(
        &self,
        lease: &Lease,
        deltas: &[DeliveryDelta],
        now: i64,
    ) -> Result<(), LedgerError>;

    /// Finishes deliveries of a lane's units without sending anything, all or none: what happens to
    /// the destination of a lease `deliver:NAME` alone. Refused for one that has begun or is
    /// finished. A unit whose last destination is done by that becomes [`State::Done`]. A replay of
    /// the whole unit that is done later makes the delivery an ordinary one, with its counts.
    async fn withhold(
        &self,
        lease: &Lease,
        units: &[UnitId],
        reason: &str,
        now: i64,
    ) -> Result<(), LedgerError>;

    /// Open dead letters of a connector, newest first.
    async fn dead_letters(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, LedgerError> {
        let choice = LetterChoice { payload: true, ..LetterChoice::of(connector) };
        let letters = self.letters(&choice, limit).await?;
        Ok(letters.into_iter().map(|found| found.letter).collect())
    }

    /// Dead letters by choice, newest first.
    async fn letters(
        &self,
        choice: &LetterChoice,
        limit: usize,
    ) -> Result<Vec<Letter>, LedgerError>;

    /// How many dead letters a choice has, by code and destination.
    async fn letter_counts(&self, choice: &LetterChoice) -> Result<Vec<LetterCount>, LedgerError>;

    /// Closes open dead letters: a person decided that they need not be delivered. Answers how
    /// many were open.
    async fn dismiss(&self, letters: &[LetterId], now: i64) -> Result<u64, LedgerError>;

    /// Removes the closed dead letters of a lane, whose rows are forgotten. Answers how many.
    async fn forget_letters(&self, lane: &Lane) -> Result<u64, LedgerError>;

    /// Asks for what open dead letters stand for to be tried again: rows and units a destination
    /// did not get are replayed there, undecodable units are listed anew and disputed ones decided
    /// again, with their letters closed.
    /// Rows that could not be decoded stay as they are, and so do letters of destinations that are not
    /// registered.
    async fn replay_letters(
        &self,
        letters: &[LetterId],
        now: i64,
    ) -> Result<LettersAsked, LedgerError>;

    /// Units by choice that can be replayed to a destination: they are admitted or done, and
    /// neither on their way there for the first time nor asked for already. Oldest log date first.
    async fn replayable(
        &self,
        choice: &UnitChoice,
        destination: &str,
    ) -> Result<Vec<Unit>, LedgerError>;

    /// Asks for whole units to be sent again to a destination. Those that are not
    /// [replayable](Ledger::replayable) there are passed over. Answers how many were asked for.
    async fn replay_units(
        &self,
        units: &[UnitId],
        destination: &str,
        now: i64,
    ) -> Result<u64, LedgerError>;

    /// What of a lane is still to be replayed to a destination, in the order it was asked for.
    async fn replays(
        &self,
        lane: &Lane,
        destination: &str,
    ) -> Result<Vec<(Unit, Replay)>, LedgerError>;

    /// Replays of a connector, the last asked for first.
    async fn replays_of(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<(Unit, Replay)>, LedgerError>;

    /// Counts a failure of a replay: not to be tried again before `not_before`.
    async fn postpone_replay(
        &self,
        lease: &Lease,
        replay: ReplayId,
        not_before: i64,
        note: &str,
    ) -> Result<(), LedgerError>;

    /// Ends a replay that can never be done, perhaps with a dead letter that stands for the unit
    /// at this destination; an open one of before is renewed.
    async fn fail_replay(
        &self,
        lease: &Lease,
        replay: ReplayId,
        dead_letter: Option<&DeadLetter>,
        note: &str,
        now: i64,
    ) -> Result<(), LedgerError>;

    /// Records that a unit's bytes, released before, are in the spool again. Under the lease of any
    /// stage of its lane.
    async fn spooled_again(
        &self,
        lease: &Lease,
        unit: UnitId,
        spool_path: &str,
        spool_bytes: i64,
    ) -> Result<(), LedgerError>;

    /// Final units whose bytes are still in the spool and that became final before a time, oldest
    /// first; without those that have open dead letters or replays. Never a [`State::Rejected`]
    /// or [`State::Disputed`] one: its bytes are all there is.
    async fn releasable(&self, before: i64, limit: usize) -> Result<Vec<Unit>, LedgerError>;

    /// Bytes of all units in the spool, whatever their connector.
    async fn spooled_bytes(&self) -> Result<i64, LedgerError>;

    /// Records that units' bytes left the spool. Refused for one that is not final. Answers how many
    /// of them had rows to deliver that are in no rollup, and now will be in none.
    async fn spool_released(&self, units: &[UnitId]) -> Result<u64, LedgerError>;

    /// Units of a connector that are on their way, with how far each destination has come, at most
    /// `limit`: those to collect, then those to deliver, each the oldest file first.
    async fn at_work(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<(Unit, Vec<Delivery>)>, LedgerError>;

    /// Counts for status.
    async fn summary(&self, connector: &str) -> Result<Summary, LedgerError>;

    /// Everything status asks, of every connector there is a record of, with the calls of a UTC day.
    /// The cost does not depend on how many units there ever were.
    async fn overview(&self, day: &str) -> Result<BTreeMap<String, Overview>, LedgerError>;

    /// Which kinds of units there are, by event type and interval.
    async fn kinds(&self, dates: LogDates<'_>) -> Result<Vec<Kind>, LedgerError>;

    /// Units of an event type in the order a lane handles them, each with its rows by hour and its
    /// deliveries.
    async fn accounts(
        &self,
        dates: LogDates<'_>,
        event_type: &str,
    ) -> Result<Vec<Account>, LedgerError>;

    /// Adds calls to what was counted of a connector.
    async fn count_calls(&self, connector: &str, calls: &[ApiCalls]) -> Result<(), LedgerError>;

    /// The calls of a connector from a UTC day on, by day and purpose.
    async fn api_calls(&self, connector: &str, since: &str) -> Result<Vec<ApiCalls>, LedgerError>;

    /// Records the wish for a backfill. One with the same wish that is under way is that one.
    async fn begin_backfill(&self, wish: &NewBackfill, now: i64)
    -> Result<BackfillId, LedgerError>;

    /// [`Ledger::list`] for an open backfill: with a cursor of its own, and the units come after
    /// all others in [`Ledger::due`]. Refused when it is not open.
    async fn feed_backfill(
        &self,
        backfill: BackfillId,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Result<Listed, LedgerError>;

    /// Moves a backfill from the state it is in to another, if
    /// [`BackfillState::may_become`] says so.
    async fn move_backfill(
        &self,
        backfill: BackfillId,
        from: BackfillState,
        to: BackfillState,
        now: i64,
    ) -> Result<(), LedgerError>;

    /// The backfills of a connector, newest first.
    async fn backfills(&self, connector: &str) -> Result<Vec<Backfill>, LedgerError>;

    /// Names of all connectors ever registered.
    async fn connectors(&self) -> Result<Vec<String>, LedgerError>;
}
