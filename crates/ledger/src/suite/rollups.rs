//! What every database behind [`RollupLedger`] must do, for one that is a [`Ledger`] too.

use super::scene::{ACME, COLLECT, NOW, admit, admitted, fetched, file, finish, lane, list, take};
use crate::{
    ACTIVE_USERS, ALL_TYPES, Added, Asked, By, Count, Horizon, Ledger, Named, Notable, OTHERS,
    Rollup, RollupLedger, Series, Session, Span, Step, Sums, TOTAL, Trait, USER, UserName,
};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

fn sums(events: i64) -> Sums {
    let times = |number: i64| events.saturating_mul(number);
    Sums { events, rows: times(10), bytes: 0, millis: times(5), longest: events }
}

fn series(event_type: &str, dimension: &str, step: Step, counts: &[(i64, &str, i64)]) -> Series {
    let count = |(start, name, events): &(i64, &str, i64)| Count {
        start: *start,
        name: (*name).into(),
        sums: sums(*events),
    };
    let (event_type, dimension) = (event_type.to_owned(), dimension.to_owned());
    Series { event_type, dimension, step, counts: counts.iter().map(count).collect() }
}

/// Counts by user, of the type and of all, and the totals of the type.
fn by_user(hour: i64, users: &[(&str, i64)]) -> Rollup {
    let counts: Vec<_> = users.iter().map(|(user, events)| (hour, *user, *events)).collect();
    let totals: Vec<_> = users.iter().map(|(_, events)| (hour, "", *events)).collect();
    let series = vec![
        series("Login", USER, Step::Hour, &counts),
        series(ALL_TYPES, USER, Step::Hour, &counts),
        series("Login", TOTAL, Step::Hour, &totals),
    ];
    Rollup { series, ..Rollup::default() }
}

const fn asked<'a>(
    connector: Option<&'a str>,
    types: &'a [&'a str],
    dimension: &'a str,
) -> Asked<'a> {
    Asked { connector, event_types: types, dimension }
}

fn shown(found: &[Named]) -> Vec<(&str, i64)> {
    found.iter().map(|named| (&*named.name, named.sums.events)).collect()
}

/// However often it is told, and whatever is told the second time; and not before it is admitted.
pub async fn a_unit_is_counted_once_and_not_before_it_is_admitted<L>(ledger: &L)
where
    L: Ledger + RollupLedger,
{
    let lane = lane("Login");
    ledger.register(ACME, &["siem".to_owned()], NOW).await.unwrap();
    list(ledger, &[file(&lane, 0), file(&lane, 1)]).await;
    let [first, second] = &*ledger.units(&lane).await.unwrap() else { panic!("two units") };
    let rollup = by_user(NOW, &[("ada", 3)]);
    let told = [(first.id, rollup.clone()), (second.id, rollup.clone())];
    let lease = take(ledger, &lane, COLLECT).await;
    for unit in [first, second] {
        ledger.apply(&lease, unit.id, &fetched(100), &[], NOW).await.unwrap();
    }
    assert_eq!(ledger.count_units(&told).await.unwrap(), [Added::NotAdmitted; 2]);
    ledger.apply(&lease, first.id, &admitted(100), &[], NOW).await.unwrap();
    let waiting = ledger.uncounted(ACME, 9).await.unwrap();
    assert_eq!(waiting.iter().map(|unit| unit.id).collect::<Vec<_>>(), [first.id]);
    assert_eq!(ledger.count_units(&told).await.unwrap(), [Added::Now, Added::NotAdmitted]);
    assert_eq!(ledger.count_units(&told[..1]).await.unwrap(), [Added::Before]);
    assert!(ledger.uncounted(ACME, 9).await.unwrap().is_empty());
    let spans = Span::days(NOW, NOW + 1);
    let top = ledger.top(asked(Some(ACME), &["Login"], USER), &spans, By::Events, 9).await;
    assert_eq!(shown(&top.unwrap()), [("ada", 3)]);
    assert!(ledger.count_units(&[(99, Rollup::default())]).await.is_err());
}

/// Nobody can count it any more.
pub async fn what_leaves_the_spool_uncounted_is_told<L>(ledger: &L)
where
    L: Ledger + RollupLedger,
{
    let units = admit(ledger, &lane("Login"), 2, &["siem"]).await;
    for unit in &units {
        finish(ledger, unit, "siem").await;
    }
    ledger.count_units(&[(units[0].id, by_user(NOW, &[("ada", 3)]))]).await.unwrap();
    let both = [units[0].id, units[1].id];
    assert_eq!(ledger.spool_released(&both).await.unwrap(), 1);
    assert!(ledger.uncounted(ACME, 9).await.unwrap().is_empty());
    assert_eq!(ledger.spool_released(&both).await.unwrap(), 0);
}

