//! The console: web UI, JSON API, sessions, served by `orgtap run` itself.
//!
//! A request comes in at `server` (connections and their limits), passes `security::gate` (which
//! host is meant, who asks, may the request be trusted; headers of the answer, audit log), and
//! reaches a page in `pages` or a call in `api`. Both work with [`App`](app::App) and a
//! [`Viewer`](security::Viewer), and fail with [`Error`], which the gate turns into a page or JSON.
//!
//! Has no SQL and no decisions about collecting: those are the ledger's and the collector's.

mod api;
mod app;
mod assets;
mod error;
mod frame;
mod letters;
mod pages;
mod patience;
mod people;
mod rate;
mod security;
mod server;
mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;

pub use api::document;
pub use app::Explanation;
pub use error::{Error, catalogue};
pub use security::{LINK_FILE, Role, make_link};
pub use server::{Console, FirstLink};
