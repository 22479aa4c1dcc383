//! The scanner: where in a buffer do the cells of the next row lie.

use memchr::{memchr, memchr3};

/// One cell's content in the scanned buffer, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    start: u32,
    /// Where it ends, with the marks above.
    end: u32,
}

/// It may hold bytes that cannot stand for themselves in a JSON string or are no ASCII.
pub(crate) const CARE: u32 = 1 << 30;
/// It holds doubled quotes, each of which stands for one.
pub(crate) const DOUBLED: u32 = 1 << 31;

impl Cell {
    /// A cell that starts and ends there, the marks above its end.
    #[inline]
    pub(super) const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// A cell of which nothing is known, but whether it has doubled quotes.
    fn any(start: usize, end: usize, doubled: bool) -> Self {
        let marks = if doubled { CARE | DOUBLED } else { CARE };
        Self::new(start as u32, end as u32 | marks)
    }

    /// Where the content starts.
    #[inline]
    pub(crate) const fn start(self) -> usize {
        self.start as usize
    }

    /// Where it ends.
    #[inline]
    pub(crate) const fn end(self) -> usize {
        (self.end & !(CARE | DOUBLED)) as usize
    }

    /// Whether it has no content.
    #[inline]
    pub(crate) const fn is_blank(self) -> bool {
        self.start() == self.end()
    }

    /// What it may hold: [`CARE`], [`DOUBLED`].
    #[inline]
    pub(crate) const fn marks(self) -> u32 {
        self.end & (CARE | DOUBLED)
    }
}

/// What a scan found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A row; the next one starts at `next`.
    Row {
        /// Just after the row's line end.
        next: usize,
    },
    /// The row does not end in this buffer.
    More,
    /// Nothing is left.
    End,
}

/// A row whose quotes make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something other than a comma or a line end follows a closing quote.
    #[error("text after a closing quote")]
    AfterQuote {
        /// Where in the buffer.
        at: usize,
    },
    /// A quote inside a cell that did not start with one.
    #[error("a quote inside an unquoted cell")]
    StrayQuote {
        /// Where in the buffer.
        at: usize,
    },
    /// The file ends inside quotes.
    #[error("the file ends inside quotes")]
    Unterminated,
    /// The row is longer than the reader's limit.
    #[error("the row is longer than the limit")]
    TooLong,
}

/// Scans the row that starts at `at` and puts its cells into `cells`.
///
/// `last` says that nothing follows the buffer, so that a row may end without a line end.
pub fn scan_row(
    buffer: &[u8],
    at: usize,
    last: bool,
    cells: &mut Vec<Cell>,
) -> Result<Step, Malformed> {
    cells.clear();
    if at >= buffer.len() {
        return Ok(if last { Step::End } else { Step::More });
    }
    let mut position = at;
    loop {
        let ended = match opening_quote(buffer, position) {
            Opening::Quoted(content) => quoted(buffer, content, last, cells)?,
            Opening::Bare => bare(buffer, position, last, cells)?,
            Opening::Unknown if last => bare(buffer, position, last, cells)?,
            Opening::Unknown => return Ok(Step::More),
        };
        match ended {
            Ended::Comma(next) => position = next,
            Ended::Line(next) => return Ok(Step::Row { next }),
            Ended::More => return Ok(Step::More),
        }
    }
}

/// How a cell begins.
enum Opening {
    /// With a quote; its content starts here.
    Quoted(usize),
    /// Without.
    Bare,
    /// The buffer ends before that can be told.
    Unknown,
}

fn opening_quote(buffer: &[u8], start: usize) -> Opening {
    let mut position = start;
    loop {
        match buffer.get(position) {
            Some(b'"') => return Opening::Quoted(position + 1),
            Some(b' ') => position += 1,
            Some(_) => return Opening::Bare,
            None => return Opening::Unknown,
        }
    }
}

/// How a cell ends.
enum Ended {
    /// With a comma; the next cell starts here.
    Comma(usize),
    /// With the row; the next row starts here.
    Line(usize),
    /// Not in this buffer.
    More,
}

fn quoted(
    buffer: &[u8],
    start: usize,
    last: bool,
    cells: &mut Vec<Cell>,
) -> Result<Ended, Malformed> {
    let mut from = start;
    let mut doubled = false;
    loop {
        let Some(quote) = buffer.get(from..).and_then(|rest| memchr(b'"', rest)) else {
            return if last { Err(Malformed::Unterminated) } else { Ok(Ended::More) };
        };
        let quote = from + quote;
        let after = quote + 1;
        let cell = Cell::any(start, quote, doubled);
        match buffer.get(after) {
            Some(b'"') => {
                doubled = true;
                from = after + 1;
            }
            Some(b',') => {
                cells.push(cell);
                return Ok(Ended::Comma(after + 1));
            }
            Some(b'\n') => {
                cells.push(cell);
                return Ok(Ended::Line(after + 1));
            }
            Some(b'\r') => match buffer.get(after + 1) {
                Some(b'\n') => {
                    cells.push(cell);
                    return Ok(Ended::Line(after + 2));
                }
                None if last => {
                    cells.push(cell);
                    return Ok(Ended::Line(after + 1));
                }
                None => return Ok(Ended::More),
                Some(_) => return Err(Malformed::AfterQuote { at: after }),
            },
            None if last => {
                cells.push(cell);
                return Ok(Ended::Line(after));
            }
            None => return Ok(Ended::More),
            Some(_) => return Err(Malformed::AfterQuote { at: after }),
        }
    }
}

fn bare(
    buffer: &[u8],
    start: usize,
    last: bool,
    cells: &mut Vec<Cell>,
) -> Result<Ended, Malformed> {
    let found = buffer.get(start..).and_then(|rest| memchr3(b',', b'\n', b'"', rest));
    let Some(end) = found.map(|offset| start + offset) else {
        if !last {
            return Ok(Ended::More);
        }
        let mut end = buffer.len();
        if end > start && buffer.last() == Some(&b'\r') {
            end -= 1;
        }
        cells.push(Cell::any(start, end, false));
        return Ok(Ended::Line(buffer.len()));
    };
    match buffer.get(end) {
        Some(b',') => {
            cells.push(Cell::any(start, end, false));
            Ok(Ended::Comma(end + 1))
        }
        Some(b'\n') => {
            let cut = end > start && buffer.get(end - 1) == Some(&b'\r');
            cells.push(Cell::any(start, end - usize::from(cut), false));
            Ok(Ended::Line(end + 1))
        }
        _ => Err(Malformed::StrayQuote { at: end }),
    }
}

/// After a malformed row: where the next one may start, which is after a line end that is
/// followed by a quote. `None` when the buffer holds no such place.
pub fn resync(buffer: &[u8], from: usize) -> Option<usize> {
    let mut position = from;
    loop {
        let line = position + memchr(b'\n', buffer.get(position..)?)?;
        if buffer.get(line + 1) == Some(&b'"') {
            return Some(line + 1);
        }
        position = line + 1;
    }
}
