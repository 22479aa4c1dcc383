//! What is counted of rows, compared with what really happened, counted slowly.

use std::collections::BTreeMap;

use jiff::Timestamp;
use orgtap_insights::{Body, Cell, Choice, Page, monitoring, security, user_time_line};
use orgtap_ledger::{
    ALL_TYPES, Asked, OTHERS, RollupLedger, Span, SqliteLedger, Step, TOTAL, USER,
};
use orgtap_simorg::world::{Interval, LaneTruth};

use crate::support::{FILES, Random, Scene, first_day, recent_world, world};

/// Two destinations, and everything the org has.
const TWO: &str = "- name: files\n  type: file\n  directory: events\n  compression: none\n\
    - name: more\n  type: file\n  directory: more\n  compression: none\n";

/// A text without what would not be seen, or would change how the rest is seen.
fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
            || c == '\u{feff}'
    };
    text.chars().map(|c| if hidden(c) { '\u{fffd}' } else { c }).collect()
}

/// Event type, dimension, start of the step (microseconds), name: events, rows, longest.
type Counts = BTreeMap<(String, String, i64, String), (i64, i64, i64)>;

/// A slow look at one row.
struct Row<'a>(BTreeMap<&'a str, &'a str>);

impl Row<'_> {
    fn get(&self, column: &str) -> &str {
        self.0.get(column).copied().unwrap_or_default()
    }

    /// The first of them that says something.
    fn first(&self, columns: &[&str]) -> &str {
        columns.iter().map(|column| self.get(column)).find(|value| !value.is_empty()).unwrap_or("")
    }

    /// Its time, microseconds since 1970 UTC.
    fn time(&self) -> i64 {
        let time = self.get("TIMESTAMP_DERIVED").parse::<Timestamp>().unwrap_or_else(|_| {
            let text = self.get("TIMESTAMP");
            let (date, time) = text.split_at(8);
            let iso = format!(
                "{}-{}-{}T{}:{}:{}Z",
                &date[..4],
                &date[4..6],
                &date[6..],
                &time[..2],
                &time[2..4],
                &time[4..]
            );
            iso.parse().unwrap()
        });
        time.as_microsecond()
    }
}

/// Types whose users are told by how much they do.
const VOLUMES: [&str; 5] = ["ReportExport", "API", "RestApi", "BulkApi", "BulkApi2"];

/// The shortest steps of a series.
fn step(dimension: &str) -> Step {
    if dimension == USER { Step::Day } else { Step::Hour }
}

/// An id without the three characters for those who cannot tell upper from lower case.
fn fifteen(id: &str) -> &str {
    if id.len() == 18 { &id[..15] } else { id }
}

/// What should be counted by a few columns, one row at a time.
fn truth(scene: &Scene, interval: Interval) -> Counts {
    let mut counts = Counts::new();
    for LaneTruth { event_type, columns, rows, .. } in
        scene.org.world().truth(interval, scene.org.clock().now())
    {
        for row in rows {
            let cells = columns.iter().map(String::as_str).zip(row.iter().map(String::as_str));
            let row = Row(cells.collect());
            let user = fifteen(row.get("USER_ID"));
            let mut names = vec![(TOTAL, ""), (USER, user)];
            match event_type.as_str() {
                "Login" => names.push(("status", row.get("LOGIN_STATUS"))),
                "Report" => names.push(("report", fifteen(row.get("REPORT_ID")))),
                "ApiTotalUsage" => {
                    names.push(("entity", row.get("ENTITY_NAME")));
                    names.push(("version", row.get("API_VERSION")));
                }
                "RestApi" => {
                    names.push(("client", row.first(&["CLIENT_NAME", "CONNECTED_APP_ID"])));
                }
                _ => {}
            }
            let number = |column: &str| row.get(column).parse::<f64>().unwrap_or_default() as i64;
            let (records, millis) = match event_type.as_str() {
                "Report" => (number("ROW_COUNT"), number("RUN_TIME")),
                "RestApi" => (number("ROWS_PROCESSED"), number("RUN_TIME")),
                _ => (0, 0),
            };
            for (dimension, name) in names {
                if name.is_empty() && dimension != TOTAL {
                    continue;
                }
                let types: &[&str] = match dimension {
                    TOTAL => &[&event_type, ALL_TYPES],
                    USER if VOLUMES.contains(&&*event_type) => &[&event_type, ALL_TYPES],
                    USER => &[ALL_TYPES],
                    _ => &[&event_type],
                };
                for kind in types {
                    let start = step(dimension).start(row.time());
                    let key = ((*kind).to_owned(), dimension.to_owned(), start, visible(name));
                    let (events, rows, longest) = counts.entry(key).or_default();
                    *events += 1;
                    *rows += records;
                    *longest = millis.max(*longest);
                }
            }
        }
    }
    counts
}

