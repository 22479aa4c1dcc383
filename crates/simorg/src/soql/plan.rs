//! A checked query: fields are known, literals have the field's type.

use jiff::Timestamp;

use super::Cell;
use super::literal::{self, Piece};

/// What to do with an object's records.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// What is answered.
    pub(crate) selection: Selection,
    /// Which records count.
    pub(super) filter: Option<Filter>,
    /// In which order; without any, no order is promised.
    pub(super) order: Vec<SortKey>,
    /// At most this many.
    pub(super) limit: Option<u64>,
    /// Without the first ones.
    pub(crate) offset: Option<u64>,
}

/// What a query answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selection {
    /// Only how many.
    Count,
    /// These fields of each record.
    Fields(Vec<&'static str>),
    /// One answer per group; without keys, one answer.
    Groups {
        /// Fields that make a group.
        keys: Vec<&'static str>,
        /// What is shown of each group.
        outputs: Vec<Output>,
    },
}

/// One value of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    /// Name in the answer: the field's, the alias, or `expr0`.
    pub(crate) name: String,
    /// How it is had; none for a key.
    pub(super) function: Option<Function>,
    /// Of which field.
    pub(super) field: &'static str,
}

/// An aggregate function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
    Avg,
}

/// A field to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SortKey {
    pub(super) field: &'static str,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// A condition on fields that exist.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Is { field: &'static str, test: Test },
    In { field: &'static str, negated: bool, values: Vec<Operand> },
}

/// How a value must relate to the operand.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Equal(Operand),
    NotEqual(Operand),
    Less(Operand),
    LessOrEqual(Operand),
    Greater(Operand),
    GreaterOrEqual(Operand),
    Like(Vec<Piece>),
}

/// A literal of the field's type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Null,
    Bool(bool),
    Number(f64),
    /// In lower case: text compares without regard to case.
    Text(String),
    /// The 15 significant characters.
    Id(String),
    /// From the first moment, before the second; a single moment is a range of one nanosecond.
    Time(Timestamp, Timestamp),
}

impl Plan {
    /// Whether the condition speaks of this field anywhere.
    pub(crate) fn filters_on(&self, field: &str) -> bool {
        fn speaks(filter: &Filter, name: &str) -> bool {
            match filter {
                Filter::All(parts) | Filter::Any(parts) => parts.iter().any(|f| speaks(f, name)),
                Filter::Not(part) => speaks(part, name),
                Filter::Is { field, .. } | Filter::In { field, .. } => *field == name,
            }
        }
        self.filter.as_ref().is_some_and(|filter| speaks(filter, field))
    }

    /// The narrowest span of `field` that the condition allows, as far as it can be told without
    /// looking at records.
    pub(crate) fn span_of(&self, field: &str) -> (Timestamp, Timestamp) {
        self.filter.as_ref().map_or((Timestamp::MIN, Timestamp::MAX), |filter| span(filter, field))
    }
}

fn span(filter: &Filter, name: &str) -> (Timestamp, Timestamp) {
    let all = (Timestamp::MIN, Timestamp::MAX);
    match filter {
        Filter::All(parts) => parts.iter().fold(all, |(from, to), part| {
            let (f, t) = span(part, name);
            (from.max(f), to.min(t))
        }),
        Filter::Any(parts) => parts
            .iter()
            .map(|part| span(part, name))
            .reduce(|(from, to), (f, t)| (from.min(f), to.max(t)))
            .unwrap_or(all),
        Filter::Is { field, test } if *field == name => match test {
            Test::Equal(Operand::Time(from, to)) => (*from, *to),
            Test::Less(Operand::Time(from, _)) => (all.0, *from),
            Test::LessOrEqual(Operand::Time(_, to)) => (all.0, *to),
            Test::Greater(Operand::Time(_, to)) => (*to, all.1),
            Test::GreaterOrEqual(Operand::Time(from, _)) => (*from, all.1),
            _ => all,
        },
        Filter::Is { .. } | Filter::In { .. } | Filter::Not(_) => all,
    }
}

impl Filter {
    /// Whether a record counts; `cell` gives its values.
    pub(super) fn holds(&self, cell: &dyn Fn(&str) -> Cell) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(cell)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(cell)),
            Self::Not(part) => !part.holds(cell),
            Self::Is { field, test } => test.holds(&cell(field)),
            Self::In { field, negated, values } => {
                let value = cell(field);
                values.iter().any(|operand| operand.equals(&value)) != *negated
            }
        }
    }
}

impl Test {
    fn holds(&self, value: &Cell) -> bool {
        match self {
            Self::Equal(operand) => operand.equals(value),
            Self::NotEqual(operand) => !operand.equals(value),
            Self::Less(operand) => operand.compare(value, |below, _| below),
            Self::LessOrEqual(operand) => operand.compare(value, |_, above| !above),
            Self::Greater(operand) => operand.compare(value, |_, above| above),
            Self::GreaterOrEqual(operand) => operand.compare(value, |below, _| !below),
            Self::Like(pattern) => {
                matches!(value, Cell::Text(text) if literal::fits(pattern, text))
            }
        }
    }
}

impl Operand {
    fn equals(&self, value: &Cell) -> bool {
        match (self, value) {
            (Self::Null, Cell::Null) => true,
            (Self::Bool(a), Cell::Bool(b)) => a == b,
            _ => self.compare(value, |below, above| !below && !above),
        }
    }

    /// Asks `ask(value is below, value is above)`; nothing is true of no value, or of another type.
    fn compare(&self, value: &Cell, ask: impl Fn(bool, bool) -> bool) -> bool {
        match (self, value) {
            (Self::Number(n), Cell::Int(v)) => ask((*v as f64) < *n, (*v as f64) > *n),
            (Self::Number(n), Cell::Double(v)) => ask(v < n, v > n),
            (Self::Text(t), Cell::Text(v)) => {
                let order = v.to_lowercase().cmp(t);
                ask(order.is_lt(), order.is_gt())
            }
            (Self::Id(id), Cell::Text(v)) => {
                let order = v.get(..15).unwrap_or(v).cmp(id.as_str());
                ask(order.is_lt(), order.is_gt())
            }
            (Self::Time(from, to), Cell::Time(v)) => ask(v < from, v >= to),
            _ => false,
        }
    }
}
