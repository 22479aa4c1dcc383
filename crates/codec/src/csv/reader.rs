//! Feeds the scanner from a stream of bytes, with a bounded buffer.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::blocks::{Block, Blocks, HEAD, Plain};
use super::index::Index;
use super::row::Row;
use super::rows::Rows;
use super::scan::{Cell, Malformed, Step, resync, scan_row};
use crate::copy::SLACK;

/// First size of the buffer, bytes; grows by doubling, for long rows only.
const START: usize = 128 * 1024;
/// Longest row, bytes, unless told otherwise.
const LONGEST: usize = 16 * 1024 * 1024;
/// Longest row that can be asked for: places in a buffer have 29 bits.
const LONGEST_EVER: usize = 256 * 1024 * 1024;
/// The most that is shown of a malformed row, bytes.
const SHOWN: usize = 64 * 1024;

/// What the reader gives.
#[derive(Debug)]
pub enum Item<'a> {
    /// A row.
    Row(Row<'a>),
    /// Bytes that are no row. The reader goes on after them.
    Malformed {
        /// Where they start in the stream, bytes.
        offset: u64,
        /// The bytes; their first 64 KiB if there are more.
        raw: &'a [u8],
        /// What is wrong.
        why: Malformed,
    },
}

/// The stream failed.
#[derive(Debug, thiserror::Error)]
#[error("reading failed after {offset} bytes")]
pub struct ReadError {
    /// How far it had come, bytes.
    pub offset: u64,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Reads rows from a stream of bytes.
#[derive(Debug)]
pub struct Reader<R> {
    stream: R,
    /// Made when it is first read into.
    buffer: Vec<u8>,
    /// Its first size.
    start: usize,
    /// Start of what is not yet given out.
    at: usize,
    /// End of what is filled.
    filled: usize,
    /// Offset in the stream of the buffer's first byte, which may stand before the stream.
    base: u64,
    ended: bool,
    /// Why the stream gives no more, once all it gave has been looked at.
    failure: Option<ReadError>,
    longest: usize,
    index: Index,
    cells: Vec<Cell>,
    /// The malformed bytes given out last.
    spare: Vec<u8>,
    /// Buffers of use for what is to come.
    free: Vec<Vec<u8>>,
    /// If rows are gathered: those given out.
    gathering: Option<Gathering>,
}

/// Rows given out, to be handed on.
#[derive(Debug, Default)]
struct Gathering {
    /// Those of the present buffer.
    rows: Rows,
    /// Those of buffers that are finished with, until they are taken.
    full: VecDeque<Rows>,
    /// Of use for rows to come.
    used: Vec<Rows>,
}

impl<R: Read> Reader<Plain<R>> {
    /// Starts reading. A byte order mark is passed over.
    pub fn new(stream: R) -> Self {
        Self::with_limit(stream, START, LONGEST)
    }

    /// Starts reading with a buffer of `start` bytes that may grow to `longest`, the longest row.
    pub fn with_limit(stream: R, start: usize, longest: usize) -> Self {
        Self::with(Plain(stream), start, longest)
    }
}

impl<B: Blocks> Reader<B> {
    /// Starts reading what comes in blocks, where it lies. A byte order mark is passed over.
    pub fn of_blocks(stream: B) -> Self {
        Self::with(stream, START, LONGEST)
    }

