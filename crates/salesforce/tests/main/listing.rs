//! Listing, page by page, while sessions die.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use orgtap_salesforce::{Call, ErrorKind, IntervalChoice, Listing, LogFileShape, Page, Pages};
use orgtap_transport::{Disposition, Explain};
use serde_json::json;

use crate::server::{FakeOrg, Reply, file_id, page, session_token};

fn listing() -> Listing {
    Listing {
        select: IntervalChoice::Hourly,
        shape: LogFileShape { has_interval: true, has_sequence: true, event_types: Vec::new() },
        after: "2026-11-22T00:00:00Z".parse().unwrap(),
        before: None,
        log_dates: None,
        event_types: Vec::new(),
    }
}

async fn all(mut pages: Pages) -> Result<Vec<Page>, orgtap_salesforce::Error> {
    let mut got = Vec::new();
    while let Some(page) = pages.next().await {
        got.push(page?);
    }
    Ok(got)
}

fn ids(pages: &[Page]) -> Vec<&str> {
    pages.iter().flat_map(|page| &page.files).map(|file| file.id.as_str()).collect()
}

#[tokio::test]
async fn walks_all_pages_in_order() {
    let server = FakeOrg::start(|seen| {
        if seen.is("/query") {
            Some(Reply::json(200, &page(&[1, 2], Some("01g-2000"))))
        } else if seen.is("/01g-2000") {
            Some(Reply::json(200, &page(&[3], Some("01g-4000"))))
        } else {
            seen.is("/01g-4000").then(|| Reply::json(200, &page(&[4], None)))
        }
    })
    .await;
    let org = server.org();
    let pages = all(org.list(listing())).await.unwrap();
    assert_eq!(ids(&pages), [1, 2, 3, 4].map(file_id));
    assert_eq!(pages.iter().map(|page| page.last).collect::<Vec<_>>(), [false, false, true]);
    assert!(pages.iter().all(|page| !page.restarted));
    assert_eq!(org.calls().list, 3);
    let query = server.seen().into_iter().find(|seen| seen.is("/query")).unwrap();
    assert_eq!(query.header("sforce-query-options"), "batchSize=2000");
    assert!(query.soql().contains("CreatedDate >= 2026-11-22T00:00:00Z AND Interval = 'Hourly'"));
    assert!(query.soql().ends_with("ORDER BY CreatedDate ASC, Id ASC"));
}

#[tokio::test]
async fn an_empty_listing_is_one_last_page() {
    let server =
        FakeOrg::start(|seen| seen.is("/query").then(|| Reply::json(200, &page(&[], None)))).await;
    let pages = all(server.org().list(listing())).await.unwrap();
    assert_eq!(pages.len(), 1);
    assert!(pages[0].files.is_empty() && pages[0].last);
}

/// A server with two pages, whose sessions end before the second page is asked for, `deaths` times.
async fn dying(deaths: usize, reply: Reply) -> FakeOrg {
    let left = Arc::new(AtomicUsize::new(deaths));
    FakeOrg::start(move |seen| {
        if seen.is("/query") {
            return Some(Reply::json(200, &page(&[1, 2], Some("01g-2000"))));
        }
        if !seen.is("/01g-2000") {
            return None;
        }
        let dies =
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        Some(if dies { reply.clone() } else { Reply::json(200, &page(&[3], None)) })
    })
    .await
}

