//! Who may what: roles, sessions, passwords, tokens, forged requests, and what is written down.
//!
//! Every request passes [`gate`] first.

mod gate;
mod link;
mod log;
mod origin;
mod password;
mod refusal;
mod secret;
mod session;
mod throttle;
mod viewer;

pub use link::{LINK_FILE, make_link};
pub use viewer::Role;

pub(crate) use gate::{Address, Outcome, Peer, gate};
pub(crate) use link::{first_link, url};
pub(crate) use log::Log;
pub(crate) use origin::local_path;
pub(crate) use password::{Passwords, check_new_password, check_person_name};
pub(crate) use secret::SecretText;
pub(crate) use session::{TOKEN_PREFIX, clear_cookie, open_session};
pub(crate) use throttle::Throttle;
pub(crate) use viewer::Viewer;
