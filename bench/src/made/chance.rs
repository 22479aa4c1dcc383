//! Numbers that look random: SplitMix64 (Steele, Lea and Flood, 2014), good enough for made-up
//! data and nothing else.

/// Letters of ids.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of a seed and a number.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut chance = Self(seed.wrapping_mul(0xd134_2543_de82_ef95) ^ number);
        Self(chance.next() ^ number.rotate_left(32))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which must not be 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// True so many times in a thousand.
    pub(super) fn permille(&mut self, times: u64) -> bool {
        self.below(1_000) < times
    }

    /// One of them.
    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// A number up to `most`, small ones far more often: sizes and times are like that.
    pub(super) fn small(&mut self, most: u64) -> u64 {
        let ceiling = (most >> self.below(10)).max(1);
        self.below(ceiling + 1)
    }

    /// Letters and digits for a whole slice.
    pub(super) fn letters(&mut self, out: &mut [u8]) {
        for ten in out.chunks_mut(10) {
            let mut number = self.next();
            for letter in ten {
                *letter = BASE62[(number % 62) as usize];
                number /= 62;
            }
        }
    }

    /// So many letters and digits.
    pub(super) fn word<const N: usize>(&mut self) -> [u8; N] {
        let mut word = [0; N];
        self.letters(&mut word);
        word
    }
}
