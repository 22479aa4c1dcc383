//! Why calls to the org are slowed or stopped, in words.

use std::time::Duration;

use orgtap_events::time::rfc3339;
use orgtap_transport::{ConfigDuration, Disposition};

use super::figures::{ApiBudget, Bound, Figures, Room};

/// Why a call is not made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restraint {
    pub(super) by: Bound,
    /// Time between two calls, microseconds, while they are only slowed.
    pub(super) gap: Option<i64>,
    /// When it may be made, or when it is looked again, microseconds.
    pub(super) until: i64,
    pub(super) now: i64,
    /// What the org allows, and what of it is left; 0 before it said so.
    pub(super) allowed: u64,
    pub(super) left: u64,
    pub(super) budget: ApiBudget,
}

impl Restraint {
    /// What restrains calls, if anything does.
    pub(super) fn of(budget: &ApiBudget, figures: &Figures, room: Room, next: i64) -> Option<Self> {
        let (by, gap, until) = match room {
            Room::Free => return None,
            Room::Short { by, gap, .. } => (by, Some(gap), next.max(figures.now)),
            Room::Out { by, until } => (by, None, until),
        };
        let allowed = figures.org.map_or(0, |org| org.allowed);
        let left = figures.org.map_or(0, |org| org.allowed.saturating_sub(org.used));
        Some(Self { by, gap, until, now: figures.now, allowed, left, budget: *budget })
    }

    /// Whether no call is made at all.
    pub(crate) const fn stops(&self) -> bool {
        self.gap.is_none()
    }

    pub(crate) const fn code(&self) -> &'static str {
        match (self.gap, self.by) {
            (Some(_), _) => "OT-ORG-63",
            (None, Bound::Floor) => "OT-ORG-61",
            (None, Bound::Daily) => "OT-ORG-62",
        }
    }

    pub(crate) fn disposition(&self) -> Disposition {
        let wait = u64::try_from(self.until - self.now).unwrap_or(0);
        Disposition::Retry { after: Some(Duration::from_micros(wait)) }
    }
}

impl std::fmt::Display for Restraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let until = rfc3339(self.until);
        let (left, allowed) = (self.left, self.allowed);
        let daily = self.budget.daily.unwrap_or(0);
        match (self.gap, self.by) {
            (None, Bound::Floor) => {
                let floor = self.budget.floor.calls(allowed);
                write!(
                    f,
                    "no more calls to the org: {left} of its {allowed} are left, and {floor} are for others; looked at again at {until}"
                )
            }
            (None, Bound::Daily) => {
                write!(f, "no more calls to the org until {until}: the {daily} of the day are made")
            }
            (Some(gap), by) => {
                let seconds = u64::try_from(gap).unwrap_or(0).div_ceil(1_000_000).max(1);
                let gap = ConfigDuration::from_secs(seconds);
                let what = match by {
                    Bound::Floor => format!("{left} of its {allowed} are left"),
                    Bound::Daily => format!("most of the {daily} of the day are made"),
                };
                write!(f, "calls to the org are spread, one in {gap}: {what}")
            }
        }
    }
}

impl std::error::Error for Restraint {}
