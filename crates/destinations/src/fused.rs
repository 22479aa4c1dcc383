//! The rule that a stream is dead after an error or an abandoned call, kept in one place.

use async_trait::async_trait;
use tokio::runtime::Handle;

use crate::error::Kind;
use crate::{Batch, Error, Receipt, Stream};

/// A stream that answers every call after an error, or after a call that was dropped half-way,
/// with [`Kind::Misused`].
///
/// A half-written stream that went on could join the rest of one batch to the start of another.
pub(crate) struct Fused<S> {
    destination: String,
    inner: S,
    alive: bool,
}

impl<S: Stream> Fused<S> {
    /// Guards a fresh stream.
    pub(crate) fn new(destination: &str, inner: S) -> Self {
        Self { destination: destination.to_owned(), inner, alive: true }
    }

    /// Marks the stream dead until the call that now begins has succeeded.
    fn begin(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.alive) {
            return Ok(());
        }
        Err(Error::new(Kind::Misused, &self.destination, "a stream was used after it had failed"))
    }
}

#[async_trait]
impl<S: Stream> Stream for Fused<S> {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        self.begin()?;
        let receipt = self.inner.write(batch).await?;
        self.alive = true;
        Ok(receipt)
    }

    fn write_blocking(&mut self, batch: Batch, runtime: &Handle) -> Result<Receipt, Error> {
        self.begin()?;
        let receipt = self.inner.write_blocking(batch, runtime)?;
        self.alive = true;
        Ok(receipt)
    }

    async fn flush(&mut self) -> Result<Receipt, Error> {
        self.begin()?;
        let receipt = self.inner.flush().await?;
        self.alive = true;
        Ok(receipt)
    }
}
