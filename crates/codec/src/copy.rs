//! Copying short pieces, which is most of what is done to a row.
//!
//! Cells and column names have a dozen bytes or so: copying each by a call costs more than the
//! bytes. A [`Row`]'s pieces are copied in whole blocks instead, of which only what was meant is
//! counted, into room that was made for all of them together.

use crate::csv::{Cell, Row};

/// Bytes copied at a time; so much must follow a piece, and must be room after it.
pub(crate) const SLACK: usize = 32;

/// Text of which pieces are copied, with room behind it.
#[derive(Debug, Clone)]
pub(crate) struct Pieces {
    text: Vec<u8>,
    length: usize,
}

impl Pieces {
    /// Makes the text ready.
    pub(crate) fn new(mut text: Vec<u8>) -> Self {
        let length = text.len();
        text.resize(length + SLACK, 0);
        Self { text, length }
    }

    /// The text.
    pub(crate) fn text(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }
}

/// Appends pieces to a vector in which there is room for them.
#[derive(Debug)]
pub(crate) struct Appender<'a> {
    out: &'a mut Vec<u8>,
    at: usize,
    /// End of the room, [`SLACK`] aside.
    end: usize,
}

#[expect(unsafe_code, reason = "a check for each piece costs as much as the piece")]
impl<'a> Appender<'a> {
    /// Makes room for `room` bytes.
    pub(crate) fn new(out: &'a mut Vec<u8>, room: usize) -> Self {
        out.reserve(room + SLACK);
        let at = out.len();
        Self { out, at, end: at + room }
    }

    /// Appends `from[start..end]`, by blocks.
    ///
    /// # Safety
    ///
    /// `start <= end`, `end + SLACK` bytes can be read at `from`, and all that was appended since
    /// there was room fits there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call costs more than the copy")]
    unsafe fn blocks(&mut self, from: &[u8], start: usize, end: usize) {
        let length = end - start;
        debug_assert!(end + SLACK <= from.len() && self.at + length <= self.end);
        // SAFETY: the last block begins before `start + length`, or at `start`; so it ends before
        // `end + SLACK` where it is read, and before the room's end where it is written.
        unsafe {
            let (mut read, mut write) =
                (from.as_ptr().add(start), self.out.as_mut_ptr().add(self.at));
            let stop = write.add(length);
            loop {
                std::ptr::copy_nonoverlapping(read, write, SLACK);
                read = read.add(SLACK);
                write = write.add(SLACK);
                if write >= stop {
                    break;
                }
            }
        }
        self.at += length;
    }

    /// Appends `pieces[start..end]`; nothing when that is not there.
    ///
    /// # Safety
    ///
    /// All that was appended since there was room fits there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call costs more than the copy")]
    pub(crate) unsafe fn piece(&mut self, pieces: &Pieces, start: usize, end: usize) {
        if start <= end && end <= pieces.length {
            // SAFETY: SLACK bytes follow the text, and the caller vouches for the room.
            unsafe { self.blocks(&pieces.text, start, end) }
        }
    }

    /// Appends a cell of the row as it is written.
    ///
    /// # Safety
    ///
    /// The cell is one of the row's, and all that was appended since there was room fits there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call costs more than the copy")]
    pub(crate) unsafe fn cell(&mut self, row: &Row<'_>, cell: Cell) {
        // SAFETY: a reader's buffer has SLACK bytes behind every row, and the cells of a row are
        // inside it. The caller vouches for the room.
        unsafe { self.blocks(row.buffer(), cell.start(), cell.end()) }
    }

    /// Appends bytes of a number that is known at compile time.
    ///
    /// # Safety
    ///
    /// All that was appended since there was room fits there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call costs more than the copy")]
    pub(crate) unsafe fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        debug_assert!(self.at + N <= self.end);
        // SAFETY: the caller vouches for the room.
        unsafe { self.out.as_mut_ptr().add(self.at).cast::<[u8; N]>().write(bytes) }
        self.at += N;
    }

    /// Lets somebody append to the vector itself, and makes `room` again.
    pub(crate) fn aside(&mut self, room: usize, append: impl FnOnce(&mut Vec<u8>)) {
        self.finish();
        append(self.out);
        self.out.reserve(room + SLACK);
        self.at = self.out.len();
        self.end = self.at + room;
    }

    /// Counts what was appended as the vector's own.
    pub(crate) fn finish(&mut self) {
        // SAFETY: `at` only moves over bytes that were written, and not beyond the room.
        unsafe { self.out.set_len(self.at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        #[expect(unsafe_code, reason = "what is called is")]
        fn appends_what_lies_between_the_places_whatever_follows(
            before in prop::collection::vec(any::<u8>(), 0..50),
            text in prop::collection::vec(any::<u8>(), 0..200),
            places in prop::collection::vec((0_usize..220, 0_usize..220), 0..9),
        ) {
            let mut out = before.clone();
            let mut expected = before;
            let pieces = Pieces::new(text.clone());
            let mut appender = Appender::new(&mut out, places.len() * 220);
            for (start, length) in &places {
                // SAFETY: there is room for so many pieces of 220 bytes.
                unsafe { appender.piece(&pieces, *start, start + length) };
                expected.extend_from_slice(text.get(*start..start + length).unwrap_or_default());
            }
            appender.finish();
            prop_assert_eq!(out, expected);
        }
    }
}
