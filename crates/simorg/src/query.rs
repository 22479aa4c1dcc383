//! Queries over HTTP: first pages, further pages, and what faults do to them.

use std::sync::Arc;

use jiff::tz::Offset;
use serde::Serialize;

use crate::faults::Fault;
use crate::org::{LogFiles, Org};
use crate::records::{self, Record, Value};
use crate::reply::{ApiError, Reply};
use crate::soql::{self, Context, Picked, Plan, Selection, Table};
use crate::stats::Call;

/// Smallest and largest page a client can ask for.
const BATCH: std::ops::RangeInclusive<usize> = 200..=2_000;

/// All that a query found, fixed when it ran.
pub(crate) struct Answer {
    plan: Plan,
    object: &'static str,
    version: String,
    table: Box<dyn Table + Send + Sync>,
    picked: Picked,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("object", &self.object)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// Records (or groups) in all.
    pub(crate) fn len(&self) -> usize {
        match &self.picked {
            Picked::Count(_) => 0,
            Picked::Rows(rows) => rows.len(),
            Picked::Groups(groups) => groups.len(),
        }
    }

    /// The number shown as `totalSize`.
    fn total(&self) -> u64 {
        let total = match &self.picked {
            Picked::Count(count) => *count,
            _ => self.len() as u64,
        };
        // With an offset the platform does not count beyond its largest offset.
        if self.plan.offset.is_some() { total.min(2_000) } else { total }
    }

    fn records(&self, from: usize, count: usize) -> Vec<Record> {
        let to = from.saturating_add(count).min(self.len());
        match (&self.picked, &self.plan.selection) {
            (Picked::Rows(rows), Selection::Fields(fields)) => rows
                .get(from..to)
                .unwrap_or_default()
                .iter()
                .map(|row| Record::of(&*self.table, *row, self.object, fields, &self.version))
                .collect(),
            (Picked::Groups(groups), Selection::Groups { outputs, .. }) => groups
                .get(from..to)
                .unwrap_or_default()
                .iter()
                .map(|group| {
                    let names = outputs.iter().map(|output| output.name.clone());
                    let values = names.zip(group.iter().cloned().map(Value::Cell)).collect();
                    Record { kind: "AggregateResult", url: None, values }
                })
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// A page, in the order in which the platform writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    total_size: u64,
    done: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_records_url: Option<String>,
    records: Vec<Record>,
}

/// What a query call says besides the query.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The session's token.
    pub(crate) session: String,
    /// API version, as in addresses.
    pub(crate) version: String,
    /// The header `Sforce-Query-Options`.
    pub(crate) options: Option<String>,
}

impl Asked {
    /// The page size asked for, within what the platform allows.
    fn batch(&self) -> Option<usize> {
        let options = self.options.as_ref()?;
        let asked = options.split([',', ';']).find_map(|option| {
            let (name, value) = option.split_once('=')?;
            name.trim().eq_ignore_ascii_case("batchSize").then(|| value.trim().parse().ok())?
        })?;
        Some(usize::clamp(asked, *BATCH.start(), *BATCH.end()))
    }
}

/// Runs a query and answers its first page.
pub(crate) fn first(org: &Org, text: &str, asked: &Asked) -> Result<Reply, ApiError> {
    let answer = Arc::new(run(org, text, &asked.version)?);
    let batch = org.settings().batch_size.max(1).min(asked.batch().unwrap_or(usize::MAX));
    let batch = shrunk(org, Call::Query, batch);
    let more = answer.len() > batch;
    let locator =
        more.then(|| org.cursors.open(&asked.session, org.now(), Arc::clone(&answer), batch));
    Ok(page(&answer, 0, batch, locator.as_deref()))
}

/// Answers a further page.
pub(crate) fn next(org: &Org, locator: &str, asked: &Asked) -> Result<Reply, ApiError> {
    let refused = || ApiError::new(400, "INVALID_QUERY_LOCATOR", "invalid query locator");
    if org.faults.strikes(Fault::InvalidLocator, Call::QueryMore).is_some() {
        return Err(refused());
    }
    let found = org.cursors.find(locator, &asked.session, org.now());
    let (cursor, from) = found.ok_or_else(refused)?;
    let batch = shrunk(org, Call::QueryMore, cursor.batch);
    let id = locator.split_once('-').map_or(locator, |(id, _)| id);
    Ok(page(&cursor.answer, from, batch, Some(id)))
}

fn shrunk(org: &Org, call: Call, batch: usize) -> usize {
    if org.faults.strikes(Fault::SmallBatches, call).is_none() {
        return batch;
    }
    let small = usize::try_from(org.faults.amount(Fault::SmallBatches)).unwrap_or(usize::MAX);
    batch.min(small.max(1))
}

fn page(answer: &Answer, from: usize, batch: usize, locator: Option<&str>) -> Reply {
    let to = from.saturating_add(batch);
    let done = to >= answer.len();
    let version = &answer.version;
    let next = locator.filter(|_| !done);
    let page = Page {
        total_size: answer.total(),
        done,
        next_records_url: next.map(|id| format!("/services/data/v{version}/query/{id}-{to}")),
        records: answer.records(from, batch),
    };
    Reply::json(200, &page)
}

fn run(org: &Org, text: &str, version: &str) -> Result<Answer, ApiError> {
    let settings = org.settings();
    let zone = Offset::from_hours(settings.user_utc_offset).unwrap_or(Offset::UTC);
    let objects = org.objects(major(version));
    let (plan, object) = soql::plan(text, &objects, Context { now: org.now(), zone })?;
    let object = object.name;
    let (table, picked): (Box<dyn Table + Send + Sync>, Picked) = if object == "EventLogFile" {
        let files = LogFiles::listed(org, version);
        refuse_long_span(org, &plan, &files)?;
        // An org with hourly files shows only daily ones unless the condition speaks of the
        // interval, the sequence, or (why ever) an id.
        let daily_only = settings.shows_hourly()
            && !["Interval", "Sequence", "Id"].iter().any(|field| plan.filters_on(field));
        let picked = soql::run(&plan, &files, &|row| !daily_only || !files.is_hourly(row));
        (Box::new(files), picked)
    } else {
        let table = records::table(org, object);
        let picked = soql::run(&plan, &*table, &|_| true);
        (table, picked)
    };
    Ok(Answer { plan, object, version: version.to_owned(), table, picked })
}

/// The number before the dot of a version.
pub(crate) fn major(version: &str) -> u32 {
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The fault that lets queries over many days run into the time limit.
fn refuse_long_span(org: &Org, plan: &Plan, files: &LogFiles) -> Result<(), ApiError> {
    if !org.faults.is_on(Fault::QueryTimeout) {
        return Ok(());
    }
    let now = org.now();
    let oldest = files.oldest().unwrap_or(now);
    let days = ["CreatedDate", "LogDate"].map(|field| {
        let (from, to) = plan.span_of(field);
        to.min(now).duration_since(from.max(oldest)).as_secs_f64() / 86_400.0
    });
    let allowed = org.faults.amount(Fault::QueryTimeout) as f64;
    if days[0].min(days[1]) <= allowed {
        return Ok(());
    }
    match org.faults.strikes(Fault::QueryTimeout, Call::Query) {
        None => Ok(()),
        Some(nth) => Err(ApiError::new(
            if nth.is_multiple_of(2) { 500 } else { 400 },
            "QUERY_TIMEOUT",
            "Your query request was running for too long.",
        )),
    }
}
