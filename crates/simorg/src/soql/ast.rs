//! What a query says, before anything is known about objects and fields.

use jiff::{Timestamp, civil::Date};

/// A name and where it stands in the text (byte offset).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// As written.
    pub(super) text: String,
    /// Where it begins.
    pub(super) at: usize,
}

/// A whole query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    pub(super) select: Vec<Item>,
    pub(super) from: Name,
    pub(super) alias: Option<String>,
    pub(super) filter: Option<Expr>,
    pub(super) group_by: Vec<Name>,
    pub(super) order_by: Vec<Order>,
    pub(super) limit: Option<u64>,
    pub(super) offset: Option<u64>,
}

/// One entry of the field list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A field.
    Field(Name),
    /// `COUNT()`.
    Count,
    /// `FIELDS(STANDARD)` and its siblings; the name is the word in the parentheses.
    Fields(Name),
    /// `COUNT(field)`, `MAX(field)` and so on.
    Aggregate { function: Name, field: Name, alias: Option<String> },
}

/// One entry of `ORDER BY`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) field: Name,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Compare { field: Name, operator: Operator, value: Literal, at: usize },
    In { field: Name, negated: bool, values: Vec<(Literal, usize)> },
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// Between quotes, escapes not yet read.
    Text(String),
    /// A number, and whether it was written without fraction.
    Number(f64),
    Bool(bool),
    Null,
    Time(Timestamp),
    Date(Date),
    /// `YESTERDAY`, `LAST_N_DAYS:3`.
    Relative(Relative),
}

/// A date literal: a range of whole days that depends on when the query runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relative {
    Yesterday,
    Today,
    Tomorrow,
    ThisMonth,
    LastMonth,
    LastDays(i32),
    NextDays(i32),
    DaysAgo(i32),
}
