//! Chance that can be computed in any order: every number comes from a key, not from what was
//! drawn before.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, 2014): a counter and a mixing function,
//! eight bytes of state, good enough for made-up data and nothing else. Only integer arithmetic,
//! IEEE additions, products and square roots are used, so the same seed gives the same bytes on
//! every machine.

/// The counter's step: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Letters of ids, in Salesforce's order.
pub(super) const BASE62: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Letters of opaque keys.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// SplitMix64's mixing function.
const fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A new key from a key and what it is about; not symmetric.
pub(super) const fn mix(key: u64, about: u64) -> u64 {
    finish(key.wrapping_add(STEP) ^ finish(about.wrapping_add(STEP)).rotate_left(17))
}

/// A number for a name (64-bit FNV-1a).
pub(super) const fn label(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    hash
}

/// [`mix`] with a name.
pub(super) const fn mix_label(key: u64, name: &str) -> u64 {
    mix(key, label(name))
}

/// Numbers drawn from one key.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// A generator for `key`.
    pub(super) const fn new(key: u64) -> Self {
        Self(key)
    }

    /// A generator for what `name` says about `key`.
    pub(super) const fn about(key: u64, name: &str) -> Self {
        Self(mix_label(key, name))
    }

    /// 64 bits.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        finish(self.0)
    }

    /// A number under `n`; 0 when `n` is 0.
    pub(super) const fn below(&mut self, n: u64) -> u64 {
        ((self.next() as u128 * n as u128) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(super) const fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True `permille` times in a thousand.
    pub(super) const fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// One of `items`; `None` when there are none.
    pub(super) fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    /// One of the texts, or nothing when there are none.
    pub(super) fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.choose(words).copied().unwrap_or("")
    }

    /// A number from `low` to `high` with a heavy tail: every doubling is about as likely as the
    /// next.
    pub(super) fn spread(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low) + 1;
        let octave = self.below(u64::from(span.ilog2()) + 1);
        let from = (1 << octave) - 1;
        let to = ((2 << octave) - 1).min(span);
        low + self.range(from, (to - 1).max(from))
    }

    /// How often something happens that happens `mean` times on average.
    pub(super) fn count(&mut self, mean: f64) -> u64 {
        if mean.is_nan() || mean <= 0.0 {
            return 0;
        }
        if mean < 12.0 {
            // Twenty-four trials are as good as a Poisson draw here, and need no logarithm.
            let limit = (mean / 24.0 * 2f64.powi(53)) as u64;
            return (0..24).filter(|_| self.next() >> 11 < limit).count() as u64;
        }
        // The sum of twelve uniform numbers is as good as normal, and exact everywhere.
        let unit = |bits: u64| (bits >> 11) as f64 / 2f64.powi(53);
        let normal = (0..12).map(|_| unit(self.next())).sum::<f64>() - 6.0;
        (mean + mean.sqrt() * normal).max(0.0).round() as u64
    }

    /// Appends `n` letters and digits as Salesforce's hashed keys have them.
    pub(super) fn opaque(&mut self, n: usize, out: &mut Vec<u8>) {
        let mut left = 0;
        let mut bits = 0;
        for _ in 0..n {
            if left == 0 {
                bits = self.next();
                left = 10;
            }
            out.push(BASE64[(bits & 63) as usize]);
            bits >>= 6;
            left -= 1;
        }
    }

    /// Appends `n` lower-case hexadecimal digits.
    pub(super) fn hex(&mut self, n: usize, out: &mut Vec<u8>) {
        let mut bits = 0;
        for i in 0..n {
            if i % 16 == 0 {
                bits = self.next();
            }
            out.push(b"0123456789abcdef"[(bits & 15) as usize]);
            bits >>= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_the_mean_they_were_asked_for() {
        for mean in [0.05, 0.7, 4.0, 40.0, 900.0] {
            let total: u64 = (0..4000).map(|k| Rng::new(mix(7, k)).count(mean)).sum();
            let seen = total as f64 / 4000.0;
            assert!((seen - mean).abs() < mean * 0.1 + 0.02, "{mean} became {seen}");
        }
    }

    #[test]
    fn spread_stays_in_its_bounds_and_reaches_both_ends() {
        let mut rng = Rng::new(3);
        let drawn: Vec<u64> = (0..20_000).map(|_| rng.spread(5, 1000)).collect();
        assert!(drawn.iter().all(|n| (5..=1000).contains(n)));
        assert!(drawn.iter().any(|n| *n < 8) && drawn.iter().any(|n| *n > 900));
        assert_eq!(rng.spread(4, 4), 4);
    }

    #[test]
    fn mix_tells_order_apart() {
        assert_ne!(mix(mix(1, 2), 3), mix(mix(1, 3), 2));
        assert_ne!(mix(1, 2), mix(2, 1));
    }
}
