//! Cases about hourly and daily copies: disputed units, and rows by hour.

use super::Storage;
use super::letters::{ids, open, refused};
use super::scene::{
    ACME, COLLECT, MINUTE, NOW, admit, admitted, assert_refused, dead_letter, fetched, file,
    finish, lane, list, take,
};
use crate::unit::{Event, State};
use crate::{
    Closed, Closing, DeadLetter, HourRows, Kind, Ledger, LedgerError, LetterChoice, LogDates,
    NewUnit, Reached, Unit,
};

fn dispute() -> Event {
    Event::Disputed { reason: "1 of 9 rows is in both copies".to_owned() }
}

/// The lane's daily file, in its version `n`.
fn daily(n: i64) -> NewUnit {
    let lane = lane("Login");
    NewUnit { interval: "Daily".to_owned(), sequence: 0, log_date: 0, ..file(&lane, n) }
}

/// Lists and fetches a version of the daily file, and disputes it.
async fn disputed(ledger: &dyn Ledger, n: i64) -> Unit {
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    list(ledger, &[daily(n)]).await;
    let lease = take(ledger, &lane, COLLECT).await;
    let units = ledger.units(&lane).await.unwrap();
    let unit = units.into_iter().find(|unit| unit.listed == daily(n)).unwrap();
    ledger.apply(&lease, unit.id, &fetched(9), &[], NOW).await.unwrap();
    let state = ledger.apply(&lease, unit.id, &dispute(), &[], NOW + 5).await.unwrap();
    assert_eq!(state, State::Disputed);
    ledger.release(&lease).await.unwrap();
    ledger.unit(unit.id).await.unwrap()
}

/// Nothing is due and nothing is to be delivered; the bytes are not let go.
pub async fn a_disputed_unit_is_final_keeps_its_bytes_and_says_why(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = disputed(&*ledger, 1).await;
    assert_eq!((unit.final_at, unit.spooled), (Some(NOW + 5), true));
    assert_eq!(unit.note.as_deref(), Some("1 of 9 rows is in both copies"));
    assert!(ledger.due(ACME, COLLECT, NOW + MINUTE, 9).await.unwrap().is_empty());
    assert!(ledger.deliveries(unit.id).await.unwrap().is_empty());
    assert!(ledger.releasable(NOW + MINUTE, 9).await.unwrap().is_empty());
    let lease = take(&*ledger, &lane("Login"), COLLECT).await;
    for event in [admitted(1), Event::Covered, dispute(), Event::Reconsidered] {
        let result = ledger.apply(&lease, unit.id, &event, &[], NOW).await;
        assert_refused!(result, LedgerError::Misfit(_));
    }
}

/// Then they are fetched and due, as if they had never been disputed.
pub async fn disputed_units_are_reconsidered_for_one_connector(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = disputed(&*ledger, 1).await;
    assert_eq!(ledger.reconsider("other", NOW).await.unwrap(), 0);
    assert_eq!(ledger.unit(unit.id).await.unwrap(), unit);
    assert_eq!(ledger.reconsider(ACME, NOW).await.unwrap(), 1);
    let now = ledger.unit(unit.id).await.unwrap();
    assert_eq!((now.state, now.final_at, now.note.as_deref()), (State::Fetched, None, None));
    assert_eq!((now.spooled, now.rows), (true, 9));
    assert_eq!(ledger.due(ACME, COLLECT, NOW, 9).await.unwrap().len(), 1);
    assert_eq!(ledger.summary(ACME).await.unwrap().disputed, 0);
    assert_eq!(ledger.reconsider(ACME, NOW).await.unwrap(), 0);
}

