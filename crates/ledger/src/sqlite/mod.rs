//! The ledger in one SQLite file: for one machine, any number of processes.
//!
//! Here are only the opening and the transaction around each method; the statements are in the
//! modules by what they are about, except for what is SQLite's own, which is in `dialect`.

mod account;
mod api_call;
mod backfill;
mod connector;
mod console;
mod dead_letter;
mod deliver;
mod dialect;
mod due;
mod dump;
mod file;
mod lease;
mod listing;
mod migrate;
mod progress;
mod replay;
mod rollup;
mod rows;
mod script;
mod status;
#[cfg(test)]
mod tests;
mod work;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::unit::State;
use crate::{
    Account, ApiCalls, Backfill, BackfillId, BackfillState, Closing, ConnectorRecord, Cursor,
    DeadLetter, Delivery, DeliveryDelta, Happened, Kind, Lane, LaneWork, Lease, Ledger,
    LedgerError, Letter, LetterChoice, LetterCount, LetterId, LettersAsked, Listed, LogDates,
    NewBackfill, NewUnit, Overview, Paused, RecordChange, Replay, ReplayId, Summary, Unit,
    UnitChoice, UnitId, WhenFull,
};
use dialect::Stop;
use file::LedgerFile;
use writer::Writer;

pub use dump::{DumpedRow, Restore};

/// Does the work of a write in one transaction; again, when there was no room for it and whoever
/// waits for that says so.
macro_rules! written {
    ($self:ident, $begin:ident, $end:ident, |$tx:ident| $work:expr) => {{
        let mut tries = 0;
        loop {
            let done = match $self.writer.$begin().await {
                Ok(mut $tx) => {
                    let done = $work.await;
                    $tx.$end(done).await
                }
                Err(stop) => Err(stop.into()),
            };
            if !$self.again(done.as_ref().err(), &mut tries).await {
                return done;
            }
        }
    }};
}
/// [`written`] for work that is done within a transaction.
macro_rules! whole {
    ($self:ident, |$tx:ident| $work:expr) => {
        written!($self, begin, finish, |$tx| $work)
    };
}
/// [`written`] for work that begins and commits its transaction by itself.
macro_rules! scripted {
    ($self:ident, |$tx:ident| $work:expr) => {
        written!($self, take, settle, |$tx| $work)
    };
}

/// Reads on the writing connection while nobody writes, otherwise on one for reading.
macro_rules! between {
    ($self:ident, |$conn:ident| $work:expr) => {{
        if let Some(mut $conn) = $self.writer.try_take() {
            let found = $work.await;
            return $conn.keep(found);
        }
        let mut $conn = $self.reader().await?;
        Ok($work.await?)
    }};
}
pub(super) use between;

/// Connections for reading at the same time; reads are short.
const READERS: u32 = 3;

/// A [`Ledger`] in an SQLite file.
///
/// What the stages ask between their writes is read on the writing connection while nobody writes,
/// because a write makes all others forget the pages they hold. No read waits for a write.
pub struct SqliteLedger {
    writer: Writer,
    readers: SqlitePool,
    when_full: Option<Arc<dyn WhenFull>>,
}

impl SqliteLedger {
    /// Opens the ledger in a file, making or updating it where needed. Its folder must be there.
    ///
    /// # Errors
    /// [`LedgerError::Newer`] for one written by a newer Orgtap, which is left as it is;
    /// [`LedgerError::Corrupt`] for a file that is damaged, emptied, or something else.
    pub async fn open(path: &Path) -> Result<Self, LedgerError> {
        let owned = path.to_owned();
        let file = tokio::task::spawn_blocking(move || LedgerFile::prepare(&owned))
            .await
            .map_err(|error| LedgerError::Database(error.into()))??;
        let writer = Writer::open(path).await?;
        let mut conn = writer.take().await?;
        migrate::bring_up_to_date(&mut conn, file.is_new()).await?;
        let journal: String = sqlx::query_scalar(dialect::JOURNAL_MODE)
            .fetch_one(&mut *conn)
            .await
            .map_err(Stop::from)?;
        if journal != "wal" {
            tracing::warn!(journal, "the ledger's file system has no shared memory; slower");
        }
        conn.give_back();
        file.made()?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .test_before_acquire(false)
            .connect_lazy_with(dialect::reader(path));
        Ok(Self { writer, readers, when_full: None })
    }

