//! Writing the query for log files.

use url::form_urlencoded;

use crate::listing::{IntervalChoice, Listing};
use crate::time;

/// Longest query, as it stands in the address. The org takes 16 KiB of address and headers
/// together, a session token may be some of that, and proxies often take 8 KiB.
const LONGEST_ENCODED: usize = 7_000;

/// A query, and whether the answer still holds event types nobody asked for.
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) all_types: bool,
}

/// Writes the query of a listing.
///
/// The interval is always stated where the org has a column for it: without, some orgs answer with
/// daily files only and others with both. There is never a condition on `Id`, because it makes
/// orgs answer with both whatever the interval says.
pub(crate) fn query(listing: &Listing) -> Query {
    let text = write(listing, &listing.event_types);
    if listing.event_types.is_empty() || encoded_len(&text) <= LONGEST_ENCODED {
        return Query { text, all_types: false };
    }
    Query { text: write(listing, &[]), all_types: true }
}

fn encoded_len(text: &str) -> usize {
    form_urlencoded::byte_serialize(text.as_bytes()).map(str::len).sum()
}

fn write(listing: &Listing, event_types: &[String]) -> String {
    let shape = &listing.shape;
    let mut columns = "Id, EventType, LogDate, CreatedDate, LogFileLength, LogFile".to_owned();
    if shape.has_interval {
        columns.push_str(", Interval");
    }
    if shape.has_sequence {
        columns.push_str(", Sequence");
    }
    let mut conditions = vec![format!("CreatedDate >= {}", time::soql_at_or_before(listing.after))];
    if let Some(before) = listing.before {
        conditions.push(format!("CreatedDate < {}", time::soql_at_or_after(before)));
    }
    if let Some((from, to)) = listing.log_dates {
        conditions.push(format!("LogDate >= {}", time::soql_at_or_before(from)));
        conditions.push(format!("LogDate < {}", time::soql_at_or_after(to)));
    }
    if let Some(interval) = interval(listing) {
        conditions.push(interval.to_owned());
    }
    if !event_types.is_empty() {
        let quoted: Vec<String> = event_types.iter().map(|name| quote(name)).collect();
        conditions.push(format!("EventType IN ({})", quoted.join(", ")));
    }
    format!(
        "SELECT {columns} FROM EventLogFile WHERE {} ORDER BY CreatedDate ASC, Id ASC",
        conditions.join(" AND ")
    )
}

fn interval(listing: &Listing) -> Option<&'static str> {
    let shape = &listing.shape;
    match (listing.select, shape.has_interval, shape.has_sequence) {
        (IntervalChoice::Hourly, true, _) => Some("Interval = 'Hourly'"),
        (IntervalChoice::Hourly, false, true) => Some("Sequence > 0"),
        (IntervalChoice::Daily, true, _) => Some("Interval = 'Daily'"),
        (IntervalChoice::Daily, false, true) => Some("Sequence = 0"),
        (IntervalChoice::Both, _, true) => Some("Sequence >= 0"),
        (IntervalChoice::Both, true, false) => Some("Interval IN ('Hourly', 'Daily')"),
        (_, false, false) => None,
    }
}

