//! The console: web UI, JSON API, sessions, served by `orgtap run` itself.
//!
//! A request comes in at `server` (connections, their limits), passes `security::gate` (whose host
//! is meant, who asks, may the request be trusted; headers of the answer, audit log), and reaches
//! a page in `pages` or a call in `api`. Both work with [`App`](app::App) and a
//! [`Viewer`](security::Viewer), and fail with [`Error`], which the gate turns into a page or JSON.
//!
//! Has no SQL and no decisions about collecting: those are the ledger's and the collector's.

mod app;
mod assets;
mod error;
mod frame;
mod pages;
mod security;

pub use error::{Error, catalogue};
pub use security::Role;
