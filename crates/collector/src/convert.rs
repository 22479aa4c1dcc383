//! Log files on disk to raw events, with no org and no ledger.
//!
//! Events get the same `event_uid` as when collected: it depends only on what the file says. What
//! the file does not say (its id, its interval) is taken from its name or left plain.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use jiff::Timestamp;
use orgtap_codec::csv::{Item, Plain, ReadError, Reader, Row};
use orgtap_events::{Interval, UnitInfo, id, raw};

use crate::admit::decisions::{Decisions, Earlier, Rule, decide};
use crate::admit::index::IndexReader;
use crate::admit::sort::{Record, Sorted, Sorter};
use crate::error::UnitFault;
use crate::inspect::{Besides, InspectError, dead_row, fault, header, inspect};
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

impl From<InspectError> for ConvertError {
    fn from(error: InspectError) -> Self {
        match error {
            InspectError::Fault(fault) => Self::Fault(fault),
            InspectError::Disk(error) => Self::Scratch(error),
        }
    }
}

/// Bytes of events written at a time.
const BLOCK: usize = 1024 * 1024;
/// Blocks on their way to the output, at most.
const BLOCKS: usize = 3;

/// Where events go: somewhere that can be gone back to, or not.
pub enum Out<'a> {
    /// A file, at the place where the events are to begin.
    File(&'a mut File),
    /// A pipe, say.
    Stream(&'a mut (dyn Write + Send)),
}

/// Converts one file (plain, `.gz` or `.zst`) to NDJSON, in bounded memory. Tells `complain` of
/// rows that are none: their number and offset, and what is wrong.
///
/// Whether a row is the only one of its kind is known at the end. Into a file, events are written
/// at once as if it were, and the few that are not get their own `event_uid` afterwards. For a
/// stream the file is read twice.
pub fn convert(
    path: &Path,
    out: Out<'_>,
    complain: &mut dyn FnMut(u64, u64, &str),
) -> Result<Converted, ConvertError> {
    let Some(unit) = peek(path)? else { return Ok(Converted::default()) };
    let unit = Arc::new(unit);
    let scratch = Scratch::new().map_err(ConvertError::Scratch)?;
    match out {
        Out::File(file) => {
            let start = file.stream_position().map_err(ConvertError::Write)?;
            let mut numbers = Sorter::new(scratch.0.clone());
            let mut events = Events { path, unit: &unit, out: file, complain };
            let converted = events.write(Decisions::none(), |event| numbers.push(event));
            let converted = converted.and_then(|converted| {
                number(file, start, numbers.sorted())?;
                Ok(converted)
            });
            match &converted {
                Ok(converted) => file.seek(SeekFrom::Start(start + converted.bytes)).map(drop),
                // Half a file's events are of no use, wrongly numbered ones of less.
                Err(_) => file.set_len(start).and_then(|()| file.seek(SeekFrom::End(0)).map(drop)),
            }
            .map_err(ConvertError::Write)?;
            converted
        }
        Out::Stream(out) => {
            let decisions = decisions(path, &unit, &scratch.0)?;
            Events { path, unit: &unit, out, complain }.write(decisions, |_| Ok(()))
        }
    }
}

/// An event: its row's hash and number, and where its `event_uid` is, counted from the first
/// event.
type Written = (u128, u64, u64);

impl Record for Written {
    type Bytes = [u8; 32];

    fn bytes(self) -> [u8; 32] {
        let mut record = [0; 32];
        record[..16].copy_from_slice(&self.0.to_be_bytes());
        record[16..24].copy_from_slice(&self.1.to_be_bytes());
        record[24..].copy_from_slice(&self.2.to_be_bytes());
        record
    }

    fn read(record: &[u8; 32]) -> Self {
        let (mut hash, mut row, mut place) = ([0; 16], [0; 8], [0; 8]);
        hash.copy_from_slice(&record[..16]);
        row.copy_from_slice(&record[16..24]);
        place.copy_from_slice(&record[24..]);
        (u128::from_be_bytes(hash), u64::from_be_bytes(row), u64::from_be_bytes(place))
    }

    fn key(&self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// Gives the second and later ones among identical rows their own identity.
fn number(file: &mut File, start: u64, mut sorted: Sorted<Written>) -> Result<(), ConvertError> {
    let mut before = None;
    let mut nth = 1;
    while let Some((hash, _, place)) = sorted.next().map_err(ConvertError::Scratch)? {
        nth = if before.replace(hash) == Some(hash) { nth + 1 } else { 1 };
        if nth > 1 {
            let uid = raw::event_uid(hash, nth);
            file.seek(SeekFrom::Start(start + place)).map_err(ConvertError::Write)?;
            file.write_all(&uid).map_err(ConvertError::Write)?;
        }
    }
    Ok(())
}

/// Reads the file once to learn which of its rows are identical.
fn decisions(path: &Path, unit: &UnitInfo, scratch: &Path) -> Result<Decisions, ConvertError> {
    let (rows, exceptions) = (scratch.join("rows"), scratch.join("admit"));
    let mut bytes = Plain(open_packed(path).map_err(ConvertError::Read)?);
    inspect(&mut bytes, unit, u64::MAX, &rows, scratch, Besides::default())?;
    let index = IndexReader::open(&rows).map_err(ConvertError::Scratch)?;
    let decided = decide(&exceptions, scratch, index, &mut Earlier::default(), Rule::Admit)
        .map_err(ConvertError::Scratch)?;
    match decided.exceptions {
        0 => Ok(Decisions::none()),
        count => Decisions::open(&exceptions, count).map_err(ConvertError::Scratch),
    }
}

/// The events of one file on their way out.
struct Events<'a> {
    path: &'a Path,
    unit: &'a UnitInfo,
    out: &'a mut (dyn Write + Send),
    complain: &'a mut dyn FnMut(u64, u64, &str),
}

impl Events<'_> {
    /// Writes them, on a thread of their own, while they are made on this one.
    fn write(
        &mut self,
        decisions: Decisions,
        each: impl FnMut(Written) -> io::Result<()>,
    ) -> Result<Converted, ConvertError> {
        let Self { path, unit, out, complain } = self;
        let (blocks, full) = sync_channel::<Vec<u8>>(BLOCKS);
        let (used, spare) = sync_channel(BLOCKS + 2);
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                for block in full {
                    out.write_all(&block)?;
                    // Whoever makes events may have ended.
                    drop(used.try_send(block));
                }
                Ok(())
            });
            let made = make(path, unit, decisions, each, complain, |block| {
                let next: Vec<u8> = spare.try_recv().unwrap_or_default();
                // A writer that has failed says so itself.
                blocks.send(std::mem::replace(block, next)).is_ok()
            });
            drop(blocks);
            match writer.join() {
                Ok(written) => written.map_err(ConvertError::Write)?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
            made
        })
    }
}

