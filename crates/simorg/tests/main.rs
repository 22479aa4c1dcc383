//! The simulated org from outside: over HTTP, with a plain client and with clients of other people.

mod control;
mod download;
mod faults;
mod interop;
mod listing;
mod rest;
mod sign_in;
mod support;
