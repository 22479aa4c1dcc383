//! Packs blocks on several cores into one gzip member.
//!
//! Each block is deflated by itself and flushed to a whole byte, so that the pieces can be put one
//! behind the other; the checksums are combined at the end. To a reader it is one stream.

use anyhow::{Result, bail};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// What stands before the first piece: no name, no time.
pub(super) const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
/// The last piece: an empty block that says it is the last.
const LAST: [u8; 2] = [0x03, 0x00];

/// A block, deflated.
#[derive(Debug)]
pub(super) struct Piece {
    /// The deflated bytes.
    pub(super) bytes: Vec<u8>,
    crc: Crc,
}

/// Deflates a block.
pub(super) fn piece(block: &[u8], level: u32) -> Result<Piece> {
    let mut crc = Crc::new();
    crc.update(block);
    let mut deflate = Compress::new(Compression::new(level), false);
    // More than incompressible data needs, so that one call does it.
    let mut bytes = Vec::with_capacity(block.len() + block.len() / 1_000 + 1_024);
    let status = deflate.compress_vec(block, &mut bytes, FlushCompress::Sync)?;
    if status != Status::Ok || deflate.total_in() != block.len() as u64 {
        bail!("a block could not be deflated in one step ({status:?}); report this");
    }
    Ok(Piece { bytes, crc })
}

/// Sums up the pieces.
#[derive(Debug, Default)]
pub(super) struct Sum(Crc);

impl Sum {
    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &Piece) {
        self.0.combine(&piece.crc);
    }

    /// What stands behind the last piece.
    pub(super) fn tail(&self) -> Vec<u8> {
        let mut tail = LAST.to_vec();
        tail.extend_from_slice(&self.0.sum().to_le_bytes());
        tail.extend_from_slice(&self.0.amount().to_le_bytes());
        tail
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn pieces_make_one_member_that_a_plain_reader_unpacks() {
        let long = vec![b'x'; 100_000];
        let blocks = [&b"one, "[..], b"", &long, b" end"];
        let (mut packed, mut sum) = (HEAD.to_vec(), Sum::default());
        for block in blocks {
            let piece = piece(block, 6).unwrap();
            sum.add(&piece);
            packed.extend_from_slice(&piece.bytes);
        }
        packed.extend_from_slice(&sum.tail());
        let mut reader = flate2::read::MultiGzDecoder::new(&packed[..]);
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, blocks.concat());
        assert!(packed.len() < 1_000);
    }
}
