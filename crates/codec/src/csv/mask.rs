//! Which of 64 bytes are of which kind: one bit for each.
//!
//! Three ways give the same answer: AVX2 where the processor has it, which is asked once, SSE2 on
//! every other x86-64, and plain arithmetic elsewhere.

/// Bytes looked at together.
pub(super) const BLOCK: usize = 64;

/// Bit `i` of each field tells of byte `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Masks {
    /// `"`
    pub(super) quote: u64,
    /// `,`
    pub(super) comma: u64,
    /// A line feed.
    pub(super) line: u64,
    /// Cannot stand for itself in a JSON string, quotes aside: control characters, `\`.
    pub(super) special: u64,
    /// No ASCII.
    pub(super) high: u64,
}

/// How the machine at hand does it best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Sse2,
    #[cfg_attr(
        all(target_arch = "x86_64", not(test)),
        expect(dead_code, reason = "other processors and tests use it")
    )]
    Plain,
}

impl Way {
    /// All that the machine at hand can do.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::best(), Self::Plain];
        #[cfg(target_arch = "x86_64")]
        all.push(Self::Sse2);
        all
    }

    #[cfg(target_arch = "x86_64")]
    pub(super) fn best() -> Self {
        if std::arch::is_x86_feature_detected!("avx2") { Self::Avx2 } else { Self::Sse2 }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn best() -> Self {
        Self::Plain
    }
}

/// Eight bytes at a time, each compared in its own place of a word.
#[inline]
pub(super) fn plain(block: &[u8; BLOCK]) -> Masks {
    let mut masks = Masks::default();
    for (at, byte) in block.iter().enumerate() {
        masks.quote |= u64::from(*byte == b'"') << at;
        masks.comma |= u64::from(*byte == b',') << at;
        masks.line |= u64::from(*byte == b'\n') << at;
        masks.special |= u64::from(*byte < 0x20 || *byte == b'\\') << at;
        masks.high |= u64::from(*byte >= 0x80) << at;
    }
    masks
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{avx2, sse2};

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads of vectors from memory are calls of the processor's")]
#[expect(clippy::cast_ptr_alignment, reason = "the loads used need no alignment")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
        _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    };

    use super::{BLOCK, Masks};

    /// 32 bytes at a time.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in super::super) fn avx2(block: &[u8; BLOCK]) -> Masks {
        let load = |at: usize| {
            // SAFETY: 32 bytes from 0 or from 32 on lie in the block of 64; loads need no
            // alignment.
            unsafe { _mm256_loadu_si256(block.as_ptr().add(at).cast::<__m256i>()) }
        };
        let (low, high) = (load(0), load(32));
        let bits = |low, high| {
            let low = u64::from(_mm256_movemask_epi8(low).cast_unsigned());
            low | u64::from(_mm256_movemask_epi8(high).cast_unsigned()) << 32
        };
        let is = |wanted: u8| {
            let wanted = _mm256_set1_epi8(wanted.cast_signed());
            bits(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted))
        };
        let special = |bytes| {
            let control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
            let slash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\'.cast_signed()));
            _mm256_or_si256(control, slash)
        };
        Masks {
            quote: is(b'"'),
            comma: is(b','),
            line: is(b'\n'),
            special: bits(special(low), special(high)),
            high: bits(low, high),
        }
    }

    /// 16 bytes at a time.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(in super::super) fn sse2(block: &[u8; BLOCK]) -> Masks {
        let load = |at: usize| {
            // SAFETY: 16 bytes from 0, 16, 32 or 48 on lie in the block of 64; loads need no
            // alignment.
            unsafe { _mm_loadu_si128(block.as_ptr().add(at).cast::<__m128i>()) }
        };
        let parts = [load(0), load(16), load(32), load(48)];
        // 16 bits each.
        let bits = |[a, b, c, d]: [__m128i; 4]| {
            let bits = |part| u64::from(_mm_movemask_epi8(part).cast_unsigned());
            bits(a) | bits(b) << 16 | bits(c) << 32 | bits(d) << 48
        };
        let is = |wanted: u8| {
            let wanted = _mm_set1_epi8(wanted.cast_signed());
            bits(parts.map(|part| _mm_cmpeq_epi8(part, wanted)))
        };
        let special = |bytes| {
            let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
            _mm_or_si128(control, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed())))
        };
        Masks {
            quote: is(b'"'),
            comma: is(b','),
            line: is(b'\n'),
            special: bits(parts.map(special)),
            high: bits(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_way_gives_the_same_masks(
            bytes in prop::collection::vec(
                prop_oneof![any::<u8>(), prop::sample::select(b"\",\n\r\\\x1f\x20\x7f\x80".to_vec())],
                BLOCK,
            ),
        ) {
            let block: &[u8; BLOCK] = bytes.as_slice().try_into().unwrap();
            let expected = plain(block);
            #[cfg(target_arch = "x86_64")]
            {
                #[expect(unsafe_code, reason = "every x86-64 has SSE2")]
                // SAFETY: every x86-64 has SSE2.
                let found = unsafe { sse2(block) };
                prop_assert_eq!(found, expected);
                if Way::best() == Way::Avx2 {
                    #[expect(unsafe_code, reason = "asked of the processor in the line above")]
                    // SAFETY: the processor has AVX2.
                    let found = unsafe { avx2(block) };
                    prop_assert_eq!(found, expected);
                }
            }
            for (at, byte) in bytes.iter().enumerate() {
                prop_assert_eq!(expected.quote >> at & 1 == 1, *byte == b'"');
            }
        }
    }
}