/// Its other letters, say of rows that could not be decoded, stay open.
pub async fn a_disputed_unit_is_decided_again_when_its_letter_is_replayed(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    list(&*ledger, &[daily(1), daily(2)]).await;
    let ids: Vec<_> = ledger.units(&lane).await.unwrap().iter().map(|unit| unit.id).collect();
    let lease = take(&*ledger, &lane, COLLECT).await;
    for id in &ids {
        let row = [dead_letter(*id, 4, NOW)];
        let whole = [DeadLetter { row: None, ..dead_letter(*id, 0, NOW) }];
        ledger.apply(&lease, *id, &fetched(9), &row, NOW).await.unwrap();
        ledger.apply(&lease, *id, &dispute(), &whole, NOW).await.unwrap();
    }
    let letters = ledger.letters(&LetterChoice::of(ACME), 9).await.unwrap();
    let whole = |id| letters.iter().find(|it| it.letter.unit == id && it.letter.row.is_none());
    let asked = ledger.replay_letters(&[whole(ids[0]).unwrap().id], NOW).await.unwrap();
    assert_eq!((asked.reconsidered, asked.listed, asked.asked), (1, 0, 0));
    let states = ledger.units(&lane).await.unwrap();
    let states: Vec<_> = states.iter().map(|unit| (unit.state, unit.spooled)).collect();
    assert_eq!(states, [(State::Fetched, true), (State::Disputed, true)]);
    assert_eq!(ledger.summary(ACME).await.unwrap().dead_letters, 3);
    let closed = LetterChoice { closed: true, ..LetterChoice::of(ACME) };
    let closed = ledger.letters(&closed, 9).await.unwrap();
    assert_eq!(closed[0].closed, Some(Closed { at: NOW, how: Closing::Replayed }));
}

/// It holds up no others it was chosen with. One that is disputed again has a letter of its own.
pub async fn the_letter_of_a_reconsidered_unit_is_closed(storage: &dyn Storage) {
    let ledger = storage.open().await;
    refused(&*ledger, "Logout", &[5]).await;
    let unit = disputed(&*ledger, 1).await;
    let lease = take(&*ledger, &lane("Login"), COLLECT).await;
    let row = dead_letter(unit.id, 4, NOW);
    let whole = || [DeadLetter { row: None, ..dead_letter(unit.id, 0, NOW) }, row.clone()];
    ledger.reconsider(ACME, NOW).await.unwrap();
    ledger.apply(&lease, unit.id, &dispute(), &whole(), NOW).await.unwrap();
    let before = ids(&open(&*ledger).await);
    assert_eq!(ledger.reconsider(ACME, NOW + 7).await.unwrap(), 1);
    let closed = LetterChoice { closed: true, ..LetterChoice::of(ACME) };
    let closed = ledger.letters(&closed, 9).await.unwrap();
    let closed: Vec<_> = closed.iter().map(|found| (found.letter.row, found.closed)).collect();
    assert_eq!(closed, [(None, Some(Closed { at: NOW + 7, how: Closing::Replayed }))]);
    ledger.apply(&lease, unit.id, &dispute(), &whole()[..1], NOW).await.unwrap();
    let asked = ledger.replay_letters(&before, NOW).await.unwrap();
    assert_eq!((asked.asked, asked.undecodable, asked.reconsidered), (1, 1, 0));
    assert_eq!(ledger.unit(unit.id).await.unwrap().state, State::Disputed);
}

/// A later version holds all the rows; that it is listed is not enough.
pub async fn a_dispute_counts_until_a_later_version_is_admitted(storage: &dyn Storage) {
    let ledger = storage.open().await;
    disputed(&*ledger, 2).await;
    list(&*ledger, &[daily(1), daily(3)]).await;
    let lane = lane("Login");
    for (version, left) in [(1, 1), (3, 0)] {
        assert_eq!(ledger.summary(ACME).await.unwrap().disputed, 1);
        let lease = take(&*ledger, &lane, COLLECT).await;
        let units = ledger.units(&lane).await.unwrap();
        let unit = units.into_iter().find(|unit| unit.listed == daily(version)).unwrap();
        ledger.apply(&lease, unit.id, &fetched(9), &[], NOW).await.unwrap();
        assert_eq!(ledger.summary(ACME).await.unwrap().disputed, 1);
        ledger.apply(&lease, unit.id, &admitted(9), &[], NOW).await.unwrap();
        ledger.release(&lease).await.unwrap();
        assert_eq!(ledger.summary(ACME).await.unwrap().disputed, left, "version {version}");
    }
}

