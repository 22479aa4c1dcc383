//! The real program against the simulated org, compared row by row with what really happened.

mod commands;
mod crash;
mod destinations;
mod support;
mod week;
