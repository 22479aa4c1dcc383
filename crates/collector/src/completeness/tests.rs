//! The record from units alone: no ledger, no clock.

use std::collections::BTreeMap;

use orgtap_events::time::DAY;
use orgtap_ledger::unit::State;
use orgtap_ledger::{Account, HourRows, Lane, NewUnit, Reached, Unit};

use super::coming::Coming;
use super::facts::{Facts, Stage};
use super::judge::{Clock, DUE, HourState, Judged, RETENTION, Reason, judge};
use super::record::{Record, TypeRecord};
use super::{All, HOUR, Period, of_type};
use crate::config::IntervalPolicy;
use crate::reconcile::is_hourly;

/// A Monday.
const MONDAY: i64 = 20_731;
/// Long after everything, and asked for.
const LATE: Clock = clock(MONDAY + 10, MONDAY + 10);

const fn clock(now: i64, known_to: i64) -> Clock {
    Clock { now: now * DAY, known_to: known_to * DAY }
}

fn facts(hourly: &[(i64, Stage)], daily: Option<Stage>) -> Facts {
    let hourly: BTreeMap<i64, Stage> = hourly.iter().copied().collect();
    Facts { hourly, daily, is_in_daily: daily.is_some(), ..Facts::default() }
}

fn judged(facts: &Facts, clock: Clock) -> (HourState, Option<Reason>) {
    let Judged { state, reason } = judge(facts, MONDAY * DAY, clock).expect("there is a state");
    (state, reason)
}

#[test]
fn an_hour_is_complete_when_all_files_listed_for_it_are_delivered() {
    let complete = (HourState::Complete, None);
    assert_eq!(judged(&facts(&[(1, Stage::Done), (2, Stage::Done)], None), LATE), complete);
    assert_eq!(judged(&facts(&[], Some(Stage::Done)), LATE), complete);
    let skipped = facts(&[(1, Stage::Done)], Some(Stage::Skipped));
    assert_eq!(judged(&skipped, LATE), complete);
}

#[test]
fn an_hour_is_partial_while_a_file_is_under_way() {
    for facts in [
        facts(&[(1, Stage::Done), (2, Stage::UnderWay)], None),
        facts(&[(1, Stage::Done)], Some(Stage::UnderWay)),
        facts(&[(1, Stage::UnderWay)], Some(Stage::Done)),
        facts(&[], Some(Stage::UnderWay)),
    ] {
        assert_eq!(judged(&facts, LATE), (HourState::Partial, Some(Reason::UnderWay)));
    }
}

#[test]
fn a_file_that_failed_leaves_a_gap_and_a_hole_in_the_sequence_too() {
    for (stage, reason) in [
        (Stage::Vanished, Reason::Vanished("hourly file")),
        (Stage::Rejected, Reason::Rejected("hourly file")),
        (Stage::Disputed, Reason::Disputed("hourly file")),
    ] {
        let facts = facts(&[(1, Stage::Done), (2, stage), (3, Stage::UnderWay)], None);
        assert_eq!(judged(&facts, LATE), (HourState::Gap, Some(reason)));
        assert!(reason.remedy().is_some() && !reason.is_inferred());
    }
    let hole = facts(&[(1, Stage::Done), (3, Stage::Done)], None);
    assert_eq!(judged(&hole, LATE), (HourState::Gap, Some(Reason::NoSequence(2))));
    let hole = facts(&[(2, Stage::Done)], None);
    assert_eq!(judged(&hole, LATE), (HourState::Gap, Some(Reason::NoSequence(1))));
    let disputed = facts(&[(1, Stage::Done)], Some(Stage::Disputed));
    assert_eq!(judged(&disputed, LATE).1, Some(Reason::Disputed("daily file")));
}

#[test]
fn a_delivered_daily_file_makes_up_for_hourly_ones_unless_rows_are_only_reported() {
    let hourly = [(1, Stage::Vanished), (3, Stage::Rejected), (4, Stage::Disputed)];
    let mut healed = facts(&hourly, Some(Stage::Done));
    assert_eq!(judged(&healed, LATE), (HourState::Complete, None));
    healed.only_reported = 7;
    assert_eq!(judged(&healed, LATE), (HourState::Gap, Some(Reason::OnlyReported(7))));
}

#[test]
fn where_both_copies_come_the_hourly_one_alone_is_partial_and_later_a_gap() {
    let mut awaits = Facts { awaits_daily: true, ..facts(&[(1, Stage::Done)], None) };
    let due = (MONDAY + 1) * DAY + DUE;
    let asked = Clock { now: due, known_to: due };
    assert_eq!(judged(&awaits, asked).0, HourState::Complete, "no events, no daily file");
    awaits.counts.rows_hourly = 1;
    for (known_to, state) in [(due - 1, HourState::Partial), (due, HourState::Gap)] {
        let found = judged(&awaits, Clock { now: due + DAY, known_to });
        assert_eq!(found.0, state);
        assert!(found.1.unwrap().is_inferred());
    }
}