/// By hour, day and week, of one connector and of all, and the same each way.
pub async fn counts_add_up_over_hours_days_weeks_and_connectors<L>(ledger: &L)
where
    L: Ledger + RollupLedger,
{
    let mut other = lane("Login");
    "other".clone_into(&mut other.connector);
    let mine = admit(ledger, &lane("Login"), 3, &["siem"]).await;
    let theirs = admit(ledger, &other, 1, &["siem"]).await;
    let monday = Step::Week.start(NOW);
    let rollups = [
        (mine[0].id, by_user(monday, &[("ada", 3), ("bob", 1)])),
        (mine[1].id, by_user(monday + 5 * HOUR, &[("ada", 2), (OTHERS, 50)])),
        (mine[2].id, by_user(monday + 8 * DAY, &[("bob", 7)])),
        (theirs[0].id, by_user(monday, &[("eve", 4)])),
    ];
    // A finished unit counts like one that is on its way.
    finish(ledger, &mine[0], "siem").await;
    assert_eq!(ledger.count_units(&rollups).await.unwrap(), [Added::Now; 4]);
    // From a Monday to a Tuesday three weeks later: weeks, and days.
    let spans = Span::days(monday, monday + 22 * DAY);
    assert!(spans.len() == 2 && spans.iter().any(|span| span.step == Step::Week), "{spans:?}");
    let users = asked(Some(ACME), &["Login"], USER);
    let top = ledger.top(users, &spans, By::Events, 1).await.unwrap();
    assert_eq!(shown(&top), [("bob", 8), (OTHERS, 50)]);
    let top = ledger.top(users, &spans, By::Longest, 9).await.unwrap();
    assert_eq!(shown(&top), [("bob", 8), ("ada", 5), (OTHERS, 50)]);
    assert_eq!((top[0].sums.rows, top[0].sums.longest), (80, 7));
    let all = asked(None, &[ALL_TYPES], USER);
    let top = ledger.top(all, &Span::days(monday, monday + DAY), By::Events, 9).await.unwrap();
    assert_eq!(shown(&top), [("ada", 5), ("eve", 4), ("bob", 1), (OTHERS, 50)]);
    let names = ["eve".to_owned(), "nobody".to_owned()];
    assert_eq!(shown(&ledger.of_names(all, &spans, &names).await.unwrap()), [("eve", 4)]);
    let day = Span { step: Step::Day, from: monday, to: monday + DAY };
    let whole = ledger.over_time(asked(None, &["Login"], USER), day).await.unwrap();
    assert_eq!(whole.iter().map(|point| point.sums.events).collect::<Vec<_>>(), [60]);
    // Users are counted, not their events, nor those without a name.
    for (connector, day, week) in [(Some(ACME), 2, 2), (None, 3, 3)] {
        for (step, active) in [(Step::Day, day), (Step::Week, week)] {
            let span = Span { step, from: monday, to: monday + step.micros() };
            let found = ledger.over_time(asked(connector, &[ALL_TYPES], ACTIVE_USERS), span).await;
            let found = found.unwrap();
            assert_eq!(found.iter().map(|point| point.sums.events).collect::<Vec<_>>(), [active]);
        }
    }
    let span = Span { step: Step::Hour, from: monday, to: monday + DAY };
    let points = ledger.by_name(users, span).await.unwrap();
    let points: Vec<_> =
        points.iter().map(|one| (one.start - monday, &*one.name, one.sums.events)).collect();
    assert_eq!(
        points,
        [(0, "ada", 3), (0, "bob", 1), (5 * HOUR, OTHERS, 50), (5 * HOUR, "ada", 2)]
    );
    let points = ledger.over_time(asked(None, &[], TOTAL), span).await.unwrap();
    let points: Vec<_> = points.iter().map(|one| (one.start - monday, one.sums.events)).collect();
    assert_eq!(points, [(0, 8), (5 * HOUR, 52)]);
    let seen = ledger.types_seen(Some(ACME)).await.unwrap();
    assert_eq!(seen, [("Login".to_owned(), Step::Hour.start(monday + 8 * DAY))]);
    assert!(ledger.types_seen(Some("nobody")).await.unwrap().is_empty());
    assert!(ledger.over_time(asked(Some("nobody"), &[], TOTAL), span).await.unwrap().is_empty());
}

