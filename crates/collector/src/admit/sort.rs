//! Sorting more records than memory holds: sorted runs on disk, merged as they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Memory for records before a run is written, bytes.
const MEMORY: usize = 4 * 1024 * 1024;

/// Memory for each run while they are merged, bytes: a 10 GB file has some two hundred.
const RUN: usize = 16 * 1024;

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
    runs: Vec<File>,
    /// Where runs are kept; their files have no name there.
    folder: PathBuf,
}

impl<T: Record> Sorter<T> {
    /// Starts with the usual memory.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self::with_limit(folder, MEMORY / size_of::<T>())
    }

    /// Starts with room for so many records.
    pub(crate) fn with_limit(folder: PathBuf, limit: usize) -> Self {
        Self { records: Vec::new(), limit: limit.max(2), runs: Vec::new(), folder }
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
        let mut run = BufWriter::with_capacity(64 * 1024, nameless(&self.folder)?);
        for record in self.records.drain(..) {
            run.write_all(record.bytes().as_ref())?;
        }
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.seek(SeekFrom::Start(0))?;
        self.runs.push(run);
        Ok(())
    }

    /// All records in order.
    pub(crate) fn sorted(mut self) -> io::Result<Sorted<T>> {
        self.records.sort_unstable();
        let mut sources: Vec<Source<T>> = self
            .runs
            .into_iter()
            .map(|run| Source::Run(BufReader::with_capacity(RUN, run)))
            .collect();
        sources.push(Source::Memory(self.records.into_iter()));
        let mut heads = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            if let Some(record) = source.next()? {
                heads.push(Reverse((record, index)));
            }
        }
        Ok(Sorted { sources, heads })
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

#[derive(Debug)]
enum Source<T> {
    Run(BufReader<File>),
    Memory(std::vec::IntoIter<T>),
}

impl<T: Record> Source<T> {
    fn next(&mut self) -> io::Result<Option<T>> {
        match self {
            Self::Run(run) => read_record(run),
            Self::Memory(records) => Ok(records.next()),
        }
    }
}

/// Reads one record; `None` at a clean end.
pub(crate) fn read_record<T: Record>(from: &mut BufReader<File>) -> io::Result<Option<T>> {
    if from.buffer().is_empty() {
        io::BufRead::fill_buf(from)?;
        if from.buffer().is_empty() {
            return Ok(None);
        }
    }
    let mut bytes = T::Bytes::default();
    from.read_exact(bytes.as_mut())?;
    Ok(Some(T::read(&bytes)))
}

/// Sorted records, one at a time.
#[derive(Debug)]
pub(crate) struct Sorted<T> {
    sources: Vec<Source<T>>,
    heads: BinaryHeap<Reverse<(T, usize)>>,
}

impl<T: Record> Sorted<T> {
    /// The next record in order.
    pub(crate) fn next(&mut self) -> io::Result<Option<T>> {
        let Some(mut head) = self.heads.peek_mut() else { return Ok(None) };
        let Reverse((record, index)) = *head;
        match self.sources.get_mut(index).map(Source::next).transpose()?.flatten() {
            Some(following) => *head = Reverse((following, index)),
            None => drop(PeekMut::pop(head)),
        }
        Ok(Some(record))
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
