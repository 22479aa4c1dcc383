//! Bytes that come in blocks, which a reader takes over whole instead of copying them.

use std::io::{self, Read};

use crate::copy::SLACK;

/// Room before a new block's bytes: for the row that begins in the block before it. A longer one is
/// copied together, which tests do more often.
pub(super) const HEAD: usize = if cfg!(test) { 64 } else { 4 * 1024 };

/// A stream of bytes, some of which may be had in blocks.
pub trait Blocks: Read {
    /// Gives the bytes that are next, a whole block of them, for one that is done with. Answers
    /// false, and leaves the block as it is, if they can only be read.
    fn swap(&mut self, block: &mut Block) -> io::Result<bool> {
        let _ = block;
        Ok(false)
    }
}

impl<B: Blocks + ?Sized> Blocks for &mut B {
    fn swap(&mut self, block: &mut Block) -> io::Result<bool> {
        (**self).swap(block)
    }
}

/// A stream without blocks.
#[derive(Debug)]
pub struct Plain<R>(pub R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl<R: Read> Blocks for Plain<R> {}

/// Bytes in a buffer with room on both sides: before them for the row that began in another block,
/// unless there are none, and behind them for what is copied by blocks.
#[derive(Debug, Default)]
pub struct Block {
    pub(super) buffer: Vec<u8>,
    /// Where the bytes begin, and where they end.
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Block {
    /// The bytes.
    pub fn filled(&self) -> &[u8] {
        self.buffer.get(self.from..self.to).unwrap_or_default()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filled().is_empty()
    }

    /// Puts the next `size` bytes of a stream in place of what is here; fewer if it ends or fails.
    pub fn fill(&mut self, stream: &mut (impl Read + ?Sized), size: usize) -> io::Result<()> {
        let length = HEAD + size + SLACK;
        if self.buffer.len() > 2 * length {
            // It was made for a long row.
            self.buffer = Vec::new();
        }
        self.buffer.resize(length, 0);
        (self.from, self.to) = (HEAD, HEAD);
        while self.to < HEAD + size {
            match stream.read(&mut self.buffer[self.to..HEAD + size]) {
                Ok(0) => break,
                Ok(count) => self.to += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Gives the bytes from the front.
impl Read for Block {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.filled().read(out)?;
        self.from += count;
        Ok(count)
    }
}
