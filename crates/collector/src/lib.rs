//! The pipeline from org to destinations, in the order data flows: [`config`], `discover`,
//! `fetch` (with `inspect`), `admit`, `decode`, `deliver`; around them the stages' runner, one
//! connector's pass, Test Connection and status.
//!
//! The only crate that decides from a failure's disposition, and the only one that waits.
//! Start with [`Collector`].

mod access;
mod admit;
mod apart;
mod backfill;
mod budget;
mod clock;
mod collect;
mod collected;
mod collector;
mod compare;
mod completeness;
pub mod config;
mod connector;
mod convert;
mod counting;
mod crew;
mod cut;
mod decode;
mod deliver;
mod discover;
mod error;
mod fetch;
mod fleet;
mod forget;
mod inspect;
mod kept;
mod kill;
mod letter;
mod memory;
mod mend;
mod outlet;
mod pacing;
mod pass;
mod polling;
mod prepare;
mod progress;
mod recent;
mod reconcile;
mod release;
mod replay;
mod room;
#[cfg(test)]
mod sample;
mod saving;
mod secrets;
mod setup_check;
mod shape;
mod spool;
mod stage;
mod start;
mod state;
mod status;
mod test_connection;
mod unit_fault;
mod unpack;

pub use apart::Apart;
pub use backfill::{
    BackfillPlan, PlannedDelivery, PlannedType, check_backfill, is_paced, plan_backfill,
};
pub use budget::Restraint;
pub use budget::figures::{ApiBudget, Floor};
pub use collected::Collected;
pub use collector::{Collector, is_running, ledger_path, open_ledger, open_rollups};
pub use completeness::{HourRecord, HourState, Period, Record, TypeRecord, Until, completeness};
pub use convert::{ConvertError, Converted, Out, convert};
pub use error::{Error, UnitFault, catalogue};
pub use fleet::{FieldFault, Fleet, Form, FormError, FormShown, KeptSecret, Removed};
pub use kill::POINTS as KILL_POINTS;
pub use progress::{Delivered, Progress};
pub use saving::{files_waiting, remove_file, remove_secrets, save_connector, vault_entries};
pub use setup_check::{SetupItem, SetupReport, SetupState, setup_check};
pub use state::{Moved, StateFault, export_state, import_state};
pub use status::{
    BackfillStatus, ConnectorState, ConnectorStatus, DestinationStatus, GapsStatus, PausedStatus,
    RecentErrorStatus, Status, status,
};
pub use test_connection::{
    Finding, Level, StageReport, TestEvent, TestReport, TestStage, test_connection, tries_again,
};
