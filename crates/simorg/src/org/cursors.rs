//! Queries with pages still to come. A page is asked for by locator, which only the session that
//! began the query may use, for two days.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::ids;
use crate::query::Answer;

/// How long a locator lives.
const LIFE: SignedDuration = SignedDuration::from_hours(48);
/// Most open queries kept; beyond, the oldest goes.
const MOST: usize = 1_000;

/// The open queries, by locator id.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    made: u64,
    open: HashMap<String, Cursor>,
}

/// An open query: its answer is fixed, whatever happens in the org afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Cursor {
    session: String,
    made: Timestamp,
    number: u64,
    /// All that was found.
    pub(crate) answer: Arc<Answer>,
    /// Records in a page.
    pub(crate) batch: usize,
}

impl Cursors {
    /// Keeps a query's answer for further pages; answers the locator id, 18 characters.
    pub(crate) fn open(
        &self,
        session: &str,
        now: Timestamp,
        answer: Arc<Answer>,
        batch: usize,
    ) -> String {
        let mut state = self.state();
        state.made += 1;
        let number = state.made;
        if state.open.len() >= MOST {
            let oldest = state.open.iter().min_by_key(|(_, cursor)| cursor.number);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                state.open.remove(&oldest);
            }
        }
        let id = ids::make("01g", number);
        let session = session.to_owned();
        state.open.insert(id.clone(), Cursor { session, made: now, number, answer, batch });
        id
    }

    /// The query of a locator such as `01g...-2000`, and from where to go on.
    pub(crate) fn find(
        &self,
        locator: &str,
        session: &str,
        now: Timestamp,
    ) -> Option<(Cursor, usize)> {
        let (id, from) = locator.split_once('-')?;
        let from: usize = from.parse().ok()?;
        let state = self.state();
        let cursor = state.open.get(&ids::to_18(id))?;
        let alive = cursor.session == session && now.duration_since(cursor.made) <= LIFE;
        (alive && from < cursor.answer.len()).then(|| (cursor.clone(), from))
    }

    /// Forgets all queries of a session.
    pub(crate) fn drop_of(&self, session: &str) {
        self.state().open.retain(|_, cursor| cursor.session != session);
    }

    /// Forgets all queries.
    pub(crate) fn clear(&self) {
        self.state().open.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
