//! What every destination promises, and the shapes that pass between it and the collector.
//!
//! # The contract
//!
//! 1. Batches of one [`Stream`] come in order. The collector writes the next batch after the
//!    answer to the one before.
//! 2. A receipt is *accepted* (the destination has it, a crash may lose it) or *durable* (this
//!    batch and every earlier one of this stream are safe). Only durable moves the ledger.
//!    [`Stream::flush`] is the barrier: it answers durable or fails. Only in the middle of a unit,
//!    a destination that shows whole units or nothing (files) answers *accepted*; every unit that
//!    has ended is safe then all the same.
//! 3. After an error, or a drop at any await, the stream is dead. The collector opens another and
//!    writes again everything after the last durable receipt, cut into the same batches with the
//!    same ids. What the target makes of such a repeat is in [`Promise::repeats`].
//! 4. A stream owns at most one batch at a time besides what the operating system buffers.
//! 5. A batch's events are refused one by one: [`Receipt::rejected`] names those that can never
//!    be delivered, with the reason. Everything else in the batch counts as delivered. When the
//!    target refuses *everything*, that is about the configuration: an error with
//!    [`Disposition::Pause`](orgtap_transport::Disposition::Pause), and no event is lost.
//! 6. Nothing here sleeps and tries again: waiting is the collector's.
//! 7. Neither errors nor logs show secrets or events.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use orgtap_events::UnitInfo;
use tokio::runtime::Handle;

use crate::{Error, Pace};

/// Encoded events, one after the other in one buffer, each one JSON object without a line end.
#[derive(Debug, Clone, Default)]
pub struct Events {
    /// The objects, each followed by one LF (so the whole buffer is NDJSON).
    ndjson: Bytes,
    /// End of each object in `ndjson`, without its LF.
    ends: Vec<u32>,
    /// Time of each event, microseconds since 1970 UTC.
    times: Vec<i64>,
}

impl Events {
    /// Wraps a buffer of NDJSON. `ends[i]` is where object `i` ends, before its LF.
    ///
    /// # Panics
    /// If the ends and times differ in number, or the ends do not lie in the buffer.
    pub fn new(ndjson: Bytes, ends: Vec<u32>, times: Vec<i64>) -> Self {
        assert_eq!(ends.len(), times.len(), "one time per event");
        let whole = ends.last().map_or(0, |end| *end as usize + 1);
        assert_eq!(ndjson.len(), whole, "the last event ends the buffer");
        Self { ndjson, ends, times }
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All events as NDJSON, the last line ended too.
    pub fn ndjson(&self) -> &Bytes {
        &self.ndjson
    }

    /// One event's JSON, without a line end.
    pub fn get(&self, index: usize) -> Option<Bytes> {
        let end = *self.ends.get(index)? as usize;
        let start = self.start(index);
        Some(self.ndjson.slice(start..end))
    }

    /// One event's time, microseconds since 1970 UTC.
    pub fn time(&self, index: usize) -> Option<i64> {
        self.times.get(index).copied()
    }

    /// Each event's JSON with its time.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], i64)> {
        (0..self.len()).filter_map(|index| {
            let end = *self.ends.get(index)? as usize;
            Some((self.ndjson.get(self.start(index)..end)?, *self.times.get(index)?))
        })
    }

    /// The events of a part, sharing the buffer.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let start = self.start(range.start);
        let ends: Vec<u32> =
            self.ends[range.clone()].iter().map(|end| end - start as u32).collect();
        let stop = start + ends.last().map_or(0, |end| *end as usize + 1);
        Self { ndjson: self.ndjson.slice(start..stop), ends, times: self.times[range].to_vec() }
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] as usize + 1 }
    }
}

/// What a destination gets in one write: events of one unit, in row order.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Derived from unit, row range and format version: the same for every repeat.
    pub id: String,
    /// Where the events come from.
    pub unit: Arc<UnitInfo>,
    /// Rows of the unit this batch stands for, counted from 0. Rows that were not admitted are in
    /// the range without an event, so there may be fewer events than rows, or none.
    pub rows: Range<u64>,
    /// Whether `rows` ends with the unit's last row. Every unit ends with such a batch, which may
    /// hold no events.
    pub ends_unit: bool,
    /// Whether this is of a replay of dead letters: only those rows of the unit come. Rows may lie
    /// between two batches then, and after the one that ends the unit.
    pub letters: bool,
    /// The events.
    pub events: Events,
}

