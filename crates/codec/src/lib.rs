//! Bytes to rows and back: CSV scanner, JSON writer, row hash.
//!
//! No I/O of its own and no async. Each fast path stands beside a slow, obvious oracle in its
//! tests. Start with [`csv::Reader`].

mod copy;
pub mod csv;
pub mod hash;
pub mod json;
pub mod object;