    /// Has writes that meet a full disk tried again for as long as it says.
    #[must_use]
    pub fn when_full(mut self, when_full: Arc<dyn WhenFull>) -> Self {
        self.when_full = Some(when_full);
        self
    }

    /// Whether a write that ended so is to be tried again.
    async fn again(&self, failure: Option<&LedgerError>, tries: &mut u32) -> bool {
        let Some(when_full) = &self.when_full else { return false };
        if let Some(LedgerError::DiskFull(_)) = failure {
            *tries += 1;
            return when_full.is_to_try_again(*tries).await;
        }
        if *tries > 0 {
            when_full.has_room();
        }
        false
    }

    /// Closes the file. Not needed for safety, but leaves one file instead of three.
    pub async fn close(self) -> Result<(), LedgerError> {
        self.readers.close().await;
        Ok(self.writer.close().await?)
    }

    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, Stop> {
        Ok(self.readers.acquire().await?)
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    async fn register(
        &self,
        connector: &str,
        destinations: &[String],
        now: i64,
    ) -> Result<Vec<(String, i64)>, LedgerError> {
        whole!(self, |tx| connector::register(&mut tx, connector, destinations, now))
    }

    async fn connector(&self, connector: &str) -> Result<ConnectorRecord, LedgerError> {
        between!(self, |conn| connector::record(&mut conn, connector))
    }

    async fn change_connector(
        &self,
        connector: &str,
        change: RecordChange<'_>,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| connector::change_record(&mut tx, connector, &change))
    }

    async fn set_paused(
        &self,
        connector: &str,
        paused: Option<&Paused>,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| connector::set_paused(&mut tx, connector, paused))
    }

    async fn paused(&self) -> Result<Vec<String>, LedgerError> {
        between!(self, |conn| connector::paused(&mut conn))
    }

    async fn cursor(&self, connector: &str, track: &str) -> Result<Option<Cursor>, LedgerError> {
        between!(self, |conn| listing::cursor(&mut conn, connector, track))
    }

    async fn list(
        &self,
        connector: &str,
        track: &str,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Result<Listed, LedgerError> {
        let page = listing::Page { connector, track, units, from, to };
        whole!(self, |tx| listing::list(&mut tx, &page, now))
    }

    async fn due(
        &self,
        connector: &str,
        stage: &str,
        now: i64,
        limit: usize,
    ) -> Result<Vec<LaneWork>, LedgerError> {
        between!(self, |conn| due::due(&mut conn, connector, stage, now, limit))
    }

    async fn wake(&self, connector: &str) -> Result<(), LedgerError> {
        whole!(self, |tx| due::wake(&mut tx, connector))
    }

    async fn reconsider(&self, connector: &str, now: i64) -> Result<u64, LedgerError> {
        whole!(self, |tx| progress::reconsider(&mut tx, connector, now))
    }

    async fn next_due(&self, connector: &str, now: i64) -> Result<Option<i64>, LedgerError> {
        between!(self, |conn| due::next_due(&mut conn, connector, now))
    }

    async fn lease_each(
        &self,
        lanes: &[Lane],
        stage: &str,
        owner: &str,
        now: i64,
        ttl: i64,
    ) -> Result<Vec<Lease>, LedgerError> {
        let wish = lease::Wish { stage, owner, now, ttl };
        whole!(self, |tx| lease::take(&mut tx, lanes, &wish))
    }

    async fn renew(&self, lease: &Lease, now: i64, ttl: i64) -> Result<Lease, LedgerError> {
        whole!(self, |tx| lease::renew(&mut tx, lease, now, ttl))
    }

    async fn release_each(&self, leases: &[Lease]) -> Result<(), LedgerError> {
        scripted!(self, |tx| lease::release(&mut tx, leases))
    }

    async fn break_leases(&self) -> Result<(), LedgerError> {
        whole!(self, |tx| lease::break_all(&mut tx))
    }

    async fn units(&self, lane: &Lane) -> Result<Vec<Unit>, LedgerError> {
        between!(self, |conn| progress::units(&mut conn, lane))
    }

    async fn unit(&self, unit: UnitId) -> Result<Unit, LedgerError> {
        between!(self, |conn| progress::unit(&mut conn, unit))
    }

    async fn apply_each(
        &self,
        lease: &Lease,
        events: &[Happened],
        now: i64,
    ) -> Result<Vec<State>, LedgerError> {
        scripted!(self, |tx| progress::apply(&mut tx, lease, events, now))
    }

    async fn postpone(
        &self,
        lease: &Lease,
        unit: UnitId,
        not_before: i64,
        note: &str,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| progress::postpone(&mut tx, lease, unit, not_before, note))
    }

