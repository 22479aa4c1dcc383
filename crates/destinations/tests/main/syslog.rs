//! Syslog against a real rsyslog.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use orgtap_destinations::suite::{
    Condition, Harness, Worker, assert_arrived, batch, batch_of, unit, units,
};
use orgtap_destinations::{Batch, Destination, Kind, contract_suite};
use orgtap_transport::{Disposition, Explain};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::proxy::{Fault, Proxy};
use crate::rsyslog::{Input, Rsyslog};
use crate::webhook_suite::build;

/// A destination for an address; `more` is added to its configuration.
fn destination(port: u16, more: &Value) -> Arc<dyn Destination> {
    let mut config = json!({ "name": "log", "type": "syslog", "host": "localhost", "port": port });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    build(config)
}

fn uid(line: &str) -> String {
    uid_unless_torn(line).unwrap()
}

/// None for the beginning of an event, which rsyslog keeps of a line without its end.
fn uid_unless_torn(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    Some(event["_orgtap"]["event_uid"].as_str().unwrap().to_owned())
}

struct Receiver {
    rsyslog: Rsyslog,
    proxy: Option<Proxy>,
    destination: Arc<dyn Destination>,
    in_lines: bool,
}

impl Receiver {
    async fn start(input: Input, more: Value) -> Self {
        let rsyslog = Rsyslog::start(input);
        if input == Input::Udp {
            let more = json!({ "transport": "udp", "host": "127.0.0.1" });
            let destination = destination(rsyslog.address().port(), &more);
            return Self { rsyslog, proxy: None, destination, in_lines: false };
        }
        let proxy = Proxy::start(rsyslog.address()).await;
        let mut config = more;
        let in_lines = config["framing"] == "newline";
        if input == Input::Tls {
            config["tls"] = json!({ "ca_file": rsyslog.certificates.ca });
        } else {
            config["transport"] = "tcp".into();
        }
        let destination = destination(proxy.address().port(), &config);
        Self { rsyslog, proxy: Some(proxy), destination, in_lines }
    }
}

#[async_trait]
impl Harness for Receiver {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::clone(&self.destination)
    }

    async fn set(&mut self, condition: Condition) -> bool {
        let Some(proxy) = &mut self.proxy else {
            match condition {
                Condition::Well => self.rsyslog.up(),
                Condition::Down => self.rsyslog.down(),
                _ => return false,
            }
            return true;
        };
        match condition {
            Condition::Well => proxy.up(),
            Condition::Down => proxy.down().await,
            Condition::CutAfter(bytes) => proxy.set(Fault::CutAfter(bytes)),
            Condition::Slow => proxy.set(Fault::Slow),
            _ => return false,
        }
        true
    }

    async fn arrived(&mut self, at_least: usize) -> Vec<String> {
        // Confirmed messages are there at once; only datagrams are waited for.
        let lines = match self.proxy {
            Some(_) => self.rsyslog.lines("msg"),
            None => self.rsyslog.at_least("msg", at_least),
        };
        if self.in_lines {
            return lines.iter().filter_map(|line| uid_unless_torn(line)).collect();
        }
        lines.iter().map(|line| uid(line)).collect()
    }
}

contract_suite!(over_udp, Receiver::start(Input::Udp, json!({})));
contract_suite!(over_tcp_counted, Receiver::start(Input::Tcp, json!({})));
contract_suite!(over_tcp_in_lines, Receiver::start(Input::Tcp, json!({ "framing": "newline" })));
contract_suite!(over_tls, Receiver::start(Input::Tls, json!({})));

/// What a receiver should have got for a batch, written out by hand.
fn expected(batch: &Batch, structured: bool) -> Vec<String> {
    let events = batch.events.iter();
    events
        .map(|(event, time)| {
            let event = std::str::from_utf8(event).unwrap();
            let time = jiff::Timestamp::from_microsecond(time).unwrap();
            let data = if structured {
                format!("[orgtap@32473 event_uid=\"{}\" connector=\"acme\"]", uid(event))
            } else {
                "-".to_owned()
            };
            format!("<110>1 {time} acme orgtap - Login {data} {event}")
        })
        .collect()
}

