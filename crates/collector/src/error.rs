//! What can go wrong between org and destination, and what it means.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use orgtap_ledger::LedgerError;
use orgtap_transport::{Disposition, Explain, Possibility};

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
    /// The org behind a connector is another one than before.
    #[error("{connector} now leads to org {found}; it collected from {known} before")]
    OtherOrg {
        /// The connector.
        connector: String,
        /// The org it collected from.
        known: String,
        /// The org it leads to.
        found: String,
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
    /// A file of state, or where it shall go.
    #[error(transparent)]
    State(#[from] crate::state::StateFault),
    /// A worker panicked.
    #[error("a worker failed: {0}")]
    Worker(String),
}

/// What is wrong with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitFault {
    /// The compressed bytes end early or do not add up.
    #[error("the download is damaged: {0}")]
    Damaged(String),
    /// The decompressed length is not what the org announced.
    #[error("the file has {found} bytes where the org announced {listed}")]
    Length {
        /// `LogFileLength`.
        listed: u64,
        /// Bytes after decompression.
        found: u64,
        /// Hash of the decompressed bytes: whether the next try brings the same.
        content_hash: String,
    },
    /// It unpacks to far more than announced.
    #[error("the file unpacks to more than {limit} bytes where the org announced {listed}")]
    Bomb {
        /// `LogFileLength`.
        listed: u64,
        /// Where unpacking stopped.
        limit: u64,
    },
    /// It is not a log file.
    #[error("the download is no log file: {0}")]
    Foreign(String),
    /// The spooled bytes are gone or damaged.
    #[error("the spooled bytes cannot be read: {0}")]
    Spool(String),
    /// What the org has under a unit's name is not what was delivered.
    #[error("the org's file is no longer the one that was delivered")]
    Changed,
    /// The bytes are needed again and are nowhere.
    #[error("the bytes were released from the spool, and the org no longer has the file")]
    NowhereLeft,
    /// The bytes are needed again, and the org cannot be asked.
    #[error("the bytes were released from the spool, and the org cannot be asked for them now")]
    Released,
    /// The row index of an earlier unit of the lane is gone.
    #[error("the row index of {unit} is gone, so repeats cannot be told")]
    IndexLost {
        /// The earlier unit.
        unit: String,
    },
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
            Self::Ledger(LedgerError::DiskFull(_)) => true,
            _ => false,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl UnitFault {
    fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "OT-UNIT-01",
            Self::Length { .. } => "OT-UNIT-02",
            Self::Bomb { .. } => "OT-UNIT-03",
            Self::Foreign(_) => "OT-UNIT-04",
            Self::Spool(_) => "OT-UNIT-05",
            Self::IndexLost { .. } => "OT-UNIT-06",
            Self::Changed => "OT-UNIT-20",
            Self::NowhereLeft => "OT-UNIT-21",
            Self::Released => "OT-UNIT-22",
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Bomb { .. } | Self::Changed | Self::NowhereLeft => Disposition::Reject,
            Self::IndexLost { .. } => Disposition::Pause,
            _ => Disposition::RETRY,
        }
    }

    fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::Damaged(_) => (
                "the connection was cut or a proxy changed the bytes on the way",
                "nothing: it is downloaded again; if it goes on, look for a proxy between Orgtap and the org",
            ),
            Self::Length { .. } => (
                "the org was still writing the file, or replaced it between listing and download",
                "nothing: it is downloaded again; when the same bytes come three times and the file is six hours old, they are accepted with a warning",
            ),
            Self::Bomb { .. } => (
                "the answer is not the file the org listed, or was made to exhaust the disk",
                "look at what answers at the instance URL; the unit is set aside",
            ),
            Self::Foreign(_) => (
                "a proxy, a login page or an error page answered in place of the org",
                "nothing at first: it is downloaded again; if it goes on, check proxy and network allow-lists",
            ),
            Self::Spool(_) => (
                "a file below the data folder was removed or damaged",
                "check the disk, and restore the file that the log names from a backup; the unit waits and is tried again, and nothing after it in its lane is skipped",
            ),
            Self::Changed => (
                "the org made the file anew under the same Id after it was collected",
                "nothing was sent: the unit is set aside for this destination; take its rows from where they were delivered, or dismiss the dead letter",
            ),
            Self::NowhereLeft => (
                "a replay needs a file that is older than the spool's retention and the org's",
                "take its rows from another destination that has them, then dismiss the dead letter; a longer `spool_retention` keeps files for replays",
            ),
            Self::Released => (
                "a replay needs a file that has to be fetched again, and the sign-in to the org fails",
                "mend the sign-in, see `orgtap status`; the replay waits",
            ),
            Self::IndexLost { .. } => (
                "a file below the data folder's `rows` was removed or damaged",
                "restore the folder from a backup; until then the unit waits, so that nothing is delivered twice",
            ),
        }
    }
}

