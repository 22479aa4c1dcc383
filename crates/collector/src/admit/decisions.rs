//! What is decided about a unit's rows: which were delivered before, and the number of each among
//! identical ones.
//!
//! Almost every row is new and the only one of its kind, so only the exceptions are kept, in the
//! order of rows: 12 bytes each (row, number; big-endian), where number 0 means not to be delivered:
//! it was before, or is withheld.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use super::hours::Hours;
use super::index::IndexReader;
use super::sort::{Record, Sorter};

/// A row, and its number among identical ones; 0 when it is not to be delivered.
pub(crate) type Exception = (u64, u32);

impl Record for Exception {
    type Bytes = [u8; 12];

    fn bytes(self) -> [u8; 12] {
        let mut record = [0; 12];
        record[..8].copy_from_slice(&self.0.to_be_bytes());
        record[8..].copy_from_slice(&self.1.to_be_bytes());
        record
    }

    fn read(record: &[u8; 12]) -> Self {
        let (mut row, mut number) = ([0; 8], [0; 4]);
        row.copy_from_slice(&record[..8]);
        number.copy_from_slice(&record[8..]);
        (u64::from_be_bytes(row), u32::from_be_bytes(number))
    }

    fn key(&self) -> u64 {
        self.0
    }
}

/// What becomes of rows that no earlier unit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// They are admitted.
    Admit,
    /// They are admitted, and those that no hourly unit has are counted: for a daily unit.
    Count,
    /// They are counted, not admitted: for a daily unit beside hourly ones.
    Withhold,
}

/// What a lane has delivered. To be asked in ascending order of hashes, about each once.
pub(crate) trait Delivered {
    /// The most rows with this hash that one hourly unit holds.
    fn hourly(&mut self, hash: u128) -> io::Result<u64>;

    /// The most rows with this hash that one daily unit holds.
    fn daily(&mut self, hash: u128) -> io::Result<u64>;
}

/// A lane's earlier units.
#[derive(Default)]
pub(crate) struct Earlier {
    /// The hourly ones.
    pub(crate) hourly: Vec<IndexReader>,
    /// The daily ones.
    pub(crate) daily: Vec<IndexReader>,
}

impl Delivered for Earlier {
    fn hourly(&mut self, hash: u128) -> io::Result<u64> {
        most(&mut self.hourly, hash)
    }

    fn daily(&mut self, hash: u128) -> io::Result<u64> {
        most(&mut self.daily, hash)
    }
}

/// The most rows with this hash that one of the units holds.
fn most(units: &mut [IndexReader], hash: u128) -> io::Result<u64> {
    let mut most = 0;
    for index in units {
        most = most.max(index.count_of(hash)?);
    }
    Ok(most)
}

/// What deciding found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Decided {
    /// Rows by hour.
    pub(crate) hours: Hours,
    /// Records written. When there are none, no file is.
    pub(crate) exceptions: u64,
}

impl Decided {
    /// For a unit of a lane with no other, none of whose rows are alike.
    pub(crate) fn all_new(mut hours: Hours) -> Self {
        hours.admit_all();
        Self { hours, exceptions: 0 }
    }

    /// Rows not delivered before, to be delivered.
    pub(crate) fn admitted(&self) -> u64 {
        self.hours.sum(|hour| hour.admitted)
    }

    /// Rows delivered before.
    pub(crate) fn repeats(&self) -> u64 {
        self.hours.sum(|hour| hour.repeats)
    }

    /// Rows that can be decoded.
    pub(crate) fn rows(&self) -> u64 {
        self.hours.sum(|hour| hour.rows)
    }
}

/// Compares a unit's rows with those of the lane's earlier units.
///
/// The n-th among identical rows of the unit is new when no earlier unit holds n of them: files
/// repeat rows of one another, while identical rows inside one file are events of their own.
/// Writes the exceptions to `path`, which the caller renames into place.
pub(crate) fn decide(
    path: &Path,
    scratch: &Path,
    mut unit: IndexReader,
    earlier: &mut dyn Delivered,
    rule: Rule,
) -> io::Result<Decided> {
    let mut decided = Decided::default();
    let mut exceptions: Sorter<Exception> = Sorter::new(scratch.to_owned());
    // Hash, how many of it hourly and all units hold at most, and how many came so far.
    let mut group: Option<(u128, u64, u64, u64)> = None;
    while let Some(entry) = unit.head() {
        let (hash, place) = (entry.hash(), entry.place());
        let (hourly, known, nth) = match group {
            Some((at, hourly, known, nth)) if at == hash => (hourly, known, nth + 1),
            _ => {
                let hourly = earlier.hourly(hash)?;
                (hourly, hourly.max(earlier.daily(hash)?), 1)
            }
        };
        group = Some((hash, hourly, known, nth));
        let repeat = nth <= known;
        let admitted = !repeat && rule != Rule::Withhold;
        let counts = decided.hours.of(place.hour());
        counts.rows += 1;
        counts.repeats += u64::from(repeat);
        counts.admitted += u64::from(admitted);
        counts.missing += u64::from(rule != Rule::Admit && nth > hourly);
        if !admitted || nth > 1 {
            let number = if admitted { u32::try_from(nth).unwrap_or(u32::MAX) } else { 0 };
            exceptions.push((place.row(), number))?;
            decided.exceptions += 1;
        }
        unit.advance()?;
    }
    if decided.exceptions > 0 {
        let mut sorted = exceptions.sorted();
        let mut out = BufWriter::new(File::create(path)?);
        while let Some(record) = sorted.next()? {
            out.write_all(&record.bytes())?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    }
    Ok(decided)
}

/// Reads decisions along with the rows.
#[derive(Debug)]
pub(crate) struct Decisions {
    file: Option<BufReader<File>>,
    head: Option<Exception>,
    left: u64,
}

impl Decisions {
    /// For a unit without exceptions.
    pub(crate) fn none() -> Self {
        Self { file: None, head: None, left: 0 }
    }

    /// Opens the exceptions of a unit, `count` of them.
    pub(crate) fn open(path: &Path, count: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.len() != count * 12 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the unit's admission record is damaged",
            ));
        }
        let mut decisions =
            Self { file: Some(BufReader::with_capacity(64 * 1024, file)), head: None, left: count };
        decisions.advance()?;
        Ok(decisions)
    }

    fn advance(&mut self) -> io::Result<()> {
        self.head = None;
        if let Some(file) = &mut self.file
            && self.left > 0
        {
            let mut record = <Exception as Record>::Bytes::default();
            file.read_exact(&mut record)?;
            self.head = Some(Exception::read(&record));
            self.left -= 1;
        }
        Ok(())
    }

    /// The row's number among identical ones; `None` when it is not to be delivered. To be asked in
    /// ascending order of rows; rows may be passed over.
    pub(crate) fn nth(&mut self, row: u64) -> io::Result<Option<u64>> {
        while let Some((at, number)) = self.head {
            if at > row {
                break;
            }
            if at == row {
                self.advance()?;
                return Ok((number > 0).then_some(u64::from(number)));
            }
            self.advance()?;
        }
        Ok(Some(1))
    }
}
