//! Random histories: a ledger has to answer every step like the slow one in memory, refusals
//! included, and to look the same after it.
//!
//! Steps are plain numbers, so that any generator can make and shrink them. They are about few
//! things (two connectors, two event types, two destinations), so that they meet often.

mod history;

use std::collections::{BTreeMap, BTreeSet};

use self::history::{History, learn};
use super::MemoryLedger;
use super::scene::{COLLECT, HOURLY, MINUTE, NOW, dead_letter, file};
use crate::unit::Event;
use crate::{
    Cursor, DeadLetter, DeliveryDelta, HourRows, Lane, Ledger, LedgerError, LetterChoice, LetterId,
    LogDates, NewBackfill, NewUnit, Replay, Unit, UnitChoice, UnitId,
};

/// One thing that happens to a ledger. Numbers too large are taken modulo what there is.
#[derive(Debug, Clone)]
pub enum Step {
    /// Registers a connector with the destinations whose bits are set.
    Register(u8, u8),
    /// Lists files of a connector, moving its cursor from where it is (or, now and then, is not)
    /// by so much.
    List {
        /// The connector.
        connector: u8,
        /// Lane and number of each file.
        files: Vec<(u8, u8)>,
        /// Added to the cursor's place to get where the listing says it starts; mostly 0.
        off: i8,
        /// How far it moves.
        by: i8,
    },
    /// Brings files of a connector by its backfill, whose cursor stays.
    Backfill(u8, Vec<(u8, u8)>),
    /// Takes a lease for minutes.
    Lease(u8, u8, u8, u8),
    /// Prolongs a lease for minutes.
    Renew(u8, u8),
    /// Gives a lease back.
    Release(u8),
    /// Ends all leases.
    BreakLeases,
    /// Applies an event to a unit.
    Apply(u8, Which, u8, u8),
    /// Postpones a unit at a stage for minutes.
    Postpone(u8, Which, u8, u8),
    /// Moves a delivery.
    Deliver {
        /// The unit.
        unit: u8,
        /// Under which lease.
        lease: Which,
        /// To which destination.
        destination: u8,
        /// Added to the stored position to get where the step says it starts; mostly 0.
        off: i8,
        /// How far it moves.
        by: i8,
        /// How many events are refused.
        rejected: u8,
        /// Whether the unit is finished there.
        done: bool,
    },
    /// Withholds a unit from a destination, under a lease.
    Withhold(u8, Which, u8),
    /// Asks for a unit to be sent again to a destination.
    AskUnit(u8, u8),
    /// Asks for some of a connector's open letters.
    AskLetters(u8, u8),
    /// Dismisses one of a connector's open letters.
    Dismiss(u8, u8),
    /// Moves a replay by rows, with events refused, perhaps to its end.
    Replay(u8, i8, u8, bool),
    /// Postpones a replay for minutes, or fails it after none.
    ReplayFails(u8, u8),
    /// Makes everything of a connector due.
    Wake(u8),
    /// Decides a connector's disputed units again.
    Reconsider(u8),
    /// Records that a unit left the spool.
    SpoolReleased(u8),
    /// Time passes, in minutes.
    Wait(u8),
}

/// Under which lease a write is tried.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// The last one granted for the unit's lane and the stage.
    Last,
    /// Any that was ever granted.
    Any(u8),
}

const CONNECTORS: [&str; 2] = ["acme", "other"];
const STAGES: [&str; 3] = [COLLECT, "deliver:siem", "deliver:archive"];
const DESTINATIONS: [&str; 2] = ["siem", "archive"];
const OWNERS: [&str; 2] = ["a", "b"];

fn pick<T>(all: &[T], number: u8) -> Option<&T> {
    all.get(usize::from(number).checked_rem(all.len())?)
}

