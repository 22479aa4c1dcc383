//! HTTP destinations: what is on the wire, and what becomes of refusals.

use std::collections::BTreeSet;
use std::sync::Arc;

use orgtap_destinations::suite::{MARK, batch, batch_of, uids, unit};
use orgtap_destinations::{Batch, Destination, Error, Kind, Receipt};
use orgtap_transport::{Disposition, Explain};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::certificates::Certificates;
use crate::fake_http::{FakeHttp, Manner};
use crate::webhook_suite::build;

fn config(target: &FakeHttp, more: &Value) -> Value {
    let mut config = json!({
        "name": "siem",
        "type": "http",
        "url": format!("http://{}/hook?x=1", target.address()),
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

async fn write(destination: &Arc<dyn Destination>, batch: Batch) -> Result<Receipt, Error> {
    destination.open().await?.write(batch).await
}

#[tokio::test]
async fn a_request_names_its_batch_and_what_it_carries() {
    let target = FakeHttp::start().await;
    let destination =
        build(config(&target, &json!({ "headers": { "X-Tenant": "acme", "X-Key": "k" } })));
    write(&destination, batch(2)).await.unwrap();
    let seen = target.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/hook"));
    assert_eq!(seen.header("content-type"), "application/json");
    assert_eq!(seen.header("idempotency-key"), batch(2).id);
    assert_eq!((seen.header("x-tenant"), seen.header("x-key")), ("acme", "k"));
    let events = batch(2).events;
    let array = format!(
        "[{},{}]",
        std::str::from_utf8(&events.get(0).unwrap()).unwrap(),
        std::str::from_utf8(&events.get(1).unwrap()).unwrap()
    );
    assert_eq!(seen.body, array.as_bytes());
}

#[tokio::test]
async fn a_web_page_that_answers_200_has_taken_nothing() {
    let target = FakeHttp::start().await;
    let destination = build(config(&target, &json!({})));
    for page in ["<html>please sign in</html>", "\r\n<!DOCTYPE HTML><title>blocked</title>"] {
        target.set(Manner::Answers(200, Vec::new(), page.to_owned()));
        let error = write(&destination, batch(2)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::NotUnderstood, "{page}");
        assert!(matches!(error.disposition(), Disposition::Retry { .. }), "{page}");
    }
    // A word of thanks is none, whatever its type is called.
    let html = vec![("content-type", "text/html; charset=utf-8".to_owned())];
    target.set(Manner::Answers(200, html, "OK".to_owned()));
    write(&destination, batch(2)).await.unwrap();
}

#[tokio::test]
async fn lines_are_the_batch_byte_by_byte() {
    let target = FakeHttp::start().await;
    let destination = build(config(&target, &json!({ "body": "ndjson" })));
    write(&destination, batch(3)).await.unwrap();
    let seen = target.seen().remove(0);
    assert_eq!(seen.header("content-type"), "application/x-ndjson");
    assert_eq!(&seen.body, batch(3).events.ndjson());
}

#[tokio::test]
async fn dnif_gets_json_in_either_body_and_its_credentials() {
    for (body, auth, header, value) in [
        (
            "json_array",
            json!({ "basic": { "username": "u", "password": "p" } }),
            "authorization",
            "Basic dTpw",
        ),
        ("ndjson", json!({ "bearer": { "token": "t" } }), "authorization", "Bearer t"),
        (
            "ndjson",
            json!({ "shared_secret": { "header": "X-Shared", "secret": "s" } }),
            "x-shared",
            "s",
        ),
    ] {
        let target = FakeHttp::start().await;
        target.want(header, value);
        let url = format!("http://{}/cluster/scope/auth-id/events", target.address());
        let destination = build(
            json!({ "name": "siem", "type": "dnif", "url": url, "auth": auth, "body": body }),
        );
        write(&destination, batch(2)).await.unwrap();
        let seen = target.seen().remove(0);
        assert_eq!(seen.path, "/cluster/scope/auth-id/events");
        assert_eq!(seen.header("content-type"), "application/json");
        assert_eq!(seen.header(header), value);
        assert_eq!(seen.header("idempotency-key"), "");
    }
}

#[tokio::test]
async fn an_hmac_is_over_the_bytes_that_were_sent() {
    for gzip in [false, true] {
        let target = FakeHttp::start().await;
        let auth = json!({ "hmac": { "header": "X-Mac", "secret": "key", "prefix": "sha256=" } });
        let destination = build(config(&target, &json!({ "auth": auth, "gzip": gzip })));
        write(&destination, batch(2)).await.unwrap();
        let seen = target.seen().remove(0);
        assert_eq!(seen.body.starts_with(b"["), !gzip);
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"key");
        let hex = seen.header("x-mac").strip_prefix("sha256=").unwrap();
        let mac: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        aws_lc_rs::hmac::verify(&key, &seen.body, &mac).unwrap();
    }
}

#[tokio::test]
async fn refused_credentials_pause() {
    let target = FakeHttp::start().await;
    target.want("authorization", "Bearer right");
    let auth = json!({ "bearer": { "token": "wrong-token" } });
    let destination = build(config(&target, &json!({ "auth": auth })));
    let error = write(&destination, batch(2)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RefusedCredentials);
    assert_eq!(error.disposition(), Disposition::Pause);
    assert_eq!(target.seen().len(), 1, "a refused sign-in is not tried again");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = FakeHttp::start().await;
    let elsewhere = format!("http://{}/elsewhere", target.address());
    target.set(Manner::Answers(307, vec![("location", elsewhere)], String::new()));
    let destination = build(config(&target, &json!({})));
    let error = write(&destination, batch(2)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Redirected);
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    assert_eq!(target.seen().len(), 1);
}

#[tokio::test]
async fn a_batch_too_large_is_cut_until_its_parts_fit() {
    let target = FakeHttp::start().await;
    target.set(Manner::AtMost(2_000));
    let destination = build(config(&target, &json!({})));
    let batch = batch(40);
    let receipt = write(&destination, batch.clone()).await.unwrap();
    assert!(receipt.durable && receipt.rejected.is_empty());
    assert_eq!(target.taken(), uids(std::slice::from_ref(&batch)), "all, once, in order");
    let ids: BTreeSet<String> =
        target.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
    assert_eq!(ids.len(), target.seen().len(), "each part has an id of its own");
    assert!(ids.contains(&format!("{}/0-20", batch.id)), "{ids:?}");
    // The same parts have the same ids when the batch is written again.
    write(&destination, batch).await.unwrap();
    let seen = target.seen();
    let (first, second) = seen.split_at(seen.len() / 2);
    let of = |seen: &[crate::fake_http::Seen]| -> Vec<_> {
        seen.iter()
            .map(|seen| (seen.header("idempotency-key").to_owned(), seen.body.clone()))
            .collect()
    };
    assert_eq!(of(first), of(second));
}

#[tokio::test]
async fn one_event_too_large_is_rejected_alone() {
    let target = FakeHttp::start().await;
    target.set(Manner::AtMost(2_000));
    let destination = build(config(&target, &json!({})));
    let unit = Arc::new(unit("acme", "Login", 1));
    let large = batch_of(&unit, 0..1, true, 5_000);
    let receipt = write(&destination, large).await.unwrap();
    assert_eq!(receipt.rejected.len(), 1);
    assert!(receipt.rejected[0].reason.contains("413"), "{:?}", receipt.rejected);
}

#[tokio::test]
async fn a_single_refused_event_is_the_configurations_fault_until_others_were_taken() {
    let target = FakeHttp::start().await;
    let unit = Arc::new(unit("acme", "Login", 1));
    let single = batch_of(&unit, 0..1, false, 10);
    let bad = uids(std::slice::from_ref(&single)).into_iter().collect();
    target.set(Manner::Refuses(400, bad));
    let destination = build(config(&target, &json!({})));
    let error = write(&destination, single.clone()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RefusedAll);
    assert_eq!(error.disposition(), Disposition::Pause);
    write(&destination, batch_of(&unit, 1..3, false, 10)).await.unwrap();
    let receipt = write(&destination, single).await.unwrap();
    assert_eq!(receipt.rejected.len(), 1);
    assert_eq!(receipt.rejected[0].index, 0);
}

#[tokio::test]
async fn a_few_events_all_refused_are_set_aside_once_and_then_it_pauses() {
    let target = FakeHttp::start().await;
    let destination = build(config(&target, &json!({})));
    for status in [400, 413, 422] {
        target.set(Manner::Answers(200, Vec::new(), String::new()));
        write(&destination, batch(3)).await.unwrap();
        target.set(Manner::Answers(status, Vec::new(), "no".to_owned()));
        let receipt = write(&destination, batch(3)).await.unwrap();
        assert_eq!(receipt.rejected.len(), 3, "{status}");
        let error = write(&destination, batch(3)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::RefusedAll, "{status}");
        assert_eq!(error.disposition(), Disposition::Pause);
    }
}

#[tokio::test]
async fn many_events_all_refused_pause_even_when_others_were_taken_before() {
    let target = FakeHttp::start().await;
    let destination = build(config(&target, &json!({})));
    write(&destination, batch(3)).await.unwrap();
    for status in [400, 413, 415, 422] {
        target.set(Manner::Answers(status, Vec::new(), "no".to_owned()));
        let error = write(&destination, batch(40)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::RefusedAll, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_repeats_events_or_secrets_is_not_shown() {
    let target = FakeHttp::start().await;
    let auth = json!({ "bearer": { "token": "hunter2-and-more" } });
    let destination = build(config(&target, &json!({ "auth": auth })));
    write(&destination, batch(1)).await.unwrap();
    target.set(Manner::Echoes(422));
    let receipt = write(&destination, batch(1)).await.unwrap();
    let reason = &receipt.rejected[0].reason;
    assert!(reason.contains("not shown") && !reason.contains(MARK), "{reason}");
    let secret = "token hunter2-and-more is expired".to_owned();
    target.set(Manner::Answers(403, Vec::new(), secret));
    let error = write(&destination, batch(1)).await.unwrap_err();
    assert!(error.to_string().contains("token ... is expired"), "{error}");
}

#[tokio::test]
async fn an_endless_answer_is_read_to_a_bound() {
    let target = FakeHttp::start().await;
    target.set(Manner::Answers(503, Vec::new(), "busy ".repeat(1_000_000)));
    let destination = build(config(&target, &json!({})));
    let error = write(&destination, batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Busy);
    assert!(error.to_string().len() < 400);
}

#[tokio::test]
async fn silence_ends_with_the_timeout_and_is_worth_a_retry() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let destination =
        build(json!({ "name": "siem", "type": "http", "url": url, "timeout": "50ms" }));
    let error = write(&destination, batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Broken);
    assert!(error.to_string().contains("within 50ms"), "{error}");
    assert!(matches!(error.disposition(), Disposition::Retry { .. }));
}

#[tokio::test]
async fn what_speaks_no_http_is_not_understood() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.read_exact(&mut [0; 64]).await.unwrap();
            client.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        }
    });
    let destination = build(json!({ "name": "siem", "type": "http", "url": url }));
    let error = write(&destination, batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotUnderstood, "{error:?}");
}

