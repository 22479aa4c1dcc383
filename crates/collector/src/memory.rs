//! How many units are in work at a time, over all connectors: as many as fit into the memory set
//! aside for them.
//!
//! Downloading has a budget, and so has each destination, so that a destination that hangs keeps
//! neither the others nor the downloads waiting.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::unpack::is_large;

/// Memory for units being fetched, and as much for units being delivered to one destination, KiB.
const BUDGET: usize = 24 * 1024;
/// What a large unit takes: blocks on their way, the reader's buffer, sorting, batches; KiB.
const LARGE: u32 = 6 * 1024;
/// What a small one takes, KiB.
const SMALL: u32 = 1024;

/// The budgets. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    fetching: Arc<Semaphore>,
    delivering: Arc<BTreeMap<String, Arc<Semaphore>>>,
}

/// A unit's part of a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Memory {
    /// For these destinations. Nothing is in work.
    pub(crate) fn new<'a>(destinations: impl Iterator<Item = &'a String>) -> Self {
        let budget = || Arc::new(Semaphore::new(BUDGET));
        let delivering = destinations.map(|name| (name.clone(), budget())).collect();
        Self { fetching: budget(), delivering: Arc::new(delivering) }
    }

    /// Waits for room to fetch a unit of this length.
    pub(crate) async fn to_fetch(&self, length: u64) -> Share {
        share(Some(&self.fetching), length).await
    }

    /// Waits for room to deliver a unit of this length to a destination.
    pub(crate) async fn to_deliver(&self, destination: &str, length: u64) -> Share {
        share(self.delivering.get(destination), length).await
    }
}

async fn share(budget: Option<&Arc<Semaphore>>, length: u64) -> Share {
    let size = if is_large(length) { LARGE } else { SMALL };
    // A budget is never closed.
    let permit = match budget {
        Some(budget) => Arc::clone(budget).acquire_many_owned(size).await.ok(),
        None => None,
    };
    Share { _permit: permit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_unit_waits_for_room_and_neither_downloads_nor_other_destinations_do() {
        let memory = Memory::new(["slow".to_owned(), "quick".to_owned()].iter());
        let mut shares = Vec::new();
        for _ in 0..BUDGET as u32 / LARGE {
            shares.push(memory.to_deliver("slow", u64::MAX).await);
        }
        let waiting = tokio::spawn({
            let memory = memory.clone();
            async move { memory.to_deliver("slow", 1).await }
        });
        drop(memory.to_deliver("quick", u64::MAX).await);
        drop(memory.to_fetch(u64::MAX).await);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        shares.pop();
        drop(waiting.await.unwrap());
    }
}
