//! Which of 64 bytes are of which kind: one bit for each.
//!
//! All ways give the same answer: AVX-512 or AVX2 where the processor has it, which is asked once,
//! SSE2 on every other x86-64, and plain arithmetic elsewhere.

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
    /// Cannot stand for itself in a JSON string, quotes aside, or is no ASCII.
    pub(super) care: u64,
}

/// Where in a block cells end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    /// Place of the block's first byte.
    pub(super) base: u32,
    /// A bit for each end.
    pub(super) all: u64,
    /// Those of them that come after a closing quote.
    pub(super) quoted: u64,
}

/// With the place of an end: the byte before it is a closing quote.
pub(super) const QUOTED: u32 = 1 << 29;

/// How the machine at hand does it best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    #[cfg(target_arch = "x86_64")]
    Avx512,
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
        all.extend([Self::Sse2].into_iter().chain((all[0] == Self::Avx512).then_some(Self::Avx2)));
        all
    }

    #[cfg(target_arch = "x86_64")]
    pub(super) fn best() -> Self {
        use std::arch::is_x86_feature_detected as has;
        // All that is made use of: who runs a virtual machine may hide some of it.
        let avx2 = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("popcnt") && has!("lzcnt");
        let avx512 = has!("avx512f") && has!("avx512bw") && has!("avx512vbmi2");
        match (avx2, avx512) {
            (true, true) => Self::Avx512,
            (true, false) => Self::Avx2,
            (false, _) => Self::Sse2,
        }
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
        masks.care |= u64::from(!matches!(*byte, 0x20..0x80) || *byte == b'\\') << at;
    }
    masks
}

