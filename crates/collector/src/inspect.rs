//! The first reading of a unit's bytes: are they whole, how many rows, and which.
//!
//! Decompresses to the end (so that gzip's own check is made), counts and hashes the bytes, and
//! writes the row index. Holds one block and one sorter's memory, whatever the file's size.

use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;

use orgtap_codec::csv::{Block, Blocks, Item, Reader};
use orgtap_events::UnitInfo;
use orgtap_events::raw::{HeaderError, Plan};
use xxhash_rust::xxh3::xxh3_128;

use crate::admit::hours::{Day, Hours};
use crate::admit::index::{self, Entry, Place};
use crate::admit::sort::Sorter;
use crate::counting::Counter;
use crate::error::{Error, UnitFault};
use crate::kept::Copying;
use crate::prepare::Preparing;

/// The most rows of one unit that are kept as dead letters one by one.
pub(crate) const MOST_DEAD: usize = 1_000;

/// A row that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadRow {
    /// Its number in the unit, from 0.
    pub(crate) row: u64,
    /// Where it starts in the decompressed file.
    pub(crate) offset: u64,
    /// Stable code.
    pub(crate) code: &'static str,
    /// What is wrong.
    pub(crate) reason: String,
    /// Its bytes, or their beginning.
    pub(crate) raw: Vec<u8>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Inspected {
    /// Bytes after decompression.
    pub(crate) raw_bytes: u64,
    /// Rows after the header, dead ones included.
    pub(crate) rows: u64,
    /// Hash of what it says, 32 hex digits: the same for the same rows in the same order.
    pub(crate) content_hash: String,
    /// Rows that can be decoded, by hour of the lane's day.
    pub(crate) hours: Hours,
    /// Rows that say the same as one before them.
    pub(crate) doubles: u64,
    /// Rows that cannot be decoded.
    pub(crate) undecodable: u64,
    /// The first of them.
    pub(crate) dead: Vec<DeadRow>,
}

/// Why an inspection ended.
#[derive(Debug)]
pub(crate) enum InspectError {
    /// The unit is not as it should be.
    Fault(UnitFault),
    /// The disk, while writing the index.
    Disk(io::Error),
}

impl InspectError {
    /// As the collector's error; `index` is the index's path.
    pub(crate) fn at(self, index: &Path) -> Error {
        match self {
            Self::Fault(fault) => Error::Unit(fault),
            Self::Disk(source) => Error::Disk { path: index.to_owned(), source },
        }
    }
}

/// What becomes of a unit's bytes besides, now that they are read anyway.
#[derive(Default)]
pub(crate) struct Besides<'a> {
    /// They and the rows' hashes are kept.
    pub(crate) keep: Option<&'a RefCell<Copying>>,
    /// Events are made of them.
    pub(crate) prepare: Option<&'a mut Preparing>,
    /// They are counted.
    pub(crate) count: Option<&'a mut Counter>,
}

/// What a file says, as one number: the hashes of its rows, and of what is none, in their order.
#[derive(Default)]
struct Content(u128);

impl Content {
    fn add(&mut self, hash: u128) {
        // Any odd number does, if its bits are mixed.
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        self.0 = (self.0.rotate_left(61) ^ hash).wrapping_mul(ODD);
    }
}

/// An item's bytes; of a malformed one, what is shown of them.
fn raw<'a>(item: &Item<'a>) -> &'a [u8] {
    match item {
        Item::Row(row) => row.raw(),
        Item::Malformed { raw, .. } => raw,
    }
}

/// Counts and keeps what passes, and stops what does not end.
struct Meter<'a> {
    inner: &'a mut dyn Blocks,
    bytes: u64,
    limit: u64,
    keep: Option<&'a RefCell<Copying>>,
}

impl Meter<'_> {
    fn passes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limit {
            return Err(io::Error::other(TOO_MUCH));
        }
        if let Some(keep) = self.keep {
            keep.borrow_mut().bytes(bytes);
        }
        Ok(())
    }
}

impl Read for Meter<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.passes(out.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

impl Blocks for Meter<'_> {
    fn swap(&mut self, block: &mut Block) -> io::Result<bool> {
        let swapped = self.inner.swap(block)?;
        if swapped {
            self.passes(block.filled())?;
        }
        Ok(swapped)
    }
}

const TOO_MUCH: &str = "more than the limit";

/// How much a file the org listed with this length may unpack to.
pub(crate) fn limit(listed: u64) -> u64 {
    listed.saturating_mul(8).saturating_add(256 * 1024 * 1024)
}

