//! Where a unit's file is. Every part of the path may come from the org, so none is trusted.

use aws_lc_rs::digest;
use orgtap_events::UnitInfo;

use super::Compression;

/// Longest part of a path, bytes. File systems allow 255; the rest is for suffixes.
const LONGEST: usize = 120;

/// The folders of a unit, outermost first: connector, event type, day.
pub(super) fn folder(unit: &UnitInfo) -> [String; 3] {
    [tame(&unit.connector), tame(&unit.event_type), unit.day().to_string()]
}

/// The name of a unit's file.
///
/// A unit whose first rows went elsewhere, because a destination of this name was of another type
/// when it began, says so: the file must not pass for the whole unit nor replace it.
pub(super) fn file_name(unit: &UnitInfo, first_row: u64, compression: Compression) -> String {
    let name = stem(unit);
    let suffix = compression.suffix();
    if first_row == 0 {
        format!("{name}{suffix}")
    } else {
        format!("{name}.from-{first_row}{suffix}")
    }
}

/// What the names of all temporary files of a unit begin with.
pub(super) fn temporary_prefix(unit: &UnitInfo) -> String {
    format!(".{}.", stem(unit))
}

fn stem(unit: &UnitInfo) -> String {
    tame(&unit.key())
}

/// A text as one part of a path: different texts stay different, ordinary ones stay readable.
///
/// Letters, digits, dots, dashes and underscores stay; all else becomes `%` and two digits, as
/// does a dot at the start. A long text is cut and ends with a hash of the whole.
fn tame(text: &str) -> String {
    use std::fmt::Write as _;
    let mut part = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_')
            || (byte == b'.' && index > 0);
        if plain {
            part.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(part, "%{byte:02X}").ok();
        }
    }
    if part.is_empty() {
        // No text yields a lone percent sign.
        part.push('%');
    }
    if part.len() > LONGEST {
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        part.truncate(LONGEST - 34);
        part.push_str("%~");
        for byte in hash.as_ref().iter().take(16) {
            write!(part, "{byte:02x}").ok();
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for text in ["Login", "acme-prod_2", "v1.2", "0AT3000000001aZGAQ-1763856000-12345"] {
            assert_eq!(tame(text), text);
        }
    }

    #[test]
    fn hostile_names_become_one_harmless_part_each_and_stay_different() {
        let hostile = [
            "",
            ".",
            "..",
            "../x",
            "..%2Fx",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "a\0b",
            "a\nb",
            "é",
            "e\u{301}",
            ".hidden",
            "%",
            "%~",
            "C:",
            "a b",
        ];
        let mut seen = HashSet::new();
        for text in hostile {
            let part = tame(text);
            assert!(!part.is_empty() && !part.starts_with('.'), "{text:?} {part:?}");
            assert!(part.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\'));
            assert!(seen.insert(part), "{text:?} is taken for another");
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (a, b) = (format!("{}a", "x".repeat(5_000)), format!("{}b", "x".repeat(5_000)));
        assert!(tame(&a).len() <= LONGEST && tame(&a) != tame(&b));
        let slashes = "/".repeat(300);
        assert!(tame(&slashes).len() <= LONGEST && tame(&slashes).is_ascii());
    }
}
