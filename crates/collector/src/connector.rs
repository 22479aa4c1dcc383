//! One connector at work: what its stages share.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use orgtap_destinations::Destination;
use orgtap_events::{Interval, UnitInfo};
use orgtap_ledger::{Lane, Ledger, NewUnit, Unit};
use orgtap_salesforce::{ErrorKind, Org};
use orgtap_transport::{Disposition, Explain, Problem};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::access::is_refusal;
use crate::budget::Budget;
use crate::clock;
use crate::config::{ConnectorSettings, RetrySettings};
use crate::counting::Counting;
use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::prepare::Prepared;
use crate::progress::Progress;
use crate::recent::RecentErrors;
use crate::release;
use crate::replay::Refetch;
use crate::room;
use crate::shape::Shape;
use crate::spool::Spool;
use crate::stage::Held;

/// What the stages of one connector share.
pub(crate) struct Connector {
    /// As configured.
    pub(crate) settings: ConnectorSettings,
    /// How long to wait after failures, and how often to try.
    pub(crate) retry: RetrySettings,
    /// The org.
    pub(crate) org: Org,
    /// The org's id, 18 characters.
    pub(crate) org_id: String,
    /// What the org's log files look like.
    pub(crate) shape: Shape,
    /// The record.
    pub(crate) ledger: Arc<dyn Ledger>,
    /// The disk.
    pub(crate) spool: Spool,
    /// Where events go.
    pub(crate) destinations: Vec<Arc<dyn Destination>>,
    /// Counts for whoever watches.
    pub(crate) progress: Arc<Progress>,
    /// Who holds this process's leases.
    pub(crate) owner: String,
    /// Told whenever there may be new work.
    pub(crate) work: Notify,
    /// To stop.
    pub(crate) cancel: CancellationToken,
    /// Why nothing is asked of the org just now.
    pub(crate) hold: Hold,
    /// How many calls to the org may be made.
    pub(crate) budget: Budget,
    /// Memory for units in work, shared with all connectors.
    pub(crate) memory: Memory,
    /// Deliveries prepared while units are downloaded, shared with all connectors.
    pub(crate) prepared: Prepared,
    /// What waits to be counted of rows.
    pub(crate) counting: Counting,
    /// How much may lie in the spool.
    pub(crate) spool_limits: release::Limits,
    /// How what was released is fetched again for replays.
    pub(crate) refetch: Refetch,
    /// Errors met that are not in the ledger yet.
    pub(crate) errors: RecentErrors,
    /// Whether the org had a file no more that it had listed.
    pub(crate) vanished: AtomicBool,
}

/// Why a failure was put off, kept in the ledger beside the unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The failure.
    pub(crate) problem: Problem,
    /// For a download of the wrong length: its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_hash: Option<String>,
}

impl Note {
    /// As the ledger keeps it.
    pub(crate) fn of(error: &Error) -> Self {
        let content_hash = match error {
            Error::Unit(crate::error::UnitFault::Length { content_hash, .. }) => {
                Some(content_hash.clone())
            }
            _ => None,
        };
        Self { problem: error.problem(), content_hash }
    }

    /// As text.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| self.problem.to_string())
    }
}

impl Connector {
    /// The connector's name.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// Until when nothing is fetched, why, and whether a person must act.
    pub(crate) fn held(&self) -> Held {
        let now = clock::now();
        if let Some(until) = self.hold.until(now) {
            return Some((until, self.hold.reason()));
        }
        let (until, problem) = self.budget.held(&self.org, now)?;
        Some((until, Some((problem, false))))
    }

    /// Says in the log what could not be done, and why.
    pub(crate) fn warn(&self, what: &str, error: &Error) {
        self.errors.add(error, None);
        self.log(what, error);
    }

    /// The same of what is no error by itself.
    pub(crate) fn log(&self, what: &str, error: &Error) {
        let problem = error.problem();
        tracing::warn!(
            connector = self.name(),
            code = problem.code,
            "cannot {what}: {}",
            problem.message
        );
    }

    /// The identity of a unit in the ledger.
    pub(crate) fn info(&self, unit: &Unit) -> Result<Arc<UnitInfo>> {
        unit_info(&self.org_id, &unit.listed).map(Arc::new)
    }

    /// When a unit that failed for the `attempt`-th time (from 1) may be tried again.
    pub(crate) fn wait(&self, error: &Error, attempt: i64, salt: i64) -> i64 {
        let wait = self.retry.wait(error.disposition(), attempt, salt);
        let tired = self.retry.is_tired(attempt);
        clock::now() + clock::micros(if tired { wait.max(self.retry.rest()) } else { wait })
    }
}

