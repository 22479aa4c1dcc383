//! Errors met lately: what a person finds who comes when it is over.
//!
//! The same error again, of the same destination, is one with a greater number. A few kinds are kept,
//! and of each what it said last.

use std::sync::{Mutex, PoisonError};

use orgtap_ledger::{ConnectorRecord, RecentError};
use orgtap_transport::{Explain, Problem};

use crate::clock;
use crate::connector::Connector;
use crate::error::{Error, Result};

/// How many kinds are kept of a connector.
const KINDS: usize = 10;

/// Errors met that are not in the ledger yet, at most [`KINDS`].
#[derive(Debug, Default)]
pub(crate) struct RecentErrors(Mutex<Vec<RecentError>>);

impl RecentErrors {
    /// An error was met, at a destination or elsewhere.
    pub(crate) fn add(&self, error: &Error, destination: Option<&str>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        put_first(&mut known, met(clock::now(), error, destination));
    }

    fn take(&self) -> Vec<RecentError> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps in the ledger what was met since the last time.
pub(crate) async fn note_errors(connector: &Connector) -> Result<()> {
    let mut news = connector.errors.take();
    if news.is_empty() {
        return Ok(());
    }
    // The last one comes first again.
    news.reverse();
    let change = |record: &mut ConnectorRecord| {
        for one in &news {
            put_first(&mut record.recent_errors, one.clone());
        }
    };
    Ok(connector.ledger.change_connector(connector.name(), Box::new(change)).await?)
}

/// Adds an error to what a record says.
pub(crate) fn remember(record: &mut ConnectorRecord, at: i64, error: &Error) {
    put_first(&mut record.recent_errors, met(at, error, None));
}

/// What was met last, since then.
pub(crate) fn last_met(record: &ConnectorRecord, since: i64) -> Option<Problem> {
    let last = record.recent_errors.first().filter(|last| last.at >= since)?;
    serde_json::from_value(last.problem.clone()).ok()
}

fn met(at: i64, error: &Error, destination: Option<&str>) -> RecentError {
    let problem = serde_json::to_value(error.problem()).unwrap_or_default();
    RecentError { at, since: at, times: 1, destination: destination.map(str::to_owned), problem }
}

/// Puts one first, together with those of its kind.
fn put_first(known: &mut Vec<RecentError>, mut one: RecentError) {
    let kind = |met: &RecentError| {
        (met.problem.get("code"), met.destination.as_deref())
            == (one.problem.get("code"), one.destination.as_deref())
    };
    if let Some(place) = known.iter().position(kind) {
        let before = known.remove(place);
        one.times += before.times;
        one.since = one.since.min(before.since);
    }
    known.insert(0, one);
    known.truncate(KINDS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_again_is_counted_and_the_last_comes_first() {
        let full = |connector: &str| Error::NoSpare { connector: connector.to_owned() };
        let still = Error::StillRefused { connector: "a".to_owned(), since: String::new() };
        let mut record = ConnectorRecord::default();
        remember(&mut record, 1, &full("a"));
        remember(&mut record, 2, &still);
        remember(&mut record, 3, &full("b"));
        let met = &record.recent_errors;
        assert_eq!((met.len(), met[0].times, met[0].since, met[0].at), (2, 2, 1, 3));
        assert_eq!(met[0].problem["message"], full("b").problem().message);
        assert_eq!((met[1].times, met[1].at), (1, 2));
    }

    #[test]
    fn destinations_are_told_apart_and_not_more_than_a_few_are_kept() {
        let error = Error::NoSpare { connector: "a".to_owned() };
        let errors = RecentErrors::default();
        for number in 0..2 * KINDS {
            errors.add(&error, Some(&number.to_string()));
        }
        let met = errors.take();
        assert_eq!(met.len(), KINDS);
        assert_eq!(met[0].destination.as_deref(), Some("19"));
        assert!(errors.take().is_empty());
    }
}
