//! Test Connection: does this connector work, stage by stage, and if not, what is to be done?
//!
//! The stages are DNIF's: Configuration, Authentication, Fetch Logs, Validation; and one more, the
//! destinations. Each tells what it finds as it finds it. A stage that fails ends the test.
//! Nothing is recorded as collected.

mod authentication;
mod configuration;
mod destination;
mod fetch_logs;
pub(crate) mod listed;
mod report;
mod validation;
mod words;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use orgtap_destinations::Batch;
use orgtap_events::time::rfc3339;
use orgtap_ledger::{ConnectorRecord, Ledger};
use orgtap_salesforce::{LogFile, LogFileShape, Org};
use orgtap_transport::{Explain, disk};

use crate::access::Access;
use crate::budget::Tally;
use crate::clock;
use crate::collector::open_ledger;
use crate::config::{ConnectorSettings, Settings};
use crate::error::{Error, Result};
pub use report::{Finding, Level, StageReport, TestEvent, TestReport, TestStage};
pub use words::tries_again;

/// What a stage writes on.
struct Desk<'a> {
    report: StageReport,
    settings: &'a ConnectorSettings,
    on_event: &'a mut (dyn FnMut(TestEvent<'_>) + Send),
}

impl Desk<'_> {
    fn found(&mut self, text: impl Into<String>) {
        self.tell(Level::Ok, text.into());
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.tell(Level::Warning, text.into());
    }

    fn tell(&mut self, level: Level, text: String) {
        let finding = Finding { level, text };
        (self.on_event)(TestEvent::Found(self.report.stage, &finding));
        self.report.findings.push(finding);
    }
}

/// What earlier stages hand to later ones.
#[derive(Default)]
struct Carried {
    org: Option<Org>,
    org_id: String,
    shape: LogFileShape,
    file: Option<LogFile>,
    /// Begins of the periods of the files listed that the connector collects.
    periods: Vec<Timestamp>,
    sample: Option<Batch>,
    /// What will be collected, in a sentence.
    collects: Option<String>,
}

/// Tests a connector. `on_event` hears of everything as it happens.
pub async fn test_connection(
    settings: &Settings,
    connector: &ConnectorSettings,
    on_event: impl FnMut(TestEvent<'_>) + Send,
) -> Result<TestReport> {
    disk::create_private_folder(&settings.data_dir).map_err(Error::disk(&settings.data_dir))?;
    let ledger = open_ledger(&settings.data_dir).await?;
    let access = Access::open(&settings.data_dir, Arc::clone(&ledger))?;
    test(settings, connector, &ledger, &access, on_event).await
}

/// Tests a connector that is not to be kept as it is: of how it went, only the report is.
pub(crate) async fn try_out(
    settings: &Settings,
    connector: &ConnectorSettings,
    ledger: &Arc<dyn Ledger>,
    on_event: impl FnMut(TestEvent<'_>) + Send,
) -> Result<TestReport> {
    let access = Access::open(&settings.data_dir, Arc::clone(ledger))?.that_forgets();
    test(settings, connector, ledger, &access, on_event).await
}

async fn test(
    settings: &Settings,
    connector: &ConnectorSettings,
    ledger: &Arc<dyn Ledger>,
    access: &Access,
    mut on_event: impl FnMut(TestEvent<'_>) + Send,
) -> Result<TestReport> {
    let started = Instant::now();
    let mut carried = Carried::default();
    let mut stages: Vec<StageReport> = Vec::new();
    for stage in TestStage::ALL {
        on_event(TestEvent::Began(stage));
        let report = StageReport { stage, findings: Vec::new(), message: None, problem: None };
        let mut desk = Desk { report, settings: connector, on_event: &mut on_event };
        let ended = match stage {
            TestStage::Configuration => configuration::run(&mut desk, settings, &mut carried).await,
            TestStage::Authentication => authentication::run(&mut desk, access, &mut carried).await,
            TestStage::FetchLogs => fetch_logs::run(&mut desk, &mut carried).await,
            TestStage::Validation => validation::run(&mut desk, &mut carried).await,
            TestStage::Destination => destination::run(&mut desk, settings, &mut carried).await,
        };
        let mut report = desk.report;
        if let Err(error) = &ended {
            report.message = Some(words::message(stage, error));
            report.problem = Some(error.problem());
        }
        on_event(TestEvent::Ended(&report));
        stages.push(report);
        if ended.is_err() {
            break;
        }
    }
    let failed = stages.iter().find_map(|stage| {
        Some(format!("{} Stage: {}", stage.stage.name(), stage.message.as_ref()?))
    });
    let usage = carried.org.as_ref().and_then(Org::api_usage);
    let report = TestReport {
        connector: connector.name.clone(),
        successful: failed.is_none(),
        message: failed.unwrap_or_else(|| "Connection successful".to_owned()),
        at: rfc3339(clock::now()),
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        api_calls: carried.org.as_ref().map_or(0, |org| org.calls().charged()),
        api_left: usage.map(|it| (it.allowed.saturating_sub(it.used), it.allowed)),
        collects: carried.collects,
        stages,
    };
    remember(ledger, &report, carried.org.as_ref()).await?;
    Ok(report)
}

/// Keeps the report, the calls made, and what the org said of its allowance: a daemon that waits
/// for that takes it up.
async fn remember(ledger: &Arc<dyn Ledger>, report: &TestReport, org: Option<&Org>) -> Result<()> {
    let now = clock::now();
    if let Some(org) = org {
        Tally::default().write(&**ledger, &report.connector, org, now).await?;
    }
    let change = |record: &mut ConnectorRecord| {
        if let Some(usage) = org.and_then(Org::api_usage) {
            let figures = (i64::try_from(usage.used).ok(), i64::try_from(usage.allowed).ok());
            record.api_usage = figures.0.zip(figures.1);
            record.api_usage_at = Some(now);
        }
        record.test = serde_json::to_value(report).ok();
    };
    Ok(ledger.change_connector(&report.connector, Box::new(change)).await?)
}
