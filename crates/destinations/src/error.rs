//! Why a destination failed, and what a person can do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use orgtap_transport::{Disposition, Explain};

/// What went wrong, in one of the ways a person or the collector would act on differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// No connection to the target.
    Unreachable,
    /// The connection ended or stalled while it was in use.
    Broken,
    /// The target's certificate is not to be trusted.
    Untrusted,
    /// The target refuses the credentials or the client certificate.
    RefusedCredentials,
    /// There is something at the address, but not what events can be sent to.
    WrongAddress,
    /// The target sends elsewhere. Redirects are never followed.
    Redirected,
    /// The target asks to come back later.
    Busy,
    /// The target refuses every event it is sent.
    RefusedAll,
    /// The target answers in a way its protocol does not know.
    NotUnderstood,
    /// The receiver did not show in time that it has read everything.
    NotConfirmed,
    /// The operating system does not let Orgtap write where it should.
    Permission,
    /// No room left on the disk.
    DiskFull,
    /// The disk or file system failed in another way.
    Storage,
    /// Whoever read the standard output is gone.
    OutputClosed,
    /// A secret could not be had.
    Secret,
    /// The configuration cannot work.
    Configuration,
    /// Orgtap broke its own rules.
    Misused,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Self; 17] = [
        Self::Unreachable,
        Self::Broken,
        Self::Untrusted,
        Self::RefusedCredentials,
        Self::WrongAddress,
        Self::Redirected,
        Self::Busy,
        Self::RefusedAll,
        Self::NotUnderstood,
        Self::NotConfirmed,
        Self::Permission,
        Self::DiskFull,
        Self::Storage,
        Self::OutputClosed,
        Self::Secret,
        Self::Configuration,
        Self::Misused,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "OT-DEST-01",
            Self::Broken => "OT-DEST-02",
            Self::Untrusted => "OT-DEST-03",
            Self::RefusedCredentials => "OT-DEST-04",
            Self::WrongAddress => "OT-DEST-05",
            Self::Redirected => "OT-DEST-06",
            Self::Busy => "OT-DEST-07",
            Self::RefusedAll => "OT-DEST-08",
            Self::NotUnderstood => "OT-DEST-09",
            Self::NotConfirmed => "OT-DEST-10",
            Self::Permission => "OT-DEST-11",
            Self::DiskFull => "OT-DEST-12",
            Self::Storage => "OT-DEST-13",
            Self::OutputClosed => "OT-DEST-14",
            Self::Secret => "OT-DEST-15",
            Self::Configuration => "OT-DEST-16",
            Self::Misused => "OT-DEST-17",
        }
    }

    /// What happened, in a few words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "cannot reach the target",
            Self::Broken => "the connection broke",
            Self::Untrusted => "the target's certificate is not trusted",
            Self::RefusedCredentials => "the target refuses the credentials",
            Self::WrongAddress => "the address does not take events",
            Self::Redirected => "the target redirects elsewhere",
            Self::Busy => "the target is busy",
            Self::RefusedAll => "the target refuses every event",
            Self::NotUnderstood => "the target's answer is not understood",
            Self::NotConfirmed => "the receiver did not confirm",
            Self::Permission => "no permission to write",
            Self::DiskFull => "the disk is full",
            Self::Storage => "writing to disk failed",
            Self::OutputClosed => "the standard output is closed",
            Self::Secret => "a secret is missing",
            Self::Configuration => "the configuration cannot work",
            Self::Misused => "Orgtap broke its own rules",
        }
    }

    /// Why it most likely happened.
    pub const fn cause(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "The host name does not resolve, nothing listens on that port, or a firewall or \
                 proxy is in the way."
            }
            Self::Broken => {
                "The target was restarted, or a firewall or load balancer between here and there \
                 ended the connection, or the target stopped reading."
            }
            Self::Untrusted => {
                "The certificate is signed by an authority this machine does not know, has \
                 expired, or is for another host name."
            }
            Self::RefusedCredentials => {
                "The user name, password, token, shared secret or client certificate is wrong, \
                 expired, or not allowed to send events here."
            }
            Self::WrongAddress => {
                "The path of the address is wrong, the endpoint was removed, or it does not take \
                 this method."
            }
            Self::Redirected => {
                "The address is an old one, or lacks a trailing part, or a sign-in page stands \
                 in front of the target. A redirect is not followed, because that would send \
                 events and credentials to another place than the configured one."
            }
            Self::Busy => "The target is overloaded, limits the rate, or is being restarted.",
            Self::RefusedAll => {
                "The target does not take this body format, compression or size, or expects \
                 other fields. As it refused every event, no single event is to blame, and none \
                 was set aside."
            }
            Self::NotUnderstood => {
                "What listens there speaks another protocol, for example plain text where TLS is \
                 expected, or a proxy in between answers for the target."
            }
            Self::NotConfirmed => {
                "Orgtap closed its side of the connection, and the receiver did not close its \
                 own in time, so it is not known whether it has read everything. Syslog has no \
                 other confirmation."
            }
            Self::Permission => {
                "The user Orgtap runs as may not write there, or the file system is read-only."
            }
            Self::DiskFull => "The file system has no free space or inodes, or a quota is used up.",
            Self::Storage => {
                "The file system answered with an error: a failing disk, a lost network mount, \
                 or something else stands where a folder should be."
            }
            Self::OutputClosed => "The program that reads Orgtap's output through a pipe ended.",
            Self::Secret => {
                "The environment variable, file or command named for a secret gives nothing."
            }
            Self::Configuration => "A value in the destination's configuration cannot be used.",
            Self::Misused => "This is a bug in Orgtap. Nothing is lost: the events stay spooled.",
        }
    }

    /// What a person can do.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "Check host and port, then the way there from this machine (DNS, firewall, \
                 proxy). Orgtap keeps trying and the events stay spooled."
            }
            Self::Broken => {
                "If it happens often, look at the target's log and at idle time-outs on the way. \
                 Orgtap sends again what was not confirmed."
            }
            Self::Untrusted => {
                "Set ca_file to the authority's certificate (PEM), or correct the host name or \
                 server_name; renew the certificate if it has expired. Verification cannot be \
                 turned off."
            }
            Self::RefusedCredentials => {
                "Correct the destination's auth (or its client certificate), and check at the target \
                 that the account may send events. It is tried again every 15 minutes, and when \
                 Orgtap is restarted."
            }
            Self::WrongAddress => {
                "Compare the url and method with what the target shows for its endpoint. It \
                 is tried again every 15 minutes, and when Orgtap is restarted."
            }
            Self::Redirected => {
                "If the named host is the right one, put the new address into url; otherwise ask \
                 who answers there. It is tried again every 15 minutes, and when Orgtap is \
                 restarted."
            }
            Self::Busy => {
                "Nothing, if it passes. If it stays, lower max_events_per_second or the batch \
                 size, or give the target more room."
            }
            Self::RefusedAll => {
                "Read the target's reason above and compare body, gzip, headers and batch with \
                 what the target expects. The files of that event type and day wait, and are tried \
                 again every 15 minutes, and when Orgtap is restarted; others go on."
            }
            Self::NotUnderstood => {
                "Check that port and transport (https or http, tls or tcp) belong together and \
                 that no proxy answers in between."
            }
            Self::NotConfirmed => {
                "Raise confirm_wait. If the receiver never closes its side, set confirm: none, \
                 which makes delivery best effort."
            }
            Self::Permission => {
                "Give the user Orgtap runs as the right to write to that folder, or name another \
                 one. It is tried again every 15 minutes, and when Orgtap is restarted."
            }
            Self::DiskFull => {
                "Free space on that file system or move the directory to a larger one. Orgtap \
                 goes on by itself."
            }
            Self::Storage => "Look at the system's log for the disk or mount, and at the path.",
            Self::OutputClosed => "Start Orgtap again with a program that keeps reading.",
            Self::Secret => {
                "Set the named variable or file, or correct the command, and restart Orgtap."
            }
            Self::Configuration => "Correct the named value.",
            Self::Misused => "Please report it with this message and the log around it.",
        }
    }
}

