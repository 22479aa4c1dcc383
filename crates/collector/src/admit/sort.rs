//! Sorting more records than memory holds: sorted runs on disk, merged as they are read.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Records in memory before a run is written, and of all runs while they are merged: half a MiB at
/// most, as much for those that are sorted then, and as much again to sort them in. A file of 10 GB has more than a thousand runs.
const RECORDS: usize = 16 * 1024;

/// How many records lie together, about, before they are sorted.
const TOGETHER: usize = 8;

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
    /// The first thing records are ordered by.
    fn key(&self) -> u64;
}

/// Sorts records.
#[derive(Debug)]
pub(crate) struct Sorter<T> {
    records: Vec<T>,
    spare: Vec<T>,
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
        let (records, spare, runs) = (Vec::new(), Vec::new(), Vec::new());
        Self { records, spare, limit: limit.max(2), file: None, runs, folder }
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
        sort(&mut self.records, &mut self.spare);
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
    pub(crate) fn sorted(mut self) -> Sorted<T> {
        sort(&mut self.records, &mut self.spare);
        let size = (self.limit / self.runs.len().max(1)).clamp(LEAST, MOST);
        let on_disk =
            self.runs.into_iter().map(|(at, end)| Run { at, end, block: Vec::new(), given: 0 });
        // The last run is in memory as a whole.
        let last = Run { at: 0, end: 0, block: self.records, given: 0 };
        Sorted::new(self.file.map(Arc::new), on_disk.chain([last]).collect(), size)
    }
}

