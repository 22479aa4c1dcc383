//! Tables of the greatest names of a dimension.

use orgtap_ledger::{self as ledger, LedgerError, Named, Sums};

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
    pub(super) by: ledger::By,
    pub(super) numbers: &'static [(&'static str, Number)],
}

impl Top {
    pub(super) async fn panel(&self, asking: &Asking<'_>) -> Result<Panel, LedgerError> {
        let asked = asking.asked(self.about.needs, self.dimension);
        let found = asking.ledger.top(asked, &asking.spans, self.by, ROWS).await?;
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

/// A name as a cell.
pub(super) fn name(name: &str, kind: Kind) -> Cell {
    match (name, kind) {
        (ledger::OTHERS, _) => Cell::text(OTHERS),
        (id, Kind::User) => Cell::User { id: id.to_owned(), name: None },
        (text, _) => Cell::text(text),
    }
}
