//! The org over the wire: sign-in, REST, event log files, limits, and what its refusals mean.
//!
//! The only crate that talks to Salesforce. It lists, downloads and explains; it keeps nothing,
//! decodes no rows and never waits to try again: how long to wait, and whether, is the
//! collector's, who reads it from [`Error::disposition`](orgtap_transport::Explain::disposition).
//!
//! Start with [`Org`]. It signs in when it must, and once only: a session that died is renewed by
//! one sign-in however many calls noticed, and a refused sign-in is not repeated, because
//! Salesforce locks users.

mod account;
mod answer;
mod call;
mod catalogue;
mod describe;
mod download;
mod error;
mod id;
pub mod kit;
mod limits;
mod listing;
mod org;
mod page;
mod reach;
mod redact;
mod refusal;
mod session;
mod settings;
mod sign_in;
mod soql;
mod time;
mod version;
mod wire;

pub use account::Organization;
pub use call::{Call, CallCounts, REQUEST_ID_PREFIX};
pub use catalogue::{Entry, catalogue, possibilities};
pub use describe::LogFileShape;
pub use download::{Body, Download, Encoding};
pub use error::{Error, ErrorKind};
pub use limits::{Allowance, ApiUsage, Limits};
pub use listing::{IntervalChoice, Listing, Pages};
pub use org::Org;
pub use page::{LogFile, Page, parse_page};
pub use reach::Unreachable;
pub use refusal::{LikelyCause, SignInRefusal};
pub use session::SignedIn;
pub use settings::{Keep, OrgSettings, SignIn, generic_host, is_sandbox};
pub use sign_in::kept::newest_refresh_token;
pub use version::{ApiVersion, NEWEST_TESTED};
