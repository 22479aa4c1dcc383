//! Sorting what has a hash, more of it than memory holds.
//!
//! While records come they are spread over parts by the first bits of their hashes, which costs less
//! than sorting them. Hashes are even, so each part has as many as the next; at the end one after the
//! other is read and sorted, on two threads. A part that is too large for that, of a huge file or of
//! rows that are all alike, is sorted by way of the disk ([`sort`](super::sort)).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::sort::{self, Record, Sorter, nameless};

/// Parts, by so many bits.
const BITS: u32 = 9;
/// Of three parts one is sorted by who takes them, while the others are sorted ahead of it.
const TURN: usize = 3;
/// Sorted parts that wait to be taken, at most.
const AHEAD: usize = 2;
/// No chunk.
const NONE: u64 = u64::MAX;

/// A record that is sorted by a hash first.
pub(crate) trait Hashed: Record + Send + 'static {
    /// The first bits of the hash.
    fn first(&self) -> u64;
}

/// How many records are where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// So many are not spread at all: 384 KiB of the usual record.
    pub(crate) few: usize,
    /// Of each part so many are in memory, and written together: as much, of all parts.
    pub(crate) chunk: usize,
    /// A part of so many is sorted in memory.
    pub(crate) part: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { few: 16 * 1024, chunk: 32, part: 64 * 1024 }
    }
}

/// Takes records, to give them in order.
#[derive(Debug)]
pub(crate) struct Spread<T> {
    sizes: Sizes,
    /// As long as they are few.
    few: Vec<T>,
    parts: Vec<Part<T>>,
    /// The chunks of all parts, in the order they became full.
    file: Option<BufWriter<File>>,
    length: u64,
    /// Where the file is; it has no name there.
    folder: PathBuf,
}

/// Records whose hashes begin with the same bits.
#[derive(Debug)]
struct Part<T> {
    /// Those in memory.
    records: Vec<T>,
    /// Where the others are: the chunk written last, which says where the one before it is.
    last: u64,
    chunks: usize,
}

impl<T: Hashed> Spread<T> {
    /// With the usual room.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self::with_sizes(folder, Sizes::default())
    }

    /// With this room.
    pub(crate) fn with_sizes(folder: PathBuf, sizes: Sizes) -> Self {
        Self { sizes, few: Vec::new(), parts: Vec::new(), file: None, length: 0, folder }
    }

    /// Takes a record.
    pub(crate) fn push(&mut self, record: T) -> io::Result<()> {
        if self.parts.is_empty() {
            if self.few.len() < self.sizes.few {
                self.few.push(record);
                return Ok(());
            }
            let chunk = self.sizes.chunk;
            let part = || Part { records: Vec::with_capacity(chunk), last: NONE, chunks: 0 };
            self.parts = std::iter::repeat_with(part).take(1 << BITS).collect();
            for record in std::mem::take(&mut self.few) {
                self.spread(record)?;
            }
        }
        self.spread(record)
    }

    fn spread(&mut self, record: T) -> io::Result<()> {
        let place = (record.first() >> (u64::BITS - BITS)) as usize;
        let Some(part) = self.parts.get_mut(place) else { return Ok(()) };
        part.records.push(record);
        if part.records.len() < self.sizes.chunk {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::with_capacity(64 * 1024, nameless(&self.folder)?)),
        };
        file.write_all(&part.last.to_be_bytes())?;
        for record in part.records.drain(..) {
            file.write_all(record.bytes().as_ref())?;
        }
        part.last = self.length;
        part.chunks += 1;
        self.length += chunk_bytes::<T>(self.sizes.chunk) as u64;
        Ok(())
    }

    /// All records in order.
    pub(crate) fn sorted(self) -> io::Result<Sorted<T>> {
        let Self { sizes, few, parts, file, folder, .. } = self;
        let file = file.map(|file| file.into_inner().map_err(io::IntoInnerError::into_error));
        let chunks = Arc::new(Chunks { file: file.transpose()?, sizes });
        let few = Part { records: few, last: NONE, chunks: 0 };
        let parts = if parts.is_empty() { vec![few] } else { parts };
        let left = parts.len();
        let (mut here, mut ahead) = (Vec::new(), Vec::new());
        for (place, part) in parts.into_iter().enumerate() {
            if place % TURN == 0 { here.push(part) } else { ahead.push(part) }
        }
        let (ready, sorted_ahead) = sync_channel(AHEAD);
        if !ahead.is_empty() {
            let chunks = Arc::clone(&chunks);
            std::thread::Builder::new()
                .name("sort".to_owned())
                .spawn(move || sort_ahead(&chunks, ahead, &ready))?;
        }
        Ok(Sorted {
            chunks,
            here: here.into_iter(),
            ahead: sorted_ahead,
            turn: 0,
            left,
            large: None,
            folder,
        })
    }
}

/// Bytes of a chunk: where the one before it is, and so many records.
const fn chunk_bytes<T: Record>(records: usize) -> usize {
    size_of::<u64>() + records * size_of::<T::Bytes>()
}

/// What was written of all parts.
#[derive(Debug)]
struct Chunks {
    file: Option<File>,
    sizes: Sizes,
}

impl Chunks {
    /// All records of a part that is not too large, sorted.
    fn sort<T: Hashed>(&self, part: Part<T>) -> io::Result<Ready<T>> {
        let Part { mut records, chunks, .. } = part;
        let count = records.len() + chunks * self.sizes.chunk;
        if count > self.sizes.part {
            return Ok(Ready::Large(Part { records, ..part }));
        }
        records.reserve_exact(count - records.len());
        self.read(part.last, |record| {
            records.push(record);
            Ok(())
        })?;
        records.sort_unstable();
        Ok(Ready::Sorted(records))
    }

