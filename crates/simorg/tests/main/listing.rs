//! Queries over HTTP: what an org shows of its log files, and page after page of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use orgtap_simorg::world::LogFile;
use serde_json::Value;

use crate::support::{Client, error, json, small};

fn ids(records: &[Value]) -> BTreeSet<String> {
    records.iter().map(|record| record["Id"].as_str().unwrap().to_owned()).collect()
}

fn of<'a>(files: impl IntoIterator<Item = &'a LogFile>) -> BTreeSet<String> {
    files.into_iter().map(|file| file.id.clone()).collect()
}

#[tokio::test]
async fn a_record_looks_as_on_the_platform() {
    let client = Client::new().await;
    let file = client.largest();
    let soql = format!(
        "SELECT logfile, Id, EventType, Interval, Sequence, LogDate, CreatedDate, LogFileLength, ApiVersion FROM eventlogfile WHERE Id = '{}'",
        file.id
    );
    let request = client.get("/services/data/v66.0/query").query(&[("q", &soql)]);
    let text = request.send().await.unwrap().text().await.unwrap();
    let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string();
    let id = &file.id;
    let path = format!("/services/data/v66.0/sobjects/EventLogFile/{id}");
    let expected = format!(
        "{{\"totalSize\":1,\"done\":true,\"records\":[{{\"attributes\":{{\"type\":\"EventLogFile\",\"url\":\"{path}\"}},\"LogFile\":\"{path}/LogFile\",\"Id\":\"{id}\",\"EventType\":\"{}\",\"Interval\":\"{}\",\"Sequence\":{},\"LogDate\":\"{}\",\"CreatedDate\":\"{}\",\"LogFileLength\":{}.0,\"ApiVersion\":66.0}}]}}",
        file.event_type,
        if file.hourly { "Hourly" } else { "Daily" },
        file.sequence,
        time(file.log_date),
        time(file.created_date),
        file.length,
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn without_a_word_on_the_interval_only_daily_files_come() {
    let client = Client::new().await;
    let files = client.files();
    let daily = of(files.iter().filter(|file| !file.hourly));
    let hourly = of(files.iter().filter(|file| file.hourly));
    assert!(!daily.is_empty() && !hourly.is_empty());
    let both: BTreeSet<String> = daily.union(&hourly).cloned().collect();
    for (condition, expected) in [
        ("", &daily),
        ("WHERE CreatedDate > 2000-01-01T00:00:00Z", &daily),
        ("WHERE Interval = 'Hourly'", &hourly),
        ("WHERE Interval = 'Daily'", &daily),
        ("WHERE Sequence != 0", &hourly),
        ("WHERE Sequence >= 0", &both),
        ("WHERE Id > '0AT000000000000AAA'", &both),
        ("WHERE Id != null AND EventType != null", &both),
    ] {
        let records = client.records(&format!("SELECT Id FROM EventLogFile {condition}")).await;
        assert_eq!(ids(&records), *expected, "{condition}");
    }
    let (_, page) = client.query("SELECT COUNT() FROM EventLogFile").await;
    assert_eq!(page["totalSize"], daily.len());
}

#[tokio::test]
async fn without_the_entitlement_there_are_neither_hourly_files_nor_the_column() {
    let client = Client::new().await;
    client.org.change(|org| org.interval_column = false);
    let daily = of(client.files().iter().filter(|file| !file.hourly));
    let records = client.records("SELECT Id FROM EventLogFile WHERE Sequence >= 0").await;
    assert_eq!(ids(&records), daily);
    for soql in [
        "SELECT Interval FROM EventLogFile",
        "SELECT Id FROM EventLogFile WHERE Interval = 'Daily'",
    ] {
        let (status, body) = client.query(soql).await;
        let (code, message) = error(&body);
        assert_eq!((status, code), (400, "INVALID_FIELD"), "{soql}");
        assert!(
            message.starts_with('\n') && message.contains("^\nERROR at Row:1:Column:"),
            "{message}"
        );
        assert!(
            message.contains("No such column 'Interval' on entity 'EventLogFile'."),
            "{message}"
        );
    }
}

#[tokio::test]
async fn files_are_kept_as_long_as_the_org_keeps_them() {
    let client = Client::new().await;
    client.org.change(|org| org.retention = std::time::Duration::from_hours(48));
    let cut = client.org.clock().now() - SignedDuration::from_hours(48);
    let (kept, gone): (Vec<LogFile>, Vec<LogFile>) =
        client.files().into_iter().partition(|file| file.created_date >= cut);
    assert!(!kept.is_empty() && !gone.is_empty());
    let records = client.records("SELECT Id FROM EventLogFile WHERE Sequence >= 0").await;
    assert_eq!(ids(&records), of(&kept));
    let path = format!("/services/data/v66.0/sobjects/EventLogFile/{}/LogFile", gone[0].id);
    assert_eq!(client.fetch(&path).await.status(), 404);
}

#[tokio::test]
async fn without_the_add_on_only_a_day_of_the_free_types_is_there() {
    let client = Client::stranger(small()).await;
    let mut client = client;
    client.org.change(|org| org.licensed = false);
    client.sign_in().await;
    let now = client.org.clock().now();
    let free = |file: &&LogFile| {
        !file.hourly
            && client.org.world().is_free(&file.event_type)
            && now.duration_since(file.created_date) <= SignedDuration::from_hours(24)
    };
    let records = client.records("SELECT Id FROM EventLogFile WHERE Sequence >= 0").await;
    assert_eq!(ids(&records), of(client.files().iter().filter(free)));
}

#[tokio::test]
async fn pages_hold_everything_once_and_are_fixed_when_the_query_runs() {
    let mut config = small();
    config.org.batch_size = 2;
    config.clock = orgtap_simorg::ClockConfig::standing(
        crate::support::first_day() + SignedDuration::from_hours(20),
    );
    let client = Client::of(config).await;
    let expected: Vec<String> =
        client.files().iter().filter(|file| file.hourly).map(|file| file.id.clone()).collect();
    let soql = "SELECT Id FROM EventLogFile WHERE Interval = 'Hourly' ORDER BY CreatedDate, Id";
    let (_, mut page) = client.query(soql).await;
    let mut found = Vec::new();
    let mut pages = 0;
    loop {
        let records = page["records"].as_array().unwrap();
        assert!(records.len() <= 2);
        assert_eq!(page["totalSize"], expected.len());
        found.extend(records.iter().map(|record| record["Id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        assert_eq!(page["done"], false);
        assert!(next.starts_with("/services/data/v66.0/query/01g"), "{next}");
        assert!(next.ends_with(&format!("-{}", pages * 2)), "{next}");
        // More files are made meanwhile; the query does not see them.
        client.org.clock().advance(SignedDuration::from_mins(20)).unwrap();
        page = json(client.fetch(next).await).await;
    }
    assert_eq!(page["done"], true);
    assert_eq!(found, expected);
    assert!(pages > 3);
}

#[tokio::test]
async fn a_page_may_be_asked_to_be_smaller_but_not_tiny_or_larger() {
    let mut config = small();
    config.world.event_types.clear();
    config.world.volume = 0.5;
    let client = Client::of(config).await;
    let first = async |batch: &str| {
        let soql = "SELECT Id FROM EventLogFile WHERE Sequence >= 0";
        let request = client
            .get("/services/data/v66.0/query")
            .query(&[("q", soql)])
            .header("Sforce-Query-Options", format!("batchSize={batch}"));
        json(request.send().await.unwrap()).await["records"].as_array().unwrap().len()
    };
    assert_eq!(first("300").await, 300);
    assert_eq!(first("1").await, 200);
    client.org.change(|org| org.batch_size = 250);
    assert_eq!(first("2000").await, 250);
    assert_eq!(first("nonsense").await, 250);
}

#[tokio::test]
async fn a_locator_dies_with_its_session_and_after_two_days() {
    let mut config = small();
    config.org.batch_size = 5;
    config.org.session_lifetime = std::time::Duration::from_hours(400 * 24);
    let mut client = Client::of(config).await;
    let soql = "SELECT Id FROM EventLogFile WHERE Sequence >= 0";
    let (_, page) = client.query(soql).await;
    let next = page["nextRecordsUrl"].as_str().unwrap().to_owned();
    assert_eq!(client.fetch(&next).await.status(), 200);
    let old = client.token.clone();
    client.sign_in().await;
    let answer = client.fetch(&next).await;
    assert_eq!(answer.status(), 400);
    let body = json(answer).await;
    assert_eq!(error(&body), ("INVALID_QUERY_LOCATOR", "invalid query locator"));
    client.token = old;
    assert_eq!(client.fetch(&next).await.status(), 200);
    client.org.clock().advance(SignedDuration::from_hours(49)).unwrap();
    assert_eq!(client.fetch(&next).await.status(), 400);
}

#[tokio::test]
async fn groups_count_what_a_condition_admits() {
    let client = Client::new().await;
    let soql = "SELECT EventType, COUNT(Id) FROM EventLogFile WHERE Interval = 'Hourly' GROUP BY EventType ORDER BY EventType";
    let groups = client.records(soql).await;
    assert_eq!(groups[0]["attributes"]["type"], "AggregateResult");
    for group in &groups {
        let kind = group["EventType"].as_str().unwrap();
        let count = client.files().iter().filter(|f| f.hourly && f.event_type == kind).count();
        assert_eq!(group["expr0"], count, "{kind}");
    }
}

#[tokio::test]
async fn users_and_the_organization_can_be_queried() {
    let client = Client::new().await;
    let users = client.records("SELECT Id, Username, IsActive FROM User ORDER BY Username").await;
    assert_eq!(users.len(), client.org.world().users().len());
    let organization =
        client.records("SELECT Id, IsSandbox, InstanceName FROM Organization LIMIT 1").await;
    assert_eq!(organization[0]["Id"], client.org.world().org_id());
    assert_eq!(organization[0]["IsSandbox"], false);
}
