//! The units of one event type, sorted into days and hours: what is there, without judging it.

use std::collections::BTreeMap;

use orgtap_events::time::DAY;
use orgtap_ledger::unit::State;
use orgtap_ledger::{Account, HourRows, OUTSIDE, Reached};

use super::HOUR;
use crate::reconcile::{is_decided, is_hourly};

/// Where a file is, as far as its hour is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Listed, fetched or being delivered.
    UnderWay,
    /// Every destination has it.
    Done,
    /// The org had it no more.
    Vanished,
    /// It cannot be decoded.
    Rejected,
    /// It does not agree with the other copy.
    Disputed,
    /// It was not wanted.
    Skipped,
}

/// What is known of one hour of an event type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// The last version of each hourly file, by sequence.
    pub(crate) hourly: BTreeMap<i64, Stage>,
    /// The last version of the day's file.
    pub(crate) daily: Option<Stage>,
    /// Whether the hour has to be accounted for though it has no hourly file: the daily file has
    /// rows in it, or it cannot be known yet whether it has.
    pub(crate) is_in_daily: bool,
    /// Rows in the last daily file that are not delivered because only a report is wanted.
    pub(crate) only_reported: u64,
    /// Whether a daily file will come where only hourly ones are there.
    pub(crate) awaits_daily: bool,
    /// Whether the type's history lets expect a file.
    pub(crate) is_expected: bool,
    /// Counts.
    pub(crate) counts: Counts,
}

/// Counts of one hour. Daily files count in each hour they have a say in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) listed: u64,
    pub(crate) fetched: u64,
    pub(crate) reissued: u64,
    pub(crate) rejected: u64,
    pub(crate) disputed: u64,
    pub(crate) set_aside: u64,
    pub(crate) rows_hourly: u64,
    pub(crate) rows_daily: Option<u64>,
    pub(crate) repeats: u64,
    pub(crate) missing: u64,
    pub(crate) late: u64,
    pub(crate) delivered: BTreeMap<String, u64>,
    pub(crate) withheld: BTreeMap<String, u64>,
    pub(crate) first_listed: Option<i64>,
    pub(crate) last_change: Option<i64>,
}

/// One day of an event type.
#[derive(Debug, Default)]
pub(crate) struct Lane<'a> {
    hourly: BTreeMap<u8, Vec<&'a Account>>,
    daily: Vec<&'a Account>,
    /// Rows whose time is outside the day.
    pub(crate) outside: u64,
}

/// The days, by their number since 1970.
pub(crate) fn days(accounts: &[Account]) -> BTreeMap<i64, Lane<'_>> {
    let mut days: BTreeMap<i64, Lane<'_>> = BTreeMap::new();
    for account in accounts {
        let log_date = account.unit.listed.log_date;
        let lane = days.entry(log_date.div_euclid(DAY)).or_default();
        lane.outside += rows(account, OUTSIDE).map_or(0, |hour| hour.admitted);
        if is_hourly(&account.unit) {
            let hour = (log_date.rem_euclid(DAY) / HOUR) as u8;
            lane.hourly.entry(hour).or_default().push(account);
        } else {
            lane.daily.push(account);
        }
    }
    days
}

fn rows(account: &Account, hour: u8) -> Option<&HourRows> {
    account.hours.iter().find(|rows| rows.hour == hour)
}

fn stage(account: &Account) -> Stage {
    match account.unit.state {
        State::Listed | State::Fetched | State::Admitted => Stage::UnderWay,
        State::Done => Stage::Done,
        State::Vanished => Stage::Vanished,
        State::Rejected => Stage::Rejected,
        State::Disputed => Stage::Disputed,
        State::Skipped => Stage::Skipped,
    }
}

