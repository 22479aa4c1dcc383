//! Before when all files have come, if they came as they usually do. What never comes is not waited
//! for: that it should is the history's matter.

use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::Account;

use crate::config::IntervalPolicy;
use crate::reconcile::is_hourly;

/// How long after an hour or day its files usually come: hourly ones three to six hours, daily ones in
/// the night and, where there was nothing to write, never.
const LAG: i64 = 6 * HOUR;

/// What is learnt of it from one event type after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming {
    interval: IntervalPolicy,
    /// Where event types come in daily files alone: the end of the newest day of which there is one.
    newest: Option<i64>,
}

impl Coming {
    /// For a connector that asks for such files.
    pub(super) fn new(interval: IntervalPolicy) -> Self {
        let is_daily = interval == IntervalPolicy::Daily;
        Self { interval, newest: is_daily.then_some(i64::MIN) }
    }

    /// Takes in the units of an event type.
    pub(super) fn learn(&mut self, accounts: &[Account]) {
        let is_daily = match self.interval {
            IntervalPolicy::Daily => true,
            IntervalPolicy::Hourly => false,
            IntervalPolicy::Auto | IntervalPolicy::Both => {
                !accounts.iter().any(|account| is_hourly(&account.unit))
            }
        };
        if is_daily {
            let daily = accounts.iter().filter(|account| !is_hourly(&account.unit));
            let end = |account: &Account| (account.unit.listed.log_date.div_euclid(DAY) + 1) * DAY;
            self.newest = self.newest.max(daily.map(end).max());
        }
    }

    /// Before when all files have come of an org that was asked for them up to `known_to`. A day
    /// without a daily file is taken for a quiet one when the next day is over, too.
    pub(super) fn come_to(self, known_to: i64) -> i64 {
        let hourly = known_to.saturating_sub(LAG);
        let Some(newest) = self.newest else { return hourly };
        let over = (known_to.div_euclid(DAY) - 1).saturating_mul(DAY);
        if newest <= hourly { over.max(newest) } else { over }
    }
}
