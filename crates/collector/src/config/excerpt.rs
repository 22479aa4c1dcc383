//! Lines of the file in messages, with everything left out that may be secret.
//!
//! Where the file could be read as a tree, it is known which bytes are values of which key. Where
//! it could not, the line and those above it are judged by their looks, and a line that cannot be
//! judged is left out.

use super::fault::Place;
use super::tree::{Bytes, Node, Repeated};
use super::words::{harmless, may_be_shown};

/// The text, with what must not be shown of it.
#[derive(Debug)]
pub(super) struct Source<'t> {
    text: &'t str,
    /// Values to hide; none if the text gave no tree.
    hidden: Option<Vec<Bytes>>,
}

/// Longest line shown, characters.
const WIDEST: usize = 100;
/// Width of what stands for hidden text.
const DOTS: usize = 3;

impl<'t> Source<'t> {
    /// A text that could not be read as a tree.
    pub(super) const fn unread(text: &'t str) -> Self {
        Self { text, hidden: None }
    }

    /// A text with its tree.
    pub(super) fn read(text: &'t str, root: &Node, repeated: &[Repeated]) -> Self {
        let mut hidden: Vec<Bytes> =
            repeated.iter().map(|again| Bytes::clone(&again.value)).collect();
        root.visit(&mut |entry| {
            if !may_be_shown(&entry.key) && !entry.node.bytes.is_empty() {
                hidden.push(entry.node.bytes.clone());
            }
        });
        Self { text, hidden: Some(hidden) }
    }

    /// Line, column and excerpt of some bytes.
    pub(super) fn place(&self, bytes: &Bytes) -> Place {
        let start = floor(self.text, bytes.start);
        let before = self.text.get(..start).unwrap_or("");
        let line_start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
        let rest = self.text.get(line_start..).unwrap_or("");
        let line = rest.split(['\n', '\r']).next().unwrap_or("");
        let visible = floor(line, self.visible(line, line_start));
        let prefix = line.get(..(start - line_start).min(line.len())).unwrap_or(line);
        let end = floor(line, bytes.end.saturating_sub(line_start).min(visible));
        let marked = line.get(prefix.len()..end).unwrap_or("").trim_end().chars().count();
        let column = prefix.chars().count();
        let shown = show(line, visible);
        let seen = line.get(..visible).unwrap_or("").chars().count();
        let (excerpt, dropped) = window(&shown, column.min(seen));
        let indent = column.min(seen) - dropped;
        let width = if column >= seen && visible < line.len() { DOTS } else { marked };
        let width = width.min(excerpt.chars().count().saturating_sub(indent)).max(1);
        Place { line: lines_before(before) + 1, column: column + 1, excerpt, indent, width }
    }

    /// How many bytes of a line may be shown.
    fn visible(&self, line: &str, line_start: usize) -> usize {
        let by_value = match &self.hidden {
            Some(hidden) => {
                let line_end = line_start + line.len();
                let first = hidden
                    .iter()
                    .filter(|bytes| bytes.start < line_end && bytes.end > line_start)
                    .map(|bytes| bytes.start.saturating_sub(line_start))
                    .min();
                first.unwrap_or(line.len())
            }
            None => by_looks(line, self.text.get(..line_start).unwrap_or("")),
        };
        by_value.min(by_address(line)).min(by_comment(line))
    }
}

