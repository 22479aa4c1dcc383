//! The simulated org from outside: over HTTP, with a plain client and with clients of other people.
#![expect(clippy::unwrap_used, reason = "in a test, a failed expectation is what a panic is for")]

mod binary;
mod control;
mod download;
mod faults;
mod flows;
mod generation;
mod hosts;
mod interop;
mod jwt;
mod listing;
mod login_history;
mod permissions;
mod policies;
mod refresh;
mod rest;
mod rest_refusals;
mod sign_in;
mod support;