/// Makes events in blocks, and hands each to `full` until that wants no more.
fn make(
    path: &Path,
    unit: &UnitInfo,
    mut decisions: Decisions,
    mut each: impl FnMut(Written) -> io::Result<()>,
    complain: &mut dyn FnMut(u64, u64, &str),
    mut full: impl FnMut(&mut Vec<u8>) -> bool,
) -> Result<Converted, ConvertError> {
    let read = |error: ReadError| ConvertError::Fault(fault(unit, u64::MAX, &error.source));
    let mut reader = Reader::new(open_packed(path).map_err(ConvertError::Read)?);
    let Some(first) = reader.next_item().map_err(read)? else { return Ok(Converted::default()) };
    let mut plan = header(&first, unit)?;
    let mut converted = Converted::default();
    let mut block = Vec::new();
    let mut number = 0;
    while let Some(item) = reader.next_item().map_err(read)? {
        number += 1;
        if let Some(dead) = dead_row(&item, plan.width(), number - 1) {
            complain(number, dead.offset, &dead.reason);
            converted.undecodable += 1;
            continue;
        }
        let Item::Row(row) = item else { continue };
        let nth = decisions.nth(number - 1).map_err(ConvertError::Scratch)?.unwrap_or(1);
        let hash = plan.hash(&row);
        let uid = plan.encode(&row, plan.when(&row), hash, nth, number, &mut block);
        block.push(b'\n');
        let place = converted.bytes + uid as u64;
        each((hash, number, place)).map_err(ConvertError::Scratch)?;
        converted.events += 1;
        if block.len() >= BLOCK {
            converted.bytes += block.len() as u64;
            if !full(&mut block) {
                return Ok(converted);
            }
            block.clear();
        }
    }
    converted.bytes += block.len() as u64;
    full(&mut block);
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
        let mut sink = io::sink();
        let converted = convert(&path, Out::Stream(&mut sink), &mut no_complaints).unwrap();
        assert_eq!((converted.events, converted.undecodable), (270, 0));
    }

    /// What came of it, the events, and the complaints: rows and reasons.
    type Told = (Result<Converted, String>, Vec<u8>, Vec<(u64, String)>);

    /// Into a file behind other content, and into a stream.
    fn both(path: &Path) -> [Told; 2] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before\n").unwrap();
        let (mut stream, mut complaints) = (Vec::new(), [Vec::new(), Vec::new()]);
        let [first, second] = &mut complaints;
        let told = convert(path, Out::File(&mut file), &mut |row, _, why| {
            first.push((row, why.to_owned()));
        });
        let told_twice = convert(path, Out::Stream(&mut stream), &mut |row, _, why| {
            second.push((row, why.to_owned()));
        });
        file.write_all(b"after\n").unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut written = Vec::new();
        io::Read::read_to_end(&mut file, &mut written).unwrap();
        let written = written.strip_prefix(b"before\n").unwrap();
        let written = written.strip_suffix(b"after\n").unwrap().to_vec();
        let [first, second] = complaints;
        let told = told.map_err(|error| error.to_string());
        let told_twice = told_twice.map_err(|error| error.to_string());
        [(told, written, first), (told_twice, stream, second)]
    }

    #[test]
    fn identical_rows_get_uids_of_their_own_and_bad_rows_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        std::fs::write(&path, "A,B\n1,2\n1,2\n1\n3,4\n1,2\n").unwrap();
        let [into_file, into_stream] = both(&path);
        assert_eq!(into_file, into_stream);
        let (converted, out, complaints) = into_file;
        let converted = converted.unwrap();
        assert_eq!((converted.events, converted.undecodable), (4, 1));
        assert_eq!(converted.bytes, out.len() as u64);
        assert_eq!(complaints, [(3, "the row has 1 cells, the header 2".to_owned())]);
        let uids: Vec<String> = String::from_utf8(out)
            .unwrap()
            .lines()
            .map(|line| {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                event["_orgtap"]["event_uid"].as_str().unwrap().to_owned()
            })
            .collect();
        let uids: std::collections::BTreeSet<&String> = uids.iter().collect();
        assert_eq!(uids.len(), 4);
    }

    #[test]
    fn a_file_that_ends_early_or_is_damaged_is_called_that_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv.gz");
        let rows = "\"A\",\"B\"\n".repeat(300_000);
        let fast = flate2::Compression::fast();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), fast);
        packer.write_all(rows.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        let mut damaged = packed.clone();
        damaged[packed.len() - 6] ^= 1;
        for (bytes, words) in [(&packed[..packed.len() - 9], "end early"), (&damaged, "damaged")] {
            std::fs::write(&path, bytes).unwrap();
            let [into_file, into_stream] = both(&path);
            assert_eq!(into_file, into_stream);
            let (told, written, _) = into_file;
            assert!(told.as_ref().is_err_and(|told| told.contains(words)), "{told:?}");
            assert!(written.is_empty());
        }
    }
}