#[tokio::test]
async fn every_byte_arrives_over_every_transport() {
    let unit = Arc::new(unit("acme", "Login", 1));
    for (input, more, size) in [
        (Input::Udp, json!({ "transport": "udp", "max_message_bytes": "60KiB" }), 50_000),
        (Input::Tcp, json!({ "transport": "tcp", "max_message_bytes": "1MiB" }), 900_000),
        (
            Input::Tcp,
            json!({ "transport": "tcp", "framing": "newline", "max_message_bytes": "1MiB" }),
            900_000,
        ),
        (Input::Tls, json!({ "structured_data": true, "max_message_bytes": "1MiB" }), 900_000),
    ] {
        let rsyslog = Rsyslog::start(input);
        let mut config = more.clone();
        config["host"] = "127.0.0.1".into();
        if input == Input::Tls {
            config["tls"] = json!({ "ca_file": rsyslog.certificates.ca });
        }
        let destination = destination(rsyslog.address().port(), &config);
        let batches = [batch_of(&unit, 0..50, false, 300), batch_of(&unit, 50..52, true, size)];
        let mut stream = destination.open().await.unwrap();
        for batch in &batches {
            let receipt = stream.write(batch.clone()).await.unwrap();
            assert!(receipt.rejected.is_empty());
        }
        assert!(stream.flush().await.unwrap().durable);
        let wanted: Vec<String> =
            batches.iter().flat_map(|batch| expected(batch, input == Input::Tls)).collect();
        let received = rsyslog.at_least("raw", 52);
        assert_eq!(received.len(), wanted.len(), "{input:?} {more}");
        for (received, wanted) in received.iter().zip(&wanted) {
            assert!(received == wanted, "{input:?} {more}: {} bytes", received.len());
        }
    }
}

#[tokio::test]
async fn rsyslog_reads_each_part_of_the_header() {
    let rsyslog = Rsyslog::start(Input::Tcp);
    let config = json!({
        "transport": "tcp", "hostname": "acme.my.salesforce.com", "facility": "local3",
        "severity": "notice", "structured_data": true,
    });
    let destination = destination(rsyslog.address().port(), &config);
    let batch = batch_of(&Arc::new(unit("acme", "ApexExecution", 1)), 0..1, true, 10);
    let event = String::from_utf8(batch.events.get(0).unwrap().to_vec()).unwrap();
    destination.check(batch).await.unwrap();
    let data = format!("[orgtap@32473 event_uid=\"{}\" connector=\"acme\"]", uid(&event));
    assert_eq!(
        rsyslog.lines("parts"),
        [format!("157 2026-11-22T01:00:00Z acme.my.salesforce.com orgtap - ApexExecution {data}")]
    );
    assert_eq!(rsyslog.lines("msg"), [event]);
}

