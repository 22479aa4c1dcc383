//! The standard output, one event per line.
//!
//! # Guarantee
//!
//! Best effort: whoever reads the other end of a pipe confirms nothing. A batch is written whole
//! and flushed before it is answered for; batches of several lanes take turns. A closed pipe
//! pauses delivery. A failure within a line, as of a full disk, leaves a piece that no reader can
//! parse; it is ended before the batch comes again, so that it spoils no other line.

mod config;

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

pub use self::config::StdoutConfig;
use crate::error::Kind;
use crate::fused::Fused;
use crate::{Batch, Checked, Destination, Error, Guarantee, Limits, Promise, Receipt, Stream};

/// What can still happen to events on the way through the standard output.
pub const PROMISE: Promise = Promise {
    guarantee: Guarantee::BestEffort,
    repeats: "a batch that was written just before a crash or a failure is written again, with \
              the same event_uid; if that was within a line, the piece of it stays behind",
    loss: "what the reading program had not taken when it ended",
    reorder: "",
};

/// Where lines go.
struct Output {
    writer: Box<dyn Write + Send>,
    /// Whether the last byte it took ended no line.
    torn: bool,
}

impl Output {
    /// Writes whole lines and flushes.
    fn print(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn && !lines.is_empty() {
            self.put(b"\n")?;
        }
        self.put(lines)?;
        self.writer.flush()
    }

    /// Like `write_all`, but remembers where a failure left the output.
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.writer.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    let (done, rest) = bytes.split_at(taken);
                    self.torn = !done.ends_with(b"\n");
                    bytes = rest;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A running destination.
pub struct Stdout {
    name: String,
    output: Arc<Mutex<Output>>,
}

impl Stdout {
    /// A destination over any writer, for example a buffer.
    pub fn new(name: &str, writer: impl Write + Send + 'static) -> Self {
        let output = Output { writer: Box::new(writer), torn: false };
        Self { name: name.to_owned(), output: Arc::new(Mutex::new(output)) }
    }
}

#[async_trait]
impl Destination for Stdout {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "stdout"
    }

    fn promise(&self) -> Promise {
        PROMISE
    }

    fn limits(&self) -> Limits {
        Limits { events: 1_000, bytes: 1 << 20 }
    }

    /// Flushes the output. Writes nothing, as that would end up among the events.
    async fn check(&self, _sample: Batch) -> Result<Checked, Error> {
        print(&self.name, &self.output, Bytes::new()).await?;
        Ok(Checked { proof: "flushed the standard output".to_owned(), leaves: None })
    }

    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        let lines = Lines { name: self.name.clone(), output: Arc::clone(&self.output) };
        Ok(Box::new(Fused::new(&self.name, lines)))
    }
}

struct Lines {
    name: String,
    output: Arc<Mutex<Output>>,
}

#[async_trait]
impl Stream for Lines {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        if !batch.events.is_empty() {
            print(&self.name, &self.output, batch.events.ndjson().clone()).await?;
        }
        Ok(Receipt::durable())
    }

    async fn flush(&mut self) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }
}

/// Writes whole lines off the async threads: a pipe blocks while nobody reads.
async fn print(name: &str, output: &Arc<Mutex<Output>>, lines: Bytes) -> Result<(), Error> {
    let output = Arc::clone(output);
    let written = tokio::task::spawn_blocking(move || {
        output.lock().unwrap_or_else(PoisonError::into_inner).print(&lines)
    })
    .await;
    match written.map_err(io::Error::other).flatten() {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::OutputClosed, name, "").with_source(error))
        }
        Err(error) => Err(Error::storage(name, "writing to the standard output", error)),
    }
}
