//! What can go wrong between org and destination, and what it means.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use orgtap_ledger::LedgerError;
use orgtap_transport::vault::VaultError;
use orgtap_transport::{Disposition, Explain, Possibility};

use crate::budget::Restraint;
use crate::room;
use crate::unit_fault;
pub use crate::unit_fault::UnitFault;

/// Any failure of the collector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The org.
    #[error(transparent)]
    Org(#[from] orgtap_salesforce::Error),
    /// A destination.
    #[error(transparent)]
    Destination(#[from] orgtap_destinations::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A unit that is not as it should be.
    #[error("{0}")]
    Unit(#[from] UnitFault),
    /// The local disk.
    #[error("cannot use {path}", path = path.display())]
    Disk {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk has not enough room to fetch more.
    #[error("the disk of {folder} has {free} bytes left; {needed} are needed", folder = folder.display())]
    NoRoom {
        /// The data folder.
        folder: PathBuf,
        /// What is left.
        free: u64,
        /// What must be left before anything is fetched.
        needed: u64,
    },
    /// The spool has reached its limit, and every file in it is still needed.
    #[error("the spool holds {held} bytes that are still needed; its limit is {limit}")]
    SpoolFull {
        /// Bytes in the spool.
        held: u64,
        /// `spool_limit`.
        limit: u64,
    },
    /// The data folder belongs to another process now.
    #[error("{path} is in use by another Orgtap", path = path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The credentials were refused before and have not changed since.
    #[error("the credentials of {connector} were refused at {since} and have not changed")]
    StillRefused {
        /// The connector.
        connector: String,
        /// When, RFC 3339.
        since: String,
    },
    /// A destination with undelivered units is no longer configured.
    #[error(
        "{destination} is no longer among the destinations of {connector}, but {units} units wait for it"
    )]
    Abandoned {
        /// The connector.
        connector: String,
        /// The destination.
        destination: String,
        /// Units it has not finished.
        units: i64,
    },
    /// No connector has the name.
    #[error("there is no connector {name}")]
    UnknownConnector {
        /// The name.
        name: String,
    },
    /// A connector that stands in the main configuration file was to be changed.
    #[error("{name} stands in {file}, which Orgtap does not change", file = file.display())]
    Configured {
        /// The connector.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The API budget leaves no room for a call now.
    #[error(transparent)]
    Budget(#[from] Restraint),
    /// A backfill waits, because what is left of the API budget is for new files.
    #[error("the backfill of {connector} waits: the API calls that are left are for new files")]
    NoSpare {
        /// The connector.
        connector: String,
    },
    /// Nothing of a backfill would be delivered.
    #[error("every log file of the backfill of {connector} is older than its destinations take")]
    AllTooOld {
        /// The connector.
        connector: String,
    },
    /// A file of state, or where it shall go.
    #[error(transparent)]
    State(#[from] crate::state::StateFault),
    /// A worker panicked.
    #[error("a worker failed: {0}")]
    Worker(String),
}

/// Result with the collector's error.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Names the file an I/O error is about.
    pub(crate) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { path: path.into(), source }
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Disk { source, .. } => is_full(source),
            Self::Ledger(error) => error.is_disk_full(),
            Self::NoRoom { .. } => true,
            _ => false,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Code, title, cause, remedy of every failure that is the collector's own.
pub fn catalogue() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let mut all = unit_fault::catalogue();
    all.extend(OWN.iter().map(|own| (own.0, own.1, own.2, own.3)));
    all
}

/// Code of what is withheld.
pub(crate) const WITHHELD: &str = "OT-DEST-91";

type Own = (&'static str, &'static str, &'static str, &'static str);

const OWN: &[Own] = &[
    (
        "OT-DISK-01",
        "the disk is full",
        "the disk of the data folder, or of a destination's folder, has less room left than the next file needs beside a reserve for the ledger: 64 MiB, or a tenth of a smaller disk",
        "make room; collection goes on by itself and nothing is lost meanwhile, as long as the org keeps its files",
    ),
    (
        "OT-DISK-02",
        "a file or folder cannot be used",
        "missing permission, a read-only or failing disk",
        "check owner, permissions and disk of the path that is named",
    ),
    (
        "OT-DISK-03",
        "the data folder is in use",
        "another Orgtap works with the same data_dir",
        "stop the other one, or give this one a data_dir of its own",
    ),
    (
        "OT-DISK-04",
        "the spool has reached its limit",
        "log files in it wait for a destination that is down, or have open dead letters or replays",
        "mend the destination, see `orgtap status`; replay or dismiss dead letters; or raise spool_limit. Delivery goes on, and fetching by itself once there is room",
    ),
    (
        "OT-DISK-20",
        "a damaged file of state",
        "the file is not what `orgtap state export` wrote: something else, cut, or altered on the way",
        "compare it with the original and copy it again, or export once more; the data folder is as before",
    ),
    (
        "OT-DISK-21",
        "a file of state from a newer version",
        "a newer Orgtap wrote the file",
        "import it with that version or a later one; the data folder is as before",
    ),
    (
        "OT-DISK-22",
        "a data folder that is not empty",
        "something was collected into it before, or an import was killed in its last moment",
        "import into another data_dir; if what is there is not needed, remove ledger, `rows` and `spool` first",
    ),
    (
        "OT-DISK-23",
        "nothing to export",
        "nothing has been collected into the data folder",
        "look at data_dir in the configuration",
    ),
    (
        "OT-AUTH-50",
        "the refused credentials have not changed",
        "the org refused these credentials before; trying again could lock the user",
        "correct the credentials, or run `orgtap test-connection`, which tries once more",
    ),
    (
        "OT-ORG-61",
        "no more calls to the org: the rest is for others",
        "all programs together have used the org's API calls of the last 24 hours down to the floor of `api_budget`, and Orgtap leaves the rest to the others",
        "nothing: it goes on when the org has recovered; find out in Setup, under API usage, who uses so many, or lower `api_budget.floor`; `orgtap test-connection` asks the org at once",
    ),
    (
        "OT-ORG-62",
        "no more calls to the org today",
        "Orgtap has made as many calls for this connector as `api_budget.daily` allows in a UTC day",
        "nothing: it goes on after midnight UTC, and the org keeps its files meanwhile; or raise `api_budget.daily`, or collect fewer event types",
    ),
    (
        "OT-ORG-63",
        "calls to the org are spread",
        "less than a fifth is left of the API calls Orgtap may use, so that it looks for files less often and fetches them one by one",
        "nothing: what is left lasts to the end of the day; raise `api_budget.daily` or lower `api_budget.floor` for more",
    ),
    (
        "OT-ORG-64",
        "a backfill that waits for API calls",
        "a fifth of the API calls that Orgtap may use is kept for new files, and no more than that is left",
        "nothing, where `orgtap run` is at work: it goes on when there is room again; else run the same command again later",
    ),
    (
        "OT-LEDGER-01",
        "progress that does not join up",
        "two workers believed they were working on the same unit, or the ledger was changed by hand",
        "report it with the log; nothing was written, and the unit is taken up again from the stored position",
    ),
    (
        "OT-LEDGER-02",
        "a lease that is no longer held",
        "the work took longer than the lease, and another worker took over",
        "nothing: the other worker goes on",
    ),
    (
        "OT-LEDGER-03",
        "a unit in the wrong state",
        "a defect in Orgtap, or a ledger changed by hand",
        "report it with the log; nothing was written",
    ),
    (
        "OT-LEDGER-04",
        "a unit that is not in the ledger",
        "the ledger was replaced while Orgtap was running",
        "restart Orgtap; if it goes on, report it with the log",
    ),
    (
        "OT-LEDGER-05",
        "a ledger from a newer version",
        "the data folder was last used by a newer Orgtap",
        "run the newer version; a ledger is never downgraded",
    ),
    (
        "OT-LEDGER-06",
        "a damaged ledger",
        "the ledger's file was damaged or edited by hand",
        "restore the data folder from a backup; nothing has been reset",
    ),
    (
        "OT-LEDGER-07",
        "no room for the ledger",
        "the disk of the data folder is full",
        "make room; collection goes on by itself",
    ),
    (
        "OT-LEDGER-08",
        "the ledger's database failed",
        "the disk failed, or another program holds the ledger's file",
        "check the disk; it is tried again",
    ),
    (
        "OT-CONF-20",
        "a destination was removed before it had everything",
        "it was renamed or taken out of the configuration while units were waiting for it",
        "put it back under its old name; or, if what waits shall never be delivered there, run with `--give-up NAME` once",
    ),
    (
        "OT-CONF-21",
        "a backfill that no destination would get",
        "each destination of the connector has a max_age, and the log files of the range are older than that",
        "choose a later range; or raise max_age, or leave it out, for a destination whose target takes old events",
    ),
    (
        "OT-CONF-22",
        "a connector that is not there",
        "the name is misspelt, or the connector was removed meanwhile",
        "see which there are: `orgtap connector list`",
    ),
    (
        "OT-CONF-23",
        "a connector that is not Orgtap's to change",
        "it stands in the main configuration file, which belongs to the person who wrote it",
        "change or remove it there and restart `orgtap run`; pause and resume work all the same",
    ),
    (
        "OT-UNIT-10",
        "a row with misplaced quotes",
        "the row's quotes do not pair up, so its columns cannot be told apart; usually damage before it reached the org's file",
        "look at the dead letter; the whole file stays in the spool, and the rows around it are delivered",
    ),
    (
        "OT-UNIT-11",
        "a row with too few or too many cells",
        "the row does not fit the file's header",
        "look at the dead letter; the whole file stays in the spool, and the rows around it are delivered",
    ),
    (
        "OT-DEST-90",
        "an event the destination refuses for good",
        "the destination took the events around it and refused this one: too large, or not to its liking",
        "look at the reason in `orgtap dead-letters`; when the destination can take it, `orgtap dead-letters replay`, else `orgtap dead-letters dismiss`",
    ),
    (
        WITHHELD,
        "a log file older than the destination takes",
        "its period began longer ago than the destination's max_age when it was to be sent: it came late, the destination was down, or it belongs to a backfill; nothing of it was sent there",
        "if the target takes it after all, `orgtap replay --to NAME --withheld --any-age`, or without `--any-age` after max_age was raised; if log files are always late for it, deliver to a second destination as well",
    ),
    (
        "OT-UNIT-50",
        "a worker failed",
        "a defect in Orgtap",
        "report it with the log; other units go on",
    ),
];

/// The row of a code.
fn row(code: &str) -> &'static Own {
    OWN.iter().find(|row| row.0 == code).unwrap_or(&OWN[0])
}

impl Error {
    fn own(&self) -> Option<&'static Own> {
        Some(match self {
            Self::Disk { source, .. } if is_full(source) => row("OT-DISK-01"),
            Self::NoRoom { .. } => row("OT-DISK-01"),
            Self::Disk { .. } => row("OT-DISK-02"),
            Self::InUse { .. } => row("OT-DISK-03"),
            Self::SpoolFull { .. } => row("OT-DISK-04"),
            Self::StillRefused { .. } => row("OT-AUTH-50"),
            Self::Abandoned { .. } => row("OT-CONF-20"),
            Self::UnknownConnector { .. } => row("OT-CONF-22"),
            Self::Configured { .. } => row("OT-CONF-23"),
            Self::Budget(restraint) => row(restraint.code()),
            Self::NoSpare { .. } => row("OT-ORG-64"),
            Self::AllTooOld { .. } => row("OT-CONF-21"),
            Self::Worker(_) => row("OT-UNIT-50"),
            Self::State(fault) => row(fault.code()),
            _ => return None,
        })
    }
}

impl Explain for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Org(error) => error.code(),
            Self::Destination(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Config(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::Unit(fault) => fault.code(),
            _ => self.own().map_or("OT-UNIT-50", |own| own.0),
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Org(error) => error.disposition(),
            Self::Destination(error) => error.disposition(),
            Self::Config(error) => error.disposition(),
            Self::Vault(error) => error.disposition(),
            Self::Unit(fault) => fault.disposition(),
            Self::Budget(restraint) => restraint.disposition(),
            Self::NoSpare { .. } => Disposition::Retry { after: Some(Duration::from_mins(15)) },
            Self::Ledger(LedgerError::Database(_) | LedgerError::Fenced { .. }) => {
                Disposition::RETRY
            }
            Self::SpoolFull { .. } => Disposition::RETRY,
            _ if self.is_disk_full() => Disposition::Retry { after: Some(room::LOOK) },
            Self::Ledger(LedgerError::Delta { .. } | LedgerError::Misfit(_)) | Self::Worker(_) => {
                Disposition::Bug
            }
            _ => Disposition::Pause,
        }
    }

    fn cause(&self) -> String {
        match self {
            Self::Org(error) => error.cause(),
            Self::Destination(error) => error.cause(),
            Self::Config(error) => error.cause(),
            Self::Vault(error) => error.cause(),
            Self::Unit(fault) => fault.advice().0.to_owned(),
            Self::Ledger(error) => row(error.code()).2.to_owned(),
            _ => self.own().map_or_else(String::new, |own| own.2.to_owned()),
        }
    }

    fn possibilities(&self) -> Vec<Possibility> {
        match self {
            Self::Org(error) => error.possibilities(),
            _ => Vec::new(),
        }
    }

    fn remedy(&self) -> String {
        match self {
            Self::Org(error) => error.remedy(),
            Self::Destination(error) => error.remedy(),
            Self::Config(error) => error.remedy(),
            Self::Vault(error) => error.remedy(),
            Self::Unit(fault) => fault.advice().1.to_owned(),
            Self::Ledger(error) => row(error.code()).3.to_owned(),
            Self::NoRoom { folder, free, needed } => format!(
                "free {} bytes or more on the disk of {}; collection goes on by itself and nothing is lost meanwhile, as long as the org keeps its files",
                needed.saturating_sub(*free),
                folder.display(),
            ),
            _ => self.own().map_or_else(String::new, |own| own.3.to_owned()),
        }
    }
}
