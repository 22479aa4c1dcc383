//! Event log files as rows of cells.
//!
//! Strict about quotes, since a misplaced one shifts every column after it; lenient where the
//! platform or a proxy may differ: CR LF, a byte order mark, no final line end, blanks between a
//! comma and an opening quote, unquoted cells, empty lines.
//!
//! [`Reader`] takes any [`std::io::Read`] and holds one bounded buffer, or takes over the blocks that
//! another thread fills ([`Blocks`]). In it an index of the sound rows is made 64 bytes at a time
//! (`index`, `mask`); what it does not vouch for is left to [`scan_row`], which is plain and knows
//! every fault. What comes out depends neither on which of the two found a row nor on how the input is
//! cut into reads or blocks.

mod blocks;
mod index;
mod mask;
mod reader;
mod row;
mod rows;
mod scan;
#[cfg(test)]
mod tests;

pub use blocks::{Block, Blocks, Plain};
pub use reader::{Item, ReadError, Reader};
pub use row::{Row, content};
pub use rows::Rows;
pub(crate) use scan::{CARE, DOUBLED};
pub use scan::{Cell, Malformed, Step, resync, scan_row};