/// Runs something with what was counted.
fn with_rollups<T>(scene: &Scene, ask: impl AsyncFnOnce(&SqliteLedger) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let ledger = SqliteLedger::open(&scene.path("data/ledger.sqlite")).await.unwrap();
        ask(&ledger).await
    })
}

/// The types whose longest times and rows the slow look knows.
const MEASURED: [&str; 2] = ["Report", "RestApi"];

/// What was counted by the same columns, of one connector and of all together.
fn counted(scene: &Scene, connector: Option<&str>, likewise: &Counts) -> Counts {
    let mut series: Vec<(&str, &str)> =
        likewise.keys().map(|(kind, dimension, ..)| (kind.as_str(), dimension.as_str())).collect();
    series.sort_unstable();
    series.dedup();
    let to = Step::Day.start(Timestamp::now().as_microsecond());
    with_rollups(scene, async |ledger| {
        let mut counts = Counts::new();
        for (kind, dimension) in series {
            let asked = Asked { connector, event_types: &[kind], dimension };
            let step = step(dimension);
            let span = Span { step, from: to - 30 * Step::Day.micros(), to };
            for point in ledger.by_name(asked, span).await.unwrap() {
                assert_ne!(point.name, OTHERS, "there was room for every name");
                let key = (kind.to_owned(), dimension.to_owned(), point.start, point.name);
                let known = MEASURED.contains(&kind);
                let (rows, longest) = (point.sums.rows, point.sums.longest);
                let (rows, longest) = if known { (rows, longest) } else { (0, 0) };
                counts.insert(key, (point.sums.events, rows, longest));
            }
        }
        counts
    })
}

/// Fails unless exactly what happened was counted.
fn compare(scene: &Scene, interval: Interval) {
    let mut happened = truth(scene, interval);
    // Of all types together only how many there were is known.
    for ((kind, ..), sums) in &mut happened {
        if kind == ALL_TYPES {
            (sums.1, sums.2) = (0, 0);
        }
    }
    assert!(happened.len() > 100, "{} counts are too few to say anything", happened.len());
    for connector in [Some("acme"), None] {
        let counted = counted(scene, connector, &happened);
        let wrong: Vec<_> = happened
            .iter()
            .filter(|(key, sums)| counted.get(*key) != Some(*sums))
            .map(|(key, sums)| (key, sums, counted.get(key)))
            .take(5)
            .collect();
        let extra: Vec<_> =
            counted.iter().filter(|(key, _)| !happened.contains_key(*key)).take(5).collect();
        assert!(wrong.is_empty() && extra.is_empty(), "{connector:?}\n{wrong:#?}\n{extra:#?}");
    }
}

#[test]
fn what_is_counted_is_what_happened_however_rows_come() {
    for (interval, truth) in
        [("hourly", Interval::Hourly), ("daily", Interval::Daily), ("both", Interval::Both)]
    {
        let scene = Scene::new(recent_world(61, 2, 0.3));
        scene.configure(&format!("  event_log_files: {{ interval: {interval} }}\n"), TWO);
        scene.collect_all();
        compare(&scene, truth);
        // A second pass and a replay count nothing again.
        let replayed = scene.run(&["replay", "acme", "--to", "files", "--yes"]);
        assert!(matches!(replayed.code, Some(0 | 2)), "{}{}", replayed.stdout, replayed.stderr);
        scene.collect_all();
        compare(&scene, truth);
    }
}

#[test]
fn a_unit_is_counted_once_wherever_the_process_dies() {
    let scene = Scene::new(recent_world(62, 2, 0.2));
    scene.configure("  event_log_files: { interval: both }\n", TWO);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut died = 0;
    for turn in 0..24 {
        let points = [
            "count.before_ledger",
            "count.after_ledger",
            "admit.after_ledger",
            "deliver.after_ledger",
        ];
        let place = format!("{}:{}", points[turn % points.len()], 1 + random.below(2));
        let ran = scene.command(&["collect"]).env("ORGTAP_KILL_AT", place).output().unwrap();
        died += u32::from(ran.status.code().is_none());
    }
    assert!(died > 8, "it died {died} times only");
    scene.collect_all();
    scene.compare(Interval::Both);
    compare(&scene, Interval::Both);
}

