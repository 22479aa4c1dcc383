//! Values nobody wants: what hurts readers that split lines, trust lengths or assume ASCII.

use super::random::Rng;

/// A value put in place of the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hostile {
    /// The column it is in.
    pub(super) column: usize,
    /// Which of [`PAYLOADS`] it is, or [`HUGE`].
    payload: usize,
}

/// Short ones.
const PAYLOADS: [&str; 24] = [
    "\"",
    "\"\"",
    "\"\"\"",
    "\n",
    "\r\n",
    "\r",
    "first line\nsecond line\n",
    "first line\r\nsecond line\r\n\r\nfourth",
    "she said \"stop, now\", twice",
    "\"quoted from end to end\"",
    "\",\"",
    "\"\n\"",
    ",",
    ",,,",
    "ends with a quote\"",
    "C:\\temp\\\"new\"\\",
    "\\",
    "a\tb\u{1}c\u{1f}d\u{7f}e",
    "🙈 naïve 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﷽ e\u{301} \u{202e}abc\u{202c}",
    "TIMESTAMP",
    "EVENT_TYPE",
    "  leading and trailing  ",
    "=cmd|' /C calc'!A0",
    "\u{feff}null",
];

/// The number of the one that is 300 KB.
const HUGE: usize = PAYLOADS.len();

/// Bytes of the huge one.
const HUGE_BYTES: usize = 300 * 1024;

impl Hostile {
    /// Now and then, a value for one of the columns in `targets`.
    pub(super) fn draw(rng: &mut Rng, targets: &[usize]) -> Option<Self> {
        if !rng.chance(14) {
            return None;
        }
        let column = *rng.choose(targets)?;
        // One in eighty is huge: about one a day.
        let payload =
            if rng.below(80) == 0 { HUGE } else { rng.below(PAYLOADS.len() as u64) as usize };
        Some(Self { column, payload })
    }

    /// Appends the value.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        if let Some(text) = PAYLOADS.get(self.payload) {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        let piece = "SELECT Id, \"Name\" FROM Contact WHERE Name LIKE '%é%'\n";
        let end = out.len() + HUGE_BYTES;
        while out.len() < end {
            out.extend_from_slice(piece.as_bytes());
        }
    }
}
