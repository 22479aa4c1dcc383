//! Record ids: their shape, and the 18-character form.

/// Adds the three characters that make a 15-character id safe where case is ignored.
///
/// Each stands for five characters: bit `i` is set when the `i`-th is an upper-case letter.
fn checksum(id: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    id.chunks(5)
        .map(|group| {
            let bits = group
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase())
                .fold(0_usize, |bits, (index, _)| bits | 1 << index);
            char::from(ALPHABET[bits & 31])
        })
        .collect()
}

/// The 18-character form of an id; none if the text is not an id.
pub(crate) fn canonical(id: &str) -> Option<String> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        15 => Some(format!("{id}{}", checksum(id.as_bytes()))),
        18 => Some(id.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_id_gets_its_three_characters() {
        assert_eq!(canonical("0055j00000AT6I1").unwrap(), "0055j00000AT6I1AAL");
        assert_eq!(canonical("0055j00000AT6I1AAL").unwrap(), "0055j00000AT6I1AAL");
    }

    #[test]
    fn what_is_no_id_is_none() {
        for text in ["", "0AT", "0055j00000AT6I1AA", "0055j00000AT6I/", "0055j00000AT6Ié"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
