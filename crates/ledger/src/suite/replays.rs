//! Cases about replays: what is sent again to one destination.

use super::Storage;
use super::letters::{ids, open, refused};
use super::scene::{
    ACME, COLLECT, MINUTE, NOW, TO_SIEM, admit, assert_refused, dead_letter, file, finish, lane,
    last_step, list, step, take,
};
use crate::unit::{Event, State};
use crate::{
    DeadLetter, DeliveryDelta, Ledger, LedgerError, LetterChoice, Replay, ReplayId, UnitChoice,
    UnitId,
};

fn all() -> UnitChoice {
    UnitChoice { connector: ACME.to_owned(), ..UnitChoice::default() }
}

async fn chosen(ledger: &dyn Ledger, choice: &UnitChoice, destination: &str) -> Vec<UnitId> {
    let units = ledger.replayable(choice, destination).await.unwrap();
    units.iter().map(|unit| unit.id).collect()
}

async fn only_replay(ledger: &dyn Ledger) -> Replay {
    let mut replays = ledger.replays_of(ACME, 9).await.unwrap();
    assert_eq!(replays.len(), 1);
    replays.remove(0).1
}

fn replay_step(replay: ReplayId, unit: UnitId, from: i64, to: i64) -> DeliveryDelta {
    DeliveryDelta { replay: Some(replay), ..step(unit, from, to) }
}

/// Admitted ones that are not on their way there, each once.
pub async fn units_are_replayable_where_they_are_not_on_their_way(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let units = admit(&*ledger, &lane, 3, &["siem"]).await;
    list(&*ledger, &[file(&lane, 7)]).await;
    finish(&*ledger, &units[0], "siem").await;
    finish(&*ledger, &units[1], "siem").await;
    let [first, second, third] = [units[0].id, units[1].id, units[2].id];
    assert_eq!(chosen(&*ledger, &all(), "siem").await, [first, second]);
    assert_eq!(chosen(&*ledger, &all(), "archive").await, [first, second, third]);
    let date = units[1].listed.log_date;
    let since = UnitChoice { from: Some(date), ..all() };
    assert_eq!(chosen(&*ledger, &since, "archive").await, [second, third]);
    let until = UnitChoice { to: Some(date), ..all() };
    assert_eq!(chosen(&*ledger, &until, "archive").await, [first]);
    let one = UnitChoice { log_file_id: Some(units[1].listed.log_file_id.clone()), ..all() };
    assert_eq!(chosen(&*ledger, &one, "siem").await, [second]);
    let typed = UnitChoice { event_types: Some(vec!["Logout".to_owned()]), ..all() };
    assert!(chosen(&*ledger, &typed, "archive").await.is_empty());

    let ask = [first, second, third];
    assert_eq!(ledger.replay_units(&ask, "siem", NOW).await.unwrap(), 2);
    assert_eq!(ledger.replay_units(&ask, "siem", NOW).await.unwrap(), 0);
    assert!(chosen(&*ledger, &all(), "siem").await.is_empty());
    assert_eq!(ledger.summary(ACME).await.unwrap().replays, 2);
    assert_refused!(ledger.replay_units(&[-1], "siem", NOW).await, LedgerError::NoUnit(_));
    let kept: Vec<_> = ledger.replays_of(ACME, 9).await.unwrap();
    assert_eq!(kept.iter().map(|(unit, _)| unit.id).collect::<Vec<_>>(), [second, first]);
}