/// A destination's failure: its [`Kind`], which destination, what exactly, and its source.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    destination: String,
    detail: String,
    after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of a destination. `detail` is a lower-case fragment without secrets or events;
    /// it may be empty.
    pub fn new(kind: Kind, destination: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            destination: destination.to_owned(),
            detail: detail.into(),
            after: None,
            source: None,
        }))
    }

    /// With the error it comes from.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// With the wait the target asked for.
    #[must_use]
    pub fn with_after(mut self, after: Option<Duration>) -> Self {
        self.0.after = after;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The destination's name.
    pub fn destination(&self) -> &str {
        &self.0.destination
    }

    /// No connection while `doing` something (`connecting to x:1`).
    pub(crate) fn connecting(destination: &str, doing: &str, error: io::Error) -> Self {
        let kind = connection_kind(&error).unwrap_or(Kind::Unreachable);
        Self::new(kind, destination, doing).with_source(error)
    }

    /// A connection that failed in use while `doing` something (`writing to x:1`).
    pub(crate) fn connected(destination: &str, doing: &str, error: io::Error) -> Self {
        let kind = connection_kind(&error).unwrap_or(Kind::Broken);
        Self::new(kind, destination, doing).with_source(error)
    }

    /// A failure of the file system while `doing` something (`creating /x/y`).
    pub(crate) fn storage(destination: &str, doing: impl Into<String>, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Kind::Permission,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::DiskFull,
            _ => Kind::Storage,
        };
        Self::new(kind, destination, doing).with_source(error)
    }
}

