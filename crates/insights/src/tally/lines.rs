//! Lines about what single users did: a bounded number, shared out.
//!
//! No user and nothing that happens often takes the room of others, wherever in a file it stands.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use orgtap_ledger::Notable;

use super::names::AsItIs;

/// Lines of one unit, at most.
const MOST: usize = 8 * 1024;
/// Of what happened to one user, at most; fewer, when there is no room.
const MOST_OF_ONE: usize = 50;

/// The lines of one unit.
pub(super) struct Lines {
    /// Each with a number for user and what happened.
    kept: Vec<(u128, Notable)>,
    /// How many there are of that number.
    counts: HashMap<u128, usize, BuildHasherDefault<AsItIs>>,
    /// How many there may be.
    most_of_one: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self { kept: Vec::new(), counts: HashMap::default(), most_of_one: MOST_OF_ONE }
    }
}

impl Lines {
    /// Whether no line is taken any more.
    pub(super) fn are_full(&self) -> bool {
        self.kept.len() >= MOST && self.most_of_one <= 1
    }

    /// Takes a line, if there are not too many of that number.
    pub(super) fn add(&mut self, number: u128, make: impl FnOnce() -> Notable) {
        let count = self.counts.get(&number).copied().unwrap_or_default();
        while self.kept.len() >= MOST && count < self.most_of_one {
            if self.are_full() {
                return;
            }
            self.make_room();
        }
        if count < self.most_of_one {
            self.counts.insert(number, count + 1);
            self.kept.push((number, make()));
        }
    }

    /// Keeps half as many of each number, the first.
    fn make_room(&mut self) {
        self.most_of_one /= 2;
        let (counts, most) = (&mut self.counts, self.most_of_one);
        counts.clear();
        self.kept.retain(|(number, _)| {
            let count = counts.entry(*number).or_default();
            let stays = *count < most;
            *count += usize::from(stays);
            stays
        });
    }

    /// In the order they came.
    pub(super) fn finish(self) -> Vec<Notable> {
        self.kept.into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: i64) -> Notable {
        let text = String::new;
        Notable {
            user: text().into(),
            at,
            event_type: text().into(),
            what: text().into(),
            detail: text(),
            address: None,
            request_id: None,
            login_key: None,
            session_key: None,
        }
    }

    #[test]
    fn each_has_its_first_lines_however_many_others_have() {
        let mut lines = Lines::default();
        for at in 0..600_000_i64 {
            lines.add(u128::from(at as u64 % 1_000), || line(at));
        }
        lines.add(5_000, || line(-1));
        let kept: Vec<i64> = lines.finish().into_iter().map(|line| line.at).collect();
        let (last, first) = kept.split_last().unwrap();
        assert_eq!((*last, first), (-1, &*(0..6_000).collect::<Vec<_>>()));
    }

    #[test]
    fn there_are_never_more_than_the_most() {
        let mut lines = Lines::default();
        for at in 0..50_000 {
            lines.add(at as u128, || line(at));
            assert!(lines.kept.len() <= MOST && lines.counts.len() <= MOST);
        }
        assert!(lines.are_full());
        assert_eq!(lines.finish().len(), MOST);
    }
}
