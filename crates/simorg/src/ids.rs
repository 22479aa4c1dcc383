//! Record ids: 15 characters where case counts, and the 18-character form that survives tools that
//! fold case.

/// Letters of the three check characters.
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
/// Digits of an id, in the order in which they sort.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Appends the three check characters to a 15-character id. Anything else comes back unchanged.
pub(crate) fn to_18(id: &str) -> String {
    if id.len() != 15 || !id.is_ascii() {
        return id.to_owned();
    }
    let mut out = id.to_owned();
    for group in id.as_bytes().chunks(5) {
        let upper = group
            .iter()
            .enumerate()
            .fold(0, |bits, (i, byte)| bits | (usize::from(byte.is_ascii_uppercase()) << i));
        out.push(char::from(CHECK[upper]));
    }
    out
}

/// The id with this prefix (three characters) and number, 18 characters.
pub(crate) fn make(prefix: &str, number: u64) -> String {
    let mut digits = [b'0'; 12];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    to_18(&format!("{prefix}{}", String::from_utf8_lossy(&digits)))
}

/// The 15 characters that identify a record, if `text` has the form of an id at all.
pub(crate) fn significant(text: &str) -> Option<&str> {
    let right_form =
        matches!(text.len(), 15 | 18) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if right_form { text.get(..15) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_long_form_is_the_platforms() {
        assert_eq!(to_18("0055j00000AT6I1"), "0055j00000AT6I1AAL");
        assert_eq!(to_18("short"), "short");
    }

    #[test]
    fn made_ids_are_18_characters_and_distinct() {
        assert_eq!(make("0AT", 0), to_18("0AT000000000000"));
        assert_eq!(make("01g", 61).get(..15), Some("01g00000000000z"));
        assert_ne!(make("0AT", 1), make("0AT", 2));
        assert_eq!(make("0AT", u64::MAX).len(), 18);
    }

    #[test]
    fn only_ids_have_significant_characters() {
        assert_eq!(significant("0055j00000AT6I1AAL"), Some("0055j00000AT6I1"));
        assert_eq!(significant("0055j00000AT6I1"), Some("0055j00000AT6I1"));
        assert_eq!(significant("0055j00000AT6I"), None);
        assert_eq!(significant("0055j00000AT6é"), None);
    }
}