/// From where it stands, under the lane's lease, to its end; the delivery stays as it was.
pub async fn a_replay_moves_in_steps_beside_the_delivery(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let lane = lane("Login");
    let unit = refused(&*ledger, "Login", &[]).await;
    let delivery = ledger.deliveries(unit.id).await.unwrap();
    ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap();
    let replay = only_replay(&*ledger).await;
    assert_eq!((replay.position, &replay.rows, replay.ended_at), (0, &None, None));
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap()[0].lane, lane);
    assert!(ledger.due(ACME, "deliver:archive", NOW, 9).await.unwrap().is_empty());
    // The bytes are needed until it has ended.
    assert!(ledger.releasable(i64::MAX, 9).await.unwrap().is_empty());

    let lease = take(&*ledger, &lane, TO_SIEM).await;
    let go = |from, to| replay_step(replay.id, unit.id, from, to);
    ledger.deliver(&lease, &[go(0, 40)], NOW).await.unwrap();
    for wrong in [go(0, 50), go(41, 50), go(40, 39)] {
        assert_refused!(ledger.deliver(&lease, &[wrong], NOW).await, LedgerError::Delta { .. });
    }
    let unknown = replay_step(replay.id + 1, unit.id, 40, 50);
    assert_refused!(ledger.deliver(&lease, &[unknown], NOW).await, LedgerError::Delta { .. });
    let last = DeliveryDelta { done: true, ..go(40, 100) };
    ledger.deliver(&lease, &[last], NOW + 3).await.unwrap();
    assert_refused!(ledger.deliver(&lease, &[go(100, 100)], NOW).await, LedgerError::Delta { .. });
    let replay = only_replay(&*ledger).await;
    assert_eq!((replay.position, replay.delivered), (100, 100));
    assert_eq!((replay.ended_at, replay.note), (Some(NOW + 3), None));
    assert_eq!(ledger.deliveries(unit.id).await.unwrap(), delivery);
    assert!(ledger.replays(&lane, "siem").await.unwrap().is_empty());
    assert_eq!(ledger.releasable(i64::MAX, 9).await.unwrap().len(), 1);
    // Done is done; it may be asked for once more.
    assert_eq!(ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap(), 1);
}

/// A lane with something new comes before one with old things only.
pub async fn what_is_new_is_due_before_replays(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let old = refused(&*ledger, "Api", &[]).await;
    ledger.replay_units(&[old.id], "siem", NOW).await.unwrap();
    admit(&*ledger, &lane("Login"), 2, &["siem"]).await;
    let due = ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap();
    let found: Vec<_> =
        due.iter().map(|work| (work.lane.event_type.as_str(), work.units)).collect();
    assert_eq!(found, [("Login", 2), ("Api", 1)]);
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 1).await.unwrap(), due[..1]);
    let held = take(&*ledger, &lane("Api"), TO_SIEM).await;
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap(), due[..1]);
    ledger.release(&held).await.unwrap();
}

/// In the transaction of the step; one refused again stays open with the new reason.
pub async fn a_replayed_letter_is_closed_with_its_step(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = refused(&*ledger, "Login", &[5, 6, 70]).await;
    let letters = open(&*ledger).await;
    let asked = ledger.replay_letters(&ids(&letters), NOW).await.unwrap();
    assert_eq!((asked.asked, asked.waiting), (3, 0));
    let again = ledger.replay_letters(&ids(&letters), NOW).await.unwrap();
    assert_eq!((again.asked, again.waiting), (0, 3));
    assert!(open(&*ledger).await.iter().all(|letter| letter.asked));
    // A person changed their mind about one of them.
    ledger.dismiss(&[letters[1].id], NOW).await.unwrap();
    let replay = only_replay(&*ledger).await;
    assert_eq!((replay.rows, replay.position), (Some(vec![5, 70]), 5));

    let lease = take(&*ledger, &unit.listed.lane, TO_SIEM).await;
    let first = DeliveryDelta { delivered: 1, ..replay_step(replay.id, unit.id, 5, 6) };
    let reason = "still too large".to_owned();
    let refused = DeadLetter { reason, ..dead_letter(unit.id, 70, NOW + 9) };
    let second = DeliveryDelta {
        delivered: 0,
        rejected: vec![refused.clone()],
        done: true,
        ..replay_step(replay.id, unit.id, 6, 71)
    };
    ledger.deliver(&lease, &[first, second], NOW + 9).await.unwrap();
    let left = open(&*ledger).await;
    assert_eq!(left.len(), 1);
    assert_eq!((&left[0].letter.reason, left[0].letter.at), (&refused.reason, NOW + 9));
    assert_eq!((left[0].id, left[0].asked), (letters[0].id, false));
    let choice = LetterChoice { closed: true, ..LetterChoice::of(ACME) };
    let closed = ledger.letters(&choice, 9).await.unwrap();
    let how = |found: &crate::Letter| found.closed.unwrap().how.name();
    assert_eq!(closed.iter().map(how).collect::<Vec<_>>(), ["dismissed", "replayed"]);
    assert_eq!(ledger.summary(ACME).await.unwrap().dead_letters, 1);
    // And it can be asked for again.
    assert_eq!(ledger.replay_letters(&ids(&left), NOW).await.unwrap().asked, 1);
}