/// Reads a unit's decompressed bytes to the end, or to `limit`, and writes its row index to
/// `index_path`.
pub(crate) fn inspect(
    bytes: &mut dyn Blocks,
    unit: &UnitInfo,
    limit: u64,
    index_path: &Path,
    scratch: &Path,
    besides: Besides<'_>,
) -> Result<Inspected, InspectError> {
    let Besides { keep, mut prepare, mut count } = besides;
    let meter = Meter { inner: bytes, bytes: 0, limit, keep };
    let mut reader = Reader::of_blocks(meter);
    if prepare.is_some() {
        reader = reader.gathering();
    }
    let mut found = Inspected::default();
    let mut hashes: Sorter<Entry> = Sorter::new(scratch.to_owned());
    let mut content = Content::default();
    let mut plan: Option<Plan> = None;
    let day = Day::of(unit);
    loop {
        let item = match reader.next_item() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(error) => return Err(InspectError::Fault(fault(unit, limit, &error.source))),
        };
        let Some(plan) = &mut plan else {
            content.add(xxh3_128(raw(&item)));
            let header = plan.insert(header(&item, unit)?);
            if let Some(prepare) = &mut prepare {
                prepare.header(header);
            }
            if let Some(count) = &mut count {
                count.header(unit, header.names());
            }
            continue;
        };
        let number = found.rows;
        found.rows += 1;
        let is_row = matches!(item, Item::Row(_));
        let mut event = None;
        if let Some(dead) = dead_row(&item, plan.width(), number) {
            content.add(xxh3_128(raw(&item)));
            found.undecodable += 1;
            if found.dead.len() < MOST_DEAD {
                found.dead.push(dead);
            }
        } else if let Item::Row(row) = item {
            let row_hash = plan.hash(&row);
            let when = plan.when(&row);
            let hour = day.hour(when.at);
            content.add(row_hash);
            found.hours.of(hour).rows += 1;
            hashes
                .push(Entry::new(row_hash, Place::new(hour, number)))
                .map_err(InspectError::Disk)?;
            event = Some((row_hash, when));
            if let Some(count) = &mut count {
                count.row(&row, when.at);
            }
        }
        if let Some(keep) = keep {
            keep.borrow_mut().hash(event.map_or(0, |(hash, _)| hash));
        }
        if let Some(prepare) = &mut prepare {
            if is_row {
                prepare.row(event, number);
            }
            prepare.hand_on(&mut reader);
        }
    }
    if let Some(prepare) = &mut prepare {
        prepare.hand_on_rest(&mut reader);
    }
    let meter = reader.into_inner();
    found.raw_bytes = meter.bytes;
    found.content_hash = format!("{:032x}", content.0);
    found.doubles = index::write(index_path, hashes.sorted()).map_err(InspectError::Disk)?;
    Ok(found)
}

/// The plan that a unit's first item makes.
pub(crate) fn header(item: &Item<'_>, unit: &UnitInfo) -> Result<Plan, InspectError> {
    let foreign = |reason: String| InspectError::Fault(UnitFault::Foreign(reason));
    match item {
        Item::Row(row) => {
            Plan::compile(row, unit).map_err(|error: HeaderError| foreign(error.to_string()))
        }
        Item::Malformed { why, .. } => Err(foreign(format!("its header has {why}"))),
    }
}

/// Why an item is no event, if it is none.
pub(crate) fn dead_row(item: &Item<'_>, width: usize, number: u64) -> Option<DeadRow> {
    let (offset, raw, code, reason) = match item {
        Item::Row(row) if row.len() == width => return None,
        Item::Row(row) => (
            row.offset(),
            row.raw(),
            "OT-UNIT-11",
            format!("the row has {} cells, the header {width}", row.len()),
        ),
        Item::Malformed { offset, raw, why } => (*offset, *raw, "OT-UNIT-10", why.to_string()),
    };
    let raw = raw.get(..raw.len().min(orgtap_ledger::PAYLOAD_LIMIT)).unwrap_or_default().to_vec();
    Some(DeadRow { row: number, offset, code, reason, raw })
}

/// What it means that a unit's bytes cannot be read on.
pub(crate) fn fault(unit: &UnitInfo, limit: u64, error: &io::Error) -> UnitFault {
    if error.to_string() == TOO_MUCH {
        return UnitFault::Bomb { listed: unit.length, limit };
    }
    let words = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the compressed bytes end early".to_owned(),
        _ => error.to_string(),
    };
    UnitFault::Damaged(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::index::IndexReader;
    use orgtap_codec::csv::Plain;

    fn unit(length: usize) -> UnitInfo {
        UnitInfo { length: length as u64, ..crate::sample::unit() }
    }

    fn look(csv: &'static [u8]) -> Result<(Inspected, usize), InspectError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let (mut bytes, unit) = (Plain(csv), unit(csv.len()));
        let found = inspect(&mut bytes, &unit, u64::MAX, &path, folder.path(), Besides::default())?;
        let mut reader = IndexReader::open(&path).unwrap();
        let mut entries = 0;
        while reader.head().is_some() {
            entries += 1;
            reader.advance().unwrap();
        }
        Ok((found, entries))
    }

    #[test]
    fn counts_rows_and_sets_aside_those_that_are_none() {
        let (found, entries) =
            look(b"\"A\",\"B\"\n\"1\",\"2\"\n\"1\"\n\"1\"x\n\"3\",\"4\",\"5\"\n\"6\",\"7\"")
                .unwrap();
        assert_eq!((found.rows, found.undecodable, entries), (5, 3, 2));
        let places: Vec<_> = found.dead.iter().map(|dead| (dead.row, dead.code)).collect();
        assert_eq!(places, [(1, "OT-UNIT-11"), (2, "OT-UNIT-10"), (3, "OT-UNIT-11")]);
        assert_eq!(found.dead[0].raw, b"\"1\"\n");
    }

    #[test]
    fn a_page_in_place_of_a_log_file_is_noticed() {
        let result = look(b"<html><body>Down for maintenance</body></html>");
        assert!(matches!(result, Err(InspectError::Fault(UnitFault::Foreign(_)))), "{result:?}");
    }

    #[test]
    fn bytes_without_end_are_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut endless = Plain(io::repeat(b'\n'));
        let result =
            inspect(&mut endless, &unit(0), limit(0), &path, folder.path(), Besides::default());
        assert!(matches!(result, Err(InspectError::Fault(UnitFault::Bomb { .. }))));
    }

    #[test]
    fn an_empty_file_has_no_rows() {
        let (found, entries) = look(b"").unwrap();
        assert_eq!((found.rows, entries, found.raw_bytes), (0, 0, 0));
    }
}
