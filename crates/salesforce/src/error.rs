//! The one error of this crate: what went wrong, in which call, and what it means.
//!
//! An [`Error`] is cheap to clone, because one failed sign-in is the answer to every call that
//! waited for it. It never holds a secret: whatever the other side said passes through
//! [`redact`](crate::redact) and is cut short before it gets here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use orgtap_transport::{Disposition, Explain, Possibility};

use crate::call::Call;
use crate::catalogue::row;
use crate::reach::Unreachable;
use crate::refusal::{LikelyCause, SignInRefusal};

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings cannot work: an address, a missing value, a proxy, a certificate.
    Settings,
    /// The address does not answer like an org: it redirects, or has no REST API.
    WrongHost,
    /// An answer pointed somewhere it must not: another host, another path.
    UntrustedAddress,
    /// No answer came, or it broke off.
    Unreachable(Unreachable),
    /// Something answered, but not with what the API sends: a page of a proxy, nothing at all.
    NotJson,
    /// The org failed (5xx).
    ServerError,
    /// The org has too much to do just now.
    Busy,
    /// The answer is larger than any real one.
    TooLarge,
    /// JSON without what must be in it.
    BadAnswer,
    /// A record of a listing that cannot be understood.
    BadRecord,
    /// The body is compressed in a way nobody asked for.
    BadEncoding,
    /// The session is dead.
    SessionExpired,
    /// A session was refused right after the sign-in that made it.
    SessionRefused,
    /// The user may not see what was asked for, or the org has no licence for it.
    PermissionMissing,
    /// The REST API is closed to the org or the user.
    ApiDisabled,
    /// The user or the org is locked, expired, or used from a place or at an hour not allowed.
    AccountBlocked,
    /// A transaction security policy stopped the call.
    PolicyBlocked,
    /// The feature is off in this org.
    NotEnabled,
    /// The daily API calls are used up.
    QuotaExhausted,
    /// The query was too heavy: ask for a smaller window.
    QueryTimeout,
    /// The org does not have this column (empty if it did not say which).
    InvalidField(String),
    /// The sign-in leads to another org than the one it must be.
    OtherOrg,
    /// The place in a listing is lost: start the listing again.
    InvalidLocator,
    /// The org calls our request malformed.
    BadRequest,
    /// The org no longer has the file.
    Gone,
    /// The org does not offer this API version.
    UnsupportedVersion,
    /// Refused for a reason this crate does not know.
    Refused,
    /// What the next sign-in needs cannot be kept or read.
    NotKept,
    /// The sign-in was refused.
    SignIn(SignInRefusal),
}

/// A failure of the org, of the way there, or of what was asked.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    call: Option<Call>,
    detail: String,
    possibilities: Vec<&'static LikelyCause>,
    status: Option<u16>,
    after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind, with a short text that is safe to show.
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            call: None,
            detail: detail.into(),
            possibilities: Vec::new(),
            status: None,
            after: None,
            source: None,
        }))
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        // Errors are edited where they are made, before anybody else holds them.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// Says in which call it happened, unless that is known already.
    pub(crate) fn during(self, call: Call) -> Self {
        self.edit(|inner| inner.call = inner.call.or(Some(call)))
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        self.edit(|inner| inner.status = Some(status))
    }

    pub(crate) fn retry_after(self, after: Option<Duration>) -> Self {
        self.edit(|inner| inner.after = after.or(inner.after))
    }

    /// Says what may be behind an answer that has several causes.
    pub(crate) fn with_possibilities(self, causes: Vec<&'static LikelyCause>) -> Self {
        self.edit(|inner| inner.possibilities = causes)
    }

    pub(crate) fn with_source(
        self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.edit(|inner| inner.source = Some(Box::new(source)))
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The call that failed; none for wrong settings.
    pub fn call(&self) -> Option<Call> {
        self.0.call
    }

    /// The HTTP status of the answer, if there was one.
    pub fn http_status(&self) -> Option<u16> {
        self.0.status
    }

    /// What may be behind the answer, the most likely first; empty where it has one cause only.
    pub fn likely_causes(&self) -> &[&'static LikelyCause] {
        &self.0.possibilities
    }

    /// What the other side said, cleaned and short; may be empty.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(call) = self.0.call {
            write!(f, "{}: ", call.phrase())?;
        }
        f.write_str(row(&self.0.kind).title)?;
        if self.0.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.0.detail) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("call", &self.0.call)
            .field("status", &self.0.status)
            .field("detail", &self.0.detail)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        row(&self.0.kind).code
    }

    fn disposition(&self) -> Disposition {
        match row(&self.0.kind).disposition {
            Disposition::Retry { after } => Disposition::Retry { after: self.0.after.or(after) },
            other => other,
        }
    }

    fn cause(&self) -> String {
        row(&self.0.kind).cause.to_owned()
    }

    fn remedy(&self) -> String {
        row(&self.0.kind).remedy.to_owned()
    }

    fn possibilities(&self) -> Vec<Possibility> {
        self.0.possibilities.iter().map(|cause| cause.possibility()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_failed_in_which_call_and_what_it_means() {
        let error = Error::new(ErrorKind::QuotaExhausted, "TotalRequests Limit exceeded")
            .during(Call::List)
            .with_status(403);
        assert_eq!(
            error.to_string(),
            "listing log files: the org's daily API calls are used up: TotalRequests Limit exceeded"
        );
        assert_eq!(error.http_status(), Some(403));
        assert_eq!(error.problem().disposition, "retry");
        let Disposition::Retry { after: Some(after) } = error.disposition() else {
            panic!("a used up quota is waited for");
        };
        assert_eq!(after, Duration::from_mins(15));
    }

    #[test]
    fn a_wait_the_org_asked_for_replaces_the_usual_one() {
        let error = Error::new(ErrorKind::Busy, "")
            .retry_after(Some(Duration::from_secs(7)))
            .retry_after(None);
        assert_eq!(error.disposition(), Disposition::Retry { after: Some(Duration::from_secs(7)) });
    }
}
