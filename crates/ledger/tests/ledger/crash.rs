//! A process is killed while it writes: what it had answered for is there, and nothing half.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use orgtap_ledger::suite::Storage;
use orgtap_ledger::unit::Event;
use orgtap_ledger::{
    Cursor, DeliveryDelta, Lane, Lease, Ledger, LedgerError, NewUnit, SqliteLedger, Unit,
};

use crate::sqlite::Folder;

const FILE: &str = "ORGTAP_TEST_LEDGER";
/// Files in each page.
const PAGE: i64 = 20;

fn lane() -> Lane {
    Lane {
        connector: "acme".to_owned(),
        event_type: "Login".to_owned(),
        day: "2026-11-23".to_owned(),
    }
}

fn file(n: i64) -> NewUnit {
    NewUnit {
        lane: lane(),
        interval: "Hourly".to_owned(),
        sequence: 1,
        log_file_id: format!("{n:06}"),
        log_date: n,
        created_date: n,
        length: 1,
    }
}

fn cursor(page: i64) -> Cursor {
    Cursor { created_date: page, log_file_id: "x".to_owned() }
}

/// Says on standard output what the ledger has answered for.
fn answered(what: &str, number: i64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "answered {what} {number}").and_then(|()| out.flush()).expect("a listener");
}

/// Lists pages and moves a delivery, for ever, saying each step once it is durable.
async fn work(ledger: Arc<dyn Ledger>) -> Result<(), LedgerError> {
    ledger.break_leases().await?;
    ledger.register("acme", &["siem".to_owned()], 0).await?;
    let collect = ledger.lease(&lane(), "collect", "w", 0, i64::MAX).await?.expect("free");
    let deliver = ledger.lease(&lane(), "deliver:siem", "w", 0, i64::MAX).await?.expect("free");
    if ledger.units(&lane()).await?.is_empty() {
        ledger.list("acme", "t", &[file(-1)], None, Some(&cursor(0)), 0).await?;
    }
    let unit = ledger.units(&lane()).await?.remove(0);
    to_admitted(&*ledger, &collect, &unit).await?;
    let mut page = ledger.cursor("acme", "t").await?.expect("set above").created_date;
    let mut position = ledger.deliveries(unit.id).await?.remove(0).position;
    loop {
        let files: Vec<_> = (page * PAGE..(page + 1) * PAGE).map(file).collect();
        let (from, to) = (cursor(page), cursor(page + 1));
        ledger.list("acme", "t", &files, Some(&from), Some(&to), 0).await?;
        page += 1;
        answered("page", page);
        let delta = DeliveryDelta {
            unit: unit.id,
            destination: "siem".to_owned(),
            replay: None,
            from: position,
            to: position + 3,
            delivered: 3,
            rejected: Vec::new(),
            done: false,
        };
        ledger.deliver(&deliver, &[delta], 0).await?;
        position += 3;
        answered("position", position);
    }
}

async fn to_admitted(ledger: &dyn Ledger, lease: &Lease, unit: &Unit) -> Result<(), LedgerError> {
    let fetched = Event::Fetched {
        spool_path: "path".to_owned(),
        spool_bytes: 1,
        raw_bytes: 1,
        rows: 1_000_000,
        content_hash: "hash".to_owned(),
        warning: None,
    };
    let admitted = Event::Admitted {
        admitted: 1_000_000,
        repeats: 0,
        undecodable: 0,
        exceptions: 0,
        hours: Vec::new(),
    };
    for event in [fetched, admitted] {
        match ledger.apply(lease, unit.id, &event, &[], 0).await {
            // A former life of this process has done it.
            Ok(_) | Err(LedgerError::Misfit(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The process that is killed: this test binary, started by the test below.
#[tokio::test]
#[ignore = "the other half of the test below"]
async fn a_process_that_works_until_it_is_killed() {
    if let Some(path) = std::env::var_os(FILE) {
        let ledger = SqliteLedger::open(path.as_ref()).await.unwrap();
        work(Arc::new(ledger)).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_for_survives_a_killed_process() {
    let folder = Folder::new();
    let (mut page, mut position) = (0, 0);
    for life in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::a_process_that_works_until_it_is_killed"])
            .args(["--ignored", "--nocapture"])
            .env(FILE, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut heard = 0;
        for line in lines.map_while(Result::ok) {
            // The first line may follow the name of the test on the same line.
            let Some((_, told)) = line.split_once("answered ") else { continue };
            match told.split_once(' ').unwrap() {
                ("page", number) => page = number.parse().unwrap(),
                (_, number) => position = number.parse().unwrap(),
            }
            heard += 1;
            // Killed after some steps; what it says until it is dead still counts.
            if heard == life * 7 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(heard >= life * 7, "the process ended by itself");

        let ledger = folder.open().await;
        let pages = ledger.cursor("acme", "t").await.unwrap().unwrap().created_date;
        assert!(pages == page || pages == page + 1, "{page} answered, {pages} there");
        let units = ledger.units(&lane()).await.unwrap();
        assert_eq!(units.len() as i64, pages * PAGE + 1);
        let delivery = ledger.deliveries(units[0].id).await.unwrap().remove(0);
        assert!([position, position + 3].contains(&delivery.position), "{position} {delivery:?}");
        assert_eq!(delivery.position, delivery.delivered);
    }
}