/// A whole unit sent again is good for its letters too, and makes new ones.
pub async fn a_replayed_unit_closes_and_makes_letters(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = refused(&*ledger, "Login", &[5, 90]).await;
    ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap();
    let replay = only_replay(&*ledger).await;
    let lease = take(&*ledger, &unit.listed.lane, TO_SIEM).await;
    let rejected = vec![dead_letter(unit.id, 7, NOW + 1)];
    let part = DeliveryDelta { delivered: 49, rejected, ..replay_step(replay.id, unit.id, 0, 50) };
    ledger.deliver(&lease, &[part], NOW).await.unwrap();
    let rows = |letters: Vec<crate::Letter>| -> Vec<_> {
        letters.into_iter().map(|found| (found.letter.row, found.letter.destination)).collect()
    };
    let siem = || Some("siem".to_owned());
    assert_eq!(rows(open(&*ledger).await), [(Some(7), siem()), (Some(90), siem())]);
}

/// Waits and is counted like a delivery; a later success forgets it.
pub async fn a_postponed_replay_waits_alone(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = refused(&*ledger, "Login", &[]).await;
    ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap();
    let replay = only_replay(&*ledger).await.id;
    let lease = take(&*ledger, &unit.listed.lane, TO_SIEM).await;
    let collect = take(&*ledger, &unit.listed.lane, COLLECT).await;
    let until = NOW + MINUTE;
    assert_refused!(
        ledger.postpone_replay(&collect, replay, until, "x").await,
        LedgerError::Fenced { .. }
    );
    ledger.postpone_replay(&lease, replay, until, "x").await.unwrap();
    ledger.release(&lease).await.unwrap();
    assert!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().is_empty());
    assert_eq!(ledger.due(ACME, TO_SIEM, until, 9).await.unwrap().len(), 1);
    assert_eq!(ledger.next_due(ACME, NOW).await.unwrap(), Some(until));
    assert_eq!(ledger.summary(ACME).await.unwrap().failing, 1);
    ledger.wake(ACME).await.unwrap();
    assert_eq!(ledger.due(ACME, TO_SIEM, NOW, 9).await.unwrap().len(), 1);
    assert_eq!(only_replay(&*ledger).await.note.as_deref(), Some("x"));
    let lease = take(&*ledger, &unit.listed.lane, TO_SIEM).await;
    ledger.deliver(&lease, &[replay_step(replay, unit.id, 0, 1)], NOW).await.unwrap();
    assert_eq!(only_replay(&*ledger).await.note, None);
}

/// With its reason, and one letter that stands for the unit however often it is tried.
pub async fn a_replay_that_can_never_be_done_ends_with_a_letter(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = refused(&*ledger, "Login", &[]).await;
    let lease = take(&*ledger, &unit.listed.lane, TO_SIEM).await;
    let letter = |at| DeadLetter { row: None, ..dead_letter(unit.id, 0, at) };
    ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap();
    for turn in 1..3 {
        let replay = ledger.replays(&unit.listed.lane, "siem").await.unwrap().remove(0).1.id;
        let at = NOW + turn;
        ledger.fail_replay(&lease, replay, Some(&letter(at)), "gone", at).await.unwrap();
        let ended = ledger.fail_replay(&lease, replay, None, "gone", at).await;
        assert_refused!(ended, LedgerError::Delta { .. });
        let found = ledger.replays_of(ACME, 1).await.unwrap().remove(0).1;
        assert_eq!((found.ended_at, found.note.as_deref()), (Some(at), Some("gone")));
        let letters = open(&*ledger).await;
        assert_eq!((letters.len(), letters[0].letter.at), (1, at));
        assert_eq!(letters[0].letter.destination.as_deref(), Some("siem"));
        let asked = ledger.replay_letters(&ids(&letters), NOW).await.unwrap();
        assert_eq!(asked.asked, 1);
    }
    // At last it works, and the letter is closed.
    let replay = ledger.replays(&unit.listed.lane, "siem").await.unwrap().remove(0).1.id;
    let last = last_step(unit.id, "siem", 0, 100);
    let last = DeliveryDelta { replay: Some(replay), ..last };
    ledger.deliver(&lease, &[last], NOW).await.unwrap();
    assert!(open(&*ledger).await.is_empty());
}

