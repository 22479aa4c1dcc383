//! Log files on the wire.

use jiff::SignedDuration;
use orgtap_simorg::ClockConfig;

use crate::support::{Client, content_path, error, first_day, inflate, json, small};

#[tokio::test]
async fn a_file_comes_as_it_is_in_chunks() {
    let client = Client::new().await;
    let file = client.largest();
    let answer = client.fetch(&content_path(&file.id)).await;
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    assert_eq!(headers["content-type"], "application/octetstream");
    assert_eq!(headers["transfer-encoding"], "chunked");
    assert!(headers.get("content-length").is_none() && headers.get("content-encoding").is_none());
    assert!(headers.contains_key("sforce-limit-info"));
    let body = answer.bytes().await.unwrap();
    assert!(body.as_ref() == client.org.world().content(&file).as_slice());
    assert_eq!(body.len() as u64, file.length);
    assert_eq!(client.org.stats().downloads[&file.id], 1);
}

#[tokio::test]
async fn every_file_of_the_org_has_its_listed_length() {
    let client = Client::new().await;
    let files = client.files();
    assert!(files.len() > 20);
    for file in files {
        let body = client.fetch(&content_path(&file.id)).await.bytes().await.unwrap();
        assert_eq!(body.len() as u64, file.length, "{file:?}");
    }
}

#[tokio::test]
async fn gzip_is_used_only_if_asked_for_and_allowed() {
    let client = Client::new().await;
    let file = client.largest();
    let ask = async || {
        let request = client.get(&content_path(&file.id)).header("accept-encoding", "gzip");
        let answer = request.send().await.unwrap();
        let packed = answer.headers().get("content-encoding").is_some_and(|value| value == "gzip");
        (packed, answer.bytes().await.unwrap())
    };
    let content = client.org.world().content(&file);
    let (packed, body) = ask().await;
    assert!(packed && body.len() < content.len() / 2);
    assert!(inflate(&body).unwrap() == *content);
    client.org.change(|org| org.gzip = false);
    let (packed, body) = ask().await;
    assert!(!packed && body.as_ref() == content.as_slice());
}

#[tokio::test]
async fn a_replaced_file_is_gone_or_new_at_once() {
    let mut config = small();
    config.world.event_types.clear();
    config.world.days = 3;
    config.clock = ClockConfig::standing(first_day());
    let mut client = Client::of(config).await;
    let far = first_day() + SignedDuration::from_hours(24 * 20);
    // The versions that will be replaced are only listed before they are.
    let mut replaced = Vec::new();
    for hour in (24..24 * 8).step_by(6) {
        let at = first_day() + SignedDuration::from_hours(hour);
        let files = client.org.world().files(at);
        replaced.extend(files.iter().filter(|file| file.replaced_at.is_some()).cloned());
    }
    replaced.sort_by_key(|file| file.replaced_at);
    replaced.dedup();
    assert!(replaced.len() > 1, "the world replaces daily files");
    let (mut same, mut new) = (0, 0);
    for old in replaced {
        let at = old.replaced_at.unwrap();
        if at - SignedDuration::from_secs(1) < client.org.clock().now() {
            continue;
        }
        client.org.clock().advance_to(at - SignedDuration::from_secs(1)).unwrap();
        client.sign_in().await;
        let before = client.fetch(&content_path(&old.id)).await;
        assert_eq!(before.bytes().await.unwrap().len() as u64, old.length);
        client.org.clock().advance(SignedDuration::from_secs(2)).unwrap();
        let after = client.fetch(&content_path(&old.id)).await;
        if let Some(file) = client.org.world().file(&old.id, client.org.clock().now()) {
            same += 1;
            assert_eq!(after.bytes().await.unwrap().len() as u64, file.length);
        } else {
            new += 1;
            assert_eq!(after.status(), 404);
            let body = json(after).await;
            assert_eq!(error(&body), ("NOT_FOUND", "The requested resource does not exist"));
        }
    }
    assert!(client.org.clock().now() < far);
    assert!(same > 0 && new > 0, "both kinds of replacement: {same} {new}");
}

#[tokio::test]
async fn a_range_is_not_honoured() {
    let client = Client::new().await;
    let file = client.largest();
    let request = client.get(&content_path(&file.id)).header("range", "bytes=10-20");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.unwrap().len() as u64, file.length);
}
