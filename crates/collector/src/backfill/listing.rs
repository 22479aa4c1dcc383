//! Lists the files of a backfill, page by page, in the order of their creation.

use jiff::{SignedDuration, Timestamp};
use orgtap_ledger::{Cursor, NewBackfill};
use orgtap_salesforce::{ErrorKind, IntervalChoice, Listing, LogFile, LogFileShape, Org, Pages};

use crate::budget::Budget;
use crate::config::ConnectorSettings;
use crate::discover::{NARROWEST, WIDEST, choice, moment, signed};
use crate::error::Result;

/// Files of a range of log dates that lie behind a cursor.
pub(super) struct Files<'a> {
    org: &'a Org,
    budget: &'a Budget,
    shape: &'a LogFileShape,
    select: IntervalChoice,
    log_dates: (Timestamp, Timestamp),
    /// The last file handed over, at first the one to begin behind.
    cursor: Option<Cursor>,
    /// Files created later are left to the look for new ones.
    settled: Timestamp,
    /// Where the window begins that is listed now or next.
    after: Timestamp,
    width: SignedDuration,
    pages: Option<Pages>,
}

impl<'a> Files<'a> {
    pub(super) fn new(
        (org, budget): (&'a Org, &'a Budget),
        settings: &ConnectorSettings,
        shape: &'a LogFileShape,
        wish: &NewBackfill,
        cursor: Option<Cursor>,
    ) -> Self {
        let now = org.server_time().unwrap_or_else(Timestamp::now);
        // A file is made after the time it is about.
        let after = cursor.as_ref().map_or(wish.from, |cursor| cursor.created_date);
        Self {
            org,
            budget,
            shape,
            select: choice(settings, shape),
            log_dates: (moment(wish.from), moment(wish.to)),
            cursor,
            settled: now - signed(settings.settle),
            after: moment(after),
            width: WIDEST,
            pages: None,
        }
    }

    /// The next page; none after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<LogFile>>> {
        while self.after <= self.settled {
            let end = self.after + self.width;
            let pages = self.pages.get_or_insert_with(|| {
                self.org.list(Listing {
                    select: self.select,
                    shape: self.shape.clone(),
                    after: self.after,
                    before: (end <= self.settled).then_some(end),
                    log_dates: Some(self.log_dates),
                    event_types: Vec::new(),
                })
            });
            if pages.has_ended() {
                self.pages = None;
                self.after = end;
                continue;
            }
            let _allowed = self.budget.list(self.org)?;
            match pages.next().await {
                None => {}
                Some(Ok(page)) => return Ok(Some(self.unseen(page.files))),
                Some(Err(error))
                    if *error.kind() == ErrorKind::QueryTimeout && self.width > NARROWEST =>
                {
                    self.width = (self.width / 2).max(NARROWEST);
                    self.pages = None;
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// Those that were not handed over before, of a page that may come again.
    fn unseen(&mut self, mut files: Vec<LogFile>) -> Vec<LogFile> {
        let place = |file: &LogFile| Cursor {
            created_date: file.created_date.as_microsecond(),
            log_file_id: file.id.clone(),
        };
        files.retain(|file| {
            let is_behind = self.cursor.as_ref().is_none_or(|cursor| place(file) > *cursor);
            file.created_date <= self.settled && is_behind
        });
        self.cursor = files.last().map(place).or(self.cursor.take());
        files
    }
}
