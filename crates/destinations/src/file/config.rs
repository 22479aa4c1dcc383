//! The configuration of files.

use std::num::NonZeroU32;
use std::path::PathBuf;

use orgtap_transport::ConfigDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use super::FileDestination;
use crate::Error;
use crate::config::Format;
use crate::error::Kind;

/// Files on local disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// Name, by which connectors refer to it.
    pub name: String,
    /// Shape of an event.
    #[serde(default)]
    pub format: Format,
    /// The folder files go to. Below it: connector, event type, day.
    pub directory: PathBuf,
    /// How files are compressed.
    #[serde(default)]
    pub compression: Compression,
    /// Events per second, at most, over all connectors.
    #[serde(default)]
    pub max_events_per_second: Option<NonZeroU32>,
    /// Of these, events per second of backfilled and replayed log files, at most.
    #[serde(default)]
    pub backfill_events_per_second: Option<NonZeroU32>,
    /// Log files whose period began longer ago than this are withheld: not sent here, and said to
    /// be missing. Without it the target takes everything.
    #[serde(default)]
    pub max_age: Option<ConfigDuration>,
}

/// How files are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip at its fastest, for readers that know nothing else.
    Gzip,
    /// Zstandard, about twice as fast as gzip and a third smaller.
    #[default]
    Zstd,
}

impl Compression {
    /// What file names end with.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::None => ".ndjson",
            Self::Gzip => ".ndjson.gz",
            Self::Zstd => ".ndjson.zst",
        }
    }
}

impl FileConfig {
    /// Makes the running destination.
    pub(crate) fn build(&self) -> Result<FileDestination, Error> {
        if self.directory.as_os_str().is_empty() {
            return Err(Error::new(Kind::Configuration, &self.name, "directory is empty"));
        }
        Ok(FileDestination::new(&self.name, &self.directory, self.compression))
    }
}
