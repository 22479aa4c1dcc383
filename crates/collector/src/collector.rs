//! The collector: opens what a configuration names, and collects, once or for ever.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use orgtap_destinations::{Destination, Promise};
use orgtap_ledger::{Ledger, RollupLedger, SqliteLedger, WhenFull};
use orgtap_transport::disk;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::clock;
use crate::config::{ConnectorSettings, Settings};
use crate::counting::Insights;
use crate::error::{Error, Result};
use crate::forget::Past;
use crate::memory::Memory;
use crate::prepare::Prepared;
use crate::release::Limits;
use crate::room::Room;
use crate::secrets;
use crate::spool::Spool;

/// Everything a configuration names, opened. Holds the data folder for itself.
pub struct Collector {
    pub(crate) settings: Settings,
    pub(crate) ledger: Arc<dyn Ledger>,
    rollups: Arc<dyn RollupLedger>,
    pub(crate) spool: Spool,
    pub(crate) destinations: BTreeMap<String, Arc<dyn Destination>>,
    pub(crate) owner: String,
    /// Removed destinations whose undelivered units may be dropped.
    pub(crate) given_up: Vec<String>,
    pub(crate) access: Access,
    pub(crate) memory: Memory,
    /// The data folder's disk.
    pub(crate) room: Arc<Room>,
    /// Deliveries prepared while units are downloaded.
    pub(crate) prepared: Prepared,
    /// What is counted of rows; none: nothing is.
    pub(crate) insights: Option<Insights>,
    /// Locked as long as this lives.
    _lock: File,
}

/// Path of the ledger in a data folder.
pub fn ledger_path(data_dir: &Path) -> PathBuf {
    data_dir.join("ledger.sqlite")
}

/// Opens the ledger of a data folder to read it. Other processes may use it at the same time.
pub async fn open_ledger(data_dir: &Path) -> Result<Arc<dyn Ledger>> {
    let opened = SqliteLedger::open(&ledger_path(data_dir)).await;
    let ledger = opened.map_err(|error| Room::new(data_dir).explain(error.into()))?;
    Ok(Arc::new(ledger))
}

/// Opens what was counted of rows in a data folder. Other processes may use it at the same time.
pub async fn open_rollups(data_dir: &Path) -> Result<Arc<dyn RollupLedger>> {
    Ok(Arc::new(SqliteLedger::open(&ledger_path(data_dir)).await?))
}

impl Collector {
    /// Opens ledger, spool and destinations. Fails when another process has the data folder.
    pub async fn open(settings: Settings) -> Result<Self> {
        let room = Room::new(&settings.data_dir);
        Self::try_open(settings).await.map_err(|error| room.explain(error))
    }

    /// The same to collect until told to stop: a full disk is waited out, now and later. None when
    /// told to stop before there was room.
    pub async fn open_to_run(settings: Settings, stop: &CancellationToken) -> Result<Option<Self>> {
        let room = Room::new(&settings.data_dir);
        room.wait_until(stop);
        let mut tries = 0;
        loop {
            match Self::try_open(settings.clone()).await {
                Err(error) if error.is_disk_full() => {
                    tries += 1;
                    if !room.wait(tries, error).await {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error),
                Ok(collector) => {
                    room.has_room();
                    collector.room.wait_until(stop);
                    return Ok(Some(collector));
                }
            }
        }
    }

    async fn try_open(settings: Settings) -> Result<Self> {
        let data_dir = &settings.data_dir;
        disk::create_private_folder(data_dir).map_err(Error::disk(data_dir))?;
        let lock = lock(data_dir)?;
        // What a dead process has left in the way goes first: the disk may be full.
        let spool = Spool::open(data_dir).map_err(Error::disk(data_dir))?;
        let room = Arc::new(Room::new(data_dir));
        let when_full = Arc::clone(&room) as Arc<dyn WhenFull>;
        let ledger = SqliteLedger::open(&ledger_path(data_dir)).await?.when_full(when_full);
        let ledger = Arc::new(ledger);
        let rollups: Arc<dyn RollupLedger> = ledger.clone();
        let ledger: Arc<dyn Ledger> = ledger;
        // The lock says that nobody else is at work here, so leases in the ledger are a dead
        // process's.
        ledger.break_leases().await?;
        let mut destinations = BTreeMap::new();
        for config in &settings.destinations {
            let destination = secrets::destination(config, &settings.vault).await?;
            destinations.insert(destination.name().to_owned(), destination);
        }
        let memory = Memory::new(destinations.keys());
        let access = Access::open(data_dir, Arc::clone(&ledger))?;
        let insights =
            settings.insights.clone().map(|how| Insights::new(how, Arc::clone(&rollups)));
        let owner = format!("{}-{}", std::process::id(), clock::now());
        Ok(Self {
            settings,
            ledger,
            spool,
            destinations,
            owner,
            given_up: Vec::new(),
            access,
            memory,
            room,
            prepared: Prepared::new(),
            insights,
            rollups,
            _lock: lock,
        })
    }

    /// Allows what waits for these removed destinations to be dropped.
    #[must_use]
    pub fn giving_up(mut self, destinations: &[String]) -> Self {
        self.given_up = destinations.to_vec();
        self
    }

    /// How much may lie in the spool, and for how long.
    pub(crate) fn limits(&self) -> Limits {
        let bytes = self.settings.spool_limit;
        let counted = self.insights.is_some();
        Limits { retention: self.settings.spool_retention, bytes, counted }
    }

    /// Forgets the rows of a connector's lanes that are over.
    pub(crate) async fn forget(&self, settings: &ConnectorSettings, now: i64) -> Result<()> {
        let past = Past {
            ledger: &self.ledger,
            spool: &self.spool,
            connector: &settings.name,
            destinations: &settings.destinations,
            owner: &self.owner,
            retention: self.settings.rows_retention,
        };
        past.forget(now).await.map(drop)
    }

    /// What a destination promises.
    pub fn promise(&self, destination: &str) -> Option<Promise> {
        self.destinations.get(destination).map(|it| it.promise())
    }

    /// The record.
    pub fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.ledger
    }

    /// What was counted of rows.
    pub fn rollups(&self) -> &Arc<dyn RollupLedger> {
        &self.rollups
    }

    /// The configuration.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Takes the data folder. The lock ends with the process, however it ends.
pub(crate) fn lock(data_dir: &Path) -> Result<File> {
    let path = data_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(Error::disk(&path))?;
    // Whoever asks whether the folder is in use holds the lock for a moment.
    for _ in 0..20 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                std::thread::sleep(std::time::Duration::from_millis(25));
            }
            Err(fs::TryLockError::Error(source)) => return Err(Error::Disk { path, source }),
        }
    }
    Err(Error::InUse { path: data_dir.to_owned() })
}

/// Whether a process holds the data folder now.
pub fn is_running(data_dir: &Path) -> bool {
    matches!(
        File::open(data_dir.join("lock")).map(|file| file.try_lock()),
        Ok(Err(fs::TryLockError::WouldBlock))
    )
}
