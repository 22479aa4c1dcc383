//! Tables of the greatest names of a dimension.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use orgtap_ledger::{self as ledger, By, LedgerError, Named, Sums};

use super::ask::{About, Asking};
use crate::panel::{Body, Cell, Column, Kind, OTHERS, Panel};

/// Rows of a table, beside the others.
pub(super) const ROWS: usize = 20;

/// A number of a row.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Events,
    Rows,
    Bytes,
    /// Mean time.
    Mean,
    /// Longest time.
    Longest,
}

impl Number {
    const fn kind(self) -> Kind {
        match self {
            Self::Events | Self::Rows => Kind::Count,
            Self::Bytes => Kind::Bytes,
            Self::Mean | Self::Longest => Kind::Duration,
        }
    }

    fn of(self, sums: &Sums) -> i64 {
        match self {
            Self::Events => sums.events,
            Self::Rows => sums.rows,
            Self::Bytes => sums.bytes,
            Self::Mean => sums.millis / sums.events.max(1),
            Self::Longest => sums.longest,
        }
    }
}

/// A table of the greatest.
pub(super) struct Top {
    pub(super) about: About,
    pub(super) dimension: &'static str,
    /// Heading and kind of the names.
    pub(super) name: (&'static str, Kind),
    pub(super) by: By,
    pub(super) numbers: &'static [(&'static str, Number)],
}

impl Top {
    pub(super) async fn panel(&self, asking: &Asking<'_>) -> Result<Panel, LedgerError> {
        let asked = asking.asked(self.about.needs, self.dimension);
        let spans = asking.spans_of(self.dimension);
        let found = asking.ledger.top(asked, &spans, self.by, ROWS).await?;
        Ok(asking.panel(&self.about, self.table(&found)))
    }

    fn table(&self, found: &[Named]) -> Body {
        let (title, kind) = self.name;
        let mut columns = vec![Column { title, kind }];
        columns.extend(
            self.numbers.iter().map(|(title, number)| Column { title, kind: number.kind() }),
        );
        let row = |named: &Named| {
            let mut row = vec![name(&named.name, kind)];
            row.extend(self.numbers.iter().map(|(_, number)| Cell::Number(number.of(&named.sums))));
            row
        };
        Body::Table { columns, rows: found.iter().map(row).collect() }
    }
}

/// A table of the greatest names of two dimensions, with what both have of them. What is great in
/// the second comes first.
pub(super) struct SideBySide {
    pub(super) about: About,
    /// Heading of the names.
    pub(super) name: &'static str,
    /// Dimension, and heading of its numbers.
    pub(super) first: (&'static str, &'static str),
    pub(super) second: (&'static str, &'static str),
}

impl SideBySide {
    pub(super) async fn panel(&self, asking: &Asking<'_>) -> Result<Panel, LedgerError> {
        let asked = |dimension| asking.asked(self.about.needs, dimension);
        let (first, second) = (asked(self.first.0), asked(self.second.0));
        let (ledger, spans) = (asking.ledger, &asking.spans);
        let mut rows: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for named in ledger.top(second, spans, By::Events, ROWS / 2).await? {
            rows.entry(named.name).or_default().1 = named.sums.events;
        }
        for named in ledger.top(first, spans, By::Events, ROWS).await? {
            rows.entry(named.name).or_default().0 = named.sums.events;
        }
        let names: Vec<String> = rows.keys().cloned().collect();
        for named in ledger.of_names(first, spans, &names).await? {
            rows.entry(named.name).or_default().0 = named.sums.events;
        }
        for named in ledger.of_names(second, spans, &names).await? {
            rows.entry(named.name).or_default().1 = named.sums.events;
        }
        let mut rows: Vec<(String, (i64, i64))> = rows.into_iter().collect();
        rows.sort_by_key(|(name, (one, two))| (name == ledger::OTHERS, Reverse((*two, *one))));
        let row = |(called, (one, two)): (String, (i64, i64))| {
            vec![name(&called, Kind::Text), Cell::Number(one), Cell::Number(two)]
        };
        let columns = vec![
            Column { title: self.name, kind: Kind::Text },
            Column { title: self.first.1, kind: Kind::Count },
            Column { title: self.second.1, kind: Kind::Count },
        ];
        let rows = rows.into_iter().map(row).collect();
        Ok(asking.panel(&self.about, Body::Table { columns, rows }))
    }
}

/// A name as a cell.
pub(super) fn name(name: &str, kind: Kind) -> Cell {
    match (name, kind) {
        (ledger::OTHERS, _) => Cell::text(OTHERS),
        (id, Kind::User) => Cell::User { id: id.to_owned(), name: None },
        (text, _) => Cell::text(text),
    }
}