/// A string literal that stands for exactly this text.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        match character {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            control if u32::from(control) < 0x20 || control == '\u{7f}' => {
                let code = u32::from(control);
                quoted.push_str("\\u00");
                quoted
                    .extend([code >> 4, code & 15].iter().filter_map(|n| char::from_digit(*n, 16)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::LogFileShape;
    use proptest::prelude::*;

    fn listing(select: IntervalChoice, has_interval: bool, has_sequence: bool) -> Listing {
        Listing {
            select,
            shape: LogFileShape { has_interval, has_sequence, event_types: Vec::new() },
            after: "2026-11-23T00:00:00Z".parse().unwrap(),
            before: None,
            log_dates: None,
            event_types: Vec::new(),
        }
    }

    #[test]
    fn writes_the_whole_query() {
        let mut listing = listing(IntervalChoice::Hourly, true, true);
        listing.before = Some("2026-11-24T00:00:00Z".parse().unwrap());
        listing.event_types = vec!["Login".into(), "API".into()];
        let query = query(&listing);
        assert!(!query.all_types);
        assert_eq!(
            query.text,
            "SELECT Id, EventType, LogDate, CreatedDate, LogFileLength, LogFile, Interval, Sequence \
             FROM EventLogFile WHERE CreatedDate >= 2026-11-23T00:00:00Z \
             AND CreatedDate < 2026-11-24T00:00:00Z AND Interval = 'Hourly' \
             AND EventType IN ('Login', 'API') ORDER BY CreatedDate ASC, Id ASC"
        );
    }

    #[test]
    fn a_range_of_log_dates_has_its_end_outside() {
        let mut listing = listing(IntervalChoice::Daily, true, true);
        let [from, to] = ["2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z"];
        listing.log_dates = Some((from.parse().unwrap(), to.parse().unwrap()));
        let text = query(&listing).text;
        let range = format!(" AND LogDate >= {from} AND LogDate < {to} AND ");
        assert!(text.contains(&range), "{text}");
    }

    #[test]
    fn states_the_interval_with_whatever_column_there_is() {
        use IntervalChoice::{Both, Daily, Hourly};
        for (select, has_interval, has_sequence, expected) in [
            (Hourly, true, true, " AND Interval = 'Hourly' "),
            (Hourly, true, false, " AND Interval = 'Hourly' "),
            (Hourly, false, true, " AND Sequence > 0 "),
            (Daily, true, true, " AND Interval = 'Daily' "),
            (Daily, false, true, " AND Sequence = 0 "),
            (Both, true, true, " AND Sequence >= 0 "),
            (Both, false, true, " AND Sequence >= 0 "),
            (Both, true, false, " AND Interval IN ('Hourly', 'Daily') "),
        ] {
            let text = query(&listing(select, has_interval, has_sequence)).text;
            assert!(text.contains(expected), "{text}");
            assert_eq!(text.contains("LogFile, Interval"), has_interval, "{text}");
        }
        for select in [Hourly, Daily, Both] {
            let text = query(&listing(select, false, false)).text;
            assert!(!text.contains("Interval") && !text.contains("Sequence"), "{text}");
        }
    }

    #[test]
    fn too_many_event_types_are_chosen_here_and_not_in_the_address() {
        let mut many = listing(IntervalChoice::Daily, true, true);
        many.event_types = (0..500).map(|n| format!("EventTypeNumber{n}")).collect();
        let written = query(&many);
        assert!(written.all_types);
        assert!(!written.text.contains("EventType IN"));

        let catalogue_sized: Vec<String> =
            (0..80).map(|n| format!("ContinuationCalloutSummary{n}")).collect();
        many.event_types = catalogue_sized;
        assert!(!query(&many).all_types, "all types of an org fit");
    }

    /// Reads a literal as the vendor describes it.
    fn unquote(literal: &str) -> Option<String> {
        let inner = literal.strip_prefix('\'')?.strip_suffix('\'')?;
        let mut text = String::new();
        let mut characters = inner.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => return None,
                '\\' => text.push(match characters.next()? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'u' => {
                        let digits: String = characters.by_ref().take(4).collect();
                        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?
                    }
                    same @ ('\'' | '"' | '\\') => same,
                    _ => return None,
                }),
                plain if plain.is_control() && plain.is_ascii() => return None,
                plain => text.push(plain),
            }
        }
        Some(text)
    }

    proptest! {
        #[test]
        fn any_text_survives_quoting(text in any::<String>()) {
            prop_assert_eq!(unquote(&quote(&text)), Some(text));
        }

        #[test]
        fn quoting_survives_hostile_text(text in r#"['"\\\n\r\t\x00-\x1f\x7fab]{0,40}"#) {
            prop_assert_eq!(unquote(&quote(&text)), Some(text));
        }
    }
}
