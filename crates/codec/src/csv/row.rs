//! A row, where it lies.

use std::borrow::Cow;

use super::scan::{CARE, Cell, DOUBLED};

/// A row in the reader's buffer.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub(super) buffer: &'a [u8],
    pub(super) cells: &'a [Cell],
    pub(super) start: usize,
    pub(super) next: usize,
    pub(super) offset: u64,
}

impl<'a> Row<'a> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no cells; never so for a row the reader gave.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Whether the cell has no content, or does not exist.
    pub fn is_blank(&self, index: usize) -> bool {
        self.cells.get(index).is_none_or(|cell| cell.is_blank())
    }

    /// A cell's content as written, doubled quotes still doubled, and whether there are any.
    pub fn written(&self, index: usize) -> Option<(&'a [u8], bool)> {
        let cell = self.cells.get(index)?;
        let written = self.buffer.get(cell.start()..cell.end())?;
        Some((written, cell.marks() & DOUBLED != 0))
    }

    /// Whether some cell may hold what is no ASCII, or a control character.
    pub fn needs_care(&self) -> bool {
        self.cells.iter().fold(0, |marks, cell| marks | cell.marks()) & CARE != 0
    }

    /// The cells, to be copied from [`Row::buffer`].
    pub(crate) fn cells(&self) -> &'a [Cell] {
        self.cells
    }

    /// What the cells are places in.
    pub(crate) fn buffer(&self) -> &'a [u8] {
        self.buffer
    }

    /// A cell's content.
    pub fn cell(&self, index: usize) -> Option<Cow<'a, [u8]>> {
        let (written, doubled) = self.written(index)?;
        Some(content(written, doubled))
    }

    /// The whole row as written, with its line end.
    pub fn raw(&self) -> &'a [u8] {
        self.buffer.get(self.start..self.next).unwrap_or_default()
    }

    /// Where the row starts in the stream, bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// The content of a cell that is written so, with or without doubled quotes.
pub fn content(written: &[u8], doubled: bool) -> Cow<'_, [u8]> {
    if doubled { Cow::Owned(undouble(written)) } else { Cow::Borrowed(written) }
}

/// Puts one quote for each two.
fn undouble(written: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(written.len());
    let mut rest = written;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        content.extend_from_slice(&rest[..=quote]);
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    content.extend_from_slice(rest);
    content
}
