//! The API budget: how many calls to the org a connector makes, and when.
//!
//! The org counts the calls of all programs over the last 24 hours, and says with every answer how
//! many there were. Orgtap never goes below a floor of what is allowed, nor beyond a number of calls
//! of its own a day where one is configured. As room gets short, calls are spread; without room
//! there are none until the org has recovered. Sign-ins and the list of versions cost nothing.
//!
//! The arithmetic is in [`figures`]; this module keeps the figures and gives out calls.

pub(crate) mod figures;
mod restraint;
mod tally;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use orgtap_ledger::{ConnectorRecord, Ledger};
use orgtap_salesforce::{ApiUsage, Org};
use orgtap_transport::{Explain, Problem};

use crate::clock;
use crate::error::{Error, Result};
use figures::{ApiBudget, Figures, Heard, Room, room, spare};
pub use restraint::Restraint;
pub(crate) use tally::Tally;

/// A wait that is shorter than this is waited out on the spot.
const MOMENT: Duration = Duration::from_secs(5);
/// While calls are spread, one look for new files is made to so many calls.
const CALLS_A_LOOK: i64 = 4;

/// The budget of one connector.
#[derive(Debug)]
pub(crate) struct Budget {
    bounds: ApiBudget,
    tally: Tally,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    heard: Option<Heard>,
    /// What the org client had heard when it was last looked at.
    seen: Option<ApiUsage>,
    /// Calls given out that have not ended.
    under_way: u64,
    /// When the next call may be made while they are spread, microseconds.
    next: i64,
    /// The code of what the log was last told.
    told: Option<&'static str>,
}

/// The right to make a call, and to be counted while it is under way.
pub(crate) struct Allowed<'a> {
    budget: &'a Budget,
    at: i64,
}

impl Allowed<'_> {
    /// Waits for the call's turn: a moment at most.
    pub(crate) async fn turn(&self) {
        let wait = u64::try_from(self.at - clock::now()).unwrap_or(0);
        if wait > 0 {
            tokio::time::sleep(Duration::from_micros(wait)).await;
        }
    }
}

impl Drop for Allowed<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.under_way = state.under_way.saturating_sub(1);
    }
}

impl Budget {
    /// A budget nothing is known of yet.
    pub(crate) fn new(bounds: ApiBudget) -> Self {
        Self { bounds, tally: Tally::default(), state: Mutex::default() }
    }

    /// The budget of a connector, with what the ledger knows.
    pub(crate) async fn open(bounds: ApiBudget, ledger: &dyn Ledger, name: &str) -> Result<Self> {
        let opened = Self::new(bounds);
        opened.tally.read(ledger, name, clock::now()).await?;
        opened.learn(&ledger.connector(name).await?);
        Ok(opened)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what another process has heard since.
    pub(crate) fn learn(&self, record: &ConnectorRecord) {
        let (Some((used, allowed)), Some(at)) = (record.api_usage, record.api_usage_at) else {
            return;
        };
        let mut state = self.lock();
        if state.heard.is_none_or(|heard| heard.at < at) {
            let (used, allowed) = (used.unsigned_abs(), allowed.unsigned_abs());
            state.heard = Some(Heard { used, allowed, at });
        }
    }

    /// Takes over what the org said with its last answer.
    fn hear(&self, state: &mut State, org: Option<&Org>, now: i64) -> Figures {
        if let Some(usage) = org.and_then(Org::api_usage)
            && state.seen.replace(usage) != Some(usage)
        {
            state.heard = Some(Heard { used: usage.used, allowed: usage.allowed, at: now });
        }
        let under_way = state.under_way;
        Figures {
            now,
            org: state.heard.map(|heard| Heard { used: heard.used + under_way, ..heard }),
            own: self.tally.charged(org, now) + under_way,
        }
    }

    /// What restrains calls just now, if anything does.
    pub(crate) fn restraint(&self, org: Option<&Org>, now: i64) -> Option<Restraint> {
        let mut state = self.lock();
        let figures = self.hear(&mut state, org, now);
        Restraint::of(&self.bounds, &figures, room(&self.bounds, &figures), state.next)
    }

    /// Until when, and why, no file can be fetched, if that is longer than a moment.
    pub(crate) fn held(&self, org: &Org, now: i64) -> Option<(i64, Problem)> {
        let restraint = self.restraint(Some(org), now)?;
        let waits = restraint.stops() || restraint.until - now > clock::micros(MOMENT);
        // Whoever looks at the org again takes a moment.
        let until = restraint.until.max(now + clock::micros(MOMENT));
        waits.then(|| (until, Error::Budget(restraint).problem()))
    }

    /// A call for a file, at its turn; refused if that does not come within a moment.
    pub(crate) fn fetch(&self, org: &Org) -> Result<Allowed<'_>> {
        let now = clock::now();
        let mut state = self.lock();
        let figures = self.hear(&mut state, Some(org), now);
        let room = room(&self.bounds, &figures);
        let at = match room {
            Room::Free => now,
            Room::Short { gap, .. } if state.next.max(now) - now <= clock::micros(MOMENT) => {
                let at = state.next.max(now);
                state.next = at + gap;
                at
            }
            _ => match Restraint::of(&self.bounds, &figures, room, state.next) {
                Some(restraint) => return Err(restraint.into()),
                None => now,
            },
        };
        Ok(self.give(&mut state, at))
    }