/// Counts these as what log files of a connector say, a file each: for tests of what is made of counts.
pub async fn count<L>(ledger: &L, connector: &str, rollups: &[Rollup])
where
    L: Ledger + RollupLedger,
{
    let mut lane = lane("Login");
    connector.clone_into(&mut lane.connector);
    let files = i64::try_from(rollups.len()).unwrap();
    let units = admit(ledger, &lane, files, &["siem"]).await;
    let told: Vec<_> = units.iter().map(|unit| unit.id).zip(rollups.iter().cloned()).collect();
    ledger.count_units(&told).await.unwrap();
}

/// First and last come from all units, whatever their order; sign-ins add up.
pub async fn what_users_do_is_kept_and_joined<L>(ledger: &L)
where
    L: Ledger + RollupLedger,
{
    let units = admit(ledger, &lane("Login"), 2, &["siem"]).await;
    let seen = |value: &str, first_at: i64| Trait {
        kind: "address".into(),
        user: "ada".into(),
        value: value.into(),
        first_at,
        last_at: first_at + HOUR,
    };
    let session = |event_type: &str, first_at: i64, address: Option<&str>| Session {
        user: "ada".into(),
        login_key: "k".into(),
        event_type: event_type.into(),
        address: address.map(Into::into),
        first_at,
        last_at: first_at + HOUR,
        events: 2,
    };
    let notable = |at| Notable {
        user: "ada".into(),
        at,
        event_type: "Login".into(),
        what: "in".into(),
        detail: String::new(),
        address: None,
        request_id: Some("r".into()),
        login_key: None,
        session_key: None,
    };
    let name =
        |name: &str, seen_at| vec![UserName { user: "ada".into(), name: name.into(), seen_at }];
    let midnight = Step::Day.start(NOW);
    let later = Rollup {
        traits: vec![seen("home", NOW + 9 * DAY), seen("office", NOW + DAY)],
        sessions: vec![
            session("Login", NOW + HOUR, Some("home")),
            session("Login", NOW + DAY, None),
            session("URI", NOW, None),
            session("URI", midnight - HOUR / 2, None),
        ],
        notables: vec![notable(NOW), notable(NOW + HOUR)],
        names: name("ada@new", NOW + 1),
        ..Rollup::default()
    };
    let earlier = Rollup {
        traits: vec![seen("office", NOW)],
        sessions: vec![session("Login", NOW, None)],
        names: name("ada@old", NOW),
        ..Rollup::default()
    };
    ledger.count_units(&[(units[0].id, later), (units[1].id, earlier)]).await.unwrap();
    let range = (NOW, NOW + 30 * DAY);
    let new = ledger.first_seen(Some(ACME), "address", range, 7 * DAY, 9).await.unwrap();
    assert_eq!(new, [(ACME.to_owned(), seen("home", NOW + 9 * DAY))]);
    let all = ledger.first_seen(None, "address", range, 0, 9).await.unwrap();
    let office = Trait { last_at: NOW + DAY + HOUR, ..seen("office", NOW) };
    assert_eq!(all[1], (ACME.to_owned(), office));
    assert!(ledger.first_seen(None, "agent", range, 0, 9).await.unwrap().is_empty());
    let joined =
        Session { last_at: NOW + 2 * HOUR, events: 4, ..session("Login", NOW, Some("home")) };
    let of_acme = |one| (ACME.to_owned(), one);
    let sessions = ledger.sessions(None, "ada", range, 9).await.unwrap();
    let next_day = session("Login", NOW + DAY, None);
    assert_eq!(sessions, [next_day, joined, session("URI", NOW, None)].map(of_acme));
    let early = ledger.sessions(None, "ada", (midnight, midnight + HOUR), 9).await.unwrap();
    let yesterdays = session("URI", midnight - HOUR / 2, None);
    assert_eq!(early, [of_acme(yesterdays)], "it began the day before");
    assert!(ledger.sessions(None, "bob", range, 9).await.unwrap().is_empty());
    let lines = ledger.notables_of_user(None, "ada", (NOW, NOW + HOUR), 9).await.unwrap();
    assert_eq!(lines, [(ACME.to_owned(), notable(NOW))]);
    let lines = ledger.notables_of_types(Some(ACME), &["Login"], range, 1).await.unwrap();
    assert_eq!(lines, [notable(NOW + HOUR)]);
    assert!(ledger.notables_of_types(None, &["URI"], range, 9).await.unwrap().is_empty());
    let names = ledger.user_names(&["ada".to_owned(), "bob".to_owned()]).await.unwrap();
    assert_eq!(names, [("ada".to_owned(), "ada@new".to_owned())]);
    // The same user, seen by another connector.
    let theirs = Rollup {
        sessions: vec![session("Login", NOW, Some("abroad"))],
        notables: vec![notable(NOW + 2 * HOUR)],
        ..Rollup::default()
    };
    count(ledger, "other", &[theirs]).await;
    let of_other = |one| ("other".to_owned(), one);
    let session = session("Login", NOW, Some("abroad"));
    let sessions = ledger.sessions(Some("other"), "ada", range, 9).await.unwrap();
    assert_eq!(sessions, [of_other(session)]);
    assert_eq!(ledger.sessions(Some(ACME), "ada", range, 9).await.unwrap().len(), 3);
    assert_eq!(ledger.sessions(None, "ada", range, 9).await.unwrap().len(), 4);
    let lines = ledger.notables_of_user(Some("other"), "ada", range, 9).await.unwrap();
    assert_eq!(lines, [("other".to_owned(), notable(NOW + 2 * HOUR))]);
    assert_eq!(ledger.notables_of_user(Some(ACME), "ada", range, 9).await.unwrap().len(), 2);
    assert_eq!(ledger.notables_of_user(None, "ada", range, 9).await.unwrap().len(), 3);
    assert!(ledger.sessions(Some("nobody"), "ada", range, 9).await.unwrap().is_empty());
}

