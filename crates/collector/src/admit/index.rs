//! The row index of a unit: the hash of every row with its number, in the order of the hashes.
//!
//! On disk: a line that names the format, records of 24 bytes (hash, row; big-endian), and a
//! trailer with their number and a checksum. It can always be made again from the spool.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::sort::{Sorted, read_record};

const MAGIC: &[u8; 16] = b"orgtap-rows-v1\n\0";

/// A row's hash and its number in the unit, from 0.
pub(crate) type Entry = (u128, u64);

/// An entry as sorted and stored.
pub(crate) fn record(entry: Entry) -> [u8; 24] {
    let mut record = [0; 24];
    record[..16].copy_from_slice(&entry.0.to_be_bytes());
    record[16..].copy_from_slice(&entry.1.to_be_bytes());
    record
}

fn entry(record: &[u8; 24]) -> Entry {
    let (mut hash, mut row) = ([0; 16], [0; 8]);
    hash.copy_from_slice(&record[..16]);
    row.copy_from_slice(&record[16..]);
    (u128::from_be_bytes(hash), u64::from_be_bytes(row))
}

/// Writes the index of sorted records. The caller renames it into place.
pub(crate) fn write(path: &Path, mut sorted: Sorted<24>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(256 * 1024, File::create(path)?);
    out.write_all(MAGIC)?;
    let (mut count, mut check) = (0_u64, Xxh3::new());
    while let Some(record) = sorted.next()? {
        check.update(&record);
        count += 1;
        out.write_all(&record)?;
    }
    out.write_all(&[0xff; 24])?;
    out.write_all(&count.to_be_bytes())?;
    out.write_all(&check.digest().to_be_bytes())?;
    out.flush()
}

/// Reads an index in order, and checks it on the way.
pub(crate) struct IndexReader {
    file: BufReader<File>,
    check: Xxh3,
    count: u64,
    head: Option<Entry>,
}

impl IndexReader {
    /// Opens an index.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::with_capacity(64 * 1024, File::open(path)?);
        let mut magic = [0; 16];
        file.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(damaged());
        }
        let mut reader = Self { file, check: Xxh3::new(), count: 0, head: None };
        reader.advance()?;
        Ok(reader)
    }

    /// Whether an index is there and ends as it should. Its records are checked as they are read.
    pub(crate) fn check(path: &Path) -> io::Result<()> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let records = length.checked_sub(16 + 24 + 16).filter(|rest| rest % 24 == 0);
        let records = records.ok_or_else(damaged)? / 24;
        file.seek(SeekFrom::End(-40))?;
        let mut tail = [0; 32];
        file.read_exact(&mut tail)?;
        let sound = tail[..24] == [0xff; 24] && tail[24..] == records.to_be_bytes();
        if sound { Ok(()) } else { Err(damaged()) }
    }

    /// The entry at hand.
    pub(crate) fn head(&self) -> Option<Entry> {
        self.head
    }

    /// Goes to the next entry. The end is only believed when the trailer agrees.
    pub(crate) fn advance(&mut self) -> io::Result<()> {
        let record: [u8; 24] = read_record(&mut self.file)?.ok_or_else(damaged)?;
        if record == [0xff; 24] {
            let count: [u8; 8] = read_record(&mut self.file)?.ok_or_else(damaged)?;
            let check: [u8; 8] = read_record(&mut self.file)?.ok_or_else(damaged)?;
            if u64::from_be_bytes(count) != self.count
                || u64::from_be_bytes(check) != self.check.digest()
            {
                return Err(damaged());
            }
            self.head = None;
            return Ok(());
        }
        self.check.update(&record);
        self.count += 1;
        self.head = Some(entry(&record));
        Ok(())
    }

    /// How many rows have this hash; to be asked in ascending order of hashes.
    pub(crate) fn count_of(&mut self, hash: u128) -> io::Result<u64> {
        let mut count = 0;
        while let Some((at, _)) = self.head {
            if at > hash {
                break;
            }
            count += u64::from(at == hash);
            self.advance()?;
        }
        Ok(count)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the row index is damaged")
}
