//! Rows to be handed to another thread, together with the bytes they lie in.

use super::row::Row;
use super::scan::Cell;

/// Rows that lie in one buffer, in their order: what [`Reader::gathering`] gathers.
///
/// [`Reader::gathering`]: super::Reader::gathering
#[derive(Debug, Default)]
pub struct Rows {
    buffer: Vec<u8>,
    cells: Vec<Cell>,
    places: Vec<Place>,
}

/// Where one of the rows lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// How many of the cells are its or come before.
    cells: usize,
    start: usize,
    next: usize,
    offset: u64,
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let mut from = 0;
        self.places.iter().map(move |place| {
            let cells = self.cells.get(from..place.cells).unwrap_or_default();
            from = place.cells;
            let Place { start, next, offset, .. } = *place;
            Row { buffer: &self.buffer, cells, start, next, offset }
        })
    }

    /// Adds a row of the buffer that these rows will get. Its cells are there already, or come
    /// now. Answers them.
    pub(super) fn add(&mut self, more: &[Cell], start: usize, next: usize, offset: u64) -> &[Cell] {
        self.cells.extend_from_slice(more);
        let from = self.places.last().map_or(0, |place| place.cells);
        self.places.push(Place { cells: self.cells.len(), start, next, offset });
        self.cells.get(from..).unwrap_or_default()
    }

    /// Where the next row's cells may be put.
    pub(super) fn cells(&mut self) -> &mut Vec<Cell> {
        &mut self.cells
    }

    /// Gives these rows the buffer they lie in.
    pub(super) fn close(&mut self, buffer: Vec<u8>) {
        self.buffer = buffer;
    }

    /// Forgets the rows. Answers the buffer, which may be empty.
    pub(super) fn clear(&mut self) -> Vec<u8> {
        self.cells.clear();
        self.places.clear();
        std::mem::take(&mut self.buffer)
    }
}
