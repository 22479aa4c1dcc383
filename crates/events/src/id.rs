//! Salesforce ids.

/// Whether the text has the shape of an id: 15 or 18 letters and digits.
pub fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The 18-character form of an id, which is safe to compare without regard to case. One that has
/// 18 characters already is given back; anything that is no id is `None`.
pub fn to_18(id: &str) -> Option<String> {
    const SUFFIX: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
    if !is_id(id) {
        return None;
    }
    let mut long = id.to_owned();
    if id.len() == 15 {
        for group in id.as_bytes().chunks(5) {
            let upper = group
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase())
                .fold(0, |bits, (index, _)| bits | 1 << index);
            long.push(char::from(*SUFFIX.get(upper as usize)?));
        }
    }
    Some(long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengthens_published_ids() {
        assert_eq!(to_18("0055j00000AT6I1").as_deref(), Some("0055j00000AT6I1AAL"));
        assert_eq!(to_18("0055j00000AT6I1AAL").as_deref(), Some("0055j00000AT6I1AAL"));
        assert_eq!(to_18("000000000000000").as_deref(), Some("000000000000000AAA"));
    }

    #[test]
    fn refuses_what_is_no_id() {
        for text in ["", "s4heK3WbH-lcJIL3-n", "0055j00000AT6I", "0055j00000AT6Ié"] {
            assert_eq!(to_18(text), None, "{text}");
        }
    }
}
