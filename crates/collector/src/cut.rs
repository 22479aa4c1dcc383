//! Events into batches.
//!
//! Where a batch ends depends only on the rows, the position it starts from and the destination's
//! limits: a re-read cuts the same batches with the same ids.

use std::sync::Arc;

use bytes::Bytes;
use orgtap_codec::csv::Row;
use orgtap_destinations::{Batch, Events, Limits};
use orgtap_events::UnitInfo;
use orgtap_events::raw::{self, Plan, When};
use xxhash_rust::xxh3::xxh3_128;

/// Room is made for a multiple of so many bytes.
const ROOM: usize = 1 << 14;

/// A batch, with the row each of its events came from.
#[derive(Debug)]
pub(crate) struct Cut {
    /// For the destination.
    pub(crate) batch: Batch,
    /// The row of each event, from 0.
    pub(crate) rows: Vec<u64>,
}

/// Cuts events into batches.
#[derive(Debug)]
pub(crate) struct Cutter {
    unit: Arc<UnitInfo>,
    limits: Limits,
    from: u64,
    /// Whether the rows are dead letters.
    pub(crate) letters: bool,
    buffer: Vec<u8>,
    ends: Vec<u32>,
    times: Vec<i64>,
    rows: Vec<u64>,
}

impl Cutter {
    /// Begins before row `from`.
    pub(crate) fn new(unit: Arc<UnitInfo>, limits: Limits, from: u64) -> Self {
        Self {
            unit,
            limits,
            from,
            letters: false,
            buffer: Vec::new(),
            ends: Vec::new(),
            times: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// After the last row taken.
    pub(crate) fn end(&self) -> u64 {
        self.rows.last().map_or(self.from, |row| row + 1)
    }

    /// The next row taken is `row`: what came before is cut, if other rows lie between.
    pub(crate) fn pass_over_to(&mut self, row: u64) -> Option<Cut> {
        let end = self.end();
        let cut = (row > end && !self.ends.is_empty()).then(|| self.cut(end, false));
        if self.ends.is_empty() {
            self.from = row;
        }
        cut
    }

    /// Takes a row that is the `nth` of its kind. Answers the batch before it, if its event no
    /// longer fits there.
    pub(crate) fn add(
        &mut self,
        plan: &Plan,
        row: &Row<'_>,
        when: When,
        hash: u128,
        nth: u64,
        number: u64,
    ) -> Option<Cut> {
        let start = self.buffer.len();
        plan.encode(row, when, hash, nth, number + 1, &mut self.buffer);
        let size = self.buffer.len() - start + 1;
        let full = !self.ends.is_empty()
            && (self.ends.len() >= self.limits.events || start + size > self.limits.bytes);
        let before = full.then(|| {
            let event = self.buffer.split_off(start);
            let cut = self.cut(number, false);
            self.buffer.extend_from_slice(&event);
            cut
        });
        self.ends.push(self.buffer.len() as u32);
        self.buffer.push(b'\n');
        self.times.push(when.at);
        self.rows.push(number);
        before
    }

    /// Cuts what is there; the batch stands for the rows up to `to`.
    pub(crate) fn cut(&mut self, to: u64, ends_unit: bool) -> Cut {
        let rows = std::mem::replace(&mut self.from, to)..to;
        let more = !ends_unit;
        let ndjson = Bytes::from(take(&mut self.buffer, more));
        let events = Events::new(ndjson, take(&mut self.ends, more), take(&mut self.times, more));
        let batch = Batch {
            id: batch_id(&self.unit, &rows),
            unit: Arc::clone(&self.unit),
            rows,
            ends_unit,
            letters: self.letters,
            events,
        };
        Cut { batch, rows: take(&mut self.rows, more) }
    }
}

/// Takes what is there. If there is more to come, leaves room for as much and the event after it
/// that no longer fits. Mostly that is the same room each time, so that the allocator gives the same
/// memory again.
fn take<T>(full: &mut Vec<T>, more: bool) -> Vec<T> {
    let room = (full.len() + full.len() / 32).next_multiple_of(ROOM / size_of::<T>());
    std::mem::replace(full, Vec::with_capacity(if more { room } else { 0 }))
}

/// The same for the same rows of the same unit in the same format, for ever.
fn batch_id(unit: &UnitInfo, rows: &std::ops::Range<u64>) -> String {
    let text =
        format!("{}\n{}\n{}\n{}\n{}", unit.org_id, unit.key(), rows.start, rows.end, raw::VERSION);
    format!("{:032x}", xxh3_128(text.as_bytes()))
}
