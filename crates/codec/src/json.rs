//! JSON strings from raw bytes.

/// Which bytes cannot stand for themselves in a JSON string: quote, backslash, control characters.
const fn special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Bytes looked at together; the check compiles to vector instructions.
const BLOCK: usize = 32;

/// Appends `content` to `out` as the inside of a JSON string, without the quotes around it.
///
/// The content should be UTF-8; other bytes are passed on as they are.
pub fn escape(out: &mut Vec<u8>, content: &[u8]) {
    let mut rest = content;
    while let Some((block, tail)) = rest.split_first_chunk::<BLOCK>() {
        if block.iter().fold(false, |found, byte| found | special(*byte)) {
            escape_slowly(out, block);
        } else {
            out.extend_from_slice(block);
        }
        rest = tail;
    }
    if rest.iter().fold(false, |found, byte| found | special(*byte)) {
        escape_slowly(out, rest);
    } else {
        out.extend_from_slice(rest);
    }
}

/// Like [`escape`], for a CSV cell as written: each doubled quote stands for one.
pub fn escape_doubled(out: &mut Vec<u8>, written: &[u8]) {
    between_doubled(out, written, escape);
}

/// Like [`escape_doubled`], for a cell that has nothing else to escape.
pub(crate) fn undoubled(out: &mut Vec<u8>, written: &[u8]) {
    between_doubled(out, written, Vec::extend_from_slice);
}

/// Puts `\"` for each two quotes, and what lies between them by `copy`.
fn between_doubled(out: &mut Vec<u8>, written: &[u8], copy: impl Fn(&mut Vec<u8>, &[u8])) {
    let mut rest = written;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        copy(out, &rest[..quote]);
        out.extend_from_slice(b"\\\"");
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    copy(out, rest);
}

/// Appends `text` as a whole JSON string, quotes included.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text.as_bytes());
    out.push(b'"');
}

fn escape_slowly(out: &mut Vec<u8>, content: &[u8]) {
    for byte in content {
        escape_byte(out, *byte);
    }
}

fn escape_byte(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        0..0x20 => {
            let hex = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&hex);
        }
        _ => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn escaped(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        string(&mut out, text);
        out
    }

    #[test]
    fn every_control_character_comes_back() {
        let text: String = (0..=0x9f_u8).map(char::from).collect();
        assert_eq!(serde_json::from_slice::<String>(&escaped(&text)).unwrap(), text);
    }

    proptest! {
        #[test]
        fn any_text_comes_back_through_a_json_parser(text in ".{0,200}") {
            prop_assert_eq!(serde_json::from_slice::<String>(&escaped(&text)).unwrap(), text);
        }

        #[test]
        fn doubled_quotes_are_one(text in "[\"a\\\\\n,é]{0,100}") {
            let written = text.replace('"', "\"\"");
            let mut out = vec![b'"'];
            escape_doubled(&mut out, written.as_bytes());
            out.push(b'"');
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
