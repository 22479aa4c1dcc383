//! Delivers a batch: as a whole, or, where the target refuses it, in ever smaller parts.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::answer::Answer;
use super::client::{Client, proof};
use crate::error::Kind;
use crate::{Batch, Checked, Error, Receipt, Rejected, Stream};

/// Events that may be refused together without it being about the configuration.
const FEW: usize = 16;

/// What the streams of one destination share.
pub(super) struct Engine {
    client: Client,
    /// Whether the target has taken anything since it last refused a whole batch. Until then a
    /// refused event says more about the configuration than about the event.
    trusted: AtomicBool,
}

/// How the parts of a batch fared.
#[derive(Default)]
struct Outcome {
    taken: usize,
    rejected: Vec<Rejected>,
    /// Whether every refusal was about the event's own size.
    only_too_large: bool,
}

impl Engine {
    /// An engine that has sent nothing yet.
    pub(super) const fn new(client: Client) -> Self {
        Self { client, trusted: AtomicBool::new(false) }
    }

    /// Sends the sample as it is.
    pub(super) async fn check(&self, sample: &Batch) -> Result<Checked, Error> {
        match self.client.send(&sample.id, &sample.events).await? {
            Answer::Taken(status) => {
                self.trusted.store(true, Ordering::Relaxed);
                Ok(Checked {
                    proof: proof(&self.client, status),
                    leaves: Some(left_behind(sample.events.len())),
                })
            }
            Answer::TooLarge(said) | Answer::Malformed(said) => {
                Err(Error::new(Kind::RefusedAll, self.client.name(), said))
            }
        }
    }

    /// Sends a batch. What is not rejected is durable.
    async fn deliver(&self, batch: &Batch) -> Result<Receipt, Error> {
        if batch.events.is_empty() {
            return Ok(Receipt::durable());
        }
        let outcome = self.send_in_parts(batch).await?;
        self.judge(batch, outcome)
    }

    /// Sends all of it; a part that is refused in halves, in order, down to single events.
    async fn send_in_parts(&self, batch: &Batch) -> Result<Outcome, Error> {
        let whole = 0..batch.events.len();
        let mut outcome = Outcome { only_too_large: true, ..Outcome::default() };
        // The next part is at the end.
        let mut parts = vec![whole.clone()];
        while let Some(part) = parts.pop() {
            let id = part_id(&batch.id, &part, &whole);
            let (said, too_large) = match self.send(&id, batch, &part).await? {
                Answer::Taken(_) => {
                    outcome.taken += part.len();
                    self.trusted.store(true, Ordering::Relaxed);
                    continue;
                }
                Answer::TooLarge(said) => (said, true),
                Answer::Malformed(said) => (said, false),
            };
            if part.len() > 1 {
                let middle = part.start + part.len() / 2;
                parts.push(middle..part.end);
                parts.push(part.start..middle);
            } else {
                outcome.only_too_large &= too_large;
                outcome.rejected.push(Rejected { index: part.start, reason: said });
            }
        }
        Ok(outcome)
    }

    async fn send(&self, id: &str, batch: &Batch, part: &Range<usize>) -> Result<Answer, Error> {
        if part.len() == batch.events.len() {
            return self.client.send(id, &batch.events).await;
        }
        self.client.send(id, &batch.events.slice(part.clone())).await
    }

    /// Decides whether refusals are about events or about the configuration.
    ///
    /// Many events, all refused: the configuration. A few, all refused: themselves, if the target
    /// took others just before; but not twice in a row, so that a target that has begun to refuse
    /// everything costs a few dead letters and no more. One that is too large is itself at fault.
    fn judge(&self, batch: &Batch, outcome: Outcome) -> Result<Receipt, Error> {
        let events = batch.events.len();
        let refused_all = outcome.taken == 0;
        let too_large_alone = events == 1 && outcome.only_too_large;
        let own_fault = too_large_alone
            || (refused_all && events <= FEW && self.trusted.swap(false, Ordering::Relaxed));
        if refused_all && !own_fault {
            let reason = outcome.rejected.into_iter().next().map(|rejected| rejected.reason);
            return Err(Error::new(
                Kind::RefusedAll,
                self.client.name(),
                reason.unwrap_or_default(),
            ));
        }
        Ok(Receipt { durable: true, rejected: outcome.rejected })
    }
}

/// A part's id: the batch's own for the whole, with the events' range for less.
fn part_id(batch: &str, part: &Range<usize>, whole: &Range<usize>) -> String {
    if part == whole { batch.to_owned() } else { format!("{batch}/{}-{}", part.start, part.end) }
}

fn left_behind(events: usize) -> String {
    if events == 1 { "one event".to_owned() } else { format!("{events} events") }
}

/// A stream of requests. It has no state: every answer stands for itself.
pub(super) struct Requests {
    engine: Arc<Engine>,
}

impl Requests {
    /// A stream over the shared engine.
    pub(super) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }
}

#[async_trait]
impl Stream for Requests {
    async fn write(&mut self, batch: Batch) -> Result<Receipt, Error> {
        self.engine.deliver(&batch).await
    }

    /// Every write was durable when it was answered.
    async fn flush(&mut self) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }
}
