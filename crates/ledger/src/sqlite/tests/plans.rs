//! Query plans: what is asked often must not read whole tables.

use sqlx::{AssertSqlSafe, Row, SqliteConnection};

use super::{folder, lane, list};
use crate::sqlite::rollup::{ask, texts};
use crate::sqlite::{account, backfill, dead_letter, deliver, due, progress, replay, status, work};
use crate::{Ledger, SqliteLedger};

/// The lanes of an event type, of a range of days alone.
const LANES_OF_DAYS: &str =
    "INDEX sqlite_autoindex_lane_1 (connector_id=? AND event_type=? AND day>? AND day<?)";

/// The steps of a plan, one a line.
async fn plan(conn: &mut SqliteConnection, sql: &str) -> String {
    let rows = sqlx::query(AssertSqlSafe(format!("explain query plan {sql}")))
        .fetch_all(conn)
        .await
        .unwrap();
    rows.iter().map(|row| row.get::<String, _>("detail") + "\n").collect()
}

#[tokio::test]
async fn frequent_questions_read_only_what_waits() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let mut conn = ledger.writer.take().await.unwrap();
    for (sql, index) in [
        (due::COLLECT, "INDEX unit_due"),
        (due::DELIVER, "INDEX delivery_due"),
        (due::UNIT_WAITS, "INDEX unit_waiting"),
        (due::DELIVERY_WAITS, "INDEX delivery_waiting"),
        (work::COLLECTING, "INDEX unit_due"),
        (work::DELIVERING, "INDEX delivery_due"),
        (progress::UNITS, "INDEX unit_lane"),
        (progress::DISPUTED, "INDEX unit_disputed"),
        (progress::STANDINGS, "INDEX unit_lane (lane_id=? AND rowid=?)"),
        (deliver::STANDINGS, "INDEX unit_lane (lane_id=? AND rowid=?)"),
        (deliver::OUTBOX, "INDEX delivery_due"),
        (status::RELEASABLE, "INDEX unit_spooled"),
        (account::KINDS, "INDEX unit_log_date"),
        (account::UNITS, LANES_OF_DAYS),
        (account::UNITS, "INDEX unit_lane"),
        (account::HOURS, LANES_OF_DAYS),
        (account::HOURS, "INDEX unit_lane"),
        (account::DELIVERIES, LANES_OF_DAYS),
        (account::DELIVERIES, "INDEX unit_lane"),
        (account::SET_ASIDE, LANES_OF_DAYS),
        (account::SET_ASIDE, "INDEX dead_letter_unit"),
        (backfill::PROGRESS, "INDEX unit_backfill"),
        (dead_letter::NEWEST, "INDEX dead_letter_open"),
        (dead_letter::FORGET, "INDEX dead_letter_unit"),
        (dead_letter::COUNTS, "INDEX dead_letter_open"),
        (replay::DUE, "INDEX replay_due"),
        (replay::OF_LANE, "INDEX replay_due"),
        (replay::WAITS, "INDEX replay_due"),
        (ask::UNCOUNTED, "INDEX unit_uncounted"),
    ] {
        let plan = plan(&mut conn, sql).await;
        assert!(plan.contains(index), "{sql}\n{plan}");
        for table in ["u", "v", "d", "h", "r", "l", "s", "c", "t"] {
            let scan = format!("SCAN {table}\n");
            assert!(!plan.contains(&scan), "{sql}\n{plan}");
        }
    }
    // What status asks, of one connector and of all: those are looked through, their units are not.
    let counted = [
        "INDEX dead_letter_open",
        "INDEX unit_vanished",
        "INDEX unit_disputed",
        "INDEX replay_due",
        "INDEX unit_waiting",
        "INDEX delivery_waiting",
        "INDEX replay_due",
    ];
    for (questions, small) in [(status::OF_ONE, &["n", "t"][..]), (status::OF_ALL, &[])] {
        for (sql, indexes) in [
            (questions.counts, &counted[..]),
            (questions.listed, &["INDEX unit_due"]),
            (questions.destinations, &["INDEX delivery_due"]),
            (questions.withheld, &["INDEX delivery_withheld"]),
            (questions.units, &[]),
        ] {
            let plan = plan(&mut conn, sql).await;
            let mut rest = &*plan;
            for index in indexes {
                let found = rest.split_once(index);
                rest = found.unwrap_or_else(|| panic!("no {index}: {sql}\n{plan}")).1;
            }
            for table in ["u", "v", "d", "r"].iter().chain(small) {
                let scan = format!("SCAN {table}\n");
                assert!(!plan.contains(&scan), "{sql}\n{plan}");
            }
        }
    }
    for sql in texts::TOP.into_iter().chain([texts::OF_NAMES, texts::OVER_TIME, texts::BY_NAME]) {
        let plan = plan(&mut conn, sql).await;
        let by_series = "SEARCH r USING PRIMARY KEY (series_id=? AND step=? AND start";
        assert!(plan.contains(by_series), "{sql}\n{plan}");
    }
    for (sql, index) in [
        (
            texts::SERIES_OF,
            "INDEX sqlite_autoindex_rollup_series_1 (dimension=? AND connector_id=?",
        ),
        (texts::SERIES_OF_ALL, "INDEX sqlite_autoindex_rollup_series_1 (dimension=?"),
        (ask::SEEN, "INDEX sqlite_autoindex_rollup_series_1 (dimension=? AND connector_id=?"),
        (
            ask::FIRST_SEEN,
            "SEARCH f USING INDEX user_trait_first (kind=? AND connector_id=? AND first",
        ),
        (ask::SESSIONS, "SEARCH e USING PRIMARY KEY (day=? AND connector_id=? AND user_id=?"),
        (ask::SESSIONS, "SEARCH s USING PRIMARY KEY (day>?)"),
        (ask::NOTABLES_OF_USER, "SEARCH n USING INDEX notable_user (user_id=? AND at"),
        (texts::NOTABLES_OF_TYPES, "INDEX notable_type (connector_id=? AND event_type=? AND at"),
        (texts::USER_NAMES, "SEARCH n USING PRIMARY KEY"),
    ] {
        let plan = plan(&mut conn, sql).await;
        assert!(plan.contains(index), "{sql}\n{plan}");
    }
    for sql in [due::COLLECT, due::DELIVER] {
        assert!(plan(&mut conn, sql).await.contains("COVERING INDEX"), "{sql}");
    }
}