impl RetrySettings {
    /// The wait after the `attempt`-th failure (from 1): what was asked for is never undercut, and a
    /// person is given time.
    pub(crate) fn wait(&self, disposition: Disposition, attempt: i64, salt: i64) -> Duration {
        let after = match disposition {
            Disposition::Retry { after } => after,
            _ => None,
        };
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
        let wait = self.backoff.wait(attempt, salt.unsigned_abs(), after);
        if disposition == Disposition::Pause { wait.max(self.rest()) } else { wait }
    }

    /// Whether one pass has tried often enough.
    pub(crate) fn is_tired(&self, attempt: i64) -> bool {
        attempt >= i64::from(self.attempts)
    }

    /// The wait after so many failures that only a change elsewhere can help.
    pub(crate) fn rest(&self) -> Duration {
        Duration::from_mins(15).max(self.backoff.max * 3)
    }
}

/// Reads a ledger's listing back into an identity.
pub(crate) fn unit_info(org_id: &str, listed: &NewUnit) -> Result<UnitInfo> {
    let corrupt = |what: &str| {
        orgtap_ledger::LedgerError::Corrupt(format!("{what} of log file {}", listed.log_file_id))
    };
    let moment =
        |micros| Timestamp::from_microsecond(micros).map_err(|_| corrupt("an impossible time"));
    Ok(UnitInfo {
        connector: listed.lane.connector.clone(),
        org_id: org_id.to_owned(),
        event_type: listed.lane.event_type.clone(),
        log_file_id: listed.log_file_id.clone(),
        interval: match listed.interval.as_str() {
            "Hourly" => Interval::Hourly,
            "Daily" => Interval::Daily,
            _ => return Err(corrupt("an unknown interval").into()),
        },
        sequence: u32::try_from(listed.sequence).map_err(|_| corrupt("a strange sequence"))?,
        log_date: moment(listed.log_date)?,
        created_date: moment(listed.created_date)?,
        length: u64::try_from(listed.length).map_err(|_| corrupt("a negative length"))?,
    })
}

/// A lane's day for a file's log date.
pub(crate) fn lane(connector: &str, event_type: &str, log_date: Timestamp) -> Lane {
    let day = jiff::tz::Offset::UTC.to_datetime(log_date).date().to_string();
    Lane { connector: connector.to_owned(), event_type: event_type.to_owned(), day }
}

/// Keeps everything from asking an org that cannot answer anyone just now.
///
/// A single failed call is the unit's matter. When calls fail one after the other, or the org says
/// that it will answer nobody (quota, permission, sign-in), all of them wait together.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    until: AtomicI64,
    /// Until when not to look for new files either: what is wrong with some files is no reason.
    looks_until: AtomicI64,
    failures: AtomicI64,
    reason: Mutex<Option<(Problem, bool)>>,
    refusal: Mutex<Option<orgtap_salesforce::Error>>,
    /// Whether it may be over as soon as something leaves the spool.
    spool_full: AtomicBool,
    /// How often something was finished and might leave the spool.
    finished: AtomicI64,
}

/// Failures in a row that are still the units' own matter.
const PATIENCE: i64 = 4;

impl Hold {
    /// Until when to wait, if it is not over.
    pub(crate) fn until(&self, now: i64) -> Option<i64> {
        let until = self.until.load(Ordering::SeqCst);
        (until > now).then_some(until)
    }

    /// Until when not to look for new files, if it is not over.
    pub(crate) fn looks_until(&self, now: i64) -> Option<i64> {
        let until = self.looks_until.load(Ordering::SeqCst);
        (until > now).then_some(until)
    }

    /// Why, and whether a pass has waited long enough.
    pub(crate) fn reason(&self) -> Option<(Problem, bool)> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The refusal of a sign-in since the last asking.
    pub(crate) fn take_refusal(&self) -> Option<orgtap_salesforce::Error> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How often something was finished and might leave the spool.
    pub(crate) fn finished(&self) -> i64 {
        self.finished.load(Ordering::SeqCst)
    }

    /// Something is finished and may leave the spool. Answers whether that was waited for.
    pub(crate) fn room(&self) -> bool {
        self.finished.fetch_add(1, Ordering::SeqCst);
        self.look_again()
    }

