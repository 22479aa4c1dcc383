//! Who may what: roles, sessions, passwords, tokens, forged requests, and what is written down.

mod viewer;

pub use viewer::Role;
pub(crate) use viewer::Viewer;
