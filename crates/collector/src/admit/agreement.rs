//! Are a lane's hourly and daily copies written alike?
//!
//! A row is known again by what it says. If the org wrote one copy's numbers with another number of
//! decimals, no row of it would be, and all of them would be delivered twice. Such rows show on both
//! sides: as hourly rows that the daily copy lacks, and as daily rows that the hourly copy lacks.
//! Rows that came too late for one of the copies show on one side only.

use std::io;

use super::index::{Entry, IndexReader};

/// Rows of one copy alone whose places are remembered, for each copy.
const REMEMBERED: usize = 1 << 16;

/// Where a row is: which unit of its copy, and which of its rows.
type At = (usize, u64);

/// How far two copies agree. Identical rows count once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Agreement {
    /// Rows in both.
    pub(crate) both: u64,
    /// Rows in the hourly copy alone.
    pub(crate) hourly: u64,
    /// Rows in the daily copy alone.
    pub(crate) daily: u64,
    /// Where those in the hourly copy alone are, the first of them.
    pub(crate) hourly_rows: Vec<At>,
    /// Where those in the daily copy alone are, the first of them.
    pub(crate) daily_rows: Vec<At>,
}

impl Agreement {
    /// Compares the units of two copies.
    pub(crate) fn of(hourly: &mut [IndexReader], daily: &mut [IndexReader]) -> io::Result<Self> {
        let mut found = Self::default();
        loop {
            let heads = hourly.iter().chain(daily.iter()).filter_map(IndexReader::head);
            let Some(hash) = heads.map(Entry::hash).min() else { return Ok(found) };
            let (in_hourly, in_daily) = (take(hourly, hash)?, take(daily, hash)?);
            match (in_hourly, in_daily) {
                (Some(at), None) => {
                    found.hourly += 1;
                    remember(&mut found.hourly_rows, at);
                }
                (None, Some(at)) => {
                    found.daily += 1;
                    remember(&mut found.daily_rows, at);
                }
                _ => found.both += 1,
            }
        }
    }

    /// Whether all rows of one copy alone are remembered.
    pub(crate) fn remembers_all(&self) -> bool {
        self.hourly.max(self.daily) <= REMEMBERED as u64
    }

    /// Rows that could be the same ones, written differently, for all that their hashes tell.
    pub(crate) fn apart(&self) -> u64 {
        self.hourly.min(self.daily)
    }

    /// Whether, of the rows that are in both or that many `apart`, at least so many in a hundred are
    /// in both.
    pub(crate) fn reaches(&self, percent: u8, apart: u64) -> bool {
        let all = u128::from(self.both) + u128::from(apart);
        u128::from(self.both) * 100 >= all * u128::from(percent)
    }
}

/// Goes past a hash in all units of a copy. Where it was first.
fn take(copy: &mut [IndexReader], hash: u128) -> io::Result<Option<At>> {
    let mut first = None;
    for (unit, index) in copy.iter_mut().enumerate() {
        if let Some(at) = index.head()
            && at.hash() == hash
        {
            first = first.or(Some((unit, at.place().row())));
            index.count_of(hash)?;
        }
    }
    Ok(first)
}

fn remember(rows: &mut Vec<At>, at: At) {
    if rows.len() < REMEMBERED {
        rows.push(at);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::tests::index;
    use super::*;

    proptest! {
        #[test]
        fn counts_like_sets(
            hourly in prop::collection::vec(prop::collection::vec(0_u128..20, 0..12), 0..4),
            daily in prop::collection::vec(prop::collection::vec(0_u128..20, 0..12), 0..3),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let open = |copy: &[Vec<u128>], name: &str| -> Vec<IndexReader> {
                let units = copy.iter().enumerate();
                units.map(|(at, rows)| index(folder.path(), &format!("{name}{at}"), rows)).collect()
            };
            let (mut h, mut d) = (open(&hourly, "h"), open(&daily, "d"));
            let found = Agreement::of(&mut h, &mut d).unwrap();
            let set = |copy: &[Vec<u128>]| copy.iter().flatten().copied().collect::<BTreeSet<_>>();
            let (hours, days) = (set(&hourly), set(&daily));
            prop_assert_eq!(found.both, hours.intersection(&days).count() as u64);
            prop_assert_eq!(found.hourly, hours.difference(&days).count() as u64);
            prop_assert_eq!(found.daily, days.difference(&hours).count() as u64);
            let most = REMEMBERED as u64;
            prop_assert_eq!(found.hourly_rows.len() as u64, found.hourly.min(most));
            prop_assert_eq!(found.daily_rows.len() as u64, found.daily.min(most));
            for (unit, row) in found.hourly_rows {
                prop_assert!(!days.contains(&hourly[unit][row as usize]));
            }
            for (unit, row) in found.daily_rows {
                prop_assert!(!hours.contains(&daily[unit][row as usize]));
            }
        }
    }

    fn counts(both: u64, hourly: u64, daily: u64) -> Agreement {
        Agreement { both, hourly, daily, ..Agreement::default() }
    }

    fn reaches(found: &Agreement, percent: u8) -> bool {
        found.reaches(percent, found.apart())
    }

    #[test]
    fn rows_that_one_copy_alone_lacks_are_no_disagreement() {
        assert!(reaches(&counts(70, 0, 30), 100), "the hourly copy lacks some");
        assert!(reaches(&counts(70, 30, 0), 100), "the daily copy lacks some");
        assert!(reaches(&counts(0, 0, 0), 100));
    }

    #[test]
    fn rows_that_both_lack_of_one_another_are_held_against_the_threshold() {
        assert!(reaches(&counts(90, 10, 10), 90));
        assert!(!reaches(&counts(89, 11, 11), 90));
        assert!(!reaches(&counts(0, 100, 3), 1), "none of the few is known");
        assert!(reaches(&counts(0, 100, 3), 0));
        assert!(!reaches(&counts(u64::MAX / 2, u64::MAX / 2, u64::MAX / 2), 51));
    }
}
