//! Counts calls by purpose and day, in the ledger.
//!
//! They are written together, every few seconds. What a crash loses is missing from the counts and
//! from the connector's own calls of the day; the org's figures are not touched by it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use orgtap_ledger::{ApiCalls, Ledger};
use orgtap_salesforce::{Call, CallCounts, Org};

use crate::clock;
use crate::error::Result;

/// What of an [`Org`]'s counts is in the ledger.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Written>);

#[derive(Debug, Default)]
struct Written {
    /// The org's counts as of the last writing.
    counts: CallCounts,
    /// The UTC day of it.
    day: String,
    /// Charged calls of the connector on that day, of all processes.
    charged: u64,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads how many calls were charged today.
    pub(crate) async fn read(&self, ledger: &dyn Ledger, name: &str, now: i64) -> Result<()> {
        let today = clock::day(now);
        let charged = charged(&ledger.api_calls(name, &today).await?);
        let mut written = self.lock();
        (written.day, written.charged) = (today, charged);
        Ok(())
    }

    /// Whether calls have been made since the last writing.
    pub(crate) fn is_behind(&self, org: &Org) -> bool {
        self.lock().counts != org.calls()
    }

    /// Writes down the calls made since the last time.
    pub(crate) async fn write(
        &self,
        ledger: &dyn Ledger,
        name: &str,
        org: &Org,
        now: i64,
    ) -> Result<()> {
        let (counts, today) = (org.calls(), clock::day(now));
        let before = self.lock().counts;
        let calls: Vec<ApiCalls> = Call::ALL
            .into_iter()
            .filter_map(|call| {
                let calls = counts.of(call).saturating_sub(before.of(call));
                let calls = i64::try_from(calls).ok().filter(|calls| *calls > 0)?;
                Some(ApiCalls { day: today.clone(), purpose: call.name().to_owned(), calls })
            })
            .collect();
        if calls.is_empty() {
            return Ok(());
        }
        ledger.count_calls(name, &calls).await?;
        self.lock().counts = counts;
        self.read(ledger, name, now).await
    }

    /// Charged calls of the connector in the day of `now`, with those not written yet.
    pub(crate) fn charged(&self, org: Option<&Org>, now: i64) -> u64 {
        let written = self.lock();
        let earlier = if written.day == clock::day(now) { written.charged } else { 0 };
        let made = org.map_or(written.counts, Org::calls).charged();
        earlier + made.saturating_sub(written.counts.charged())
    }
}

/// Those of some calls that count against the org's daily allowance.
pub(crate) fn charged(calls: &[ApiCalls]) -> u64 {
    let charged = calls.iter().filter(|one| {
        let call = Call::ALL.into_iter().find(|call| call.name() == one.purpose);
        call.is_some_and(Call::is_charged)
    });
    charged.map(|one| one.calls.unsigned_abs()).sum()
}
