//! Text to tokens.

use jiff::{Timestamp, civil::Date};

use super::Refusal;

/// A piece of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or a key word, with dots: `EventLogFile.Id`.
    Word(String),
    /// What stood between quotes, escapes unread.
    Text(String),
    Number(f64),
    Time(Timestamp),
    Date(Date),
    /// One of `( ) , : = != < <= > >=`.
    Symbol(&'static str),
    /// After the last piece.
    End,
}

/// A token, where it begins, and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
    pub(super) written: String,
}

/// Cuts a query into tokens; the last is always [`Token::End`].
pub(super) fn tokens(query: &str) -> Result<Vec<Placed>, Refusal> {
    let bytes = query.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (token, end) = match byte {
            b'\'' => quoted(query, at)?,
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => word(query, at),
            b'0'..=b'9' | b'-' | b'+' => value(query, at)?,
            _ => symbol(query, at)?,
        };
        out.push(Placed { token, at, written: query[at..end].to_owned() });
        at = end;
    }
    out.push(Placed { token: Token::End, at: query.len(), written: "<EOF>".to_owned() });
    Ok(out)
}

/// Where the run of bytes that satisfy `belongs` ends.
fn run_end(query: &str, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = query.as_bytes().get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !belongs(*byte)).unwrap_or(rest.len())
}

fn word(query: &str, at: usize) -> (Token, usize) {
    let end = run_end(query, at, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
    (Token::Word(query[at..end].to_owned()), end)
}

fn quoted(query: &str, at: usize) -> Result<(Token, usize), Refusal> {
    let mut escaped = false;
    for (offset, c) in query[at + 1..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => {
                let end = at + 1 + offset;
                return Ok((Token::Text(query[at + 1..end].to_owned()), end + 1));
            }
            _ => {}
        }
    }
    let end = query.len();
    let message = format!("line 1:{end} mismatched character '<EOF>' expecting '''");
    Err(Refusal::at("MALFORMED_QUERY", query, end, &message))
}

/// A number, a date or a moment: all begin with a digit or a sign and hold no blank.
fn value(query: &str, at: usize) -> Result<(Token, usize), Refusal> {
    let end =
        run_end(query, at, |b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'+' | b'-'));
    let text = &query[at..end];
    let token = moment(text)
        .map(Token::Time)
        .or_else(|| date(text).map(Token::Date))
        .or_else(|| number(text).map(Token::Number));
    token.map(|token| (token, end)).ok_or_else(|| {
        let message = format!("unexpected token: '{text}'");
        Refusal::at("MALFORMED_QUERY", query, at, &message)
    })
}

fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    let value: f64 = if plain { text.parse().ok()? } else { return None };
    value.is_finite().then_some(value)
}

fn date(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// `2026-11-23T09:00:00`, a fraction or none, then `Z` or an offset with its colon. The spelling
/// `+0000`, in which the org itself writes times, is not accepted in queries.
fn moment(text: &str) -> Option<Timestamp> {
    let (day, time) = text.split_once('T')?;
    date(day)?;
    let zone_at = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let zone_ok = match zone.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    let (hms, fraction) = clock.split_once('.').map_or((clock, None), |(h, f)| (h, Some(f)));
    let fraction_ok = fraction
        .is_none_or(|f| (1..=9).contains(&f.len()) && f.bytes().all(|byte| byte.is_ascii_digit()));
    let hms_ok = hms.len() == 8 && hms.bytes().filter(|byte| *byte == b':').count() == 2;
    if zone_ok && fraction_ok && hms_ok { text.parse().ok() } else { None }
}

fn symbol(query: &str, at: usize) -> Result<(Token, usize), Refusal> {
    const SYMBOLS: [(&str, &str); 11] = [
        ("!=", "!="),
        ("<>", "!="),
        ("<=", "<="),
        (">=", ">="),
        ("<", "<"),
        (">", ">"),
        ("=", "="),
        ("(", "("),
        (")", ")"),
        (",", ","),
        (":", ":"),
    ];
    let rest = &query[at..];
    for (written, token) in SYMBOLS {
        if rest.starts_with(written) {
            return Ok((Token::Symbol(token), at + written.len()));
        }
    }
    let stranger = rest.chars().next().unwrap_or_default();
    let message = format!("line 1:{at} no viable alternative at character '{stranger}'");
    Err(Refusal::at("MALFORMED_QUERY", query, at, &message))
}