/// Appends the places of a block's ends, eight at a time: how many there are is hard to foretell,
/// but seldom more. In most files all cells are quoted, or none.
#[inline(always)]
#[expect(clippy::inline_always, reason = "compiled once for each set of instructions")]
#[expect(unsafe_code, reason = "pushing each takes as long as the rest of the block's work")]
pub(super) fn places(out: &mut Vec<u32>, Ends { base, all, quoted }: Ends) {
    let (length, count) = (out.len(), all.count_ones() as usize);
    out.reserve(BLOCK + 8);
    let base = if quoted == 0 { base } else { base | QUOTED };
    let mut rest = all;
    let mut at = 0;
    loop {
        for offset in at..at + 8 {
            // SAFETY: `at` is below 64, since it counts ends of a block of 64 bytes in steps of
            // eight; so there is room. What is written too much is not counted.
            unsafe {
                out.as_mut_ptr()
                    .add(length + offset)
                    .write(base.wrapping_add(rest.trailing_zeros()));
            }
            rest &= rest.wrapping_sub(1);
        }
        at += 8;
        if at >= count {
            break;
        }
    }
    // SAFETY: so many were written, and more.
    unsafe { out.set_len(length + count) };
    if quoted != 0 && quoted != all {
        for place in out.iter_mut().skip(length) {
            if quoted >> (*place - base) & 1 == 0 {
                *place &= !QUOTED;
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{avx2, avx512, places_avx512, sse2};

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads of vectors from memory are calls of the processor's")]
#[expect(clippy::cast_ptr_alignment, reason = "the loads used need no alignment")]
mod x86 {
    use std::arch::x86_64::{
        __m128i, __m256i, __m512i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128,
        _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_cmpgt_epi8,
        _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
        _mm512_add_epi32, _mm512_alignr_epi64, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask,
        _mm512_cmplt_epi8_mask, _mm512_cvtepu8_epi32, _mm512_loadu_si512, _mm512_mask_or_epi32,
        _mm512_maskz_compress_epi8, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_storeu_si512,
        _pext_u64,
    };

    use super::{BLOCK, Ends, Masks, QUOTED};

    /// All 64 at once.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(in super::super) fn avx512(block: &[u8; BLOCK]) -> Masks {
        // SAFETY: the block has 64 bytes; loads need no alignment.
        let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast::<__m512i>()) };
        let is = |wanted: u8| _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(wanted.cast_signed()));
        // With a sign, what is no ASCII is less, too.
        let care = _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(0x20)) | is(b'\\');
        Masks { quote: is(b'"'), comma: is(b','), line: is(b'\n'), care }
    }

    /// [`super::places`], all at once.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2,popcnt")]
    pub(in super::super) fn places_avx512(out: &mut Vec<u32>, Ends { base, all, quoted }: Ends) {
        /// Every byte's place in its block.
        const PLACES: [u8; BLOCK] = {
            let mut places = [0; BLOCK];
            let mut at = 0;
            while at < BLOCK {
                places[at] = at as u8;
                at += 1;
            }
            places
        };
        let (length, count) = (out.len(), all.count_ones() as usize);
        out.reserve(BLOCK);
        // SAFETY: there are 64 places; loads need no alignment.
        let places = unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast::<__m512i>()) };
        // The places of ends come to the front, and so do their marks.
        let mut places = _mm512_maskz_compress_epi8(all, places);
        let mut quoted = _pext_u64(quoted, all);
        let base = _mm512_set1_epi32(base.cast_signed());
        let mark = _mm512_set1_epi32(QUOTED.cast_signed());
        let mut at = 0;
        loop {
            let sixteen =
                _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(places)), base);
            let sixteen = _mm512_mask_or_epi32(sixteen, quoted as u16, sixteen, mark);
            // SAFETY: `at` is 0, 16, 32 or 48, since it is below the number of bits; so there is
            // room for sixteen. What is written too much is not counted.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().add(length + at).cast(), sixteen) };
            at += 16;
            if at >= count {
                break;
            }
            places = _mm512_alignr_epi64::<2>(places, places);
            quoted >>= 16;
        }
        // SAFETY: so many were written, and more.
        unsafe { out.set_len(length + count) };
    }

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
        let care = |bytes| {
            // With a sign, what is no ASCII is less, too.
            let less = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes);
            let slash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\'.cast_signed()));
            _mm256_or_si256(less, slash)
        };
        let care = bits(care(low), care(high));
        Masks { quote: is(b'"'), comma: is(b','), line: is(b'\n'), care }
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
        let care = |bytes| {
            // With a sign, what is no ASCII is less, too.
            let less = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
            _mm_or_si128(less, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed())))
        };
        let care = bits(parts.map(care));
        Masks { quote: is(b'"'), comma: is(b','), line: is(b'\n'), care }
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
                if Way::all().contains(&Way::Avx2) {
                    #[expect(unsafe_code, reason = "asked of the processor in the line above")]
                    // SAFETY: the processor has AVX2.
                    let found = unsafe { avx2(block) };
                    prop_assert_eq!(found, expected);
                }
                if Way::best() == Way::Avx512 {
                    #[expect(unsafe_code, reason = "asked of the processor in the line above")]
                    // SAFETY: the processor has AVX-512.
                    let found = unsafe { avx512(block) };
                    prop_assert_eq!(found, expected);
                }
            }
            for (at, byte) in bytes.iter().enumerate() {
                prop_assert_eq!(expected.quote >> at & 1 == 1, *byte == b'"');
            }
        }

        #[test]
        fn every_way_finds_the_same_places(
            base in 0_u32..1000,
            ends in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), (0_u32..64).prop_map(|at| 1 << at)],
            quoted in any::<u64>(),
        ) {
            let quoted = quoted & ends;
            let bits = (0..64).filter(|at| ends >> at & 1 == 1);
            let mark = |at: u32| if quoted >> at & 1 == 1 { QUOTED } else { 0 };
            let expected: Vec<u32> = [7].into_iter().chain(bits.map(|at| (base + at) | mark(at))).collect();
            let mut found = vec![7];
            places(&mut found, Ends { base, all: ends, quoted });
            prop_assert_eq!(&found, &expected);
            #[cfg(target_arch = "x86_64")]
            if Way::best() == Way::Avx512 {
                let mut found = vec![7];
                #[expect(unsafe_code, reason = "asked of the processor in the line above")]
                // SAFETY: the processor has AVX-512.
                unsafe { places_avx512(&mut found, Ends { base, all: ends, quoted }) };
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}
