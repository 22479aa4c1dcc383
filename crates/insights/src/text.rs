//! Values as names: short, and without what would hide or break a line.

use orgtap_ledger::CompactString;

/// Bytes of a name, at most.
pub(crate) const LONGEST: usize = 160;

/// A value as a name: without control characters, and not longer than [`LONGEST`].
pub(crate) fn clean(value: &[u8]) -> CompactString {
    let is_plain = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if let Ok(plain) = str::from_utf8(value)
        && is_plain
        && value.len() <= LONGEST
    {
        return plain.into();
    }
    let shown = value.get(..LONGEST.min(value.len())).unwrap_or_default();
    let text = String::from_utf8_lossy(shown);
    let cut = value.len() > LONGEST;
    // A character that was cut in the middle has become one that stands for nothing.
    let text = if cut { text.trim_end_matches(char::REPLACEMENT_CHARACTER) } else { &*text };
    let hidden = |c: char| c.is_control() || is_invisible(c);
    let mut name: CompactString =
        text.chars().map(|c| if hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if cut {
        name.push('…');
    }
    name
}

/// Whether a character changes the direction of text, or has no width.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The first 15 characters of an id that may be written with 18.
pub(crate) fn short_id(id: &[u8]) -> &[u8] {
    match id.len() {
        18 => id.get(..15).unwrap_or(id),
        _ => id,
    }
}

/// Appends a path without query and fragment, and with `*` for what looks like an id.
pub(crate) fn path(out: &mut Vec<u8>, path: &[u8]) {
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#' | b';'));
    let path = path.get(..end.unwrap_or(path.len())).unwrap_or_default();
    for (turn, part) in path.split(|byte| *byte == b'/').enumerate() {
        if turn > 0 {
            out.push(b'/');
        }
        out.extend_from_slice(if is_id(part) { b"*" } else { part });
    }
}

/// Whether a part of a path looks like an id of the org: 15 or 18 letters and digits that begin
/// with a prefix of three, of which one is a digit, and hold a further digit.
fn is_id(part: &[u8]) -> bool {
    let digits = |part: &[u8]| part.iter().filter(|byte| byte.is_ascii_digit()).count();
    matches!(part.len(), 15 | 18)
        && part.iter().all(u8::is_ascii_alphanumeric)
        && digits(part.get(..3).unwrap_or_default()) > 0
        && digits(part) > 2
}

/// A whole number, or the whole part of one; nothing of what is none or negative. At most 10^12,
/// so that nobody can make a sum that has no room.
pub(crate) fn number(text: &[u8]) -> i64 {
    const MOST: i64 = 1_000_000_000_000;
    // So many digits always have room.
    const ROOM: usize = 18;
    let mut value = 0_i64;
    for (at, byte) in text.iter().enumerate() {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        match byte {
            b'0'..=b'9' if at < ROOM => value = value * 10 + digit,
            b'0'..=b'9' => value = value.saturating_mul(10).saturating_add(digit),
            b'.' => break,
            _ => return 0,
        }
    }
    value.min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!(clean(b"a\x00b\x1f"), "a\u{fffd}b\u{fffd}");
        assert_eq!(clean("evil\u{202e}txt".as_bytes()), "evil\u{fffd}txt");
        let long = clean("é".repeat(1_000).as_bytes());
        assert!(long.len() <= LONGEST + 3 && long.ends_with("é…"), "{long}");
        assert_eq!(clean(b"caf\xe9"), "caf\u{fffd}");
    }

    #[test]
    fn paths_lose_ids_and_queries() {
        let shown = |text: &str| {
            let mut out = Vec::new();
            path(&mut out, text.as_bytes());
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            shown("/lightning/r/Account/0015j00000AbCdEAAV/view?x=1"),
            "/lightning/r/Account/*/view"
        );
        assert_eq!(shown("/0015j00000AbCdE"), "/*");
        assert_eq!(shown("/setup/forcecomHome/x"), "/setup/forcecomHome/x");
        assert_eq!(shown("relativepathabc"), "relativepathabc");
    }

    #[test]
    fn numbers_are_read_and_bounded() {
        for (text, value) in [
            ("12", 12),
            ("12.9", 12),
            ("", 0),
            ("-1", 0),
            ("1e9", 0),
            ("99999999999999999999", 1_000_000_000_000),
            ("0000000000000000000000012", 12),
        ] {
            assert_eq!(number(text.as_bytes()), value, "{text}");
        }
    }
}
