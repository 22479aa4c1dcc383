//! Why a request, or the console itself, was refused or failed.

use std::net::SocketAddr;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use orgtap_transport::{Disposition, Explain, Possibility, Problem};

use crate::security::Role;

/// Any failure of the console. What a person reads of it is [`Explain`]'s.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignInNeeded,
    /// The person's role does not go that far.
    #[error("this needs the role {needs}")]
    Forbidden {
        /// The least role that may.
        needs: Role,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// The path is known, but not for this.
    #[error("this address does not know the method {method}")]
    Method {
        /// The method that was tried.
        method: String,
    },
    /// A change that did not come from a page of the console.
    #[error("this request did not come from a page of this console, or that page is out of date")]
    Forged,
    /// Name and password do not belong together.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// Too many tries to sign in.
    #[error("too many tries; the next one is possible in {} s", wait.as_secs().max(1))]
    TooManyTries {
        /// How long to wait.
        wait: Duration,
    },
    /// A one-time link that was used, has expired, or never was.
    #[error("this link was used already, or is out of date")]
    LinkSpent,
    /// Input that cannot be used.
    #[error("{message}")]
    Unusable {
        /// What is wrong with it, without repeating secrets.
        message: String,
    },
    /// It does not fit what is there.
    #[error("{message}")]
    Conflict {
        /// With what.
        message: String,
    },
    /// A connector of the main configuration file.
    #[error("the connector {name} stands in the configuration file")]
    ReadOnly {
        /// Its name.
        name: String,
    },
    /// A request for another host.
    #[error("this console does not answer under that host name")]
    ForeignHost,
    /// A request larger than any the console knows.
    #[error("the request is too large")]
    TooLarge,
    /// The body is of a kind this call does not read.
    #[error("the body is of a kind that is not read here")]
    MediaType,
    /// The request took too long to arrive.
    #[error("the request did not arrive in time")]
    TooSlow,
    /// No free hand now.
    #[error("the console is busy")]
    Busy,
    /// The address to listen on cannot be had.
    #[error("the console cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("the console cannot use its certificate: {reason}")]
    Tls {
        /// Why, without anything of the key.
        reason: String,
    },
    /// The collector, its ledger or its configuration.
    #[error(transparent)]
    Collector(#[from] orgtap_collector::Error),
    /// The console itself is wrong.
    #[error("the console failed: {0}")]
    Unexpected(String),
}

/// Result with the console's error.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl From<orgtap_ledger::LedgerError> for Error {
    fn from(error: orgtap_ledger::LedgerError) -> Self {
        Self::Collector(error.into())
    }
}

impl From<orgtap_collector::config::ConfigError> for Error {
    fn from(error: orgtap_collector::config::ConfigError) -> Self {
        Self::Collector(error.into())
    }
}

impl Error {
    /// There is no such thing: `what` with its name, for example `connector "acme"`.
    pub(crate) fn no(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// Input that cannot be used, and why.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::Unusable { message: message.into() }
    }

    /// What does not fit what is there.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { message: message.into() }
    }

    /// The status a browser or a program gets.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::SignInNeeded | Self::WrongPassword => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::LinkSpent => StatusCode::GONE,
            Self::Unusable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict { .. } | Self::ReadOnly { .. } => StatusCode::CONFLICT,
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Collector(error) => of_collector(error),
            Self::Listen { .. } | Self::Tls { .. } | Self::Unexpected(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Its row of the catalogue; none for what others explain.
    fn own(&self) -> Option<&'static Own> {
        let code = match self {
            Self::SignInNeeded => "OT-WEB-01",
            Self::Forbidden { .. } => "OT-WEB-02",
            Self::NotFound { .. } => "OT-WEB-03",
            Self::Forged => "OT-WEB-04",
            Self::WrongPassword => "OT-WEB-05",
            Self::TooManyTries { .. } => "OT-WEB-06",
            Self::LinkSpent => "OT-WEB-07",
            Self::Unusable { .. } => "OT-WEB-08",
            Self::Conflict { .. } => "OT-WEB-09",
            Self::ReadOnly { .. } => "OT-WEB-10",
            Self::ForeignHost => "OT-WEB-11",
            Self::TooLarge => "OT-WEB-12",
            Self::TooSlow => "OT-WEB-13",
            Self::Busy => "OT-WEB-14",
            Self::Listen { .. } => "OT-WEB-15",
            Self::Tls { .. } => "OT-WEB-16",
            Self::Method { .. } => "OT-WEB-17",
            Self::MediaType => "OT-WEB-18",
            Self::Unexpected(_) => "OT-WEB-50",
            Self::Collector(_) => return None,
        };
        OWN.iter().find(|own| own.0 == code)
    }
}

