//! Exit codes.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All is well: for `collect`, all that was found is durably delivered.
    Success = 0,
    /// Orgtap itself failed: ledger, disk, or results that could not be written.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Everything found was handled, but some of it was set aside, withheld or gone.
    Remarks = 3,
    /// Not all is delivered yet; trying again will help.
    Incomplete = 4,
    /// A person must act first.
    Blocked = 5,
}

/// The table in `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0  all is well; for collect: all that was found is durably delivered, but for paused connectors
  1  Orgtap itself failed (ledger, disk), or what it says could not be written
  2  the command line or the configuration is wrong
  3  delivered, except what was set aside, withheld or gone; see status
  4  not all is delivered yet; trying again will help
  5  a person must act first (credentials, permission, quota, destination)";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Code of a mistake on the command line.
pub(crate) const USAGE_CODE: &str = "OT-CONF-00";

/// A mistake on the command line.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Makes one.
pub(crate) fn usage(text: String) -> anyhow::Error {
    anyhow::Error::new(UsageError(text))
}
