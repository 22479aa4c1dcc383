//! A unit's bytes on their way to whoever reads them: as they come from the org, into the spool
//! and decompressed at once ([`unpack`]), or later from the spool.
//!
//! Large units are decompressed on a thread of their own, ahead of the reader; for small ones that
//! costs more than it saves.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use orgtap_codec::csv::{Block, Blocks, Plain};
use tokio::sync::mpsc;

use crate::queue::{self, queue};
use crate::spool::Packing;

/// Units below this length are decompressed and inspected by turns, bytes.
const SMALL: u64 = 1024 * 1024;
/// Bytes handed over at a time.
const BLOCK: usize = 128 * 1024;
/// Blocks on their way, at most.
const BLOCKS: usize = 6;

/// Whether a unit of this length is decompressed on a thread of its own.
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
    read: impl FnOnce(&mut dyn Blocks) -> Result<T, E>,
) -> Result<(u64, T), Stopped<E>> {
    let mut tee = Tee::new(path, packing, pieces).map_err(Stopped::Disk)?;
    let outcome = match packing {
        Packing::Gzip => ahead(MultiGzDecoder::new(&mut tee), length, read),
        Packing::Zstd => ahead(&mut tee, length, read),
    };
    // A reader that met the end of a file that could not be written knows nothing of that.
    let written = tee.finish().map_err(Stopped::Disk)?;
    Ok((written, outcome.map_err(Stopped::Reader)?))
}

/// Lets `read` have a unit of `length` bytes, which are decompressed ahead of it on another thread
/// if they are many.
pub(crate) fn ahead<T>(
    from: impl Read + Send,
    length: u64,
    read: impl FnOnce(&mut dyn Blocks) -> T,
) -> T {
    if !is_large(length) {
        return read(&mut Plain(from));
    }
    let (blocks, filled) = queue(BLOCKS);
    let (empty, spare) = sync_channel(BLOCKS + 2);
    std::thread::scope(|scope| {
        scope.spawn(move || fill(from, &blocks, &spare));
        // Dropped at the end, so that a decompressor that has more to give ends as well.
        read(&mut Ahead { filled, empty, block: Block::default(), ended: false })
    })
}

/// Decompresses into blocks until there is no more, or nobody wants it. An empty block is the end.
fn fill(mut from: impl Read, blocks: &queue::Sender<io::Result<Block>>, spare: &Receiver<Block>) {
    loop {
        let mut block = spare.try_recv().unwrap_or_default();
        let outcome = block.fill(&mut from, BLOCK);
        let ended = block.filled().len() < BLOCK;
        if !block.is_empty() && blocks.send(Ok(block)).is_err() {
            return;
        }
        let last = match outcome {
            Ok(()) if ended => Ok(Block::default()),
            Ok(()) => continue,
            Err(error) => Err(error),
        };
        // If nobody hears it, nobody needs it.
        drop(blocks.send(last));
        return;
    }
}

/// What was decompressed, as a stream.
struct Ahead {
    filled: queue::Receiver<io::Result<Block>>,
    empty: SyncSender<Block>,
    block: Block,
    ended: bool,
}

impl Ahead {
    /// Goes on to the next block if this one is done with.
    fn turn(&mut self) -> io::Result<()> {
        if self.block.is_empty() && !self.ended {
            let used = std::mem::take(&mut self.block);
            // When there are spare blocks enough, or no more needed, this one is dropped.
            drop(self.empty.try_send(used));
            // Whoever goes without a word has not come to the end.
            self.block = self.filled.recv().ok_or(io::ErrorKind::UnexpectedEof)??;
            self.ended = self.block.is_empty();
        }
        Ok(())
    }
}

impl Read for Ahead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.turn()?;
        self.block.read(out)
    }
}

impl Blocks for Ahead {
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
        let outcome = unpack(&path, packing, length, receiver, |bytes| {
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
        let outcome = unpack(&path, Packing::Gzip, SMALL, receiver, |_| Err::<(), _>("enough"));
        assert!(matches!(outcome, Err(Stopped::Reader("enough"))));
        assert!(sender.is_closed());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_the_disks_failure() {
        for length in [0, SMALL] {
            let (sender, receiver) = mpsc::channel(1);
            sender.try_send(gzip(&[7; 100]).into()).unwrap();
            let full = Path::new("/dev/full");
            let outcome = unpack(full, Packing::Gzip, length, receiver, |bytes| {
                io::copy(bytes, &mut io::sink())
            });
            let Err(Stopped::Disk(error)) = outcome else { panic!("not told") };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
    }
}
