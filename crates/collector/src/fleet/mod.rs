//! The connectors of a running `orgtap run`, each started, stopped and changed by itself while the
//! others go on.
//!
//! What shall run is told by files and the ledger alone: the configuration, the saved connectors,
//! and pauses. Whoever changes those, here or in another process, changes what runs
//! ([`Fleet::run`]). Destinations and everything else of the main file are as they were at the
//! start.

mod form;
mod supervise;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use orgtap_destinations::Promise;
use orgtap_ledger::{Ledger, Paused};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_128;

use crate::clock;
use crate::collector::Collector;
use crate::config::{ConnectorSettings, MainFile, Marks, NewConnector, Settings};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::saving;
use crate::status::{Status, status};
use crate::test_connection::{TestEvent, TestReport, test_connection, try_out};

use form::Checked;
pub use form::{FieldFault, Form, FormError, FormShown, KeptSecret};

/// The connectors of a process. Cheap to clone.
#[derive(Clone)]
pub struct Fleet(Arc<Shared>);

/// What all clones share.
pub struct Shared {
    collector: Collector,
    main: MainFile,
    /// The only connectors to run; empty for all.
    only: Vec<String>,
    state: Mutex<State>,
    /// Told when what shall run may have changed.
    changed: Notify,
    /// Counts connectors that have stopped.
    ends: watch::Sender<u64>,
    /// Saves and removals come one after the other.
    saving: tokio::sync::Mutex<()>,
}

struct State {
    settings: Arc<Settings>,
    /// What the saved connectors' files looked like when they were read.
    marks: Marks,
    /// The connectors that run, those that are stopping included.
    members: BTreeMap<String, Member>,
    /// Connectors that could not go on: until when they rest, and what they were.
    resting: BTreeMap<String, (Instant, ConnectorSettings)>,
}

/// A connector that runs.
#[derive(Clone)]
struct Member {
    settings: ConnectorSettings,
    progress: Arc<Progress>,
    look: Arc<Notify>,
    cancel: CancellationToken,
}

impl Member {
    fn new(settings: &ConnectorSettings, cancel: &CancellationToken) -> Self {
        Self {
            settings: settings.clone(),
            progress: Arc::new(Progress::new(&settings.destinations)),
            look: Arc::default(),
            cancel: cancel.child_token(),
        }
    }
}

/// What [`Fleet::remove`] did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Removed {
    /// The file that is gone.
    #[schema(value_type = String)]
    pub file: PathBuf,
    /// Entries of the vault that are gone.
    pub vault_entries_removed: Vec<String>,
    /// Entries of the vault that something else refers to.
    pub vault_entries_kept: Vec<String>,
    /// Log files in the spool that are not delivered everywhere. They stay until a connector of
    /// this name, for the same org, is there again.
    pub files_waiting: u64,
}

impl FormShown {
    /// A short text that is another one once what is shown is.
    pub fn version(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        format!("{:032x}", xxh3_128(&text))
    }
}

impl Deref for Fleet {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Fleet {
    /// Opens what a configuration names, and holds the data folder. There may be no connector yet.
    /// Saved connectors whose file cannot be read are left out, until it can.
    /// What waits for the destinations in `give_up` may be dropped; with names in `only`, no other
    /// connectors run.
    pub async fn open(main: MainFile, give_up: &[String], only: &[String]) -> Result<Self> {
        // Before the reading: what changes meanwhile is seen by the first look.
        let marks = main.marks();
        let settings = main.with_readable()?;
        let collector = Collector::open(settings.clone()).await?.giving_up(give_up);
        Ok(Self::of(collector, main, settings, marks, only))
    }

