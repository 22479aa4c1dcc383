//! Sessions that die, and what becomes of the calls that notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use orgtap_salesforce::{Allowance, ApiUsage, Call, ErrorKind, SignInRefusal};
use orgtap_transport::{Disposition, Explain};
use serde_json::json;

use crate::server::{FakeOrg, ORG, Reply, USER, file_id, session_token, token_answer};

const ANOTHER_ORG: &str = "00Dxx0000009zzzEAA";

#[tokio::test]
async fn a_dead_session_is_renewed_once_and_the_call_repeated() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    org.limits().await.unwrap();
    server.end_sessions();
    org.limits().await.unwrap();
    assert_eq!(org.calls().sign_in, 2);
    assert_eq!(org.calls().limits, 3);
}

#[tokio::test]
async fn many_calls_that_notice_a_dead_session_share_one_sign_in() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    org.limits().await.unwrap();
    server.end_sessions();
    let id = file_id(1);
    let downloads = (0..16).map(|_| org.download(&id));
    for download in join_all(downloads).await {
        download.unwrap();
    }
    assert_eq!(org.calls().sign_in, 2);
}

#[tokio::test]
async fn every_form_of_a_dead_session_is_known() {
    for reply in [
        Reply::error(401, "INVALID_SESSION_ID", "Session expired or invalid"),
        Reply::error(401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT"),
        Reply::json(
            401,
            &json!({ "errorCode": "INVALID_AUTH_HEADER", "message": "INVALID_HEADER_TYPE" }),
        ),
        Reply::html(401, "<html>Unauthorized</html>"),
        Reply::new(401, "text/plain", ""),
        Reply::new(403, "text/plain", "Bad_OAuth_Token"),
    ] {
        let server = FakeOrg::start(move |seen| {
            (seen.is("/limits") && seen.nth == 0).then(|| reply.clone())
        })
        .await;
        let org = server.org();
        org.limits().await.unwrap();
        assert_eq!(org.calls().sign_in, 2);
    }
}

#[tokio::test]
async fn a_session_refused_right_after_its_sign_in_waits_for_a_person() {
    let server = FakeOrg::start(|seen| {
        seen.is("/limits").then(|| Reply::error(401, "INVALID_SESSION_ID", "Session expired"))
    })
    .await;
    let org = server.org();
    let error = org.limits().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::SessionRefused);
    assert_eq!(error.disposition(), Disposition::Pause);
    assert_eq!(error.call(), Some(Call::Limits));
    assert_eq!(org.calls().sign_in, 2, "one to begin with, one renewal, no loop");
    assert_eq!(org.calls().limits, 2);
    let error = org.log_file_shape().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::SessionRefused, "nor does the next call begin one");
    assert_eq!((org.calls().sign_in, org.calls().describe), (2, 0));
}

#[tokio::test]
async fn a_session_of_another_org_is_never_used() {
    let moved = Arc::new(AtomicBool::new(false));
    let elsewhere = Arc::clone(&moved);
    let server = FakeOrg::start(move |seen| {
        (seen.is("/token") && elsewhere.load(Ordering::SeqCst)).then(|| {
            let base = format!("http://{}", seen.header("host")).parse().unwrap();
            let mut answer = token_answer(&base, "00Dxx0000009zzz!Planted");
            answer["id"] = json!(format!("https://login.salesforce.com/id/{ANOTHER_ORG}/{USER}"));
            Reply::json(200, &answer)
        })
    })
    .await;
    let org = server.org();
    org.limits().await.unwrap();
    server.end_sessions();
    moved.store(true, Ordering::SeqCst);
    let error = org.limits().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (&ErrorKind::OtherOrg, "OT-ORG-50"));
    assert!(error.detail().contains(ORG) && error.detail().contains(ANOTHER_ORG), "{error}");
    assert_eq!(server.count("/limits"), 2, "the dead session's calls, and none to the other org");
    assert!(org.log_file_shape().await.is_err());
    assert_eq!(server.count("/describe"), 0);

    let expecting = server.org();
    expecting.expect(ORG);
    assert_eq!(*expecting.connect().await.unwrap_err().kind(), ErrorKind::OtherOrg);
    moved.store(false, Ordering::SeqCst);
    assert_eq!(expecting.sign_in().await.unwrap().org_id, ORG);
}

