//! Each row once: what of a unit has its lane not delivered yet?
//!
//! The org repeats itself: late files carry rows of earlier ones, and a daily file is replaced by
//! a fuller one. A unit's row index ([`index`]) is compared with those of the lane's earlier units
//! and the outcome kept beside the unit ([`decisions`]), so that every destination and every
//! re-read sees the same. Before hourly and daily copies are compared row by row, it is looked
//! whether they are written alike ([`agreement`]). All of it in bounded memory ([`sort`]).

pub(crate) mod agreement;
#[cfg(test)]
mod cost;
pub(crate) mod decisions;
pub(crate) mod hours;
pub(crate) mod index;
pub(crate) mod lane;
pub(crate) mod sort;
#[cfg(test)]
mod tests;
