//! Looking for new files again and again, as often as the API budget allows.

use std::sync::Arc;
use std::time::Duration;

use orgtap_ledger::ConnectorRecord;
use orgtap_salesforce::Org;
use orgtap_transport::{Disposition, Explain};

use tokio::sync::Notify;

use crate::access::outcome;
use crate::budget::Budget;
use crate::clock;
use crate::collector::Collector;
use crate::completeness::{Recount, note_gaps};
use crate::config::RetrySettings;
use crate::connector::Connector;
use crate::discover::{Discovered, discover};
use crate::error::{Error, Result};
use crate::recent::note_errors;
use crate::release;
use crate::status::note_hold;

/// How often it is looked whether row indexes can go.
const FORGET_EVERY: Duration = Duration::from_hours(6);
/// Calls are written down this often. A crash loses the counts of so many seconds.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// While files are on their way it is looked this often whether that is over: their gaps are counted
/// then.
const COUNT_SOON: Duration = Duration::from_secs(1);

impl Collector {
    /// Polls until told to stop, or until the org refuses the credentials.
    pub(crate) async fn keep_polling(
        &self,
        connector: &Arc<Connector>,
        look: &Notify,
    ) -> Result<()> {
        let interval = connector.settings.poll_interval;
        let (mut last, mut tidied, mut recount) = (0, 0, Recount::WhenOld);
        // Whether something came since the gaps were counted.
        let mut came = true;
        'looks: loop {
            if self.after(connector).await? {
                connector.cancel.cancel();
                return Ok(());
            }
            let held = connector.hold.looks_until(clock::now());
            if held.is_none() && self.may_look(connector, last).await? {
                last = clock::now();
                match self.poll(connector).await {
                    Ok(found) => {
                        connector.hold.looked();
                        came |= found.new > 0;
                    }
                    // The budget has said so in the log.
                    Err(Error::Budget(_)) => {}
                    Err(error @ Error::Ledger(_)) => return Err(error),
                    Err(error) => {
                        connector.warn("list", &error);
                        connector.hold.look_failed(connector, &error);
                    }
                }
                release::release(&self.ledger, &self.spool, self.limits()).await?;
                if clock::now() - tidied > clock::micros(FORGET_EVERY) {
                    tidied = clock::now();
                    self.forget(&connector.settings, tidied).await?;
                }
            }
            note_hold(connector).await?;
            note_gaps(connector, recount).await?;
            recount = Recount::WhenOld;
            // Replays may have been asked for by another process.
            connector.work.notify_waiters();
            let wait = held.map_or(interval, |until| interval.min(clock::until(until)));
            let end = tokio::time::Instant::now() + wait;
            while tokio::time::Instant::now() < end {
                let often = if came { COUNT_SOON } else { COUNT_EVERY };
                let pause = end.min(tokio::time::Instant::now() + often);
                tokio::select! {
                    () = tokio::time::sleep_until(pause) => {}
                    () = look.notified() => {
                        // A person asked: what was waited out is tried at once.
                        connector.hold.forget();
                        last = 0;
                        recount = Recount::Now;
                        continue 'looks;
                    }
                    () = connector.cancel.cancelled() => {
                        return self.note_news(connector).await;
                    }
                }
                self.note_news(connector).await?;
                if came && self.ledger.at_work(connector.name(), 1).await?.is_empty() {
                    came = false;
                    note_gaps(connector, Recount::Now).await?;
                }
            }
        }
    }

    /// Whether the budget allows a look for new files. An org without room is asked again for its
    /// figures now and then.
    async fn may_look(&self, connector: &Connector, last: i64) -> Result<bool> {
        let Connector { org, budget, settings, .. } = connector;
        budget.learn(&self.ledger.connector(connector.name()).await?);
        if let Err(error) = budget.look_again(org).await {
            connector.warn("ask for limits", &error);
            connector.hold.look_failed(connector, &error);
            return Ok(false);
        }
        Ok(budget.is_look_due(org, last, settings.poll_interval))
    }

    /// One poll, and its record. Transient failures are waited out a few times.
    pub(crate) async fn poll(&self, connector: &Arc<Connector>) -> Result<Discovered> {
        let mut attempt = 0;
        let found = loop {
            attempt += 1;
            match discover(connector).await {
                Err(error) => match error_wait(&error, connector.retry, attempt) {
                    Some(wait) if !connector.cancel.is_cancelled() => tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = connector.cancel.cancelled() => {}
                    },
                    _ => break Err(error),
                },
                found => break found,
            }
        };
        let name = connector.name();
        if let Err(error) = &found {
            self.note_if_refused(name, &connector.org, error).await?;
        }
        let poll = outcome(clock::now(), found.as_ref().err());
        let note = |record: &mut ConnectorRecord| {
            if poll.problem.is_none() {
                record.polled = Some(poll.at);
            }
            record.poll = Some(poll.clone());
        };
        connector.budget.note(&*self.ledger, &connector.org, name, note).await?;
        found
    }

    /// Writes down what was met and done since the last time.
    pub(crate) async fn note_news(&self, connector: &Connector) -> Result<()> {
        note_errors(connector).await?;
        self.note_calls(connector.name(), &connector.org, &connector.budget).await
    }

    /// Writes down calls made, and what is known of the org's allowance.
    pub(crate) async fn note_calls(&self, name: &str, org: &Org, budget: &Budget) -> Result<()> {
        if !budget.has_news(org) {
            return Ok(());
        }
        budget.note(&*self.ledger, org, name, |_| {}).await
    }
}

/// How long to wait before a call that failed is made again; `None` when it should not be.
pub(crate) fn error_wait(error: &Error, retry: RetrySettings, attempt: u32) -> Option<Duration> {
    match error.disposition() {
        // Everybody waits for the budget, not this call alone.
        _ if matches!(error, Error::Budget(_)) => None,
        // For a full disk it was waited already.
        _ if error.is_disk_full() => None,
        Disposition::Retry { after } if attempt < retry.attempts => {
            let wait = retry.backoff.wait(attempt, 7, after);
            (wait <= retry.backoff.max.max(Duration::from_secs(1))).then_some(wait)
        }
        _ => None,
    }
}
