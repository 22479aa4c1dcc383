//! What the org's log files look like, asked once in a while: an org may buy hourly files, or lose
//! them, while a connector runs for years.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use orgtap_salesforce::{ErrorKind, LogFileShape, Org};

use crate::budget::Budget;
use crate::clock;
use crate::error::Result;

/// How old an answer may get.
const ASK_EVERY: Duration = Duration::from_hours(24);

/// The last answer, and when it came.
#[derive(Default)]
pub(crate) struct Shape(Mutex<(Arc<LogFileShape>, i64)>);

impl Shape {
    /// As the org has just said.
    pub(crate) fn of(shape: LogFileShape) -> Self {
        Self(Mutex::new((Arc::new(shape), clock::now())))
    }

    /// As the org said last, within a day.
    pub(crate) async fn get(&self, org: &Org, budget: &Budget) -> Result<Arc<LogFileShape>> {
        let (known, at) = self.known();
        if clock::now() - at < clock::micros(ASK_EVERY) {
            return Ok(known);
        }
        self.ask(org, budget).await
    }

    /// Whether a query failed of a column that is no longer there, and the org says so itself: the
    /// same is to be asked with the columns it has now.
    pub(crate) async fn has_changed(
        &self,
        error: &orgtap_salesforce::Error,
        (org, budget): (&Org, &Budget),
    ) -> Result<bool> {
        if !matches!(error.kind(), ErrorKind::InvalidField(_)) {
            return Ok(false);
        }
        let before = self.known().0;
        Ok(self.ask(org, budget).await? != before)
    }

    async fn ask(&self, org: &Org, budget: &Budget) -> Result<Arc<LogFileShape>> {
        let allowed = budget.list(org)?;
        let shape = Arc::new(org.log_file_shape().await?);
        drop(allowed);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Arc::clone(&shape), clock::now());
        Ok(shape)
    }

    fn known(&self) -> (Arc<LogFileShape>, i64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
