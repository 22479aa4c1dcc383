//! Threads that share the work on a large unit.
//!
//! Its blocks are decompressed, rows found in them, and events made of those, each in order. With a
//! thread for each there would be more threads than cores on a small machine, and whenever one's time
//! slice was over, the others would soon stand still with full or empty hands. So a [`Job`] belongs
//! to no thread, and whoever would wait does a piece of one instead.

use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, available_parallelism};
use std::time::Duration;

/// Whoever waits without end looks up this often.
const LONG: Duration = Duration::from_hours(1);
/// More helpers than this find nothing to do.
const MOST_HELPERS: usize = 2;

/// Work in pieces, which any thread may do, one at a time and in order. A piece that panics leaves
/// the job to nobody.
pub(crate) trait Job: Send + Sync {
    /// Does the next piece, unless somebody is at it, or there is none, or it does not `press`: so
    /// much is done that nobody will soon wait for more. Answers whether it did. If it did not,
    /// nothing that others look at may have been otherwise meanwhile: nobody is told.
    fn help(&self, pressing: bool) -> bool;
}

/// Who does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Whoever has time.
    Anyone,
    /// Helpers alone: it may take forever.
    Helpers,
}

/// The jobs of one unit, its helpers, and whoever waits for them. When it is dropped, the helpers
/// end with the pieces at hand.
#[derive(Default)]
pub(crate) struct Crew(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: Vec<(Who, Weak<dyn Job>)>,
    /// How often something was done, or taken.
    changes: u64,
    waiting: usize,
    over: bool,
}

impl Crew {
    /// Takes on a job, until that is dropped.
    pub(crate) fn take_on<J: Job + 'static>(&self, who: Who, job: &Arc<J>) {
        let job: Weak<J> = Arc::downgrade(job);
        let mut state = self.0.state();
        let is_first = state.jobs.is_empty();
        state.jobs.push((who, job));
        drop(state);
        if is_first {
            self.hire();
        }
    }

    /// Starts helpers: as many as there are cores besides the one of whoever reads the unit.
    fn hire(&self) {
        let cores = available_parallelism().map_or(1, NonZero::get);
        for _ in 1..cores.clamp(2, 1 + MOST_HELPERS) {
            let shared = Arc::clone(&self.0);
            let help = move || {
                let leaving = Leaving(&shared);
                let is_over = || shared.state().over.then_some(());
                while leaving.0.wait(Who::Helpers, LONG, is_over).is_none() {}
            };
            // Without helpers whoever waits does all but what is theirs.
            drop(Builder::new().name("crew".to_owned()).spawn(help));
        }
    }

    /// Does something as soon as it can be done, and pieces of the jobs until then.
    pub(crate) fn when<T>(&self, mut ready: impl FnMut() -> Option<T>) -> T {
        loop {
            if let Some(done) = self.within(LONG, &mut ready) {
                return done;
            }
        }
    }

    /// The same, unless nothing is done by anybody for so long.
    pub(crate) fn within<T>(
        &self,
        patience: Duration,
        ready: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        self.0.wait(Who::Anyone, patience, ready)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.0.state().over = true;
        self.0.tell();
    }
}

