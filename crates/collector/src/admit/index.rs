//! The row index of a unit: the hash of every row with its place, in the order of the hashes.
//!
//! On disk: a line that names the format, records of 24 bytes (hash, place; big-endian), and a
//! trailer with their number and a checksum of each half: of the hashes that begin with a zero bit,
//! and of the others, so that the halves can be written at the same time. It can always be made again
//! from the spool.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use xxhash_rust::xxh3::Xxh3;

use super::sort::{Record, Sorted};

const MAGIC: &[u8; 16] = b"orgtap-rows-v3\n\0";

/// Bytes of a record.
const RECORD: usize = 24;
/// Bytes read and written at a time: whole records.
const BLOCK: usize = 2_048 * RECORD;
/// With fewer records in a half a thread for it is not worth its while.
const MANY: u64 = 32 * 1024;

/// Where a row is: its hour of the lane's day in the upper five bits, and its number in the unit,
/// from 0. Identical rows have the same hour, so among them places are in the order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

/// Bits for a row's number.
const NUMBER: u32 = 59;

impl Place {
    /// Of a row in an hour, 0 to 24.
    pub(crate) const fn new(hour: u8, row: u64) -> Self {
        Self(((hour as u64) << NUMBER) | (row & ((1 << NUMBER) - 1)))
    }

    /// The hour.
    pub(crate) const fn hour(self) -> u8 {
        (self.0 >> NUMBER) as u8
    }

    /// The row's number.
    pub(crate) const fn row(self) -> u64 {
        self.0 & ((1 << NUMBER) - 1)
    }
}

/// A row's hash and its place. As many as possible are to fit into memory, so the hash is in two
/// parts, which ask for no room between them and the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    high: u64,
    low: u64,
    place: Place,
}

impl Entry {
    /// Of a row.
    pub(crate) const fn new(hash: u128, place: Place) -> Self {
        Self { high: (hash >> 64) as u64, low: hash as u64, place }
    }

    /// The row's hash.
    pub(crate) const fn hash(self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }

    /// The row's place.
    pub(crate) const fn place(self) -> Place {
        self.place
    }

    /// The least of the upper half.
    const MIDDLE: Self = Self::new(1 << 127, Place(0));
}

impl Record for Entry {
    type Bytes = [u8; RECORD];

    fn bytes(self) -> [u8; RECORD] {
        let mut record = [0; RECORD];
        record[..16].copy_from_slice(&self.hash().to_be_bytes());
        record[16..].copy_from_slice(&self.place.0.to_be_bytes());
        record
    }

    fn read(record: &[u8; RECORD]) -> Self {
        let (mut hash, mut place) = ([0; 16], [0; 8]);
        hash.copy_from_slice(&record[..16]);
        place.copy_from_slice(&record[16..]);
        Self::new(u128::from_be_bytes(hash), Place(u64::from_be_bytes(place)))
    }

    fn key(&self) -> u64 {
        self.high
    }
}

/// Writes the index of sorted records, of many on two threads. The caller renames it into place.
/// Answers how many rows are like one before them.
pub(crate) fn write(path: &Path, sorted: Sorted<Entry>) -> io::Result<u64> {
    let out = File::create(path)?;
    out.write_all_at(MAGIC, 0)?;
    let (mut lower, mut upper) = sorted.split(&Entry::MIDDLE)?;
    let count = lower.len() + upper.len();
    let start = MAGIC.len() as u64;
    let middle = start + lower.len() * RECORD as u64;
    let is_large = upper.len() > MANY;
    let (low, beside) = thread::scope(|scope| {
        let write_upper = || write_half(&out, middle, &mut upper);
        let beside = is_large.then(|| thread::Builder::new().spawn_scoped(scope, write_upper));
        let low = write_half(&out, start, &mut lower);
        let beside = beside.and_then(Result::ok).map(thread::ScopedJoinHandle::join);
        (low, beside.map(|high| high.unwrap_or_else(|panic| resume_unwind(panic))))
    });
    let low = low?;
    // Without a thread of its own it is still to be written.
    let high = beside.unwrap_or_else(|| write_half(&out, middle, &mut upper))?;
    let mut trailer = [0xff; TRAILER];
    trailer[RECORD..RECORD + 8].copy_from_slice(&count.to_be_bytes());
    trailer[RECORD + 8..RECORD + 16].copy_from_slice(&low.check.to_be_bytes());
    trailer[RECORD + 16..].copy_from_slice(&high.check.to_be_bytes());
    out.write_all_at(&trailer, high.end)?;
    if is_large {
        // That closes the runs' file and frees its pages, for which nobody has to wait.
        drop(thread::Builder::new().spawn(move || drop((lower, upper))));
    }
    Ok(low.doubles + high.doubles)
}

