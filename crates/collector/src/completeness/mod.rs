//! The completeness record: for each event type and hour, what the org listed, what was delivered,
//! and what is known or believed to be missing.
//!
//! The ledger answers units with their rows by hour; everything else here is computed from that:
//! [`facts`] sorts the units of an event type into hours, [`history`] says what the type's own past
//! lets expect, [`judge`] makes a state of both. No I/O but the one question to the ledger.

mod facts;
mod history;
mod judge;
mod record;

pub use judge::HourState;
pub use record::{HourRecord, Record, TypeRecord, Until};

use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{Account, Ledger, Reached};

use crate::config::{ConnectorSettings, IntervalPolicy, Reconcile};
use crate::error::Result;
use crate::reconcile::is_hourly;
use history::History;
use judge::{Clock, judge};

/// Days before the period asked about from which is learnt what to expect in it.
const LOOK_BACK: i64 = 28 * DAY;

/// Which part of the record is wanted. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Hours that begin at or after this.
    pub from: i64,
    /// Hours that begin before this.
    pub to: i64,
    /// The moment as of which is judged.
    pub now: i64,
}

/// Makes the record of one connector, for the event types `wanted` admits.
pub async fn completeness(
    ledger: &dyn Ledger,
    settings: &ConnectorSettings,
    period: Period,
    wanted: impl Fn(&str) -> bool,
) -> Result<Record> {
    let known = ledger.connector(&settings.name).await?;
    let from = period.from.saturating_sub(LOOK_BACK);
    let mut accounts = ledger.accounts(&settings.name, from, period.to).await?;
    for account in &mut accounts {
        // What was withheld from a destination of before is nobody's want.
        account.deliveries.retain(|(destination, reached)| {
            *reached != Reached::Withheld || settings.destinations.contains(destination)
        });
    }
    let polled = known.poll.filter(|poll| poll.problem.is_none()).map(|poll| poll.at);
    // A file that was made at a time was listed after it.
    let listed = accounts.iter().map(|account| account.unit.listed.created_date).max();
    let known_to = polled.max(listed).unwrap_or(i64::MIN).min(period.now);
    let clock = Clock { now: period.now, known_to };
    let types = of_types(&accounts, both_copies(settings), clock, period, wanted);
    Ok(Record { connector: settings.name.clone(), known_to, types })
}

/// Whether daily files are taken beside hourly ones.
fn both_copies(settings: &ConnectorSettings) -> bool {
    matches!(settings.interval, IntervalPolicy::Auto | IntervalPolicy::Both)
        && settings.reconcile != Reconcile::Off
}

/// The record of each event type. `accounts` are in the order of types.
fn of_types(
    accounts: &[Account],
    both: bool,
    clock: Clock,
    period: Period,
    wanted: impl Fn(&str) -> bool,
) -> Vec<TypeRecord> {
    let first = accounts.iter().map(|account| account.unit.listed.log_date.div_euclid(DAY)).min();
    let both = both && accounts.iter().any(|account| !is_hourly(&account.unit));
    let kind = |account: &Account| account.unit.listed.lane.event_type.clone();
    let mut types = Vec::new();
    for accounts in accounts.chunk_by(|a, b| kind(a) == kind(b)) {
        let Some(event_type) = accounts.first().map(kind).filter(|name| wanted(name)) else {
            continue;
        };
        let history = History::of(accounts, first.unwrap_or_default(), clock.known_to);
        let days = facts::days(accounts);
        let (from, to) = (period.from.div_euclid(DAY), period.to.min(period.now).div_euclid(DAY));
        let mut record = TypeRecord::new(event_type);
        for day in from.max(first.unwrap_or(from))..=to {
            let lane = days.get(&day);
            record.outside += lane.map_or(0, |lane| lane.outside);
            for number in 0..24 {
                let hour = day * DAY + i64::from(number) * HOUR;
                if hour < period.from || hour >= period.to || hour >= period.now {
                    continue;
                }
                let mut facts = lane.map(|lane| lane.hour(number)).unwrap_or_default();
                facts.awaits_daily = both && history.has_daily();
                facts.is_expected =
                    !lane.is_some_and(facts::Lane::is_whole) && history.expects(day, number);
                if let Some(judged) = judge(&facts, hour, clock) {
                    record.hours.push(HourRecord::new(hour, facts, judged));
                }
            }
        }
        types.push(record);
    }
    types
}

#[cfg(test)]
mod tests;
