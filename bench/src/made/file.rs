//! Writes a recipe to disk, as CSV, as gzip or both, on all cores.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::pack::{self, Piece, Sum};
use super::{Block, Recipe};

/// Blocks are made on so many threads.
const THREADS: u64 = 2;

/// What is to be written.
#[derive(Debug)]
pub(crate) struct Job {
    /// What of.
    pub(crate) recipe: Recipe,
    /// Where the CSV goes, if anywhere.
    pub(crate) csv: Option<PathBuf>,
    /// Where the gzip goes, if anywhere.
    pub(crate) gzip: Option<PathBuf>,
    /// Level of the gzip.
    pub(crate) level: u32,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// Rows; the header is none.
    pub(crate) rows: u64,
    /// Bytes of CSV.
    pub(crate) bytes: u64,
    /// Bytes of gzip; 0 if there is none.
    pub(crate) packed: u64,
}

/// Writes the files.
pub(crate) fn make(job: &Job) -> Result<Made> {
    let mut csv = job.csv.as_deref().map(create).transpose()?;
    let mut gzip = job.gzip.as_deref().map(create).transpose()?;
    let mut made = Made::default();
    let mut sum = Sum::default();
    if let Some(out) = &mut gzip {
        out.write_all(&pack::HEAD).context(FULL)?;
        made.packed += pack::HEAD.len() as u64;
    }
    let part = |number| -> Result<(Block, Option<Piece>)> {
        let block = job.recipe.block(number);
        let piece = match &job.gzip {
            Some(_) => Some(pack::piece(&block.bytes, job.level)?),
            None => None,
        };
        Ok((block, piece))
    };
    in_order(job.recipe.blocks(), &part, &mut |part| {
        let (block, piece) = part?;
        made.rows += block.rows;
        made.bytes += block.bytes.len() as u64;
        if let Some(out) = &mut csv {
            out.write_all(&block.bytes).context(FULL)?;
        }
        if let (Some(out), Some(piece)) = (&mut gzip, piece) {
            out.write_all(&piece.bytes).context(FULL)?;
            made.packed += piece.bytes.len() as u64;
            sum.add(&piece);
        }
        Ok(())
    })?;
    if let Some(out) = &mut gzip {
        let tail = sum.tail();
        out.write_all(&tail).context(FULL)?;
        made.packed += tail.len() as u64;
    }
    for mut out in [csv, gzip].into_iter().flatten() {
        out.flush().context(FULL)?;
    }
    Ok(made)
}

const FULL: &str = "writing a made-up log file: is there room where it goes?";

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

/// Makes parts on several threads and hands them on in order of their numbers.
fn in_order<T: Send>(
    count: u64,
    part: &(dyn Fn(u64) -> T + Sync),
    take: &mut dyn FnMut(T) -> Result<()>,
) -> Result<()> {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let (sender, parts) = sync_channel(1);
        for _ in 0..THREADS.min(count) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    // Nobody takes any more after a failure.
                    if number >= count || sender.send((number, part(number))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let (mut wanted, mut early) = (0, BTreeMap::new());
        for (number, part) in parts {
            early.insert(number, part);
            while let Some(part) = early.remove(&wanted) {
                take(part)?;
                wanted += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::made::{BEGINS, BLOCK, Kind};

    #[test]
    fn both_files_hold_the_same_rows_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (csv, gzip) = (folder.path().join("a.csv"), folder.path().join("a.csv.gz"));
        let recipe =
            Recipe { seed: 5, kind: Kind::Usual, bytes: 2 * BLOCK + 1_000, begins: BEGINS };
        let job = Job { recipe, csv: Some(csv.clone()), gzip: Some(gzip.clone()), level: 6 };
        let made = make(&job).unwrap();
        let whole = recipe.whole();
        assert_eq!((made.rows, made.bytes), (whole.rows, whole.bytes.len() as u64));
        assert_eq!(std::fs::read(csv).unwrap(), whole.bytes);
        let packed = std::fs::read(gzip).unwrap();
        assert_eq!(packed.len() as u64, made.packed);
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut plain).unwrap();
        assert_eq!(plain, whole.bytes);
        let ratio = made.bytes as f64 / made.packed as f64;
        // As files of busy orgs pack.
        assert!((4.4..4.9).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_failure_ends_it() {
        let mut taken = 0;
        let ended = in_order(1_000, &|number| number, &mut |number| {
            taken += 1;
            anyhow::ensure!(number != 5, "full");
            Ok(())
        });
        assert!(ended.is_err());
        assert_eq!(taken, 6);
    }
}
