//! Where the rows and cells of a buffer lie, 64 bytes at a time.
//!
//! A block's quotes, as bits, say by a running exclusive or which of its bytes lie inside quotes;
//! the commas and line feeds that do not are the ends of cells and rows. The same bits show
//! whether every quote stands where one may. Where one does not, the index stops before that
//! block, and the row that reaches into it is left to [`super::scan_row`], which knows what is
//! wrong with it. So both agree on every input, and only sound rows are quick.

use super::mask::{self, BLOCK, Ends, Masks, QUOTED, Way};
use super::scan::{CARE, Cell, DOUBLED};

/// How far ahead the index looks at a time, bytes: what it found should still be in the cache
/// when it is used.
const AHEAD: usize = 32 * 1024;

/// A place is a position in the buffer. Above it are [`QUOTED`] and the marks of a [`Cell`].
const PLACE: u32 = QUOTED - 1;

/// The index of a part of a buffer.
#[derive(Debug)]
pub(super) struct Index {
    way: Way,
    /// Places of the commas and line feeds that end cells.
    ends: Vec<u32>,
    /// For each row, how many of the ends are its or come before.
    rows: Vec<u32>,
    /// Rows given out.
    given: usize,
    /// Where the next row to be given out starts.
    start: usize,
    /// What is looked at.
    seen: usize,
    /// Whether the next block has a quote in the wrong place.
    stuck: bool,
    state: State,
}

/// What one block leaves for the next.
#[derive(Debug, Clone, Copy)]
struct State {
    /// All ones inside quotes.
    inside: u64,
    /// Bit 0: the last byte ended a cell.
    after_end: u64,
    /// Bit 0: the last byte was a closing quote.
    after_close: u64,
    /// Marks of the cell that has begun.
    marks: u32,
}

/// Before the first byte of a row.
const FRESH: State = State { inside: 0, after_end: 1, after_close: 0, marks: 0 };

impl Index {
    /// An index that begins at the start of a buffer.
    pub(super) fn new() -> Self {
        Self::by(Way::best())
    }

    /// The same, by this way.
    pub(super) fn by(way: Way) -> Self {
        Self {
            way,
            ends: Vec::with_capacity(AHEAD / 8),
            rows: Vec::with_capacity(AHEAD / 64),
            given: 0,
            start: 0,
            seen: 0,
            stuck: false,
            state: FRESH,
        }
    }

    /// Begins anew at the start of a row.
    pub(super) fn restart(&mut self, start: usize) {
        self.ends.clear();
        self.rows.clear();
        self.given = 0;
        self.start = start;
        self.seen = start;
        self.stuck = false;
        self.state = FRESH;
    }

    /// What stood at `from` in the buffer, and all that follows, stands at `to` now. When the row the
    /// index stood at is not there any more, it is somebody else's turn, who tells it where to begin
    /// anew.
    pub(super) fn moved(&mut self, from: usize, to: usize) {
        if self.start < from {
            self.restart(to);
            return;
        }
        self.forget();
        for end in &mut self.ends {
            *end = *end - from as u32 + to as u32;
        }
        self.start = self.start - from + to;
        self.seen = self.seen - from + to;
    }

    /// The next row that is known to be sound and whole: where it starts, and where the next one
    /// does. Its cells are added to those given. Lines without any byte are passed over.
    pub(super) fn next(&mut self, buffer: &[u8], cells: &mut Vec<Cell>) -> Option<(usize, usize)> {
        loop {
            let to = *self.rows.get(self.given)? as usize;
            let from = self.given.checked_sub(1).map_or(0, |before| self.rows[before] as usize);
            let start = self.start;
            self.given += 1;
            let ends = self.ends.get(from..to)?;
            let line = (ends.last()? & PLACE) as usize;
            self.start = line + 1;
            let cut = line - usize::from(line > start && buffer[line - 1] == b'\r');
            if cut == start {
                continue;
            }
            let (last, others) = ends.split_last()?;
            // In a row without a quote in the wrong place, only a cell that began with a quote has one
            // before its end; and that is another one, so that no cell ends before it starts.
            let cell = |start: u32, end: &u32| {
                let quoted = (end & QUOTED) >> QUOTED.trailing_zeros();
                Cell::new(start + quoted, (end & !QUOTED) - quoted)
            };
            cells.extend(others.first().map(|end| cell(start as u32, end)));
            // Each starts after the end of the one before.
            let pairs = others.iter().zip(others.get(1..).unwrap_or_default());
            cells.extend(pairs.map(|(before, end)| cell((before & PLACE) + 1, end)));
            // What comes before the last end may be a carriage return.
            let at = others.last().map_or(start, |end| (end & PLACE) as usize + 1);
            let quoted = usize::from(buffer[at] == b'"');
            let marks = last & (CARE | DOUBLED);
            cells.push(Cell::new((at + quoted) as u32, (cut - quoted) as u32 | marks));
            return Some((start, self.start));
        }
    }