    /// A call of a look for new files. It is made at once if there is room at all, and the others
    /// wait the longer.
    pub(crate) fn list(&self, org: &Org) -> Result<Allowed<'_>> {
        let now = clock::now();
        let mut state = self.lock();
        let figures = self.hear(&mut state, Some(org), now);
        let room = room(&self.bounds, &figures);
        match room {
            Room::Short { gap, .. } => state.next = state.next.max(now) + gap,
            Room::Free => {}
            Room::Out { .. } => {
                if let Some(restraint) = Restraint::of(&self.bounds, &figures, room, state.next) {
                    return Err(restraint.into());
                }
            }
        }
        Ok(self.give(&mut state, now))
    }

    fn give(&self, state: &mut State, at: i64) -> Allowed<'_> {
        state.under_way += 1;
        Allowed { budget: self, at }
    }

    /// Calls that may be made for what can wait, so that enough is left for new files.
    pub(crate) fn spare(&self, org: &Org) -> u64 {
        let mut state = self.lock();
        let figures = self.hear(&mut state, Some(org), clock::now());
        spare(&self.bounds, &figures)
    }

    /// Whether to look for new files, when the last look was at `last`.
    pub(crate) fn is_look_due(&self, org: &Org, last: i64, interval: Duration) -> bool {
        let now = clock::now();
        match self.restraint(Some(org), now) {
            None => true,
            Some(restraint) => restraint.gap.is_some_and(|gap| {
                now - last >= clock::micros(interval).max(gap.saturating_mul(CALLS_A_LOOK))
            }),
        }
    }

    /// Nothing is to be asked of an org that had no room when it was last heard of, for as long as
    /// that is taken for true.
    pub(crate) fn before_start(&self) -> Result<()> {
        let now = clock::now();
        match self.restraint(None, now) {
            Some(restraint) if restraint.stops() && restraint.until > now => Err(restraint.into()),
            _ => Ok(()),
        }
    }

    /// Asks the org for its figures if they leave no room and are too old to be taken for true.
    pub(crate) async fn look_again(&self, org: &Org) -> Result<()> {
        let now = clock::now();
        let is_old = |it: Restraint| it.stops() && it.until <= now;
        if !self.restraint(Some(org), now).is_some_and(is_old) {
            return Ok(());
        }
        let asked = org.limits().await;
        // Heard anew, even if it is the same; and not asked again at once if there was no answer.
        let limits = asked.as_ref().ok().and_then(Option::as_ref);
        let named = limits.and_then(orgtap_salesforce::Limits::daily_api_requests);
        let mut state = self.lock();
        let before = state.heard.map_or((0, 0), |heard| (heard.used, heard.allowed));
        let (used, allowed) = match (org.api_usage(), named) {
            (Some(usage), _) => (usage.used, usage.allowed),
            (None, Some(named)) => (named.max.saturating_sub(named.remaining), named.max),
            (None, None) => before,
        };
        state.seen = org.api_usage();
        state.heard = Some(Heard { used, allowed, at: clock::now() });
        asked.map(drop).map_err(Error::from)
    }

    /// Whether there is anything to note: calls that are not written down, or a restraint that is
    /// not told.
    pub(crate) fn has_news(&self, org: &Org) -> bool {
        let code = self.restraint(Some(org), clock::now()).as_ref().map(Restraint::code);
        self.tally.is_behind(org) || self.lock().told != code
    }

    /// Writes down the calls made since the last time, and puts into a connector's record what
    /// is known, and whatever else there is to `change`.
    pub(crate) async fn note(
        &self,
        ledger: &dyn Ledger,
        org: &Org,
        name: &str,
        change: impl Fn(&mut ConnectorRecord) + Send + Sync,
    ) -> Result<()> {
        let now = clock::now();
        self.tally.write(ledger, name, org, now).await?;
        let restraint = self.restraint(Some(org), now);
        self.tell(name, restraint.as_ref());
        let restraint = restraint.map(|it| serde_json::json!(Error::from(it).problem()));
        let heard = self.lock().heard;
        let note = move |record: &mut ConnectorRecord| {
            if let Some(heard) = heard {
                let figures = (i64::try_from(heard.used).ok(), i64::try_from(heard.allowed).ok());
                record.api_usage = figures.0.zip(figures.1);
                record.api_usage_at = Some(heard.at);
            }
            record.api_restraint.clone_from(&restraint);
            change(record);
        };
        Ok(ledger.change_connector(name, Box::new(note)).await?)
    }

    /// Says in the log, once, that calls are slowed, stopped or free again.
    fn tell(&self, connector: &str, restraint: Option<&Restraint>) {
        let code = restraint.map(Restraint::code);
        if std::mem::replace(&mut self.lock().told, code) == code {
            return;
        }
        if let Some(restraint) = restraint {
            tracing::warn!(connector, code = restraint.code(), "{restraint}");
        } else {
            tracing::info!(connector, "calls to the org are free again");
        }
    }
}
