//! The side that makes batches of what is handed on, and counts what they say.

use std::sync::{Arc, Mutex};

use orgtap_codec::csv::Rows;
use orgtap_events::UnitInfo;
use orgtap_events::raw::Plan;
use orgtap_ledger::Rollup;

use super::waiting::Waiting;
use super::write::Writer;
use super::{BUFFERS, Known, lock};
use crate::counting::Counter;
use crate::crew::Job;
use crate::cut::{Cut, Cutter};

/// What is handed on.
pub(super) enum Part {
    /// The header was read.
    Plan(Box<Plan>),
    /// Rows, with what is known of each.
    Rows(Rows, Vec<Known>),
    /// That was all: so many rows.
    End(u64),
}

/// What came of all parts.
#[derive(Default)]
pub(super) struct Encoded {
    /// The last batch.
    pub(super) last: Option<Cut>,
    pub(super) rollup: Option<Rollup>,
}

/// The job, with what waits for it and what it is done with.
pub(super) struct Encoder {
    waiting: Waiting<Part>,
    used: Mutex<Vec<Rows>>,
    writer: Arc<Writer>,
    work: Mutex<Work>,
}

/// One is at a time.
struct Work {
    unit: Arc<UnitInfo>,
    plan: Option<Box<Plan>>,
    /// None once nothing is written any more.
    cutter: Option<Cutter>,
    counter: Counter,
    outcome: Option<Encoded>,
}

impl Encoder {
    pub(super) fn new(
        unit: &Arc<UnitInfo>,
        cutter: Cutter,
        counter: Counter,
        writer: Arc<Writer>,
    ) -> Self {
        let (unit, cutter) = (Arc::clone(unit), Some(cutter));
        let work = Work { unit, plan: None, cutter, counter, outcome: None };
        Self { waiting: Waiting::default(), used: Mutex::default(), writer, work: Mutex::new(work) }
    }

    /// Takes a part, if there is room.
    pub(super) fn take(&self, part: &mut Option<Part>) -> Option<()> {
        (self.waiting.len() < BUFFERS).then(|| part.take().map(|part| self.waiting.push(part)))?
    }

    /// Rows that are done with.
    pub(super) fn used(&self) -> Option<Rows> {
        lock(&self.used).pop()
    }

    /// What came of it, when all was worked on.
    pub(super) fn outcome(&self) -> Option<Encoded> {
        self.waiting.is_done().then(|| lock(&self.work).outcome.take())?
    }
}

impl Job for Encoder {
    fn help(&self, pressing: bool) -> bool {
        let least = if pressing { BUFFERS / 2 + 1 } else { 1 };
        self.writer.has_room()
            && self.waiting.next(least, |part| {
                let used = lock(&self.work).part(part, &self.writer);
                lock(&self.used).extend(used);
            })
    }
}

impl Work {
    /// Works on the next part. Gives its rows back.
    fn part(&mut self, part: Part, writer: &Writer) -> Option<Rows> {
        match part {
            Part::Plan(plan) => {
                self.counter.header(&self.unit, plan.names());
                self.plan = Some(plan);
            }
            Part::Rows(rows, known) => {
                if let Some(plan) = self.plan.take() {
                    self.rows(&plan, &rows, &known, writer);
                    self.plan = Some(plan);
                }
                return Some(rows);
            }
            Part::End(rows) => {
                let last = self.cutter.take().map(|mut cutter| cutter.cut(rows, true));
                let counter = std::mem::take(&mut self.counter);
                self.outcome = Some(Encoded { last, rollup: counter.finish() });
            }
        }
        None
    }

    fn rows(&mut self, plan: &Plan, rows: &Rows, known: &[Known], writer: &Writer) {
        if writer.is_over() {
            self.cutter = None;
        }
        if self.cutter.is_none() && !self.counter.is_on() {
            return;
        }
        for (row, known) in rows.iter().zip(known).filter(|(_, known)| known.nth > 0) {
            let Known { number, hash, when, nth } = *known;
            let cutter = self.cutter.as_mut();
            if let Some(Cut { batch, .. }) =
                cutter.and_then(|one| one.add(plan, &row, when, hash, nth.into(), number))
            {
                writer.take(batch);
            }
            if self.counter.is_on() {
                self.counter.row(&row, when.at);
            }
        }
    }
}
