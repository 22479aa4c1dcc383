//! The stable codes of [`LedgerError`]. The error itself is part of the contract.

use crate::LedgerError;

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
    use crate::unit::Misfit;

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
