//! A stream of units into files, and when their files are made safe together.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use orgtap_events::UnitInfo;
use tokio::runtime::Handle;

use super::part::{Ended, Part, Place, settle};
use super::path::Rows;
use crate::error::Kind;
use crate::{Batch, Error, Receipt, Stream};

/// Complete units that wait to be synced together, at most.
const GROUP_UNITS: usize = 32;
/// Bytes of NDJSON they may hold together before they are synced.
const GROUP_BYTES: u64 = 4 << 20;

/// A worker's way into files.
pub(super) struct Files {
    place: Place,
    /// The unit being written, if one is.
    open: Option<Open>,
    /// Complete units that are not safe yet.
    ended: Vec<Ended>,
}

/// A unit between its first and its last batch.
struct Open {
    unit: Arc<UnitInfo>,
    rows: Rows,
    next_row: u64,
    /// None until there is an event.
    part: Option<Part>,
}

impl Files {
    /// A stream that has no file yet.
    pub(super) const fn new(place: Place) -> Self {
        Self { place, open: None, ended: Vec::new() }
    }

    /// The unit a batch goes on with or starts.
    fn unit_of(&mut self, batch: &Batch) -> Result<Open, Error> {
        let wrong = |detail: String| Error::new(Kind::Misused, &self.place.name, detail);
        let Some(open) = self.open.take() else {
            return Ok(Open {
                unit: Arc::clone(&batch.unit),
                rows: Rows::beginning_with(batch),
                next_row: batch.rows.start,
                part: None,
            });
        };
        if open.unit.key() != batch.unit.key() {
            return Err(wrong(format!("unit {} was left before its end", open.unit.key())));
        }
        let (next, start) = (open.next_row, batch.rows.start);
        let letters = matches!(open.rows, Rows::Letters(_));
        if letters != batch.letters {
            return Err(wrong(format!("row {start} came among those of another delivery")));
        }
        // Between dead letters lie rows that are none.
        if start < next || (start > next && !letters) {
            return Err(wrong(format!("row {next} was due and row {start} came")));
        }
        Ok(open)
    }

    /// Takes in what came of a batch.
    fn went_on(&mut self, (open, ended): (Open, Option<Ended>), ends_unit: bool) {
        self.open = (!ends_unit).then_some(open);
        self.ended.extend(ended);
    }

    /// Whether enough units have ended to be made safe.
    fn is_much(&self) -> bool {
        let bytes: u64 = self.ended.iter().map(|ended| ended.written).sum();
        self.ended.len() >= GROUP_UNITS || bytes >= GROUP_BYTES
    }

    /// Nothing is waiting to be made safe but what is still open.
    fn receipt(&self) -> Receipt {
        let durable = self.ended.is_empty() && self.open.is_none();
        Receipt { durable, rejected: Vec::new() }
    }

    /// Makes all complete units safe.
    async fn settle(&mut self) -> Result<(), Error> {
        let ended = std::mem::take(&mut self.ended);
        if ended.is_empty() {
            return Ok(());
        }
        off_thread(&self.place.name, move || settle(ended)).await
    }
}

/// Writes a batch. Answers how far its unit is, and its file if it has ended.
fn write(place: &Place, mut open: Open, batch: &Batch) -> Result<(Open, Option<Ended>), Error> {
    if !batch.events.is_empty() {
        let part = match open.part.take() {
            Some(part) => part,
            None => Part::create(place, &open.unit, open.rows)?,
        };
        open.part.insert(part).write(&batch.events)?;
    }
    open.next_row = batch.rows.end;
    let ended = if batch.ends_unit { open.part.take().map(Part::end) } else { None };
    Ok((open, ended.transpose()?))
}

#[async_trait]
impl Stream for Files {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        let open = self.unit_of(&batch)?;
        let (place, ends_unit) = (self.place.clone(), batch.ends_unit);
        // The file belongs to the closure: if this call is dropped, so is the file.
        let written = off_thread(&self.place.name, move || write(&place, open, &batch)).await?;
        self.went_on(written, ends_unit);
        if self.is_much() {
            self.settle().await?;
        }
        Ok(self.receipt())
    }

    fn write_blocking(&mut self, batch: Batch, _: &Handle) -> Result<Receipt, Error> {
        let open = self.unit_of(&batch)?;
        let written = write(&self.place, open, &batch)?;
        self.went_on(written, batch.ends_unit);
        if self.is_much() {
            settle(std::mem::take(&mut self.ended))?;
        }
        Ok(self.receipt())
    }

    /// Durable for all units that have ended; *accepted* if one has not.
    async fn flush(&mut self) -> Result<Receipt, Error> {
        self.settle().await?;
        Ok(Receipt { durable: self.open.is_none(), rejected: Vec::new() })
    }
}

/// Runs blocking work where it holds up nobody.
pub(super) async fn off_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => {
            let error = io::Error::other(error);
            Err(Error::new(Kind::Misused, name, "a blocking task ended early").with_source(error))
        }
    }
}
