//! Sorting more records than memory holds: sorted runs on disk, merged as they are read.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Memory for records before a run is written, bytes.
const MEMORY: usize = 4 * 1024 * 1024;

/// Sorts records of `N` bytes by their bytes.
#[derive(Debug)]
pub(crate) struct Sorter<const N: usize> {
    records: Vec<[u8; N]>,
    limit: usize,
    runs: Vec<File>,
    /// Where runs are kept; their files have no name there.
    folder: PathBuf,
}

impl<const N: usize> Sorter<N> {
    /// Starts with the usual memory.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self::with_limit(folder, MEMORY / N)
    }

    /// Starts with room for so many records.
    pub(crate) fn with_limit(folder: PathBuf, limit: usize) -> Self {
        Self { records: Vec::new(), limit: limit.max(2), runs: Vec::new(), folder }
    }

    /// Takes a record.
    pub(crate) fn push(&mut self, record: [u8; N]) -> io::Result<()> {
        if self.records.len() >= self.limit {
            self.spill()?;
        }
        self.records.push(record);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        self.records.sort_unstable();
        let mut run = BufWriter::new(nameless(&self.folder)?);
        for record in self.records.drain(..) {
            run.write_all(&record)?;
        }
        let mut run = run.into_inner().map_err(io::IntoInnerError::into_error)?;
        run.seek(SeekFrom::Start(0))?;
        self.runs.push(run);
        Ok(())
    }

    /// All records in order.
    pub(crate) fn sorted(mut self) -> io::Result<Sorted<N>> {
        self.records.sort_unstable();
        let mut sources: Vec<Source<N>> = self
            .runs
            .into_iter()
            .map(|run| Source::Run(BufReader::with_capacity(64 * 1024, run)))
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
fn nameless(folder: &std::path::Path) -> io::Result<File> {
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
enum Source<const N: usize> {
    Run(BufReader<File>),
    Memory(std::vec::IntoIter<[u8; N]>),
}

impl<const N: usize> Source<N> {
    fn next(&mut self) -> io::Result<Option<[u8; N]>> {
        match self {
            Self::Run(run) => read_record(run),
            Self::Memory(records) => Ok(records.next()),
        }
    }
}

/// Reads one record; `None` at a clean end.
pub(crate) fn read_record<const N: usize>(from: &mut impl Read) -> io::Result<Option<[u8; N]>> {
    let mut record = [0; N];
    let mut filled = 0;
    while filled < N {
        match from.read(&mut record[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(record))
}

/// Sorted records, one at a time.
#[derive(Debug)]
pub(crate) struct Sorted<const N: usize> {
    sources: Vec<Source<N>>,
    heads: BinaryHeap<Reverse<([u8; N], usize)>>,
}

impl<const N: usize> Sorted<N> {
    /// The next record in order.
    pub(crate) fn next(&mut self) -> io::Result<Option<[u8; N]>> {
        let Some(Reverse((record, index))) = self.heads.pop() else { return Ok(None) };
        if let Some(source) = self.sources.get_mut(index)
            && let Some(following) = source.next()?
        {
            self.heads.push(Reverse((following, index)));
        }
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sorts_like_a_vector_however_little_memory_there_is(
            records in prop::collection::vec(any::<[u8; 3]>(), 0..200),
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