/// Fills the tables as a year of a large org would: two hundred thousand units, all but a few done.
const FILL: &str = "
    insert into connector (id, name, registered_at) values (1, 'acme', 0);
    insert into destination (id, connector_id, name, registered) values (1, 1, 'siem', 1);
    with recursive n (i) as (select 0 union all select i + 1 from n where i < 8333)
    insert into lane (id, connector_id, event_type, day)
        select i + 1, 1, 'Type' || (i % 80), 'day' || (i / 80) from n;
    with recursive n (i) as (select 0 union all select i + 1 from n where i < 199999)
    insert into unit (id, connector_id, lane_id, file_interval, sequence, log_file_id, log_date,
            created_date, length, state, row_count, admitted, raw_bytes, spool_path,
            content_hash, listed_at, final_at, spooled)
        select i + 1, 1, i / 24 + 1, 'Hourly', 1, '0AT' || printf('%015d', i), i, i, 100000,
            case when i >= 199900 then 'listed' when i >= 199800 then 'admitted' else 'done' end,
            1000, 1000, 500000, 'acme/2026-11-23/Type/file' || i || '.csv.gz',
            '00112233445566778899aabbccddeeff', 0, case when i < 199800 then i end, 0
        from n;
    insert into delivery (unit_id, destination_id, lane_id, created_date, position, delivered, done)
        select u.id, 1, u.lane_id, u.created_date, 1000, 1000, u.state = 'done'
        from unit u where u.state <> 'listed';";

