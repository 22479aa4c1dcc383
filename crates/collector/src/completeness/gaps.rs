//! How many gaps the record of the last days has: counted now and then, and kept for status.

use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{ConnectorRecord, Gaps};
use tokio::sync::Semaphore;

use super::judge::RETENTION;
use super::{HourState, Period, each_type};
use crate::clock;
use crate::connector::Connector;
use crate::error::Result;

/// How often a connector at work is counted anew, microseconds.
const EVERY: i64 = HOUR;
/// One connector is counted at a time, however many there are.
static ONE: Semaphore = Semaphore::const_new(1);

/// When the gaps are counted anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recount {
    /// In any case.
    Now,
    /// When they were not for an hour.
    WhenOld,
}

/// Counts the gaps of a connector and keeps the number in the ledger.
pub(crate) async fn note_gaps(connector: &Connector, recount: Recount) -> Result<()> {
    let Connector { ledger, settings, .. } = connector;
    let now = clock::now();
    let counted = ledger.connector(&settings.name).await?.gaps.map(|gaps| gaps.at);
    if recount == Recount::WhenOld && counted.is_some_and(|at| (0..EVERY).contains(&(now - at))) {
        return Ok(());
    }
    let Ok(_one) = ONE.acquire().await else { return Ok(()) };
    // What is missing from before is lost.
    let period = Period { from: (now - RETENTION).div_euclid(DAY) * DAY, to: now, now };
    let mut gaps = Gaps { at: now, hours: 0, event_types: 0, oldest: None };
    each_type(
        &**ledger,
        settings,
        period,
        |_| true,
        |record| {
            let open = || record.hours.iter().filter(|hour| hour.state == HourState::Gap);
            let Some(first) = open().map(|hour| hour.hour).min() else { return };
            gaps.hours += open().count() as i64;
            gaps.event_types += 1;
            gaps.oldest = Some(gaps.oldest.map_or(first, |oldest| oldest.min(first)));
        },
    )
    .await?;
    let change = |record: &mut ConnectorRecord| record.gaps = Some(gaps);
    Ok(ledger.change_connector(&settings.name, Box::new(change)).await?)
}
