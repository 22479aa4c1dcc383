//! Insertions of many rows at once.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, SqliteConnection};

use crate::CompactString;
use crate::sqlite::dialect::Stop;

/// Rows in one statement: as many as there are of the first, then of the second, and so on. Few
/// sizes, so that the connection keeps each statement prepared; none so large that preparing it
/// (0.9 ms for 256 counts, 0.3 ms for 64) is felt where it is used once.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// Where rows go, and what becomes of one whose key is there already.
pub(super) struct Insertion {
    /// Table and columns.
    pub(super) into: &'static str,
    /// The rest of the statement.
    pub(super) rest: &'static str,
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Number(i64),
    Text(&'a str),
    Maybe(Option<&'a str>),
}

impl From<i64> for Cell<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a CompactString> for Cell<'a> {
    fn from(text: &'a CompactString) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a Option<CompactString>> for Cell<'a> {
    fn from(text: &'a Option<CompactString>) -> Self {
        Self::Maybe(text.as_deref())
    }
}

impl Insertion {
    fn text(&self, columns: usize, rows: usize) -> String {
        let row = format!("({})", vec!["?"; columns].join(","));
        format!("insert into {} values {} {}", self.into, vec![row; rows].join(","), self.rest)
    }

    /// Inserts a row for each of these, in their order; only those of one statement are made at a
    /// time. Answers what is to be returned of them, if anything is.
    pub(super) async fn insert<'a, T, const COLUMNS: usize>(
        &self,
        conn: &mut SqliteConnection,
        mut all: &'a [T],
        row: impl Fn(&'a T) -> [Cell<'a>; COLUMNS],
    ) -> Result<Vec<SqliteRow>, Stop> {
        let mut returned = Vec::new();
        for size in SIZES {
            while let Some((now, later)) = all.split_at_checked(size) {
                let text = AssertSqlSafe(self.text(COLUMNS, size));
                let query = sqlx::query_with(text, bound(now.iter().map(&row))?);
                returned.extend(query.fetch_all(&mut *conn).await?);
                all = later;
            }
        }
        Ok(returned)
    }
}

fn bound<'a, const COLUMNS: usize>(
    rows: impl ExactSizeIterator<Item = [Cell<'a>; COLUMNS]>,
) -> Result<SqliteArguments, Stop> {
    let mut bound = SqliteArguments::default();
    bound.reserve(rows.len() * COLUMNS, 0);
    for cell in rows.flatten() {
        let added = match cell {
            Cell::Number(number) => bound.add(number),
            Cell::Text(text) => bound.add(text.to_owned()),
            Cell::Maybe(text) => bound.add(text.map(str::to_owned)),
        };
        added.map_err(|error| Stop::from(sqlx::Error::Encode(error)))?;
    }
    Ok(bound)
}
