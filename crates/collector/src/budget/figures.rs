//! The arithmetic of the API budget: figures in, how much room there is out. Asks no clock.

use std::time::Duration;

use orgtap_events::time::DAY;

use crate::clock;

/// What a connector may use of the org's API calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiBudget {
    /// Most calls of Orgtap for this connector in a UTC day; none: as many as the floor leaves.
    pub daily: Option<u64>,
    /// What is left to everybody else.
    pub floor: Floor,
}

impl Default for ApiBudget {
    fn default() -> Self {
        Self { daily: None, floor: Floor::Share(10) }
    }
}

/// The part of the org's allowance that Orgtap never uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// In percent of what the org is allowed.
    Share(u8),
    /// In calls.
    Calls(u64),
}

impl std::fmt::Display for Floor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Share(percent) => write!(f, "{percent}%"),
            Self::Calls(calls) => write!(f, "{calls}"),
        }
    }
}

impl Floor {
    /// In calls, for an org with this allowance.
    pub fn calls(self, allowed: u64) -> u64 {
        match self {
            // Rounded up: the floor is a promise.
            Self::Share(percent) => (allowed.saturating_mul(u64::from(percent))).div_ceil(100),
            Self::Calls(calls) => calls,
        }
    }
}

/// The org's own figures, for all programs over the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Calls made, those under way included.
    pub(crate) used: u64,
    /// Calls allowed.
    pub(crate) allowed: u64,
    /// When the org said so, microseconds.
    pub(crate) at: i64,
}

/// What is known at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Now, microseconds.
    pub(crate) now: i64,
    /// What the org said last; none before its first answer.
    pub(crate) org: Option<Heard>,
    /// Orgtap's own calls for the connector in this UTC day, those under way included.
    pub(crate) own: u64,
}

/// What bounds the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The part of the org's allowance that is left to others.
    Floor,
    /// The connector's own calls a day.
    Daily,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Enough: calls are made as they come.
    Free,
    /// So little that calls are spread, to last to the end of the day.
    Short {
        /// What bounds them.
        by: Bound,
        /// Calls that may still be made.
        left: u64,
        /// Time between two calls, microseconds.
        gap: i64,
    },
    /// None.
    Out {
        /// What bounds them.
        by: Bound,
        /// When there may be room again or, of the org, when to ask it for its figures again.
        until: i64,
    },
}

/// Calls kept back above the floor: a call may need another (a session that has ended, the proof
/// that a file is gone), answers may overtake each other, and to see whether the org has recovered
/// takes a call as well.
pub(crate) const KEPT_BACK: u64 = 10;
/// Calls are spread when less than one in so many is left.
const SHORT: u64 = 5;
/// How long the org's figures are taken for true when they leave no room.
const LOOK: Duration = Duration::from_mins(15);
/// The same while the org is at or below the floor: other programs' doing, or a floor that was
/// raised. To ask costs a call that is below the floor.
const LOOK_BELOW: Duration = Duration::from_hours(1);
/// The org's day has no end, it is the last 24 hours. Near midnight calls are spread over this.
const AT_LEAST: Duration = Duration::from_hours(1);

/// The next midnight, UTC.
fn midnight(now: i64) -> i64 {
    (now.div_euclid(DAY) + 1) * DAY
}

/// One bound with its figures.
struct Limit {
    by: Bound,
    left: u64,
    total: u64,
    /// How long what is left has to last, microseconds.
    lasts: i64,
    /// When there may be room again.
    until: i64,
}

impl Limit {
    fn room(&self) -> Room {
        let &Self { by, left, total, lasts, until } = self;
        if left == 0 {
            return Room::Out { by, until };
        }
        if left.saturating_mul(SHORT) >= total {
            return Room::Free;
        }
        Room::Short { by, left, gap: lasts / i64::try_from(left).unwrap_or(i64::MAX) }
    }

    /// Calls that can be made before they have to be spread.
    const fn spare(&self) -> u64 {
        self.left.saturating_sub(self.total / SHORT)
    }
}

fn limits(budget: &ApiBudget, figures: &Figures) -> impl Iterator<Item = Limit> {
    let now = figures.now;
    let daily = budget.daily.map(|daily| Limit {
        by: Bound::Daily,
        left: daily.saturating_sub(figures.own),
        total: daily,
        lasts: midnight(now) - now,
        until: midnight(now),
    });
    let floor = figures.org.map(|org| {
        let floor = budget.floor.calls(org.allowed);
        let above = org.allowed.saturating_sub(floor).saturating_sub(KEPT_BACK);
        let below = org.allowed.saturating_sub(org.used) <= floor;
        Limit {
            by: Bound::Floor,
            left: above.saturating_sub(org.used),
            total: above,
            lasts: (midnight(now) - now).max(clock::micros(AT_LEAST)),
            until: org.at + clock::micros(if below { LOOK_BELOW } else { LOOK }),
        }
    });
    daily.into_iter().chain(floor)
}

/// How much room a budget leaves. The narrower of its bounds counts.
pub(crate) fn room(budget: &ApiBudget, figures: &Figures) -> Room {
    let narrower = |a: Room, b: Room| match (a, b) {
        (Room::Out { until, .. }, Room::Out { until: later, .. }) => {
            if later > until {
                b
            } else {
                a
            }
        }
        (Room::Out { .. }, _) | (_, Room::Free) => a,
        (_, Room::Out { .. }) | (Room::Free, _) => b,
        (Room::Short { gap, .. }, Room::Short { gap: wider, .. }) => {
            if wider > gap {
                b
            } else {
                a
            }
        }
    };
    limits(budget, figures).map(|limit| limit.room()).fold(Room::Free, narrower)
}

