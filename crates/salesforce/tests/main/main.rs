//! The whole crate against small servers on this machine: scripted ones, and raw sockets where
//! HTTP itself has to break.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may panic like the tests themselves")]

mod download;
mod flows;
mod kept;
mod listing;
mod reach;
mod secrets;
mod server;
mod session;
mod sign_in;
