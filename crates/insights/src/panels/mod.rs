//! The panels, made from counts alone.

mod ask;
mod compare;
mod monitoring;
mod security;
#[cfg(test)]
mod tests;
mod time_line;
mod top;

use std::collections::BTreeMap;

use orgtap_events::time::{DAY, rfc3339};
use orgtap_ledger::{LedgerError, RollupLedger, Span};

use self::ask::Asking;
use crate::panel::Page;

pub use time_line::user_time_line;

/// How long counts by hour are kept, microseconds. Shorter ranges within it are shown by hour.
pub const HOURS_KEPT: i64 = 15 * DAY;
/// The longest range that is shown by hour.
const BY_HOUR: i64 = 2 * DAY;

/// What a page is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// One connector by its name; none: all together.
    pub connector: Option<String>,
    /// Start of the time, microseconds since 1970 UTC. Events count by their own time, not by when
    /// they came.
    pub from: i64,
    /// End of the time, not part of it.
    pub to: i64,
}

/// Monitoring Insights: what is used, by whom, and how it performs.
///
/// # Errors
/// Only the ledger's. A choice of nothing, of an unknown connector or of a time without data gives
/// empty panels.
pub async fn monitoring(ledger: &dyn RollupLedger, choice: &Choice) -> Result<Page, LedgerError> {
    let asking = Asking::new(ledger, choice).await?;
    let panels = monitoring::panels(&asking).await?;
    asking.page("monitoring", "Monitoring Insights", panels).await
}

/// Security Insights: who signs in, what changed, and who does more than usual.
///
/// # Errors
/// As [`monitoring`].
pub async fn security(ledger: &dyn RollupLedger, choice: &Choice) -> Result<Page, LedgerError> {
    let asking = Asking::new(ledger, choice).await?;
    let panels = security::panels(&asking).await?;
    asking.page("security", "Security Insights", panels).await
}
