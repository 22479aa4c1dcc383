//! Sessions: made by a sign-in, kept alive by use, ended by time, by hand or by newer ones.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::random_text;

/// The live sessions, by token.
#[derive(Debug)]
pub(crate) struct Sessions {
    seed: u64,
    org_id: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    made: u64,
    live: HashMap<String, Session>,
}

/// A live session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    /// Which sign-in made it.
    number: u64,
    /// When it was made.
    pub(crate) made: Timestamp,
    /// When it was last used.
    pub(crate) used: Timestamp,
}

impl Sessions {
    pub(crate) fn new(seed: u64, org_id: &str) -> Self {
        Self { seed, org_id: org_id.chars().take(15).collect(), state: Mutex::default() }
    }

    /// Makes a session and ends the oldest ones above `most`; answers its token and theirs.
    pub(crate) fn make(&self, now: Timestamp, most: usize) -> (String, Vec<String>) {
        let mut state = self.state();
        state.made += 1;
        let number = state.made;
        let token = self.token(number);
        state.live.insert(token.clone(), Session { number, made: now, used: now });
        let mut ended = Vec::new();
        while state.live.len() > most.max(1) {
            let oldest = state.live.iter().min_by_key(|(_, session)| session.number);
            let Some(oldest) = oldest.map(|(token, _)| token.clone()) else { break };
            state.live.remove(&oldest);
            ended.push(oldest);
        }
        (token, ended)
    }

    /// The token of session `number`, from 1.
    fn token(&self, number: u64) -> String {
        let secret = random_text(self.seed, &format!("session/{number}"), 94);
        format!("{}!AQ{secret}", self.org_id)
    }

    /// The token of every session there ever was, oldest first.
    pub(crate) fn all(&self) -> Vec<String> {
        let made = self.state().made;
        (1..=made).map(|number| self.token(number)).collect()
    }

    /// Looks a session up without using it; a session that outlived its time is gone.
    pub(crate) fn look(
        &self,
        token: &str,
        now: Timestamp,
        life: SignedDuration,
    ) -> Option<Session> {
        let mut state = self.state();
        let session = *state.live.get(token)?;
        if now.duration_since(session.used) > life {
            state.live.remove(token);
            return None;
        }
        Some(session)
    }

    /// Uses a session, which keeps it alive. False if it is dead.
    pub(crate) fn touch(&self, token: &str, now: Timestamp, life: SignedDuration) -> bool {
        let alive = self.look(token, now, life).is_some();
        if let Some(session) = self.state().live.get_mut(token) {
            session.used = now;
        }
        alive
    }

    /// Ends a session. False if there was none.
    pub(crate) fn end(&self, token: &str) -> bool {
        self.state().live.remove(token).is_some()
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&self) {
        self.state().live.clear();
    }

    /// Number of live sessions.
    pub(crate) fn live(&self) -> usize {
        self.state().live.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: SignedDuration = SignedDuration::from_hours(2);

    fn hour(n: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + n * 3_600).unwrap()
    }

    #[test]
    fn a_token_has_the_form_of_a_session_id() {
        let sessions = Sessions::new(1, "00D5j000000AbcdEAC");
        let (token, _) = sessions.make(hour(0), 5);
        assert!(token.starts_with("00D5j000000Abcd!AQ"), "{token}");
        assert_eq!(token.len(), 112);
    }

    #[test]
    fn use_keeps_a_session_alive_and_idleness_ends_it() {
        let sessions = Sessions::new(1, "00D5j000000AbcdEAC");
        let (token, _) = sessions.make(hour(0), 5);
        assert!(sessions.touch(&token, hour(2), LIFE));
        assert!(sessions.touch(&token, hour(4), LIFE));
        assert!(!sessions.touch(&token, hour(7), LIFE));
        assert!(!sessions.touch(&token, hour(4), LIFE));
    }

    #[test]
    fn a_session_too_many_ends_the_oldest() {
        let sessions = Sessions::new(1, "00D5j000000AbcdEAC");
        let (first, _) = sessions.make(hour(0), 2);
        let (second, _) = sessions.make(hour(0), 2);
        let (third, ended) = sessions.make(hour(0), 2);
        assert_eq!(ended, [first]);
        assert!(sessions.look(&second, hour(0), LIFE).is_some());
        assert!(sessions.look(&third, hour(0), LIFE).is_some());
        assert_ne!(second, third);
    }
}