#[test]
fn an_expected_file_is_overdue_only_when_the_org_was_asked_late_enough() {
    let expected = Facts { is_expected: true, ..Facts::default() };
    let due = MONDAY * DAY + HOUR + DUE;
    for (known_to, state) in [(due - 1, HourState::Expected), (due, HourState::Gap)] {
        let found = judged(&expected, Clock { now: due + DAY, known_to });
        assert_eq!(found.0, state);
        assert!(found.1.unwrap().is_inferred());
    }
    assert_eq!(judge(&Facts::default(), MONDAY * DAY, LATE), None, "nothing to say");
}

#[test]
fn a_gap_is_lost_when_the_org_keeps_it_no_longer_but_not_what_lies_in_the_spool() {
    let end = MONDAY * DAY + HOUR + RETENTION;
    for (stage, after) in [
        (Stage::Vanished, HourState::Lost),
        (Stage::Rejected, HourState::Gap),
        (Stage::Disputed, HourState::Gap),
    ] {
        let facts = facts(&[(1, stage)], None);
        for (now, state) in [(end - 1, HourState::Gap), (end, after)] {
            assert_eq!(judged(&facts, Clock { now, known_to: now }).0, state, "{stage:?}");
        }
    }
}

/// A unit of a day with these rows in these hours; hourly when it is of one hour.
fn account(day: i64, hour: Option<u8>, state: State, rows: &[(u8, u64)]) -> Account {
    let log_date = day * DAY + hour.map_or(0, |hour| i64::from(hour) * HOUR);
    let sequence = i64::from(hour.is_some());
    let listed = NewUnit {
        lane: Lane { connector: "acme".into(), event_type: "Login".into(), day: day.to_string() },
        interval: if hour.is_some() { "Hourly" } else { "Daily" }.into(),
        sequence,
        log_file_id: format!("0AT{day}-{hour:?}"),
        log_date,
        created_date: log_date + 30 * HOUR,
        length: 1,
    };
    let unit = Unit {
        id: 1,
        listed,
        state,
        attempts: 0,
        not_before: 0,
        note: None,
        spool_path: None,
        spool_bytes: 0,
        raw_bytes: 0,
        rows: rows.iter().map(|(_, rows)| *rows as i64).sum(),
        admitted: 0,
        repeats: 0,
        undecodable: 0,
        exceptions: 0,
        content_hash: Some("hash".into()),
        listed_at: log_date + 31 * HOUR,
        final_at: Some(log_date + 32 * HOUR),
        spooled: false,
    };
    let hours = rows.iter().map(|(hour, rows)| HourRows {
        hour: *hour,
        rows: *rows,
        admitted: *rows,
        repeats: 0,
        missing: u64::from(sequence == 0),
    });
    let reached = if state == State::Done { Reached::Done } else { Reached::UnderWay };
    let deliveries = vec![("siem".to_owned(), reached)];
    Account { unit, hours: hours.collect(), deliveries, set_aside: Vec::new() }
}

fn record(accounts: &[Account], both: bool, clock: Clock) -> Vec<TypeRecord> {
    let period = Period { from: MONDAY * DAY, to: clock.now, now: clock.now };
    let first = accounts.iter().map(|account| account.unit.listed.log_date.div_euclid(DAY)).min();
    let both = both && accounts.iter().any(|account| !is_hourly(&account.unit));
    let all = All { both, first, clock };
    let kind = |account: &Account| account.unit.listed.lane.event_type.clone();
    let types = accounts.chunk_by(|a, b| kind(a) == kind(b));
    types.map(|accounts| of_type(kind(&accounts[0]), accounts, all, period)).collect()
}

#[test]
fn a_daily_file_is_spread_over_its_hours_and_counted_once_in_each() {
    let accounts = [
        account(MONDAY, Some(3), State::Done, &[(3, 10)]),
        account(MONDAY, None, State::Done, &[(3, 12), (5, 4), (24, 9)]),
    ];
    let types = record(&accounts, true, LATE);
    let hours = &types[0].hours;
    let found: Vec<_> = hours.iter().map(|h| ((h.hour - MONDAY * DAY) / HOUR, h.state)).collect();
    assert_eq!(found, [(3, HourState::Complete), (5, HourState::Complete)]);
    assert_eq!((hours[0].rows_hourly, hours[0].rows_daily), (10, Some(12)));
    assert_eq!((hours[0].files_listed, hours[0].missing, hours[0].late), (2, 1, 1));
    assert_eq!(hours[0].delivered["siem"], 22);
    assert_eq!((hours[1].rows_hourly, hours[1].rows_daily), (0, Some(4)));
    assert_eq!(types[0].outside, 9);
}

