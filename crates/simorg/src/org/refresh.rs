//! Refresh tokens: what one authorisation of the app gave, and the family of tokens it became.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::random_text;

/// Sessions remembered; an org has fewer alive.
const MOST_SESSIONS: usize = 100;

/// The app's authorisation by the one user, and the tokens that came of it.
#[derive(Debug)]
pub(crate) struct RefreshTokens {
    seed: u64,
    state: Mutex<Family>,
}

/// Tokens of one authorisation. At most one of them is alive.
#[derive(Debug)]
struct Family {
    /// Which authorisation this is.
    number: u64,
    /// How often the token was replaced.
    generation: u64,
    /// None once the authorisation was revoked.
    current: Option<String>,
    /// Tokens replaced by newer ones.
    replaced: HashSet<String>,
    /// Sessions the exchanges made; some may have ended otherwise.
    sessions: Vec<String>,
}

/// What became of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Exchange {
    /// The token is alive: what to give back, if it was replaced, and the sessions to end.
    Alive { replacement: Option<String>, ended: Vec<String> },
    /// The token is dead or unknown; these sessions end with the family, if it gave one away.
    Dead { ended: Vec<String> },
}

impl RefreshTokens {
    /// The first authorisation.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, state: Mutex::new(Family::new(seed, 1)) }
    }

    /// The user authorises the app anew; answers the new family's first token.
    pub(crate) fn authorise(&self) -> String {
        let mut family = self.family();
        *family = Family::new(self.seed, family.number + 1);
        token(self.seed, family.number, 0)
    }

    /// The first token of the family.
    pub(crate) fn first(&self) -> String {
        token(self.seed, self.family().number, 0)
    }

    /// The living token.
    pub(crate) fn current(&self) -> Option<String> {
        self.family().current.clone()
    }

    /// Every token the family ever had, oldest first.
    pub(crate) fn all(&self) -> Vec<String> {
        let family = self.family();
        (0..=family.generation).map(|it| token(self.seed, family.number, it)).collect()
    }

    /// Exchanges a token. One that was replaced means that somebody has a copy, so it takes the
    /// whole family with it.
    pub(crate) fn exchange(&self, given: &str, rotate: bool) -> Exchange {
        let mut family = self.family();
        if family.current.as_deref() != Some(given) {
            let stolen = family.replaced.contains(given);
            let ended = if stolen { family.revoke() } else { Vec::new() };
            return Exchange::Dead { ended };
        }
        if !rotate {
            return Exchange::Alive { replacement: None, ended: Vec::new() };
        }
        family.generation += 1;
        let next = token(self.seed, family.number, family.generation);
        family.replaced.insert(given.to_owned());
        family.current = Some(next.clone());
        let ended = std::mem::take(&mut family.sessions);
        Exchange::Alive { replacement: Some(next), ended }
    }

    /// Notes a session that an exchange made.
    pub(crate) fn made(&self, session: &str) {
        let mut family = self.family();
        if family.sessions.len() == MOST_SESSIONS {
            family.sessions.remove(0);
        }
        family.sessions.push(session.to_owned());
    }

    /// Revokes the family if `given` is its living token; answers the sessions to end.
    pub(crate) fn revoke(&self, given: &str) -> Option<Vec<String>> {
        let mut family = self.family();
        (family.current.as_deref() == Some(given)).then(|| family.revoke())
    }

    fn family(&self) -> MutexGuard<'_, Family> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Family {
    fn new(seed: u64, number: u64) -> Self {
        Self {
            number,
            generation: 0,
            current: Some(token(seed, number, 0)),
            replaced: HashSet::new(),
            sessions: Vec::new(),
        }
    }

    fn revoke(&mut self) -> Vec<String> {
        self.current = None;
        std::mem::take(&mut self.sessions)
    }
}

fn token(seed: u64, family: u64, generation: u64) -> String {
    format!("5Aep861{}", random_text(seed, &format!("refresh/{family}/{generation}"), 80))
}
