//! The login history: every attempt to sign in, the answer it got, and what the administrator sees.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::Flow;
use crate::faults::LoginRefusal;

/// Attempts kept; older ones are forgotten.
const KEPT: usize = 10_000;

/// One attempt to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInAttempt {
    /// When.
    pub at: Timestamp,
    /// As whom, as far as the attempt came to that: the name as it was given.
    pub user: Option<String>,
    /// How, if that is a way there is.
    pub flow: Option<Flow>,
    /// What the client was told; none if it got a token.
    pub refusal: Option<LoginRefusal>,
    /// What the org's Login History shows; none if the attempt does not appear there, as when
    /// it never came to a user of this org, or a fault made up the answer.
    pub label: Option<&'static str>,
}

impl SignInAttempt {
    /// The attempt as the control endpoint shows it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "at": self.at.to_string(),
            "user": self.user,
            "flow": self.flow,
            "status": if self.refusal.is_some() { 400 } else { 200 },
            "error": self.refusal.map(LoginRefusal::error),
            "error_description": self.refusal.map(LoginRefusal::description),
            "label": self.label,
        })
    }
}

/// The attempts, oldest first.
#[derive(Debug, Default)]
pub(crate) struct LoginHistory(Mutex<VecDeque<SignInAttempt>>);

impl LoginHistory {
    pub(crate) fn note(&self, attempt: SignInAttempt) {
        let mut attempts = self.attempts();
        if attempts.len() == KEPT {
            attempts.pop_front();
        }
        attempts.push_back(attempt);
    }

    pub(crate) fn all(&self) -> Vec<SignInAttempt> {
        self.attempts().iter().cloned().collect()
    }

    fn attempts(&self) -> MutexGuard<'_, VecDeque<SignInAttempt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
