//! The standard output, one event per line.
//!
//! # Guarantee
//!
//! Best effort: whoever reads the other end of a pipe confirms nothing. A batch is written whole
//! and flushed before it is answered for; batches of several lanes take turns. A closed pipe
//! pauses delivery.

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
              the same event_uid",
    loss: "what the reading program had not taken when it ended",
    reorder: "",
};

/// Where lines go.
type Writer = Arc<Mutex<dyn Write + Send>>;

/// A running destination.
pub struct Stdout {
    name: String,
    writer: Writer,
}

impl Stdout {
    /// A destination over any writer, for example a buffer.
    pub fn new(name: &str, writer: impl Write + Send + 'static) -> Self {
        Self { name: name.to_owned(), writer: Arc::new(Mutex::new(writer)) }
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
        print(&self.name, &self.writer, Bytes::new()).await?;
        Ok(Checked { proof: "flushed the standard output".to_owned(), leaves: None })
    }

    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        let lines = Lines { name: self.name.clone(), writer: Arc::clone(&self.writer) };
        Ok(Box::new(Fused::new(&self.name, lines)))
    }
}

struct Lines {
    name: String,
    writer: Writer,
}

#[async_trait]
impl Stream for Lines {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        if !batch.events.is_empty() {
            print(&self.name, &self.writer, batch.events.ndjson().clone()).await?;
        }
        Ok(Receipt::durable())
    }

    async fn flush(&mut self) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }
}

/// Writes whole lines and flushes, off the async threads: a pipe blocks while nobody reads.
async fn print(name: &str, writer: &Writer, lines: Bytes) -> Result<(), Error> {
    let writer = Arc::clone(writer);
    let written = tokio::task::spawn_blocking(move || {
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&lines)?;
        writer.flush()
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