/// What a person no longer wants is not delivered, though its bytes are there; they may go.
pub async fn a_unit_fetched_in_vain_may_be_covered(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = disputed(&*ledger, 1).await;
    ledger.reconsider(ACME, NOW).await.unwrap();
    let lease = take(&*ledger, &lane, COLLECT).await;
    let state = ledger.apply(&lease, unit.id, &Event::Covered, &[], NOW + 9).await.unwrap();
    assert_eq!(state, State::Skipped);
    let releasable = ledger.releasable(NOW + MINUTE, 9).await.unwrap();
    assert_eq!(releasable.iter().map(|unit| unit.id).collect::<Vec<_>>(), [unit.id]);
}

/// In the order of hours, and with who has the unit.
pub async fn rows_by_hour_are_kept_with_the_admission(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned(), "archive".to_owned()], NOW).await.unwrap();
    list(&*ledger, &[file(&lane, 0)]).await;
    let id = ledger.units(&lane).await.unwrap()[0].id;
    let account = || async { ledger.accounts(dated(0, 1), "Login").await.unwrap().remove(0) };
    assert!(account().await.hours.is_empty() && account().await.deliveries.is_empty());
    let hour = |hour, rows| HourRows { hour, rows, admitted: rows - 1, repeats: 1, missing: 2 };
    let lease = take(&*ledger, &lane, COLLECT).await;
    ledger.apply(&lease, id, &fetched(100), &[], NOW).await.unwrap();
    let event = Event::Admitted {
        admitted: 97,
        repeats: 3,
        undecodable: 0,
        exceptions: 3,
        hours: vec![hour(24, 7), hour(5, 90), hour(0, 3)],
    };
    ledger.apply(&lease, id, &event, &[], NOW).await.unwrap();
    let now = account().await;
    assert_eq!(now.unit, ledger.unit(id).await.unwrap());
    assert_eq!(now.hours, [hour(0, 3), hour(5, 90), hour(24, 7)]);
    let who = |siem| vec![("archive".to_owned(), Reached::UnderWay), ("siem".to_owned(), siem)];
    assert_eq!(now.deliveries, who(Reached::UnderWay));
    finish(&*ledger, &now.unit, "siem").await;
    assert_eq!(account().await.deliveries, who(Reached::Done));
}

/// The end does not belong to it; other connectors do not either.
pub async fn accounts_are_those_of_a_range_of_log_dates(storage: &dyn Storage) {
    let ledger = storage.open().await;
    for name in ["Logout", "Login"] {
        admit(&*ledger, &lane(name), 4, &["siem"]).await;
    }
    let hour = 60 * MINUTE;
    let dates = dated(hour, 3 * hour);
    let accounts = ledger.accounts(dates, "Login").await.unwrap();
    let found: Vec<_> = accounts
        .iter()
        .map(|it| (it.unit.listed.lane.event_type.as_str(), it.unit.listed.log_date / hour))
        .collect();
    assert_eq!(found, [("Login", 1), ("Login", 2)]);
    let kinds = ledger.kinds(dates).await.unwrap();
    let units = ledger.units(&lane("Logout")).await.unwrap();
    let of = |event_type: &str| Kind {
        event_type: event_type.to_owned(),
        interval: units[0].listed.interval.clone(),
        first: hour,
        newest: units[2].listed.created_date,
    };
    assert_eq!(kinds, [of("Login"), of("Logout")]);
    let others = LogDates { connector: "other", ..dated(0, i64::MAX) };
    assert!(ledger.accounts(others, "Login").await.unwrap().is_empty());
    assert!(ledger.kinds(others).await.unwrap().is_empty());
}

fn dated(from: i64, to: i64) -> LogDates<'static> {
    LogDates { connector: ACME, from, to }
}
