//! Which orgs there are and which files they have: what the bench writes for its org to read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// All orgs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct World {
    /// Each of them.
    pub(crate) orgs: Vec<OrgFiles>,
}

/// One org.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OrgFiles {
    /// Its id, 18 characters.
    pub(crate) id: String,
    /// What it has.
    pub(crate) files: Vec<LogFile>,
}

/// One `EventLogFile`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogFile {
    /// `Id`, 18 characters.
    pub(crate) id: String,
    /// `EventType`.
    pub(crate) event_type: String,
    /// Where its content lies, as gzip.
    pub(crate) path: PathBuf,
    /// `LogDate`.
    #[serde(with = "seconds")]
    pub(crate) log_date: Timestamp,
    /// `CreatedDate`.
    #[serde(with = "seconds")]
    pub(crate) created_date: Timestamp,
    /// `LogFileLength`: bytes of CSV.
    pub(crate) length: u64,
    /// Whether it covers an hour, not a day.
    pub(crate) hourly: bool,
}

impl World {
    /// Reads a world.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text =
            fs::read(path).with_context(|| format!("cannot read the world {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no world", path.display()))
    }

    /// Writes it.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_vec(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Times as seconds since 1970.
mod seconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_i64(time.as_second())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Timestamp::from_second(i64::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The id of the `n`th file.
pub(crate) fn file_id(n: u64) -> String {
    long(&format!("0AT5j00000{n:05}"))
}

/// The id of the `n`th org.
pub(crate) fn org_id(n: u64) -> String {
    long(&format!("00D5j00000{n:05}"))
}

fn long(id: &str) -> String {
    orgtap_events::id::to_18(id).unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_18_characters_and_go_up() {
        assert_eq!(file_id(12), "0AT5j0000000012GAA");
        assert_eq!(org_id(99_999).len(), 18);
        assert!(file_id(9) < file_id(10));
    }
}
