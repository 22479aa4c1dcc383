//! What the rows say about usage and behaviour: counted as they pass ([`Tally`]), and shown as
//! panels ([`monitoring`], [`security`], [`user_time_line`]).
//!
//! [`measure`] says which columns of which event types are counted, and how. A tally is made of one
//! unit while its rows are read anyway; the ledger adds it to what it has, once. Panels are made
//! from those counts alone, so that a page costs the same however many rows there were.
//!
//! No I/O but the ledger's, and no threads.

pub mod login;
pub mod measure;
mod panel;
mod panels;
mod place;
mod tally;
mod text;

pub use panel::{Body, Cell, Column, Figure, Kind, Line, Need, OTHERS, Page, Panel, Unit};
pub use panels::{Choice, HOURS_KEPT, monitoring, security, user_time_line};
pub use place::{Place, UNKNOWN, locate};
pub use tally::Tally;
