//! How long the console's pages take with many connectors and a long memory: a measurement, printed
//! beside the same pages of a small installation.
//!
//! `cargo test --release -p orgtap --test e2e -- --ignored --nocapture how_long_pages_take`

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use orgtap_ledger::unit::Event;
use orgtap_ledger::{
    ALL_TYPES, Count, DeliveryDelta, HourRows, Lane, Ledger, NewUnit, Paused, Rollup, RollupLedger,
    Series, SqliteLedger, Step, Sums, TOTAL, USER,
};

use crate::api::Api;
use crate::daemon::Daemon;
use crate::support::{FILES, Scene, small_world};

/// Asked for so often; the median counts.
const TIMES: usize = 15;
/// Connectors whose rows are counted by name, day for day; of the others there is a week.
const COUNTED: usize = 20;

/// Event types with what is counted of each, and how many names that has in a day.
const COUNTS: [(&str, &[(&str, usize)]); 8] = [
    ("Login", &[("status", 4), ("address", 20), ("country", 6), ("agent", 8)]),
    ("LightningPageView", &[("page", 20), ("app", 6)]),
    ("RestApi", &[("client", 6)]),
    ("ApiTotalUsage", &[("entity", 12), ("version", 4)]),
    ("Report", &[("report", 15)]),
    ("ReportExport", &[("report", 6)]),
    ("ApexExecution", &[("entry_point", 12)]),
    ("ApexUnexpectedException", &[("exception", 3)]),
];

/// Counts of so many names a day; of one, which has no name, if none is given.
fn series(event_type: &str, dimension: &str, days: &[i64], names: &[(String, i64)]) -> Series {
    let count = |start: i64, (name, events): &(String, i64)| {
        let events = *events;
        let sums = Sums { events, rows: events, bytes: events, millis: 50 * events, longest: 900 };
        Count { start, name: name.into(), sums }
    };
    Series {
        event_type: event_type.to_owned(),
        dimension: dimension.to_owned(),
        step: Step::Hour,
        counts: days.iter().flat_map(|at| names.iter().map(|name| count(*at, name))).collect(),
    }
}

/// What was counted on so many days up to today.
fn rollup(days: i64, now: i64) -> Rollup {
    let hour = |day| Step::Day.start(now) - day * Step::Day.micros() + 9 * Step::Hour.micros();
    let days: Vec<i64> = (0..days).map(hour).collect();
    let users: Vec<_> = (0..30).map(|n| (format!("005{n:012}"), 300 - n)).collect();
    let mut all = vec![
        series(ALL_TYPES, TOTAL, &days, &[(String::new(), 9_000)]),
        series(ALL_TYPES, USER, &days, &users),
    ];
    for (event_type, dimensions) in COUNTS {
        all.push(series(event_type, TOTAL, &days, &[(String::new(), 1_000)]));
        for (dimension, names) in dimensions {
            let names: Vec<_> =
                (0..*names).map(|n| (format!("{dimension} {n}"), 90 - n as i64)).collect();
            all.push(series(event_type, dimension, &days, &names));
        }
    }
    Rollup { series: all, ..Rollup::default() }
}