#[tokio::test]
async fn a_refused_sign_in_is_not_repeated_by_the_calls_that_follow() {
    let correct = Arc::new(AtomicBool::new(false));
    let corrected = Arc::clone(&correct);
    let server = FakeOrg::start(move |seen| {
        let refuse = seen.is("/token") && !corrected.load(Ordering::SeqCst);
        refuse.then(|| {
            let body =
                json!({ "error": "invalid_grant", "error_description": "authentication failure" });
            Reply::json(400, &body)
        })
    })
    .await;
    let org = server.org();
    let id = file_id(1);
    for answer in join_all((0..10).map(|_| org.download(&id))).await {
        let error = answer.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::Credentials));
        assert_eq!(error.call(), Some(Call::SignIn));
    }
    assert!(org.limits().await.is_err());
    assert_eq!(server.count("/token"), 1, "ten downloads, one failed sign-in in Login History");

    correct.store(true, Ordering::SeqCst);
    assert!(org.limits().await.is_err(), "it is not tried again unasked");
    org.sign_in().await.unwrap();
    assert!(org.limits().await.is_ok());
    assert_eq!(server.count("/token"), 2);
}

#[tokio::test]
async fn a_sign_in_that_could_not_be_reached_is_tried_by_the_next_call() {
    let server = FakeOrg::start(|seen| {
        (seen.is("/token") && seen.nth == 0).then(|| Reply::html(503, "busy"))
    })
    .await;
    let org = server.org();
    assert_eq!(*org.limits().await.unwrap_err().kind(), ErrorKind::ServerError);
    assert!(org.limits().await.is_ok());
}

#[tokio::test]
async fn concurrent_sign_ins_are_one() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    let answers = join_all((0..8).map(|_| org.sign_in())).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(server.count("/token"), 1);
}

#[tokio::test]
async fn watches_usage_and_the_orgs_clock() {
    let server = FakeOrg::start(|seen| {
        let reply =
            Reply::json(200, &json!({ "DailyApiRequests": { "Max": 15000, "Remaining": 14990 } }));
        let reply = reply.with("sforce-limit-info", "api-usage=10018/100000");
        seen.is("/limits").then(|| reply.with("date", "Mon, 23 Nov 2026 19:00:00 GMT"))
    })
    .await;
    let org = server.org();
    assert_eq!((org.api_usage(), org.server_time()), (None, None));
    let limits = org.limits().await.unwrap().unwrap();
    assert_eq!(limits.daily_api_requests(), Some(Allowance { max: 15_000, remaining: 14_990 }));
    assert_eq!(org.api_usage(), Some(ApiUsage { used: 10_018, allowed: 100_000 }));
    let ahead = org.server_time().unwrap().duration_since("2026-11-23T19:00:00Z".parse().unwrap());
    assert!((0..30).contains(&ahead.as_secs()), "{ahead}");
}

#[tokio::test]
async fn limits_the_user_may_not_see_are_no_failure() {
    for reply in [
        Reply::error(403, "INSUFFICIENT_ACCESS", "no"),
        Reply::error(403, "FORBIDDEN", "You do not have access"),
        Reply::error(404, "NOT_FOUND", "The requested resource does not exist"),
    ] {
        let server = FakeOrg::start(move |seen| seen.is("/limits").then(|| reply.clone())).await;
        assert_eq!(server.org().limits().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_user_without_the_permission_is_told_which_one() {
    let server = FakeOrg::start(|seen| {
        seen.is("/describe")
            .then(|| Reply::error(404, "NOT_FOUND", "The requested resource does not exist"))
    })
    .await;
    let error = server.org().log_file_shape().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::PermissionMissing);
    assert!(error.remedy().contains("View Event Log Files"));
}

#[tokio::test]
async fn json_calls_do_not_ask_for_compression_and_carry_the_session() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    let shape = org.log_file_shape().await.unwrap();
    assert!(shape.has_interval && shape.has_sequence);
    assert_eq!(shape.event_types, ["Login"]);
    let seen = server.seen().into_iter().find(|seen| seen.is("/describe")).unwrap();
    assert_eq!(seen.header("accept-encoding"), "");
    assert_eq!(seen.header("authorization"), format!("Bearer {}", session_token(1)));
    assert!(seen.header("x-sfdc-request-id").starts_with("orgtap"));
}
