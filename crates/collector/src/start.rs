//! What a connector begins with, for a pass or for good: it is known to the ledger, its secrets are
//! there, it is signed in. And what is written down when it comes no farther than that.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use orgtap_ledger::{ConnectorRecord, Outcome};
use orgtap_salesforce::Org;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::access::{is_refusal, outcome};
use crate::budget::Budget;
use crate::clock;
use crate::collector::Collector;
use crate::config::ConnectorSettings;
use crate::connector::{Connector, Hold};
use crate::counting::Counting;
use crate::error::{Error, Result};
use crate::polling::error_wait;
use crate::progress::Progress;
use crate::recent::{RecentErrors, remember};
use crate::reconcile;
use crate::replay::Refetch;
use crate::secrets::org_settings;
use crate::shape::Shape;

impl Collector {
    /// Makes the connector known. Refuses when that would give up units without being told to.
    pub(crate) async fn register(&self, settings: &ConnectorSettings) -> Result<()> {
        let now = clock::now();
        for (destination, counts) in self.ledger.summary(&settings.name).await?.destinations {
            let units = counts.waiting;
            let gone = !settings.destinations.contains(&destination);
            if gone && units > 0 && !self.given_up.contains(&destination) {
                let connector = settings.name.clone();
                return Err(Error::Abandoned { connector, destination, units });
            }
        }
        let dropped = self.ledger.register(&settings.name, &settings.destinations, now).await?;
        for (destination, units) in dropped {
            tracing::warn!(
                connector = settings.name,
                destination,
                units,
                "the destination is given up, and the units that waited for it with it"
            );
        }
        reconcile::reconsider(&*self.ledger, settings).await
    }

    /// Writes down since when the connector is at work.
    pub(crate) async fn note_begun(&self, name: &str) -> Result<()> {
        let now = clock::now();
        let change = |record: &mut ConnectorRecord| record.begun = Some(now);
        Ok(self.ledger.change_connector(name, Box::new(change)).await?)
    }

    /// The org, with secrets that are fetched anew: they may have been changed. What the connector
    /// had stopped for is over.
    pub(crate) async fn org(&self, settings: &ConnectorSettings) -> Result<Org> {
        let org = Org::new(org_settings(settings, &self.settings.vault).await?)?;
        if self.ledger.connector(&settings.name).await?.stopped.is_some() {
            let begun = |record: &mut ConnectorRecord| record.stopped = None;
            self.ledger.change_connector(&settings.name, Box::new(begun)).await?;
        }
        Ok(org)
    }

    /// Signs in and learns what the org offers.
    pub(crate) async fn ready(
        &self,
        settings: &ConnectorSettings,
        org: Org,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
    ) -> Result<Arc<Connector>> {
        let retry = self.settings.retry;
        let budget = Budget::open(settings.api_budget, &*self.ledger, &settings.name).await?;
        if let Err(error) = budget.before_start() {
            self.note_calls(&settings.name, &org, &budget).await?;
            return Err(error);
        }
        let mut attempt = 0;
        let (org_id, shape) = loop {
            attempt += 1;
            let tried = async {
                let signed_in = self.access.sign_in(&settings.name, &org, false).await?;
                org.negotiate_version().await?;
                Ok((signed_in.org_id, org.log_file_shape().await?))
            };
            match tried.await {
                Ok(ready) => break ready,
                Err(error) => match error_wait(&error, retry, attempt) {
                    Some(wait) if !cancel.is_cancelled() => tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = cancel.cancelled() => {}
                    },
                    _ => {
                        // The last run's session was taken up, is dead, and no new one was given.
                        self.note_if_refused(&settings.name, &org, &error).await?;
                        self.note_calls(&settings.name, &org, &budget).await?;
                        return Err(error);
                    }
                },
            }
        };
        let refetch = Refetch::signed_in();
        let parts = self.parts(settings, org, progress, cancel);
        let shape = Shape::of(shape);
        Ok(Arc::new(Connector { org_id, shape, budget, refetch, ..parts }))
    }

    /// Writes down why a connector came to no poll, as if a poll had failed of it. That nothing was
    /// tried again is no error by itself, and of a sign-in and the budget the record says it already.
    pub(crate) async fn note_unready(&self, name: &str, error: &Error) -> Result<()> {
        if matches!(error, Error::StillRefused { .. }) {
            return Ok(());
        }
        let failed = outcome(clock::now(), Some(error));
        let change = |record: &mut ConnectorRecord| {
            remember(record, failed.at, error);
            let is_told = |outcome: &Outcome| outcome.problem == failed.problem;
            let is_told = record.sign_in.as_ref().is_some_and(is_told);
            if !is_told && !matches!(error, Error::Budget(_)) {
                record.poll = Some(failed.clone());
            }
        };
        Ok(self.ledger.change_connector(name, Box::new(change)).await?)
    }

    /// Remembers a refusal, so that it is not repeated by the next start.
    pub(crate) async fn note_if_refused(&self, name: &str, org: &Org, error: &Error) -> Result<()> {
        match error {
            Error::Org(refusal) if is_refusal(refusal) => {
                self.access.note_refusal(name, org, error).await
            }
            _ => Ok(()),
        }
    }

    /// Whether the credentials are others than those that were refused.
    pub(crate) async fn may_sign_in(&self, settings: &ConnectorSettings) -> Result<bool> {
        match org_settings(settings, &self.settings.vault).await {
            Ok(org_settings) => self.access.allows(&settings.name, &Org::new(org_settings)?).await,
            // A secret that is being replaced may be missing for a moment.
            Err(_) => Ok(false),
        }
    }

    /// A connector that has not signed in.
    pub(crate) fn parts(
        &self,
        settings: &ConnectorSettings,
        org: Org,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
    ) -> Connector {
        let destinations = settings
            .destinations
            .iter()
            .filter_map(|name| self.destinations.get(name).cloned())
            .collect();
        Connector {
            settings: settings.clone(),
            retry: self.settings.retry,
            org,
            org_id: String::new(),
            shape: Shape::default(),
            ledger: Arc::clone(&self.ledger),
            spool: self.spool.clone(),
            destinations,
            progress: Arc::clone(progress),
            owner: self.owner.clone(),
            work: Notify::new(),
            cancel: cancel.clone(),
            hold: Hold::default(),
            budget: Budget::new(settings.api_budget),
            memory: self.memory.clone(),
            prepared: self.prepared.clone(),
            counting: Counting::new(self.insights.clone()),
            errors: RecentErrors::default(),
            spool_limits: self.limits(),
            refetch: Refetch::default(),
            vanished: AtomicBool::new(false),
        }
    }
}
