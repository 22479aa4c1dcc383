//! What makes syslog messages durable: receivers that close too early, too late, never, or well.

use std::sync::Arc;
use std::time::Duration;

use orgtap_destinations::suite::{batch, batch_of, unit};
use orgtap_destinations::{Destination, Guarantee, Kind};
use orgtap_transport::{Disposition, Explain};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;

use crate::certificates::Certificates;
use crate::webhook_suite::build;

/// A receiver whose connections the test handles itself.
async fn receiver() -> (u16, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            if send.send(connection).is_err() {
                return;
            }
        }
    });
    (port, connections)
}

fn destination(port: u16, more: &Value) -> Arc<dyn Destination> {
    let mut config = json!({
        "name": "log", "type": "syslog", "host": "127.0.0.1", "port": port, "transport": "tcp",
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    build(config)
}

/// Reads a connection to its end.
async fn drain(connection: &mut TcpStream) -> usize {
    let mut received = Vec::new();
    connection.read_to_end(&mut received).await.unwrap()
}

#[tokio::test]
async fn durable_only_when_the_receiver_has_read_to_the_end() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({}));
    let mut stream = destination.open().await.unwrap();
    assert!(stream.flush().await.unwrap().durable, "nothing was written");
    let receipt = stream.write(batch(3)).await.unwrap();
    assert!(!receipt.durable);
    let mut connection = connections.recv().await.unwrap();
    let flushing = tokio::spawn(async move { stream.flush().await });
    let received = drain(&mut connection).await;
    assert!(received > 300);
    // The end was read, but the connection is still open: not confirmed yet.
    tokio::task::yield_now().await;
    assert!(!flushing.is_finished());
    drop(connection);
    assert!(flushing.await.unwrap().unwrap().durable);
}

#[tokio::test]
async fn every_write_after_a_flush_has_a_connection_of_its_own() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({}));
    let reading = tokio::spawn(async move {
        for _ in 0..3 {
            let mut connection = connections.recv().await.unwrap();
            assert!(drain(&mut connection).await > 0);
        }
    });
    let mut stream = destination.open().await.unwrap();
    for _ in 0..3 {
        stream.write(batch(3)).await.unwrap();
        assert!(stream.flush().await.unwrap().durable);
    }
    reading.await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_never_closes_confirms_nothing() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({ "confirm_wait": "50ms" }));
    let mut stream = destination.open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let connection = connections.recv().await.unwrap();
    let error = stream.flush().await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotConfirmed);
    assert!(matches!(error.disposition(), Disposition::Retry { .. }));
    drop(connection);
}

#[tokio::test]
async fn without_confirmation_a_flush_waits_for_nobody_and_promises_little() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({ "confirm": "none" }));
    assert_eq!(destination.promise().guarantee, Guarantee::BestEffort);
    let mut stream = destination.open().await.unwrap();
    for _ in 0..3 {
        stream.write(batch(3)).await.unwrap();
        assert!(stream.flush().await.unwrap().durable);
    }
    let mut connection = connections.recv().await.unwrap();
    drop(stream);
    assert!(drain(&mut connection).await > 1_000, "all over one connection");
    assert!(connections.try_recv().is_err());
}

#[tokio::test]
async fn a_receiver_that_closes_before_the_end_confirms_nothing() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({}));
    let mut stream = destination.open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let mut connection = connections.recv().await.unwrap();
    connection.shutdown().await.unwrap();
    let error = stream.flush().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Broken, "{error:?}");
}

#[tokio::test]
async fn a_receiver_that_closes_with_messages_unread_confirms_nothing() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({}));
    let mut stream = destination.open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let connection = connections.recv().await.unwrap();
    connection.readable().await.unwrap();
    let flushing = tokio::spawn(async move { stream.flush().await });
    while !flushing.is_finished() && !ended(&connection).await {
        tokio::task::yield_now().await;
    }
    // Unread bytes at the close: the system answers with a reset.
    drop(connection);
    let error = flushing.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), Kind::Broken, "{error:?}");
}

/// Whether the sender's end has arrived, without taking anything from the connection.
async fn ended(connection: &TcpStream) -> bool {
    connection.ready(tokio::io::Interest::READABLE).await.unwrap().is_read_closed()
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({ "confirm": "none" }));
    let mut stream = destination.open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    stream.flush().await.unwrap();
    let mut first = connections.recv().await.unwrap();
    let mut some = [0; 100];
    first.read_exact(&mut some).await.unwrap();
    first.shutdown().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let mut second = connections.recv().await.unwrap();
    drop(stream);
    assert!(drain(&mut second).await > 0);
}