/// A destination's answer to a write or flush.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Whether this batch and all earlier ones of the stream are safe.
    pub durable: bool,
    /// Events of this batch that can never be delivered.
    pub rejected: Vec<Rejected>,
}

impl Receipt {
    /// The destination has it; a crash may still lose it.
    pub fn accepted() -> Self {
        Self::default()
    }

    /// This and all before it are safe.
    pub fn durable() -> Self {
        Self { durable: true, rejected: Vec::new() }
    }
}

/// One event the destination will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Index of the event in the batch.
    pub index: usize,
    /// The target's reason, short, without the event.
    pub reason: String,
}

/// How much of "exactly once" is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarantee {
    /// The target forgets repeats: each event is there once.
    EffectivelyOnce,
    /// Nothing is lost; after a crash some events may come twice, with the same `event_uid`.
    AtLeastOnce,
    /// The protocol has no answer: events may be lost or repeated.
    BestEffort,
    /// Events are thrown away on purpose.
    Nothing,
}

impl Guarantee {
    /// The words used in documents, status and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EffectivelyOnce => "effectively once",
            Self::AtLeastOnce => "at least once",
            Self::BestEffort => "best effort",
            Self::Nothing => "nothing is kept",
        }
    }
}

/// What can still happen to events on the way to this target. Shown in status and documents, and
/// asserted by the contract suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// The level.
    pub guarantee: Guarantee,
    /// When an event can arrive twice; empty if never.
    pub repeats: &'static str,
    /// When an event can be lost; empty if never.
    pub loss: &'static str,
    /// When events of one unit can change order; empty if never.
    pub reorder: &'static str,
}

/// The largest batch a destination takes. A single event above `bytes` still comes, alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events per batch.
    pub events: usize,
    /// Bytes of NDJSON per batch.
    pub bytes: usize,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was proved, in a few words, for example `POST answered 200`.
    pub proof: String,
    /// What the check left behind at the target, if anything.
    pub leaves: Option<String>,
}

/// A place events go. Shared by the workers that deliver to it.
#[async_trait]
pub trait Destination: Send + Sync {
    /// The name in the configuration.
    fn name(&self) -> &str;

    /// The type in the configuration, for example `syslog`.
    fn kind(&self) -> &'static str;

    /// What can still happen to events.
    fn promise(&self) -> Promise;

    /// The largest batch.
    fn limits(&self) -> Limits;

    /// How fast the target takes events, and up to what age. It is the collector's to keep to it.
    fn pace(&self) -> Option<&Pace> {
        None
    }

    /// Whether a unit that has not ended leaves nothing behind when its stream is dropped, or its
    /// process dies: nobody sees anything of a unit before its last batch is written. Such a
    /// destination is given events of units that may yet turn out to be other than they seemed.
    fn forgets_unfinished(&self) -> bool {
        false
    }

    /// Proves reach and permission with a realistic event.
    async fn check(&self, sample: Batch) -> Result<Checked, Error>;

    /// Opens a stream. One worker uses it; several may be open at once, for different lanes.
    async fn open(&self) -> Result<Box<dyn Stream>, Error>;
}

/// One worker's ordered way into a destination.
#[async_trait]
pub trait Stream: Send {
    /// Writes one batch.
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error>;

    /// The same from a thread that may block, which no task of `runtime` runs on. A stream whose work
    /// blocks does it here and now, where [`write`](Self::write) has to hand it to another thread.
    fn write_blocking(&mut self, batch: Batch, runtime: &Handle) -> Result<Receipt, Error> {
        runtime.block_on(self.write(batch))
    }

    /// The barrier: makes every unit that has ended safe, or fails.
    ///
    /// Answers durable if that is everything written so far. After a unit's last batch it always
    /// is; in the middle of a unit a destination that only finishes whole units answers
    /// *accepted*.
    async fn flush(&mut self) -> Result<Receipt, Error>;
}
