//! Moments: read as a library for time reads them, and written so that they can be read again.

use orgtap_events::time::{parse_compact, parse_iso, rfc3339};

/// Takes the bytes for a moment in each spelling.
pub fn times(data: &[u8]) {
    if let Some(moment) = parse_iso(data) {
        written_again(moment);
        agrees_with_jiff(data, moment);
    }
    if let Some(moment) = parse_compact(data) {
        written_again(moment);
        assert_eq!(parse_iso(&spelt_out(data)), Some(moment), "the spellings differ");
    }
}

/// What is written is read as the same moment, unless its zone moved it out of the four-digit
/// years.
fn written_again(moment: i64) {
    let text = rfc3339(moment);
    let first = parse_iso(b"0000-01-01T00:00:00Z");
    let last = parse_iso(b"9999-12-31T23:59:59.999999Z");
    if first.is_some_and(|first| first <= moment) && last.is_some_and(|last| moment <= last) {
        assert_eq!(parse_iso(text.as_bytes()), Some(moment), "{text} is another moment");
    }
}

fn agrees_with_jiff(data: &[u8], moment: i64) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // The second 60 is theirs to fold back and ours to carry over.
    if text.get(17..19) == Some("60") {
        return;
    }
    if let Ok(theirs) = text.parse::<jiff::Timestamp>() {
        let micros = theirs.as_nanosecond().div_euclid(1_000);
        assert_eq!(i128::from(moment), micros, "{text} is another moment");
    }
}

/// The compact form in the longer spelling.
fn spelt_out(compact: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (range, mark) in
        [(0..4, &b"-"[..]), (4..6, b"-"), (6..8, b"T"), (8..10, b":"), (10..12, b":")]
    {
        out.extend_from_slice(&compact[range]);
        out.extend_from_slice(mark);
    }
    out.extend_from_slice(&compact[12..]);
    out.push(b'Z');
    out
}
