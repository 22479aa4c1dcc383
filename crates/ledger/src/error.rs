//! The ledger's errors and their stable codes.

use crate::record::UnitId;
use crate::unit::Misfit;

/// Why the ledger refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The position was not where the caller thought.
    #[error("{what} stands at {stored}, not at {claimed}")]
    Delta {
        /// What was to be moved.
        what: String,
        /// Where it stands.
        stored: String,
        /// Where the caller thought it stood.
        claimed: String,
    },
    /// Somebody else holds the lane now.
    #[error("the lease on {lane} (epoch {epoch}) is no longer held")]
    Fenced {
        /// The lane, in words.
        lane: String,
        /// The stale epoch.
        epoch: i64,
    },
    /// The unit's state does not allow it.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// There is no such unit.
    #[error("no unit {0} in the ledger")]
    NoUnit(UnitId),
    /// The ledger was written by a newer Orgtap.
    #[error("the ledger has schema version {found}; this Orgtap knows up to {known}")]
    Newer {
        /// Version in the file.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// What is stored makes no sense: damaged or edited by hand.
    #[error("the ledger holds {0}")]
    Corrupt(String),
    /// No room left on the disk.
    #[error("the disk of the ledger is full")]
    DiskFull(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database failed.
    #[error("the ledger's database failed")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LedgerError {
    /// Stable code, for example `OT-LEDGER-02`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Delta { .. } => "OT-LEDGER-01",
            Self::Fenced { .. } => "OT-LEDGER-02",
            Self::Misfit(_) => "OT-LEDGER-03",
            Self::NoUnit(_) => "OT-LEDGER-04",
            Self::Newer { .. } => "OT-LEDGER-05",
            Self::Corrupt(_) => "OT-LEDGER-06",
            Self::DiskFull(_) => "OT-LEDGER-07",
            Self::Database(_) => "OT-LEDGER-08",
        }
    }

    /// Whether there is no room left: nothing was written, and the same will work once there is.
    pub const fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_a_code_of_its_own() {
        let text = String::new;
        let errors = [
            LedgerError::Delta { what: text(), stored: text(), claimed: text() },
            LedgerError::Fenced { lane: text(), epoch: 1 },
            LedgerError::Misfit(Misfit { from: "done", event: "gone" }),
            LedgerError::NoUnit(1),
            LedgerError::Newer { found: 2, known: 1 },
            LedgerError::Corrupt(text()),
            LedgerError::DiskFull("full".into()),
            LedgerError::Database("failed".into()),
        ];
        let codes: std::collections::BTreeSet<_> = errors.iter().map(LedgerError::code).collect();
        assert_eq!(codes.len(), errors.len());
        assert!(codes.iter().all(|code| code.starts_with("OT-LEDGER-")));
        assert_eq!(errors.iter().filter(|error| error.is_disk_full()).count(), 1);
    }
}