/// An installation whose connectors have collected a day of files each, and rest.
async fn fill(ledger: &SqliteLedger, connectors: usize, days: i64) {
    let now = jiff::Timestamp::now().as_microsecond();
    let day = Step::Day.start(now) - Step::Day.micros();
    for number in 0..connectors {
        let connector = name(number);
        ledger.register(&connector, &["files".to_owned()], now).await.unwrap();
        let lane = Lane {
            connector: connector.clone(),
            event_type: COUNTS[number % COUNTS.len()].0.to_owned(),
            day: orgtap_events::time::rfc3339(day)[..10].to_owned(),
        };
        let files: Vec<NewUnit> = (0..24)
            .map(|hour| NewUnit {
                lane: lane.clone(),
                interval: "Hourly".to_owned(),
                sequence: 1,
                log_file_id: format!("0AT{number:05}{hour:010}"),
                log_date: day + hour * Step::Hour.micros(),
                created_date: day + (hour + 4) * Step::Hour.micros(),
                length: 100_000,
            })
            .collect();
        ledger.list(&connector, "hourly", &files, None, None, now).await.unwrap();
        let lease = ledger.lease(&lane, "collect", "fill", now, 60_000_000).await.unwrap().unwrap();
        let to = ledger.lease(&lane, "deliver:files", "fill", now, 60_000_000).await.unwrap();
        let to = to.unwrap();
        for (hour, unit) in ledger.units(&lane).await.unwrap().into_iter().enumerate() {
            let fetched = Event::Fetched {
                spool_path: format!("{connector}/{hour}.gz"),
                spool_bytes: 10_000,
                raw_bytes: 100_000,
                rows: 100,
                content_hash: "00112233445566778899aabbccddeeff".to_owned(),
                warning: None,
            };
            ledger.apply(&lease, unit.id, &fetched, &[], now).await.unwrap();
            let hours = vec![HourRows {
                hour: hour as u8,
                rows: 100,
                admitted: 100,
                repeats: 0,
                missing: 0,
            }];
            let admitted =
                Event::Admitted { admitted: 100, repeats: 0, undecodable: 0, exceptions: 0, hours };
            ledger.apply(&lease, unit.id, &admitted, &[], now).await.unwrap();
            if hour == 0 {
                let days = if number < COUNTED { days } else { days.min(7) };
                ledger.count_units(&[(unit.id, rollup(days, now))]).await.unwrap();
            }
            let delivered = DeliveryDelta {
                unit: unit.id,
                destination: "files".to_owned(),
                replay: None,
                from: 0,
                to: 100,
                delivered: 100,
                rejected: Vec::new(),
                done: true,
            };
            ledger.deliver(&to, &[delivered], now).await.unwrap();
        }
        ledger.release(&lease).await.unwrap();
        ledger.release(&to).await.unwrap();
        let paused = Paused { at: now, ..Paused::default() };
        ledger.set_paused(&connector, Some(&paused)).await.unwrap();
    }
}

fn name(number: usize) -> String {
    format!("org{number:03}")
}

/// The pages of an installation: address, milliseconds until the answer begins, bytes on the wire.
fn pages(connectors: usize, days: i64) -> Vec<(&'static str, f64, u64)> {
    let scene = Scene::new(small_world(95));
    let mut text = format!(
        "data_dir: data\nconsole: {{ listen: \"127.0.0.1:0\" }}\ndestinations:\n{FILES}connectors:\n"
    );
    for number in 0..connectors {
        write!(
            text,
            "- name: {}\n  type: salesforce_connector\n  description: Org number {number}\n  \
             instance_url: http://127.0.0.1:9\n  auth: client_credentials\n  consumer_key: {{ env: \
             ACME_KEY }}\n  consumer_secret: {{ env: ACME_SECRET }}\n  destinations: [files]\n",
            name(number)
        )
        .unwrap();
    }
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    fs::create_dir_all(scene.path("data")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = SqliteLedger::open(&scene.path("data/ledger.sqlite")).await.unwrap();
        fill(&ledger, connectors, days).await;
        ledger.close().await.unwrap();
    });
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    let api = Api::open(&scene, "viewer");
    let jar = scene.path("cookies").to_string_lossy().into_owned();
    let asked = [
        "/status",
        "/status?q=org007",
        "/connectors",
        "/connectors/org000",
        "/insights/monitoring",
        "/insights/monitoring?period=400d",
        "/insights/security?period=400d",
        "/insights/security?connector=org000&period=90d",
    ];
    let measured = asked.map(|page| {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..TIMES {
            let ran = Command::new("curl")
                .args(["--silent", "--noproxy", "*", "--compressed", "--cookie", &jar])
                .args(["--output", "/dev/null"])
                .args(["--write-out", "%{http_code} %{time_starttransfer} %{size_download}"])
                .arg(format!("{}{page}", api.console()))
                .output()
                .unwrap();
            let told = String::from_utf8(ran.stdout).unwrap();
            let told: Vec<f64> = told.split(' ').map(|word| word.parse().unwrap()).collect();
            assert_eq!(told[0] as u16, 200, "{page}");
            times.push(told[1] * 1_000.0);
            bytes = told[2] as u64;
        }
        times.sort_by(f64::total_cmp);
        (page, times[TIMES / 2], bytes)
    });
    assert_eq!(daemon.stop().code, Some(0));
    measured.to_vec()
}

#[test]
#[ignore = "a measurement, not a test"]
fn how_long_pages_take() {
    let (small, large) = (pages(1, 7), pages(500, 400));
    println!("| page | 1 connector, 7 days | 500 connectors, 400 days | ratio | on the wire |");
    println!("|---|---:|---:|---:|---:|");
    for ((page, small, _), (_, large, bytes)) in small.into_iter().zip(large) {
        println!(
            "| `{page}` | {small:.1} ms | {large:.1} ms | {:.1} x | {} KiB |",
            large / small,
            bytes / 1024
        );
    }
}