    /// The same to collect until told to stop: a full disk is waited out, now and later. None when
    /// told to stop before there was room.
    pub async fn open_to_run(
        main: MainFile,
        give_up: &[String],
        only: &[String],
        stop: &CancellationToken,
    ) -> Result<Option<Self>> {
        let marks = main.marks();
        let settings = main.with_readable()?;
        let collector = Collector::open_to_run(settings.clone(), stop).await?;
        let collector = collector.map(|collector| collector.giving_up(give_up));
        Ok(collector.map(|collector| Self::of(collector, main, settings, marks, only)))
    }

    fn of(
        collector: Collector,
        main: MainFile,
        settings: Settings,
        marks: Marks,
        only: &[String],
    ) -> Self {
        Self(Arc::new(Shared {
            collector,
            main,
            only: only.to_vec(),
            state: Mutex::new(State {
                settings: Arc::new(settings),
                marks,
                members: BTreeMap::new(),
                resting: BTreeMap::new(),
            }),
            changed: Notify::new(),
            ends: watch::Sender::new(0),
            saving: tokio::sync::Mutex::new(()),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        self.collector.ledger()
    }

    /// What a destination promises.
    pub fn promise(&self, destination: &str) -> Option<Promise> {
        self.collector.promise(destination)
    }

    /// The settings as they are now, saved connectors included.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.lock().settings)
    }

    /// A connector as it is now.
    pub fn connector(&self, name: &str) -> Option<ConnectorSettings> {
        self.settings().connectors.iter().find(|one| one.name == name).cloned()
    }

    /// The counts of a connector since it was started last; none while it does not run.
    pub fn progress(&self, name: &str) -> Option<Arc<Progress>> {
        self.lock().members.get(name).map(|member| Arc::clone(&member.progress))
    }

    /// The status of every connector.
    pub async fn status(&self) -> Result<Status> {
        status(&self.settings(), self.ledger()).await
    }

    /// Has a connector rest until it is resumed, across restarts: what is in hand is finished, and
    /// then neither the org nor a destination is asked for anything.
    pub async fn pause(&self, name: &str, by: Option<&str>, note: Option<&str>) -> Result<()> {
        self.known(name)?;
        let (by, note) = (by.map(str::to_owned), note.map(str::to_owned));
        self.ledger().set_paused(name, Some(&Paused { at: clock::now(), by, note })).await?;
        if let Some(member) = self.lock().members.get(name) {
            member.cancel.cancel();
        }
        Ok(())
    }

    /// Ends a pause.
    pub async fn resume(&self, name: &str) -> Result<()> {
        self.known(name)?;
        self.ledger().set_paused(name, None).await?;
        self.changed.notify_one();
        Ok(())
    }

    /// Has a connector look for new files at once, and try again what waits out a failure. One that
    /// is paused stays so.
    pub async fn collect_now(&self, name: &str) -> Result<()> {
        self.known(name)?;
        self.ledger().wake(name).await?;
        let mut state = self.lock();
        state.resting.remove(name);
        if let Some(member) = state.members.get(name) {
            member.look.notify_one();
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// What the form of a connector shows.
    pub fn form_of(&self, name: &str) -> Result<FormShown> {
        let one = self.known(name)?;
        let connector = NewConnector::of(&one);
        let secrets = connector.secrets.iter();
        Ok(FormShown {
            secrets: secrets.map(|(key, it)| (*key, KeptSecret::of(it))).collect(),
            connector,
            is_saved: one.saved_in.is_some(),
            file: one.saved_in.unwrap_or_else(|| self.main.path().to_owned()),
        })
    }

    /// Adds a connector, or changes a saved one, and has it start with what is new. The others go
    /// on.
    pub async fn save(&self, form: Form) -> Result<FormShown, FormError> {
        let _turn = self.saving.lock().await;
        self.save_now(form).await
    }

    /// The same, unless the connector is no longer what it was when its form had this
    /// [`FormShown::version`]: then nothing is changed, and the answer is none.
    pub async fn save_over(
        &self,
        version: &str,
        form: Form,
    ) -> Result<Option<FormShown>, FormError> {
        let _turn = self.saving.lock().await;
        self.take_up_changes().await?;
        if self.form_of(&form.connector.name)?.version() != version {
            return Ok(None);
        }
        self.save_now(form).await.map(Some)
    }

    async fn save_now(&self, form: Form) -> Result<FormShown, FormError> {
        let checked = self.checked(form).await?;
        let name = checked.new.name.clone();
        let settings = self.settings();
        let file = off_thread(move || {
            let Checked { new, entered, .. } = &checked;
            let entered: Vec<_> = entered.iter().map(|(key, value)| (*key, value)).collect();
            saving::save_connector(&settings, new, &entered)
        })
        .await??;
        // Two saves within a tick of the clock may look the same from outside.
        self.lock().marks.forget(&file);
        self.take_up_changes().await?;
        self.changed.notify_one();
        Ok(self.form_of(&name)?)
    }

    async fn checked(&self, form: Form) -> Result<Checked, FormError> {
        self.take_up_changes().await?;
        let (settings, main) = (self.settings(), self.main.path().to_owned());
        off_thread(move || form::check(form, &settings, &main)).await?
    }

    /// Removes a saved connector: its file, and its entries in the vault. What the ledger knows of
    /// it stays.
    pub async fn remove(&self, name: &str) -> Result<Removed> {
        let _turn = self.saving.lock().await;
        let Some(file) = self.known(name)?.saved_in else {
            let file = self.main.path().to_owned();
            return Err(Error::Configured { name: name.to_owned(), file });
        };
        // The connector first: one without secrets would be worse than secrets without one.
        let gone = file.clone();
        off_thread(move || saving::remove_file(&gone)).await??;
        self.take_up_changes().await?;
        if let Some(member) = self.lock().members.get(name) {
            member.cancel.cancel();
        }
        // While it runs it may keep a session.
        let mut ends = self.ends.subscribe();
        while self.lock().members.contains_key(name) && ends.changed().await.is_ok() {}
        let (settings, owned) = (self.settings(), name.to_owned());
        let (vault_entries_removed, vault_entries_kept) =
            off_thread(move || saving::remove_secrets(&settings, &owned)).await??;
        let files_waiting = saving::files_waiting(&**self.ledger(), name).await?;
        Ok(Removed { file, vault_entries_removed, vault_entries_kept, files_waiting })
    }

    /// Tests a connector as it is, while it goes on collecting. The result is kept in its status.
    pub async fn test(
        &self,
        name: &str,
        on_event: impl FnMut(TestEvent<'_>) + Send,
    ) -> Result<TestReport> {
        let one = self.known(name)?;
        test_connection(&self.settings(), &one, on_event).await
    }

    /// Tests a form that is not saved, and changes nothing but the last result that is shown: what
    /// is refused here is not held against the connector that runs under the name.
    pub async fn try_form(
        &self,
        form: Form,
        on_event: impl FnMut(TestEvent<'_>) + Send,
    ) -> Result<TestReport, FormError> {
        let checked = self.checked(form).await?;
        let settings = self.settings();
        let one = checked.settings.clone().with_secrets(|key| checked.value(key));
        if self.connector(&one.name).as_ref() == Some(&one) {
            return Ok(test_connection(&settings, &one, on_event).await?);
        }
        let report = try_out(&settings, &one, self.ledger(), on_event).await?;
        if self.connector(&one.name).is_none() {
            // It may never be saved: no session of it is left behind.
            let (vault, session) = (settings.vault.clone(), format!("{}/session", one.name));
            off_thread(move || vault.remove(&session)).await?.map_err(Error::from)?;
        }
        Ok(report)
    }

    fn known(&self, name: &str) -> Result<ConnectorSettings> {
        self.connector(name).ok_or_else(|| Error::UnknownConnector { name: name.to_owned() })
    }
}

/// Does what blocks elsewhere.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Worker(error.to_string()))
}
