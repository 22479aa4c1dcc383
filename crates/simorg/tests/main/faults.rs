//! Faults over the wire: each does what its name says, stops when its rule says, and leaves the
//! truth alone.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use orgtap_simorg::world::LogFile;
use orgtap_simorg::{Call, ClockConfig, Fault, Rule, When, preset};
use serde_json::Value;

use crate::support::{Client, content_path, error, first_day, inflate, json, small};

const HOURLY: &str =
    "SELECT Id, CreatedDate, LogFileLength FROM EventLogFile WHERE Interval = 'Hourly'";

/// The body of a download, as far as it came.
async fn body(client: &Client, file: &LogFile, gzip: bool) -> (bool, Vec<u8>) {
    let encoding = if gzip { "gzip" } else { "identity" };
    let request = client.get(&content_path(&file.id)).header("accept-encoding", encoding);
    let mut answer = request.send().await.unwrap();
    let mut out = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(piece)) => out.extend_from_slice(&piece),
            Ok(None) => return (true, out),
            Err(_) => return (false, out),
        }
    }
}

#[tokio::test]
async fn a_session_can_die_in_the_middle_of_a_listing() {
    let mut config = small();
    config.org.batch_size = 5;
    let mut client = Client::of(config).await;
    let rule = Rule::new(When::First(1)).only(Call::QueryMore);
    client.org.faults().set(Fault::SessionExpires, rule);
    let (_, page) = client.query(HOURLY).await;
    let next = page["nextRecordsUrl"].as_str().unwrap().to_owned();
    let answer = client.fetch(&next).await;
    assert_eq!(answer.status(), 401);
    let body = json(answer).await;
    assert_eq!(error(&body), ("INVALID_SESSION_ID", "Session expired or invalid"));
    client.sign_in().await;
    let answer = client.fetch(&next).await;
    assert_eq!(error(&json(answer).await).0, "INVALID_QUERY_LOCATOR");
    let (status, page) = client.query(HOURLY).await;
    assert_eq!(status, 200);
    let next = page["nextRecordsUrl"].as_str().unwrap();
    assert_eq!(client.fetch(next).await.status(), 200);
}

#[tokio::test]
async fn a_locator_can_be_refused_in_a_living_session() {
    let mut config = small();
    config.org.batch_size = 5;
    let client = Client::of(config).await;
    client.org.faults().first(Fault::InvalidLocator, 1);
    let (_, page) = client.query(HOURLY).await;
    let next = page["nextRecordsUrl"].as_str().unwrap();
    assert_eq!(client.fetch(next).await.status(), 400);
    assert_eq!(client.query(HOURLY).await.0, 200);
}

#[tokio::test]
async fn a_burst_brings_every_form_of_5xx() {
    let client = Client::new().await;
    let rule = Rule::new(When::Calls(vec![1])).amount(6);
    client.org.faults().set(Fault::Burst5xx, rule);
    let mut forms = BTreeSet::new();
    for _ in 0..6 {
        let answer = client.fetch("/services/data/v66.0/limits").await;
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").map_or("", |v| v.to_str().unwrap());
        assert!(status >= 500);
        forms.insert((status, kind.split(';').next().unwrap().to_owned()));
    }
    assert_eq!(forms.len(), 6, "{forms:?}");
    assert_eq!(client.fetch("/services/data/v66.0/limits").await.status(), 200);
}

#[tokio::test]
async fn html_can_come_with_status_200() {
    let client = Client::new().await;
    client.org.faults().first(Fault::Html200, 1);
    let request = || client.get("/services/data/v66.0/query").query(&[("q", HOURLY)]);
    let answer = request().send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "text/html")
    );
    assert!(answer.text().await.unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(client.query(HOURLY).await.0, 200);
}

