//! The faults there are.

use std::fmt;
use std::str::FromStr;

use super::{LoginRefusal, RestRefusal};
use crate::Error;
use crate::stats::Call;

/// Kinds of calls that count against the org's limits.
const API: &[Call] = &[
    Call::Resources,
    Call::Describe,
    Call::Query,
    Call::QueryMore,
    Call::Retrieve,
    Call::Download,
    Call::Limits,
    Call::Other,
];
const DOWNLOAD: &[Call] = &[Call::Download];
const PAGES: &[Call] = &[Call::Query, Call::QueryMore];
const FILES: &[Call] = &[];

/// Declares the faults: variant, name, usual calls, usual size, what the size is.
macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $name:literal $calls:expr, $amount:literal $means:literal;)*) => {
        /// Something that can go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
            /// The token endpoint refuses, whatever the credentials.
            Login(LoginRefusal),
            /// The data API refuses, whatever is asked; all calls but those for the versions,
            /// unless the rule names others.
            Rest(RestRefusal),
        }

        impl Fault {
            /// All faults but the refusals.
            const PLAIN: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used in settings.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Login(refusal) => refusal.name(),
                    Self::Rest(refusal) => refusal.name(),
                }
            }

            /// Calls it strikes unless told otherwise; none for faults of files.
            const fn usual_calls(self) -> &'static [Call] {
                match self {
                    $(Self::$variant => $calls,)*
                    Self::Login(_) => &[Call::Token],
                    Self::Rest(_) => API,
                }
            }

            /// Its size unless told otherwise.
            pub const fn usual_amount(self) -> u64 {
                match self {
                    $(Self::$variant => $amount,)*
                    Self::Login(_) | Self::Rest(_) => 0,
                }
            }

            /// What its size means; empty if it has none.
            pub const fn amount_means(self) -> &'static str {
                match self {
                    $(Self::$variant => $means,)*
                    Self::Login(_) | Self::Rest(_) => "",
                }
            }
        }
    };
}

faults! {
    /// The session dies before this call, which is answered 401; its query locators die with it.
    SessionExpires "session_expires" API, 0 "";
    /// The next page of a query is refused: `INVALID_QUERY_LOCATOR`.
    InvalidLocator "invalid_locator" &[Call::QueryMore], 0 "";
    /// A run of 500, 502 and 503, some JSON, some HTML, some empty.
    Burst5xx "burst_5xx" API, 3 "calls in a run";
    /// A page of HTML with status 200.
    Html200 "html_200" PAGES, 0 "";
    /// The daily quota is used up: 403 `REQUEST_LIMIT_EXCEEDED`.
    Quota "quota" API, 1 "calls in a run";
    /// Too many long requests at once: 403 `REQUEST_LIMIT_EXCEEDED`.
    Concurrent "concurrent" API, 1 "calls in a run";
    /// The body ends early as if it were whole: no error on the wire.
    TruncateClean "truncate_clean" DOWNLOAD, 0 "";
    /// The connection is cut inside the body.
    TruncateCut "truncate_cut" DOWNLOAD, 0 "";
    /// One byte of a compressed body is wrong.
    CorruptGzip "corrupt_gzip" DOWNLOAD, 0 "";
    /// The body is not compressed although asked for.
    GzipRefused "gzip_refused" DOWNLOAD, 0 "";
    /// A compressed body comes in several gzip members, one after the other.
    GzipMultiMember "gzip_multi_member" DOWNLOAD, 3 "members";
    /// The body comes in small pieces, slowly.
    SlowDrip "slow_drip" DOWNLOAD, 20 "milliseconds between pieces";
    /// The file is listed, but gone for good when fetched.
    Vanish "vanish" FILES, 0 "";
    /// A query over a long span of time runs into the time limit; the status alternates between
    /// 500 and 400, both of which were seen.
    QueryTimeout "query_timeout" &[Call::Query], 7 "days a query may span";
    /// Pages are smaller than asked for.
    SmallBatches "small_batches" PAGES, 50 "records in a page";
    /// A young file is listed with its full length but the body is still growing.
    StillWriting "still_writing" FILES, 5 "minutes until a file is whole";
    /// A young file is listed with a length that is still growing but the body is whole.
    StillListing "still_listing" FILES, 5 "minutes until the length is right";
    /// A young file is listed and served with the same growing length.
    StillGrowing "still_growing" FILES, 4 "minutes until a file is whole";
    /// The listed length is never that of the body.
    WrongLength "wrong_length" FILES, 17 "bytes too many";
    /// A daily file writes numbers with decimals, where hourly ones have none.
    OtherDecimals "other_decimals" FILES, 1 "decimals";
    /// A file appears in listings only some time after its `CreatedDate`.
    StaleListing "stale_listing" FILES, 10 "minutes until a file is listed";
    /// The connection is reset when it opens.
    ResetOnConnect "reset_on_connect" &[Call::Connect], 0 "";
    /// The token endpoint answers 503 without JSON.
    LoginUnavailable "login_unavailable" &[Call::Token], 0 "";
    /// The token endpoint answers a page of HTML with status 200.
    LoginHtml "login_html" &[Call::Token], 0 "";
    /// The token endpoint redirects to https; a client that follows with GET loses its body.
    LoginRedirect "login_redirect" &[Call::Token], 0 "";
}

impl Fault {
    /// All faults.
    pub fn all() -> impl Iterator<Item = Self> {
        let login = LoginRefusal::ALL.iter().copied().map(Self::Login);
        let rest = RestRefusal::ALL.iter().copied().map(Self::Rest);
        Self::PLAIN.iter().copied().chain(login).chain(rest)
    }

    pub(super) fn strikes_by_default(self, call: Call) -> bool {
        self.usual_calls().contains(&call)
    }

    /// Whether one strike brings a run of them, as long as the amount says.
    pub(super) const fn strikes_in_runs(self) -> bool {
        matches!(self, Self::Burst5xx | Self::Quota | Self::Concurrent)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::all().find(|fault| fault.name() == text);
        found.ok_or_else(|| Error::Fault(format!("there is no fault named {text:?}")))
    }
}
