//! What the collector does with a destination, reduced to what the contract is about.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;

use super::events::{uid_in, uids};
use crate::{Batch, Destination, Error, Guarantee, Promise, Receipt};

/// Writes batches in order and remembers the last durable receipt.
pub struct Worker {
    destination: Arc<dyn Destination>,
    batches: Vec<Batch>,
    /// Batches before this one are durable.
    durable: usize,
    /// Rejected events of durable batches, with their reasons.
    rejected: BTreeMap<String, String>,
    /// Rejected events of batches that are not durable yet.
    pending: BTreeMap<String, String>,
}

impl Worker {
    /// A worker that has written nothing.
    pub fn new(destination: Arc<dyn Destination>, batches: Vec<Batch>) -> Self {
        Self {
            destination,
            batches,
            durable: 0,
            rejected: BTreeMap::new(),
            pending: BTreeMap::new(),
        }
    }

    /// Opens a stream and writes everything after the last durable receipt, flushing after every
    /// unit and at the end. Ends at the first failure.
    pub async fn attempt(&mut self) -> Result<(), Error> {
        self.pending.clear();
        let mut stream = self.destination.open().await?;
        for index in self.durable..self.batches.len() {
            let batch = self.batches[index].clone();
            let ends_unit = batch.ends_unit;
            let receipt = stream.write(batch).await?;
            self.note(index, &receipt);
            if ends_unit && !receipt.durable {
                let receipt = stream.flush().await?;
                assert!(receipt.durable, "a flush after a unit's end is a barrier");
                self.note(index, &receipt);
            }
        }
        let receipt = stream.flush().await?;
        assert!(receipt.durable && receipt.rejected.is_empty(), "nothing was left to flush");
        assert_eq!(self.durable, self.batches.len());
        Ok(())
    }

    /// Writes everything from a thread that may block, and flushes at the end.
    pub fn attempt_blocking(&mut self, runtime: &Handle) -> Result<(), Error> {
        let mut stream = runtime.block_on(self.destination.open())?;
        for index in 0..self.batches.len() {
            let receipt = stream.write_blocking(self.batches[index].clone(), runtime)?;
            self.note(index, &receipt);
        }
        let receipt = runtime.block_on(stream.flush())?;
        assert!(receipt.durable && receipt.rejected.is_empty(), "all units have ended");
        self.note(self.batches.len() - 1, &receipt);
        Ok(())
    }

    /// Takes account of a receipt for a batch.
    pub fn note(&mut self, index: usize, receipt: &Receipt) {
        for rejected in &receipt.rejected {
            let event = self.batches[index].events.get(rejected.index).expect("in the batch");
            let uid = uid_in(&event).expect("events of the suite have one");
            self.pending.insert(uid, rejected.reason.clone());
        }
        if receipt.durable {
            self.durable = index + 1;
            self.rejected.append(&mut self.pending);
        }
    }

    /// Batches that are durable.
    pub const fn durable(&self) -> usize {
        self.durable
    }

    /// What was rejected in durable batches, with the reasons.
    pub const fn rejected(&self) -> &BTreeMap<String, String> {
        &self.rejected
    }

    /// All batches.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }
}

/// Holds what arrived against what was sent and what is promised.
///
/// `disturbed` says whether anything went wrong on the way: only then may events be repeated, and
/// only then may best effort lose any.
pub fn assert_arrived(
    promise: &Promise,
    sent: &[Batch],
    rejected: &BTreeSet<String>,
    arrived: &[String],
    disturbed: bool,
) {
    if promise.guarantee == Guarantee::Nothing {
        assert!(arrived.is_empty(), "something arrived from what keeps nothing");
        return;
    }
    let sent = uids(sent);
    let known: HashSet<&String> = sent.iter().collect();
    let mut count: HashMap<&String, usize> = HashMap::new();
    for uid in arrived {
        assert!(known.contains(uid), "{uid} arrived and was never sent");
        *count.entry(uid).or_default() += 1;
    }
    let may_lose = disturbed && promise.guarantee == Guarantee::BestEffort;
    let may_repeat = disturbed && !promise.repeats.is_empty();
    for uid in &sent {
        let times = count.get(uid).copied().unwrap_or(0);
        if rejected.contains(uid) {
            assert_eq!(times, 0, "{uid} was rejected and arrived");
            continue;
        }
        assert!(times > 0 || may_lose, "{uid} is lost");
        assert!(times < 2 || may_repeat, "{uid} arrived {times} times");
    }
    if promise.reorder.is_empty() {
        assert_in_order(&sent, arrived);
    }
}

/// Events of one unit arrive in order, if each counts where it came first.
fn assert_in_order(sent: &[String], arrived: &[String]) {
    let place: HashMap<&String, usize> =
        sent.iter().enumerate().map(|(place, uid)| (uid, place)).collect();
    let unit_of = |uid: &str| uid.rsplit_once('-').map(|(unit, _)| unit.to_owned());
    let mut last: HashMap<_, usize> = HashMap::new();
    let mut seen = HashSet::new();
    for uid in arrived.iter().filter(|uid| seen.insert(*uid)) {
        let place = place[uid];
        if let Some(before) = last.insert(unit_of(uid), place) {
            assert!(before < place, "{uid} arrived out of order");
        }
    }
}

/// Polls a future at most so many times, then drops it. None if it had not ended by then.
pub async fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
