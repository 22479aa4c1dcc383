//! The side that writes batches to the destination.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use orgtap_destinations::{Batch, Destination, Stream};
use tokio::runtime::Handle;

use super::lock;
use super::waiting::Waiting;
use crate::crew::Job;

/// Batches that wait to be written. No more are made then; those of the rows at hand come besides.
const BATCHES: usize = 2;

/// The job, with what waits for it.
pub(super) struct Writer {
    /// Whether nothing more is to be written: it has failed, or is of no use.
    over: AtomicBool,
    waiting: Waiting<Batch>,
    work: Mutex<Work>,
}

/// One is at a time.
struct Work {
    runtime: Handle,
    destination: Arc<dyn Destination>,
    written: Written,
}

/// Nothing more is written.
pub(super) struct GaveUp;

/// What was written of a unit.
#[derive(Default)]
pub(super) struct Written {
    /// None until there is something to write.
    pub(super) stream: Option<Box<dyn Stream>>,
    pub(super) events: u64,
    pub(super) bytes: usize,
}

impl Writer {
    pub(super) fn new(destination: &Arc<dyn Destination>) -> Self {
        let (runtime, destination) = (Handle::current(), Arc::clone(destination));
        let work = Work { runtime, destination, written: Written::default() };
        Self { over: AtomicBool::new(false), waiting: Waiting::default(), work: Mutex::new(work) }
    }

    /// Writes nothing more.
    pub(super) fn give_up(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more is written.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether there is room for more.
    pub(super) fn has_room(&self) -> bool {
        self.is_over() || self.waiting.len() < BATCHES
    }

    /// Takes a batch.
    pub(super) fn take(&self, batch: Batch) {
        self.waiting.push(batch);
    }

    /// What was written, when nothing is left to write.
    pub(super) fn outcome(&self) -> Option<Result<Written, GaveUp>> {
        let done = self.waiting.is_done();
        if self.is_over() {
            return Some(Err(GaveUp));
        }
        done.then(|| Ok(std::mem::take(&mut lock(&self.work).written)))
    }
}

impl Job for Writer {
    fn help(&self, _: bool) -> bool {
        self.waiting.next(1, |batch| {
            if !self.is_over() && lock(&self.work).write(batch).is_none() {
                self.give_up();
            }
        })
    }
}

impl Work {
    /// Writes one more batch. What fails here is found again, and told, by the delivery itself.
    fn write(&mut self, batch: Batch) -> Option<()> {
        let Self { runtime, destination, written } = self;
        written.events += batch.events.len() as u64;
        written.bytes += batch.events.ndjson().len();
        let stream = match &mut written.stream {
            Some(stream) => stream,
            none => none.insert(runtime.block_on(destination.open()).ok()?),
        };
        let receipt = stream.write_blocking(batch, runtime).ok()?;
        receipt.rejected.is_empty().then_some(())
    }
}
