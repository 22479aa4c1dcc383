//! One connector's collection: begin, discover, and let the stages run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use orgtap_ledger::Lane;
use orgtap_salesforce::Org;
use orgtap_transport::{Disposition, Explain};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::access::is_refusal;
use crate::clock;
use crate::collected::Collected;
use crate::collector::Collector;
use crate::completeness::{Recount, note_gaps};
use crate::config::ConnectorSettings;
use crate::connector::Connector;
use crate::counting;
use crate::deliver;
use crate::discover::Discovered;
use crate::error::{Error, Result};
use crate::outlet::Outlet;
use crate::progress::Progress;
use crate::recent::note_errors;
use crate::secrets::org_settings;
use crate::stage::{self, Stage, Until};
use crate::status::note_hold;
use crate::{collect, release};

/// Lanes fetched at once per connector: enough to hide the org's latency.
const FETCHERS: usize = 4;
/// Lanes delivered at once per destination.
const DELIVERERS: usize = 2;
/// How often it is looked whether refused credentials have changed. The org is not asked.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often the org is asked whether a person has removed another obstacle.
const TRY_AGAIN: Duration = Duration::from_mins(15);

impl Collector {
    /// The settings of a connector by its name.
    pub fn connector_settings(&self, name: &str) -> Option<&ConnectorSettings> {
        self.settings.connectors.iter().find(|connector| connector.name == name)
    }

    /// Collects once: all the org has, to all destinations, retrying for a short while.
    pub async fn collect(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
    ) -> Result<Collected> {
        let pass = self.pass(settings, progress, cancel, false).await;
        pass.map_err(|error| self.room.explain(error))
    }

    /// Collects once, and then the files of all backfills that are under way.
    pub async fn backfill(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
    ) -> Result<Collected> {
        let pass = self.pass(settings, progress, cancel, true).await;
        pass.map_err(|error| self.room.explain(error))
    }

    async fn pass(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
        backfills: bool,
    ) -> Result<Collected> {
        let began = clock::now();
        let mut collected = Collected { connector: settings.name.clone(), ..Default::default() };
        let ended = self.once(settings, progress, cancel, (&mut collected, backfills)).await;
        collected.take_in(ended)?;
        self.tally(&settings.name, progress, began, &mut collected).await?;
        let tidied = self.tidy(settings).await;
        collected.take_in(tidied.map_err(|error| self.room.explain(error)))?;
        Ok(collected)
    }

    /// Lets go of what is needed no longer.
    async fn tidy(&self, settings: &ConnectorSettings) -> Result<()> {
        release::release(&self.ledger, &self.spool, self.limits()).await?;
        self.forget(settings, clock::now()).await
    }

    async fn once(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
        (collected, backfills): (&mut Collected, bool),
    ) -> Result<()> {
        let begun = async {
            self.register(settings).await?;
            self.ledger.wake(&settings.name).await?;
            self.ready(settings, self.org(settings).await?, progress, cancel).await
        };
        let connector = match begun.await {
            Ok(connector) => connector,
            Err(error @ Error::Ledger(_)) => return Err(error),
            Err(error) => {
                self.note_unready(&settings.name, &error).await?;
                // What is spooled does not need the org.
                self.deliver_spooled(settings, progress, cancel, collected).await?;
                return Err(error);
            }
        };
        let found = self.poll(&connector).await;
        let (found, trouble) = match found {
            Ok(found) => (found, None),
            Err(error) => {
                connector.errors.add(&error, None);
                (Discovered::default(), Some(error))
            }
        };
        collected.new_files = found.new;
        collected.settling_files = found.settling;
        self.stages(&connector, true, collected).await?;
        if backfills {
            self.with_backfills(&connector, collected).await?;
        }
        // A file that vanished may have been replaced: look for its successor at once.
        let vanished = connector.vanished.load(Ordering::Relaxed);
        if trouble.is_none() && vanished && !cancel.is_cancelled() {
            collected.new_files += self.poll(&connector).await?.new;
            self.stages(&connector, true, collected).await?;
        }
        note_hold(&connector).await?;
        note_gaps(&connector, Recount::Now).await?;
        self.after(&connector).await?;
        self.note_news(&connector).await?;
        trouble.map_or(Ok(()), Err)
    }

