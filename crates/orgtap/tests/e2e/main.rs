//! The real program against the simulated org, compared row by row with what really happened.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails is to stop there")]

mod commands;
mod crash;
mod destinations;
mod refusals;
mod setup_kit;
mod support;
mod week;