/// Code, title, cause, remedy of every failure that is the collector's own.
pub fn catalogue() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let faults = [
        UnitFault::Damaged(String::new()),
        UnitFault::Length { listed: 0, found: 0, content_hash: String::new() },
        UnitFault::Bomb { listed: 0, limit: 0 },
        UnitFault::Foreign(String::new()),
        UnitFault::Spool(String::new()),
        UnitFault::IndexLost { unit: String::new() },
        UnitFault::Changed,
        UnitFault::NowhereLeft,
        UnitFault::Released,
    ];
    let titles = [
        "a damaged download",
        "an unexpected length",
        "a file that unpacks without end",
        "a download that is no log file",
        "spooled bytes that cannot be read",
        "a lost row index",
        "a replay of a file that has changed",
        "a replay of a file that is nowhere left",
        "a replay that cannot ask the org",
    ];
    let mut all: Vec<_> = faults
        .iter()
        .zip(titles)
        .map(|(fault, title)| {
            let (cause, remedy) = fault.advice();
            (fault.code(), title, cause, remedy)
        })
        .collect();
    all.extend(OWN.iter().map(|own| (own.0, own.1, own.2, own.3)));
    all
}

type Own = (&'static str, &'static str, &'static str, &'static str);

const OWN: &[Own] = &[
    (
        "OT-DISK-01",
        "the disk is full",
        "the spool, the ledger or a destination's folder has no room left",
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
        "OT-ORG-50",
        "the connector leads to another org",
        "instance URL or user were changed to another org, or a sandbox was refreshed",
        "give the other org a connector of its own, with another name",
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
            Self::Disk { .. } => row("OT-DISK-02"),
            Self::InUse { .. } => row("OT-DISK-03"),
            Self::SpoolFull { .. } => row("OT-DISK-04"),
            Self::StillRefused { .. } => row("OT-AUTH-50"),
            Self::OtherOrg { .. } => row("OT-ORG-50"),
            Self::Abandoned { .. } => row("OT-CONF-20"),
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
            Self::Unit(fault) => fault.code(),
            _ => self.own().map_or("OT-UNIT-50", |own| own.0),
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Org(error) => error.disposition(),
            Self::Destination(error) => error.disposition(),
            Self::Config(error) => error.disposition(),
            Self::Unit(fault) => fault.disposition(),
            Self::Ledger(LedgerError::Database(_) | LedgerError::Fenced { .. }) => {
                Disposition::RETRY
            }
            Self::SpoolFull { .. } => Disposition::RETRY,
            _ if self.is_disk_full() => Disposition::Retry { after: Some(Duration::from_secs(30)) },
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
            Self::Unit(fault) => fault.advice().1.to_owned(),
            Self::Ledger(error) => row(error.code()).3.to_owned(),
            _ => self.own().map_or_else(String::new, |own| own.3.to_owned()),
        }
    }
}
