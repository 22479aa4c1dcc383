//! How fast each connector collects: rows over the last minute, from counters looked at every few
//! seconds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use orgtap_collector::{Fleet, Progress};
use tokio_util::sync::CancellationToken;

/// How often the counters are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Looks kept: those of a minute.
const LOOKS: usize = 13;

/// What the counters said in the last minute.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    looks: Mutex<HashMap<String, VecDeque<(Instant, u64)>>>,
}

impl Rates {
    /// Rows a second over the last minute; none while a connector rests.
    pub(crate) fn of(&self, connector: &str) -> Option<f64> {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = looks.get(connector)?;
        let ((begin, before), (end, now)) = (looks.front()?, looks.back()?);
        let seconds = end.duration_since(*begin).as_secs_f64();
        (now > before && seconds > 0.0).then(|| (now - before) as f64 / seconds)
    }

    /// Looks at the counters until cancelled.
    pub(crate) async fn watch(&self, fleet: &Fleet, cancel: &CancellationToken) {
        while !cancel.is_cancelled() {
            let settings = fleet.settings();
            let names = settings.connectors.iter().map(|one| &one.name);
            let counts = names.filter_map(|name| {
                let progress = fleet.progress(name)?;
                Some((name.clone(), Progress::get(&progress.admitted)))
            });
            self.look(Instant::now(), counts.collect());
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn look(&self, now: Instant, counts: HashMap<String, u64>) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|name, _| counts.contains_key(name));
        for (name, count) in counts {
            let own = looks.entry(name).or_default();
            // A connector that was started anew counts from nothing.
            if own.back().is_some_and(|(_, before)| *before > count) {
                own.clear();
            }
            own.push_back((now, count));
            if own.len() > LOOKS {
                own.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minute() {
        let rates = Rates::default();
        let begin = Instant::now();
        let look = |at: u32, count: u64| {
            rates.look(begin + EVERY * at, HashMap::from([("acme".to_owned(), count)]));
        };
        look(0, 1_000);
        assert_eq!(rates.of("acme"), None, "one look says nothing");
        for at in 1..=12 {
            look(at, 1_000 + 600 * u64::from(at));
        }
        assert_eq!(rates.of("acme"), Some(120.0));
        for at in 13..=30 {
            look(at, 8_200);
        }
        assert_eq!(rates.of("acme"), None, "it rests");
        look(31, 50);
        look(32, 100);
        assert_eq!(rates.of("acme"), Some(10.0), "it was started anew");
        rates.look(begin, HashMap::new());
        assert_eq!(rates.of("acme"), None, "it is gone");
    }
}