/// A helper, which tells when it goes: a piece that panicked may be waited for.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.tell();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was done, or taken, for which others may be waiting.
    fn tell(&self) {
        let mut state = self.state();
        state.changes += 1;
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Does something as soon as it can be done, and pieces of the jobs until then, unless nothing is
    /// done by anybody for so long.
    fn wait<T>(
        &self,
        who: Who,
        patience: Duration,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        loop {
            let seen = self.state().changes;
            if let Some(done) = ready() {
                self.tell();
                return Some(done);
            }
            if self.help(who) {
                continue;
            }
            let mut state = self.state();
            state.waiting += 1;
            let same = |state: &mut State| state.changes == seen;
            let waited = self.changed.wait_timeout_while(state, patience, same);
            let (mut state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            if outcome.timed_out() {
                return None;
            }
        }
    }

    /// Does a piece of a job, first of one for which somebody will wait soon.
    fn help(&self, who: Who) -> bool {
        let jobs = self.state().jobs.clone();
        let mine = jobs.iter().filter(|(whose, _)| *whose == Who::Anyone || who == *whose);
        let helped = [true, false].into_iter().any(|pressing| {
            mine.clone().any(|(_, job)| job.upgrade().is_some_and(|job| job.help(pressing)))
        });
        if helped {
            self.tell();
        }
        helped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Numbers that go from one job to the next, which adds one to each.
    struct Line {
        from: Mutex<VecDeque<u32>>,
        to: Mutex<VecDeque<u32>>,
        room: usize,
        /// A number that makes it panic.
        bad: Option<u32>,
        at: Mutex<()>,
    }

    impl Line {
        fn new(room: usize, bad: Option<u32>) -> Arc<Self> {
            let (from, to, at) = (Mutex::default(), Mutex::default(), Mutex::default());
            Arc::new(Self { from, to, room, bad, at })
        }

        fn give(&self, number: u32) -> Option<()> {
            let mut from = self.from.lock().unwrap();
            (from.len() < self.room).then(|| from.push_back(number))
        }

        fn take(&self) -> Option<u32> {
            self.to.lock().unwrap().pop_front()
        }
    }

    impl Job for Line {
        fn help(&self, pressing: bool) -> bool {
            let Ok(_at) = self.at.try_lock() else { return false };
            let done = self.to.lock().unwrap().len();
            if done >= if pressing { self.room / 2 } else { self.room } {
                return false;
            }
            let Some(number) = self.from.lock().unwrap().pop_front() else { return false };
            assert_ne!(Some(number), self.bad, "a piece that panics");
            self.to.lock().unwrap().push_back(number + 1);
            true
        }
    }

    /// Gives the line the numbers from 1 while there is room, and takes what comes of them.
    fn run(crew: &Crew, line: &Line, numbers: u32) -> Vec<u32> {
        let (mut given, mut taken) = (0, Vec::new());
        while taken.len() < numbers as usize {
            let step = crew.within(Duration::from_secs(2), || {
                if given < numbers && line.give(given + 1).is_some() {
                    given += 1;
                    return Some(None);
                }
                line.take().map(Some)
            });
            let Some(number) = step else { break };
            taken.extend(number);
        }
        taken
    }

    #[test]
    fn everything_is_done_once_and_in_order_whoever_does_it() {
        for who in [Who::Anyone, Who::Helpers] {
            for room in [1, 2, 7] {
                let (crew, line) = (Crew::default(), Line::new(room, None));
                crew.take_on(who, &line);
                assert!(run(&crew, &line, 3_000).into_iter().eq(2..3_002), "{who:?} {room}");
            }
        }
    }

    /// Keeps all helpers until the lock is free.
    struct Endless(Mutex<()>);

    impl Job for Endless {
        fn help(&self, _: bool) -> bool {
            drop(self.0.lock());
            true
        }
    }

    #[test]
    fn whoever_waits_does_the_work_itself_when_no_helper_has_time_but_not_the_helpers_own() {
        let endless = Arc::new(Endless(Mutex::new(())));
        let _kept = endless.0.lock().unwrap();
        for (who, expected) in [(Who::Anyone, 20), (Who::Helpers, 0)] {
            let (crew, line) = (Crew::default(), Line::new(3, None));
            // Helpers begin with it, whenever they come.
            crew.take_on(Who::Helpers, &endless);
            crew.take_on(who, &line);
            assert_eq!(run(&crew, &line, 20).len(), expected, "{who:?}");
        }
    }

    #[test]
    fn a_piece_that_panics_ends_its_own_job_alone() {
        let (crew, bad, good) = (Crew::default(), Line::new(2, Some(13)), Line::new(2, None));
        crew.take_on(Who::Helpers, &bad);
        crew.take_on(Who::Anyone, &good);
        // 13 goes in, and neither it nor what follows comes out.
        assert_eq!(run(&crew, &bad, 20), (2..=13).collect::<Vec<_>>());
        assert!(bad.at.is_poisoned());
        assert_eq!(run(&crew, &good, 20), (2..=21).collect::<Vec<_>>());
    }

    #[test]
    fn helpers_end_with_the_crew_and_jobs_with_their_owner() {
        let (crew, line) = (Crew::default(), Line::new(2, None));
        crew.take_on(Who::Anyone, &line);
        assert_eq!(run(&crew, &line, 3), [2, 3, 4]);
        let shared = Arc::downgrade(&crew.0);
        drop(crew);
        let since = std::time::Instant::now();
        while shared.upgrade().is_some() && since.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(shared.upgrade().is_none());
        assert_eq!(Arc::strong_count(&line), 1);
    }
}