#[test]
fn a_daily_file_that_is_not_there_yet_leaves_every_hour_of_its_day_open() {
    let accounts = [account(MONDAY, None, State::Listed, &[])];
    let hours = &record(&accounts, true, LATE)[0].hours;
    assert_eq!(hours.len(), 24);
    assert!(hours.iter().all(|hour| hour.state == HourState::Partial));
}

#[test]
fn an_hour_is_not_complete_while_rows_of_it_are_open_dead_letters() {
    let refused = || vec![(Some("siem".to_owned()), 2)];
    let undecodable = || vec![(None, 3)];
    let hourly =
        |set_aside| Account { set_aside, ..account(MONDAY, Some(3), State::Done, &[(3, 9)]) };
    let daily = |set_aside| Account { set_aside, ..account(MONDAY, None, State::Done, &[(3, 9)]) };
    // Of the third hour: its state, and what is set aside of it.
    let third = |accounts: &[Account]| {
        let types = record(accounts, false, LATE);
        let hour = types[0].hours.iter().find(|hour| hour.hour == MONDAY * DAY + 3 * HOUR).unwrap();
        assert_eq!(hour.remedy.is_some(), hour.set_aside > 0);
        (hour.state, hour.set_aside)
    };
    let complete = (HourState::Complete, 0);
    assert_eq!(third(&[hourly(vec![])]), complete);
    assert_eq!(third(&[hourly(undecodable())]), (HourState::Gap, 3));
    assert_eq!(third(&[hourly(refused())]), (HourState::Gap, 2));
    assert_eq!(third(&[daily([refused(), undecodable()].concat())]), (HourState::Gap, 5));
    // A later version, or the daily file, has what could not be decoded; what was refused stays so.
    assert_eq!(third(&[hourly(undecodable()), hourly(vec![])]), complete);
    assert_eq!(third(&[hourly(undecodable()), daily(vec![])]), complete);
    assert_eq!(third(&[hourly(refused()), hourly(vec![])]), (HourState::Gap, 2));
    assert_eq!(third(&[hourly(refused()), daily(vec![])]), (HourState::Gap, 2));
    // Once it is replayed or dismissed, it is none.
    let (connector, known_to) = ("acme".into(), LATE.known_to);
    let types = record(&[hourly(refused())], false, LATE);
    let record = Record { connector, known_to, come_to: known_to, types };
    let until = record.until(MONDAY * DAY + 24 * HOUR);
    assert_eq!((until.complete, until.gaps), (false, 1));
}

#[test]
fn an_hour_is_not_complete_while_rows_of_it_are_withheld_from_a_destination() {
    let withheld = |hour, rows: &[(u8, u64)]| {
        let mut account = account(MONDAY, hour, State::Done, rows);
        account.deliveries.push(("young".to_owned(), Reached::Withheld));
        account
    };
    // The daily file has all there is of the hour, and is withheld where it had new rows.
    let accounts = [
        withheld(Some(3), &[(3, 10)]),
        account(MONDAY, Some(5), State::Done, &[(5, 10)]),
        withheld(None, &[(7, 2)]),
    ];
    let types = record(&accounts, true, LATE);
    let found: Vec<_> = types[0]
        .hours
        .iter()
        .map(|hour| (hour.state, hour.withheld.get("young").copied(), hour.delivered["siem"]))
        .collect();
    let gap = |rows, delivered| (HourState::Gap, Some(rows), delivered);
    assert_eq!(found, [gap(10, 10), (HourState::Complete, None, 10), gap(2, 2)]);
    let hour = &types[0].hours[0];
    assert!(hour.reason.as_ref().unwrap().contains("young") && hour.remedy.is_some());
    assert!(!hour.inferred);

    let (connector, known_to) = ("acme".into(), LATE.known_to);
    let record = Record { connector, known_to, come_to: known_to, types };
    let until = |hours: i64| record.until(MONDAY * DAY + hours * HOUR);
    assert!(until(3).complete);
    let all = until(24);
    assert!(!all.complete && all.known);
    assert_eq!((all.gaps, all.withheld, all.waiting), (2, 2, 0));
    // What is missing for everybody is said first.
    let mut hole = facts(&[(2, Stage::Done)], None);
    hole.counts.withheld.insert("young".into(), 1);
    assert_eq!(judged(&hole, LATE).1, Some(Reason::NoSequence(1)));
    hole.hourly = [(1, Stage::UnderWay)].into();
    assert_eq!(judged(&hole, LATE), (HourState::Gap, Some(Reason::Withheld)));
}

