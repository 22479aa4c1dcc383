//! Panels made of counts that are known beforehand.

use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{
    ALL_TYPES, Count, Rollup, Series, Session, SqliteLedger, Step, Sums, TOTAL, USER, suite,
};
use tempfile::TempDir;

use super::{Choice, monitoring, security, user_time_line};
use crate::panel::{Body, Cell, Figure, Page, Panel};

/// A Monday.
const NOW: i64 = 1_795_392_000_000_000;

async fn fresh() -> (TempDir, SqliteLedger) {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("ledger.sqlite")).await.unwrap();
    (folder, ledger)
}

/// So many exports of ada in these hours.
fn exports(hours: &[(i64, i64)]) -> Rollup {
    let series = |event_type: &str, dimension: &str, step: Step, name: &str| {
        let count = |(start, events): &(i64, i64)| Count {
            start: step.start(*start),
            name: name.into(),
            sums: Sums { events: *events, ..Sums::default() },
        };
        let (event_type, dimension) = (event_type.to_owned(), dimension.to_owned());
        Series { event_type, dimension, step, counts: hours.iter().map(count).collect() }
    };
    let series = vec![
        series("ReportExport", USER, Step::Day, "ada"),
        series("ReportExport", TOTAL, Step::Hour, ""),
        series(ALL_TYPES, TOTAL, Step::Hour, ""),
    ];
    Rollup { series, ..Rollup::default() }
}

fn choice(connector: Option<&str>, from: i64, to: i64) -> Choice {
    Choice { connector: connector.map(str::to_owned), from, to }
}

fn panel<'p>(page: &'p Page, id: &str) -> &'p Panel {
    page.panels.iter().find(|panel| panel.id == id).unwrap()
}

/// Ada's exports on an average day, on one before, and the share; and what is to be known of it.
async fn volume(hours: &[(i64, i64)]) -> ([Cell; 3], Option<String>) {
    let (_folder, ledger) = fresh().await;
    suite::count(&ledger, "acme", &[exports(hours)]).await;
    let page = security(&ledger, &choice(Some("acme"), NOW, NOW + 7 * DAY)).await.unwrap();
    let panel = panel(&page, "export_volume");
    let Body::Table { rows, .. } = &panel.body else { panic!("{panel:?}") };
    let [row] = &rows[..] else { panic!("{rows:?}") };
    let [_, _, _, now, usual, share] = &row[..] else { panic!("{row:?}") };
    let note = panel.note.clone().filter(|note| note.contains("before this time"));
    ([now.clone(), usual.clone(), share.clone()], note)
}

#[tokio::test]
async fn who_exports_more_than_usual_is_told_by_the_sums() {
    let numbers = |now, usual, share| [now, usual, share].map(Cell::Number);
    // Twenty in four weeks, and then two hundred in one.
    let told = volume(&[(NOW - 28 * DAY, 20), (NOW + 7 * DAY - HOUR, 200)]).await;
    assert_eq!(told, (numbers(29, 1, 4_000), None));
    // What has not come yet is no day without exports.
    let told = volume(&[(NOW - 28 * DAY, 800), (NOW + 84 * HOUR - HOUR, 100)]).await;
    assert_eq!(told, (numbers(29, 29, 100), None));
    // There are counts further back than four weeks, but none of this user.
    let told = volume(&[(NOW - 90 * DAY, 5), (NOW + 7 * DAY - HOUR, 3)]).await;
    assert_eq!(told, ([Cell::Number(1), Cell::None, Cell::None], None));
}

#[tokio::test]
async fn a_past_that_is_shorter_than_four_weeks_is_as_long_as_it_is() {
    let (told, note) = volume(&[(NOW - 14 * DAY, 20), (NOW + 7 * DAY - HOUR, 200)]).await;
    assert_eq!(told, [29, 1, 2_000].map(Cell::Number));
    assert!(note.unwrap().contains("14 days"));
    let (told, note) = volume(&[(NOW + 7 * DAY - HOUR, 200)]).await;
    assert_eq!(told, [Cell::Number(29), Cell::None, Cell::None]);
    assert!(note.unwrap().contains("not known yet"));
}

#[tokio::test]
async fn what_is_compared_with_the_time_before_is_as_long_as_that() {
    let (_folder, ledger) = fresh().await;
    let hours: Vec<(i64, i64)> = (-20..=7).map(|day| (NOW + day * DAY, 10)).collect();
    suite::count(&ledger, "acme", &[exports(&hours)]).await;
    let events = async |from, to| {
        let page = monitoring(&ledger, &choice(Some("acme"), from, to)).await.unwrap();
        let Body::Figures { figures } = &panel(&page, "activity").body else { panic!() };
        figures[0].clone()
    };
    // Seven days, and of the eighth an hour.
    let Figure { label, value, before, .. } = events(NOW, NOW + 7 * DAY + 6 * HOUR).await;
    assert_eq!((&*label, value, before), ("Events on whole days", 70, Some(70)));
    // Two hours have come of six; two hours before the first there was nothing.
    let Figure { label, value, before, .. } =
        events(NOW + 7 * DAY - HOUR, NOW + 7 * DAY + 5 * HOUR).await;
    assert_eq!((&*label, value, before), ("Events", 10, None));
}

#[tokio::test]
async fn a_time_line_is_of_the_connector_that_was_chosen_or_says_of_which_each_line_is() {
    let (_folder, ledger) = fresh().await;
    for connector in ["acme", "other"] {
        let session = Session {
            user: "005000000000001".into(),
            login_key: "same".into(),
            event_type: "Login".into(),
            address: None,
            first_at: NOW,
            last_at: NOW,
            events: 1,
        };
        let rollup = Rollup { sessions: vec![session], ..Rollup::default() };
        suite::count(&ledger, connector, &[rollup]).await;
    }
    let sessions = async |connector| {
        let choice = choice(connector, NOW, NOW + DAY);
        let page = user_time_line(&ledger, "005000000000001AAA", &choice).await.unwrap();
        let Body::Table { columns, rows } = &panel(&page, "sessions").body else { panic!() };
        assert!(rows.iter().all(|row| row.len() == columns.len()));
        let last: Vec<Cell> = rows.iter().map(|row| row.last().unwrap().clone()).collect();
        (columns.last().unwrap().title, last)
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(sessions(Some("acme")).await, ("Login key", vec![text("same")]));
    assert_eq!(sessions(None).await, ("Connector", vec![text("acme"), text("other")]));
    assert_eq!(sessions(Some("nobody")).await.1, []);
}
