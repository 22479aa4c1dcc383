//! Versions, resources, describe, records, limits, and errors.

use jiff::SignedDuration;
use serde_json::Value;

use crate::support::{Client, error, json, small};

#[tokio::test]
async fn versions_need_no_token_and_are_not_counted() {
    let client = Client::stranger(small()).await;
    for path in ["/services/data/", "/services/data"] {
        let answer = client.http.get(client.address(path)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.headers().get("sforce-limit-info").is_none());
        let versions = json(answer).await;
        let versions = versions.as_array().unwrap();
        assert_eq!(versions.len(), 38);
        assert_eq!(versions[0]["version"], "31.0");
        assert_eq!(versions[37]["url"], "/services/data/v68.0");
        assert_eq!(versions[35]["label"], "Spring '26");
    }
}

#[tokio::test]
async fn calls_are_counted_until_none_is_left_and_come_back_a_day_later() {
    let mut config = small();
    config.org.daily_api_limit = 3;
    let mut client = Client::of(config).await;
    for used in 1..=3 {
        let answer = client.fetch("/services/data/v66.0/").await;
        assert_eq!(answer.headers()["sforce-limit-info"], format!("api-usage={used}/3"));
        assert!(json(answer).await["sobjects"].is_string());
    }
    let answer = client.fetch("/services/data/v66.0/").await;
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["sforce-limit-info"], "api-usage=3/3");
    let body = json(answer).await;
    assert_eq!(error(&body), ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."));
    client.org.clock().advance(SignedDuration::from_hours(24)).unwrap();
    client.sign_in().await;
    let answer = client.fetch("/services/data/v66.0/limits").await;
    assert_eq!(json(answer).await["DailyApiRequests"]["Remaining"], 2);
}

