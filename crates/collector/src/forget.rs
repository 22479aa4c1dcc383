//! Row indexes, admission records and closed dead letters of lanes of which the org brings no more.
//!
//! A lane is over when the org made its last file so long ago that it lists no file of that age: longer
//! than `rows_retention`, and longer than the oldest file it ever listed had been there. Should one come
//! all the same, what is missing is made again as if it had been lost.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use orgtap_ledger::{Lane, Ledger};

use crate::clock;
use crate::error::{Error, Result};
use crate::spool::Spool;
use crate::stage::LEASE;

/// Beyond the oldest file that was listed: the next look may find an older one.
const MARGIN: i64 = 5 * DAY;
/// A day, microseconds.
const DAY: i64 = 24 * 3_600 * 1_000_000;

/// What of a connector may be forgotten.
pub(crate) struct Past<'a> {
    pub(crate) ledger: &'a Arc<dyn Ledger>,
    pub(crate) spool: &'a Spool,
    pub(crate) connector: &'a str,
    pub(crate) destinations: &'a [String],
    /// Who holds this process's leases.
    pub(crate) owner: &'a str,
    /// `rows_retention`.
    pub(crate) retention: Duration,
}

impl Past<'_> {
    /// Removes the row indexes and admission records of the connector's lanes that are over. Answers
    /// how many lanes.
    pub(crate) async fn forget(&self, now: i64) -> Result<u64> {
        let retention = clock::micros(self.retention);
        let (spool, name) = (self.spool.clone(), self.connector.to_owned());
        let day = clock::day(now.saturating_sub(retention));
        let looking = tokio::task::spawn_blocking(move || {
            spool.lanes(&name, &day).map_err(Error::disk(spool.scratch()))
        });
        let mut lanes = looking.await.map_err(|error| Error::Worker(error.to_string()))??;
        if lanes.is_empty() {
            return Ok(0);
        }
        let seen = self.ledger.summary(self.connector).await?.oldest_age.saturating_add(MARGIN);
        let keep = retention.max(seen);
        let before = now.saturating_sub(keep);
        let day = clock::day(before);
        lanes.retain(|(lane, _)| lane.day < day);
        let mut forgotten = 0;
        for (lane, folder) in lanes {
            if !self.is_over(&lane, before).await? {
                continue;
            }
            // Nobody admits a unit of the lane meanwhile.
            let ttl = clock::micros(LEASE);
            let lease = self.ledger.lease(&lane, "collect", self.owner, clock::now(), ttl).await?;
            let Some(lease) = lease else { continue };
            if self.is_over(&lane, before).await? {
                self.ledger.forget_letters(&lane).await?;
                match fs::remove_dir_all(&folder) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::Disk { path: folder, source: error });
                    }
                    _ => forgotten += 1,
                }
                // It is there still if something is in it that is nobody's.
                drop(fs::remove_dir(self.spool.folder(&lane)));
            }
            self.ledger.release(&lease).await?;
        }
        if forgotten > 0 {
            tracing::info!(
                connector = self.connector,
                lanes = forgotten,
                days = keep / DAY,
                "rows of days so long ago are no longer remembered: the org brings no more of them"
            );
        }
        Ok(forgotten)
    }

    /// Whether a lane needs no more than the ledger remembers: its last file is older, all is
    /// delivered, and nothing of it can be sent again from the spool.
    async fn is_over(&self, lane: &Lane, before: i64) -> Result<bool> {
        let units = self.ledger.units(lane).await?;
        if units.iter().any(|unit| {
            !unit.state.is_final() || unit.spooled || unit.listed.created_date >= before
        }) {
            return Ok(false);
        }
        for destination in self.destinations {
            if !self.ledger.replays(lane, destination).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgtap_ledger::unit::Event;
    use orgtap_ledger::{NewUnit, SqliteLedger, Unit};

    const NOW: i64 = 20_780 * DAY;

    struct Scene {
        folder: tempfile::TempDir,
        ledger: Arc<dyn Ledger>,
        spool: Spool,
    }

    impl Scene {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let ledger = SqliteLedger::open(&folder.path().join("ledger.sqlite")).await.unwrap();
            let spool = Spool::open(folder.path()).unwrap();
            Self { ledger: Arc::new(ledger), spool, folder }
        }

        /// A lane whose only file was made so many days ago, was listed so many days later, and is
        /// done or not.
        async fn lane(&self, days_ago: i64, listed_after: i64, done: bool) -> Unit {
            let made = NOW - days_ago * DAY;
            let day = clock::day(made);
            let (connector, event_type) = ("acme".to_owned(), "Login".to_owned());
            let lane = Lane { connector, event_type, day: day.clone() };
            let unit = NewUnit {
                lane: lane.clone(),
                interval: "Hourly".to_owned(),
                sequence: 1,
                log_file_id: format!("0AT{days_ago}"),
                log_date: made,
                created_date: made,
                length: 9,
            };
            let listed = made + listed_after * DAY;
            self.ledger.register("acme", &[], listed).await.unwrap();
            self.ledger.list("acme", "t", &[unit], None, None, listed).await.unwrap();
            let unit = self.ledger.units(&lane).await.unwrap().remove(0);
            if done {
                let lease = self.ledger.lease(&lane, "collect", "a", 0, 1).await.unwrap().unwrap();
                self.ledger.apply(&lease, unit.id, &Event::Gone, &[], listed).await.unwrap();
                self.ledger.release(&lease).await.unwrap();
            }
            let rows = self.folder.path().join("rows/acme/Login").join(day);
            fs::create_dir_all(&rows).unwrap();
            fs::write(rows.join("x.rows"), "x").unwrap();
            fs::write(rows.join("x.admit"), "x").unwrap();
            fs::create_dir_all(self.spool.folder(&lane)).unwrap();
            unit
        }

        async fn left(&self, days: u64) -> usize {
            let past = Past {
                ledger: &self.ledger,
                spool: &self.spool,
                connector: "acme",
                destinations: &[],
                owner: "b",
                retention: Duration::from_hours(24 * days),
            };
            past.forget(NOW).await.unwrap();
            let count = |folder| fs::read_dir(self.folder.path().join(folder)).unwrap().count();
            assert_eq!(
                count("spool/acme/Login"),
                count("rows/acme/Login"),
                "no empty folder stays"
            );
            count("rows/acme/Login")
        }
    }

    #[tokio::test]
    async fn rows_of_lanes_that_are_over_are_forgotten_and_no_others() {
        let scene = Scene::new().await;
        for (days_ago, done) in [(90, true), (40, true), (39, false), (34, true), (1, true)] {
            scene.lane(days_ago, 0, done).await;
        }
        assert_eq!(scene.left(100).await, 5);
        assert_eq!(scene.left(35).await, 3, "one of them is not done");
        assert_eq!(scene.left(35).await, 3);
        assert_eq!(scene.left(1).await, 2, "the youngest may still get a late file");
    }

    #[tokio::test]
    async fn an_org_that_lists_old_files_makes_the_memory_longer() {
        let scene = Scene::new().await;
        scene.lane(90, 0, true).await;
        scene.lane(200, 88, true).await;
        assert_eq!(scene.left(35).await, 1, "older than any file was that was listed");
    }

    #[tokio::test]
    async fn a_lane_in_the_works_is_left_alone() {
        let scene = Scene::new().await;
        let unit = scene.lane(90, 0, true).await;
        let (lane, now) = (unit.listed.lane, clock::now());
        let lease = scene.ledger.lease(&lane, "collect", "a", now, DAY).await.unwrap().unwrap();
        assert_eq!(scene.left(35).await, 1);
        scene.ledger.release(&lease).await.unwrap();
        assert_eq!(scene.left(35).await, 0);
    }
}
