//! Counts of what clients did, by kind of call.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Error;

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// A new connection, before anything is asked. Only those that were reset are counted.
    Connect,
    /// The list of API versions.
    Versions,
    /// The token endpoint.
    Token,
    /// Introspection, revocation, user info, identity.
    OAuth,
    /// A version's resources, or the list of objects.
    Resources,
    /// An object's fields.
    Describe,
    /// The first page of a query.
    Query,
    /// A further page of a query.
    QueryMore,
    /// One record.
    Retrieve,
    /// A log file's content.
    Download,
    /// The org's limits.
    Limits,
    /// Anything else.
    Other,
}

impl Call {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Connect,
        Self::Versions,
        Self::Token,
        Self::OAuth,
        Self::Resources,
        Self::Describe,
        Self::Query,
        Self::QueryMore,
        Self::Retrieve,
        Self::Download,
        Self::Limits,
        Self::Other,
    ];

    /// The name used in settings and counts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Versions => "versions",
            Self::Token => "token",
            Self::OAuth => "oauth",
            Self::Resources => "resources",
            Self::Describe => "describe",
            Self::Query => "query",
            Self::QueryMore => "query_more",
            Self::Retrieve => "retrieve",
            Self::Download => "download",
            Self::Limits => "limits",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Call {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|call| call.name() == text);
        found.ok_or_else(|| Error::Fault(format!("there is no kind of call named {text:?}")))
    }
}

/// What clients have done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests by kind, whatever became of them.
    pub calls: BTreeMap<Call, u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Tokens given out.
    pub sign_ins: u64,
    /// Sign-ins refused.
    pub refused_sign_ins: u64,
    /// Downloads begun, by log file id.
    pub downloads: BTreeMap<String, u64>,
}

impl Stats {
    /// Requests of one kind.
    pub fn of(&self, call: Call) -> u64 {
        self.calls.get(&call).copied().unwrap_or(0)
    }
}

/// Where the counting is done.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Stats>);

impl Recorder {
    pub(crate) fn snapshot(&self) -> Stats {
        self.stats().clone()
    }

    pub(crate) fn answered(&self, call: Call, status: u16) {
        let mut stats = self.stats();
        *stats.calls.entry(call).or_default() += 1;
        *stats.statuses.entry(status).or_default() += 1;
    }

    pub(crate) fn reset_connection(&self) {
        *self.stats().calls.entry(Call::Connect).or_default() += 1;
    }

    pub(crate) fn signed_in(&self, accepted: bool) {
        let mut stats = self.stats();
        if accepted {
            stats.sign_ins += 1;
        } else {
            stats.refused_sign_ins += 1;
        }
    }

    pub(crate) fn downloaded(&self, id: &str) {
        *self.stats().downloads.entry(id.to_owned()).or_default() += 1;
    }

    fn stats(&self) -> MutexGuard<'_, Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