    /// Collects for ever, until told to stop: polls the org at its interval, and whenever told to
    /// `look`, while the stages run.
    pub(crate) async fn run(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        look: &Notify,
        cancel: &CancellationToken,
    ) -> Result<()> {
        self.register(settings).await?;
        self.note_begun(&settings.name).await?;
        let mut failures = 0;
        while !cancel.is_cancelled() {
            let org = self.org(settings).await?;
            let until_refused = cancel.child_token();
            match self.ready(settings, org, progress, &until_refused).await {
                Ok(connector) => {
                    failures = 0;
                    let mut ignored = Collected::default();
                    tokio::try_join!(
                        self.stages(&connector, false, &mut ignored),
                        self.keep_polling(&connector, look),
                        self.keep_feeding(&connector)
                    )?;
                }
                Err(error @ Error::Ledger(_)) => return Err(error),
                Err(error) => {
                    failures += 1;
                    let told = (look, cancel);
                    self.wait_out(settings, progress, told, &error, failures).await?;
                }
            }
        }
        Ok(())
    }

    /// Waits before the next try to start. A refusal is waited out until the credentials change,
    /// or until Test Connection has succeeded with them.
    async fn wait_out(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        (look, cancel): (&Notify, &CancellationToken),
        error: &Error,
        failures: u32,
    ) -> Result<()> {
        let problem = error.problem();
        tracing::error!(
            connector = settings.name,
            code = problem.code,
            remedy = problem.remedy,
            "cannot start: {}",
            problem.message
        );
        self.note_unready(&settings.name, error).await?;
        let mut ignored = Collected::default();
        // However much there is to deliver, the next try to start does not wait for it.
        let delivering = cancel.child_token();
        let delivered = self.deliver_spooled(settings, progress, &delivering, &mut ignored);
        let waited = async {
            let waited = self.next_try(settings, (look, cancel), error, failures).await;
            delivering.cancel();
            waited
        };
        let (delivered, waited) = tokio::join!(delivered, waited);
        delivered.and(waited)
    }

    /// Waits until there may be another try to start.
    async fn next_try(
        &self,
        settings: &ConnectorSettings,
        (look, cancel): (&Notify, &CancellationToken),
        error: &Error,
        failures: u32,
    ) -> Result<()> {
        let refused = matches!(error, Error::StillRefused { .. })
            || matches!(error, Error::Org(org) if is_refusal(org));
        loop {
            let wait = match error.disposition() {
                Disposition::Retry { after } => {
                    self.settings.retry.backoff.wait(failures, 1, after)
                }
                _ if refused => LOOK_AGAIN,
                _ => TRY_AGAIN,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = look.notified() => {}
                () = cancel.cancelled() => return Ok(()),
            }
            if !refused || self.may_sign_in(settings).await? {
                return Ok(());
            }
        }
    }

    /// Delivers what is in the spool when the org cannot be reached. Needs the org's id from an
    /// earlier sign-in.
    async fn deliver_spooled(
        &self,
        settings: &ConnectorSettings,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
        collected: &mut Collected,
    ) -> Result<()> {
        let record = self.ledger.connector(&settings.name).await?;
        let (Some(org_id), Ok(org_settings)) =
            (record.org_id, org_settings(settings, &self.settings.vault).await)
        else {
            return Ok(());
        };
        let org = Org::new(org_settings)?;
        let connector =
            Arc::new(Connector { org_id, ..self.parts(settings, org, progress, cancel) });
        let ended = CancellationToken::new();
        ended.cancel();
        self.deliver(&connector, &Until::Empty(ended), collected).await?;
        note_errors(&connector).await
    }

