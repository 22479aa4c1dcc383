//! `orgtap-bench loops NAME`: one hot loop over made-up input in memory, for counting
//! instructions. No files, no threads, and the same input every time.
//!
//! Only what happens inside [`measured`] is counted; the input is made before.

use std::hint::black_box;
use std::io::{self, Read, Write as _};

use anyhow::{Context as _, Result, bail};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use orgtap_codec::csv::{Item, Reader};
use orgtap_events::raw::Plan;
use orgtap_events::{Interval, UnitInfo};
use serde::{Deserialize, Serialize};

use crate::made::{BEGINS, Kind, Recipe};

/// Bytes of CSV each loop goes over, about.
const BYTES: u64 = 3 * 1024 * 1024;

/// A loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loop {
    /// Finds every cell.
    Scan,
    /// Finds every cell and makes each row's hash.
    Hash,
    /// All of that, and writes each row's event.
    Encode,
    /// The same over a file with a doubled quote in every cell.
    Hostile,
    /// Unpacks gzip.
    Inflate,
}

impl Loop {
    /// Every loop.
    pub(crate) const ALL: [Self; 5] =
        [Self::Scan, Self::Hash, Self::Encode, Self::Hostile, Self::Inflate];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Hash => "hash",
            Self::Encode => "encode",
            Self::Hostile => "hostile",
            Self::Inflate => "inflate",
        }
    }

    /// The loop of this name.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.with_context(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("there is no loop {name}; there are {all}")
        })
    }
}

/// What a loop went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ran {
    /// Bytes of CSV.
    pub(crate) bytes: u64,
    /// Rows.
    pub(crate) rows: u64,
}

/// Runs a loop.
pub(crate) fn run(one: Loop) -> Result<Ran> {
    let kind = if one == Loop::Hostile { Kind::Hostile } else { Kind::Usual };
    let whole = Recipe { seed: 11, kind, bytes: BYTES, begins: BEGINS }.whole();
    let mut input = whole.bytes;
    let bytes = input.len() as u64;
    if one == Loop::Inflate {
        let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
        packer.write_all(&input)?;
        input = packer.finish()?;
    }
    let found = measured(one, &input)?;
    let expected = if one == Loop::Inflate { bytes } else { whole.rows };
    if found != expected {
        bail!("the loop {} found {found} where there are {expected}", one.name());
    }
    Ok(Ran { bytes, rows: whole.rows })
}

/// What is counted. Answers rows, or bytes where none are looked for.
///
/// Never part of another function, because callgrind starts and stops counting by its name.
#[inline(never)]
fn measured(one: Loop, input: &[u8]) -> Result<u64> {
    match one {
        Loop::Scan => scan(input),
        Loop::Hash => encode(input, false),
        Loop::Encode | Loop::Hostile => encode(input, true),
        Loop::Inflate => inflate(input),
    }
}

fn scan(input: &[u8]) -> Result<u64> {
    let mut reader = Reader::new(input);
    let mut rows = 0;
    while let Some(item) = reader.next_item()? {
        match item {
            Item::Row(row) => rows += u64::from(black_box(row.len()) > 0),
            Item::Malformed { offset, .. } => bail!("no row at byte {offset}"),
        }
    }
    // The header is none.
    Ok(rows - 1)
}

fn encode(input: &[u8], write: bool) -> Result<u64> {
    let mut reader = Reader::new(input);
    let Some(Item::Row(header)) = reader.next_item()? else { bail!("no header") };
    let mut plan = Plan::compile(&header, &unit())?;
    let mut rows = 0;
    let mut out = Vec::with_capacity(2 * 1024 * 1024);
    while let Some(item) = reader.next_item()? {
        let Item::Row(row) = item else { bail!("row {rows} is none") };
        rows += 1;
        let hash = black_box(plan.hash(&row));
        if write {
            plan.encode(&row, plan.when(&row), hash, 1, rows, &mut out);
            out.push(b'\n');
            // Batches have about this size.
            if out.len() > 1024 * 1024 {
                black_box(&out);
                out.clear();
            }
        }
    }
    Ok(rows)
}

fn inflate(input: &[u8]) -> Result<u64> {
    let mut reader = MultiGzDecoder::new(input);
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes += black_box(read) as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn unit() -> UnitInfo {
    UnitInfo {
        connector: "bench".into(),
        org_id: "00D5j000000ORGTEAM".into(),
        event_type: "RestApi".into(),
        log_file_id: "0AT5j0000000001AAA".into(),
        interval: Interval::Daily,
        sequence: 0,
        log_date: Timestamp::UNIX_EPOCH,
        created_date: Timestamp::UNIX_EPOCH,
        length: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loop_goes_over_every_row_and_has_a_name_of_its_own() {
        for one in Loop::ALL {
            assert!(run(one).unwrap().bytes >= BYTES, "{}", one.name());
            assert_eq!(Loop::named(one.name()).unwrap(), one);
        }
        assert!(Loop::named("sleep").is_err());
    }
}