fn one_of(all: &[&'static str], number: u8) -> &'static str {
    pick(all, number).copied().unwrap_or_default()
}

fn lanes() -> Vec<Lane> {
    let pairs = CONNECTORS.iter().flat_map(|name| ["Login", "Api"].map(|kind| (*name, kind)));
    pairs
        .map(|(connector, kind)| Lane {
            connector: connector.to_owned(),
            event_type: kind.to_owned(),
            day: "1970-01-01".to_owned(),
        })
        .collect()
}

fn place(number: i64) -> Option<Cursor> {
    let cursor = || Cursor { created_date: number / 3, log_file_id: format!("{}", number % 3) };
    (number > 0).then(cursor)
}

fn event(number: u8, rows: u64) -> Event {
    match number % 8 {
        0..=2 => Event::Fetched {
            spool_path: format!("file{number}"),
            spool_bytes: rows,
            raw_bytes: rows * 7,
            rows,
            content_hash: number.to_string(),
            warning: (number % 3 == 1).then(|| "odd".to_owned()),
        },
        3 | 4 => Event::Admitted {
            admitted: rows,
            repeats: 1,
            undecodable: u64::from(number),
            exceptions: rows,
            hours: vec![HourRows {
                hour: number % 25,
                rows,
                admitted: rows,
                repeats: 1,
                missing: 2,
            }],
        },
        5 => Event::Gone,
        6 if number.is_multiple_of(3) => Event::Disputed { reason: format!("dispute {number}") },
        6 => Event::Undecodable { reason: format!("reason {number}") },
        _ if number > 127 => Event::Covered,
        _ => Event::Delivered,
    }
}

type Outcome = Result<String, &'static str>;

fn outcome<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> Outcome {
    result.map(|value| format!("{value:?}")).map_err(|error| error.code())
}

/// A ledger with the numbers it gave to the units.
struct Side<'a> {
    ledger: &'a dyn Ledger,
    ids: Vec<UnitId>,
}

impl Side<'_> {
    async fn learn_ids(&mut self, units: &[NewUnit]) {
        let mut ids = BTreeMap::new();
        for lane in lanes() {
            for unit in self.ledger.units(&lane).await.unwrap() {
                ids.insert((lane.connector.clone(), unit.listed.log_file_id), unit.id);
            }
        }
        let key = |unit: &NewUnit| (unit.lane.connector.clone(), unit.log_file_id.clone());
        self.ids = units.iter().map(|unit| ids[&key(unit)]).collect();
    }

    /// A unit that was never listed has a number nobody gave out.
    fn id(&self, place: usize) -> UnitId {
        self.ids.get(place).copied().unwrap_or(-1)
    }

    /// The number of a unit in the order it became known.
    fn place(&self, id: UnitId) -> UnitId {
        self.ids.iter().position(|known| *known == id).map_or(-1, |place| place as UnitId)
    }

    /// Does a step that is not about a lease being granted.
    async fn go(&self, step: &Step, history: &History) -> Option<Outcome> {
        let now = history.now();
        let unit = |number: u8| usize::from(number).checked_rem(history.units.len()).unwrap_or(0);
        let lane = |place: usize| history.units.get(place).map(|unit| unit.lane.clone());
        Some(match step {
            Step::Register(connector, bits) => {
                let names: Vec<String> = (0..)
                    .zip(DESTINATIONS)
                    .filter(|(bit, _)| bits & (1 << bit) != 0)
                    .map(|(_, name)| name.to_owned())
                    .collect();
                let connector = one_of(&CONNECTORS, *connector);
                outcome(self.ledger.register(connector, &names, now).await)
            }
            Step::List { connector, files, off, by } => {
                let connector = one_of(&CONNECTORS, *connector);
                let files = listed(connector, files);
                let stands = history.cursors.get(connector).copied().unwrap_or(0);
                let from = stands + i64::from(*off);
                let (from, to) = (place(from), place(from + i64::from(*by)));
                let (from, to) = (from.as_ref(), to.as_ref());
                outcome(self.ledger.list(connector, HOURLY, &files, from, to, now).await)
            }
            Step::Backfill(connector, files) => {
                let connector = one_of(&CONNECTORS, *connector);
                let files = listed(connector, files);
                let id = self.ledger.begin_backfill(&wish(connector), now).await.unwrap();
                outcome(self.ledger.feed_backfill(id, &files, None, None, now).await)
            }
            Step::Renew(number, minutes) => {
                let ttl = i64::from(*minutes) * MINUTE;
                outcome(self.ledger.renew(pick(&history.leases, *number)?, now, ttl).await)
            }
            Step::Release(number) => {
                outcome(self.ledger.release(pick(&history.leases, *number)?).await)
            }
            Step::BreakLeases => outcome(self.ledger.break_leases().await),
            Step::Apply(number, which, kind, rows) => {
                let place = unit(*number);
                let lease = history.lease(*which, &lane(place)?, COLLECT)?;
                let letters = self.letters(place, u8::from(rows % 5 == 0), now);
                let event = event(*kind, u64::from(*rows));
                outcome(self.ledger.apply(lease, self.id(place), &event, &letters, now).await)
            }
            Step::Postpone(number, which, stage, minutes) => {
                let place = unit(*number);
                let lease = history.lease(*which, &lane(place)?, one_of(&STAGES, *stage))?;
                let until = now + i64::from(*minutes) * MINUTE;
                let note = format!("after {minutes}");
                outcome(self.ledger.postpone(lease, self.id(place), until, &note).await)
            }
            Step::Deliver { unit: number, lease, destination, off, by, rejected, done } => {
                let place = unit(*number);
                let destination = one_of(&DESTINATIONS, *destination);
                let stage = format!("deliver:{destination}");
                let lease = history.lease(*lease, &lane(place)?, &stage)?;
                let stands = history.positions.get(&(place, destination)).copied().unwrap_or(0);
                let from = stands + i64::from(*off);
                let delta = DeliveryDelta {
                    unit: self.id(place),
                    destination: destination.to_owned(),
                    replay: None,
                    from,
                    to: from + i64::from(*by),
                    delivered: i64::from(*by),
                    rejected: self.letters(place, *rejected, now),
                    done: *done,
                };
                // The second of the two is refused when the first finished the unit.
                let deltas = [delta.clone(), DeliveryDelta { from: delta.to, ..delta }];
                let count = if *rejected == 2 { 2 } else { 1 };
                outcome(self.ledger.deliver(lease, &deltas[..count], now).await)
            }
            Step::Withhold(number, which, destination) => {
                let place = unit(*number);
                let stage = format!("deliver:{}", one_of(&DESTINATIONS, *destination));
                let lease = history.lease(*which, &lane(place)?, &stage)?;
                outcome(self.ledger.withhold(lease, &[self.id(place)], "old", now).await)
            }
            Step::AskUnit(number, destination) => {
                let (units, to) = ([self.id(unit(*number))], one_of(&DESTINATIONS, *destination));
                outcome(self.ledger.replay_units(&units, to, now).await)
            }
            Step::AskLetters(connector, which) => {
                let letters = self.some_letters(*connector, |at| at % 3 == which % 3).await;
                outcome(self.ledger.replay_letters(&letters, now).await)
            }
            Step::Dismiss(connector, which) => {
                let letters = self.some_letters(*connector, |at| at == which % 8).await;
                outcome(self.ledger.dismiss(&letters, now).await)
            }
            Step::Replay(number, by, rejected, done) => {
                let (unit, replay) = self.replay(*number).await?;
                let stage = format!("deliver:{}", replay.destination);
                let lease = history.lease(Which::Last, &unit.listed.lane, &stage)?;
                let refused =
                    (0..i64::from(*rejected)).map(|row| dead_letter(replay.unit, row, now));
                let delta = DeliveryDelta {
                    unit: replay.unit,
                    destination: replay.destination,
                    replay: Some(replay.id),
                    from: replay.position,
                    to: replay.position + i64::from(*by),
                    delivered: i64::from(*by),
                    rejected: refused.collect(),
                    done: *done,
                };
                outcome(self.ledger.deliver(lease, &[delta], now).await)
            }
            Step::ReplayFails(number, minutes) => {
                let (unit, replay) = self.replay(*number).await?;
                let stage = format!("deliver:{}", replay.destination);
                let lease = history.lease(Which::Last, &unit.listed.lane, &stage)?;
                if *minutes == 0 {
                    let letter = DeadLetter { row: None, ..dead_letter(replay.unit, 0, now) };
                    let letter = Some(&letter);
                    outcome(self.ledger.fail_replay(lease, replay.id, letter, "x", now).await)
                } else {
                    let until = now + i64::from(*minutes) * MINUTE;
                    outcome(self.ledger.postpone_replay(lease, replay.id, until, "y").await)
                }
            }
            Step::Wake(connector) => {
                outcome(self.ledger.wake(one_of(&CONNECTORS, *connector)).await)
            }
            Step::Reconsider(connector) => {
                outcome(self.ledger.reconsider(one_of(&CONNECTORS, *connector), now).await)
            }
            Step::SpoolReleased(number) => {
                outcome(self.ledger.spool_released(&[self.id(unit(*number))]).await)
            }
            Step::Lease(..) | Step::Wait(_) => return None,
        })
    }

    /// Numbers of those open letters of a connector whose place among the newest fits.
    async fn some_letters(&self, connector: u8, fits: impl Fn(u8) -> bool) -> Vec<LetterId> {
        let choice = LetterChoice::of(one_of(&CONNECTORS, connector));
        let letters = self.ledger.letters(&choice, 200).await.unwrap();
        (0_u8..).zip(letters).filter(|(at, _)| fits(*at)).map(|(_, found)| found.id).collect()
    }

    /// One of the last replays.
    async fn replay(&self, number: u8) -> Option<(Unit, Replay)> {
        let replays = self.ledger.replays_of(CONNECTORS[0], 4).await.unwrap();
        pick(&replays, number).cloned()
    }

    fn letters(&self, place: usize, count: u8, now: i64) -> Vec<DeadLetter> {
        (0..count).map(|row| dead_letter(self.id(place), i64::from(row), now)).collect()
    }

    fn renumbered(&self, mut unit: Unit) -> Unit {
        unit.id = self.place(unit.id);
        unit
    }

    /// Everything that can be asked, as text that does not depend on the units' numbers.
    async fn view(&self, now: i64) -> Vec<String> {
        let mut view = vec![format!("{:?}", self.ledger.connectors().await.unwrap())];
        for lane in lanes() {
            for unit in self.ledger.units(&lane).await.unwrap() {
                view.push(format!("{:?}", self.renumbered(unit)));
            }
        }
        for (place, id) in (0..).zip(&self.ids) {
            for mut delivery in self.ledger.deliveries(*id).await.unwrap() {
                delivery.unit = place;
                view.push(format!("{delivery:?}"));
            }
        }
        for name in CONNECTORS {
            view.push(format!("{:?}", self.ledger.cursor(name, HOURLY).await.unwrap()));
            view.push(format!("{:?}", self.ledger.summary(name).await.unwrap()));
            view.push(format!("{:?}", self.ledger.backfills(name).await.unwrap()));
            view.push(format!("{:?}", self.ledger.next_due(name, now).await.unwrap()));
            let dates = LogDates { connector: name, from: i64::MIN, to: i64::MAX };
            let kinds = self.ledger.kinds(dates).await.unwrap();
            view.push(format!("{kinds:?}"));
            let types: BTreeSet<String> = kinds.into_iter().map(|kind| kind.event_type).collect();
            for event_type in types {
                for mut account in self.ledger.accounts(dates, &event_type).await.unwrap() {
                    account.unit.id = self.place(account.unit.id);
                    view.push(format!("{account:?}"));
                }
            }
            for stage in STAGES {
                let due = self.ledger.due(name, stage, now, 3).await.unwrap();
                view.push(format!("{stage} {due:?}"));
            }
            for closed in [false, true] {
                let choice = LetterChoice { closed, payload: true, ..LetterChoice::of(name) };
                for mut found in self.ledger.letters(&choice, 5).await.unwrap() {
                    (found.id, found.letter.unit) = (0, self.place(found.letter.unit));
                    view.push(format!("{found:?}"));
                }
                view.push(format!("{:?}", self.ledger.letter_counts(&choice).await.unwrap()));
            }
            for (unit, mut replay) in self.ledger.replays_of(name, 9).await.unwrap() {
                (replay.id, replay.unit) = (0, self.place(unit.id));
                view.push(format!("{replay:?}"));
            }
            for withheld in [false, true] {
                let connector = name.to_owned();
                let choice = UnitChoice { connector, withheld, ..UnitChoice::default() };
                for unit in self.ledger.replayable(&choice, "siem").await.unwrap() {
                    view.push(format!("replayable {} {withheld}", self.place(unit.id)));
                }
            }
        }
        view.push(format!("{} bytes", self.ledger.spooled_bytes().await.unwrap()));
        for unit in self.ledger.releasable(now, 5).await.unwrap() {
            view.push(format!("releasable {:?}", self.renumbered(unit)));
        }
        view
    }
}