#[tokio::test]
async fn a_session_that_dies_in_mid_listing_restarts_the_query_not_the_locator() {
    let server = dying(1, Reply::error(401, "INVALID_SESSION_ID", "Session expired")).await;
    let org = server.org();
    let pages = all(org.list(listing())).await.unwrap();
    assert_eq!(ids(&pages), [1, 2, 1, 2, 3].map(file_id));
    assert_eq!(pages.iter().map(|page| page.restarted).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(org.calls().sign_in, 2);
    let locators: Vec<_> = server.seen().into_iter().filter(|seen| seen.is("/01g-2000")).collect();
    let sessions: Vec<_> = locators.iter().map(|seen| seen.header("authorization")).collect();
    let expected = [1, 2].map(|n| format!("Bearer {}", session_token(n)));
    assert_eq!(sessions, expected, "no locator was used with a session it does not belong to");
}

#[tokio::test]
async fn a_lost_locator_restarts_the_query_without_another_sign_in() {
    for reply in [
        Reply::error(400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
        Reply::error(404, "NOT_FOUND", "The requested resource does not exist"),
    ] {
        let server = dying(2, reply).await;
        let org = server.org();
        let pages = all(org.list(listing())).await.unwrap();
        assert_eq!(ids(&pages), [1, 2, 1, 2, 1, 2, 3].map(file_id));
        assert_eq!(org.calls().sign_in, 1);
    }
}

#[tokio::test]
async fn a_session_renewed_by_another_call_restarts_the_query_at_once() {
    let server = dying(0, Reply::html(500, "")).await;
    let org = server.org();
    let mut pages = org.list(listing());
    pages.next().await.unwrap().unwrap();
    org.sign_in().await.unwrap();
    let second = pages.next().await.unwrap().unwrap();
    assert!(second.restarted);
    assert_eq!(server.count("/01g-2000"), 0, "the old locator is not even tried");
    assert_eq!(ids(&[pages.next().await.unwrap().unwrap()]), [file_id(3)]);
    assert!(pages.next().await.is_none());
}

#[tokio::test]
async fn a_listing_does_not_begin_again_for_ever() {
    let server = dying(100, Reply::error(401, "INVALID_SESSION_ID", "Session expired")).await;
    let org = server.org();
    let mut pages = org.list(listing());
    let mut firsts = 0;
    let error = loop {
        match pages.next().await.unwrap() {
            Ok(_) => firsts += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(firsts, 4, "the first time and three more");
    assert_eq!(*error.kind(), ErrorKind::InvalidLocator);
    assert!(matches!(error.disposition(), Disposition::Retry { .. }));
    assert!(pages.next().await.is_none(), "after an error a listing has ended");
}

#[tokio::test]
async fn a_dropped_wait_loses_no_page() {
    let server = dying(0, Reply::html(500, "")).await;
    let mut pages = server.org().list(listing());
    assert!(pages.next().now_or_never().is_none(), "dropped before any answer");
    pages.next().await.unwrap().unwrap();
    assert!(pages.next().now_or_never().is_none());
    assert_eq!(ids(&[pages.next().await.unwrap().unwrap()]), [file_id(3)]);
}

async fn failure(reply: Reply) -> orgtap_salesforce::Error {
    let server = FakeOrg::start(move |seen| seen.is("/query").then(|| reply.clone())).await;
    let error = all(server.org().list(listing())).await.unwrap_err();
    assert_eq!(error.call(), Some(Call::List));
    error
}

#[tokio::test]
async fn refusals_are_told_apart() {
    use ErrorKind as K;
    let column = "\nSELECT Interval\n ^\nERROR at Row:1:Column:8\nNo such column 'Interval' on entity 'EventLogFile'";
    for (reply, kind, disposition) in [
        (Reply::error(400, "QUERY_TIMEOUT", "too long"), K::QueryTimeout, "retry"),
        (Reply::error(500, "QUERY_TIMEOUT", "too long"), K::QueryTimeout, "retry"),
        (
            Reply::error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            K::QuotaExhausted,
            "retry",
        ),
        (
            Reply::error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded"),
            K::Busy,
            "retry",
        ),
        (
            Reply::error(400, "INVALID_TYPE", "sObject type 'EventLogFile' is not supported."),
            K::PermissionMissing,
            "pause",
        ),
        (Reply::error(400, "INVALID_FIELD", column), K::InvalidField("Interval".into()), "pause"),
        (Reply::error(400, "MALFORMED_QUERY", "unexpected token"), K::BadRequest, "bug"),
        (Reply::html(414, "URI Too Long"), K::BadRequest, "bug"),
        (Reply::html(431, "Header Fields Too Large"), K::BadRequest, "bug"),
        (Reply::html(502, "<html>Bad Gateway</html>"), K::ServerError, "retry"),
        (Reply::html(200, "<html>Maintenance</html>"), K::NotJson, "retry"),
        (Reply::new(200, "application/json", "  <html>Maintenance</html>"), K::NotJson, "retry"),
        (Reply::new(200, "application/json", ""), K::NotJson, "retry"),
        (Reply::new(200, "application/json", "{\"records\":["), K::NotJson, "retry"),
        (Reply::new(204, "application/json", ""), K::NotJson, "retry"),
        (Reply::json(200, &json!({ "hello": "proxy" })), K::BadAnswer, "retry"),
        (Reply::json(200, &json!({ "records": [{ "Id": file_id(7) }] })), K::BadRecord, "bug"),
        (Reply::html(302, "").with("location", "https://login.example/"), K::WrongHost, "pause"),
    ] {
        let error = failure(reply).await;
        assert_eq!(*error.kind(), kind, "{error}");
        assert_eq!(error.disposition().name(), disposition, "{error}");
    }
    assert!(
        failure(Reply::html(200, "<html>Maintenance at noon</html>"))
            .await
            .to_string()
            .contains("Maintenance at noon")
    );
}

#[tokio::test]
async fn a_wait_the_server_asks_for_is_passed_on() {
    let error = failure(Reply::html(503, "").with("retry-after", "120")).await;
    let wait = std::time::Duration::from_mins(2);
    assert_eq!(error.disposition(), Disposition::Retry { after: Some(wait) });
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let error = failure(Reply::new(200, "application/json", vec![b' '; 17 << 20])).await;
    assert_eq!(*error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_followed() {
    for hostile in [
        "http://127.0.0.2/services/data/v66.0/query/x",
        "//evil.example/services/data/v1/query/x",
        "/apexrest/query/",
    ] {
        let body = json!({ "records": [], "done": false, "nextRecordsUrl": hostile });
        let error = failure(Reply::json(200, &body)).await;
        assert_eq!(*error.kind(), ErrorKind::UntrustedAddress, "{hostile}");
    }
}

#[tokio::test]
async fn a_page_that_follows_itself_ends_the_listing() {
    let server = FakeOrg::start(|seen| {
        let turning = seen.is("/query") || seen.is("/01g-2000");
        turning.then(|| Reply::json(200, &page(&[1], Some("01g-2000"))))
    })
    .await;
    let error = all(server.org().list(listing())).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::BadAnswer);
    assert!(server.seen().len() < 8);
}

#[tokio::test]
async fn more_event_types_than_fit_an_address_are_chosen_here() {
    let server = FakeOrg::start(|seen| {
        seen.is("/query").then(|| {
            let mut answer = page(&[1, 2, 3], None);
            answer["records"][1]["EventType"] = json!("Unwanted");
            answer["records"][2]["EventType"] = json!("WANTED7");
            Reply::json(200, &answer)
        })
    })
    .await;
    let mut listing = listing();
    listing.event_types = (0..1_000).map(|n| format!("Wanted{n}")).collect();
    listing.event_types.push("login".into());
    let pages = all(server.org().list(listing)).await.unwrap();
    assert_eq!(ids(&pages), [1, 3].map(file_id));
    assert!(server.seen().iter().all(|seen| seen.query.len() < 8_000));
}
