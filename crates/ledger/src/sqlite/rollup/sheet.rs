//! Adds up the counts of many units in memory, so that each is written once. No database here.

use std::collections::HashMap;
use std::hash::Hash;

use crate::rollup::{ACTIVE_USERS, ALL_TYPES, Series, Step, Sums, USER};

/// The connector that stands for all together.
pub(super) const TOGETHER: i64 = 0;

/// Connector, event type, dimension.
pub(super) type Key<'a> = (i64, &'a str, &'a str);

/// Things with numbers, from 0.
pub(super) struct Numbered<T> {
    numbers: HashMap<T, usize>,
    things: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), things: Vec::new() }
    }
}

impl<T: Copy + Eq + Hash> Numbered<T> {
    fn number(&mut self, thing: T) -> usize {
        *self.numbers.entry(thing).or_insert_with(|| {
            self.things.push(thing);
            self.things.len() - 1
        })
    }

    /// The number of a thing that has one.
    pub(super) fn find(&self, thing: T) -> Option<usize> {
        self.numbers.get(&thing).copied()
    }

    /// All, in the order of their numbers.
    pub(super) fn all(&self) -> &[T] {
        &self.things
    }
}

/// What one name came to in one step.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Number of the series.
    pub(super) series: usize,
    /// Start of the step.
    pub(super) start: i64,
    /// Number of the name.
    pub(super) name: usize,
    pub(super) sums: Sums,
}

/// The counts of many units.
#[derive(Default)]
pub(super) struct Sheet<'a> {
    pub(super) series: Numbered<Key<'a>>,
    pub(super) names: Numbered<&'a str>,
    /// Of each series its shortest step, and the start of the last of these.
    steps: Vec<(Step, i64)>,
    /// In the shortest steps of their series, until they are lengthened.
    lines: Vec<Line>,
}

impl<'a> Sheet<'a> {
    pub(super) fn add(&mut self, connector: i64, series: &'a Series) {
        let (kind, by) = (&*series.event_type, &*series.dimension);
        let Some(last) = series.counts.iter().map(|count| count.start).max() else { return };
        let number = self.number((connector, kind, by), series.step, last);
        // No two orgs share a user, so that nothing of users is added up.
        if by != USER {
            self.number((TOGETHER, kind, by), series.step, last);
        }
        if (kind, by) == (ALL_TYPES, USER) {
            for whose in [connector, TOGETHER] {
                self.number((whose, ALL_TYPES, ACTIVE_USERS), Step::Day, last);
            }
        }
        let Self { names, lines, .. } = self;
        lines.extend(series.counts.iter().map(|count| Line {
            series: number,
            start: series.step.start(count.start),
            name: names.number(&*count.name),
            sums: count.sums,
        }));
    }

    fn number(&mut self, key: Key<'a>, step: Step, at: i64) -> usize {
        let number = self.series.number(key);
        let start = step.start(at);
        match self.steps.get_mut(number) {
            Some((_, last)) => *last = start.max(*last),
            None => self.steps.push((step, start)),
        }
        number
    }

    /// All series, each with the start of its last step.
    pub(super) fn last(&self) -> impl Iterator<Item = (Key<'a>, i64)> {
        self.series.all().iter().copied().zip(self.steps.iter().map(|(_, last)| *last))
    }

    /// The sums of single connectors in steps of a length. To be asked from the shortest on.
    pub(super) fn lines(&mut self, step: Step) -> Vec<Line> {
        let Self { lines, steps, .. } = self;
        let has = |line: &Line| steps.get(line.series).is_some_and(|(least, _)| *least <= step);
        for line in lines.iter_mut().filter(|line| has(line)) {
            line.start = step.start(line.start);
        }
        add_up(lines);
        lines.iter().filter(|line| has(line)).copied().collect()
    }

    /// The same of all connectors together.
    pub(super) fn together(&self, mut lines: Vec<Line>) -> Vec<Line> {
        let of = |(_, kind, by): &Key<'a>| self.series.find((TOGETHER, kind, by));
        let together: Vec<Option<usize>> = self.series.all().iter().map(of).collect();
        lines.retain_mut(|line| {
            let series = together.get(line.series).copied().flatten();
            line.series = series.unwrap_or(line.series);
            series.is_some()
        });
        add_up(&mut lines);
        lines
    }
}

/// Makes one of all lines of a name in a step.
fn add_up(lines: &mut Vec<Line>) {
    lines.sort_unstable_by_key(|line| (line.series, line.start, line.name));
    lines.dedup_by(|line, before| {
        let same =
            (line.series, line.start, line.name) == (before.series, before.start, before.name);
        if same {
            before.sums.add(&line.sums);
        }
        same
    });
}
