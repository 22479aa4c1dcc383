//! A unit's bytes on their way to whoever reads them: as they come from the org, into the spool
//! and decompressed at once ([`unpack`]), or later from the spool.
//!
//! Large units are decompressed ahead of the reader, with a crew's help; for small ones that costs
//! more than it saves.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use orgtap_codec::csv::{Block, Blocks, Plain};
use tokio::sync::mpsc;

use crate::crew::{Crew, Job, Who};
use crate::spool::Packing;

/// Units below this length are decompressed and inspected by turns, bytes.
const SMALL: u64 = 1024 * 1024;
/// Bytes handed over at a time.
const BLOCK: usize = 128 * 1024;
/// Blocks that wait for the reader, at most.
const BLOCKS: usize = 4;

/// Whether a unit of this length is decompressed ahead of its reader.
pub(crate) const fn is_large(length: u64) -> bool {
    length >= SMALL
}

/// Why there is no outcome.
pub(crate) enum Stopped<E> {
    /// The spool's file could not be written.
    Disk(io::Error),
    /// What reads the bytes failed.
    Reader(E),
}

/// Writes the pieces to a file, packed if they come plain, and lets `read` have them decompressed.
/// Answers the bytes on disk and what `read` answered.
pub(crate) fn unpack<T, E>(
    path: &Path,
    packing: Packing,
    length: u64,
    pieces: mpsc::Receiver<Bytes>,
    crew: &Arc<Crew>,
    read: impl FnOnce(&mut dyn Blocks) -> Result<T, E>,
) -> Result<(u64, T), Stopped<E>> {
    let tee = Tee::new(path, packing, pieces).map_err(Stopped::Disk)?;
    let (outcome, tee) = match packing {
        Packing::Gzip => {
            let (outcome, decoder) = ahead(MultiGzDecoder::new(tee), length, crew, read);
            (outcome, decoder.map(MultiGzDecoder::into_inner))
        }
        Packing::Zstd => ahead(tee, length, crew, read),
    };
    let lost = || Stopped::Disk(io::Error::other("decompressing was given up"));
    // A reader that met the end of a file that could not be written knows nothing of that.
    let written = tee.ok_or_else(lost)?.finish().map_err(Stopped::Disk)?;
    Ok((written, outcome.map_err(Stopped::Reader)?))
}

/// Lets `read` have a unit of `length` bytes, which are decompressed ahead of it with the crew's help
/// if they are many. Gives `from` back, unless reading from it panicked.
pub(crate) fn ahead<R: Read + Send + 'static, T>(
    from: R,
    length: u64,
    crew: &Arc<Crew>,
    read: impl FnOnce(&mut dyn Blocks) -> T,
) -> (T, Option<R>) {
    if !is_large(length) {
        let mut plain = Plain(from);
        return (read(&mut plain), Some(plain.0));
    }
    let source = Mutex::new(Source { bytes: Some(from), ended: false });
    let unpacker = Arc::new(Unpacker { source, blocks: Mutex::default() });
    crew.take_on(Who::Anyone, &unpacker);
    let (ended, block) = (false, Block::default());
    let mut ahead = Ahead { unpacker, crew: Arc::clone(crew), block, ended };
    let outcome = read(&mut ahead);
    // Whoever is at a piece of it may end that.
    let from = ahead.unpacker.source.lock().ok().and_then(|mut source| source.bytes.take());
    (outcome, from)
}

/// Decompresses into blocks until there is no more.
struct Unpacker<R> {
    source: Mutex<Source<R>>,
    blocks: Mutex<Filled>,
}

struct Source<R> {
    /// None once nobody wants more.
    bytes: Option<R>,
    ended: bool,
}

#[derive(Default)]
struct Filled {
    /// An empty block is the end.
    filled: VecDeque<io::Result<Block>>,
    spare: Vec<Block>,
}

impl<R> Unpacker<R> {
    fn blocks(&self) -> MutexGuard<'_, Filled> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next block, if it is there.
    fn next(&self) -> Option<io::Result<Block>> {
        let next = self.blocks().filled.pop_front();
        // Whoever goes without a word has not come to the end.
        next.or_else(|| self.source.is_poisoned().then(|| Err(io::ErrorKind::UnexpectedEof.into())))
    }
}

impl<R: Read + Send> Job for Unpacker<R> {
    fn help(&self, pressing: bool) -> bool {
        let Ok(mut source) = self.source.try_lock() else { return false };
        let Source { bytes: Some(bytes), ended } = &mut *source else { return false };
        let mut blocks = self.blocks();
        let enough = if pressing { BLOCKS / 2 } else { BLOCKS };
        if *ended || blocks.filled.len() >= enough {
            return false;
        }
        let mut block = blocks.spare.pop().unwrap_or_default();
        drop(blocks);
        let outcome = block.fill(bytes, BLOCK);
        *ended = outcome.is_err() || block.filled().len() < BLOCK;
        let mut blocks = self.blocks();
        if !block.is_empty() {
            blocks.filled.push_back(Ok(block));
        }
        if *ended {
            blocks.filled.push_back(outcome.map(|()| Block::default()));
        }
        true
    }
}

/// What was decompressed, as a stream.
struct Ahead<R> {
    unpacker: Arc<Unpacker<R>>,
    crew: Arc<Crew>,
    block: Block,
    ended: bool,
}

impl<R> Ahead<R> {
    /// Goes on to the next block if this one is done with.
    fn turn(&mut self) -> io::Result<()> {
        if self.block.is_empty() && !self.ended {
            let used = std::mem::take(&mut self.block);
            self.unpacker.blocks().spare.push(used);
            self.block = self.crew.when(|| self.unpacker.next())?;
            self.ended = self.block.is_empty();
        }
        Ok(())
    }
}

