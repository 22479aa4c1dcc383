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
    let Span { from, to, .. } = asking.steps;
    let (from, to) = (Step::Day.start(from), Step::Day.start(to - 1) + day);
    let mut found = asking.ledger.top(asked, &Span::days(from, to), by, ROWS).await?;
    found.retain(|named| named.name != OTHERS);
    let names: Vec<String> = found.iter().map(|named| named.name.clone()).collect();
    let past = Span::days(from - PAST * day, from);
    let past = asking.ledger.of_names(asked, &past, &names).await?;
    let past: BTreeMap<String, Sums> =
        past.into_iter().map(|Named { name, sums }| (name, sums)).collect();
    let number = |sums: &Sums| match by {
        By::Events => sums.events,
        By::Rows => sums.rows,
        By::Bytes => sums.bytes,
        By::Longest => sums.longest,
    };
    let days = (to - from) / day;
    let rows = found.iter().map(|named| {
        let now = number(&named.sums) / days.max(1);
        let usual = past.get(&named.name).map(|sums| number(sums) / PAST);
        let share = usual.filter(|usual| *usual > 0);
        let share = share.map(|usual| now.saturating_mul(100) / usual);
        vec![
            name(&named.name, Kind::User),
            Cell::Number(named.sums.events),
            Cell::Number(number(&named.sums)),
            Cell::Number(now),
            usual.map_or(Cell::None, Cell::Number),
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
    Ok(asking.panel(about, body))
}