    async fn outbox(
        &self,
        lane: &Lane,
        destination: &str,
    ) -> Result<Vec<(Unit, Delivery)>, LedgerError> {
        between!(self, |conn| deliver::outbox(&mut conn, lane, destination))
    }

    async fn deliveries(&self, unit: UnitId) -> Result<Vec<Delivery>, LedgerError> {
        between!(self, |conn| deliver::deliveries(&mut conn, unit))
    }

    async fn deliver(
        &self,
        lease: &Lease,
        deltas: &[DeliveryDelta],
        now: i64,
    ) -> Result<(), LedgerError> {
        scripted!(self, |tx| deliver::deliver(&mut tx, lease, deltas, now))
    }

    async fn withhold(
        &self,
        lease: &Lease,
        units: &[UnitId],
        reason: &str,
        now: i64,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| deliver::withhold(&mut tx, lease, units, reason, now))
    }

    async fn letters(
        &self,
        choice: &LetterChoice,
        limit: usize,
    ) -> Result<Vec<Letter>, LedgerError> {
        Ok(dead_letter::newest(&mut *self.reader().await?, choice, limit).await?)
    }

    async fn letter_counts(&self, choice: &LetterChoice) -> Result<Vec<LetterCount>, LedgerError> {
        Ok(dead_letter::counts(&mut *self.reader().await?, choice).await?)
    }

    async fn dismiss(&self, letters: &[LetterId], now: i64) -> Result<u64, LedgerError> {
        whole!(self, |tx| dead_letter::close(&mut tx, letters, Closing::Dismissed, now))
    }

    async fn forget_letters(&self, lane: &Lane) -> Result<u64, LedgerError> {
        whole!(self, |tx| dead_letter::forget(&mut tx, lane))
    }

    async fn replay_letters(
        &self,
        letters: &[LetterId],
        now: i64,
    ) -> Result<LettersAsked, LedgerError> {
        whole!(self, |tx| replay::ask_letters(&mut tx, letters, now))
    }

    async fn replayable(
        &self,
        choice: &UnitChoice,
        destination: &str,
    ) -> Result<Vec<Unit>, LedgerError> {
        Ok(replay::replayable(&mut *self.reader().await?, choice, destination).await?)
    }

    async fn replay_units(
        &self,
        units: &[UnitId],
        destination: &str,
        now: i64,
    ) -> Result<u64, LedgerError> {
        whole!(self, |tx| replay::ask_units(&mut tx, units, destination, now))
    }

    async fn replays(
        &self,
        lane: &Lane,
        destination: &str,
    ) -> Result<Vec<(Unit, Replay)>, LedgerError> {
        between!(self, |conn| replay::of_lane(&mut conn, lane, destination))
    }

    async fn replays_of(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<(Unit, Replay)>, LedgerError> {
        Ok(replay::newest(&mut *self.reader().await?, connector, limit).await?)
    }

    async fn postpone_replay(
        &self,
        lease: &Lease,
        replay: ReplayId,
        not_before: i64,
        note: &str,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| replay::postpone(&mut tx, lease, replay, not_before, note))
    }

    async fn fail_replay(
        &self,
        lease: &Lease,
        replay: ReplayId,
        dead_letter: Option<&DeadLetter>,
        note: &str,
        now: i64,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| replay::fail(&mut tx, lease, replay, dead_letter, note, now))
    }

    async fn spooled_again(
        &self,
        lease: &Lease,
        unit: UnitId,
        spool_path: &str,
        spool_bytes: i64,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| replay::spooled_again(&mut tx, lease, unit, spool_path, spool_bytes))
    }

    async fn releasable(&self, before: i64, limit: usize) -> Result<Vec<Unit>, LedgerError> {
        Ok(status::releasable(&mut *self.reader().await?, before, limit).await?)
    }

    async fn spooled_bytes(&self) -> Result<i64, LedgerError> {
        Ok(status::spooled_bytes(&mut *self.reader().await?).await?)
    }

    async fn spool_released(&self, units: &[UnitId]) -> Result<u64, LedgerError> {
        whole!(self, |tx| status::spool_released(&mut tx, units))
    }

    async fn at_work(
        &self,
        connector: &str,
        limit: usize,
    ) -> Result<Vec<(Unit, Vec<Delivery>)>, LedgerError> {
        Ok(work::at_work(&self.readers, connector, limit).await?)
    }

    async fn summary(&self, connector: &str) -> Result<Summary, LedgerError> {
        Ok(status::summary(&self.readers, connector).await?)
    }

    async fn overview(&self, day: &str) -> Result<BTreeMap<String, Overview>, LedgerError> {
        Ok(status::overview(&self.readers, day).await?)
    }

    async fn kinds(&self, dates: LogDates<'_>) -> Result<Vec<Kind>, LedgerError> {
        Ok(account::kinds(&mut *self.reader().await?, dates).await?)
    }

    async fn accounts(&self, dates: LogDates<'_>, name: &str) -> Result<Vec<Account>, LedgerError> {
        Ok(account::accounts(&self.readers, dates, name).await?)
    }

    async fn count_calls(&self, connector: &str, calls: &[ApiCalls]) -> Result<(), LedgerError> {
        whole!(self, |tx| api_call::count(&mut tx, connector, calls))
    }

    async fn api_calls(&self, connector: &str, since: &str) -> Result<Vec<ApiCalls>, LedgerError> {
        Ok(api_call::since(&mut *self.reader().await?, connector, since).await?)
    }

    async fn begin_backfill(
        &self,
        wish: &NewBackfill,
        now: i64,
    ) -> Result<BackfillId, LedgerError> {
        whole!(self, |tx| backfill::begin(&mut tx, wish, now))
    }

    async fn feed_backfill(
        &self,
        backfill: BackfillId,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Result<Listed, LedgerError> {
        whole!(self, |tx| backfill::feed(&mut tx, backfill, units, from, to, now))
    }

    async fn move_backfill(
        &self,
        backfill: BackfillId,
        from: BackfillState,
        to: BackfillState,
        now: i64,
    ) -> Result<(), LedgerError> {
        whole!(self, |tx| backfill::set_state(&mut tx, backfill, from, to, now))
    }

    async fn backfills(&self, connector: &str) -> Result<Vec<Backfill>, LedgerError> {
        between!(self, |conn| backfill::all(&mut conn, connector))
    }

    async fn connectors(&self) -> Result<Vec<String>, LedgerError> {
        Ok(connector::names(&mut *self.reader().await?).await?)
    }
}
