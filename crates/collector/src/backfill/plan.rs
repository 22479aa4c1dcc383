//! What a backfill would do, found out by listing and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use orgtap_destinations::Pacing;
use orgtap_events::time::rfc3339;
use orgtap_ledger::{Lane, Ledger, NewBackfill, Unit};
use orgtap_salesforce::{LogFile, Org};
use serde::Serialize;

use super::filter;
use super::listing::Files;
use crate::access::Access;
use crate::budget::Budget;
use crate::clock;
use crate::config::{ConnectorSettings, Settings};
use crate::discover::new_unit;
use crate::error::{Error, Result};
use crate::secrets::org_settings;

/// Bytes of a row where none has been seen yet.
const USUAL_ROW: u64 = 400;

/// What a backfill would bring.
#[derive(Debug, Clone, Serialize)]
pub struct BackfillPlan {
    /// The connector.
    pub connector: String,
    /// Log dates from this time on, RFC 3339.
    pub from: String,
    /// Log dates before this time, RFC 3339.
    pub to: String,
    /// By event type.
    pub event_types: BTreeMap<String, PlannedType>,
    /// Files to fetch.
    pub files: u64,
    /// Files that are known already, and are left alone.
    pub known: u64,
    /// Their bytes, decompressed.
    pub bytes: u64,
    /// About how many events they hold.
    pub events: u64,
    /// What of it each destination gets, and how long that takes.
    pub destinations: Vec<PlannedDelivery>,
    /// API calls the backfill takes, at least.
    pub calls: u64,
    /// API calls it could make now, so that enough is left for new files.
    pub calls_to_spare: u64,
    /// API calls this plan took.
    pub calls_made: u64,
}

/// What a backfill would bring of one event type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct PlannedType {
    /// Files to fetch.
    pub files: u64,
    /// Their bytes, decompressed.
    pub bytes: u64,
    /// About how many events they hold.
    pub events: u64,
}

/// What a destination would get of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedDelivery {
    /// The destination.
    pub destination: String,
    /// Files that are older than it takes, so that they would be withheld from it.
    pub withheld: u64,
    /// Begin of the period of the oldest of them, RFC 3339.
    pub withheld_from: Option<String>,
    /// The same of the youngest of them.
    pub withheld_to: Option<String>,
    /// About how many events it would get.
    pub events: u64,
    /// About how many seconds these take at its rate; none where no rate is set.
    pub seconds: Option<u64>,
}

/// A delivery while files are added up.
struct Share {
    destination: String,
    pacing: Pacing,
    withheld: u64,
    range: Option<(i64, i64)>,
    events: u64,
}

impl Share {
    /// Takes in a file with so many events.
    fn add(&mut self, file: &LogFile, events: u64, now: i64) {
        let period = file.log_date.as_microsecond();
        if !self.pacing.is_too_old(period, now) {
            self.events += events;
            return;
        }
        self.withheld += 1;
        let (from, to) = self.range.unwrap_or((period, period));
        self.range = Some((from.min(period), to.max(period)));
    }

    fn planned(self) -> PlannedDelivery {
        let rate = self.pacing.backfill_rate();
        PlannedDelivery {
            destination: self.destination,
            withheld: self.withheld,
            withheld_from: self.range.map(|(from, _)| rfc3339(from)),
            withheld_to: self.range.map(|(_, to)| rfc3339(to)),
            events: self.events,
            seconds: rate.map(|rate| self.events.div_ceil(rate.get().into())),
        }
    }
}

/// What the targets of a connector's destinations take, with the destinations' names.
fn pacings<'s>(
    settings: &'s Settings,
    connector: &'s ConnectorSettings,
) -> impl Iterator<Item = (&'s str, Pacing)> {
    let found = connector.destinations.iter().filter_map(|name| settings.destination(name));
    found.map(|destination| (destination.name(), destination.pacing()))
}

/// Whether a rate or an age of a destination bears on backfills of a connector.
pub fn is_paced(settings: &Settings, connector: &ConnectorSettings) -> bool {
    pacings(settings, connector).any(|(_, pacing)| pacing != Pacing::default())
}

/// Refuses a backfill whose range alone says that no destination would get a file of it at `now`,
/// microseconds since 1970 UTC.
pub fn check_backfill(
    settings: &Settings,
    connector: &ConnectorSettings,
    wish: &NewBackfill,
    now: i64,
) -> Result<()> {
    let is_old = |pacing: Pacing| pacing.oldest(now).is_some_and(|oldest| wish.to <= oldest);
    if pacings(settings, connector).all(|(_, pacing)| is_old(pacing)) {
        return Err(Error::AllTooOld { connector: connector.name.clone() });
    }
    Ok(())
}