impl Lane<'_> {
    /// The last version of the daily file.
    fn last_daily(&self) -> Option<&Account> {
        self.daily.iter().max_by_key(|account| account.unit.listed.created_date).copied()
    }

    /// Whether the daily file is delivered, so that every hour of the day is known.
    pub(crate) fn is_whole(&self) -> bool {
        self.last_daily().is_some_and(|account| account.unit.state == State::Done)
    }

    /// What is known of an hour.
    pub(crate) fn hour(&self, hour: u8) -> Facts {
        let mut facts = Facts::default();
        let none = Vec::new();
        let hourly = self.hourly.get(&hour).unwrap_or(&none);
        // In the order of handling, later versions of a file come after earlier ones.
        for account in hourly {
            let again = facts.hourly.insert(account.unit.listed.sequence, stage(account));
            facts.counts.reissued += u64::from(again.is_some());
        }
        if let Some(last) = self.last_daily() {
            let has_rows = self.daily.iter().any(|account| rows(account, hour).is_some());
            let open =
                !is_decided(&last.unit) && self.hourly.is_empty() && stage(last) != Stage::Skipped;
            facts.daily = Some(stage(last));
            facts.is_in_daily = has_rows || open;
            if is_decided(&last.unit) {
                let found = rows(last, hour);
                facts.counts.rows_daily = Some(found.map_or(0, |rows| rows.rows));
                facts.counts.missing = found.map_or(0, |rows| rows.missing);
                facts.only_reported =
                    found.map_or(0, |rows| rows.rows.saturating_sub(rows.admitted + rows.repeats));
            }
            facts.counts.reissued += self.daily.len() as u64 - 1;
        }
        for account in hourly.iter().chain(&self.daily) {
            facts.counts.add(account, rows(account, hour));
        }
        facts.counts.set_aside = self.set_aside(hour, hourly, facts.daily == Some(Stage::Done));
        facts
    }

    /// Rows set aside of the files that have a say in an hour. What a destination refused is missing
    /// there, whatever other file has it; what cannot be decoded is not, where a later version or the
    /// whole daily file is delivered.
    fn set_aside(&self, hour: u8, hourly: &[&Account], is_whole: bool) -> u64 {
        let is_last =
            |one: &Account, of: Option<&Account>| of.is_some_and(|of| std::ptr::eq(of, one));
        let version = |one: &Account| {
            let sequence = one.unit.listed.sequence;
            hourly.iter().rev().find(|it| it.unit.listed.sequence == sequence).copied()
        };
        let of = |account: &Account, decoding: bool| -> u64 {
            let counts = account.set_aside.iter();
            counts.filter(|(to, _)| to.is_some() || decoding).map(|(_, letters)| letters).sum()
        };
        let hourly = hourly.iter().map(|one| of(one, !is_whole && is_last(one, version(one))));
        let daily = self.daily.iter().filter(|one| rows(one, hour).is_some());
        let daily = daily.map(|one| of(one, is_last(one, self.last_daily())));
        hourly.sum::<u64>() + daily.sum::<u64>()
    }
}

impl Counts {
    fn add(&mut self, account: &Account, rows: Option<&HourRows>) {
        let unit = &account.unit;
        self.listed += 1;
        self.fetched += u64::from(unit.content_hash.is_some());
        self.rejected += u64::from(unit.state == State::Rejected);
        self.disputed += u64::from(unit.state == State::Disputed);
        let earlier = self.first_listed.map_or(unit.listed_at, |at| at.min(unit.listed_at));
        self.first_listed = Some(earlier);
        self.last_change = self.last_change.max(unit.final_at).max(Some(unit.listed_at));
        let admitted = rows.map_or(0, |rows| rows.admitted);
        for (destination, reached) in &account.deliveries {
            let delivered = self.delivered.entry(destination.clone()).or_default();
            *delivered += if *reached == Reached::Done { admitted } else { 0 };
            if *reached == Reached::Withheld && admitted > 0 {
                *self.withheld.entry(destination.clone()).or_default() += admitted;
            }
        }
        let Some(rows) = rows else { return };
        self.repeats += rows.repeats;
        if is_hourly(&account.unit) {
            self.rows_hourly += rows.rows;
        } else {
            self.late += rows.admitted.min(rows.missing);
        }
    }
}
