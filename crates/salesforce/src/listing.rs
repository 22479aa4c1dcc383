//! Listing log files, page by page, through dying sessions.

use std::sync::Arc;

use jiff::Timestamp;

use crate::call::Call;
use crate::describe::LogFileShape;
use crate::error::{Error, ErrorKind};
use crate::org::Org;
use crate::page::Page;
use crate::session::Session;
use crate::soql::{self, Query};

/// Which log files to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalChoice {
    /// Those of one hour.
    Hourly,
    /// Those of one day.
    Daily,
    /// All.
    Both,
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Hourly files, daily files, or both. If the org has neither column to tell them apart,
    /// whatever it has.
    pub select: IntervalChoice,
    /// What the org's `EventLogFile` looks like; see [`Org::log_file_shape`].
    pub shape: LogFileShape,
    /// Files created at this time or later.
    pub after: Timestamp,
    /// Files created before this time.
    pub before: Option<Timestamp>,
    /// Only files whose log date is at the first of these times or later, and before the second.
    pub log_dates: Option<(Timestamp, Timestamp)>,
    /// Event types wanted, in any case of letters; empty for all.
    pub event_types: Vec<String>,
}

/// How often one listing begins again before it gives up.
const MOST_RESTARTS: u32 = 3;

/// A listing under way. Log files come ordered by creation, then id.
///
/// The place in a listing is bound to the session that began it. When that session ends, the
/// listing begins again, and the page that comes next says so; the caller's record of what is
/// listed has to bear that. After an error a listing has ended.
///
/// [`Pages::next`] may be dropped at any await: the same page comes with the next call.
pub struct Pages {
    org: Org,
    listing: Listing,
    query: Query,
    at: At,
    restarts: u32,
    restarted: bool,
}

enum At {
    Start,
    Next { path: String, session: Arc<Session> },
    End,
}

impl Pages {
    pub(crate) fn new(org: Org, listing: Listing) -> Self {
        let query = soql::query(&listing);
        Self { org, listing, query, at: At::Start, restarts: 0, restarted: false }
    }

    /// The query, as it is sent.
    pub fn soql(&self) -> &str {
        &self.query.text
    }

    /// Whether there is no further page, so that [`Pages::next`] makes no call.
    pub const fn has_ended(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// The next page; none after the last one.
    pub async fn next(&mut self) -> Option<Result<Page, Error>> {
        let turned = self.turn().await;
        if turned.is_err() {
            self.at = At::End;
        }
        turned.map_err(|error| error.during(Call::List)).transpose()
    }

    async fn turn(&mut self) -> Result<Option<Page>, Error> {
        let (mut page, session) = match &self.at {
            At::End => return Ok(None),
            At::Start => self.org.first_page(&self.query.text).await?,
            At::Next { path, session } => match self.org.next_page(path, session).await {
                Ok(page) if page.next.as_ref() == Some(path) => {
                    return Err(Error::new(ErrorKind::BadAnswer, "a page follows itself"));
                }
                Ok(page) => (page, Arc::clone(session)),
                Err(error) => {
                    self.restart(error)?;
                    self.org.first_page(&self.query.text).await?
                }
            },
        };
        page.restarted = std::mem::take(&mut self.restarted);
        if self.query.all_types {
            page.files.retain(|file| self.wants(&file.event_type));
        }
        self.at = match &page.next {
            Some(path) => At::Next { path: path.clone(), session },
            None => At::End,
        };
        Ok(Some(page))
    }

    fn wants(&self, event_type: &str) -> bool {
        self.listing.event_types.iter().any(|wanted| wanted.eq_ignore_ascii_case(event_type))
    }

    /// Goes back to the start if that can help.
    fn restart(&mut self, error: Error) -> Result<(), Error> {
        if !matches!(error.kind(), ErrorKind::SessionExpired | ErrorKind::InvalidLocator) {
            return Err(error);
        }
        if self.restarts == MOST_RESTARTS {
            let detail = format!("the session ended in mid-listing {} times", MOST_RESTARTS + 1);
            return Err(Error::new(ErrorKind::InvalidLocator, detail).with_source(error));
        }
        tracing::info!(%error, "the listing begins again");
        self.restarts += 1;
        self.restarted = true;
        self.at = At::Start;
        Ok(())
    }
}
