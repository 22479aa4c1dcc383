//! A small interpreter of the org's query language, true to it where a collector can tell.
//!
//! Text becomes tokens ([`lexer`]), tokens a [`Query`](ast::Query) ([`parser`]), a query checked
//! against an object's fields a [`Plan`] ([`check`]), and a plan picks rows of a [`Table`]
//! ([`evaluate`]). Of relationships it knows the paths a
//! schema lists. Not here: sub-queries, `HAVING`, `TYPEOF`, date functions.

mod ast;
mod check;
mod evaluate;
mod lexer;
mod literal;
mod parser;
mod plan;

use jiff::{Timestamp, tz::Offset};

use crate::schema::Object;

pub(crate) use evaluate::{Picked, run};
pub(crate) use plan::{Plan, Selection};

/// Longest query accepted, in characters.
const LONGEST: usize = 100_000;

/// Why a query is refused: what goes into the error array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// For example `MALFORMED_QUERY`.
    pub(crate) code: &'static str,
    /// The text, with the caret line where the platform draws one.
    pub(crate) message: String,
}

impl Refusal {
    /// A refusal without a place in the query.
    fn plain(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A refusal that points at byte `at` of the query.
    fn at(code: &'static str, query: &str, at: usize, message: &str) -> Self {
        Self { code, message: format!("{}{message}", pointer(query, at)) }
    }
}

/// The part of the query around `at`, a caret under it, and the row and column, as the platform
/// draws it. It shows a few words to either side, never the whole of a long query.
fn pointer(query: &str, at: usize) -> String {
    let at = floor(query, at);
    let before = query.get(..at).unwrap_or_default();
    let row = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = query[at..].find('\n').map_or(query.len(), |newline| at + newline);
    let column = query[line_start..at].chars().count() + 1;
    let mut from = line_start;
    if at - line_start > 36 {
        let window = floor(query, at - 36);
        // Cut between words where there is one to cut between.
        from = query[window..at].find([' ', ',']).map_or(window, |gap| window + gap + 1);
    }
    let mut to = line_end;
    if line_end - at > 40 {
        let window = floor(query, at + 40);
        to = query[at..window]
            .rfind([' ', ','])
            .filter(|gap| *gap > 0)
            .map_or(window, |gap| at + gap);
    }
    let indent = query[from..at].chars().count();
    format!(
        "\n{}\n{:indent$}^\nERROR at Row:{row}:Column:{column}\n",
        query[from..to].trim_end(),
        ""
    )
}

/// The nearest place at or before `at` where a character begins.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// What a query depends on besides the data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// The org's time.
    pub(crate) now: Timestamp,
    /// The running user's time zone: date literals such as `YESTERDAY` follow it.
    pub(crate) zone: Offset,
}

/// Reads a query and checks it against the objects the user can see.
pub(crate) fn plan<'a>(
    text: &str,
    objects: &'a [Object],
    context: Context,
) -> Result<(Plan, &'a Object), Refusal> {
    if text.chars().count() > LONGEST {
        return Err(Refusal::plain("QUERY_TOO_COMPLICATED", "Query is too long"));
    }
    let query = parser::parse(text)?;
    check::check(text, &query, objects, context)
}

/// A value of one field of one record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number; shown with a fraction even if it has none.
    Double(f64),
    /// Text, picklist value, or id.
    Text(String),
    /// A moment.
    Time(Timestamp),
}

impl Cell {
    /// Text, or nothing if it is empty.
    pub(crate) fn text(value: impl Into<String>) -> Self {
        let value = value.into();
        if value.is_empty() { Self::Null } else { Self::Text(value) }
    }
}

/// Records of one object, by number.
pub(crate) trait Table {
    /// How many records there are.
    fn len(&self) -> usize;
    /// A value; `field` is a name from the object's schema.
    fn cell(&self, row: usize, field: &str) -> Cell;
}

#[cfg(test)]
mod tests;