fn listed(connector: &str, files: &[(u8, u8)]) -> Vec<NewUnit> {
    let own: Vec<Lane> = lanes().into_iter().filter(|lane| lane.connector == connector).collect();
    files.iter().filter_map(|(lane, n)| Some(file(pick(&own, *lane)?, i64::from(n % 4)))).collect()
}

fn wish(connector: &str) -> NewBackfill {
    let connector = connector.to_owned();
    NewBackfill { connector, from: 0, to: NOW, event_types: Vec::new() }
}

/// Plays the steps on a ledger that is empty and on one in memory. Panics where they differ.
/// Answers how many steps were taken rather than refused, so that a caller can see that its
/// histories get anywhere.
pub async fn assert_like_memory(ledger: &dyn Ledger, steps: &[Step]) -> usize {
    let memory = MemoryLedger::default();
    let mut sides = [
        Side { ledger, ids: Vec::new() },
        Side { ledger: &memory as &dyn Ledger, ids: Vec::new() },
    ];
    let mut history = History::default();
    let mut taken = 0;
    for (number, step) in steps.iter().enumerate() {
        let mut outcomes = Vec::new();
        let mut granted = None;
        for side in &sides {
            outcomes.push(match step {
                Step::Lease(lane, stage, owner, minutes) => {
                    let (lanes, ttl) = (lanes(), i64::from(*minutes) * MINUTE);
                    let lane = pick(&lanes, *lane).unwrap();
                    let (stage, owner) = (one_of(&STAGES, *stage), one_of(&OWNERS, *owner));
                    let lease =
                        side.ledger.lease(lane, stage, owner, history.now(), ttl).await.unwrap();
                    granted.clone_from(&lease);
                    Some(Ok(format!("{lease:?}")))
                }
                step => side.go(step, &history).await,
            });
        }
        assert_eq!(outcomes[0], outcomes[1], "step {number}: {step:?}");
        history.leases.extend(granted);
        if let Step::Wait(minutes) = step {
            history.minutes += i64::from(*minutes);
        }
        if matches!(outcomes[0], Some(Ok(_))) {
            taken += 1;
            learn(&mut history, step, &memory).await;
            for side in &mut sides {
                side.learn_ids(&history.units).await;
            }
        }
        let now = history.now();
        let views = [sides[0].view(now).await, sides[1].view(now).await];
        assert_eq!(views[0], views[1], "after step {number}: {step:?}");
    }
    taken
}
