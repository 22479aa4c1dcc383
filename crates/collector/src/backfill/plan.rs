//! What a backfill would do, found out by listing and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use orgtap_events::time::rfc3339;
use orgtap_ledger::{Lane, Ledger, NewBackfill, Unit};
use orgtap_salesforce::{LogFile, Org};
use serde::Serialize;

use super::filter;
use super::listing::Files;
use crate::access::Access;
use crate::budget::Budget;
use crate::config::{ConnectorSettings, Settings};
use crate::discover::new_unit;
use crate::error::Result;

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

/// Lists what a backfill would bring, downloads nothing, and records nothing but the calls made.
pub async fn plan_backfill(
    settings: &Settings,
    connector: &ConnectorSettings,
    ledger: &Arc<dyn Ledger>,
    wish: &NewBackfill,
) -> Result<BackfillPlan> {
    let org = Org::new(connector.org_settings(&settings.vault)?)?;
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
        calls: 0,
        calls_to_spare: 0,
        calls_made: 0,
    };
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
                plan.add(file, row);
            }
        }
    }
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

    fn add(&mut self, file: &LogFile, row: u64) {
        let of_type = self.event_types.entry(file.event_type.clone()).or_default();
        let events = file.length.div_ceil(row);
        of_type.files += 1;
        of_type.bytes += file.length;
        of_type.events += events;
        self.files += 1;
        self.bytes += file.length;
        self.events += events;
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