    /// Hands over the records in a part's chunks.
    fn read<T: Hashed>(
        &self,
        mut last: u64,
        mut each: impl FnMut(T) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut chunk = vec![0; chunk_bytes::<T>(self.sizes.chunk)];
        while last != NONE {
            file.read_exact_at(&mut chunk, last)?;
            let (before, records) = chunk.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
            last = u64::from_be_bytes(*before);
            for record in records.chunks_exact(size_of::<T::Bytes>()) {
                let mut bytes = T::Bytes::default();
                bytes.as_mut().copy_from_slice(record);
                each(T::read(&bytes))?;
            }
        }
        Ok(())
    }
}

/// What becomes of a part.
enum Ready<T> {
    Sorted(Vec<T>),
    /// It is too large for memory.
    Large(Part<T>),
}

/// Sorts parts until there are no more, or nobody wants them.
fn sort_ahead<T: Hashed>(
    chunks: &Chunks,
    parts: Vec<Part<T>>,
    ready: &SyncSender<io::Result<Ready<T>>>,
) {
    for part in parts {
        let sorted = chunks.sort(part);
        let failed = sorted.is_err();
        if ready.send(sorted).is_err() || failed {
            return;
        }
    }
}

/// Sorted records, many at a time.
#[derive(Debug)]
pub(crate) struct Sorted<T: Record> {
    chunks: Arc<Chunks>,
    /// The parts that are sorted here.
    here: std::vec::IntoIter<Part<T>>,
    /// The others, as they are sorted.
    ahead: Receiver<io::Result<Ready<T>>>,
    turn: usize,
    /// How many parts are not taken yet.
    left: usize,
    /// The part at hand, if it is large.
    large: Option<sort::Sorted<T>>,
    folder: PathBuf,
}

impl<T: Hashed> Sorted<T> {
    /// The records that are next in order, none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Vec<T>> {
        loop {
            if let Some(large) = &mut self.large {
                let records = take(large, self.chunks.sizes.few)?;
                if !records.is_empty() {
                    return Ok(records);
                }
                self.large = None;
            }
            if self.left == 0 {
                return Ok(Vec::new());
            }
            let ready = if self.turn.is_multiple_of(TURN) {
                self.here.next().map(|part| self.chunks.sort(part))
            } else {
                self.ahead.recv().ok()
            };
            // Who goes without a word has not come to the end.
            let ready = ready.unwrap_or_else(|| Err(io::Error::other("sorting was given up")))?;
            (self.turn, self.left) = (self.turn + 1, self.left - 1);
            match ready {
                Ready::Sorted(records) if records.is_empty() => {}
                Ready::Sorted(records) => return Ok(records),
                Ready::Large(part) => self.large = Some(self.sort_by_disk(part)?),
            }
        }
    }

    fn sort_by_disk(&self, part: Part<T>) -> io::Result<sort::Sorted<T>> {
        let mut sorter = Sorter::with_limit(self.folder.clone(), self.chunks.sizes.few);
        self.chunks.read(part.last, |record| sorter.push(record))?;
        for record in part.records {
            sorter.push(record)?;
        }
        Ok(sorter.sorted())
    }
}

/// The next `most` records.
fn take<T: Record>(sorted: &mut sort::Sorted<T>, most: usize) -> io::Result<Vec<T>> {
    let mut records = Vec::with_capacity(most);
    while records.len() < most
        && let Some(record) = sorted.next()?
    {
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::admit::index::{Entry, Place};

    fn sorted(hashes: &[u128], sizes: Sizes) -> Vec<Entry> {
        let folder = tempfile::tempdir().unwrap();
        let mut spread = Spread::with_sizes(folder.path().to_owned(), sizes);
        for entry in entries(hashes) {
            spread.push(entry).unwrap();
        }
        let mut sorted = spread.sorted().unwrap();
        let mut found = Vec::new();
        loop {
            let some = sorted.next().unwrap();
            if some.is_empty() {
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
                return found;
            }
            found.extend(some);
        }
    }

    fn entries(hashes: &[u128]) -> Vec<Entry> {
        let numbered = hashes.iter().enumerate();
        numbered.map(|(row, hash)| Entry::new(*hash, Place::new(0, row as u64))).collect()
    }

    proptest! {
        #[test]
        fn sorts_like_a_vector_however_little_memory_there_is_and_however_hashes_lie(
            even in prop::collection::vec(any::<u128>(), 0..300),
            alike in prop::collection::vec(0_u128..9, 0..100),
            few in 2_usize..20,
            chunk in 1_usize..5,
            part in 1_usize..40,
        ) {
            let hashes: Vec<u128> = even.into_iter().chain(alike).collect();
            let mut expected = entries(&hashes);
            expected.sort_unstable();
            prop_assert_eq!(sorted(&hashes, Sizes { few, chunk, part }), expected);
        }
    }

    #[test]
    fn a_disk_that_cannot_be_read_is_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let sizes = Sizes { few: 1, chunk: 1, part: 100 };
        let mut spread = Spread::with_sizes(folder.path().to_owned(), sizes);
        // As even as hashes are.
        for entry in entries(&(0..2_000).map(|row| row << 117).collect::<Vec<_>>()) {
            spread.push(entry).unwrap();
        }
        let file = spread.file.as_mut().unwrap();
        file.flush().unwrap();
        file.get_mut().set_len(30_000).unwrap();
        let (mut sorted, mut count) = (spread.sorted().unwrap(), 0);
        let failure = loop {
            match sorted.next() {
                Ok(some) => {
                    assert!(!some.is_empty(), "after {count} of 2,000");
                    count += some.len();
                }
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure.kind(), io::ErrorKind::UnexpectedEof);
    }
}
