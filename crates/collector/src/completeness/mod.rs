//! The completeness record: for each event type and hour, what the org listed, what was delivered,
//! and what is known or believed to be missing.
//!
//! The ledger answers units with their rows by hour; everything else here is computed from that:
//! [`facts`] sorts the units of an event type into hours, [`history`] says what the type's own past
//! lets expect, [`judge`] makes a state of both. No I/O but the questions to the ledger.

mod coming;
mod facts;
mod gaps;
mod history;
mod judge;
mod record;

pub(crate) use gaps::{Recount, note_gaps};
pub use judge::HourState;
pub use record::{HourRecord, Record, TypeRecord, Until};

use std::collections::BTreeSet;

use orgtap_events::Interval;
use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{Account, Ledger, LogDates, Reached};

use crate::config::{ConnectorSettings, IntervalPolicy, Reconcile};
use crate::error::Result;
use coming::Coming;
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

/// Makes the record of one connector, for the event types it collects that are `wanted`.
pub async fn completeness(
    ledger: &dyn Ledger,
    settings: &ConnectorSettings,
    period: Period,
    wanted: impl Fn(&str) -> bool,
) -> Result<Record> {
    let mut types = Vec::new();
    let known = each_type(ledger, settings, period, wanted, |one| types.push(one)).await?;
    let (known_to, come_to) = known;
    Ok(Record { connector: settings.name.clone(), known_to, come_to, types })
}

/// Makes the record of one event type after the other, so that none but one is in memory. Answers up
/// to when the org was asked for files, and before when all have come that come as usual.
async fn each_type(
    ledger: &dyn Ledger,
    settings: &ConnectorSettings,
    period: Period,
    wanted: impl Fn(&str) -> bool,
    mut take: impl FnMut(TypeRecord),
) -> Result<(i64, i64)> {
    let known = ledger.connector(&settings.name).await?;
    let from = period.from.saturating_sub(LOOK_BACK);
    let dates = LogDates { connector: &settings.name, from, to: period.to };
    let kinds = ledger.kinds(dates).await?;
    // A file that was made at a time was listed after it.
    let listed = kinds.iter().map(|kind| kind.newest).max();
    let known_to = known.polled.max(listed).unwrap_or(i64::MIN).min(period.now);
    let has_daily = kinds.iter().any(|kind| kind.interval != Interval::Hourly.name());
    let all = All {
        both: both_copies(settings) && has_daily,
        first: kinds.iter().map(|kind| kind.first.div_euclid(DAY)).min(),
        clock: Clock { now: period.now, known_to },
    };
    // Of an org that never listed a file nothing is known.
    let has_listed = !kinds.is_empty();
    let mut coming = Coming::new(settings.interval);
    let types: BTreeSet<String> = kinds.into_iter().map(|kind| kind.event_type).collect();
    let collected = |name: &String| settings.event_types.admits(name);
    for event_type in types.into_iter().filter(collected).filter(|name| wanted(name)) {
        let mut accounts = ledger.accounts(dates, &event_type).await?;
        coming.learn(&accounts);
        for account in &mut accounts {
            // What was withheld from a destination of before is nobody's want.
            account.set_aside.retain(|(destination, _)| {
                destination.as_ref().is_none_or(|name| settings.destinations.contains(name))
            });
            account.deliveries.retain(|(destination, reached)| {
                *reached != Reached::Withheld || settings.destinations.contains(destination)
            });
        }
        take(of_type(event_type, &accounts, all, period));
    }
    Ok((known_to, if has_listed { coming.come_to(known_to) } else { i64::MIN }))
}

/// Whether daily files are taken beside hourly ones.
fn both_copies(settings: &ConnectorSettings) -> bool {
    matches!(settings.interval, IntervalPolicy::Auto | IntervalPolicy::Both)
        && settings.reconcile != Reconcile::Off
}

/// What the record of each event type needs to know of all.
#[derive(Debug, Clone, Copy)]
struct All {
    /// Whether the connector has daily files beside hourly ones.
    both: bool,
    /// The first day the ledger knows of.
    first: Option<i64>,
    clock: Clock,
}

/// The record of one event type.
fn of_type(event_type: String, accounts: &[Account], all: All, period: Period) -> TypeRecord {
    let All { both, first, clock } = all;
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
    record
}

#[cfg(test)]
mod tests;
