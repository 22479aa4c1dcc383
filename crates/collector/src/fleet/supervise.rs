//! The loop that makes what runs be what shall run: connectors are started, stopped and started
//! anew one by one, as files, pauses and failures say.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use orgtap_ledger::ConnectorRecord;
use orgtap_transport::Explain;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Fleet, Member};
use crate::access::outcome;
use crate::clock;
use crate::config::ConnectorSettings;
use crate::error::{Error, Result};
use crate::recent::remember;

/// How often it is looked whether another process has changed something.
const LOOK: Duration = Duration::from_secs(1);
/// How long a connector that could not go on rests before it is started again.
const REST: Duration = Duration::from_mins(1);

/// The connectors' tasks, with the names they go by.
#[derive(Default)]
struct Tasks {
    running: JoinSet<Result<()>>,
    names: HashMap<Id, String>,
}

impl Fleet {
    /// Keeps the connectors running until told to stop, and then until all of them have stopped.
    ///
    /// # Errors
    /// A failure of the ledger or the disk, which is every connector's. What one connector fails of
    /// is in its status, and the others go on.
    pub async fn run(&self, cancel: &CancellationToken) -> Result<()> {
        let cancel = cancel.child_token();
        let mut tasks = Tasks::default();
        let mut failed = None;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if cancel.is_cancelled() {
                if tasks.running.is_empty() {
                    return failed.map_or(Ok(()), Err);
                }
            } else if let Err(error) = self.converge(&mut tasks, &cancel).await {
                failed = failed.or(Some(error));
                cancel.cancel();
                continue;
            }
            tokio::select! {
                Some(ended) = tasks.running.join_next_with_id() => {
                    if let Err(error) = self.ended(&mut tasks, ended).await {
                        failed = failed.or(Some(error));
                        cancel.cancel();
                    }
                }
                () = self.changed.notified() => {}
                _ = look.tick() => {}
                () = cancel.cancelled(), if !cancel.is_cancelled() => {}
            }
        }
    }

    /// Looks what shall run, stops what shall not, and starts what is missing.
    async fn converge(&self, tasks: &mut Tasks, cancel: &CancellationToken) -> Result<()> {
        self.take_up_changes().await?;
        let paused = self.ledger().paused().await?;
        let settings = self.settings();
        let wanted: Vec<&ConnectorSettings> =
            settings.connectors.iter().filter(|one| self.is_wanted(&one.name, &paused)).collect();
        let mut state = self.lock();
        for (name, member) in &state.members {
            if !wanted.iter().any(|one| one.name == *name && **one == member.settings) {
                member.cancel.cancel();
            }
        }
        let now = Instant::now();
        state.resting.retain(|_, (until, _)| *until > now);
        for one in wanted {
            let rests = state.resting.get(&one.name).is_some_and(|(_, of)| of == one);
            if rests || state.members.contains_key(&one.name) {
                continue;
            }
            let member = Member::new(one, cancel);
            self.start(tasks, &member);
            state.members.insert(one.name.clone(), member);
        }
        Ok(())
    }

    fn is_wanted(&self, name: &str, paused: &[String]) -> bool {
        let is_chosen = self.only.is_empty() || self.only.iter().any(|one| one == name);
        is_chosen && !paused.iter().any(|one| one == name)
    }

    fn start(&self, tasks: &mut Tasks, member: &Member) {
        let Member { settings, progress, look, cancel } = member.clone();
        tracing::info!(connector = settings.name, "collecting");
        let (fleet, name) = (self.clone(), settings.name.clone());
        let task = tasks.running.spawn(async move {
            fleet.collector.run(&settings, &progress, &look, &cancel).boxed().await
        });
        tasks.names.insert(task.id(), name);
    }

    /// A connector's task has ended. The error is everybody's.
    async fn ended(
        &self,
        tasks: &mut Tasks,
        ended: std::result::Result<(Id, Result<()>), JoinError>,
    ) -> Result<()> {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, ended),
            Err(error) => (error.id(), Err(Error::Worker(error.to_string()))),
        };
        let Some(name) = tasks.names.remove(&id) else { return Ok(()) };
        let told = match ended {
            Ok(()) => Ok(()),
            Err(error @ (Error::Ledger(_) | Error::Disk { .. })) => Err(error),
            Err(error) => self.note_stopped(&name, &error).await,
        };
        let mut state = self.lock();
        if let Some(member) = state.members.remove(&name) {
            // One that was told to stop may be wanted again, and then at once.
            if !member.cancel.is_cancelled() {
                state.resting.insert(name, (Instant::now() + REST, member.settings));
            }
        }
        drop(state);
        self.ends.send_modify(|ends| *ends += 1);
        told
    }

    /// Says why a connector could not go on, in the log and in its status.
    async fn note_stopped(&self, name: &str, error: &Error) -> Result<()> {
        let problem = error.problem();
        tracing::error!(
            connector = name,
            code = problem.code,
            remedy = problem.remedy,
            "stopped, the others go on: {}",
            problem.message
        );
        let stopped = Some(outcome(clock::now(), Some(error)));
        let note = |record: &mut ConnectorRecord| {
            record.stopped.clone_from(&stopped);
            remember(record, clock::now(), error);
        };
        Ok(self.ledger().change_connector(name, Box::new(note)).await?)
    }

    /// Reads the saved connectors again if a file of theirs has changed.
    pub(super) async fn take_up_changes(&self) -> Result<()> {
        let fleet = self.clone();
        let read = tokio::task::spawn_blocking(move || fleet.read_changes()).await;
        read.map_err(|error| Error::Worker(error.to_string()))
    }

    fn read_changes(&self) {
        // Before the reading: what changes meanwhile is seen the next time.
        let marks = self.main.marks();
        if self.lock().marks == marks {
            return;
        }
        let before = self.settings();
        let read = self.main.with_readable_since(&before);
        let (settings, problems) = match read {
            Ok(settings) => (Some(settings), Vec::new()),
            Err(error) => (None, vec![error.problem()]),
        };
        let broken = settings.iter().flat_map(|settings| &settings.broken);
        for problem in problems.iter().chain(broken) {
            tracing::error!(code = problem.code, "not taken up: {}", problem.message);
        }
        let mut state = self.lock();
        let Some(settings) = settings else {
            state.marks = marks;
            return;
        };
        let before = std::mem::replace(&mut state.marks, marks);
        // Secrets may have changed although no setting has.
        let is_new = |one: &ConnectorSettings| {
            one.saved_in.as_ref().is_some_and(|file| state.marks.is_changed(&before, file))
        };
        for member in state.members.values().filter(|member| is_new(&member.settings)) {
            member.cancel.cancel();
        }
        let rested: Vec<String> = state
            .resting
            .iter()
            .filter(|(_, (_, one))| is_new(one))
            .map(|(name, _)| name.clone())
            .collect();
        for name in rested {
            state.resting.remove(&name);
        }
        state.settings = Arc::new(settings);
    }
}
