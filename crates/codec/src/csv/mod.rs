//! Event log files as rows of cells.
//!
//! Strict about quotes, since a misplaced one shifts every column after it; lenient where the
//! platform or a proxy may differ: CR LF, a byte order mark, no final line end, blanks between a
//! comma and an opening quote, unquoted cells, empty lines.
//!
//! [`scan_row`] finds one row in a buffer and is a pure function; [`Reader`] feeds it from any
//! [`std::io::Read`] with a bounded buffer. What comes out does not depend on how the input is
//! cut into reads.

mod reader;
mod scan;
#[cfg(test)]
mod tests;

pub use reader::{Item, ReadError, Reader, Row};
pub use scan::{Cell, Malformed, Step, resync, scan_row};
