//! What a failure means for the work at hand, and what a person is told about it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What to do after a failure. Libraries only name it; the collector alone acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again; after this long at the least, if the other side said so.
    Retry {
        /// Wait asked for by the other side (for example `Retry-After`).
        after: Option<Duration>,
    },
    /// The session is dead: sign in once, then try again.
    RefreshCredentials,
    /// This one item can never succeed: set it aside as a dead letter and go on.
    Reject,
    /// Nothing will work until a person acts (credentials, permission, quota, configuration).
    Pause,
    /// Orgtap itself is wrong. Treated like [`Disposition::Pause`], and worth a report.
    Bug,
}

impl Disposition {
    /// Try again, with no wait asked for.
    pub const RETRY: Self = Self::Retry { after: None };

    /// One word for logs, JSON and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::RefreshCredentials => "refresh_credentials",
            Self::Reject => "reject",
            Self::Pause => "pause",
            Self::Bug => "bug",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error that can say what it means: implemented by the error type of every library crate.
pub trait Explain: std::error::Error {
    /// Stable code such as `OT-AUTH-01`; every code has a section in `docs/errors.md`.
    fn code(&self) -> &'static str;
    /// What the collector should do.
    fn disposition(&self) -> Disposition;
    /// Why it most likely happened, for a person. One or two sentences.
    fn cause(&self) -> String;
    /// What a person can do about it. One or two sentences.
    fn remedy(&self) -> String;

    /// What may be behind it where one answer has several causes, the most likely first.
    fn possibilities(&self) -> Vec<Possibility> {
        Vec::new()
    }

    /// The same as plain data, with the chain of sources joined into the message.
    fn problem(&self) -> Problem
    where
        Self: Sized,
    {
        let mut message = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = error.source();
        }
        Problem {
            code: self.code().to_owned(),
            message,
            cause: Explain::cause(self),
            remedy: self.remedy(),
            possibilities: self.possibilities(),
            disposition: self.disposition().name().to_owned(),
        }
    }
}

/// One of several causes that the same answer can have, and what tells it apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Possibility {
    /// What may be wrong.
    pub cause: String,
    /// The check that tells it apart from the others.
    pub check: String,
    /// What to do if it is that.
    pub remedy: String,
}

/// A failure as a person or a program reads it: message, cause, remedy, stable code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable code such as `OT-AUTH-01`.
    pub code: String,
    /// What happened, with its chain of sources. Never holds a secret or a payload.
    pub message: String,
    /// Why it most likely happened.
    pub cause: String,
    /// What to do about it.
    pub remedy: String,
    /// What may be behind it where one answer has several causes, the most likely first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possibilities: Vec<Possibility>,
    /// The name of the [`Disposition`].
    pub disposition: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}