#[tokio::test]
async fn certificates_are_verified_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let acceptor = certificates.acceptor(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(client).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"]") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok();
            stream.shutdown().await.ok();
        }
    });
    let with = |tls: Value| {
        build(json!({ "name": "siem", "type": "http", "url": url.as_str(), "tls": tls }))
    };
    let error = write(&with(json!({})), batch(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.disposition()), (Kind::Untrusted, Disposition::Pause));
    let error = write(&with(json!({ "ca_file": certificates.ca })), batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RefusedCredentials, "{error:?}");
    let identity = json!({
        "ca_file": certificates.ca,
        "certificate_file": certificates.client,
        "key_file": certificates.client_key,
    });
    let receipt = write(&with(identity), batch(1)).await.unwrap();
    assert!(receipt.durable);
}

#[tokio::test]
async fn a_rate_limits_the_batch_and_is_offered_to_whoever_keeps_to_it() {
    let target = FakeHttp::start().await;
    let destination = build(config(&target, &json!({ "max_events_per_second": 20 })));
    assert_eq!(destination.limits().events, 20);
    let rate = destination.pace().unwrap().all.as_ref().unwrap();
    let now = tokio::time::Instant::now();
    let starts = [4, 4, 4].map(|events| (rate.reserve(events, now) - now).as_millis());
    assert_eq!(starts, [0, 200, 400]);
}