/// What a destination was still to get again ends with it.
pub async fn replays_end_with_their_destination(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = refused(&*ledger, "Login", &[]).await;
    ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap();
    ledger.register(ACME, &["archive".to_owned()], NOW + 4).await.unwrap();
    let replay = only_replay(&*ledger).await;
    assert_eq!(replay.ended_at, Some(NOW + 4));
    assert!(replay.note.is_some());
    assert_eq!(ledger.summary(ACME).await.unwrap().replays, 0);
}

/// Told by destination; others of the same choice go on. All that is left to do is to dismiss them.
pub async fn letters_of_a_destination_that_is_gone_are_not_replayed(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let of_rows = refused(&*ledger, "Login", &[5, 6]).await;
    let whole = refused(&*ledger, "Logout", &[]).await;
    ledger.replay_units(&[whole.id], "siem", NOW).await.unwrap();
    let lease = take(&*ledger, &whole.listed.lane, TO_SIEM).await;
    let letter = DeadLetter { row: None, ..dead_letter(whole.id, 0, NOW) };
    let replay = only_replay(&*ledger).await.id;
    ledger.fail_replay(&lease, replay, Some(&letter), "gone", NOW).await.unwrap();
    let lane = lane("Api");
    list(&*ledger, &[file(&lane, 7)]).await;
    let other = ledger.units(&lane).await.unwrap().remove(0);
    let lease = take(&*ledger, &lane, COLLECT).await;
    let event = Event::Undecodable { reason: "a bomb".to_owned() };
    let letter = DeadLetter { row: None, ..dead_letter(other.id, 0, NOW) };
    ledger.apply(&lease, other.id, &event, &[letter], NOW).await.unwrap();

    ledger.register(ACME, &["archive".to_owned()], NOW).await.unwrap();
    let asked = ledger.replay_letters(&ids(&open(&*ledger).await), NOW).await.unwrap();
    assert_eq!((asked.asked, asked.waiting, asked.listed), (0, 0, 1));
    assert_eq!(asked.unregistered, [("siem".to_owned(), 3)].into());
    assert_eq!(ledger.summary(ACME).await.unwrap().replays, 0);
    let left = open(&*ledger).await;
    assert_eq!(left.iter().filter(|letter| !letter.asked).count(), 3);
    assert_eq!(ledger.dismiss(&ids(&left), NOW).await.unwrap(), 3);
    let free = ledger.releasable(i64::MAX, 9).await.unwrap();
    assert_eq!(free.iter().map(|unit| unit.id).collect::<Vec<_>>(), [of_rows.id, whole.id]);
}

/// Fetched again for a replay, and released again after it.
pub async fn released_bytes_may_come_back(storage: &dyn Storage) {
    let ledger = storage.open().await;
    let unit = refused(&*ledger, "Login", &[]).await;
    ledger.spool_released(&[unit.id]).await.unwrap();
    ledger.replay_units(&[unit.id], "siem", NOW).await.unwrap();
    let foreign = take(&*ledger, &lane("Logout"), TO_SIEM).await;
    let stray = ledger.spooled_again(&foreign, unit.id, "there.gz", 7).await;
    assert_refused!(stray, LedgerError::Fenced { .. });
    let lease = take(&*ledger, &unit.listed.lane, TO_SIEM).await;
    ledger.spooled_again(&lease, unit.id, "there.gz", 7).await.unwrap();
    let found = ledger.unit(unit.id).await.unwrap();
    assert_eq!((found.spooled, found.spool_bytes), (true, 7));
    assert_eq!((found.spool_path.as_deref(), found.state), (Some("there.gz"), State::Done));
    assert!(ledger.releasable(i64::MAX, 9).await.unwrap().is_empty());
}
