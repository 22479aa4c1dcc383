//! What is wrong with a configuration, and how a person is told.

use std::fmt;

use orgtap_transport::{Disposition, Explain};
use serde::Serialize;

/// The kind of a fault. Each has a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A file cannot be read or used.
    File,
    /// The text is not YAML, or YAML of a kind that is not read.
    Syntax,
    /// A key nothing is known of.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// A value that cannot be.
    Value,
    /// Something planned that this version does not have.
    NotAvailable,
    /// The same key or name twice.
    Repeated,
    /// A name that nothing has.
    Dangling,
    /// A secret cannot be had.
    Secret,
}

/// A line of the table of codes: code, title, cause, remedy.
type Row = (&'static str, &'static str, &'static str, &'static str);

impl FaultKind {
    /// Every kind, in the order of the codes.
    pub const ALL: [Self; 9] = [
        Self::File,
        Self::Syntax,
        Self::UnknownKey,
        Self::MissingKey,
        Self::Value,
        Self::NotAvailable,
        Self::Repeated,
        Self::Dangling,
        Self::Secret,
    ];

    /// Stable code, for example `OT-CONF-03`.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// Why such a fault comes about.
    pub const fn cause(self) -> &'static str {
        self.row().2
    }

    /// What is to be done about it.
    pub const fn remedy(self) -> &'static str {
        self.row().3
    }

    const fn row(self) -> Row {
        match self {
            Self::File => (
                "OT-CONF-01",
                "a file of the configuration cannot be used",
                "the file is not there, this user may not read it, or it is not what it should be",
                "check the path, the permissions and the content of the file",
            ),
            Self::Syntax => (
                "OT-CONF-02",
                "the configuration is not YAML",
                "indentation, quotes or brackets do not fit together, or a form of YAML is used that is not read here: tags, merge keys, several documents",
                "correct the line that is named; compare with `orgtap config example`",
            ),
            Self::UnknownKey => (
                "OT-CONF-03",
                "an unknown key",
                "the key is misspelt or stands in the wrong place",
                "use the key that is named, or see `orgtap config example` for all of them",
            ),
            Self::MissingKey => (
                "OT-CONF-04",
                "a missing key",
                "a key without a default is not there, or stands in the wrong place",
                "add the key; `orgtap config example` shows it",
            ),
            Self::Value => (
                "OT-CONF-05",
                "a wrong value",
                "the value has the wrong form, is out of bounds, or contradicts another one",
                "correct the value; `orgtap config example` shows every form",
            ),
            Self::NotAvailable => (
                "OT-CONF-06",
                "not available in this version",
                "the configuration asks for something Orgtap is meant to have and this version does not have",
                "remove it, or use a version that has it",
            ),
            Self::Repeated => (
                "OT-CONF-07",
                "something stands twice",
                "the same key or name was written a second time, often by copying a block",
                "remove or rename one of the two",
            ),
            Self::Dangling => (
                "OT-CONF-08",
                "a name that nothing has",
                "a connector names a destination that is not configured",
                "correct the name, or add a destination of that name",
            ),
            Self::Secret => (
                "OT-CONF-09",
                "a secret cannot be had",
                "the environment variable, file or command a secret should come from gives none",
                "check the reference, and that it works for the user Orgtap runs as",
            ),
        }
    }
}

/// Every code of the configuration, in order: code, title, cause, remedy.
pub fn catalogue() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    FaultKind::ALL.iter().map(|kind| kind.row()).collect()
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// The kind's code.
    pub code: &'static str,
    /// Where in the structure, for example `connectors[0].poll_interval`; empty for the whole.
    pub path: String,
    /// What is wrong: a fragment in lower case, without secrets.
    pub message: String,
    /// Where in the text, if it has a place there.
    pub place: Option<Place>,
}

/// A place in the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The line, with `...` for everything that may be secret.
    pub excerpt: String,
    /// Characters of the excerpt before the mark.
    pub indent: usize,
    /// Characters the mark covers; at least 1.
    pub width: usize,
}

impl Fault {
    pub(super) fn new(
        kind: FaultKind,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (path, message) = (path.into(), message.into());
        Self { kind, code: kind.code(), path, message, place: None }
    }
}

/// A configuration that is not taken, with everything that was found wrong in it.
///
/// `Display` is one line about the first fault; [`ConfigError::render`] tells all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    origin: String,
    faults: Vec<Fault>,
    /// Whether there are more than those kept.
    more: bool,
}

/// Most faults told at once; a file with more is not a configuration.
pub(super) const MOST_FAULTS: usize = 20;

impl ConfigError {
    /// Takes at least one fault, in the order they are to be told.
    pub(super) fn new(origin: impl Into<String>, mut faults: Vec<Fault>) -> Self {
        let more = faults.len() > MOST_FAULTS;
        faults.truncate(MOST_FAULTS);
        Self { origin: origin.into(), faults, more }
    }

    /// The file.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What was found, in the order of the text; at most 20, never none.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Everything for a person at a terminal: message, place, line and mark of each fault.
    pub fn render(&self) -> String {
        Rendered(self).to_string()
    }

    /// `file:line:column: message`, as editors read it; of what stands in no file, with its path.
    fn headline(&self, fault: &Fault) -> String {
        match &fault.place {
            Some(place) => {
                format!("{}:{}:{}: {}", self.origin, place.line, place.column, fault.message)
            }
            None if fault.path.is_empty() => format!("{}: {}", self.origin, fault.message),
            None => format!("{}: {}: {}", self.origin, fault.path, fault.message),
        }
    }

    fn first(&self) -> FaultKind {
        self.faults.first().map_or(FaultKind::Syntax, |fault| fault.kind)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.faults.first() else { return f.write_str(&self.origin) };
        f.write_str(&self.headline(first))?;
        match self.faults.len() {
            0 | 1 => Ok(()),
            2 => f.write_str(" (and another problem)"),
            _ if self.more => f.write_str(" (and many other problems)"),
            count => write!(f, " (and {} other problems)", count - 1),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The long form of an error.
struct Rendered<'e>(&'e ConfigError);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.faults.iter().enumerate() {
            let blank = if index == 0 { "" } else { "\n" };
            writeln!(f, "{blank}{} [{}]", self.0.headline(fault), fault.code)?;
            if !fault.path.is_empty() && fault.place.is_some() {
                writeln!(f, "  at {}", fault.path)?;
            }
            if let Some(place) = &fault.place {
                let number = place.line.to_string();
                writeln!(f, "  {number} | {}", place.excerpt)?;
                let gutter = " ".repeat(number.len());
                let (before, mark) = (" ".repeat(place.indent), "^".repeat(place.width));
                writeln!(f, "  {gutter} | {before}{mark}")?;
            }
        }
        if self.0.more {
            writeln!(f, "\nthere is more; only the first problems are shown")?;
        }
        Ok(())
    }
}

impl Explain for ConfigError {
    fn code(&self) -> &'static str {
        self.first().code()
    }

    fn disposition(&self) -> Disposition {
        Disposition::Pause
    }

    fn cause(&self) -> String {
        self.first().cause().to_owned()
    }

    fn remedy(&self) -> String {
        self.first().remedy().to_owned()
    }
}
