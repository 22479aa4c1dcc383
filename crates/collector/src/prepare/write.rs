//! The side that writes batches to the destination.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use orgtap_destinations::{Batch, Destination, Stream};
use tokio::runtime::Handle;

use super::lock;
use crate::crew::Job;

/// Batches that wait to be written. No more are made then; those of the rows at hand come besides.
const BATCHES: usize = 2;

/// The job, with what waits for it.
pub(super) struct Writer {
    /// Whether nothing more is to be written: it has failed, or is of no use.
    over: AtomicBool,
    waiting: Mutex<Waiting>,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// Whether somebody is at the one before them.
    busy: bool,
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
        Self { over: AtomicBool::new(false), waiting: Mutex::default(), work: Mutex::new(work) }
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
        self.is_over() || lock(&self.waiting).batches.len() < BATCHES
    }

    /// Takes a batch.
    pub(super) fn take(&self, batch: Batch) {
        lock(&self.waiting).batches.push_back(batch);
    }

    /// What was written, when nothing is left to write.
    pub(super) fn outcome(&self) -> Option<Result<Written, GaveUp>> {
        let waiting = lock(&self.waiting);
        if self.is_over() {
            return Some(Err(GaveUp));
        }
        let done = !waiting.busy && waiting.batches.is_empty();
        done.then(|| Ok(std::mem::take(&mut lock(&self.work).written)))
    }
}

impl Job for Writer {
    fn help(&self, _: bool) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiting.busy {
            return false;
        }
        let Some(batch) = waiting.batches.pop_front() else { return false };
        waiting.busy = true;
        drop(waiting);
        if !self.is_over() && lock(&self.work).write(batch).is_none() {
            self.give_up();
        }
        lock(&self.waiting).busy = false;
        true
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