/// Everything before the horizon goes, little by little, and nothing else.
pub async fn what_is_too_old_is_forgotten_in_small_steps<L>(ledger: &L)
where
    L: Ledger + RollupLedger,
{
    let units = admit(ledger, &lane("Login"), 3, &["siem"]).await;
    let monday = Step::Week.start(NOW);
    let many: Vec<String> = (0..3_000).map(|n| format!("user{n}")).collect();
    let many: Vec<(&str, i64)> = many.iter().map(|name| (&**name, 1)).collect();
    let sign_in = |first_at| Session {
        user: "ada".into(),
        login_key: "k".into(),
        event_type: "Login".into(),
        address: None,
        first_at,
        last_at: first_at + HOUR,
        events: 1,
    };
    let sessions = vec![sign_in(monday - HOUR), sign_in(monday)];
    let rollups = [
        (units[0].id, by_user(monday - 16 * DAY, &many)),
        (units[1].id, by_user(monday - 15 * DAY, &many)),
        (units[2].id, Rollup { sessions, ..by_user(monday, &[("ada", 1)]) }),
    ];
    ledger.count_units(&rollups).await.unwrap();
    let horizon = Horizon { hours: monday - DAY, days: monday - DAY, events: monday + HOUR };
    let (mut at, mut turns) = (Some(0), 0);
    while let Some(from) = at {
        at = ledger.forget(horizon, from).await.unwrap();
        turns += 1;
        assert!(turns < 100, "it does not end");
    }
    assert!(turns > 3, "{turns} turns for many rows");
    for step in Step::ALL {
        let span = Span { step, from: monday - 30 * DAY, to: monday + 7 * DAY };
        let points = ledger.by_name(asked(Some(ACME), &["Login"], USER), span).await.unwrap();
        assert_eq!(points.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["ada"], "{step:?}");
    }
    let range = (monday - DAY, monday + DAY);
    let kept = ledger.sessions(None, "ada", range, 9).await.unwrap();
    assert_eq!(kept, [(ACME.to_owned(), sign_in(monday))], "of that day");
}

/// Sums that have no room end at a bound, and what was counted before stays readable.
pub async fn no_number_is_too_large_to_be_added<L>(ledger: &L)
where
    L: Ledger + RollupLedger,
{
    let units = admit(ledger, &lane("Login"), 2, &["siem"]).await;
    let mut rollup = by_user(NOW, &[("ada", i64::MAX)]);
    for count in rollup.series.iter_mut().flat_map(|series| &mut series.counts) {
        count.sums = Sums {
            events: 1,
            rows: i64::MAX,
            bytes: i64::MAX,
            millis: i64::MAX,
            longest: i64::MAX,
        };
    }
    for unit in units {
        ledger.count_units(&[(unit.id, rollup.clone())]).await.unwrap();
    }
    let spans = Span::days(NOW, NOW + 1);
    let top = ledger.top(asked(None, &["Login"], USER), &spans, By::Bytes, 9).await.unwrap();
    assert_eq!((shown(&top), top[0].sums.bytes > 1 << 40), (vec![("ada", 2)], true));
}