    pub(super) fn with(stream: B, start: usize, longest: usize) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            start: start.clamp(16, LONGEST_EVER),
            at: 0,
            filled: 0,
            base: 0,
            ended: false,
            failure: None,
            longest: longest.clamp(16, LONGEST_EVER),
            index: Index::new(),
            cells: Vec::with_capacity(64),
            spare: Vec::new(),
            free: Vec::new(),
            gathering: None,
        }
    }

    /// Gathers the rows that are given out, so that they can be handed to another thread.
    #[must_use]
    pub fn gathering(mut self) -> Self {
        self.gathering = Some(Gathering::default());
        self
    }

    /// Gathered rows of a buffer that is finished with, in their order. They wait here until they
    /// are taken, so it should be asked after each item.
    pub fn take_full(&mut self) -> Option<Rows> {
        self.gathering.as_mut()?.full.pop_front()
    }

    /// All gathered rows that are not taken yet, buffer by buffer. To be asked at the end.
    pub fn take_rest(&mut self) -> Option<Rows> {
        if let Some(full) = self.take_full() {
            return Some(full);
        }
        let gathering = self.gathering.as_mut()?;
        if gathering.rows.is_empty() {
            return None;
        }
        let mut rows = std::mem::take(&mut gathering.rows);
        rows.close(self.buffer.clone());
        Some(rows)
    }

    /// Takes rows back that are done with, so that their room need not be made anew.
    pub fn reuse(&mut self, mut rows: Rows) {
        if let Some(gathering) = &mut self.gathering {
            self.free.push(rows.clear());
            gathering.used.push(rows);
        }
    }

    /// Looks at the bytes in this way.
    #[cfg(test)]
    pub(super) fn by(mut self, way: super::mask::Way) -> Self {
        self.index = Index::by(way);
        self
    }

    /// Gives the stream back. What the reader had buffered is lost.
    pub fn into_inner(self) -> B {
        self.stream
    }

    /// The next row, or what stands in its place; `None` at the end.
    pub fn next_item(&mut self) -> Result<Option<Item<'_>>, ReadError> {
        loop {
            self.cells.clear();
            let cells = match &mut self.gathering {
                Some(gathering) => gathering.rows.cells(),
                None => &mut self.cells,
            };
            let known = cells.len();
            if let Some((start, next)) = self.index.next(&self.buffer, cells) {
                if next - start > self.longest {
                    cells.truncate(known);
                    self.at = start;
                    return self.pass_long_row().map(Some);
                }
                return Ok(Some(self.give(start, next)));
            }
            // Behind the lines it passed over.
            self.at = self.at.max(self.index.start());
            if self.offset(self.at) == 0 && !self.pass_byte_order_mark()? {
                continue;
            }
            if self.index.extend(&self.buffer, self.filled) {
                continue;
            }
            if !self.ended && self.index.has_no_row(&self.buffer[..self.filled]) {
                if self.filled - self.at > self.longest {
                    return self.pass_long_row().map(Some);
                }
                self.fill()?;
                continue;
            }
            self.pass_empty_lines();
            let window = &self.buffer[..self.filled];
            match scan_row(window, self.at, self.ended, &mut self.cells) {
                Ok(Step::Row { next }) if next - self.at > self.longest => {
                    return self.pass_long_row().map(Some);
                }
                Ok(Step::Row { next }) => {
                    self.index.restart(next);
                    return Ok(Some(self.give(self.at, next)));
                }
                Ok(Step::End) => return Ok(None),
                Ok(Step::More) if self.filled - self.at > self.longest => {
                    return self.pass_long_row().map(Some);
                }
                Ok(Step::More) => self.fill()?,
                Err(why) if self.reach(why) > self.longest => {
                    return self.pass_long_row().map(Some);
                }
                Err(why) => return self.pass_malformed(why).map(Some),
            }
        }
    }

    /// Gives out the row whose cells were found.
    fn give(&mut self, start: usize, next: usize) -> Item<'_> {
        self.at = next;
        let offset = self.offset(start);
        let cells = match &mut self.gathering {
            Some(gathering) => gathering.rows.add(&self.cells, start, next, offset),
            None => &self.cells,
        };
        Item::Row(Row { buffer: &self.buffer, cells, start, next, offset })
    }

    /// How far into the row its fault lies.
    fn reach(&self, why: Malformed) -> usize {
        match why {
            Malformed::AfterQuote { at } | Malformed::StrayQuote { at } => at - self.at,
            Malformed::Unterminated | Malformed::TooLong => self.filled - self.at,
        }
    }

    /// Answers false when more bytes were needed and have been asked for.
    fn pass_byte_order_mark(&mut self) -> Result<bool, ReadError> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let window = &self.buffer[self.at..self.filled];
        if window.len() < MARK.len() && !self.ended && MARK.starts_with(window) {
            self.fill()?;
            return Ok(false);
        }
        if window.starts_with(MARK) {
            self.at += MARK.len();
            self.index.restart(self.at);
        }
        Ok(true)
    }

    fn pass_empty_lines(&mut self) {
        let before = self.at;
        while self.at < self.filled {
            match &self.buffer[self.at..self.filled] {
                [b'\n', ..] => self.at += 1,
                [b'\r', b'\n', ..] => self.at += 2,
                [b'\r'] if self.ended => self.at += 1,
                _ => break,
            }
        }
        if self.at > before {
            self.index.restart(self.at);
        }
    }

    /// Where a place in the buffer is in the stream.
    fn offset(&self, place: usize) -> u64 {
        self.base.wrapping_add(place as u64)
    }

    /// Goes on to the next block, or reads more behind what is filled: first moves the rest to the
    /// front, then grows.
    fn fill(&mut self) -> Result<(), ReadError> {
        if self.take_block()? {
            return Ok(());
        }
        if self.at > 0 {
            self.move_rest();
        }
        if self.buffer.is_empty() {
            self.buffer.resize(self.start + SLACK, 0);
        }
        let before = self.filled;
        let room = self.buffer.len() - SLACK;
        if self.filled == room {
            let size = (room * 2).min(self.longest + START).max(self.filled + 1);
            self.buffer.resize(size + SLACK, 0);
        }
        // What a stream gives in small pieces need not be looked at piece by piece.
        let enough = self.filled + (self.buffer.len() - SLACK - self.filled) / 2;
        while self.filled <= enough && !self.ended {
            match self.failure.take().map_or_else(|| self.read(), Err) {
                Ok(read) => {
                    self.ended = read == 0;
                    self.filled += read;
                }
                // What came before it is given out first.
                Err(error) if self.filled > before => {
                    self.failure = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes on in the stream's next block, with what is not given out before it. Answers false if
    /// there is no block, or no room.
    fn take_block(&mut self) -> Result<bool, ReadError> {
        let rest = self.at..self.filled;
        if rest.len() > HEAD || self.ended || self.failure.is_some() {
            return Ok(false);
        }
        let buffer = self.free.pop().unwrap_or_default();
        let mut block = Block { buffer, ..Block::default() };
        match self.stream.swap(&mut block) {
            Ok(true) if !block.is_empty() => {}
            Ok(_) => {
                self.free.push(block.buffer);
                return Ok(false);
            }
            Err(source) => return Err(ReadError { offset: self.offset(self.filled), source }),
        }
        let Block { mut buffer, from, to } = block;
        let start = from - rest.len();
        buffer[start..from].copy_from_slice(&self.buffer[rest]);
        self.go_on_in(buffer, start, to);
        Ok(true)
    }

    /// Brings what is not given out to the front: of another buffer, if rows of this one are
    /// gathered.
    fn move_rest(&mut self) {
        let rest = self.at..self.filled;
        let length = rest.len();
        let buffer = if self.gathering.as_ref().is_some_and(|all| !all.rows.is_empty()) {
            let mut buffer = self.free.pop().unwrap_or_default();
            buffer.resize(self.buffer.len(), 0);
            buffer[..length].copy_from_slice(&self.buffer[rest]);
            buffer
        } else {
            self.buffer.copy_within(rest, 0);
            std::mem::take(&mut self.buffer)
        };
        self.go_on_in(buffer, 0, length);
    }

    /// Goes on in another buffer, in which what is not given out starts at `start`, and which is
    /// filled up to `filled`. Rows gathered of this one are full.
    fn go_on_in(&mut self, buffer: Vec<u8>, start: usize, filled: usize) {
        let left = std::mem::replace(&mut self.buffer, buffer);
        match &mut self.gathering {
            Some(gathering) if !gathering.rows.is_empty() => {
                let next = gathering.used.pop().unwrap_or_default();
                let mut rows = std::mem::replace(&mut gathering.rows, next);
                rows.close(left);
                gathering.full.push_back(rows);
            }
            _ if left.is_empty() => {}
            _ => self.free.push(left),
        }
        self.index.moved(self.at, start);
        self.base = self.offset(self.at).wrapping_sub(start as u64);
        (self.at, self.filled) = (start, filled);
    }

    fn read(&mut self) -> Result<usize, ReadError> {
        loop {
            let room = self.buffer.len() - SLACK;
            match self.stream.read(&mut self.buffer[self.filled..room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ReadError { offset: self.offset(self.filled), source });
                }
                Ok(read) => return Ok(read),
            }
        }
    }

    /// Passes to the next place where a row may start. The search goes on over further reads.
    fn pass_malformed(&mut self, why: Malformed) -> Result<Item<'_>, ReadError> {
        let offset = self.offset(self.at);
        let mut from = match why {
            Malformed::AfterQuote { at } | Malformed::StrayQuote { at } => at,
            Malformed::Unterminated | Malformed::TooLong => self.at,
        };
        let mut shown = Vec::new();
        loop {
            let window = &self.buffer[..self.filled];
            let next = resync(window, from);
            let stop = next.unwrap_or(self.filled);
            let keep = SHOWN.saturating_sub(shown.len()).min(stop - self.at);
            shown.extend_from_slice(&self.buffer[self.at..self.at + keep]);
            if next.is_some() || self.ended {
                self.at = stop;
                break;
            }
            // A line end that is the last byte may still be followed by a quote.
            let hold = usize::from(window.last() == Some(&b'\n') && stop > self.at);
            if hold == 1 && keep == stop - self.at {
                shown.pop();
            }
            self.at = stop - hold;
            self.fill()?;
            from = self.at;
        }
        Ok(self.malformed(offset, shown, why))
    }

    /// Passes a row that is longer than the limit, keeping count of its quotes.
    fn pass_long_row(&mut self) -> Result<Item<'_>, ReadError> {
        let offset = self.offset(self.at);
        // The row is longer than the limit, so that many bytes are surely its own.
        let shown = SHOWN.min(self.longest);
        let shown = self.buffer[self.at..self.filled.min(self.at + shown)].to_vec();
        let mut inside = false;
        loop {
            let window = &self.buffer[self.at..self.filled];
            let mut end = None;
            for found in memchr::memchr2_iter(b'"', b'\n', window) {
                if window[found] == b'"' {
                    inside = !inside;
                } else if !inside {
                    end = Some(found + 1);
                    break;
                }
            }
            if let Some(end) = end {
                self.at += end;
                break;
            }
            self.at = self.filled;
            if self.ended {
                break;
            }
            self.fill()?;
        }
        Ok(self.malformed(offset, shown, Malformed::TooLong))
    }

    /// Gives out bytes that may have left the buffer, by way of a spare place.
    fn malformed(&mut self, offset: u64, shown: Vec<u8>, why: Malformed) -> Item<'_> {
        self.spare = shown;
        self.index.restart(self.at);
        Item::Malformed { offset, raw: &self.spare, why }
    }
}