#[tokio::test]
async fn a_connection_that_was_closed_with_messages_under_way_is_an_error() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({}));
    let mut stream = destination.open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let mut connection = connections.recv().await.unwrap();
    connection.shutdown().await.unwrap();
    let error = stream.write(batch(3)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Broken, "{error:?}");
    assert!(connections.try_recv().is_err(), "the loss is reported, not papered over");
}

#[tokio::test]
async fn what_a_receiver_says_is_passed_over() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({}));
    let mut stream = destination.open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let mut connection = connections.recv().await.unwrap();
    connection.write_all(&[b'x'; 5_000]).await.unwrap();
    stream.write(batch(3)).await.unwrap();
    let reading = tokio::spawn(async move {
        drain(&mut connection).await;
        connection.write_all(b"goodbye").await.unwrap();
    });
    assert!(stream.flush().await.unwrap().durable);
    reading.await.unwrap();
}

#[tokio::test]
async fn a_receiver_that_stops_reading_holds_the_writer_back() {
    let (port, mut connections) = receiver().await;
    let destination = destination(port, &json!({ "max_message_bytes": "1MiB" }));
    let unit = Arc::new(unit("acme", "Login", 1));
    let mut stream = destination.open().await.unwrap();
    let writing = tokio::spawn(async move {
        for part in 0..80 {
            let batch = batch_of(&unit, part * 4..(part + 1) * 4, part == 79, 250_000);
            assert!(stream.write(batch).await.unwrap().rejected.is_empty());
        }
        stream.flush().await.unwrap()
    });
    let mut connection = connections.recv().await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!writing.is_finished(), "eighty megabytes fit into no system's buffers");
    assert!(drain(&mut connection).await > 80_000_000);
    drop(connection);
    assert!(writing.await.unwrap().durable);
}

/// Ends the session of TLS and leaves the connection beneath it open.
async fn take_leave(stream: TlsStream<TcpStream>) -> TcpStream {
    let (mut connection, mut session) = stream.into_inner();
    session.send_close_notify();
    let mut leave = Vec::new();
    assert!(session.write_tls(&mut leave).unwrap() > 0);
    // Or the system may keep it back until the close.
    connection.set_nodelay(true).unwrap();
    connection.write_all(&leave).await.unwrap();
    connection
}

#[tokio::test]
async fn a_receiver_that_ends_tls_some_time_before_it_closes_confirms() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let (port, mut connections) = receiver().await;
    let acceptor = certificates.acceptor(false);
    let reading = tokio::spawn(async move {
        let mut stream = acceptor.accept(connections.recv().await.unwrap()).await.unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        let connection = take_leave(stream).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(connection);
        received.len()
    });
    let tls = json!({ "transport": "tls", "tls": { "ca_file": certificates.ca } });
    let mut stream = destination(port, &tls).open().await.unwrap();
    stream.write(batch(3)).await.unwrap();
    assert!(stream.flush().await.unwrap().durable);
    assert!(reading.await.unwrap() > 300);
}

#[tokio::test]
async fn a_receiver_that_ends_tls_and_closes_with_messages_unread_confirms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let (port, mut connections) = receiver().await;
    let acceptor = certificates.acceptor(false);
    let leaving = tokio::spawn(async move {
        let stream = acceptor.accept(connections.recv().await.unwrap()).await.unwrap();
        let connection = take_leave(stream).await;
        while !ended(&connection).await {
            tokio::task::yield_now().await;
        }
        drop(connection);
    });
    let tls = json!({ "transport": "tls", "tls": { "ca_file": certificates.ca } });
    let mut stream = destination(port, &tls).open().await.unwrap();
    stream.write(batch(100)).await.unwrap();
    let error = stream.flush().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Broken, "{error:?}");
    leaving.await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_that_is_not_accepted_pauses() {
    let folder = tempfile::tempdir().unwrap();
    let certificates = Certificates::make(folder.path());
    let acceptor = certificates.acceptor(true);
    let (port, mut connections) = receiver().await;
    tokio::spawn(async move {
        while let Some(connection) = connections.recv().await {
            acceptor.accept(connection).await.err();
        }
    });
    let tls = json!({ "transport": "tls", "tls": { "ca_file": certificates.ca } });
    let destination = destination(port, &tls);
    let error = destination.check(batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::RefusedCredentials, "{error:?}");
    assert_eq!(error.disposition(), Disposition::Pause);
}

#[tokio::test]
async fn plain_text_where_tls_is_expected_is_not_understood() {
    let (port, mut connections) = receiver().await;
    tokio::spawn(async move {
        while let Some(mut connection) = connections.recv().await {
            connection.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
            drain(&mut connection).await;
        }
    });
    let error =
        destination(port, &json!({ "transport": "tls" })).check(batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotUnderstood, "{error:?}");
}
