//! What tests take where it does not matter.

use orgtap_events::{Interval, UnitInfo};

/// An hourly unit of sign-ins.
pub(crate) fn unit() -> UnitInfo {
    UnitInfo {
        connector: "acme".into(),
        org_id: "00D000000000001AAA".into(),
        event_type: "Login".into(),
        log_file_id: "0AT000000000001AAA".into(),
        interval: Interval::Hourly,
        sequence: 1,
        log_date: "2026-11-22T05:00:00Z".parse().unwrap(),
        created_date: "2026-11-22T09:12:03Z".parse().unwrap(),
        length: 1,
    }
}
