//! The standard output, with a writer in its place.

use std::future::ready;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use orgtap_destinations::stdout::Stdout;
use orgtap_destinations::suite::{Condition, Harness, batch, units};
use orgtap_destinations::{Batch, Destination, Kind, contract_suite};
use orgtap_transport::{Disposition, Explain};
use serde_json::Value;

/// A pipe into memory that takes bytes in odd pieces and can be closed.
#[derive(Clone, Default)]
struct Pipe {
    written: Arc<Mutex<Vec<u8>>>,
    closed: Arc<Mutex<bool>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if *self.closed.lock().unwrap() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(777);
        self.written.lock().unwrap().extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if *self.closed.lock().unwrap() { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }
}

struct Output {
    pipe: Pipe,
    destination: Arc<dyn Destination>,
}

impl Output {
    fn new() -> Self {
        let pipe = Pipe::default();
        let destination = Arc::new(Stdout::new("out", pipe.clone()));
        Self { pipe, destination }
    }
}

#[async_trait]
impl Harness for Output {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::clone(&self.destination)
    }

    async fn set(&mut self, condition: Condition) -> bool {
        condition == Condition::Well
    }

    async fn arrived(&mut self, _: usize) -> Vec<String> {
        let written = String::from_utf8(self.pipe.written.lock().unwrap().clone()).unwrap();
        let events = written.lines().map(|line| serde_json::from_str(line).unwrap());
        events
            .map(|event: serde_json::Value| event["_orgtap"]["event_uid"].as_str().unwrap().into())
            .collect()
    }
}

contract_suite!(lines, ready(Output::new()));

#[tokio::test]
async fn writes_the_lines_as_they_are() {
    let output = Output::new();
    let mut stream = output.destination.open().await.unwrap();
    let mut wanted = Vec::new();
    for batch in units("acme") {
        wanted.extend_from_slice(batch.events.ndjson());
        assert!(stream.write(batch).await.unwrap().durable);
    }
    assert_eq!(*output.pipe.written.lock().unwrap(), wanted);
}

/// A file whose disk is full once, after so many bytes.
struct FullOnce {
    written: Arc<Mutex<Vec<u8>>>,
    room: Option<usize>,
}

impl Write for FullOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.written.lock().unwrap();
        let taken = match self.room {
            None => bytes.len(),
            Some(room) if room > written.len() => bytes.len().min(room - written.len()),
            Some(_) => {
                self.room = None;
                return Err(io::ErrorKind::StorageFull.into());
            }
        };
        written.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a batch that meets a full disk after so many bytes, and again. Answers the lines.
async fn lines_of_a_disk_full_after(room: usize, batch: &Batch) -> Vec<String> {
    let written = Arc::default();
    let file = FullOnce { written: Arc::clone(&written), room: Some(room) };
    let destination = Stdout::new("out", file);
    let error = destination.open().await.unwrap().write(batch.clone()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::DiskFull);
    assert!(destination.open().await.unwrap().write(batch.clone()).await.unwrap().durable);
    let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    written.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_line_torn_by_a_full_disk_spoils_no_other() {
    let batch = batch(3);
    let lines = lines_of_a_disk_full_after(100, &batch).await;
    let whole: Vec<_> = batch.events.iter().map(|(event, _)| event.to_vec()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0].as_bytes(), &whole[0][..100]);
    assert!(lines[1..].iter().map(String::as_bytes).eq(whole.iter().map(Vec::as_slice)));
}

#[tokio::test]
async fn no_line_is_empty_when_a_disk_was_full_between_two() {
    let batch = batch(3);
    let first = batch.events.get(0).unwrap().len() + 1;
    for room in [0, first] {
        let lines = lines_of_a_disk_full_after(room, &batch).await;
        assert_eq!(lines.len(), 3 + usize::from(room > 0));
        assert!(lines.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
}

#[tokio::test]
async fn a_closed_pipe_pauses() {
    let output = Output::new();
    *output.pipe.closed.lock().unwrap() = true;
    let mut stream = output.destination.open().await.unwrap();
    let error = stream.write(batch(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.disposition()), (Kind::OutputClosed, Disposition::Pause));
    let error = output.destination.check(batch(1)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::OutputClosed);
}