#[test]
fn what_cannot_be_counted_stops_nothing_and_is_told() {
    let scene = Scene::new(recent_world(63, 1, 0.1));
    scene.configure_files("daily");
    let killed =
        scene.command(&["collect"]).env("ORGTAP_KILL_AT", "count.before_ledger").output().unwrap();
    assert_eq!(killed.status.code(), None);
    // Of files that are delivered and not counted, one is no longer what it was.
    for path in crate::support::all_files(&scene.path("data/spool")) {
        std::fs::write(path, b"no log file").unwrap();
    }
    let delivered = scene.delivered().uids.len();
    let ran = scene.run(&["--log", "warn", "collect"]);
    assert!(ran.stderr.contains("cannot count rows for insights"), "{}", ran.stderr);
    let status = scene.run(&["status", "--json"]).json();
    let reason = status["connectors"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("not counted for insights"), "{status:#}");
    assert!(scene.delivered().uids.len() >= delivered);
}

#[test]
fn insights_that_are_switched_off_count_nothing() {
    let scene = Scene::new(recent_world(64, 1, 0.1));
    scene.configure_files("daily");
    scene.reword("data_dir: data\n", "data_dir: data\ninsights: off\n");
    scene.collect_all();
    scene.compare(Interval::Daily);
    assert!(with_rollups(&scene, async |ledger| ledger.types_seen(None).await.unwrap()).is_empty());
    // Switched on, what still lies in the spool is counted.
    scene.reword("insights: off", "insights: { retention: 3000d }");
    scene.collect_all();
    compare(&scene, Interval::Daily);
}

/// The panel of a page.
fn body<'p>(page: &'p Page, id: &str) -> &'p Body {
    &page.panels.iter().find(|panel| panel.id == id).unwrap_or_else(|| panic!("no {id}")).body
}

fn rows<'p>(page: &'p Page, id: &str) -> &'p [Vec<Cell>] {
    match body(page, id) {
        Body::Table { columns, rows } => {
            assert!(rows.iter().all(|row| row.len() == columns.len()), "{id}");
            rows
        }
        other => panic!("{id} is no table: {other:?}"),
    }
}

#[test]
fn pages_say_what_happened() {
    let scene = Scene::new(world(65, 10, 0.3));
    scene.configure("  event_log_files: { interval: daily }\n", FILES);
    scene.reword(
        "data_dir: data\n",
        "data_dir: data\ninsights: { retention: 3000d, time_line: 400d }\n",
    );
    scene.collect_all();
    let happened = truth(&scene, Interval::Daily);
    let sum = |kind: &str, dimension: &str, name: Option<&str>| -> i64 {
        let of = |key: &(String, String, i64, String)| {
            key.0 == kind && key.1 == dimension && name.is_none_or(|name| name == key.3)
        };
        happened.iter().filter(|(key, _)| of(key)).map(|(_, sums)| sums.0).sum()
    };
    let from = first_day().as_microsecond();
    let to = from + 10 * Step::Day.micros();
    let choice = Choice { connector: Some("acme".to_owned()), from, to };
    let (usage, safety) = with_rollups(&scene, async |ledger| {
        (monitoring(ledger, &choice).await.unwrap(), security(ledger, &choice).await.unwrap())
    });
    for page in [&usage, &safety] {
        println!("{}", serde_json::to_string_pretty(page).unwrap());
        for panel in &page.panels {
            assert!(!panel.question.is_empty() && !panel.is_without_data(), "{}", panel.id);
        }
    }
    let Body::Series { lines, times, .. } = body(&usage, "events_by_type") else { panic!() };
    assert_eq!((times.len(), &*times[0]), (10, "2026-10-05T00:00:00.000Z"));
    let all: i64 = lines.iter().flat_map(|line| &line.values).sum();
    assert_eq!(all, sum(ALL_TYPES, TOTAL, None));
    let Body::Series { lines, .. } = body(&safety, "sign_ins") else { panic!() };
    let good = lines.iter().find(|line| line.name == "succeeded").unwrap();
    assert_eq!(good.values.iter().sum::<i64>(), sum("Login", "status", Some("LOGIN_NO_ERROR")));
    let [Cell::User { id, name: Some(name) }, Cell::Number(events)] =
        &*rows(&usage, "most_active_users")[0]
    else {
        panic!("{:?}", rows(&usage, "most_active_users")[0])
    };
    assert_eq!(*events, sum(ALL_TYPES, USER, Some(id)));
    let person = scene.org.world().users().iter().find(|user| user.id.starts_with(id)).unwrap();
    assert_eq!(&person.username, name);
    // Who acted as whom: the one who acts comes first.
    let acted = rows(&safety, "login_as");
    let pairs: i64 = acted.iter().map(|row| if let Cell::Number(n) = row[2] { n } else { 0 }).sum();
    assert_eq!(pairs, sum("LoginAs", TOTAL, None));
    let line =
        with_rollups(&scene, async |ledger| user_time_line(ledger, id, &choice).await.unwrap());
    assert!(!rows(&line, "sessions").is_empty() && !rows(&line, "events").is_empty());
}

