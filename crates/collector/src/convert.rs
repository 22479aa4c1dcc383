//! Log files on disk to raw events, with no org and no ledger.
//!
//! Events get the same `event_uid` as when collected: it depends only on what the file says. What
//! the file does not say (its id, its interval) is taken from its name or left plain.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use orgtap_codec::csv::{Item, Reader, Row};
use orgtap_destinations::Limits;
use orgtap_events::{Interval, UnitInfo, id};

use crate::admit::decisions::{Decisions, decide};
use crate::admit::index::IndexReader;
use crate::decode::decode;
use crate::error::UnitFault;
use crate::inspect::{InspectError, inspect};
use crate::spool::open_packed;

/// What came of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Converted {
    /// Events written.
    pub events: u64,
    /// Rows that are none, passed over.
    pub undecodable: u64,
    /// Bytes of events written.
    pub bytes: u64,
}

/// Why a file was not converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// It cannot be read, or ends early.
    #[error("cannot read it")]
    Read(#[source] io::Error),
    /// It is no log file, or not a whole one.
    #[error(transparent)]
    Fault(UnitFault),
    /// The system's folder for temporary files cannot be used.
    #[error("cannot use the folder for temporary files")]
    Scratch(#[source] io::Error),
    /// Its first line cannot be understood.
    #[error("its header has {0}")]
    Malformed(orgtap_codec::csv::Malformed),
    /// The events cannot be written.
    #[error("cannot write the events")]
    Write(#[source] io::Error),
}

/// Batches are cut for writing; nobody sees where.
const LIMITS: Limits = Limits { events: 50_000, bytes: 1024 * 1024 };

/// Converts one file (plain, `.gz` or `.zst`) to NDJSON, in bounded memory: reads it once for the
/// rows' identities and once for the events. Tells `complain` of rows that are none: their number
/// and offset, and what is wrong.
pub fn convert(
    path: &Path,
    out: &mut dyn Write,
    complain: &mut dyn FnMut(u64, u64, &str),
) -> Result<Converted, ConvertError> {
    let Some(unit) = peek(path)? else { return Ok(Converted::default()) };
    let unit = Arc::new(unit);
    let scratch = Scratch::new().map_err(ConvertError::Scratch)?;
    let (rows, exceptions) = (scratch.0.join("rows"), scratch.0.join("admit"));
    let open = || open_packed(path).map_err(ConvertError::Read);
    let inspected =
        inspect(open()?, &unit, u64::MAX, &rows, &scratch.0).map_err(|error| match error {
            InspectError::Fault(fault) => ConvertError::Fault(fault),
            InspectError::Disk(error) => ConvertError::Scratch(error),
        })?;
    for dead in &inspected.dead {
        complain(dead.row + 1, dead.offset, &dead.reason);
    }
    let index = IndexReader::open(&rows).map_err(ConvertError::Scratch)?;
    let decided = decide(&exceptions, &scratch.0, index, &mut []).map_err(ConvertError::Scratch)?;
    let decisions = match decided.exceptions {
        0 => Decisions::none(),
        count => Decisions::open(&exceptions, count).map_err(ConvertError::Scratch)?,
    };
    let bytes = open()?;
    let mut converted = Converted { undecodable: inspected.undecodable, ..Converted::default() };
    let (sender, mut cuts) = tokio::sync::mpsc::channel(2);
    std::thread::scope(|scope| {
        let decoder = scope.spawn(move || decode(bytes, decisions, &unit, 0, LIMITS, &sender));
        while let Some(cut) = cuts.blocking_recv() {
            let ndjson = cut.batch.events.ndjson();
            out.write_all(ndjson).map_err(ConvertError::Write)?;
            converted.events += cut.batch.events.len() as u64;
            converted.bytes += ndjson.len() as u64;
        }
        match decoder.join() {
            Ok(ended) => ended.map_err(ConvertError::Fault),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    Ok(converted)
}

/// A folder of this process alone, gone when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let name = format!("orgtap-convert-{}-{}", std::process::id(), crate::clock::now());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind at worst, in the system's folder for such things.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The unit a file is, from its header, its first row and its name; `None` when it has no row.
fn peek(path: &Path) -> Result<Option<UnitInfo>, ConvertError> {
    let read = |error: orgtap_codec::csv::ReadError| ConvertError::Read(error.source);
    let mut reader = Reader::new(open_packed(path).map_err(ConvertError::Read)?);
    let names = match reader.next_item().map_err(read)? {
        None => return Ok(None),
        Some(Item::Malformed { why, .. }) => return Err(ConvertError::Malformed(why)),
        Some(Item::Row(row)) => names(&row),
    };
    while let Some(item) = reader.next_item().map_err(read)? {
        if let Item::Row(row) = item
            && row.len() == names.len()
        {
            return Ok(Some(unit(&names, &row, path)));
        }
    }
    Ok(None)
}

fn names(header: &Row<'_>) -> Vec<String> {
    (0..header.len())
        .map(|index| {
            let cell = header.cell(index).unwrap_or_default();
            String::from_utf8_lossy(&cell).trim().to_uppercase()
        })
        .collect()
}

/// What the first row and the file's name say about the unit.
fn unit(names: &[String], first: &Row<'_>, path: &Path) -> UnitInfo {
    let cell = |name: &str| {
        let index = names.iter().position(|column| column == name)?;
        let cell = first.cell(index)?;
        Some(String::from_utf8_lossy(&cell).into_owned()).filter(|text| !text.is_empty())
    };
    let stem = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file_id = stem
        .split(|mark: char| !mark.is_ascii_alphanumeric())
        .find_map(|part| Some(id::to_18(part)?).filter(|id| id.starts_with("0AT")));
    let stamp = cell("TIMESTAMP")
        .and_then(|text| orgtap_events::time::parse_compact(text.as_bytes()))
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let org = cell("ORGANIZATION_ID");
    UnitInfo {
        connector: "convert".to_owned(),
        org_id: org.as_deref().and_then(id::to_18).or(org).unwrap_or_default(),
        event_type: cell("EVENT_TYPE").unwrap_or_default(),
        log_file_id: file_id.unwrap_or(stem),
        interval: Interval::Daily,
        sequence: 0,
        log_date: stamp,
        created_date: stamp,
        length: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_size_is_converted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0AT000000000001.csv.zst");
        let mut packer = zstd::Encoder::new(std::fs::File::create(&path).unwrap(), 1).unwrap();
        packer.write_all(b"\"EVENT_TYPE\",\"QUERY\"\n").unwrap();
        let row = format!("\"RestApi\",\"{}\"\n", "x".repeat(1 << 20));
        for _ in 0..270 {
            packer.write_all(row.as_bytes()).unwrap();
        }
        packer.finish().unwrap();
        let mut no_complaints = |row: u64, _: u64, why: &str| panic!("row {row}: {why}");
        let converted = convert(&path, &mut io::sink(), &mut no_complaints).unwrap();
        assert_eq!((converted.events, converted.undecodable), (270, 0));
    }

    #[test]
    fn identical_rows_get_uids_of_their_own_and_bad_rows_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        std::fs::write(&path, "A,B\n1,2\n1,2\n1\n3,4\n").unwrap();
        let (mut out, mut complaints) = (Vec::new(), Vec::new());
        let converted =
            convert(&path, &mut out, &mut |row, _, why| complaints.push((row, why.to_owned())))
                .unwrap();
        assert_eq!((converted.events, converted.undecodable), (3, 1));
        assert_eq!(complaints, [(3, "the row has 1 cells, the header 2".to_owned())]);
        let uids: std::collections::BTreeSet<String> = String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                event["_orgtap"]["event_uid"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(uids.len(), 3);
    }
}