/// Hourly files of working days before `MONDAY`, two hours a day, one of them not regularly.
fn weeks(days: i64, daily: bool) -> Vec<Account> {
    let mut accounts = Vec::new();
    for day in (MONDAY - days..MONDAY).filter(|day| !matches!((day + 4).rem_euclid(7), 0 | 6)) {
        accounts.push(account(day, Some(9), State::Done, &[(9, 5)]));
        if day % 2 == 0 {
            accounts.push(account(day, Some(11), State::Done, &[(11, 5)]));
        }
        if daily {
            accounts.push(account(day, None, State::Done, &[(9, 5)]));
        }
    }
    accounts
}

#[test]
fn only_an_hour_that_was_always_there_is_expected_and_only_on_days_of_its_kind() {
    let two_weeks = record(&weeks(14, false), false, clock(MONDAY + 7, MONDAY + 2));
    let found: Vec<_> = two_weeks[0]
        .hours
        .iter()
        .map(|hour| (hour.hour / DAY - MONDAY, hour.hour % DAY / HOUR, hour.state, hour.inferred))
        .collect();
    // No longer once the type stayed away for a day.
    assert_eq!(found, [(0, 9, HourState::Expected, true), (1, 9, HourState::Expected, true)]);
    let too_few = record(&weeks(4, false), false, clock(MONDAY + 1, MONDAY + 1));
    assert!(too_few[0].hours.is_empty());
}

#[test]
fn a_daily_file_is_awaited_where_the_type_has_them() {
    for (daily, state) in [(true, HourState::Partial), (false, HourState::Complete)] {
        let mut accounts = weeks(14, daily);
        let other = Account { hours: Vec::new(), ..account(MONDAY - 9, None, State::Done, &[]) };
        accounts.push(account(MONDAY, Some(9), State::Done, &[(9, 5)]));
        let mut types = vec![other];
        types[0].unit.listed.lane.event_type = "Other".into();
        accounts.extend(types);
        let hours = &record(&accounts, true, clock(MONDAY + 1, MONDAY + 1))[0].hours;
        assert_eq!(hours[0].state, state, "{daily}");
    }
}

#[test]
fn everything_up_to_a_moment_is_delivered_or_it_says_what_is_not() {
    let accounts = [
        account(MONDAY, Some(3), State::Done, &[(3, 10)]),
        account(MONDAY, Some(5), State::Vanished, &[]),
        account(MONDAY, Some(7), State::Listed, &[]),
    ];
    let types = record(&accounts, false, LATE);
    let (connector, known_to) = ("acme".into(), LATE.known_to);
    let record = Record { connector, known_to, come_to: known_to, types };
    let until = |hours: i64| record.until(MONDAY * DAY + hours * HOUR);
    assert!(until(5).complete && until(5).known);
    let six = until(6);
    assert!(!six.complete);
    assert_eq!((six.gaps, six.waiting), (1, 0));
    assert_eq!(six.first.unwrap().0, "Login");
    assert_eq!((until(8).gaps, until(8).waiting), (1, 1));
    let early = Record { come_to: MONDAY * DAY + HOUR, ..record };
    assert!(!early.until(MONDAY * DAY + 2 * HOUR).known, "files may come later");
}

#[test]
fn hourly_files_have_come_after_six_hours_and_daily_ones_in_the_night_or_not_at_all() {
    use IntervalPolicy::{Auto, Daily, Hourly};
    let hourly = account(MONDAY - 1, Some(3), State::Done, &[(3, 1)]);
    let daily = account(MONDAY - 1, None, State::Done, &[(3, 1)]);
    // Asked at this hour from the begin of Monday on; all has come up to that one.
    let come_to = |interval, accounts: &[&Account], asked: i64| {
        let mut coming = Coming::new(interval);
        for account in accounts {
            coming.learn(&[(*account).clone()]);
        }
        (coming.come_to(MONDAY * DAY + asked * HOUR) - MONDAY * DAY) / HOUR
    };
    assert_eq!(come_to(Hourly, &[&hourly], 20), 14);
    assert_eq!(come_to(Hourly, &[&daily], 20), 14, "the daily one is of another time");
    for interval in [Daily, Auto] {
        assert_eq!(come_to(interval, &[&hourly, &daily], 20), 0);
        assert_eq!(come_to(interval, &[&daily], 6), 0, "the batch of the night is there");
        assert_eq!(come_to(interval, &[&daily], 5), -24, "and may yet be under way");
        assert_eq!(come_to(interval, &[&daily], 47), 0);
        assert_eq!(come_to(interval, &[&daily], 48), 24, "a quiet day");
    }
    assert_eq!(come_to(Daily, &[], 23), -24, "of the last day nothing has come");
}
