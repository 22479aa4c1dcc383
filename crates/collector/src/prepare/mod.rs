//! Delivery prepared while a unit is still being downloaded.
//!
//! Most units are the first of their lane and hold no row twice, or those close together. So while
//! the first reading finds out whether a unit is whole and what of it is new, the guess that all of
//! it is, each row another or one that was seen a moment ago, is written to a destination that can
//! forget it: one that shows a unit when it has ended and not before
//! ([`Destination::forgets_unfinished`]). The unit's last batch is held back. When the unit is
//! admitted, and exactly as was guessed, the delivery begins with that batch. Otherwise the stream
//! is dropped, nobody has seen anything, and the unit is read a second time as ever.
//!
//! Rows go from the first reading ([`Preparing`]) to a thread that makes events of them, and counts
//! what they say, since it has time to ([`encode`]). Events go on to the destination ([`write`]).
//!
//! Nothing here is in the ledger, and nothing depends on it: a preparation that fails is left out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orgtap_codec::csv::{Blocks, Reader, Rows};
use orgtap_destinations::{Destination, Stream};
use orgtap_events::UnitInfo;
use orgtap_events::raw::{Plan, When};
use orgtap_ledger::{Rollup, UnitId};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::admit::decisions::Decided;
use crate::counting::Counter;
use crate::cut::{Cut, Cutter};
use crate::queue::{self, queue};

mod guess;
#[cfg(test)]
mod tests;

pub(crate) use self::guess::Guess;

/// Units prepared at a time, over all connectors. More would wait for one another.
const UNITS: usize = 2;
/// Buffers of rows on their way to the thread that makes events of them, at most.
const BUFFERS: usize = 6;
/// A destination that takes nothing for so long does not keep the download waiting.
const PATIENCE: Duration = Duration::from_secs(2);

/// The units that are prepared. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Prepared {
    ready: Arc<Mutex<HashMap<UnitId, Ready>>>,
    room: Arc<Semaphore>,
}

/// A unit all of which but the last batch is written to a destination, and its guess.
pub(crate) struct Ready {
    /// The destination's name.
    pub(crate) destination: String,
    /// The stream, in the middle of the unit; none if the unit has but one batch.
    pub(crate) stream: Option<Box<dyn Stream>>,
    /// Events written to it.
    pub(crate) events: u64,
    /// Bytes written to it.
    pub(crate) bytes: usize,
    /// What is left to write.
    pub(crate) last: Cut,
    guess: Guess,
    _room: OwnedSemaphorePermit,
}

impl Ready {
    /// Whether the unit was admitted as was guessed. `record` is its admission record, if it has
    /// one.
    pub(crate) fn agrees(&self, decided: &Decided, record: &Path) -> bool {
        // A record that cannot be read is found again, and told, by the second reading.
        self.guess.agrees(decided, record).unwrap_or_default()
    }
}

impl Prepared {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { ready: Arc::default(), room: Arc::new(Semaphore::new(UNITS)) }
    }

    fn ready(&self) -> MutexGuard<'_, HashMap<UnitId, Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to prepare a unit, if there is room for another.
    pub(crate) fn begin(
        &self,
        destination: &Arc<dyn Destination>,
        unit: &Arc<UnitInfo>,
        counter: Counter,
    ) -> Option<(Preparing, Writing)> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let cutter = Cutter::new(Arc::clone(unit), destination.limits(), 0);
        let (parts, received) = queue(BUFFERS);
        let (empty, used) = sync_channel(BUFFERS + 1);
        let (batches, cuts) = mpsc::channel(1);
        let encoding = Encoding { unit: Arc::clone(unit), cutter: Some(cutter), counter };
        let encoder =
            tokio::task::spawn_blocking(move || encoding.run(&received, &empty, &batches));
        let writer = tokio::spawn(write(Arc::clone(destination), cuts));
        let destination = destination.name().to_owned();
        let (guess, known) = (Guess::default(), Vec::new());
        let preparing = Preparing { guess, hopeless: false, known, parts: Some(parts), used };
        Some((preparing, Writing { destination, encoder, writer, room }))
    }

    /// Keeps a unit for its delivery.
    pub(crate) fn put(&self, unit: UnitId, ready: Ready) {
        self.ready().insert(unit, ready);
    }

    /// The unit, if it is prepared for this destination.
    pub(crate) fn take(&self, unit: UnitId, destination: &str) -> Option<Ready> {
        let mut all = self.ready();
        let here = all.get(&unit).is_some_and(|ready| ready.destination == destination);
        if here { all.remove(&unit) } else { None }
    }

    /// A unit's preparation is of no use.
    pub(crate) fn forget(&self, unit: UnitId) {
        self.ready().remove(&unit);
    }
}

/// What is known of a row that was read.
#[derive(Debug, Clone, Copy)]
struct Known {
    number: u64,
    hash: u128,
    when: When,
    /// Its number among identical rows, from 1; 0 if it is no event.
    nth: u32,
}

/// What goes to the thread that makes events.
enum Part {
    /// The header was read.
    Plan(Box<Plan>),
    /// Rows, with what is known of each.
    Rows(Rows, Vec<Known>),
    /// The guess has come to nothing.
    Hopeless,
    /// That was all: so many rows.
    End(u64),
}

/// The reading side of a preparation: is told of each row that a reader that gathers gives out, and
/// hands the gathered rows on.
pub(crate) struct Preparing {
    guess: Guess,
    /// Whether the end of the guess was told.
    hopeless: bool,
    /// Of the rows given out and not yet handed on.
    known: Vec<Known>,
    /// None once it has failed.
    parts: Option<queue::Sender<Part>>,
    used: Receiver<Rows>,
}

