//! The real program against the simulated org, compared row by row with what really happened.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails is to stop there")]

mod api;
mod backfill;
mod browser;
mod budget;
mod causes;
mod commands;
mod completeness;
mod connector;
mod console;
mod crash;
mod daemon;
mod dead_letters;
mod destinations;
mod echo;
mod fleet;
mod flows;
mod front;
mod full_disk;
mod insights;
mod lost_rows;
mod moved;
mod network;
mod one_file;
mod pacing;
mod pages;
mod planted;
mod receiver;
mod refusals;
mod replay;
mod rotation;
mod secrets;
mod setup_kit;
mod shape;
mod spool;
mod status;
mod stdout;
mod support;
mod terminal;
mod vault;
mod week;
mod weeks;