#[tokio::test]
async fn both_kinds_of_limits_are_403() {
    let client = Client::new().await;
    client.org.faults().first(Fault::Quota, 1);
    let (status, body) = client.query(HOURLY).await;
    assert_eq!(
        (status, error(&body)),
        (403, ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    );
    client.org.faults().first(Fault::Concurrent, 1);
    let (status, body) = client.query(HOURLY).await;
    assert_eq!(
        (status, error(&body)),
        (403, ("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."))
    );
    assert_eq!(client.query(HOURLY).await.0, 200);
}

#[tokio::test]
async fn a_body_can_end_early_without_an_error_on_the_wire() {
    let client = Client::new().await;
    let file = client.largest();
    let content = client.org.world().content(&file);
    client.org.faults().first(Fault::TruncateClean, 2);
    let (whole, plain) = body(&client, &file, false).await;
    assert!(whole && plain.len() < content.len() && content.starts_with(&plain));
    assert!(plain.ends_with(b"\n"), "cut between rows, where it cannot be seen");
    let (whole, packed) = body(&client, &file, true).await;
    assert!(whole && inflate(&packed).is_err());
    let (whole, plain) = body(&client, &file, false).await;
    assert!(whole && plain == *content);
}

#[tokio::test]
async fn a_connection_can_be_cut_inside_a_body() {
    let client = Client::new().await;
    let file = client.largest();
    let content = client.org.world().content(&file);
    client.org.faults().first(Fault::TruncateCut, 1);
    let (whole, part) = body(&client, &file, false).await;
    assert!(!whole && part.len() < content.len() && content.starts_with(&part));
    assert!(body(&client, &file, false).await == (true, content.to_vec()));
}

#[tokio::test]
async fn compressed_bodies_can_be_corrupt_or_in_members_or_refused() {
    let client = Client::new().await;
    let file = client.largest();
    let content = client.org.world().content(&file);
    client.org.faults().first(Fault::CorruptGzip, 1);
    let (whole, packed) = body(&client, &file, true).await;
    assert!(whole && inflate(&packed).map_or(true, |bytes| bytes != *content));
    client.org.faults().first(Fault::GzipMultiMember, 1);
    let (_, packed) = body(&client, &file, true).await;
    assert!(inflate(&packed).unwrap() == *content);
    let magic = packed.windows(3).filter(|window| *window == [0x1f, 0x8b, 8]).count();
    assert!(magic >= 3, "{magic} members");
    client.org.faults().first(Fault::GzipRefused, 1);
    assert!(body(&client, &file, true).await == (true, content.to_vec()));
    assert!(inflate(&body(&client, &file, true).await.1).unwrap() == *content);
}

#[tokio::test]
async fn a_body_can_drip_and_the_org_can_still_be_stopped() {
    let client = Client::new().await;
    let file = client.largest();
    client.org.faults().set(Fault::SlowDrip, Rule::new(When::First(1)).amount(1));
    let (whole, slow) = body(&client, &file, false).await;
    assert!(whole && slow == *client.org.world().content(&file));
    client.org.faults().set(Fault::SlowDrip, Rule::new(When::Always).amount(3_600_000));
    let mut answer = client.get(&content_path(&file.id)).send().await.unwrap();
    let reading = tokio::spawn(async move { answer.chunk().await.is_err() });
    client.org.stop().await;
    let ended = tokio::time::timeout(Duration::from_secs(10), reading).await;
    assert!(ended.unwrap().unwrap(), "the drip ends with an error, not with a whole body");
}

#[tokio::test]
async fn a_file_can_vanish_between_listing_and_download() {
    let client = Client::new().await;
    client.org.faults().set(Fault::Vanish, Rule::new(When::First(1)));
    let listed = client.records(HOURLY).await;
    let file = client.files().into_iter().find(|file| file.hourly).unwrap();
    let answer = client.fetch(&content_path(&file.id)).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(error(&json(answer).await).0, "NOT_FOUND");
    assert_eq!(client.fetch(&content_path(&file.id)).await.status(), 404);
    let left = client.records(HOURLY).await;
    assert_eq!(left.len(), listed.len() - 1);
    assert!(client.files().iter().any(|other| other.id == file.id), "the world still has it");
}

#[tokio::test]
async fn queries_over_many_days_can_time_out() {
    let mut config = small();
    config.world.days = 6;
    config.clock = ClockConfig::standing(first_day() + SignedDuration::from_hours(24 * 9));
    let client = Client::of(config).await;
    client.org.faults().set(Fault::QueryTimeout, Rule::new(When::Always).amount(2));
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let (status, body) = client.query(HOURLY).await;
        assert_eq!(error(&body).0, "QUERY_TIMEOUT");
        statuses.push(status);
    }
    assert_eq!(statuses, [500, 400]);
    let narrow = format!(
        "{HOURLY} AND CreatedDate >= 2026-10-06T00:00:00Z AND CreatedDate < 2026-10-08T00:00:00Z"
    );
    assert_eq!(client.query(&narrow).await.0, 200);
    let wide = narrow.replace("10-08", "10-09");
    assert_ne!(client.query(&wide).await.0, 200);
}

#[tokio::test]
async fn pages_can_be_smaller_than_asked_for() {
    let client = Client::new().await;
    client.org.faults().set(Fault::SmallBatches, Rule::new(When::Always).amount(3));
    let (_, mut page) = client.query(HOURLY).await;
    let mut seen = BTreeSet::new();
    loop {
        let records = page["records"].as_array().unwrap();
        assert!(records.len() <= 3);
        seen.extend(records.iter().map(|record| record["Id"].to_string()));
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        page = json(client.fetch(next).await).await;
    }
    assert_eq!(seen.len(), client.files().iter().filter(|file| file.hourly).count());
}