impl<R> Read for Ahead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.turn()?;
        self.block.read(out)
    }
}

impl<R> Blocks for Ahead<R> {
    fn swap(&mut self, block: &mut Block) -> io::Result<bool> {
        self.turn()?;
        if !self.ended {
            std::mem::swap(block, &mut self.block);
        }
        Ok(!self.ended)
    }
}

/// The pieces as a stream; each is in the file before it is given out.
struct Tee {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    sink: Sink,
    /// The file's failure.
    failure: Option<io::Error>,
}

enum Sink {
    Plain(File),
    Packed(zstd::Encoder<'static, File>),
}

impl Tee {
    fn new(path: &Path, packing: Packing, pieces: mpsc::Receiver<Bytes>) -> io::Result<Self> {
        let file = File::create(path)?;
        let sink = match packing {
            Packing::Gzip => Sink::Plain(file),
            Packing::Zstd => {
                let mut packer = zstd::Encoder::new(file, 1)?;
                packer.include_checksum(true)?;
                Sink::Packed(packer)
            }
        };
        Ok(Self { pieces, piece: Bytes::new(), sink, failure: None })
    }

    /// Completes the file. Answers the bytes on disk.
    fn finish(self) -> io::Result<u64> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let file = match self.sink {
            Sink::Plain(file) => file,
            Sink::Packed(packer) => packer.finish()?,
        };
        Ok(file.metadata()?.len())
    }
}

impl BufRead for Tee {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty() {
            let Some(piece) = self.pieces.blocking_recv() else { break };
            let written = match &mut self.sink {
                Sink::Plain(file) => file.write_all(&piece),
                Sink::Packed(packer) => packer.write_all(&piece),
            };
            if let Err(failure) = written {
                self.failure = Some(failure);
                return Err(io::Error::other("the file cannot be written"));
            }
            self.piece = piece;
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, count: usize) {
        self.piece.advance(count.min(self.piece.len()));
    }
}

impl Read for Tee {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(plain).unwrap();
        packer.finish().unwrap()
    }

    /// Unpacks what comes in pieces of this size, and reads all of it.
    fn run(body: &[u8], packing: Packing, length: u64, size: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let (sender, receiver) = mpsc::channel(body.len() / size + 1);
        for piece in body.chunks(size) {
            sender.try_send(Bytes::copy_from_slice(piece)).unwrap();
        }
        drop(sender);
        let outcome = unpack(&path, packing, length, receiver, &Arc::default(), |bytes| {
            let mut all = Vec::new();
            bytes.read_to_end(&mut all).map(|_| all)
        });
        let on_disk = std::fs::read(&path).unwrap();
        match outcome {
            Ok((size, all)) => {
                assert_eq!(size, on_disk.len() as u64);
                (on_disk, Some(all))
            }
            Err(Stopped::Reader(_)) => (on_disk, None),
            Err(Stopped::Disk(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_read_and_what_is_on_disk_are_the_same_by_turns_and_side_by_side() {
        let plain: Vec<u8> = (0..3 * BLOCK + 17).map(|at| (at * at % 253) as u8).collect();
        let members = [gzip(&plain[..1_000]), gzip(&[]), gzip(&plain[1_000..])].concat();
        for length in [0, SMALL] {
            for size in [1_000, 1 << 20] {
                let (on_disk, all) = run(&members, Packing::Gzip, length, size);
                assert!(on_disk == members && all.as_ref() == Some(&plain), "{length} {size}");
                let (on_disk, all) = run(&plain, Packing::Zstd, length, size);
                assert!(
                    zstd::decode_all(&on_disk[..]).unwrap() == plain && all == Some(plain.clone())
                );
            }
        }
    }

    #[test]
    fn an_early_end_is_a_failure_and_everything_that_came_is_on_disk() {
        let body = gzip(&vec![7; 3 * BLOCK]);
        for length in [0, SMALL] {
            let (on_disk, all) = run(&body[..body.len() - 5], Packing::Gzip, length, 100);
            assert_eq!((on_disk.len(), all), (body.len() - 5, None));
        }
    }

    #[test]
    fn a_reader_that_stops_stops_everything() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(gzip(&vec![7; 64 * BLOCK]).into()).unwrap();
        let path = folder.path().join("part");
        let outcome = unpack(&path, Packing::Gzip, SMALL, receiver, &Arc::default(), |_| {
            Err::<(), _>("enough")
        });
        assert!(matches!(outcome, Err(Stopped::Reader("enough"))));
        assert!(sender.is_closed());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_the_disks_failure() {
        for length in [0, SMALL] {
            let (sender, receiver) = mpsc::channel(1);
            sender.try_send(gzip(&[7; 100]).into()).unwrap();
            let full = Path::new("/dev/full");
            let outcome = unpack(full, Packing::Gzip, length, receiver, &Arc::default(), |bytes| {
                io::copy(bytes, &mut io::sink())
            });
            let Err(Stopped::Disk(error)) = outcome else { panic!("not told") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }

    #[test]
    fn bytes_whose_decompressing_panics_end_with_an_error() {
        struct Panics(Arc<AtomicBool>);
        impl Read for Panics {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                self.0.store(true, Ordering::Relaxed);
                panic!("a bug in a decompressor");
            }
        }
        let begun = Arc::new(AtomicBool::new(false));
        let from = Panics(Arc::clone(&begun));
        let (outcome, from) = ahead(from, SMALL, &Arc::default(), |bytes| {
            // A helper is the first to read.
            while !begun.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            bytes.read_to_end(&mut Vec::new())
        });
        assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(from.is_none());
    }
}