/// Prints how long something takes, the median of five.
macro_rules! time {
    ($what:literal, $future:expr) => {
        let mut times = Vec::new();
        for _ in 0..5 {
            let start = std::time::Instant::now();
            $future.await.unwrap();
            times.push(start.elapsed());
        }
        times.sort();
        println!("{:20} {:?}", $what, times[2]);
    };
}

/// Run by hand: `cargo test -p orgtap-ledger --lib -- --ignored --nocapture measure`.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn measure_a_ledger_of_two_hundred_thousand_units() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let mut conn = ledger.writer.take().await.unwrap();
    sqlx::raw_sql(FILL).execute(&mut *conn).await.unwrap();
    conn.give_back();
    time!("due collect, few", ledger.due("acme", "collect", 1, 10));
    time!("due deliver, few", ledger.due("acme", "deliver:siem", 1, 10));
    time!("next due", ledger.next_due("acme", 1));
    time!("one unit", ledger.unit(1_000));
    time!("summary", ledger.summary("acme"));
    time!("releasable", ledger.releasable(i64::MAX, 100));
    time!("list 2,000 known", list(&ledger, 2_000));
    let mut lease = None;
    time!("lease and release", async {
        lease = ledger.lease(&lane(), "collect", "a", 0, 1).await?;
        ledger.release(lease.as_ref().unwrap()).await
    });
    let mut conn = ledger.writer.take().await.unwrap();
    let all_due = "update unit set state = 'listed'; update delivery set done = 0";
    sqlx::raw_sql(all_due).execute(&mut *conn).await.unwrap();
    conn.give_back();
    time!("due collect, all", ledger.due("acme", "collect", 1, 10));
    time!("due deliver, all", ledger.due("acme", "deliver:siem", 1, 10));
    time!("next due, all", ledger.next_due("acme", 1));
    println!("{} bytes", std::fs::metadata(&path).unwrap().len());
}

/// Five hundred connectors with two thousand units each, and two destinations.
const FILL_MANY: &str = "
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 500)
    insert into connector (id, name, registered_at, record)
        select i, 'org' || i, 0, json_object('org_id', null, 'sign_in', null,
            'refused_credentials', null, 'poll', null, 'test', printf('%.3000c', 'x'),
            'api_usage', null, 'api_usage_at', null, 'api_restraint', null) from n;
    insert into destination (id, connector_id, name, registered)
        select id * 2 + d, id, 'siem' || d, 1 from connector, (select 0 as d union select 1);
    with recursive n (i) as (select 0 union all select i + 1 from n where i < 9999)
    insert into lane (id, connector_id, event_type, day)
        select i + 1, i / 20 + 1, 'Type' || (i % 20), 'day' from n;
    with recursive n (i) as (select 0 union all select i + 1 from n where i < 999999)
    insert into unit (id, connector_id, lane_id, file_interval, sequence, log_file_id, log_date,
            created_date, length, state, row_count, admitted, raw_bytes, listed_at, final_at)
        select i + 1, i / 2000 + 1, i / 100 + 1, 'Hourly', 1, '0AT' || i, i, i, 100000,
            case when i % 1000 > 997 then 'admitted' else 'done' end, 1000, 1000, 500000, 0, i
        from n;
    insert into delivery (unit_id, destination_id, lane_id, created_date, position, delivered, done)
        select u.id, t.id, u.lane_id, u.created_date, 1000, 1000, u.state = 'done'
        from unit u join destination t on t.connector_id = u.connector_id;";

/// Run by hand, as above.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn measure_a_ledger_of_five_hundred_connectors_and_a_million_units() {
    let (_folder, path) = folder();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let mut conn = ledger.writer.take().await.unwrap();
    sqlx::raw_sql(FILL_MANY).execute(&mut *conn).await.unwrap();
    conn.give_back();
    assert_eq!(ledger.overview("2026-11-23").await.unwrap()["org7"].summary.units["done"], 1996);
    time!("overview", ledger.overview("2026-11-23"));
    time!("one summary", ledger.summary("org7"));
    time!("paused", ledger.paused());
}
