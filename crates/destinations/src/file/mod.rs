//! Files on local disk: NDJSON, plain or compressed, one file per unit.
//!
//! ```text
//! <directory>/<connector>/<event type>/<YYYY-MM-DD>/<unit>.ndjson.zst
//! ```
//!
//! The day is the one the log file is about, and the unit's name is its identity, so the same
//! unit always has the same file. A file grows under a temporary name that starts with a dot and
//! gets its own name when it is whole and safe: whoever watches the folder sees only whole files.
//! Units without an event have no file. Where only some rows of a unit come, which happens when a
//! destination of this name was of another type before, the file's name says so:
//! `<unit>.from-4.ndjson.zst` if the first four went elsewhere, `<unit>.letters-from-4.ndjson.zst`
//! for dead letters that were replayed, of which row 4 is the first.
//!
//! # Guarantee
//!
//! Effectively once. A unit that is written again, after a crash or by order, replaces its file
//! by an identical one.
//!
//! # When a unit is durable
//!
//! When its file is written, synced and renamed, and the folder is synced. That happens at the
//! unit's end for large units; small ones wait for each other, up to a few megabytes, or for the
//! flush, and are then synced together. A flush in the middle of a unit makes the units before it
//! durable and answers *accepted*: a part of a file is never shown.

mod config;
mod part;
mod path;
mod stream;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

pub use self::config::{Compression, FileConfig};
use self::part::Place;
use crate::fused::Fused;
use crate::{Batch, Checked, Destination, Error, Guarantee, Limits, Promise, Stream};

/// What can still happen to events on the way to a file.
pub const PROMISE: Promise =
    Promise { guarantee: Guarantee::EffectivelyOnce, repeats: "", loss: "", reorder: "" };

/// A running destination.
pub struct FileDestination {
    name: String,
    place: Place,
}

impl FileDestination {
    /// Files below a folder, which is made when it is first needed, and not again.
    pub fn new(name: &str, directory: &Path, compression: Compression) -> Self {
        let place =
            Place { name: name.into(), root: directory.into(), seen: Arc::default(), compression };
        Self { name: name.to_owned(), place }
    }
}

#[async_trait]
impl Destination for FileDestination {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "file"
    }

    fn promise(&self) -> Promise {
        PROMISE
    }

    fn limits(&self) -> Limits {
        Limits { events: 10_000, bytes: 1 << 18 }
    }

    fn forgets_unfinished(&self) -> bool {
        true
    }

    /// Writes, syncs and removes a small file in the folder.
    async fn check(&self, sample: Batch) -> Result<Checked, Error> {
        let place = self.place.clone();
        stream::off_thread(&self.name, move || part::probe(&place, &sample)).await?;
        Ok(Checked {
            proof: format!("wrote, synced and removed a file in {}", self.place.root.display()),
            leaves: None,
        })
    }

    /// Opens no file yet: the first event does.
    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(Fused::new(&self.name, stream::Files::new(self.place.clone()))))
    }
}

/// The path of a unit's file below the directory of the configuration.
pub fn unit_path(unit: &orgtap_events::UnitInfo, compression: Compression) -> PathBuf {
    path::folder(unit).into_iter().collect::<PathBuf>().join(path::file_name(
        unit,
        path::Rows::All,
        compression,
    ))
}