    /// Where the next row may start: everything before it was given out or passed over.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Looks at more of the buffer, of which `filled` bytes count. Answers whether there was more
    /// to look at.
    pub(super) fn extend(&mut self, buffer: &[u8], filled: usize) -> bool {
        if self.stuck || self.seen + BLOCK > filled {
            return false;
        }
        self.forget();
        let blocks = buffer[..filled].get(self.seen..).unwrap_or_default();
        let blocks = &blocks[..blocks.len().min(AHEAD)];
        match self.way {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the processor was asked whether it has AVX-512")]
            // SAFETY: `Way::best` answers `Avx512` only where the processor has it.
            Way::Avx512 => unsafe { extend_avx512(self, blocks) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "the processor was asked whether it has AVX2")]
            // SAFETY: `Way::best` answers `Avx2` only where the processor has it.
            Way::Avx2 => unsafe { extend_avx2(self, blocks) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "every x86-64 has SSE2")]
            // SAFETY: every x86-64 has SSE2.
            Way::Sse2 => unsafe { extend_sse2(self, blocks) },
            Way::Plain => self.look(blocks, mask::plain, mask::places),
        }
        true
    }

    /// Forgets the rows given out.
    fn forget(&mut self) {
        let known = self.given.checked_sub(1).map_or(0, |last| self.rows[last] as usize);
        self.ends.drain(..known);
        self.rows.drain(..self.given);
        for row in &mut self.rows {
            *row -= known as u32;
        }
        self.given = 0;
    }

    /// Looks at whole blocks, up to one with a quote in the wrong place.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for each set of instructions")]
    fn look(
        &mut self,
        blocks: &[u8],
        masks: impl Fn(&[u8; BLOCK]) -> Masks,
        places: impl Fn(&mut Vec<u32>, Ends),
    ) {
        // Places fit, since a buffer is not larger than its longest row by more than a little.
        let (blocks, _) = blocks.as_chunks::<BLOCK>();
        for block in blocks {
            if !self.block(block, masks(block), &places) {
                self.stuck = true;
                return;
            }
            self.seen += BLOCK;
        }
    }

    /// Takes in a block. Answers false, and takes in nothing, when a quote is in the wrong place.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "compiled once for each set of instructions")]
    fn block(
        &mut self,
        block: &[u8; BLOCK],
        masks: Masks,
        places: &impl Fn(&mut Vec<u32>, Ends),
    ) -> bool {
        let Masks { quote, comma, line, care } = masks;
        let state = self.state;
        let inside = running_xor(quote) ^ state.inside;
        let (opens, closes) = (quote & inside, quote & !inside);
        let ends = (comma | line) & !inside;
        let after_end = ends << 1 | state.after_end;
        let after_close = closes << 1 | state.after_close;
        let wrong = opens & !(after_end | after_close);
        let strange = after_close & !(ends | opens);
        if wrong | strange != 0 && !(wrong == 0 && returns(block, strange, line)) {
            return false;
        }
        let twice = opens & after_close;
        let careful = care & !ends;
        self.state = State {
            inside: ((inside.cast_signed()) >> 63).cast_unsigned(),
            after_end: ends >> 63,
            after_close: closes >> 63,
            marks: state.marks,
        };
        let first = self.ends.len();
        let base = self.seen as u32;
        // Not by the reference itself, which would be a function of its own without the instructions.
        (*places)(&mut self.ends, Ends { base, all: ends, quoted: ends & after_close });
        if twice | careful | u64::from(state.marks) != 0 {
            self.mark(first, ends, twice, careful);
        }
        let mut rest = line & ends;
        while rest != 0 {
            let before = ends & (rest ^ (rest - 1));
            self.rows.push(first as u32 + before.count_ones());
            rest &= rest - 1;
        }
        true
    }

    /// Marks the cells that end in a block, of which the first end stands at `first`.
    fn mark(&mut self, first: usize, mut rest: u64, twice: u64, careful: u64) {
        let mut marks = self.state.marks;
        let mut ahead = u64::MAX;
        let of = |bits: u64| {
            let mut marks = 0;
            if twice & bits != 0 {
                marks |= DOUBLED;
            }
            if careful & bits != 0 {
                marks |= CARE;
            }
            marks
        };
        for end in self.ends.iter_mut().skip(first) {
            let upto = rest ^ (rest - 1);
            *end |= marks | of(ahead & upto);
            marks = 0;
            ahead &= !upto;
            rest &= rest - 1;
        }
        self.state.marks = marks | of(ahead);
    }

    /// Whether it is certain that what is left of the buffer has neither a whole row nor a fault.
    pub(super) fn has_no_row(&self, buffer: &[u8]) -> bool {
        let rest = buffer.get(self.seen..).unwrap_or_default();
        // What follows a closing quote may be wrong by itself.
        let open = self.stuck || self.state.after_close != 0;
        !open && memchr::memchr2(b'\n', b'"', rest).is_none()
    }
}

/// [`Index::look`] with the instructions of AVX-512 and of the processors that have it.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,avx2,bmi1,bmi2,popcnt,lzcnt")]
fn extend_avx512(index: &mut Index, blocks: &[u8]) {
    index.look(blocks, |block| mask::avx512(block), |out, ends| mask::places_avx512(out, ends));
}

/// [`Index::look`] with the instructions of AVX2 and of the processors that have it.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
#[expect(
    clippy::redundant_closure,
    reason = "a closure here is compiled for these instructions too"
)]
fn extend_avx2(index: &mut Index, blocks: &[u8]) {
    index.look(blocks, |block| mask::avx2(block), |out, ends| mask::places(out, ends));
}

/// [`Index::look`] with the instructions every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn extend_sse2(index: &mut Index, blocks: &[u8]) {
    index.look(blocks, |block| mask::sse2(block), mask::places);
}

/// Bit `i` is the exclusive or of bits 0 to `i`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "six shifts")]
const fn running_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

/// Whether these bytes, each after a closing quote, are all carriage returns before line feeds
/// that the block shows. The last byte's line feed is not in sight: that is left to the scanner.
#[cold]
fn returns(block: &[u8; BLOCK], mut after: u64, line: u64) -> bool {
    if after & !(line >> 1) != 0 {
        return false;
    }
    while after != 0 {
        if block[after.trailing_zeros() as usize] != b'\r' {
            return false;
        }
        after &= after - 1;
    }
    true
}
