//! Why no answer came: what kind of failure a broken connection was.
//!
//! Works on the chain of errors behind the HTTP client, so that a person reads "the certificate is
//! not trusted" and not "error sending request".

use std::error::Error as StdError;
use std::io;

use orgtap_transport::Disposition;

use crate::catalogue::{Row, wait};
use crate::error::{Error, ErrorKind};

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unreachable {
    /// The host name has no address.
    Name,
    /// Nothing listens there.
    Refused,
    /// No route to the address.
    NoRoute,
    /// Nothing came in time.
    Timeout,
    /// The certificate is not trusted, expired, or for another name.
    Certificate,
    /// TLS failed otherwise.
    Tls,
    /// The proxy would not pass it on.
    Proxy,
    /// The connection ended in the middle.
    Broken,
    /// Something else below HTTP.
    Other,
}

impl Unreachable {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Name,
        Self::Refused,
        Self::NoRoute,
        Self::Timeout,
        Self::Certificate,
        Self::Tls,
        Self::Proxy,
        Self::Broken,
        Self::Other,
    ];
}

/// Turns the HTTP client's failure into an [`Error`], without its URL.
pub(crate) fn failure(error: reqwest::Error) -> Error {
    let why = classify(&error);
    let detail = innermost(&error);
    Error::new(ErrorKind::Unreachable(why), detail).with_source(error.without_url())
}

fn classify(error: &reqwest::Error) -> Unreachable {
    // A refused certificate also counts as a failure to connect, so the chain is asked first.
    if let Some(why) = search(error, 0) {
        return why;
    }
    if error.is_dns() {
        Unreachable::Name
    } else if error.is_timeout() {
        Unreachable::Timeout
    } else if error.is_connect() {
        Unreachable::Other
    } else if error.is_body() || error.is_decode() || error.is_request() {
        Unreachable::Broken
    } else {
        Unreachable::Other
    }
}

/// How deep a chain of errors is followed.
const DEEPEST: usize = 16;

fn search(error: &(dyn StdError + 'static), depth: usize) -> Option<Unreachable> {
    if depth > DEEPEST {
        return None;
    }
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(match tls {
            rustls::Error::InvalidCertificate(_) => Unreachable::Certificate,
            _ => Unreachable::Tls,
        });
    }
    let text = error.to_string();
    if text.starts_with("tunnel error") || text.starts_with("socks") || text.contains("proxy") {
        return Some(Unreachable::Proxy);
    }
    if text.starts_with("dns error") {
        return Some(Unreachable::Name);
    }
    if let Some(failed) = error.downcast_ref::<io::Error>() {
        // `source` of an I/O error skips the error it wraps, which is where TLS failures are.
        let wrapped = failed.get_ref().and_then(|inner| search(inner, depth + 1));
        return wrapped.or_else(|| of_io(failed.kind()));
    }
    error.source().and_then(|source| search(source, depth + 1))
}

fn of_io(kind: io::ErrorKind) -> Option<Unreachable> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some(Unreachable::Refused),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::AddrNotAvailable => Some(Unreachable::NoRoute),
        io::ErrorKind::TimedOut => Some(Unreachable::Timeout),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(Unreachable::Broken),
        _ => None,
    }
}

/// The last error of the chain: the one that says what happened.
fn innermost(error: &reqwest::Error) -> String {
    let mut last = String::new();
    let mut next = error.source();
    for _ in 0..DEEPEST {
        let Some(error) = next else { break };
        last = error.to_string();
        next = error.source();
    }
    orgtap_transport::http::excerpt(last.as_bytes())
}

/// What a person is told about a reason.
pub(crate) const fn row(why: Unreachable) -> &'static Row {
    match why {
        Unreachable::Name => &NAME,
        Unreachable::Refused => &CONNECTION_REFUSED,
        Unreachable::NoRoute => &NO_ROUTE,
        Unreachable::Timeout => &TIMEOUT,
        Unreachable::Certificate => &CERTIFICATE,
        Unreachable::Tls => &TLS,
        Unreachable::Proxy => &PROXY,
        Unreachable::Broken => &BROKEN,
        Unreachable::Other => &OTHER,
    }
}

const NAME: Row = Row {
    code: "OT-ORG-10",
    title: "the host name cannot be resolved",
    cause: "The name is mistyped, the org's My Domain was renamed, or this machine has no name service.",
    remedy: "Check the URL, then resolve the name on this machine; behind a proxy, set the proxy.",
    disposition: Disposition::RETRY,
};
const CONNECTION_REFUSED: Row = Row {
    code: "OT-ORG-11",
    title: "the connection was refused",
    cause: "Nothing listens at that address and port, or a firewall rejects the connection.",
    remedy: "Check the URL's port and that this machine may reach port 443 outside, directly or by a proxy.",
    disposition: Disposition::RETRY,
};
const NO_ROUTE: Row = Row {
    code: "OT-ORG-12",
    title: "there is no route to the host",
    cause: "The network is down, or offers no way to that address.",
    remedy: "Check this machine's network; without IPv6, check that the name has an IPv4 address.",
    disposition: Disposition::RETRY,
};
const TIMEOUT: Row = Row {
    code: "OT-ORG-13",
    title: "no answer in time",
    cause: "A firewall drops the packets silently, or the other side is overloaded.",
    remedy: "Usually it passes. If it never works, ask for outgoing port 443 to Salesforce, or set the proxy.",
    disposition: Disposition::RETRY,
};
const CERTIFICATE: Row = Row {
    code: "OT-ORG-14",
    title: "the certificate is not trusted",
    cause: "A proxy that inspects TLS shows a certificate of its own, the certificate is expired or for another name, or this machine's clock is wrong.",
    remedy: "Give Orgtap the inspecting proxy's root certificate (`ca_file` of the connector), or exempt Salesforce from inspection; check the clock.",
    disposition: wait(300),
};
const TLS: Row = Row {
    code: "OT-ORG-15",
    title: "TLS could not be agreed on",
    cause: "The other side does not speak TLS 1.2 or later on that port, or demands a client certificate; or this machine has no authorities that it trusts.",
    remedy: "Check the port; give a client certificate if the org enforces mutual TLS; install the system's certificates (Debian's package ca-certificates) if there are none.",
    disposition: wait(300),
};
const PROXY: Row = Row {
    code: "OT-ORG-16",
    title: "the proxy does not pass the connection on",
    cause: "Nothing listens at the proxy's address, or the proxy demands sign-in, forbids the host, or cannot reach it.",
    remedy: "Check the proxy's address and credentials, and that it allows Salesforce's hosts.",
    disposition: wait(60),
};
const BROKEN: Row = Row {
    code: "OT-ORG-17",
    title: "the connection ended in the middle",
    cause: "The other side or something between closed the connection before the answer was whole.",
    remedy: "Usually it passes. If it stays, look for a firewall or proxy that limits time or size.",
    disposition: Disposition::RETRY,
};
const OTHER: Row = Row {
    code: "OT-ORG-18",
    title: "the connection failed",
    cause: "Something below HTTP failed; the message says what.",
    remedy: "Check the network between this machine and Salesforce.",
    disposition: Disposition::RETRY,
};