/// The listed length of a file, and the length of its body.
async fn lengths(client: &Client, id: &str) -> (u64, u64) {
    let records = client.records(HOURLY).await;
    let record = records.iter().find(|record| record["Id"] == id).unwrap();
    let listed = record["LogFileLength"].as_f64().unwrap();
    let body = client.fetch(&content_path(id)).await.bytes().await.unwrap();
    (listed as u64, body.len() as u64)
}

/// An org at the moment in which an hourly file with something in it is one minute old.
async fn with_young_file() -> (Client, LogFile) {
    let mut client = Client::stranger(small()).await;
    let files = client.files();
    let file = files.iter().filter(|file| file.hourly).max_by_key(|file| file.length).unwrap();
    let mut config = small();
    config.clock = ClockConfig::standing(file.created_date + SignedDuration::from_mins(1));
    client = Client::of(config).await;
    (client, file.clone())
}

#[tokio::test]
async fn young_files_can_still_be_growing_on_either_side() {
    for (fault, listing_grows, body_grows) in [
        (Fault::StillWriting, false, true),
        (Fault::StillListing, true, false),
        (Fault::StillGrowing, true, true),
    ] {
        let (client, file) = with_young_file().await;
        client.org.faults().always(fault);
        let (listed, served) = lengths(&client, &file.id).await;
        assert_eq!(listed < file.length, listing_grows, "{fault}");
        assert_eq!(served < file.length, body_grows, "{fault}");
        assert!(!(listing_grows && body_grows) || listed == served);
        client.org.clock().advance(SignedDuration::from_mins(1)).unwrap();
        let (later, more) = lengths(&client, &file.id).await;
        assert!(!listing_grows || later > listed, "{fault}");
        assert!(!body_grows || more > served, "{fault}");
        client.org.clock().advance(SignedDuration::from_mins(5)).unwrap();
        assert_eq!(lengths(&client, &file.id).await, (file.length, file.length), "{fault}");
    }
}

#[tokio::test]
async fn the_listed_length_can_be_wrong_for_ever() {
    let (client, file) = with_young_file().await;
    client.org.faults().always(Fault::WrongLength);
    client.org.clock().advance(SignedDuration::from_mins(100)).unwrap();
    assert_eq!(lengths(&client, &file.id).await, (file.length + 17, file.length));
}

#[tokio::test]
async fn files_can_be_listed_later_than_their_created_date() {
    let (client, file) = with_young_file().await;
    client.org.faults().always(Fault::StaleListing);
    let listed = async || {
        let records = client.records(HOURLY).await;
        records.iter().any(|record: &Value| record["Id"] == file.id.as_str())
    };
    assert!(!listed().await);
    client.org.clock().advance(SignedDuration::from_mins(8)).unwrap();
    assert!(!listed().await);
    client.org.clock().advance(SignedDuration::from_mins(1)).unwrap();
    assert!(listed().await);
}

#[tokio::test]
async fn a_connection_can_be_reset_when_it_opens() {
    let client = Client::new().await;
    client.org.faults().first(Fault::ResetOnConnect, 1);
    assert!(client.get("/services/data/").send().await.is_err());
    assert_eq!(client.get("/services/data/").send().await.unwrap().status(), 200);
    assert_eq!(client.org.stats().of(Call::Connect), 1);
}

#[tokio::test]
async fn a_bad_week_ends_with_every_byte_for_who_tries_again() {
    let mut client = Client::new().await;
    client.org.faults().set_all(preset("bad-week").unwrap());
    for file in client.files() {
        let mut tries = 0;
        loop {
            tries += 1;
            assert!(tries < 50, "{file:?}");
            let request = client.get(&content_path(&file.id)).header("accept-encoding", "gzip");
            let Ok(answer) = request.send().await else { continue };
            if answer.status() == 401 {
                let form = client.form();
                let request =
                    client.http.post(client.address("/services/oauth2/token")).form(&form);
                if let Ok(answer) = request.send().await
                    && answer.status() == 200
                {
                    client.token = json(answer).await["access_token"].as_str().unwrap().to_owned();
                }
                continue;
            }
            let packed = answer.headers().contains_key("content-encoding");
            let Ok(body) = answer.bytes().await else { continue };
            let plain = if packed { inflate(&body).ok() } else { Some(body.to_vec()) };
            if plain.is_some_and(|bytes| bytes == *client.org.world().content(&file)) {
                break;
            }
        }
    }
    let struck = client.org.faults().struck();
    assert!(struck.values().sum::<u64>() > 5, "{struck:?}");
}
