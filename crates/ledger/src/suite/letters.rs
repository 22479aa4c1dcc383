//! Cases about dead letters: which there are, and how they are closed.

use super::Storage;
use super::scene::{
    ACME, COLLECT, NOW, TO_SIEM, admit, dead_letter, file, finish, lane, last_step, list, take,
};
use crate::unit::{Event, State};
use crate::{
    Closed, Closing, DeadLetter, DeliveryDelta, Ledger, Letter, LetterChoice, LetterId, LogDates,
    Unit,
};

/// A unit of a lane that `siem` has finished, but for these rows.
pub(super) async fn refused(ledger: &dyn Ledger, event_type: &str, rows: &[i64]) -> Unit {
    let lane = lane(event_type);
    let unit = admit(ledger, &lane, 1, &["siem"]).await.remove(0);
    let lease = take(ledger, &lane, TO_SIEM).await;
    let rejected = rows.iter().map(|row| dead_letter(unit.id, *row, NOW)).collect();
    let step = DeliveryDelta { rejected, ..last_step(unit.id, "siem", 0, 100) };
    ledger.deliver(&lease, &[step], NOW).await.unwrap();
    ledger.release(&lease).await.unwrap();
    unit
}

/// A ledger with something in most places.
#[cfg(test)]
pub(crate) async fn letters_and_replays(ledger: &dyn Ledger) {
    let unit = refused(ledger, "Login", &[1, 2]).await;
    refused(ledger, "Logout", &[3]).await;
    ledger.replay_letters(&ids(&open(ledger).await)[..1], NOW).await.unwrap();
    ledger.replay_units(&[unit.id], "archive", NOW).await.unwrap();
    ledger.dismiss(&ids(&open(ledger).await)[1..2], NOW).await.unwrap();
    let place = crate::Cursor { created_date: 7, log_file_id: "x".to_owned() };
    ledger.list(ACME, super::scene::HOURLY, &[], None, Some(&place), NOW).await.unwrap();
}

/// All open letters of the connector, newest first.
pub(super) async fn open(ledger: &dyn Ledger) -> Vec<Letter> {
    ledger.letters(&LetterChoice::of(ACME), usize::MAX).await.unwrap()
}

pub(super) fn ids(letters: &[Letter]) -> Vec<LetterId> {
    letters.iter().map(|found| found.id).collect()
}