/// Calls that something of less worth than new files may make now: as many as leave enough for
/// those. Before the org has said anything, none.
pub(crate) fn spare(budget: &ApiBudget, figures: &Figures) -> u64 {
    if figures.org.is_none() {
        return 0;
    }
    limits(budget, figures).map(|limit| limit.spare()).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_events::time::HOUR;

    /// Eighteen o'clock of some day.
    const EVENING: i64 = 20_000 * DAY + 18 * HOUR;

    fn org(used: u64, allowed: u64) -> Figures {
        Figures { now: EVENING, org: Some(Heard { used, allowed, at: EVENING }), own: 0 }
    }

    fn own(own: u64) -> Figures {
        Figures { now: EVENING, org: None, own }
    }

    const TENTH: ApiBudget = ApiBudget { daily: None, floor: Floor::Share(10) };
    const HUNDRED: ApiBudget = ApiBudget { daily: Some(100), floor: Floor::Share(10) };

    #[test]
    fn nothing_is_held_back_before_the_org_has_said_anything() {
        assert_eq!(room(&TENTH, &own(1_000_000)), Room::Free);
        assert_eq!(spare(&TENTH, &own(0)), 0);
    }

    #[test]
    fn calls_stop_a_little_above_the_floor() {
        // 1,000 allowed, 100 for the others, 10 kept back: 890.
        let last = Room::Short { by: Bound::Floor, left: 1, gap: 6 * HOUR };
        assert_eq!(room(&TENTH, &org(889, 1_000)), last);
        let until = EVENING + HOUR / 4;
        assert_eq!(room(&TENTH, &org(890, 1_000)), Room::Out { by: Bound::Floor, until });
        assert_eq!(room(&TENTH, &org(899, 1_000)), Room::Out { by: Bound::Floor, until });
    }

    #[test]
    fn at_the_floor_and_below_it_the_org_is_asked_once_an_hour() {
        for used in [900, 1_000, 5_000] {
            let out = Room::Out { by: Bound::Floor, until: EVENING + HOUR };
            assert_eq!(room(&TENTH, &org(used, 1_000)), out, "{used}");
        }
    }

    #[test]
    fn a_floor_is_a_share_rounded_up_or_a_number() {
        assert_eq!(Floor::Share(10).calls(15_001), 1_501);
        assert_eq!(Floor::Share(0).calls(15_000), 0);
        assert_eq!(Floor::Share(100).calls(15_000), 15_000);
        assert_eq!(Floor::Calls(70).calls(15_000), 70);
        let all = ApiBudget { daily: None, floor: Floor::Share(100) };
        assert!(matches!(room(&all, &org(0, 15_000)), Room::Out { .. }));
        let more = ApiBudget { daily: None, floor: Floor::Calls(u64::MAX) };
        assert!(matches!(room(&more, &org(0, u64::MAX)), Room::Out { .. }));
    }

    #[test]
    fn when_a_fifth_is_left_calls_are_spread_to_the_end_of_the_day() {
        assert_eq!(room(&HUNDRED, &own(80)), Room::Free);
        let gap = 6 * HOUR / 19;
        assert_eq!(room(&HUNDRED, &own(81)), Room::Short { by: Bound::Daily, left: 19, gap });
    }

    #[test]
    fn the_last_call_of_the_day_is_followed_by_midnight() {
        let midnight = EVENING + 6 * HOUR;
        let out = Room::Out { by: Bound::Daily, until: midnight };
        assert_eq!(room(&HUNDRED, &own(100)), out);
        assert_eq!(room(&HUNDRED, &own(200)), out);
        let none = ApiBudget { daily: Some(0), ..HUNDRED };
        assert_eq!(room(&none, &own(0)), out);
    }

    #[test]
    fn near_midnight_the_orgs_calls_are_still_spread_over_an_hour() {
        let mut figures = org(880, 1_000);
        figures.now = EVENING + 6 * HOUR - 1;
        let Room::Short { gap, left: 10, .. } = room(&TENTH, &figures) else { panic!("not short") };
        assert_eq!(gap, HOUR / 10);
    }

    #[test]
    fn the_narrower_bound_counts() {
        let both = |own, used| Figures { own, ..org(used, 1_000) };
        let by = |figures| match room(&HUNDRED, &figures) {
            Room::Short { by, .. } | Room::Out { by, .. } => Some(by),
            Room::Free => None,
        };
        assert_eq!(by(both(0, 0)), None);
        assert_eq!(by(both(90, 0)), Some(Bound::Daily));
        assert_eq!(by(both(0, 800)), Some(Bound::Floor));
        assert_eq!(by(both(90, 885)), Some(Bound::Floor));
        assert_eq!(by(both(99, 880)), Some(Bound::Daily));
        assert_eq!(by(both(100, 880)), Some(Bound::Daily));
        // Both are used up: the later time.
        assert_eq!(by(both(100, 1_000)), Some(Bound::Daily));
    }

    #[test]
    fn what_can_wait_leaves_what_new_files_need() {
        // 890 above the floor; a fifth of them, 178, is kept for new files.
        assert_eq!(spare(&TENTH, &org(0, 1_000)), 712);
        assert_eq!(spare(&TENTH, &org(712, 1_000)), 0);
        assert_eq!(spare(&TENTH, &org(1_000, 1_000)), 0);
        let both = Figures { own: 70, ..org(0, 1_000) };
        assert_eq!(spare(&HUNDRED, &both), 10);
    }
}