    /// Ends the wait for room if something was finished since the spool was found full, when this
    /// many had been: nobody waited for it yet, and it may have been the last.
    pub(crate) fn found_full(&self, finished: i64) {
        if self.finished() != finished {
            self.look_again();
        }
    }

    fn look_again(&self) -> bool {
        let waited = self.spool_full.swap(false, Ordering::SeqCst);
        if waited {
            // Tries before there was any progress count no more.
            self.failures.store(0, Ordering::SeqCst);
            self.forget();
        }
        waited
    }

    /// Whatever was waited out is not waited out any longer.
    pub(crate) fn forget(&self) {
        self.until.store(0, Ordering::SeqCst);
        self.looks_until.store(0, Ordering::SeqCst);
    }

    /// The org has said what files there are: whatever is wrong with some is their own matter.
    pub(crate) fn looked(&self) {
        if !self.spool_full.load(Ordering::SeqCst) {
            self.failures.store(0, Ordering::SeqCst);
        }
    }

    /// A file was fetched.
    pub(crate) fn succeeded(&self) {
        self.failures.store(0, Ordering::SeqCst);
        self.spool_full.store(false, Ordering::SeqCst);
        self.forget();
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A look for new files failed: all wait.
    pub(crate) fn look_failed(&self, connector: &Connector, error: &Error) {
        self.failed(connector, error);
        self.looks_until.fetch_max(self.until.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// What was wanted of one file failed. Answers whether the failure is everybody's, so that it
    /// does not count against the file that met it.
    pub(crate) fn failed(&self, connector: &Connector, error: &Error) -> bool {
        if let Error::Org(org) = error
            && is_refusal(org)
        {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(org.clone());
        }
        let everybodys = is_everybodys(error);
        let pause = matches!(error, Error::Org(_)) && error.disposition() == Disposition::Pause;
        let now = clock::now();
        // What fails while all wait already is the same failure.
        let full = error.is_disk_full();
        let one = i64::from(!everybodys || full || self.until(now).is_none());
        let failures = self.failures.fetch_add(one, Ordering::SeqCst) + one;
        if !everybodys && !pause && failures <= PATIENCE {
            return false;
        }
        let waits_for_room = full || matches!(error, Error::SpoolFull { .. });
        self.spool_full.store(waits_for_room, Ordering::SeqCst);
        let attempt = if everybodys { failures } else { (failures - PATIENCE).max(1) };
        let retry = connector.retry;
        let (wait, tired) = if full {
            // To look for room costs nothing.
            (room::LOOK, failures > i64::from(room::LOOKS))
        } else {
            (retry.wait(error.disposition(), attempt, failures), retry.is_tired(attempt))
        };
        let until = now + clock::micros(wait);
        self.until.fetch_max(until, Ordering::SeqCst);
        if everybodys {
            self.looks_until.fetch_max(until, Ordering::SeqCst);
        }
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((error.problem(), pause || tired));
        everybodys
    }
}

/// Whether whatever is asked for would fail the same way.
pub(crate) fn is_everybodys(error: &Error) -> bool {
    match error {
        Error::Org(org) => matches!(
            org.kind(),
            ErrorKind::QuotaExhausted
                | ErrorKind::SignIn(_)
                | ErrorKind::SessionRefused
                | ErrorKind::Unreachable(_)
        ),
        Error::SpoolFull { .. } => true,
        _ => error.is_disk_full(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(hold: &Hold) {
        hold.failures.store(9, Ordering::SeqCst);
        hold.spool_full.store(true, Ordering::SeqCst);
        hold.until.store(i64::MAX, Ordering::SeqCst);
    }

    #[test]
    fn what_is_finished_ends_the_wait_for_room_and_the_tries_before_are_forgotten() {
        let hold = Hold::default();
        full(&hold);
        assert!(hold.room());
        assert_eq!(hold.until(0), None);
        assert_eq!(hold.failures.load(Ordering::SeqCst), 0);
        assert!(!hold.room(), "nobody waits any more");
    }

    #[test]
    fn what_is_finished_while_the_spool_is_looked_at_is_not_waited_for() {
        let hold = Hold::default();
        let before = hold.finished();
        assert!(!hold.room());
        full(&hold);
        hold.found_full(before);
        assert_eq!(hold.until(0), None);
    }

    #[test]
    fn a_full_spool_is_waited_for_while_nothing_is_finished() {
        let hold = Hold::default();
        let before = hold.finished();
        full(&hold);
        hold.found_full(before);
        assert!(hold.until(0).is_some());
    }
}
