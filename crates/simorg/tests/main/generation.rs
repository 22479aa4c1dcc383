//! Making log files can be switched off and on.

use jiff::SignedDuration;

use crate::support::{Client, content_path, first_day, small};

const FILES: &str = "SELECT Id, CreatedDate FROM EventLogFile WHERE Interval = 'Hourly'";

/// A client whose clock stands in the middle of the day with data.
async fn at_noon() -> Client {
    let mut config = small();
    config.clock.start = Some(first_day() + SignedDuration::from_hours(12));
    Client::of(config).await
}

async fn ids(client: &Client) -> Vec<String> {
    let records = client.records(FILES).await;
    records.iter().map(|record| record["Id"].as_str().unwrap().to_owned()).collect()
}

async fn pass(client: &mut Client, hours: i64) {
    client.org.clock().advance(SignedDuration::from_hours(hours)).unwrap();
    client.sign_in().await;
}

#[tokio::test]
async fn no_file_appears_after_generation_was_switched_off() {
    let mut client = at_noon().await;
    let before = ids(&client).await;
    assert!(!before.is_empty());
    client.org.change(|org| org.event_log_generation = false);
    pass(&mut client, 6).await;
    assert_eq!(ids(&client).await, before);
    let hidden = client.files().into_iter().find(|file| !before.contains(&file.id)).unwrap();
    assert_eq!(client.fetch(&content_path(&hidden.id)).await.status(), 404);
    assert_eq!(client.fetch(&content_path(&before[0])).await.status(), 200);
}

#[tokio::test]
async fn files_of_the_time_without_generation_never_appear() {
    let mut client = at_noon().await;
    let before = ids(&client).await;
    client.org.change(|org| org.event_log_generation = false);
    pass(&mut client, 4).await;
    let off_until = client.org.clock().now();
    client.org.change(|org| org.event_log_generation = true);
    pass(&mut client, 8).await;
    let after = ids(&client).await;
    let new: Vec<_> = client
        .files()
        .into_iter()
        .filter(|file| file.hourly && after.contains(&file.id) && !before.contains(&file.id))
        .collect();
    assert!(!new.is_empty());
    assert!(new.iter().all(|file| file.created_date > off_until));
}

#[tokio::test]
async fn an_org_can_begin_without_generation() {
    let mut config = small();
    config.clock.start = Some(first_day() + SignedDuration::from_hours(12));
    config.org.event_log_generation = false;
    let mut client = Client::of(config).await;
    let before = ids(&client).await;
    pass(&mut client, 6).await;
    assert_eq!(ids(&client).await, before);
}
