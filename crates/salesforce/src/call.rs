//! What calls are made for: their names, their counts, and the mark they leave in the org's logs.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Call {
    /// Getting a session from the token endpoint.
    SignIn,
    /// Asking which API versions there are. Costs no API call.
    Versions,
    /// Asking what `EventLogFile` looks like in this org.
    Describe,
    /// Querying for log files.
    List,
    /// Downloading a log file.
    Download,
    /// Asking for the org's limits.
    Limits,
    /// Asking about the org itself and the signed-in user.
    Account,
}

impl Call {
    /// Every purpose.
    pub const ALL: [Self; 7] = [
        Self::SignIn,
        Self::Versions,
        Self::Describe,
        Self::List,
        Self::Download,
        Self::Limits,
        Self::Account,
    ];

    /// One word for logs, metrics and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Versions => "versions",
            Self::Describe => "describe",
            Self::List => "list",
            Self::Download => "download",
            Self::Limits => "limits",
            Self::Account => "account",
        }
    }

    /// What was being done, to begin a message with.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::SignIn => "signing in",
            Self::Versions => "asking for API versions",
            Self::Describe => "describing EventLogFile",
            Self::List => "listing log files",
            Self::Download => "downloading a log file",
            Self::Limits => "asking for limits",
            Self::Account => "asking about org and user",
        }
    }

    /// Whether it counts against the org's daily API calls. Sign-ins and the list of versions do
    /// not.
    pub const fn is_charged(self) -> bool {
        !matches!(self, Self::SignIn | Self::Versions)
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// Requests sent since the [`Org`](crate::Org) was made, by purpose. Failed ones count too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCounts {
    /// Requests to the token endpoint.
    pub sign_in: u64,
    /// Requests for the list of versions.
    pub versions: u64,
    /// Describe calls.
    pub describe: u64,
    /// Queries and further pages of them.
    pub list: u64,
    /// Downloads begun.
    pub download: u64,
    /// Requests for limits.
    pub limits: u64,
    /// Questions about the org and the user.
    pub account: u64,
}

impl CallCounts {
    /// Those that count against the org's daily API calls.
    pub fn charged(&self) -> u64 {
        Call::ALL.into_iter().filter(|call| call.is_charged()).map(|call| self.of(call)).sum()
    }

    /// The count of one purpose.
    pub const fn of(&self, call: Call) -> u64 {
        match call {
            Call::SignIn => self.sign_in,
            Call::Versions => self.versions,
            Call::Describe => self.describe,
            Call::List => self.list,
            Call::Download => self.download,
            Call::Limits => self.limits,
            Call::Account => self.account,
        }
    }
}

/// The running counts.
#[derive(Debug, Default)]
pub(crate) struct Counters([AtomicU64; Call::ALL.len()]);

impl Counters {
    pub(crate) fn add(&self, call: Call) {
        if let Some(counter) = self.0.get(call.index()) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> CallCounts {
        let of = |call: Call| self.0.get(call.index()).map_or(0, |n| n.load(Ordering::Relaxed));
        CallCounts {
            sign_in: of(Call::SignIn),
            versions: of(Call::Versions),
            describe: of(Call::Describe),
            list: of(Call::List),
            download: of(Call::Download),
            limits: of(Call::Limits),
            account: of(Call::Account),
        }
    }
}

/// How the `REQUEST_ID` of Orgtap's own calls begins in the org's event log files.
pub const REQUEST_ID_PREFIX: &str = "orgtap";

/// Makes request ids: the prefix, eight characters per process run, eight that count up.
#[derive(Debug)]
pub(crate) struct RequestIds {
    run: String,
    next: AtomicU64,
}

const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The last eight digits of a number in base 36.
fn base36(mut number: u64) -> String {
    let mut digits = [b'0'; 8];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 36) as usize];
        number /= 36;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut seed = [0; 8];
        // Without randomness two runs may share ids, which nothing relies on.
        if aws_lc_rs::rand::fill(&mut seed).is_err() {
            seed = u64::from(std::process::id()).to_be_bytes();
        }
        Self { run: base36(u64::from_be_bytes(seed)), next: AtomicU64::new(0) }
    }

    /// The next id: 22 letters and digits.
    pub(crate) fn next(&self) -> String {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        format!("{REQUEST_ID_PREFIX}{}{}", self.run, base36(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_22_letters_and_digits_and_differ() {
        let ids = RequestIds::new();
        let (first, second) = (ids.next(), ids.next());
        assert_ne!(first, second);
        for id in [&first, &second] {
            assert_eq!(id.len(), 22);
            assert!(id.starts_with(REQUEST_ID_PREFIX));
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_ne!(RequestIds::new().run, ids.run, "two runs do not share ids");
    }

    #[test]
    fn calls_are_counted_by_purpose_and_only_some_are_charged() {
        let counters = Counters::default();
        for call in Call::ALL {
            counters.add(call);
        }
        counters.add(Call::Download);
        let counts = counters.read();
        assert_eq!(counts.of(Call::Download), 2);
        assert_eq!(counts.charged(), 6);
        assert_eq!(Call::ALL.map(|call| counts.of(call)).iter().sum::<u64>(), 8);
    }
}