/// The nearest place at or before a byte where a character begins.
fn floor(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Line breaks: LF, CR, and both together as one.
fn lines_before(text: &str) -> usize {
    text.matches(['\n', '\r']).count() - text.matches("\r\n").count()
}

fn show(line: &str, visible: usize) -> String {
    let kept = line.get(..visible).unwrap_or("");
    let tidy = |c| match c {
        '\t' => ' ',
        c if harmless(c) => c,
        _ => '\u{fffd}',
    };
    let mut shown: String = kept.chars().map(tidy).collect();
    if visible < line.trim_end().len() {
        shown.push_str("...");
    } else {
        shown.truncate(shown.trim_end().len());
    }
    shown
}

/// A part of a long line around a column, and how many characters were dropped before it.
fn window(line: &str, column: usize) -> (String, usize) {
    let length = line.chars().count();
    if length <= WIDEST {
        return (line.to_owned(), 0);
    }
    let first = column.saturating_sub(WIDEST / 2).min(length - WIDEST);
    let mut part: String = if first == 0 {
        line.chars().take(WIDEST).collect()
    } else {
        let rest = line.chars().skip(first + DOTS).take(WIDEST - DOTS);
        "...".chars().chain(rest).collect()
    };
    if first + WIDEST < length {
        part.push_str("...");
    }
    (part, first)
}

/// Of an address only scheme, host and port are shown: paths hold identifiers, some people put
/// passwords before the host and tokens behind the question mark.
fn by_address(line: &str) -> usize {
    let Some(scheme) = line.find("://") else { return line.len() };
    let host = scheme + 3;
    let rest = line.get(host..).unwrap_or("");
    let end = rest.find(|c: char| c.is_whitespace() || "\"',}]".contains(c)).unwrap_or(rest.len());
    let address = rest.get(..end).unwrap_or("");
    if address.contains('@') {
        return host;
    }
    match address.find(['/', '?', '#']) {
        Some(at) if address.len() > at + 1 => host + at + 1,
        _ => host + end + by_address(rest.get(end..).unwrap_or("")),
    }
}

fn by_comment(line: &str) -> usize {
    if line.trim_start().starts_with('#') {
        return 0;
    }
    line.find(" #").unwrap_or(line.len())
}

/// Judges a line without a tree: it is shown up to the first key whose value must be hidden.
fn by_looks(line: &str, before: &str) -> usize {
    let look = Look::at(line);
    let indent = line.len() - line.trim_start().len();
    if look.is_bare && hides_what_follows(before, indent) || is_below_secret(before, indent) {
        return indent;
    }
    look.hidden_from.unwrap_or(line.len())
}

/// What a line looks like.
struct Look {
    /// Whether it begins with something else than a key.
    is_bare: bool,
    /// Where the value of the first key begins that must be hidden.
    hidden_from: Option<usize>,
    has_key: bool,
}

impl Look {
    fn at(line: &str) -> Self {
        let mut look = Self { is_bare: false, hidden_from: None, has_key: false };
        let mut begin = 0;
        let bytes = line.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'{' | b'[' | b',' => {
                    let between = line.get(begin..at).unwrap_or("");
                    look.is_bare |= !look.has_key && !is_between(between);
                    begin = at + 1;
                }
                b':' if ends_key(bytes, at) => {
                    let key =
                        line.get(begin..at).unwrap_or("").trim_start_matches(['-', ' ', '\t']);
                    look.has_key = true;
                    begin = at + 1;
                    if !may_be_shown(key.trim().trim_matches(['"', '\''])) {
                        let blank = bytes.get(at + 1).is_some_and(|byte| b" \t".contains(byte));
                        look.hidden_from = Some(at + 1 + usize::from(blank));
                        return look;
                    }
                }
                _ => {}
            }
        }
        look.is_bare |= !look.has_key && !is_between(line.get(begin..).unwrap_or(""));
        look
    }
}

/// Whether there is nothing but signs.
fn is_between(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || "-{}[],".contains(c))
}

/// Whether a colon at a byte ends a key: a blank or nothing follows, or a quote went before.
fn ends_key(bytes: &[u8], at: usize) -> bool {
    let after = bytes.get(at + 1).is_none_or(|byte| b" \t".contains(byte));
    let quoted = at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|b| b"\"'".contains(b));
    after || quoted
}

/// Whether a line that is no key may be the rest of a value begun above: some line up to the
/// nearest one with less indentation has something to hide.
fn hides_what_follows(before: &str, indent: usize) -> bool {
    for line in before.rsplit(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
        let look = Look::at(line);
        if look.hidden_from.is_some() {
            return true;
        }
        if line.len() - line.trim_start().len() < indent && look.has_key {
            return false;
        }
    }
    false
}

/// Whether a line is indented below a key that has something to hide.
fn is_below_secret(before: &str, mut indent: usize) -> bool {
    for line in before.rsplit(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
        let own = line.len() - line.trim_start().len();
        if own < indent {
            if Look::at(line).hidden_from.is_some() {
                return true;
            }
            indent = own;
        }
    }
    false
}