/// Those of rows alone: what is known of the whole unit, its state says.
pub async fn open_letters_of_rows_are_in_their_units_account(storage: &dyn Storage) {
    let ledger = storage.open().await;
    refused(&*ledger, "Login", &[1, 2]).await;
    let lane = lane("Api");
    list(&*ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let units = ledger.units(&lane).await.unwrap();
    let lease = take(&*ledger, &lane, COLLECT).await;
    let event = Event::Undecodable { reason: "a bomb".to_owned() };
    let of = |row, unit| DeadLetter { row, ..dead_letter(unit, 0, NOW) };
    ledger.apply(&lease, units[0].id, &event, &[of(None, units[0].id)], NOW).await.unwrap();
    let rows = [of(Some(3), units[1].id), of(Some(4), units[1].id), of(Some(5), units[1].id)];
    ledger.apply(&lease, units[1].id, &event, &rows, NOW).await.unwrap();
    let dates = LogDates { connector: ACME, from: 0, to: i64::MAX };
    let set_aside = async |event_type| {
        let accounts = ledger.accounts(dates, event_type).await.unwrap();
        accounts.into_iter().map(|account| account.set_aside).collect::<Vec<_>>()
    };
    assert_eq!(set_aside("Login").await, [[(Some("siem".to_owned()), 2)]]);
    assert_eq!(set_aside("Api").await, [vec![], vec![(None, 3)]]);
    let letters = ids(&open(&*ledger).await);
    ledger.dismiss(&letters[..1], NOW).await.unwrap();
    assert_eq!(set_aside("Api").await, [vec![], vec![(None, 2)]]);
    ledger.dismiss(&letters, NOW).await.unwrap();
    assert_eq!(set_aside("Login").await, [vec![]]);
}

/// Those of other lanes stay, and so do open ones.
pub async fn closed_letters_of_a_lane_are_forgotten(storage: &dyn Storage) {
    let ledger = storage.open().await;
    refused(&*ledger, "Login", &[1, 2, 3]).await;
    refused(&*ledger, "Logout", &[4]).await;
    let all = ids(&open(&*ledger).await);
    ledger.dismiss(&all[..3], NOW).await.unwrap();
    assert_eq!(ledger.forget_letters(&lane("Login")).await.unwrap(), 2);
    assert_eq!(ledger.forget_letters(&lane("Login")).await.unwrap(), 0);
    let of = async |closed| {
        let choice = LetterChoice { closed, ..LetterChoice::of(ACME) };
        let letters = ledger.letters(&choice, 9).await.unwrap();
        letters.into_iter().map(|found| found.listed.lane.event_type).collect::<Vec<_>>()
    };
    assert_eq!((of(true).await, of(false).await), (vec!["Logout".into()], vec!["Login".into()]));
}

/// By destination, code, event type, unit and number; the payload only when asked for.
pub async fn dead_letters_are_chosen_and_counted(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let login = refused(&*ledger, "Login", &[1, 2]).await;
    refused(&*ledger, "Logout", &[3]).await;
    let lane = lane("Api");
    list(&*ledger, &[file(&lane, 0)]).await;
    let unit = ledger.units(&lane).await.unwrap().remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    let event = Event::Undecodable { reason: "a bomb".to_owned() };
    let whole =
        DeadLetter { row: None, code: "OT-UNIT-03".to_owned(), ..dead_letter(unit.id, 0, NOW + 1) };
    ledger.apply(&lease, unit.id, &event, &[whole], NOW).await.unwrap();

    let all = LetterChoice::of(ACME);
    let of_siem = LetterChoice { destination: Some("siem".to_owned()), ..all.clone() };
    let coded = LetterChoice { code: Some("OT-UNIT-03".to_owned()), ..all.clone() };
    let types = vec!["Login".to_owned(), "Api".to_owned()];
    let typed = LetterChoice { event_types: Some(types), ..all.clone() };
    let of_unit = LetterChoice { unit: Some(login.id), ..all.clone() };
    let oldest = ledger.letters(&all, 9).await.unwrap().pop().unwrap();
    let one = LetterChoice { letter: Some(oldest.id), ..all.clone() };
    let elsewhere = LetterChoice { unit: Some(unit.id), ..one.clone() };
    let foreign = LetterChoice { connector: "other".to_owned(), ..one.clone() };
    for (choice, count) in [
        (&all, 4),
        (&of_siem, 3),
        (&coded, 1),
        (&typed, 3),
        (&of_unit, 2),
        (&one, 1),
        (&elsewhere, 0),
        (&foreign, 0),
    ] {
        assert_eq!(ledger.letters(choice, 9).await.unwrap().len(), count, "{choice:?}");
        let counts = ledger.letter_counts(choice).await.unwrap();
        assert_eq!(counts.iter().map(|one| one.letters).sum::<i64>(), count as i64);
    }
    let none = LetterChoice { event_types: Some(Vec::new()), ..all.clone() };
    assert!(ledger.letters(&none, 9).await.unwrap().is_empty());
    let counts = ledger.letter_counts(&all).await.unwrap();
    let found: Vec<_> = counts.iter().map(|one| (one.code.as_str(), one.letters)).collect();
    assert_eq!(found, [("OT-UNIT-01", 3), ("OT-UNIT-03", 1)]);

    let newest = ledger.letters(&all, 1).await.unwrap().remove(0);
    assert_eq!((newest.listed, newest.letter.row), (unit.listed, None));
    assert_eq!((newest.asked, newest.closed), (false, None));
    assert_eq!((oldest.letter.unit, oldest.letter.row), (login.id, Some(1)));
    assert!(oldest.letter.payload.is_empty());
    let with = LetterChoice { payload: true, ..all };
    assert!(!ledger.letters(&with, 1).await.unwrap()[0].letter.payload.is_empty());
}

/// The decision and its time stay; the letter counts no more and holds back no bytes.
pub async fn a_dismissed_letter_is_closed_and_remembered(storage: &dyn Storage) {
    let ledger = storage.open().await;
    refused(&*ledger, "Login", &[1, 2]).await;
    let letters = open(&*ledger).await;
    assert!(ledger.releasable(i64::MAX, 9).await.unwrap().is_empty());
    let first = [letters[0].id];
    assert_eq!(ledger.dismiss(&first, NOW + 5).await.unwrap(), 1);
    assert_eq!(ledger.dismiss(&first, NOW + 6).await.unwrap(), 0);
    assert_eq!(open(&*ledger).await, letters[1..]);
    assert_eq!(ledger.summary(ACME).await.unwrap().dead_letters, 1);
    let choice = LetterChoice { closed: true, ..LetterChoice::of(ACME) };
    let closed = Some(Closed { at: NOW + 5, how: Closing::Dismissed });
    let expected = Letter { closed, ..letters[0].clone() };
    assert_eq!(ledger.letters(&choice, 9).await.unwrap(), [expected]);
    assert_eq!(ledger.replay_letters(&first, NOW).await.unwrap().asked, 0);
    assert_eq!(ledger.dismiss(&ids(&letters), NOW).await.unwrap(), 1);
    assert_eq!(ledger.releasable(i64::MAX, 9).await.unwrap().len(), 1);
}

/// It goes its whole way again; a second failure is a letter of its own.
pub async fn an_undecodable_unit_is_listed_anew_when_asked_for(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    list(&*ledger, &[file(&lane, 0)]).await;
    let fresh = ledger.units(&lane).await.unwrap().remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    let event = Event::Undecodable { reason: "a bomb".to_owned() };
    let whole = [DeadLetter { row: None, ..dead_letter(fresh.id, 0, NOW) }];
    for _ in 0..2 {
        ledger.apply(&lease, fresh.id, &event, &whole, NOW).await.unwrap();
        assert_eq!(ledger.unit(fresh.id).await.unwrap().state, State::Rejected);
        let letters = open(&*ledger).await;
        let asked = ledger.replay_letters(&ids(&letters), NOW).await.unwrap();
        assert_eq!((asked.listed, asked.asked), (1, 0));
        assert!(open(&*ledger).await.is_empty());
        assert_eq!(ledger.unit(fresh.id).await.unwrap(), fresh);
    }
    let letter = dead_letter(fresh.id, 4, NOW);
    ledger.apply(&lease, fresh.id, &super::scene::fetched(100), &[letter], NOW).await.unwrap();
    ledger.apply(&lease, fresh.id, &super::scene::admitted(99), &[], NOW).await.unwrap();
    ledger.release(&lease).await.unwrap();
    finish(&*ledger, &fresh, "siem").await;
    // A row that could not be decoded cannot be sent.
    let letters = open(&*ledger).await;
    let asked = ledger.replay_letters(&ids(&letters), NOW).await.unwrap();
    assert_eq!((asked.undecodable, asked.asked, letters.len()), (1, 0, 1));
    assert_eq!(open(&*ledger).await, letters);
}