/// Sorts records with the help of `spare`, whose content is of no account. Hashes are spread evenly, so
/// each comes near its place by its first bits; what lies together then is sorted as anything is.
fn sort<T: Record>(records: &mut Vec<T>, spare: &mut Vec<T>) {
    let keys = || records.iter().map(Record::key);
    let bits = (records.len() / TOGETHER).checked_ilog2().filter(|bits| *bits > 0);
    let (Some(bits), Some(least), Some(most)) = (bits, keys().min(), keys().max()) else {
        return records.sort_unstable();
    };
    let width = u64::BITS - (most - least).leading_zeros();
    let shift = width.saturating_sub(bits);
    let part = |record: &T| ((record.key() - least) >> shift) as usize;
    let mut places = vec![0; 1 << bits];
    for record in &*records {
        places[part(record)] += 1;
    }
    let mut before = 0;
    for place in &mut places {
        before += std::mem::replace(place, before);
    }
    spare.clone_from(records);
    for record in &*records {
        let place = &mut places[part(record)];
        spare[*place] = *record;
        *place += 1;
    }
    std::mem::swap(records, spare);
    let mut rest = &mut **records;
    let mut start = 0;
    for end in places {
        let (part, others) = rest.split_at_mut(end - start);
        part.sort_unstable();
        (rest, start) = (others, end);
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

/// A sorted run.
#[derive(Debug)]
struct Run<T> {
    /// What of it is not read yet: where that begins and ends in the file.
    at: u64,
    end: u64,
    /// What was read.
    block: Vec<T>,
    /// How much of that was given out.
    given: usize,
}

impl<T: Record> Run<T> {
    /// Bytes of a record in the file.
    const RECORD: u64 = size_of::<T::Bytes>() as u64;

    /// Records that were not given out.
    fn len(&self) -> u64 {
        (self.end - self.at) / Self::RECORD + (self.block.len() - self.given) as u64
    }

    /// What comes before `middle`, and the rest, of a run of which nothing was given out.
    fn split(mut self, middle: &T, file: Option<&File>) -> io::Result<(Self, Self)> {
        let rest = self.block.split_off(self.block.partition_point(|record| record < middle));
        let (mut from, mut to) = (0, (self.end - self.at) / Self::RECORD);
        while let Some(file) = file
            && from < to
        {
            let half = from + (to - from) / 2;
            let mut bytes = T::Bytes::default();
            file.read_exact_at(bytes.as_mut(), self.at + half * Self::RECORD)?;
            if T::read(&bytes) < *middle {
                from = half + 1;
            } else {
                to = half;
            }
        }
        let at = self.at + from * Self::RECORD;
        let upper = Self { at, end: self.end, block: rest, given: 0 };
        Ok((Self { end: at, ..self }, upper))
    }

    /// Reads on when less than half of `size` records are left.
    fn fill(&mut self, file: &File, size: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let left = self.block.len() - self.given;
        if self.at == self.end || left > size / 2 {
            return Ok(());
        }
        let record = Self::RECORD as usize;
        let more = self.end - self.at;
        let more = ((size - left) * record).min(usize::try_from(more).unwrap_or(usize::MAX));
        bytes.resize(more, 0);
        file.read_exact_at(bytes, self.at)?;
        self.at += more as u64;
        self.block.drain(..self.given);
        self.given = 0;
        self.block.extend(bytes.chunks_exact(record).map(|record| {
            let mut bytes = T::Bytes::default();
            bytes.as_mut().copy_from_slice(record);
            T::read(&bytes)
        }));
        Ok(())
    }

    /// The last of what was read, if there is more on disk.
    fn bound(&self) -> Option<&T> {
        self.block.last().filter(|_| self.at < self.end)
    }

    /// What was read and is not beyond the bound.
    fn give(&mut self, bound: Option<T>) -> &[T] {
        let rest = self.block.get(self.given..).unwrap_or_default();
        let count = bound.map_or(rest.len(), |bound| rest.partition_point(|one| *one <= bound));
        self.given += count;
        rest.get(..count).unwrap_or_default()
    }
}

/// Sorted records, one at a time.
///
/// Of all runs some records are in memory. Those that no record on disk can come before are taken
/// together and sorted: the records of the runs have few gaps between them, so these are many, and
/// sorting them is quicker than to look for the least of all runs again and again.
#[derive(Debug)]
pub(crate) struct Sorted<T> {
    file: Option<Arc<File>>,
    runs: Vec<Run<T>>,
    /// Records read of a run at a time.
    size: usize,
    bytes: Vec<u8>,
    ready: Vec<T>,
    spare: Vec<T>,
    /// How many of those were given out.
    given: usize,
}

impl<T: Record> Sorted<T> {
    fn new(file: Option<Arc<File>>, runs: Vec<Run<T>>, size: usize) -> Self {
        let (bytes, ready, spare) = (Vec::new(), Vec::new(), Vec::new());
        Self { file, runs, size, bytes, ready, spare, given: 0 }
    }

    /// How many records come yet.
    pub(crate) fn len(&self) -> u64 {
        self.runs.iter().map(Run::len).sum::<u64>() + (self.ready.len() - self.given) as u64
    }

    /// Those before `middle`, and the rest, before any was given out: each can be had on a thread of
    /// its own, in the memory of one.
    pub(crate) fn split(self, middle: &T) -> io::Result<(Self, Self)> {
        let size = (self.size / 2).max(LEAST);
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        for run in self.runs {
            let (before, rest) = run.split(middle, self.file.as_deref())?;
            lower.push(before);
            upper.push(rest);
        }
        Ok((Self::new(self.file.clone(), lower, size), Self::new(self.file, upper, size)))
    }

    /// The next record in order.
    pub(crate) fn next(&mut self) -> io::Result<Option<T>> {
        if self.given == self.ready.len() {
            self.make_ready()?;
        }
        let next = self.ready.get(self.given).copied();
        self.given += usize::from(next.is_some());
        Ok(next)
    }

    fn make_ready(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            for run in &mut self.runs {
                run.fill(file, self.size, &mut self.bytes)?;
            }
        }
        // All of at least one run's records are taken, or all there are.
        let bound = self.runs.iter().filter_map(Run::bound).min().copied();
        self.ready.clear();
        self.given = 0;
        for run in &mut self.runs {
            self.ready.extend_from_slice(run.give(bound));
        }
        sort(&mut self.ready, &mut self.spare);
        Ok(())
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

        fn key(&self) -> u64 {
            // As far apart as numbers can be, for all below 512.
            u64::from(*self >> 3) << 58
        }
    }

    proptest! {
        #[test]
        fn sorts_like_a_vector_however_little_memory_there_is(
            records in prop::collection::vec(0_u16..500, 0..200),
            limit in 2_usize..200,
            middle in 0_u16..600,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::with_limit(folder.path().to_owned(), limit);
            for record in &records {
                sorter.push(*record).unwrap();
            }
            let (lower, upper) = sorter.sorted().split(&middle).unwrap();
            let mut expected = records;
            expected.sort_unstable();
            prop_assert_eq!(lower.len() as usize, expected.partition_point(|one| *one < middle));
            let mut found = Vec::new();
            for mut sorted in [lower, upper] {
                let (before, length) = (found.len(), sorted.len() as usize);
                while let Some(record) = sorted.next().unwrap() {
                    found.push(record);
                    prop_assert_eq!(sorted.len() as usize, length + before - found.len());
                }
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
