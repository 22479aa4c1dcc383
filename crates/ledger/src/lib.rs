//! The durable record: units, positions, leases, dead letters, and the health of connectors.
//!
//! The only crate with SQL of its own. It knows neither events nor destinations: names are
//! strings, times are microseconds since 1970 UTC, and it never asks a clock.
//! [`Ledger`] is the contract; [`mod@unit`] is the pure state machine every database applies;
//! [`RollupLedger`] is what the rows said, counted. [`SqliteLedger`] is the database of one machine. The module `suite` (feature `suite`) is the
//! list of cases every database has to pass.

mod account;
mod backfill;
mod console;
mod contract;
mod error;
mod record;
mod replay;
mod rollup;
mod rules;
mod sqlite;
#[cfg(any(test, feature = "suite"))]
pub mod suite;
pub mod unit;

pub use account::{Account, Gaps, HourRows, Kind, LogDates, OUTSIDE, Reached};
pub use backfill::{Backfill, BackfillId, BackfillState, NewBackfill};
pub use console::{
    ApiToken, AuditEntry, ConsoleLedger, NewSession, NewToken, OpenSession, Person, PersonChange,
    PersonId, SecretHash, TokenId,
};
pub use contract::{Ledger, WhenFull};
pub use error::LedgerError;
pub use record::{
    ApiCalls, ConnectorRecord, Cursor, DeadLetter, Delivery, DeliveryDelta, DestinationSummary,
    Happened, Lane, LaneWork, Lease, Listed, NewUnit, Outcome, Overview, Paused, RecentError,
    RecordChange, Summary, Unit, UnitId, Withheld,
};
pub use replay::{
    Closed, Closing, Letter, LetterChoice, LetterCount, LetterId, LettersAsked, Replay, ReplayId,
    UnitChoice,
};
pub use rollup::{
    ACTIVE_USERS, ALL_TYPES, Added, Asked, By, CompactString, Count, Horizon, Named, Notable,
    OTHERS, Point, Rollup, RollupLedger, Series, Session, Span, Step, Sums, TOTAL, Trait, USER,
    UserName,
};
pub use rules::PAYLOAD_LIMIT;
pub use sqlite::{DumpedRow, Restore, SqliteLedger};
