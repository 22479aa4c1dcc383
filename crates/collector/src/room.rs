//! Room on the disk of the data folder: how much must be left before more is fetched, and waiting
//! for it when there is none.
//!
//! Fetching stops while there still is a reserve. So the ledger can go on writing down what
//! destinations have, finished files leave the spool, and a disk that Orgtap alone has filled empties
//! by itself. When others take the reserve too, writes to the ledger wait where they are: nothing that
//! was delivered is sent again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use orgtap_ledger::WhenFull;
use orgtap_transport::{Explain, disk};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// What fetching leaves to the ledger, bytes; less on a small disk.
const RESERVE: u64 = 64 * 1024 * 1024;
/// Of a small disk, one part in so many.
const PART: u64 = 10;
/// How often it is looked whether there is room.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
/// After so many looks a pass that is to end by itself does.
pub(crate) const LOOKS: u32 = 5;

/// The disk of the data folder.
#[derive(Debug)]
pub(crate) struct Room {
    folder: PathBuf,
    /// Until when a write waits; none for a short while only.
    until: Mutex<Option<CancellationToken>>,
    /// Since when there is none.
    full_since: Mutex<Option<Instant>>,
}

/// What is missing to fetch a file of so many bytes: none if there is room, or if the system does
/// not say.
pub(crate) fn missing(folder: &Path, length: u64) -> Option<Error> {
    let space = disk::space(folder)?;
    // Packed bytes, row index and sorted runs together take less than half of what it unpacks to.
    let needed = RESERVE.min(space.total / PART).saturating_add(length / 2);
    let folder = folder.to_owned();
    (space.free < needed).then_some(Error::NoRoom { folder, free: space.free, needed })
}

impl Room {
    /// On the disk of this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), until: Mutex::default(), full_since: Mutex::default() }
    }

    /// Has writes wait for room until this says stop, not just for a short while.
    pub(crate) fn wait_until(&self, stop: &CancellationToken) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop.clone());
    }

    /// Whether a file of so many bytes can be fetched.
    pub(crate) fn missing(&self, length: u64) -> Option<Error> {
        missing(&self.folder, length)
    }

    /// The failure with what is known of the disk, if it is that the disk is full.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error {
            Error::NoRoom { .. } => error,
            _ if error.is_disk_full() => self.missing(0).unwrap_or(error),
            _ => error,
        }
    }

    /// Waits before the next try of what met a full disk, and says once why. Answers whether there
    /// is to be a next try. Being told to stop ends the wait, and leaves one.
    pub(crate) async fn wait(&self, tries: u32, met: Error) -> bool {
        self.say(met);
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match until {
            None => {
                tokio::time::sleep(LOOK).await;
                tries < LOOKS
            }
            Some(stop) if stop.is_cancelled() => false,
            Some(stop) => {
                // Told to stop in the middle: there may be room by now, and what is in hand need
                // not be lost.
                tokio::time::timeout(LOOK, stop.cancelled()).await.ok();
                true
            }
        }
    }

    fn say(&self, met: Error) {
        let mut since = self.full_since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_some() {
            return;
        }
        *since = Some(Instant::now());
        let problem = self.explain(met).problem();
        tracing::error!(
            code = problem.code,
            remedy = problem.remedy,
            "collection waits: {}",
            problem.message
        );
    }
}

#[async_trait]
impl WhenFull for Room {
    async fn is_to_try_again(&self, tries: u32) -> bool {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        self.wait(tries, Error::Disk { path: self.folder.clone(), source: full }).await
    }

    fn has_room(&self) {
        if let Some(since) = self.full_since.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "there is room on the disk again, and collection goes on");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_waits_for_room_when_told_to_stop_is_tried_once_more_and_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (room, stop) = (Room::new(folder.path()), CancellationToken::new());
        room.wait_until(&stop);
        let asked = Instant::now();
        let tell = async {
            tokio::task::yield_now().await;
            stop.cancel();
        };
        let (again, ()) = tokio::join!(room.is_to_try_again(1), tell);
        assert!(again, "there may be room by now");
        assert!(!room.is_to_try_again(2).await, "it was the last try");
        assert!(asked.elapsed() < LOOK);
    }
}