impl Preparing {
    /// The header was given out as a row.
    pub(crate) fn header(&mut self, plan: &Plan) {
        self.row(None, 0);
        self.send(Part::Plan(Box::new(plan.clone())));
    }

    /// A row was given out, with its hash and time if it is an event.
    pub(crate) fn row(&mut self, event: Option<(u128, When)>, number: u64) {
        let nth = event.map_or(0, |(hash, _)| self.guess.nth(hash, number));
        let (hash, when) = event.unwrap_or_default();
        self.known.push(Known { number, hash, when, nth });
    }

    /// Hands on what is gathered so far. To be called after each item.
    pub(crate) fn hand_on<B: Blocks>(&mut self, reader: &mut Reader<B>) {
        while let Some(rows) = reader.take_full() {
            self.hand(rows);
            while let Ok(used) = self.used.try_recv() {
                reader.reuse(used);
            }
        }
    }

    /// Hands on the last rows.
    pub(crate) fn hand_on_rest<B: Blocks>(&mut self, reader: &mut Reader<B>) {
        while let Some(rest) = reader.take_rest() {
            self.hand(rest);
        }
    }

    /// Ends the unit, which has so many rows. Answers what is taken for granted of them, unless
    /// the preparation has failed.
    pub(crate) fn finish(mut self, rows: u64) -> Option<Guess> {
        self.send(Part::End(rows));
        (self.parts.is_some() && !self.hopeless).then_some(self.guess)
    }

    fn hand(&mut self, rows: Rows) {
        // The row at hand may be in the next buffer already.
        let later = self.known.split_off(rows.len().min(self.known.len()));
        let known = std::mem::replace(&mut self.known, later);
        self.send(Part::Rows(rows, known));
    }

    fn send(&mut self, part: Part) {
        if self.parts.as_ref().is_some_and(|parts| parts.send(part).is_err()) {
            self.parts = None;
        }
        if self.guess.is_hopeless() && !self.hopeless {
            self.hopeless = true;
            self.send(Part::Hopeless);
        }
    }
}

/// The writing side of a preparation.
pub(crate) struct Writing {
    destination: String,
    encoder: JoinHandle<Encoded>,
    writer: JoinHandle<Option<Written>>,
    room: OwnedSemaphorePermit,
}

impl Writing {
    /// Waits until all but the last batch is written. Answers the delivery, if it was prepared, and
    /// what the rows say, if that was counted.
    pub(crate) async fn finish(self, guess: Option<Guess>) -> (Option<Ready>, Option<Rollup>) {
        let Encoded { last, rollup } = self.encoder.await.unwrap_or_default();
        let Self { destination, writer, room, .. } = self;
        let ready = async {
            let (last, guess) = (last?, guess?);
            let Written { stream, events, bytes } = writer.await.ok()??;
            Some(Ready { destination, stream, events, bytes, last, guess, _room: room })
        };
        (ready.await, rollup)
    }
}

/// The side that makes batches of what is handed on, and counts it.
struct Encoding {
    unit: Arc<UnitInfo>,
    /// None once the preparation has failed.
    cutter: Option<Cutter>,
    counter: Counter,
}

/// What came of it.
#[derive(Default)]
struct Encoded {
    /// The last batch.
    last: Option<Cut>,
    rollup: Option<Rollup>,
}

impl Encoding {
    fn run(
        mut self,
        parts: &queue::Receiver<Part>,
        used: &SyncSender<Rows>,
        batches: &mpsc::Sender<Cut>,
    ) -> Encoded {
        let mut plan = None;
        while let Some(part) = parts.recv() {
            match (part, &plan) {
                (Part::Plan(header), _) => {
                    self.counter.header(&self.unit, header.names());
                    plan = Some(header);
                }
                (Part::Rows(rows, known), Some(plan)) => {
                    self.rows(plan, &rows, &known, batches);
                    // When there are used ones enough, or no more needed, these are dropped.
                    drop(used.try_send(rows));
                }
                (Part::Hopeless, _) => self.cutter = None,
                (Part::End(rows), _) => {
                    let last = self.cutter.map(|mut cutter| cutter.cut(rows, true));
                    return Encoded { last, rollup: self.counter.finish() };
                }
                (Part::Rows(..), None) => break,
            }
            if self.cutter.is_none() && !self.counter.is_on() {
                break;
            }
        }
        Encoded::default()
    }

    fn rows(&mut self, plan: &Plan, rows: &Rows, known: &[Known], batches: &mpsc::Sender<Cut>) {
        for (row, known) in rows.iter().zip(known).filter(|(_, known)| known.nth > 0) {
            let Known { number, hash, when, nth } = *known;
            let cutter = self.cutter.as_mut();
            if let Some(cut) =
                cutter.and_then(|one| one.add(plan, &row, when, hash, nth.into(), number))
                && Handle::current().block_on(batches.send_timeout(cut, PATIENCE)).is_err()
            {
                self.cutter = None;
            }
            if self.counter.is_on() {
                self.counter.row(&row, when.at);
            }
        }
    }
}

#[derive(Default)]
struct Written {
    stream: Option<Box<dyn Stream>>,
    events: u64,
    bytes: usize,
}

/// Writes what comes. What fails here is found again, and told, by the delivery itself.
async fn write(
    destination: Arc<dyn Destination>,
    mut cuts: mpsc::Receiver<Cut>,
) -> Option<Written> {
    let mut written = Written::default();
    while let Some(Cut { batch, .. }) = cuts.recv().await {
        if written.stream.is_none() {
            written.stream = Some(destination.open().await.ok()?);
        }
        written.events += batch.events.len() as u64;
        written.bytes += batch.events.ndjson().len();
        let receipt = written.stream.as_mut()?.write(batch).await.ok()?;
        if !receipt.rejected.is_empty() {
            return None;
        }
    }
    Some(written)
}
