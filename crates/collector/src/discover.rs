//! Lists what is new in the org, and records it.
//!
//! The cursor is (`CreatedDate`, `Id`): a late file is created late, whatever day it is about. Each
//! poll looks back a bounded time behind the cursor, because a file may become visible after ones
//! created later; listing a known file again changes nothing. Files younger than the settle time
//! are left for the next poll: they may still be being written.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use orgtap_events::Interval;
use orgtap_ledger::{Cursor, NewUnit};
use orgtap_salesforce::{ErrorKind, IntervalChoice, Listing, LogFile, LogFileShape};

use crate::clock;
use crate::config::{ConnectorSettings, IntervalPolicy};
use crate::connector::{Connector, lane};
use crate::error::{Error, Result};
use crate::kill;
use crate::progress::Progress;

/// No org keeps event log files longer than a year.
const FARTHEST_BACK: SignedDuration = SignedDuration::from_hours(400 * 24);
/// The widest window asked for in one query.
pub(crate) const WIDEST: SignedDuration = SignedDuration::from_hours(60 * 24);
/// The narrowest; a query for it that still times out is a failure.
pub(crate) const NARROWEST: SignedDuration = SignedDuration::from_mins(30);

/// What a poll found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Discovered {
    /// Files not known before.
    pub(crate) new: u64,
    /// Files too young to be taken.
    pub(crate) settling: u64,
}

/// Which files to ask for.
pub(crate) fn choice(settings: &ConnectorSettings, shape: &LogFileShape) -> IntervalChoice {
    match settings.interval {
        IntervalPolicy::Hourly => IntervalChoice::Hourly,
        IntervalPolicy::Auto | IntervalPolicy::Both if shape.has_interval => IntervalChoice::Both,
        _ => IntervalChoice::Daily,
    }
}

/// Where one listing stands.
struct Poll<'a> {
    connector: &'a Connector,
    track: String,
    cursor: Option<Cursor>,
    settled: Timestamp,
    found: Discovered,
}

/// Lists everything new up to now.
pub(crate) async fn discover(connector: &Connector) -> Result<Discovered> {
    let Connector { org, budget, shape, .. } = connector;
    let known = shape.get(org, budget).await?;
    match discover_as(connector, &known).await {
        Err(Error::Org(error)) if shape.has_changed(&error, (org, budget)).await? => {
            tracing::info!(connector = connector.name(), "the org's event log files have changed");
            let new = shape.get(org, budget).await?;
            discover_as(connector, &new).await
        }
        found => found,
    }
}

async fn discover_as(connector: &Connector, shape: &LogFileShape) -> Result<Discovered> {
    let choice = choice(&connector.settings, shape);
    let track = format!("event_log_files/{choice:?}");
    let cursor = connector.ledger.cursor(connector.name(), &track).await?;
    let now = connector.org.server_time().unwrap_or_else(Timestamp::now);
    let settled = now - signed(connector.settings.settle);
    let mut after = match &cursor {
        Some(cursor) => moment(cursor.created_date) - signed(connector.settings.overlap),
        None => now - FARTHEST_BACK,
    };
    if let Some(start) = connector.settings.start {
        after = after.max(start);
    }
    let mut poll = Poll { connector, track, cursor, settled, found: Discovered::default() };
    let mut width = WIDEST;
    loop {
        let end = after + width;
        let before = (end < now).then_some(end);
        let listing = Listing {
            select: choice,
            shape: shape.clone(),
            after,
            before,
            log_dates: None,
            event_types: Vec::new(),
        };
        match poll.window(listing).await {
            Ok(()) => {}
            Err(Error::Org(error))
                if *error.kind() == ErrorKind::QueryTimeout && width > NARROWEST =>
            {
                width = (width / 2).max(NARROWEST);
                tracing::info!(
                    connector = connector.name(),
                    hours = width.as_hours(),
                    "the org took too long to list; asking for shorter periods"
                );
                continue;
            }
            Err(error) => return Err(error),
        }
        match before {
            Some(end) => after = end,
            None => return Ok(poll.found),
        }
    }
}

impl Poll<'_> {
    /// Lists one window, page by page.
    async fn window(&mut self, listing: Listing) -> Result<()> {
        let connector = self.connector;
        let mut pages = connector.org.list(listing);
        while !pages.has_ended() {
            let allowed = connector.budget.list(&connector.org)?;
            let Some(page) = pages.next().await else { break };
            drop(allowed);
            let page = page?;
            let mut units = Vec::with_capacity(page.files.len());
            let mut to = self.cursor.clone();
            for file in &page.files {
                if file.created_date > self.settled {
                    self.found.settling += 1;
                    continue;
                }
                let at = Cursor {
                    created_date: file.created_date.as_microsecond(),
                    log_file_id: file.id.clone(),
                };
                to = to.max(Some(at));
                if connector.settings.event_types.admits(&file.event_type) {
                    units.push(new_unit(connector.name(), file));
                }
            }
            if units.is_empty() && to == self.cursor {
                continue;
            }
            kill::point("discover.before_list");
            let ledger = &connector.ledger;
            let from = self.cursor.as_ref();
            let listed = ledger
                .list(connector.name(), &self.track, &units, from, to.as_ref(), clock::now())
                .await?;
            kill::point("discover.after_list");
            self.cursor = to;
            self.found.new += listed.new;
            Progress::add(&connector.progress.listed, listed.new);
            connector.work.notify_waiters();
        }
        Ok(())
    }
}

pub(crate) fn new_unit(connector: &str, file: &LogFile) -> NewUnit {
    // Where the org hides the column, the sequence tells: daily files have 0.
    let interval = file.interval.unwrap_or(match file.sequence {
        0 => Interval::Daily,
        _ => Interval::Hourly,
    });
    NewUnit {
        lane: lane(connector, &file.event_type, file.log_date),
        interval: interval.name().to_owned(),
        sequence: i64::from(file.sequence),
        log_file_id: file.id.clone(),
        log_date: file.log_date.as_microsecond(),
        created_date: file.created_date.as_microsecond(),
        length: i64::try_from(file.length).unwrap_or(i64::MAX),
    }
}

pub(crate) fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

pub(crate) fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
