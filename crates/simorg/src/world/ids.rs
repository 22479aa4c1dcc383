//! Record ids: fifteen letters and digits where case matters, or eighteen where it does not.

use super::random::{BASE62, mix};

/// How many records a prefix can have here: six of the fifteen places are counted.
const SPACE: u64 = 62u64.pow(6);

/// Bits of a log file's number that are shuffled; 2^35 is below [`SPACE`].
const FILE_BITS: u32 = 35;

/// The fifteen characters of record `n` of the kind `prefix`, in the instance `instance`.
pub(super) fn fifteen(prefix: &str, instance: [u8; 2], n: u64) -> [u8; 15] {
    let mut id = *b"000000000000000";
    for (place, byte) in id.iter_mut().zip(prefix.bytes().take(3)) {
        *place = byte;
    }
    id[3..5].copy_from_slice(&instance);
    let mut rest = n % SPACE;
    for place in id[9..].iter_mut().rev() {
        *place = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    id
}

/// The case-safe form: three more characters, each telling which of five are upper case.
pub(super) fn eighteen(id: [u8; 15]) -> [u8; 18] {
    let mut long = [0; 18];
    long[..15].copy_from_slice(&id);
    for (group, place) in id.chunks(5).zip(15..) {
        let upper = group
            .iter()
            .enumerate()
            .filter(|(_, letter)| letter.is_ascii_uppercase())
            .fold(0, |bits, (i, _)| bits | 1 << i);
        long[place] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[upper];
    }
    long
}

/// Ids are plain ASCII.
pub(super) fn text(id: &[u8]) -> String {
    String::from_utf8_lossy(id).into_owned()
}

/// Two characters that tell this org's instance, from the seed.
pub(super) fn instance(seed: u64) -> [u8; 2] {
    let bits = mix(seed, 0x1d);
    [b"0123456789"[(bits % 10) as usize], BASE62[36 + (bits >> 8) as usize % 26]]
}

/// The id of a log file from its place in the org's history. Different places give different ids
/// in no order one could rely on.
pub(super) fn log_file(seed: u64, instance: [u8; 2], place: FilePlace) -> String {
    let mask = (1 << FILE_BITS) - 1;
    let mut n = u64::from(place.day) << 17
        | u64::from(place.event_type) << 9
        | u64::from(place.slot) << 4
        | u64::from(place.edition);
    debug_assert!(n <= mask, "{place:?} is out of range");
    // Each step can be undone within the mask, so no two places meet.
    for round in 0..3 {
        let odd = mix(seed, round) | 1;
        n = n.wrapping_mul(odd) & mask;
        n ^= n >> 18;
    }
    text(&eighteen(fifteen("0AT", instance, n)))
}

/// Where a log file belongs; what its id is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FilePlace {
    /// Day of the world, under 2^18.
    pub(super) day: u32,
    /// Number of the event type.
    pub(super) event_type: u8,
    /// Hour, or 24 for the day's own file; under 32.
    pub(super) slot: u8,
    /// Sequence of an hourly file, or which id a daily one has; under 16.
    pub(super) edition: u8,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn known_ids_get_their_known_suffix() {
        assert_eq!(&eighteen(*b"0055j00000AT6I1"), b"0055j00000AT6I1AAL");
        assert_eq!(&eighteen(*b"000000000000000"), b"000000000000000AAA");
    }

    #[test]
    fn no_two_log_files_share_an_id() {
        let mut seen = HashSet::new();
        for day in 0..40 {
            for event_type in 0..80 {
                for slot in 0..25 {
                    for edition in 0..2 {
                        let place = FilePlace { day, event_type, slot, edition };
                        assert!(seen.insert(log_file(9, *b"5j", place)));
                    }
                }
            }
        }
    }
}