/// Country and network of the simulated org's addresses, as its database has them.
fn place(address: &str) -> (&'static str, &'static str) {
    const OFFICES: [&str; 6] = ["IN", "US", "US", "GB", "DE", "SG"];
    const HOMES: &str = "AS64501 Acme Broadband";
    let after = |prefix: &str| address.strip_prefix(prefix);
    if let Some(last) = after("203.0.113.") {
        let last: usize = last.parse().unwrap();
        return (OFFICES[last / 8 - 1], "AS64500 Acme Offices");
    }
    if let Some(rest) = after("2001:db8:a") {
        return (OFFICES[rest[..1].parse::<usize>().unwrap()], HOMES);
    }
    match () {
        () if after("192.0.2.").is_some() => ("NL", "AS64510 Bulletproof Hosting"),
        () if after("198.18.").is_some() => ("US", "AS64502 Acme Cloud"),
        () if after("198.51.100.").is_some() => ("(unknown)", HOMES),
        () => ("(unknown)", "(unknown)"),
    }
}

#[test]
fn sign_ins_are_counted_by_country_and_network_where_a_database_is_named() {
    let scene = Scene::new(recent_world(67, 3, 0.5));
    std::fs::write(scene.path("networks.mmdb"), orgtap_simorg::networks()).unwrap();
    scene.configure_files("daily");
    scene.reword("data_dir: data\n", "data_dir: data\ninsights: { networks: [networks.mmdb] }\n");
    scene.collect_all();
    // By country, by network, and what of that was refused.
    let mut happened: [BTreeMap<&str, i64>; 3] = Default::default();
    let truth = scene.org.world().truth(Interval::Daily, scene.org.clock().now());
    for lane in truth.filter(|lane| lane.event_type == "Login") {
        let at = |name: &str| lane.columns.iter().position(|column| column == name).unwrap();
        let (source, client, status) = (at("SOURCE_IP"), at("CLIENT_IP"), at("LOGIN_STATUS"));
        for row in &lane.rows {
            let address = if row[source].is_empty() { &row[client] } else { &row[source] };
            let (country, network) = place(address);
            *happened[0].entry(country).or_default() += 1;
            *happened[1].entry(network).or_default() += 1;
            *happened[2].entry(network).or_default() += i64::from(row[status] != "LOGIN_NO_ERROR");
        }
    }
    let to = Step::Day.start(Timestamp::now().as_microsecond());
    let choice = Choice { connector: None, from: to - 10 * Step::Day.micros(), to };
    let page = with_rollups(&scene, async |ledger| security(ledger, &choice).await.unwrap());
    let read = |id: &str, column: usize| -> BTreeMap<&str, i64> {
        let cells = rows(&page, id).iter().map(|row| match (&row[0], &row[column]) {
            (Cell::Text(name), Cell::Number(number)) => (name.as_str(), *number),
            other => panic!("{other:?}"),
        });
        cells.collect()
    };
    println!("{happened:#?}");
    assert!(happened[1].len() > 3 && happened[2].values().any(|failed| *failed > 0));
    let by_address = read("sign_ins_by_country", 2);
    for (country, events) in &happened[0] {
        assert_eq!(by_address.get(country), Some(events), "{country}: {by_address:#?}");
    }
    assert_eq!(by_address.values().sum::<i64>(), happened[0].values().sum::<i64>());
    assert_eq!(read("sign_ins_by_network", 1), happened[1]);
    assert_eq!(read("sign_ins_by_network", 2), happened[2]);
}

#[test]
fn a_panel_says_what_the_org_does_not_deliver() {
    let scene = Scene::new(crate::support::small_world(66));
    scene.configure_files("daily");
    scene.collect_all();
    let from = first_day().as_microsecond();
    let choice = Choice { connector: None, from, to: from + Step::Day.micros() };
    let page = with_rollups(&scene, async |ledger| monitoring(ledger, &choice).await.unwrap());
    let panel = page.panels.iter().find(|panel| panel.id == "reports_run").unwrap();
    assert!(panel.is_without_data());
    assert!(panel.note.as_ref().unwrap().contains("Report or AsyncReportRun"), "{panel:?}");
    let panel = page.panels.iter().find(|panel| panel.id == "api_by_client").unwrap();
    assert!(!panel.is_without_data() && panel.note.is_none(), "{panel:?}");
}
