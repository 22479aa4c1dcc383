//! How much the org allows, and how much of it is used.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, ErrorKind};

/// API calls of the org in the last 24 hours, by all programs, as the last answer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiUsage {
    /// Calls made.
    pub used: u64,
    /// Calls allowed. Some orgs may exceed it for a while.
    pub allowed: u64,
}

impl ApiUsage {
    /// Reads `api-usage=10018/100000`, alone or among other figures.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        header.split([',', ';']).find_map(|part| {
            let (used, allowed) = part.trim().strip_prefix("api-usage=")?.split_once('/')?;
            Some(Self { used: used.trim().parse().ok()?, allowed: allowed.trim().parse().ok()? })
        })
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// What is allowed.
    pub max: u64,
    /// What is left.
    pub remaining: u64,
}

/// The org's limits by Salesforce's names. Figures are up to five minutes old.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// Every limit the org names.
    pub named: BTreeMap<String, Allowance>,
}

impl Limits {
    /// API calls in 24 hours.
    pub fn daily_api_requests(&self) -> Option<Allowance> {
        self.named.get("DailyApiRequests").copied()
    }
}

/// Reads the answer to the limits call. Entries of another shape are left out.
pub(crate) fn read(answer: &Value) -> Result<Limits, Error> {
    let entries = answer
        .as_object()
        .ok_or_else(|| Error::new(ErrorKind::BadAnswer, "limits are not an object"))?;
    let named = entries
        .iter()
        .filter_map(|(name, entry)| {
            let max = entry.get("Max")?.as_u64()?;
            // Orgs that exceed a soft limit have less than nothing left.
            let left = entry.get("Remaining")?;
            let remaining = left.as_u64().or_else(|| left.as_i64().map(|_| 0))?;
            Some((name.clone(), Allowance { max, remaining }))
        })
        .collect();
    Ok(Limits { named })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_the_usage_header() {
        let usage = Some(ApiUsage { used: 10_018, allowed: 100_000 });
        assert_eq!(ApiUsage::parse("api-usage=10018/100000"), usage);
        let more = "per-app-api-usage=17/250(appName=sample), api-usage=10018/100000";
        assert_eq!(ApiUsage::parse(more), usage);
        for text in ["", "api-usage=", "api-usage=1", "api-usage=a/b", "api-usage=-1/2"] {
            assert_eq!(ApiUsage::parse(text), None, "{text}");
        }
    }

    #[test]
    fn reads_limits_and_passes_over_what_it_does_not_know() {
        let limits = read(&json!({
            "DailyApiRequests": { "Max": 15000, "Remaining": 14998, "Some App": { "Max": 0, "Remaining": 0 } },
            "Soft": { "Max": 10, "Remaining": -3 },
            "Strange": "x"
        }))
        .unwrap();
        let calls = Some(Allowance { max: 15_000, remaining: 14_998 });
        assert_eq!(limits.daily_api_requests(), calls);
        assert_eq!(limits.named["Soft"].remaining, 0);
        assert_eq!(limits.named.len(), 2);
        assert!(read(&json!([])).is_err());
    }
}