    /// A refusal met in mid-work is remembered. Answers whether there was one.
    pub(crate) async fn after(&self, connector: &Connector) -> Result<bool> {
        let Some(error) = connector.hold.take_refusal() else { return Ok(false) };
        self.access.note_refusal(connector.name(), &connector.org, &Error::Org(error)).await?;
        Ok(true)
    }

    /// Runs all stages; when `once`, until nothing is left for them.
    async fn stages(
        &self,
        connector: &Arc<Connector>,
        once: bool,
        collected: &mut Collected,
    ) -> Result<()> {
        let listed = CancellationToken::new();
        listed.cancel();
        self.stages_after(connector, once.then_some(listed), collected).await
    }

    /// Runs all stages while backfills are fed, until nothing is left of both.
    async fn with_backfills(
        &self,
        connector: &Arc<Connector>,
        collected: &mut Collected,
    ) -> Result<()> {
        let listed = CancellationToken::new();
        let feeding = async {
            let ended = self.feed_all(connector).await;
            listed.cancel();
            connector.work.notify_waiters();
            ended
        };
        let mut staged = Collected::default();
        let stages = self.stages_after(connector, Some(listed.clone()), &mut staged);
        let (problem, ()) = tokio::try_join!(feeding, stages)?;
        self.end_backfills(connector).await?;
        collected.problems.extend(staged.problems.into_iter().chain(problem));
        collected.needs_person |= staged.needs_person;
        Ok(())
    }

    /// Runs all stages: until nothing is left for them once all is `listed`, or for ever.
    async fn stages_after(
        &self,
        connector: &Arc<Connector>,
        listed: Option<CancellationToken>,
        collected: &mut Collected,
    ) -> Result<()> {
        let fetched = CancellationToken::new();
        let empty = |before: &CancellationToken| Until::Empty(before.clone());
        let until = if listed.is_some() { empty(&fetched) } else { Until::Stopped };
        let collecting = async {
            let stage = Stage {
                name: "collect".to_owned(),
                workers: FETCHERS,
                until: listed.as_ref().map_or(Until::Stopped, empty),
            };
            let held = || connector.held();
            let work = |lane: Lane, lease| {
                let connector = Arc::clone(connector);
                async move { collect::lane(&connector, &lane, lease).await }
            };
            let ended = stage::run(connector, stage, held, work).await;
            fetched.cancel();
            connector.work.notify_waiters();
            ended
        };
        let mut delivered = Collected::default();
        let (stopped, ()) =
            tokio::try_join!(collecting, self.deliver(connector, &until, &mut delivered))?;
        collected.problems.extend(delivered.problems);
        collected.needs_person |= delivered.needs_person;
        if let Some(problem) = stopped {
            collected.needs_person |= problem.disposition != "retry";
            collected.problems.push(problem);
        }
        Ok(())
    }

    /// Runs the delivery stages of all the connector's destinations, and counts beside them.
    async fn deliver(
        &self,
        connector: &Arc<Connector>,
        until: &Until,
        collected: &mut Collected,
    ) -> Result<()> {
        let outlets = connector.destinations.iter().map(|destination| {
            let outlet = Arc::new(Outlet::new(Arc::clone(destination)));
            let stage = Stage { name: outlet.stage(), workers: DELIVERERS, until: until.clone() };
            async move {
                let held = || outlet.held();
                let work = |lane: Lane, lease| {
                    let (connector, outlet) = (Arc::clone(connector), Arc::clone(&outlet));
                    async move { deliver::lane(&connector, &outlet, &lane, lease).await }
                };
                stage::run(connector, stage, held, work).await
            }
        });
        let delivering = futures_util::future::try_join_all(outlets);
        let counting = async {
            counting::count(connector, until).await;
            Ok(())
        };
        let (problems, ()) = tokio::try_join!(delivering, counting)?;
        for problem in problems.into_iter().flatten() {
            collected.needs_person |= problem.disposition != "retry";
            collected.problems.push(problem);
        }
        Ok(())
    }
}
