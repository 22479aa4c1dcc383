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
//! Rows go from the first reading ([`Preparing`]) to a job of its crew that makes events of them,
//! counts what they say ([`Encoder`]), and to another that writes them to the destination
//! ([`Writer`]).
//!
//! Nothing here is in the ledger, and nothing depends on it: a preparation that fails is left out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orgtap_codec::csv::{Blocks, Reader, Rows};
use orgtap_destinations::{Destination, Stream};
use orgtap_events::UnitInfo;
use orgtap_events::raw::{Plan, When};
use orgtap_ledger::{Rollup, UnitId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admit::decisions::Decided;
use crate::counting::Counter;
use crate::crew::{Crew, Who};
use crate::cut::{Cut, Cutter};

mod encode;
mod guess;
#[cfg(test)]
mod tests;
mod waiting;
mod write;

use self::encode::{Encoded, Encoder, Part};
use self::guess::Guess;
use self::write::{Writer, Written};

/// Units prepared at a time, over all connectors. More would wait for one another.
const UNITS: usize = 2;
/// A destination that takes nothing for so long does not keep the download waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// Buffers of rows that wait to be made events of, at most.
const BUFFERS: usize = 4;

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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Prepared {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { ready: Arc::default(), room: Arc::new(Semaphore::new(UNITS)) }
    }

    fn ready(&self) -> MutexGuard<'_, HashMap<UnitId, Ready>> {
        lock(&self.ready)
    }

    /// Begins to prepare a unit, if there is room for another.
    pub(crate) fn begin(
        &self,
        destination: &Arc<dyn Destination>,
        unit: &Arc<UnitInfo>,
        counter: Counter,
    ) -> Option<Preparing> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let cutter = Cutter::new(Arc::clone(unit), destination.limits(), 0);
        let writer = Arc::new(Writer::new(destination));
        let encoder = Encoder::new(unit, cutter, counter, Arc::clone(&writer));
        let encoder = Arc::new(encoder);
        let crew = Arc::new(Crew::default());
        crew.take_on(Who::Helpers, &writer);
        crew.take_on(Who::Anyone, &encoder);
        let destination = destination.name().to_owned();
        let (guess, known) = (Guess::default(), Vec::new());
        let encoder = Some(encoder);
        let preparing = Preparing { crew, destination, guess, known, encoder, writer, room };
        Some(preparing)
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

/// The reading side of a preparation: is told of each row that a reader that gathers gives out, and
/// hands the gathered rows on.
pub(crate) struct Preparing {
    crew: Arc<Crew>,
    destination: String,
    guess: Guess,
    /// Of the rows given out and not yet handed on.
    known: Vec<Known>,
    /// None once it has failed.
    encoder: Option<Arc<Encoder>>,
    writer: Arc<Writer>,
    room: OwnedSemaphorePermit,
}

impl Preparing {
    /// Who works on it, and may on the unit's other jobs.
    pub(crate) const fn crew(&self) -> &Arc<Crew> {
        &self.crew
    }

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
            if let Some(used) = self.encoder.as_ref().and_then(|encoder| encoder.used()) {
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

    /// Ends the unit, which has so many rows, and waits until all but the last batch is written.
    /// Answers the delivery, if it was prepared, and what the rows say, if that was counted.
    pub(crate) fn finish(mut self, rows: u64) -> (Option<Ready>, Option<Rollup>) {
        self.send(Part::End(rows));
        let encoded = self.encoder.take().and_then(|encoder| self.soon(|| encoder.outcome()));
        let Encoded { last, rollup } = encoded.unwrap_or_default();
        let written = self.soon(|| self.writer.outcome()).and_then(Result::ok);
        let Self { destination, guess, room, .. } = self;
        let ready = last.zip(written).map(|(last, written)| {
            let Written { stream, events, bytes } = written;
            Ready { destination, stream, events, bytes, last, guess, _room: room }
        });
        (ready, rollup)
    }

    /// Waits for something of the jobs; but not for a destination that takes nothing, and not for
    /// ever.
    fn soon<T>(&self, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        self.crew.within(PATIENCE, &mut ready).or_else(|| {
            self.writer.give_up();
            self.crew.within(PATIENCE, ready)
        })
    }

    fn hand(&mut self, rows: Rows) {
        // The row at hand may be in the next buffer already.
        let later = self.known.split_off(rows.len().min(self.known.len()));
        let known = std::mem::replace(&mut self.known, later);
        self.send(Part::Rows(rows, known));
    }

    fn send(&mut self, part: Part) {
        if self.guess.is_hopeless() {
            self.writer.give_up();
        }
        let Some(encoder) = self.encoder.take() else { return };
        let mut part = Some(part);
        self.encoder = self.soon(|| encoder.take(&mut part)).map(|()| encoder);
    }
}