#[tokio::test]
async fn a_receiver_with_an_unknown_certificate_pauses() {
    let rsyslog = Rsyslog::start(Input::Tls);
    let port = rsyslog.address().port();
    let folder = tempfile::tempdir().unwrap();
    let other = crate::certificates::Certificates::make(folder.path());
    for tls in [json!({}), json!({ "ca_file": other.ca })] {
        let error = destination(port, &json!({ "tls": tls })).check(batch(1)).await.unwrap_err();
        assert_eq!((error.kind(), error.disposition()), (Kind::Untrusted, Disposition::Pause));
    }
    let trusted = json!({ "ca_file": rsyslog.certificates.ca });
    let config = json!({ "tls": trusted, "server_name": "other.example" });
    let error = destination(port, &config).check(batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Untrusted, "right authority, wrong name");
    assert!(rsyslog.lines("msg").is_empty());
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_certificate_gets_it() {
    let rsyslog = Rsyslog::start(Input::StrictTls);
    let port = rsyslog.address().port();
    let certificates = &rsyslog.certificates;
    let without = json!({ "tls": { "ca_file": certificates.ca } });
    let error = destination(port, &without).check(batch(1)).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::RefusedCredentials | Kind::Broken), "{error:?}");
    assert!(rsyslog.lines("msg").is_empty());
    let tls = json!({
        "ca_file": certificates.ca,
        "certificate_file": certificates.client,
        "key_file": certificates.client_key,
    });
    destination(port, &json!({ "tls": tls })).check(batch(1)).await.unwrap();
    assert_eq!(rsyslog.lines("msg").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_rsyslog_is_restarted_again_and_again() {
    for input in [Input::Tcp, Input::Tls] {
        let mut rsyslog = Rsyslog::start(input);
        let mut config = json!({ "transport": "tcp" });
        if input == Input::Tls {
            config = json!({ "tls": { "ca_file": rsyslog.certificates.ca } });
        }
        let destination = destination(rsyslog.address().port(), &config);
        let (stop, stopped) = watch::channel(false);
        let (told, mut lanes) = watch::channel(0);
        let writing = tokio::spawn(write_until(Arc::clone(&destination), stopped, told));
        for restart in 1..=4 {
            // Each time in the middle of the writing, which goes on until it is told to stop.
            lanes.wait_for(|lanes| *lanes >= restart * 3).await.unwrap();
            tokio::task::block_in_place(|| {
                rsyslog.down();
                rsyslog.up();
            });
        }
        stop.send(true).unwrap();
        let (batches, failures) = writing.await.unwrap();
        assert!(failures > 0, "no restart was noticed");
        let arrived: Vec<String> = rsyslog.lines("msg").iter().map(|line| uid(line)).collect();
        let promise = destination.promise();
        assert_arrived(&promise, &batches, &BTreeSet::new(), &arrived, true);
    }
}

/// Writes one lane after the other, each until all of it is durable, and tells how many are.
/// Answers what it wrote and how often it failed.
async fn write_until(
    destination: Arc<dyn Destination>,
    stopped: watch::Receiver<bool>,
    told: watch::Sender<usize>,
) -> (Vec<Batch>, usize) {
    let (mut batches, mut failures) = (Vec::new(), 0);
    for lane in 1.. {
        if *stopped.borrow() {
            break;
        }
        let mut worker = Worker::new(Arc::clone(&destination), units(&format!("lane{lane}")));
        while let Err(error) = worker.attempt().await {
            assert!(matches!(error.disposition(), Disposition::Retry { .. }), "{error:?}");
            failures += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        batches.extend_from_slice(worker.batches());
        told.send(lane).unwrap();
    }
    (batches, failures)
}

#[tokio::test]
async fn a_restart_in_mid_unit_is_never_taken_for_a_confirmation() {
    let mut rsyslog = Rsyslog::start(Input::Tcp);
    let config = json!({ "transport": "tcp" });
    let destination = destination(rsyslog.address().port(), &config);
    let batches = units("acme");
    for next_is_a_write in [true, false] {
        let mut stream = destination.open().await.unwrap();
        assert!(!stream.write(batches[0].clone()).await.unwrap().durable);
        rsyslog.down();
        rsyslog.up();
        let answer = if next_is_a_write {
            stream.write(batches[1].clone()).await
        } else {
            stream.flush().await
        };
        assert_eq!(answer.unwrap_err().kind(), Kind::Broken);
    }
    let mut worker = Worker::new(Arc::clone(&destination), batches);
    worker.attempt().await.unwrap();
    let arrived: Vec<String> = rsyslog.lines("msg").iter().map(|line| uid(line)).collect();
    let promise = destination.promise();
    assert_arrived(&promise, worker.batches(), &BTreeSet::new(), &arrived, true);
}

#[tokio::test]
async fn a_message_above_the_limit_is_rejected_and_the_others_arrive() {
    for transport in ["tcp", "udp"] {
        let rsyslog = Rsyslog::start(if transport == "udp" { Input::Udp } else { Input::Tcp });
        let config = json!({
            "transport": transport, "max_message_bytes": "2KiB", "host": "127.0.0.1",
        });
        let destination = destination(rsyslog.address().port(), &config);
        let unit = Arc::new(unit("acme", "Login", 1));
        let mut stream = destination.open().await.unwrap();
        stream.write(batch_of(&unit, 0..3, false, 10)).await.unwrap();
        let receipt = stream.write(batch_of(&unit, 3..5, false, 2_000)).await.unwrap();
        let rejected: Vec<usize> = receipt.rejected.iter().map(|one| one.index).collect();
        assert_eq!(rejected, [0, 1]);
        stream.write(batch_of(&unit, 5..6, true, 10)).await.unwrap();
        stream.flush().await.unwrap();
        assert_eq!(rsyslog.at_least("msg", 4).len(), 4);
    }
}