fn of_collector(error: &orgtap_collector::Error) -> StatusCode {
    use orgtap_collector::Error as Of;
    match error {
        Of::Config(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Of::Org(_) | Of::Destination(_) => StatusCode::BAD_GATEWAY,
        Of::Ledger(orgtap_ledger::LedgerError::NoUnit(_)) | Of::UnknownConnector { .. } => {
            StatusCode::NOT_FOUND
        }
        error if error.is_disk_full() => StatusCode::INSUFFICIENT_STORAGE,
        Of::Ledger(_) | Of::Disk { .. } | Of::Worker(_) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match (self, self.own()) {
            (Self::Collector(error), _) => error.code(),
            (_, Some(own)) => own.0,
            (_, None) => "OT-WEB-50",
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Collector(error) => error.disposition(),
            Self::TooManyTries { wait } => Disposition::Retry { after: Some(*wait) },
            Self::Busy | Self::TooSlow => Disposition::RETRY,
            Self::Unexpected(_) => Disposition::Bug,
            _ => Disposition::Pause,
        }
    }

    fn cause(&self) -> String {
        match self {
            Self::Collector(error) => Explain::cause(error),
            _ => self.own().map_or("", |own| own.2).to_owned(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Collector(error) => error.remedy(),
            _ => self.own().map_or("", |own| own.3).to_owned(),
        }
    }

    fn possibilities(&self) -> Vec<Possibility> {
        match self {
            Self::Collector(error) => error.possibilities(),
            _ => Vec::new(),
        }
    }
}

/// A refusal on its way out: `security::gate` makes a page or JSON of it.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) problem: Problem,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(code = self.code(), error = %self, "the console failed to answer");
        }
        let mut response = status.into_response();
        if let Self::TooManyTries { wait } = &self {
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        let problem = match &self {
            Self::Collector(error) => error.problem(),
            _ => self.problem(),
        };
        response.extensions_mut().insert(Refused { problem });
        response
    }
}

/// Code, title, cause, remedy of every failure that is the console's own.
pub fn catalogue() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)>
{
    OWN.iter().copied()
}

type Own = (&'static str, &'static str, &'static str, &'static str);

const OWN: &[Own] = &[
    (
        "OT-WEB-01",
        "not signed in",
        "there is no session, it has ended, or the API token is not valid (any more)",
        "sign in, or send a valid API token: Authorization: Bearer ot_..",
    ),
    (
        "OT-WEB-02",
        "the role does not go that far",
        "viewers see, operators also handle what is collected, administrators also change connectors and people",
        "ask an administrator of this console to do it, or for the role",
    ),
    (
        "OT-WEB-03",
        "not there",
        "it was removed, or its name or number is misspelt",
        "look for it in the list it should be in",
    ),
    (
        "OT-WEB-04",
        "not from a page of this console",
        "another site sent this request, or the page is of a session that has ended",
        "open the page again and repeat what you did",
    ),
    (
        "OT-WEB-05",
        "wrong name or password",
        "one of the two is misspelt, or there is no such person",
        "try again, or ask an administrator for a new password; a locked-out administrator runs `orgtap console link` on the machine of Orgtap",
    ),
    (
        "OT-WEB-06",
        "too many tries to sign in",
        "passwords were wrong several times in a row, from this address or for this name",
        "wait for the time given; each further wrong one makes it longer",
    ),
    (
        "OT-WEB-07",
        "a link that was used or is out of date",
        "a link works once, and for an hour",
        "make a new one with `orgtap console link` on the machine of Orgtap",
    ),
    (
        "OT-WEB-08",
        "input that cannot be used",
        "a value is missing, too long, or not of the kind that is wanted",
        "see the message, and change that value",
    ),
    (
        "OT-WEB-09",
        "it does not fit what is there",
        "somebody else changed it meanwhile, the same is under way already, or it would leave the console without an administrator",
        "see the message, look at what is there now, and try again",
    ),
    (
        "OT-WEB-10",
        "the connector stands in the configuration file",
        "connectors of the main configuration file are changed there only",
        "edit the file and start `orgtap run` again",
    ),
    (
        "OT-WEB-11",
        "another host was asked for",
        "the address in the browser has a name that is not this console's, as in an attack by DNS rebinding",
        "use the address Orgtap printed when it started, or add the name to console.hosts",
    ),
    (
        "OT-WEB-12",
        "a request that is too large",
        "no form and no call of the console is that large",
        "send less",
    ),
    (
        "OT-WEB-13",
        "a request that took too long",
        "it did not arrive as a whole within the time given",
        "try again over a better connection",
    ),
    (
        "OT-WEB-14",
        "the console is busy",
        "more requests came at once than it handles",
        "try again in a few seconds",
    ),
    (
        "OT-WEB-15",
        "the console's address cannot be had",
        "another program, or another Orgtap, listens there, or this machine has no such address",
        "write another one at console.listen, or `console: off`",
    ),
    (
        "OT-WEB-16",
        "the console's certificate cannot be used",
        "a file of console.tls is missing, is not PEM, or key and certificate do not belong together",
        "see the message; certificate is the chain, the console's own first, key its private key",
    ),
    (
        "OT-WEB-17",
        "a method this address does not know",
        "the address is right, but what was to be done there is not possible",
        "see /api/v1/openapi.json for what is",
    ),
    (
        "OT-WEB-18",
        "a body of another kind",
        "the Content-Type is not the one this call reads",
        "send JSON as application/json",
    ),
    (
        "OT-WEB-50",
        "the console failed",
        "a fault in Orgtap itself",
        "look into Orgtap's log, and report it",
    ),
];
