//! Two hundred bad weeks, each of another small org: files that come late, are replaced, repeat
//! rows or vanish, faults of the org, and deaths of the process, as the days go by. Each is compared
//! with what really happened.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use jiff::SignedDuration;
use orgtap_simorg::world::Interval;
use orgtap_simorg::{ClockConfig, Fault, Rule, When, preset};

use crate::completeness::{hours, record};
use crate::support::{FILES, Random, Scene, first_day, world};

/// Weeks of each kind.
const WEEKS: u64 = 50;

/// Types an org may have: with and without a user, with quotes and line ends, that repeat rows.
const TYPES: [&str; 10] = [
    "Login",
    "Logout",
    "RestApi",
    "ReportExport",
    "ApexExecution",
    "URI",
    "LoginAs",
    "AsyncReportRun",
    "ContentTransfer",
    "ApiTotalUsage",
];

/// The numbers of a week.
fn random(seed: u64) -> Random {
    Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

/// An org at noon of its week's first day.
fn org(seed: u64, vanish: bool, random: &mut Random) -> Scene {
    let mut config = world(seed, 7, 0.4);
    config.users = 8 + random.below(12) as u32;
    let first = random.below(TYPES.len() as u64) as usize;
    config.event_types = (0..3).map(|n| TYPES[(first + n * 3) % TYPES.len()].to_owned()).collect();
    // Rows whose times are odd cannot be told to an hour from outside.
    config.awkward = !vanish;
    Scene::with(config, |sim| {
        sim.clock = ClockConfig::standing(first_day() + SignedDuration::from_hours(12));
        sim.faults = preset("bad-week").unwrap();
        sim.fault_seed = seed;
        if vanish {
            sim.faults.push((Fault::Vanish, Rule::new(When::Rate(0.02))));
        }
    })
}

/// Collects, and dies while at it: at a named place, or anywhere.
fn die(scene: &Scene, random: &mut Random) {
    let mut command = scene.command(&["collect"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    if random.below(2) == 0 {
        let points = orgtap_collector::KILL_POINTS;
        let point = points[random.below(points.len() as u64) as usize];
        command.env("ORGTAP_KILL_AT", format!("{point}:{}", 1 + random.below(9)));
        command.status().unwrap();
    } else {
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.below(120)));
        // It may have ended by itself.
        drop(child.kill());
        child.wait().unwrap();
    }
}

/// Lives through a week and the days after it, and collects all there is.
fn live(scene: &Scene, random: &mut Random) {
    let end = first_day() + SignedDuration::from_hours(24 * 11);
    while scene.org.clock().now() < end {
        if random.below(3) == 0 {
            die(scene, random);
        } else {
            scene.run(&["collect"]);
        }
        let hours = 20 + random.below(30) as i64;
        scene.org.clock().advance(SignedDuration::from_hours(hours)).unwrap();
    }
    for _ in 0..40 {
        let code = scene.run(&["collect"]).code;
        if matches!(code, Some(0 | 3)) {
            return;
        }
        assert!(matches!(code, Some(4 | 5)), "{code:?}");
    }
    panic!("40 passes were not enough:\n{}", scene.run(&["status"]).stdout);
}

/// Fifty weeks in which nothing is beyond repair.
fn weeks(seeds: u64, interval: &str, truth: Interval) {
    let mut rows = 0;
    for seed in seeds..seeds + WEEKS {
        println!("week {seed}, {interval}");
        let mut random = random(seed);
        let scene = org(seed, false, &mut random);
        scene.configure(&format!("  event_log_files: {{ interval: {interval} }}\n"), FILES);
        live(&scene, &mut random);
        rows += scene.compare(truth).rows;
    }
    println!("{WEEKS} bad weeks, {interval}: {rows} rows, 0 lost, 0 doubled, 0 altered");
}

#[test]
fn fifty_bad_weeks_lose_and_double_nothing_hourly() {
    weeks(1_000, "hourly", Interval::Hourly);
}

#[test]
fn fifty_bad_weeks_lose_and_double_nothing_daily() {
    weeks(2_000, "daily", Interval::Daily);
}

#[test]
fn fifty_bad_weeks_lose_and_double_nothing_with_both_copies() {
    weeks(3_000, "both", Interval::Both);
}

#[test]
fn fifty_bad_weeks_with_files_that_vanish_have_gaps_exactly_where_rows_are_lost() {
    let (mut rows, mut all) = (0, 0);
    for seed in 4_000..4_000 + WEEKS {
        println!("week {seed}, with files that vanish");
        let mut random = random(seed);
        let scene = org(seed, true, &mut random);
        scene.configure("  event_log_files: { interval: hourly }\n", FILES);
        live(&scene, &mut random);
        let found = scene.difference(Interval::Hourly);
        found.assert_nothing_extra();
        let lost: BTreeSet<_> = found
            .lost
            .into_iter()
            .map(|((event_type, _), row)| {
                let time = row.split("\"TIMESTAMP_DERIVED\": \"").nth(1).expect("a time");
                (event_type, time[..13].to_owned())
            })
            .collect();
        let record = record(&scene);
        let gaps: BTreeSet<_> = hours(&record)
            .into_iter()
            // After the week nothing happens any more, where the past lets expect something.
            .filter(|(_, _, hour)| hour["state"] != "complete" && hour["inferred"] == false)
            .inspect(|(_, _, hour)| assert_eq!(hour["state"], "gap", "{hour}"))
            .map(|(event_type, hour, _)| (event_type, hour))
            .collect();
        assert_eq!(gaps, lost, "seed {seed}");
        rows += found.rows;
        all += gaps.len();
    }
    assert!(all > 0, "no file vanished");
    println!("{WEEKS} bad weeks: {rows} rows, {all} gaps, all told, 0 doubled");
}
