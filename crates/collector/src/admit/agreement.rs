//! Are a lane's hourly and daily copies written alike?
//!
//! A row is known again by what it says. If the org wrote one copy's numbers with another number of
//! decimals, no row of it would be, and all of them would be delivered twice. Such rows show on both
//! sides: as hourly rows that the daily copy lacks, and as daily rows that the hourly copy lacks.
//! Rows that came too late for one of the copies show on one side only.

use std::io;

use super::index::IndexReader;

/// Rows apart that are remembered as examples.
const EXAMPLES: usize = 8;

/// How far two copies agree. Identical rows count once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Agreement {
    /// Rows in both.
    pub(crate) both: u64,
    /// Rows in the hourly copy alone.
    pub(crate) hourly: u64,
    /// Rows in the daily copy alone.
    pub(crate) daily: u64,
    /// The first of those in the hourly copy alone: which unit of it, and which of its rows.
    pub(crate) examples: Vec<(usize, u64)>,
}

impl Agreement {
    /// Compares the units of two copies.
    pub(crate) fn of(hourly: &mut [IndexReader], daily: &mut [IndexReader]) -> io::Result<Self> {
        let mut found = Self::default();
        loop {
            let heads = hourly.iter().chain(daily.iter()).filter_map(IndexReader::head);
            let Some(hash) = heads.map(|(hash, _)| hash).min() else { return Ok(found) };
            let mut first = None;
            for (unit, index) in hourly.iter_mut().enumerate() {
                if let Some((at, place)) = index.head()
                    && at == hash
                {
                    first = first.or(Some((unit, place.row())));
                    index.count_of(hash)?;
                }
            }
            let mut in_daily = false;
            for index in daily.iter_mut() {
                in_daily |= index.count_of(hash)? > 0;
            }
            match (first, in_daily) {
                (Some(_), true) => found.both += 1,
                (None, _) => found.daily += 1,
                (Some(example), false) => {
                    found.hourly += 1;
                    if found.examples.len() < EXAMPLES {
                        found.examples.push(example);
                    }
                }
            }
        }
    }

    /// Rows that could be the same ones, written differently.
    pub(crate) fn apart(&self) -> u64 {
        self.hourly.min(self.daily)
    }

    /// Whether, of the rows that could be in both, at least so many in a hundred are.
    pub(crate) fn reaches(&self, percent: u8) -> bool {
        let all = u128::from(self.both) + u128::from(self.apart());
        u128::from(self.both) * 100 >= all * u128::from(percent)
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
            prop_assert_eq!(found.examples.len() as u64, found.hourly.min(EXAMPLES as u64));
            for (unit, row) in found.examples {
                prop_assert!(!days.contains(&hourly[unit][row as usize]));
            }
        }
    }

    fn counts(both: u64, hourly: u64, daily: u64) -> Agreement {
        Agreement { both, hourly, daily, examples: Vec::new() }
    }

    #[test]
    fn rows_that_one_copy_alone_lacks_are_no_disagreement() {
        assert!(counts(70, 0, 30).reaches(100), "the hourly copy lacks some");
        assert!(counts(70, 30, 0).reaches(100), "the daily copy lacks some");
        assert!(counts(0, 0, 0).reaches(100));
    }

    #[test]
    fn rows_that_both_lack_of_one_another_are_held_against_the_threshold() {
        assert!(counts(90, 10, 10).reaches(90));
        assert!(!counts(89, 11, 11).reaches(90));
        assert!(!counts(0, 100, 3).reaches(1), "none of the few is known");
        assert!(counts(0, 100, 3).reaches(0));
        assert!(!counts(u64::MAX / 2, u64::MAX / 2, u64::MAX / 2).reaches(51));
    }
}
