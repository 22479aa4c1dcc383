//! Panels: answers as plain data, for any front end.
//!
//! Times are RFC 3339 in UTC. A name that is [`OTHERS`] stands for all that there was no room for
//! by name.

use serde::Serialize;
use utoipa::ToSchema;

/// Name of a line or row that stands for all that there was no room for by name.
pub const OTHERS: &str = "(others)";

/// A page of panels over one stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Page {
    /// `monitoring`, `security` or `user_time_line`.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Start of the time it is about, RFC 3339: that asked for, or the start of its UTC day.
    pub from: String,
    /// End of the time it is about, RFC 3339; not itself part of it.
    pub to: String,
    /// The panels, in the order they are best read.
    pub panels: Vec<Panel>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Panel {
    /// Names it, for addresses and tests: lower case and `_`.
    pub id: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The question it answers: one plain sentence.
    pub question: &'static str,
    /// The event types it is made of. It can say something once one of them is seen.
    pub needs: Vec<Need>,
    /// The answer.
    pub body: Body,
    /// What a reader should know of it.
    pub note: Option<String>,
}

impl Panel {
    /// Whether the org delivers none of the event types it is made of, so that there is nothing to
    /// show and never was. An empty body of another panel means that nothing happened.
    pub fn is_without_data(&self) -> bool {
        !self.needs.is_empty() && self.needs.iter().all(|need| !need.seen)
    }
}

/// An event type a panel is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Need {
    /// Event type.
    pub event_type: String,
    /// Whether rows of it ever came.
    pub seen: bool,
    /// Start of the last hour with rows, RFC 3339.
    pub last: Option<String>,
}

/// An answer's form.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Body {
    /// Single numbers.
    Figures {
        /// The numbers.
        figures: Vec<Figure>,
    },
    /// Numbers over time.
    Series {
        /// What the numbers are.
        unit: Unit,
        /// Length of a step, hours: 1 or 24.
        step_hours: i64,
        /// Start of each step, RFC 3339, without gaps.
        times: Vec<String>,
        /// Lines, the greatest first, `(others)` last. Empty when nothing happened.
        lines: Vec<Line>,
    },
    /// Rows, the most important first. Empty when nothing happened.
    Table {
        /// The columns.
        columns: Vec<Column>,
        /// Rows of as many cells as there are columns.
        rows: Vec<Vec<Cell>>,
    },
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Events.
    Events,
    /// Users.
    Users,
    /// Records, or rows of reports.
    Rows,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Milliseconds,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Figure {
    /// What it is.
    pub label: String,
    /// The number.
    pub value: i64,
    /// Of what.
    pub unit: Unit,
    /// The same for the stretch of time before, as long as this one; none if nothing is known of
    /// it.
    pub before: Option<i64>,
}

/// A line of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Line {
    /// What it is of.
    pub name: String,
    /// As many numbers as there are times.
    pub values: Vec<i64>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// What its cells are.
    pub kind: Kind,
}

/// What a column's cells are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
    /// Numbers: how many.
    Count,
    /// Numbers: bytes.
    Bytes,
    /// Numbers: milliseconds.
    Duration,
    /// Numbers: hundredths of a hundred.
    Percent,
    /// Text: RFC 3339.
    Time,
    /// Users, or `(others)` as text.
    User,
}

/// A cell of a table. Any may be null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Cell {
    /// Nothing is known.
    None,
    /// Text, or a time. Whatever the org wrote, without control characters; never markup.
    Text(String),
    /// A number.
    Number(i64),
    /// A user.
    User {
        /// The user's id, 15 characters: what the user's time line is asked with.
        id: String,
        /// What the user signs in as, if it is known.
        name: Option<String>,
    },
}

impl Cell {
    /// As text; nothing if there is none.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }
}
