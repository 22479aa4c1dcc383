//! A row as the members of a JSON object: the row loop's copying.

use crate::copy::{Appender, Pieces};
use crate::csv::{CARE, Cell, DOUBLED, Row};
use crate::json;

/// The columns' names, ready to be copied: `,"NAME":"`.
#[derive(Debug, Clone)]
pub struct Keys {
    /// All of them, one after the other.
    keys: Pieces,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Keys {
    /// For these columns; `names[i]` names cell `i`.
    pub fn new<S: AsRef<str>>(names: &[S]) -> Self {
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(names.len());
        for name in names {
            text.push(b',');
            json::string(&mut text, name.as_ref());
            text.extend_from_slice(b":\"");
            ends.push(text.len());
        }
        Self { keys: Pieces::new(text), ends }
    }

    /// A column's `,"NAME":"`.
    pub fn key(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let key = self.ends.get(index).and_then(|end| self.keys.text().get(start..*end));
        key.unwrap_or_default()
    }

    /// Appends `,"NAME":"value"` for each cell of the row that has content. The row should be
    /// UTF-8; other bytes are passed on as they are.
    #[expect(unsafe_code, reason = "room is made for the row at once, not for each piece")]
    pub fn write(&self, row: &Row<'_>, out: &mut Vec<u8>) {
        // All keys, their values as written, and a quote after each.
        let room = self.keys.text().len() + row.raw().len() + self.ends.len();
        let mut appender = Appender::new(out, room);
        let mut key = 0;
        for (cell, end) in row.cells().iter().zip(&self.ends) {
            let from = std::mem::replace(&mut key, *end);
            if cell.is_blank() {
                continue;
            }
            // SAFETY: each key, cell and quote is appended once, and there is room for them. A
            // row's cells do not overlap, so together they are no longer than the row.
            unsafe { appender.piece(&self.keys, from, *end) };
            if cell.marks() == 0 {
                // SAFETY: as above.
                unsafe { appender.cell(row, *cell) };
            } else {
                appender.aside(room, |out| with_care(out, row, *cell));
            }
            // SAFETY: as above.
            unsafe { appender.fixed([b'"']) };
        }
        appender.finish();
    }
}

fn with_care(out: &mut Vec<u8>, row: &Row<'_>, cell: Cell) {
    let written = row.buffer().get(cell.start()..cell.end()).unwrap_or_default();
    if cell.marks() & CARE == 0 {
        json::undoubled(out, written);
    } else if cell.marks() & DOUBLED == 0 {
        json::escape(out, written);
    } else {
        json::escape_doubled(out, written);
    }
}
