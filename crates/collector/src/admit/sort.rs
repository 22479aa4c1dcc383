//! Sorting more records than memory holds: sorted runs on disk, merged as they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Records in memory before a run is written, and of all runs while they are merged: half a MiB at
/// most. A file of 10 GB has more than a thousand runs.
const RECORDS: usize = 16 * 1024;

/// The least that is read of a run at a time, records.
const LEAST: usize = 16;
/// The most.
const MOST: usize = 1024;

/// What can be sorted: a value with a form of fixed size on disk.
pub(crate) trait Record: Copy + Ord + Debug {
    /// The form on disk.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Default;
    /// To disk.
    fn bytes(self) -> Self::Bytes;
    /// From disk.
    fn read(bytes: &Self::Bytes) -> Self;
}

/// Sorts records.
#[derive(Debug)]
pub(crate) struct Sorter<T> {
    records: Vec<T>,
    limit: usize,
    /// The runs, one after the other.
    file: Option<File>,
    /// Where each begins and ends in the file, bytes.
    runs: Vec<(u64, u64)>,
    /// Where the file is; it has no name there.
    folder: PathBuf,
}

impl<T: Record> Sorter<T> {
    /// Starts with the usual room.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self::with_limit(folder, RECORDS)
    }

    /// Starts with room for so many records, and for as many while runs are merged.
    pub(crate) fn with_limit(folder: PathBuf, limit: usize) -> Self {
        Self { records: Vec::new(), limit: limit.max(2), file: None, runs: Vec::new(), folder }
    }

    /// Takes a record.
    pub(crate) fn push(&mut self, record: T) -> io::Result<()> {
        if self.records.len() >= self.limit {
            self.spill()?;
        }
        self.records.push(record);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.records.sort_unstable();
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(nameless(&self.folder)?),
        };
        let mut run = BufWriter::with_capacity(64 * 1024, file);
        for record in self.records.drain(..) {
            run.write_all(record.bytes().as_ref())?;
        }
        run.flush()?;
        let start = self.runs.last().map_or(0, |(_, end)| *end);
        self.runs.push((start, run.get_mut().stream_position()?));
        Ok(())
    }

    /// All records in order.
    pub(crate) fn sorted(mut self) -> io::Result<Sorted<T>> {
        self.records.sort_unstable();
        let record = size_of::<T::Bytes>();
        let each = self.limit / self.runs.len().max(1);
        let run =
            |(at, end)| Run { at, end, size: each.clamp(LEAST, MOST) * record, ..Run::default() };
        let runs: Vec<Run> = self.runs.into_iter().map(run).collect();
        let memory = self.records.into_iter();
        let mut sorted = Sorted { file: self.file, runs, memory, heads: BinaryHeap::new() };
        for index in 0..=sorted.runs.len() {
            if let Some(record) = sorted.following(index)? {
                sorted.heads.push(Reverse((record, index)));
            }
        }
        Ok(sorted)
    }
}

/// A file that is gone when it is closed, whatever happens to the process.
pub(crate) fn nameless(folder: &std::path::Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("sort-{}-{:x}", std::process::id(), unique()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A sorted run on disk.
#[derive(Debug, Default)]
struct Run {
    /// Where its next block begins in the file.
    at: u64,
    end: u64,
    /// Length of a block.
    size: usize,
    block: Vec<u8>,
    /// How much of the block is read.
    read: usize,
}

impl Run {
    fn next<T: Record>(&mut self, file: &mut File) -> io::Result<Option<T>> {
        let mut bytes = T::Bytes::default();
        if self.read == self.block.len() {
            let size = self.size.min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
            if size == 0 {
                return Ok(None);
            }
            self.block.resize(size, 0);
            file.seek(SeekFrom::Start(self.at))?;
            file.read_exact(&mut self.block)?;
            self.at += size as u64;
            self.read = 0;
        }
        let rest = self.block.get(self.read..).unwrap_or_default();
        let (record, _) =
            rest.split_at_checked(bytes.as_ref().len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.as_mut().copy_from_slice(record);
        self.read += record.len();
        Ok(Some(T::read(&bytes)))
    }
}

/// Sorted records, one at a time.
#[derive(Debug)]
pub(crate) struct Sorted<T> {
    file: Option<File>,
    runs: Vec<Run>,
    /// The last run, which is in memory; its number is the one after the others.
    memory: std::vec::IntoIter<T>,
    /// The first record of each run, and the run's number.
    heads: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Record> Sorted<T> {
    /// The next record in order.
    pub(crate) fn next(&mut self) -> io::Result<Option<T>> {
        let Some(Reverse((record, index))) = self.heads.peek().copied() else { return Ok(None) };
        let following = self.following(index)?;
        if let Some(mut head) = self.heads.peek_mut() {
            match following {
                Some(following) => *head = Reverse((following, index)),
                None => drop(PeekMut::pop(head)),
            }
        }
        Ok(Some(record))
    }

    /// The next record of a run.
    fn following(&mut self, index: usize) -> io::Result<Option<T>> {
        match (self.runs.get_mut(index), &mut self.file) {
            (Some(run), Some(file)) => run.next(file),
            _ => Ok(self.memory.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Record for u16 {
        type Bytes = [u8; 2];

        fn bytes(self) -> [u8; 2] {
            self.to_be_bytes()
        }

        fn read(bytes: &[u8; 2]) -> Self {
            Self::from_be_bytes(*bytes)
        }
    }

    proptest! {
        #[test]
        fn sorts_like_a_vector_however_little_memory_there_is(
            records in prop::collection::vec(0_u16..500, 0..200),
            limit in 2_usize..50,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::with_limit(folder.path().to_owned(), limit);
            for record in &records {
                sorter.push(*record).unwrap();
            }
            let mut sorted = sorter.sorted().unwrap();
            let mut found = Vec::new();
            while let Some(record) = sorted.next().unwrap() {
                found.push(record);
            }
            let mut expected = records;
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