/// Lists what a backfill would bring, downloads nothing, and records nothing but the calls made.
pub async fn plan_backfill(
    settings: &Settings,
    connector: &ConnectorSettings,
    ledger: &Arc<dyn Ledger>,
    wish: &NewBackfill,
) -> Result<BackfillPlan> {
    let org = Org::new(org_settings(connector, &settings.vault).await?)?;
    let budget = Budget::open(connector.api_budget, &**ledger, &connector.name).await?;
    budget.before_start()?;
    let planned = plan(settings, connector, ledger, wish, &org, &budget).await;
    budget.note(&**ledger, &org, &connector.name, |_| {}).await?;
    planned
}

async fn plan(
    settings: &Settings,
    connector: &ConnectorSettings,
    ledger: &Arc<dyn Ledger>,
    wish: &NewBackfill,
    org: &Org,
    budget: &Budget,
) -> Result<BackfillPlan> {
    let access = Access::open(&settings.data_dir, Arc::clone(ledger))?;
    access.sign_in(&connector.name, org, false).await?;
    let shape = org.log_file_shape().await?;
    let filter = filter(&wish.event_types)?;
    let mut files = Files::new((org, budget), connector, &shape, wish, None);
    let summary = ledger.summary(&connector.name).await?;
    let (rows, bytes) = (summary.rows.unsigned_abs(), summary.raw_bytes.unsigned_abs());
    let row = bytes.checked_div(rows).unwrap_or(USUAL_ROW).max(1);
    let mut plan = BackfillPlan {
        connector: connector.name.clone(),
        from: rfc3339(wish.from),
        to: rfc3339(wish.to),
        event_types: BTreeMap::new(),
        files: 0,
        known: 0,
        bytes: 0,
        events: 0,
        destinations: Vec::new(),
        calls: 0,
        calls_to_spare: 0,
        calls_made: 0,
    };
    let share = |(name, pacing): (&str, Pacing)| Share {
        destination: name.to_owned(),
        pacing,
        withheld: 0,
        range: None,
        events: 0,
    };
    let mut shares: Vec<Share> = pacings(settings, connector).map(share).collect();
    let now = clock::now();
    let mut lanes = Lanes { ledger, known: BTreeMap::new() };
    let before = org.calls().list;
    while let Some(page) = files.next().await? {
        for file in &page {
            let types = [&connector.event_types, &filter];
            if !types.iter().all(|types| types.admits(&file.event_type)) {
                continue;
            }
            if lanes.knows(&connector.name, file).await? {
                plan.known += 1;
            } else {
                let events = plan.add(file, row);
                for share in &mut shares {
                    share.add(file, events, now);
                }
            }
        }
    }
    plan.destinations = shares.into_iter().map(Share::planned).collect();
    let listing = org.calls().list - before;
    plan.calls = plan.files + if plan.files > 0 { listing } else { 0 };
    plan.calls_to_spare = budget.spare(org);
    plan.calls_made = org.calls().charged();
    Ok(plan)
}

impl BackfillPlan {
    /// Days the backfill takes at the least, where the API budget bounds it; none if it does not.
    pub fn days(&self) -> Option<u64> {
        (self.calls > self.calls_to_spare).then(|| self.calls.div_ceil(self.calls_to_spare.max(1)))
    }

    /// Refuses a backfill of whose files none would be delivered anywhere.
    pub fn check(&self) -> Result<()> {
        let is_vain = |one: &PlannedDelivery| one.withheld == self.files;
        if self.files > 0 && self.destinations.iter().all(is_vain) {
            return Err(Error::AllTooOld { connector: self.connector.clone() });
        }
        Ok(())
    }

    /// Takes in a file. Answers about how many events it has.
    fn add(&mut self, file: &LogFile, row: u64) -> u64 {
        let of_type = self.event_types.entry(file.event_type.clone()).or_default();
        let events = file.length.div_ceil(row);
        of_type.files += 1;
        of_type.bytes += file.length;
        of_type.events += events;
        self.files += 1;
        self.bytes += file.length;
        self.events += events;
        events
    }
}

/// The units of the lanes that were met.
struct Lanes<'a> {
    ledger: &'a Arc<dyn Ledger>,
    known: BTreeMap<Lane, Vec<Unit>>,
}

impl Lanes<'_> {
    /// Whether the ledger has a file.
    async fn knows(&mut self, connector: &str, file: &LogFile) -> Result<bool> {
        let new = new_unit(connector, file);
        if !self.known.contains_key(&new.lane) {
            let units = self.ledger.units(&new.lane).await?;
            self.known.insert(new.lane.clone(), units);
        }
        let units = self.known.get(&new.lane).map_or(&[][..], Vec::as_slice);
        Ok(units.iter().any(|unit| {
            let listed = &unit.listed;
            (&listed.log_file_id, listed.created_date, listed.length)
                == (&new.log_file_id, new.created_date, new.length)
        }))
    }
}
