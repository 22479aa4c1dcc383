//! What literals mean: escapes in strings, patterns of `LIKE`, date literals.

use jiff::{Timestamp, ToSpan, civil::Date, tz::Offset};

use super::{Context, ast::Relative};

/// Part of a `LIKE` pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// `%`: any text.
    Any,
    /// `_`: any one character.
    One,
    /// This character, in lower case.
    Char(char),
}

/// Reads the escapes of a string. The error is the pair that is none.
pub(super) fn unescape(raw: &str) -> Result<String, String> {
    Ok(characters(raw)?.into_iter().map(|(c, _)| c).collect())
}

/// Reads a `LIKE` pattern: `%` and `_` are wild unless escaped.
pub(super) fn pattern(raw: &str) -> Result<Vec<Piece>, String> {
    let pieces = characters(raw)?.into_iter().flat_map(|(c, escaped)| match c {
        '%' if !escaped => vec![Piece::Any],
        '_' if !escaped => vec![Piece::One],
        c => c.to_lowercase().map(Piece::Char).collect(),
    });
    Ok(pieces.collect())
}

/// The characters of a string, and whether each was written with a backslash.
fn characters(raw: &str) -> Result<Vec<(char, bool)>, String> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push((c, false));
            continue;
        }
        let kind = rest.next().ok_or_else(|| "\\".to_owned())?;
        let read = match kind {
            'n' | 'N' => '\n',
            'r' | 'R' => '\r',
            't' | 'T' => '\t',
            'b' | 'B' => '\u{8}',
            'f' | 'F' => '\u{c}',
            '"' | '\'' | '\\' | '_' | '%' => kind,
            'u' | 'U' => {
                let hex: String = rest.by_ref().take(4).collect();
                let valid = hex.len() == 4 && hex.bytes().all(|b| b.is_ascii_hexdigit());
                u32::from_str_radix(&hex, 16)
                    .ok()
                    .filter(|_| valid)
                    .and_then(char::from_u32)
                    .ok_or_else(|| format!("\\{kind}{hex}"))?
            }
            other => return Err(format!("\\{other}")),
        };
        out.push((read, true));
    }
    Ok(out)
}

/// Whether text fits a pattern, case aside.
pub(super) fn fits(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    // On a mismatch, let the latest `%` swallow one character more.
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(Piece::Any) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(Piece::One) => (p, t) = (p + 1, t + 1),
            Some(Piece::Char(c)) if *c == text[t] => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((any, swallowed)) => {
                    retry = Some((any, swallowed + 1));
                    (p, t) = (any + 1, swallowed + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|piece| *piece == Piece::Any)
}

/// The moments a date literal covers: from the first, before the second.
pub(super) fn range(relative: Relative, context: Context) -> Option<(Timestamp, Timestamp)> {
    let today = context.zone.to_datetime(context.now).date();
    let day = |offset: i32| today.checked_add(offset.days()).ok();
    let (first, after) = match relative {
        Relative::Yesterday => (day(-1)?, today),
        Relative::Today => (today, day(1)?),
        Relative::Tomorrow => (day(1)?, day(2)?),
        Relative::ThisMonth => (today.first_of_month(), next_month(today)?),
        Relative::LastMonth => {
            let last = today.first_of_month().yesterday().ok()?;
            (last.first_of_month(), today.first_of_month())
        }
        Relative::LastDays(n) => (day(n.checked_neg()?)?, day(1)?),
        Relative::NextDays(n) => (day(1)?, day(n.checked_add(1)?)?),
        Relative::DaysAgo(n) => (day(n.checked_neg()?)?, day(1_i32.checked_sub(n)?)?),
    };
    Some((midnight(first, context.zone)?, midnight(after, context.zone)?))
}

fn next_month(day: Date) -> Option<Date> {
    day.last_of_month().tomorrow().ok()
}

fn midnight(day: Date, zone: Offset) -> Option<Timestamp> {
    zone.to_timestamp(day.at(0, 0, 0, 0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_documented_escape_and_no_other() {
        assert_eq!(unescape(r#"a\n\R\t\b\f\"\'\\\u0041"#).unwrap(), "a\n\r\t\u{8}\u{c}\"'\\A");
        for bad in [r"\x", r"\u00", r"\ud800", "\\", r"\u00g0"] {
            assert!(unescape(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn like_knows_wild_cards_and_their_escapes() {
        let matches = |raw: &str, text: &str| fits(&pattern(raw).unwrap(), text);
        assert!(matches("Log%", "login"));
        assert!(matches("%o_i%", "Login"));
        assert!(!matches("Log_", "Login"));
        assert!(matches(r"100\%", "100%"));
        assert!(!matches(r"100\%", "1000"));
        assert!(matches("%", ""));
        assert!(!matches("", "x"));
        assert!(matches("%a%b%", "xxaxxbxx"));
    }

    #[test]
    fn yesterday_follows_the_users_time_zone() {
        let context =
            Context { now: "2026-11-23T03:00:00Z".parse().unwrap(), zone: Offset::constant(-8) };
        let (from, to) = range(Relative::Yesterday, context).unwrap();
        assert_eq!(from.to_string(), "2026-11-21T08:00:00Z");
        assert_eq!(to.to_string(), "2026-11-22T08:00:00Z");
        assert!(range(Relative::LastDays(i32::MIN), context).is_none());
        let (from, to) = range(Relative::LastMonth, context).unwrap();
        assert_eq!(from.to_string(), "2026-10-01T08:00:00Z");
        assert_eq!(to.to_string(), "2026-11-01T08:00:00Z");
    }
}