#[tokio::test]
async fn describe_says_what_can_be_done_with_each_field() {
    let client = Client::new().await;
    let path = "/services/data/v66.0/sobjects/EventLogFile/describe";
    let object = json(client.fetch(path).await).await;
    assert_eq!((&object["name"], &object["keyPrefix"]), (&"EventLogFile".into(), &"0AT".into()));
    let field = |name: &str| {
        let fields = object["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).cloned().unwrap_or(Value::Null)
    };
    assert_eq!(field("CreatedDate")["type"], "datetime");
    assert_eq!(field("LogFileLength")["type"], "double");
    assert_eq!(field("LogFile")["type"], "base64");
    assert_eq!(field("LogFile")["filterable"], false);
    assert_eq!(field("LogFileFieldNames")["sortable"], false);
    assert_eq!(field("LogFileFieldNames")["length"], 1_333);
    assert_eq!(field("Sequence")["digits"], 9);
    let values = |name: &str| {
        let field = field(name);
        let values = field["picklistValues"].as_array().unwrap().iter();
        values.map(|value| value["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values("Interval"), ["Daily", "Hourly"]);
    assert_eq!(values("EventType"), client.org.world().event_types());
}

#[tokio::test]
async fn an_org_without_hourly_files_has_no_interval() {
    let client = Client::new().await;
    client.org.change(|org| org.interval_column = false);
    let path = "/services/data/v66.0/sobjects/EventLogFile/describe";
    let object = json(client.fetch(path).await).await;
    let has = |object: &Value, name: &str| {
        object["fields"].as_array().unwrap().iter().any(|field| field["name"] == name)
    };
    assert!(!has(&object, "Interval") && has(&object, "Sequence"));
    client.org.change(|org| org.interval_column = true);
    let old = json(client.fetch(&path.replace("66", "36")).await).await;
    assert!(!has(&old, "Interval") && !has(&old, "Sequence") && has(&old, "LogDate"));
}

#[tokio::test]
async fn a_record_can_be_had_by_either_form_of_its_id() {
    let client = Client::new().await;
    let file = client.largest();
    for id in [&file.id, &file.id[..15]] {
        let path = format!("/services/data/v66.0/sobjects/EventLogFile/{id}/");
        let record = json(client.fetch(&path).await).await;
        assert_eq!(record["Id"], file.id.as_str());
        assert_eq!(record["LogFileLength"], file.length as f64);
        assert_eq!(record["attributes"]["type"], "EventLogFile");
    }
    let path =
        format!("/services/data/v66.0/sobjects/EventLogFile/{}?fields=Id,EventType", file.id);
    let record = json(client.fetch(&path).await).await;
    assert_eq!(record.as_object().unwrap().len(), 3);
    let path = format!("/services/data/v66.0/sobjects/EventLogFile/{}?fields=Nope", file.id);
    let answer = client.fetch(&path).await;
    assert_eq!(answer.status(), 400);
    assert_eq!(error(&json(answer).await).0, "INVALID_FIELD");
}

#[tokio::test]
async fn field_names_and_types_are_those_of_the_file() {
    let client = Client::new().await;
    let file = client.largest();
    let path = format!(
        "/services/data/v66.0/sobjects/EventLogFile/{}?fields=LogFileFieldNames,LogFileFieldTypes",
        file.id
    );
    let record = json(client.fetch(&path).await).await;
    let names = record["LogFileFieldNames"].as_str().unwrap();
    let types = record["LogFileFieldTypes"].as_str().unwrap();
    let content = client.org.world().content(&file);
    let header = csv::Reader::from_reader(content.as_slice()).headers().unwrap().clone();
    let header: String = header.iter().collect::<Vec<_>>().join(",").chars().take(1_333).collect();
    assert_eq!(names, header);
    assert!(types.len() <= 1_333 && types.contains("DateTime"), "{types}");
}

#[tokio::test]
async fn errors_are_arrays_and_have_the_platforms_status() {
    let client = Client::new().await;
    for (path, status, code) in [
        ("/services/data/v69.0/query?q=x", 404, "NOT_FOUND"),
        ("/services/data/v66/query?q=x", 404, "NOT_FOUND"),
        ("/services/data/66.0/query?q=x", 404, "NOT_FOUND"),
        ("/services/data/v30.0/query?q=x", 410, "GONE"),
        ("/services/data/v66.0//query?q=x", 404, "NOT_FOUND"),
        ("/services/data/v66.0/nothing", 404, "NOT_FOUND"),
        ("/services/data/v66.0/query", 400, "MALFORMED_QUERY"),
        ("/services/data/v66.0/query?q=SELECT+Id+FROM+Nope", 400, "INVALID_TYPE"),
        ("/services/data/v66.0/query/01g000000000001AAA-2000", 400, "INVALID_QUERY_LOCATOR"),
        ("/services/data/v66.0/query/nonsense", 400, "INVALID_QUERY_LOCATOR"),
        ("/services/data/v66.0/sobjects/Nope/describe", 404, "NOT_FOUND"),
        ("/services/data/v66.0/sobjects/EventLogFile/0AT000000000000AAA", 404, "NOT_FOUND"),
        ("/services/data/v66.0/sobjects/EventLogFile/0AT000000000000AAA/LogFile", 404, "NOT_FOUND"),
        ("/services/data/v31.0/sobjects/EventLogFile/describe", 404, "NOT_FOUND"),
    ] {
        let answer = client.fetch(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(error(&json(answer).await).0, code, "{path}");
    }
    let post =
        client.http.post(client.address("/services/data/v66.0/query")).bearer_auth(&client.token);
    let answer = post.send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(error(&json(answer).await).0, "METHOD_NOT_ALLOWED");
}

#[tokio::test]
async fn a_missing_dead_or_strange_token_is_told_apart_from_a_right_one() {
    let client = Client::new().await;
    let ask = async |header: Option<&str>| {
        let mut request = client.http.get(client.address("/services/data/v66.0/limits"));
        if let Some(value) = header {
            request = request.header("authorization", value);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, json(answer).await)
    };
    for (header, code) in [
        (None, "INVALID_SESSION_ID"),
        (Some("Bearer 00D!x"), "INVALID_SESSION_ID"),
        (Some("Basic eDp5"), "INVALID_AUTH_HEADER"),
    ] {
        let (status, body) = ask(header).await;
        assert_eq!((status, error(&body).0), (401, code), "{header:?}");
    }
    assert_eq!(ask(Some(&format!("OAuth {}", client.token))).await.0, 200);
    client.org.clock().advance(SignedDuration::from_mins(119)).unwrap();
    assert_eq!(ask(Some(&format!("Bearer {}", client.token))).await.0, 200);
    client.org.clock().advance(SignedDuration::from_mins(121)).unwrap();
    assert_eq!(ask(Some(&format!("Bearer {}", client.token))).await.0, 401);
}

#[tokio::test]
async fn permissions_decide_what_is_there() {
    let client = Client::new().await;
    client.org.change(|org| org.permissions.view_event_log_files = false);
    let (status, body) = client.query("SELECT Id FROM EventLogFile").await;
    assert_eq!((status, error(&body).0), (400, "INVALID_TYPE"));
    assert!(error(&body).1.contains("sObject type 'EventLogFile' is not supported"));
    let path = "/services/data/v66.0/sobjects/EventLogFile/describe";
    assert_eq!(client.fetch(path).await.status(), 404);
    client.org.change(|org| org.permissions.view_setup = false);
    assert_eq!(client.fetch("/services/data/v66.0/limits").await.status(), 403);
    client.org.change(|org| org.permissions.api_enabled = false);
    let (status, body) = client.query("SELECT Id FROM User").await;
    assert_eq!((status, error(&body).0), (403, "API_DISABLED_FOR_ORG"));
}

#[tokio::test]
async fn an_address_that_is_too_long_is_refused() {
    let client = Client::new().await;
    let answer =
        client.fetch(&format!("/services/data/v66.0/query?q={}", "x".repeat(16_384))).await;
    assert_eq!(answer.status(), 414);
    let request = client.get("/services/data/v66.0/query").header("x-long", "x".repeat(16_384));
    assert_eq!(request.send().await.unwrap().status(), 431);
}