/// A half that is written.
struct Half {
    /// Where it ends in the file.
    end: u64,
    check: u64,
    /// Rows like one before them.
    doubles: u64,
}

/// Writes one half's records from `at` on.
fn write_half(out: &File, mut at: u64, sorted: &mut Sorted<Entry>) -> io::Result<Half> {
    let (mut block, mut check) = (Vec::new(), Xxh3::new());
    let (mut last, mut doubles) = (None, 0);
    let mut put = |block: &mut Vec<u8>| {
        check.update(block);
        out.write_all_at(block, at)?;
        at += block.len() as u64;
        block.clear();
        io::Result::Ok(())
    };
    while let Some(entry) = sorted.next()? {
        doubles += u64::from(last == Some(entry.hash()));
        last = Some(entry.hash());
        block.extend_from_slice(&entry.bytes());
        if block.len() >= BLOCK {
            put(&mut block)?;
        }
    }
    put(&mut block)?;
    Ok(Half { end: at, check: check.digest(), doubles })
}

/// Reads an index in order, and checks it on the way.
pub(crate) struct IndexReader {
    file: File,
    block: Vec<u8>,
    /// Where in the block the entry at hand ends.
    at: usize,
    /// Records of the file that are not in the block yet.
    left: u64,
    /// Of the lower half and of the upper.
    checks: [Xxh3; 2],
    head: Option<Entry>,
}

impl IndexReader {
    /// Opens an index.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let left = records(&mut file)?;
        file.seek(SeekFrom::Start(0))?;
        let mut magic = [0; 16];
        file.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(damaged());
        }
        let block = Vec::new();
        let mut reader = Self { file, block, at: 0, left, checks: Default::default(), head: None };
        reader.advance()?;
        Ok(reader)
    }

    /// The entry at hand.
    pub(crate) fn head(&self) -> Option<Entry> {
        self.head
    }

    /// Goes to the next entry. The end is only believed when the trailer agrees.
    pub(crate) fn advance(&mut self) -> io::Result<()> {
        if self.at == self.block.len() && !self.fill()? {
            self.head = None;
            return Ok(());
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        let record = rest.first_chunk().ok_or_else(damaged)?;
        self.head = Some(Entry::read(record));
        self.at += RECORD;
        Ok(())
    }

    /// Reads the next block of records; answers false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let count = self.left.min((BLOCK / RECORD) as u64);
        let bytes = count as usize * RECORD;
        self.at = 0;
        self.block.clear();
        self.block.reserve_exact(bytes);
        // Not filled with zeros first, which for small indexes is much of the work.
        let read = (&self.file).take(bytes as u64).read_to_end(&mut self.block)?;
        if read < bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let records = self.block.as_chunks::<RECORD>().0;
        let lower = records.partition_point(|record| Entry::read(record) < Entry::MIDDLE);
        let halves = self.block.split_at(lower * RECORD);
        self.checks[0].update(halves.0);
        self.checks[1].update(halves.1);
        self.left -= count;
        if count > 0 {
            return Ok(true);
        }
        let mut trailer = [0; TRAILER];
        self.file.read_exact(&mut trailer)?;
        let checks = [self.checks[0].digest().to_be_bytes(), self.checks[1].digest().to_be_bytes()];
        if &trailer[RECORD + 8..] == checks.as_flattened() { Ok(false) } else { Err(damaged()) }
    }

    /// How many rows have this hash; to be asked in ascending order of hashes.
    pub(crate) fn count_of(&mut self, hash: u128) -> io::Result<u64> {
        let mut count = 0;
        while let Some(at) = self.head {
            if at.hash() > hash {
                break;
            }
            count += u64::from(at.hash() == hash);
            self.advance()?;
        }
        Ok(count)
    }
}

/// Bytes after the records: an end mark, their number, and a checksum of each half of them.
const TRAILER: usize = RECORD + 24;

/// The number of records, when the file's length and its end agree on it.
fn records(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let rest = length.checked_sub((MAGIC.len() + TRAILER) as u64);
    let records = rest.filter(|rest| rest % RECORD as u64 == 0).ok_or_else(damaged)?;
    let records = records / RECORD as u64;
    file.seek(SeekFrom::End(-(TRAILER as i64)))?;
    let mut trailer = [0; TRAILER];
    file.read_exact(&mut trailer)?;
    let (mark, count) = (&trailer[..RECORD], &trailer[RECORD..RECORD + 8]);
    let sound = mark == [0xff; RECORD] && count == records.to_be_bytes();
    if sound { Ok(records) } else { Err(damaged()) }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the row index is damaged")
}
