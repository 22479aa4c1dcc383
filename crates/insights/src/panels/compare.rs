//! Users against their own past.

use std::collections::BTreeMap;

use orgtap_ledger::{By, LedgerError, Named, OTHERS, Span, Step, Sums, USER};

use super::ask::{About, Asking};
use super::top::{ROWS, name};
use crate::panel::{Body, Cell, Column, Kind, Panel};

/// Days that are a user's past.
const PAST: i64 = 28;

/// A table of the users who move most, with what they did on an average day now and in the four
/// weeks before.
pub(super) async fn volume(
    asking: &Asking<'_>,
    about: &About,
    (by, what, kind): (By, &'static str, Kind),
) -> Result<Panel, LedgerError> {
    let asked = asking.asked(about.needs, USER);
    let day = Step::Day.micros();
    let Span { step, from, to } = asking.steps;
    let (from, to) = (Step::Day.start(from), Step::Day.start(to - 1) + day);
    let mut found = asking.ledger.top(asked, &Span::days(from, to), by, ROWS).await?;
    found.retain(|named| named.name != OTHERS);
    let names: Vec<String> = found.iter().map(|named| named.name.clone()).collect();
    let begin = from - PAST * day;
    let past = asking.ledger.of_names(asked, &Span::days(begin, from), &names).await?;
    let past: BTreeMap<String, Sums> =
        past.into_iter().map(|Named { name, sums }| (name, sums)).collect();
    let number = |sums: &Sums| match by {
        By::Events => sums.events,
        By::Rows => sums.rows,
        By::Bytes => sums.bytes,
        By::Longest => sums.longest,
    };
    // What there are no counts of is neither now nor past.
    let time = asking.counted(Span { step, from, to }) - from;
    let known = from - asking.counted_from(from).await?.unwrap_or(from).max(begin);
    let rows = found.iter().map(|named| {
        let now = number(&named.sums);
        let before = past.get(&named.name).map(number).filter(|_| known > 0);
        let share = before.and_then(|before| portion((now, known), (before, time), 100));
        vec![
            name(&named.name, Kind::User),
            Cell::Number(named.sums.events),
            Cell::Number(now),
            a_day(now, time),
            before.map_or(Cell::None, |before| a_day(before, known)),
            share.map_or(Cell::None, Cell::Number),
        ]
    });
    let body = Body::Table {
        columns: vec![
            Column { title: "User", kind: Kind::User },
            Column { title: "Times", kind: Kind::Count },
            Column { title: what, kind },
            Column { title: "A day", kind },
            Column { title: "A day in the 4 weeks before", kind },
            Column { title: "Share of the usual", kind: Kind::Percent },
        ],
        rows: rows.collect(),
    };
    let mut panel = asking.panel(about, body);
    if let Some(learning) = learning(known / day) {
        panel.note = Some(panel.note.map_or(learning.clone(), |note| format!("{note} {learning}")));
    }
    Ok(panel)
}

/// `times` of what the first two make of the other two, rounded; none of nothing.
fn portion(of: (i64, i64), to: (i64, i64), times: i64) -> Option<i64> {
    let product = |(one, other): (i64, i64)| i128::from(one) * i128::from(other);
    let (of, to) = (product(of) * i128::from(times), product(to));
    (to > 0).then(|| i64::try_from((of + to / 2) / to).unwrap_or(i64::MAX))
}

/// What that is on an average day: not 0, where something was.
fn a_day(number: i64, time: i64) -> Cell {
    let mean = portion((number, Step::Day.micros()), (1, time), 1).unwrap_or_default();
    Cell::Number(mean.max(number.min(1)))
}

/// What a reader should know of a past of so many days.
fn learning(days: i64) -> Option<String> {
    match days {
        PAST.. => None,
        1.. => Some(format!(
            "Orgtap has counts of only {days} {} before this time: the usual is that of these.",
            if days == 1 { "day" } else { "days" }
        )),
        _ => Some(
            "Orgtap has counted nothing before this time: what is usual is not known yet."
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_of_the_sums_and_no_number_is_too_large_for_it() {
        let day = Step::Day.micros();
        // 200 in a week after 20 in four.
        assert_eq!(portion((200, 28 * day), (20, 7 * day), 100), Some(4_000));
        assert_eq!(portion((1, 28 * day), (3, 28 * day), 100), Some(33));
        assert_eq!(portion((5, 28 * day), (0, 7 * day), 100), None);
        assert_eq!(portion((i64::MAX, 28 * day), (1, day), 100), Some(i64::MAX));
    }

    #[test]
    fn a_mean_is_not_nothing_where_something_was() {
        let day = Step::Day.micros();
        assert_eq!(a_day(20, 28 * day), Cell::Number(1));
        assert_eq!(a_day(1, 28 * day), Cell::Number(1));
        assert_eq!(a_day(0, 28 * day), Cell::Number(0));
        assert_eq!(a_day(200, 7 * day), Cell::Number(29));
    }
}
