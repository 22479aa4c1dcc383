//! JSON strings: what a parser reads back is what went in.

use orgtap_codec::json;

/// Escapes the bytes in every way there is.
pub fn json_escape(data: &[u8]) {
    let mut escaped = Vec::new();
    json::escape(&mut escaped, data);
    assert_eq!(escaped, slowly(data), "blocks are escaped differently from bytes");

    let doubled: Vec<u8> =
        data.iter().flat_map(|byte| [*byte].repeat(if *byte == b'"' { 2 } else { 1 })).collect();
    let mut from_cell = Vec::new();
    json::escape_doubled(&mut from_cell, &doubled);
    assert_eq!(from_cell, escaped, "a doubled quote is not one quote");
    // Quotes that are not doubled cannot come from the CSV reader; they must do no harm.
    json::escape_doubled(&mut from_cell, data);

    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut whole = Vec::new();
    json::string(&mut whole, text);
    let back: String = serde_json::from_slice(&whole).expect("a JSON string");
    assert_eq!(back, text, "the text changed on the way");
}

/// One byte at a time.
fn slowly(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in data {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..0x20 => match byte {
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\t' => out.extend_from_slice(b"\\t"),
                8 => out.extend_from_slice(b"\\b"),
                12 => out.extend_from_slice(b"\\f"),
                _ => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            },
            _ => out.push(*byte),
        }
    }
    out
}
