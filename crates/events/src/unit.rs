//! Where events come from: the identity of one version of one log file.

use std::fmt;

use jiff::Timestamp;

/// The period one log file covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// One hour; a late increment of the same hour is a further file with the next sequence.
    Hourly,
    /// One UTC day; late rows replace the whole file.
    Daily,
}

impl Interval {
    /// The word Salesforce uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hourly => "Hourly",
            Self::Daily => "Daily",
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What every event of one unit has in common: one version of one `EventLogFile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitInfo {
    /// Name of the connector that collected it.
    pub connector: String,
    /// The org's id, 18 characters.
    pub org_id: String,
    /// Event type as the org spells it, for example `Login`.
    pub event_type: String,
    /// `EventLogFile.Id`, 18 characters.
    pub log_file_id: String,
    /// The period the file covers.
    pub interval: Interval,
    /// 0 for daily files; 1, 2, ... for an hour's increments.
    pub sequence: u32,
    /// Start of the covered hour or day (`LogDate`).
    pub log_date: Timestamp,
    /// When the org produced this version (`CreatedDate`).
    pub created_date: Timestamp,
    /// `LogFileLength` as listed, bytes.
    pub length: u64,
}

impl UnitInfo {
    /// The UTC day the unit's lane is about, for example `2026-11-22`.
    pub fn day(&self) -> jiff::civil::Date {
        self.log_date.to_zoned_datetime(jiff::tz::TimeZone::UTC).date()
    }

    /// The unit's stable identity: log file id, creation time (epoch seconds) and length. Safe in
    /// file names.
    pub fn key(&self) -> String {
        format!("{}-{}-{}", self.log_file_id, self.created_date.as_second(), self.length)
    }
}
