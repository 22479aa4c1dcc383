//! What can be wrong with one unit, and what it means.

use orgtap_transport::Disposition;

use crate::apart::Apart;

/// What is wrong with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitFault {
    /// The compressed bytes end early or do not add up.
    #[error("the download is damaged: {0}")]
    Damaged(String),
    /// The download ended before its end.
    #[error("the download broke off: {0}")]
    BrokenOff(String),
    /// The decompressed length is not what the org announced.
    #[error("the file has {found} bytes where the org announced {listed}")]
    Length {
        /// `LogFileLength`.
        listed: u64,
        /// Bytes after decompression.
        found: u64,
        /// Hash of what it says: whether the next try brings the same.
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
    /// It is no longer known which rows of a unit were delivered.
    #[error("it is no longer known which rows of the file were new")]
    Forgotten,
    /// A row index of the lane is gone.
    #[error("the row index of {unit} is lost and cannot be made again: {why}")]
    IndexLost {
        /// The unit it is of.
        unit: String,
        /// Why.
        why: String,
    },
    /// The lane's hourly and daily copies are written differently.
    #[error(
        "of {rows} rows that could be in both the hourly and the daily copy only {both} are the same{}",
        example.as_ref().map_or_else(String::new, |it| format!("; for example, {it}"))
    )]
    Disagree {
        /// Rows that could be in both; identical ones count once.
        rows: u64,
        /// Rows that are.
        both: u64,
        /// One that is written differently, if it was found.
        example: Option<Apart>,
    },
}

impl UnitFault {
    /// Stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Damaged(_) => "OT-UNIT-01",
            Self::Length { .. } => "OT-UNIT-02",
            Self::Bomb { .. } => "OT-UNIT-03",
            Self::Foreign(_) => "OT-UNIT-04",
            Self::Spool(_) => "OT-UNIT-05",
            Self::IndexLost { .. } => "OT-UNIT-06",
            Self::Disagree { .. } => "OT-UNIT-07",
            Self::BrokenOff(_) => "OT-UNIT-08",
            Self::Changed => "OT-UNIT-20",
            Self::NowhereLeft => "OT-UNIT-21",
            Self::Released => "OT-UNIT-22",
            Self::Forgotten => "OT-UNIT-23",
        }
    }

    /// What is to be done about it.
    pub(crate) fn disposition(&self) -> Disposition {
        match self {
            Self::Bomb { .. } | Self::Changed | Self::NowhereLeft | Self::Forgotten => {
                Disposition::Reject
            }
            Self::IndexLost { .. } | Self::Disagree { .. } => Disposition::Pause,
            _ => Disposition::RETRY,
        }
    }

    /// Cause and remedy.
    pub(crate) fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::Damaged(_) => (
                "the connection was cut or a proxy changed the bytes on the way",
                "nothing: it is downloaded again; if it goes on, look for a proxy between Orgtap and the org",
            ),
            Self::Length { .. } => (
                "the org was still writing the file, or replaced it between listing and download",
                "nothing: it is downloaded again; when the same bytes come three times, with rows, and the file is six hours old, they are accepted with a warning",
            ),
            Self::BrokenOff(_) => (
                "the connection was cut, or the org ended a download of more than ten minutes",
                "nothing at first: it is downloaded again, and other files go on; if it stays with large files, look for a firewall or proxy that limits time or size, and for a slow connection",
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
                "nothing, while the org has the log file: it is fetched again; otherwise check the disk, and restore the file that the log names from a backup; the unit waits and is tried again, and nothing after it in its lane is skipped",
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
            Self::Forgotten => (
                "the file repeats rows of others, and is older than `rows_retention`",
                "nothing was sent: take its rows from a destination that has them, then dismiss the dead letter",
            ),
            Self::IndexLost { .. } => (
                "a file below the data folder's `rows` was removed or damaged, or was older than `rows_retention`, and neither spool nor org have the log file as it was",
                "nothing of the file that needs it was sent, so that no row comes twice; restore `rows` from a backup, then `orgtap dead-letters replay --code OT-UNIT-06`; without a backup that delivers what no other file of the lane has, and rows of the lost file may come twice; `orgtap dead-letters dismiss --code OT-UNIT-06` leaves the file undelivered",
            ),
            Self::Disagree { .. } => (
                "the org writes the same rows differently into hourly and daily files, or one of the two is about something else; delivered as they are, they would come twice",
                "look at the example; then set `reconcile: report` or `off` to live with the copy that was delivered, or lower `reconcile_threshold` (0: no check) to have the other one delivered as well; it is decided again at the next start",
            ),
        }
    }
}

/// Code, title, cause, remedy of each.
pub(crate) fn catalogue() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let faults = [
        UnitFault::Damaged(String::new()),
        UnitFault::Length { listed: 0, found: 0, content_hash: String::new() },
        UnitFault::Bomb { listed: 0, limit: 0 },
        UnitFault::Foreign(String::new()),
        UnitFault::Spool(String::new()),
        UnitFault::IndexLost { unit: String::new(), why: String::new() },
        UnitFault::Disagree { rows: 0, both: 0, example: None },
        UnitFault::BrokenOff(String::new()),
        UnitFault::Changed,
        UnitFault::NowhereLeft,
        UnitFault::Released,
        UnitFault::Forgotten,
    ];
    let titles = [
        "a damaged download",
        "an unexpected length",
        "a file that unpacks without end",
        "a download that is no log file",
        "spooled bytes that cannot be read",
        "a lost row index",
        "hourly and daily copies that do not agree",
        "a download that broke off",
        "a replay of a file that has changed",
        "a replay of a file that is nowhere left",
        "a replay that cannot ask the org",
        "a replay of a file whose rows are forgotten",
    ];
    faults
        .iter()
        .zip(titles)
        .map(|(fault, title)| {
            let (cause, remedy) = fault.advice();
            (fault.code(), title, cause, remedy)
        })
        .collect()
}