/// What a chain of errors says about trust and TLS, if anything.
///
/// The TLS library's error hides inside [`io::Error`], whose `source` skips over it.
pub(crate) fn connection_kind(error: &(dyn StdError + 'static)) -> Option<Kind> {
    let mut link = Some(error);
    while let Some(error) = link {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error
            .downcast_ref::<rustls::Error>()
            .or_else(|| inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()));
        if let Some(tls) = tls {
            return Some(tls_kind(tls));
        }
        link = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// What a failure of TLS means.
fn tls_kind(error: &rustls::Error) -> Kind {
    use rustls::AlertDescription as Alert;
    match error {
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::InvalidCertRevocationList(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::UnsupportedNameType => Kind::Untrusted,
        rustls::Error::AlertReceived(
            Alert::AccessDenied
            | Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRequired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::NoCertificate
            | Alert::UnknownCA
            | Alert::UnsupportedCertificate,
        ) => Kind::RefusedCredentials,
        _ => Kind::NotUnderstood,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.destination, self.0.kind.words())?;
        if !self.0.detail.is_empty() {
            write!(f, ": {}", self.0.detail)?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    fn disposition(&self) -> Disposition {
        match self.0.kind {
            Kind::Unreachable
            | Kind::Broken
            | Kind::Busy
            | Kind::NotUnderstood
            | Kind::NotConfirmed
            | Kind::DiskFull
            | Kind::Storage => Disposition::Retry { after: self.0.after },
            Kind::Untrusted
            | Kind::RefusedCredentials
            | Kind::WrongAddress
            | Kind::Redirected
            | Kind::RefusedAll
            | Kind::Permission
            | Kind::OutputClosed
            | Kind::Secret
            | Kind::Configuration => Disposition::Pause,
            Kind::Misused => Disposition::Bug,
        }
    }

    fn cause(&self) -> String {
        self.0.kind.cause().to_owned()
    }

    fn remedy(&self) -> String {
        self.0.kind.remedy().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_in_order() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.code(), format!("OT-DEST-{:02}", index + 1));
            assert!(kind.cause().ends_with('.') && kind.remedy().ends_with('.'), "{kind:?}");
            assert!(!kind.words().ends_with('.'), "{kind:?}");
        }
    }

    #[test]
    fn a_full_disk_and_a_forbidden_folder_are_told_apart() {
        // ENOSPC, EDQUOT, EACCES, EROFS, EIO on Linux.
        for (errno, kind) in [
            (28, Kind::DiskFull),
            (122, Kind::DiskFull),
            (13, Kind::Permission),
            (30, Kind::Permission),
            (5, Kind::Storage),
        ] {
            let error = Error::storage("files", "writing", io::Error::from_raw_os_error(errno));
            assert_eq!(error.kind(), kind, "{errno}");
        }
    }

    #[test]
    fn tls_failures_are_found_inside_io_errors() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let nested = io::Error::other(io::Error::other(untrusted));
        assert_eq!(Error::connecting("siem", "connecting", nested).kind(), Kind::Untrusted);
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let error = Error::connected("siem", "writing", io::Error::other(alert));
        assert_eq!(error.kind(), Kind::RefusedCredentials);
        let plain = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Error::connecting("siem", "connecting", plain).kind(), Kind::Unreachable);
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(Error::connected("siem", "writing", reset).kind(), Kind::Broken);
    }

    #[test]
    fn reads_as_destination_what_and_detail_with_its_chain() {
        let error = Error::connecting(
            "siem",
            "connecting to log.example:6514",
            io::Error::from_raw_os_error(111),
        );
        let problem = error.problem();
        assert_eq!(
            problem.message,
            "siem: cannot reach the target: connecting to log.example:6514: \
             Connection refused (os error 111)"
        );
        assert_eq!((problem.code.as_str(), problem.disposition.as_str()), ("OT-DEST-01", "retry"));
    }

    #[test]
    fn a_wait_the_target_asked_for_is_passed_on() {
        let wait = Some(Duration::from_secs(7));
        let error = Error::new(Kind::Busy, "siem", "answered 429").with_after(wait);
        assert_eq!(error.disposition(), Disposition::Retry { after: wait });
    }
}
