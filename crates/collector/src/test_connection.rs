//! Test Connection: does this connector work, stage by stage, and if not, what is to be done?
//!
//! The stages are DNIF's: Configuration, Authentication, Fetch Logs, Validation; and one more, the
//! destinations. A stage that fails ends the test. Nothing is recorded as collected.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use orgtap_codec::csv::{Item, Reader};
use orgtap_destinations::{Batch, Events};
use orgtap_events::raw::Plan;
use orgtap_events::time::rfc3339;
use orgtap_events::{Interval, UnitInfo};
use orgtap_ledger::Ledger;
use orgtap_salesforce::{Encoding, IntervalChoice, Listing, LogFile, LogFileShape, Org};
use orgtap_transport::{Explain, Problem, disk};
use serde::Serialize;

use crate::access::Access;
use crate::clock;
use crate::collector::open_ledger;
use crate::config::{ConnectorSettings, Settings};
use crate::error::{Error, Result, UnitFault};

/// A stage of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TestStage {
    /// Addresses, secrets, destinations' settings.
    Configuration,
    /// Reach and sign-in.
    Authentication,
    /// API version, permissions, what files there are.
    #[serde(rename = "Fetch Logs")]
    FetchLogs,
    /// One real file, downloaded and decoded.
    Validation,
    /// One realistic event to each destination.
    Destination,
}

impl TestStage {
    /// The name as it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "Configuration",
            Self::Authentication => "Authentication",
            Self::FetchLogs => "Fetch Logs",
            Self::Validation => "Validation",
            Self::Destination => "Destination",
        }
    }
}

/// How one stage went.
#[derive(Debug, Clone, Serialize)]
pub struct StageReport {
    /// Which.
    pub stage: TestStage,
    /// What was found, in sentences.
    pub found: Vec<String>,
    /// What works but should be known.
    pub warnings: Vec<String>,
    /// What failed.
    pub problem: Option<Problem>,
}

/// How the whole test went.
#[derive(Debug, Clone, Serialize)]
pub struct TestReport {
    /// The connector.
    pub connector: String,
    /// Whether all stages passed.
    pub successful: bool,
    /// `Connection successful`, or `STAGE Stage: REASON`.
    pub message: String,
    /// When it ended, RFC 3339.
    pub at: String,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// The stages that ran.
    pub stages: Vec<StageReport>,
}

/// What a stage adds to.
struct Desk<'a> {
    report: StageReport,
    settings: &'a ConnectorSettings,
}

impl Desk<'_> {
    fn found(&mut self, text: impl Into<String>) {
        self.report.found.push(text.into());
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.report.warnings.push(text.into());
    }
}

/// What earlier stages hand to later ones.
#[derive(Default)]
struct Carried {
    org: Option<Org>,
    org_id: String,
    shape: LogFileShape,
    file: Option<LogFile>,
    sample: Option<Batch>,
}

/// Tests a connector. `on_stage` hears of each stage as it ends.
pub async fn test_connection(
    settings: &Settings,
    connector: &ConnectorSettings,
    mut on_stage: impl FnMut(&StageReport),
) -> Result<TestReport> {
    let started = Instant::now();
    disk::create_private_folder(&settings.data_dir).map_err(Error::disk(&settings.data_dir))?;
    let ledger = open_ledger(&settings.data_dir).await?;
    let access = Access::open(&settings.data_dir, Arc::clone(&ledger))?;
    let mut carried = Carried::default();
    let mut stages: Vec<StageReport> = Vec::new();
    let all = [
        TestStage::Configuration,
        TestStage::Authentication,
        TestStage::FetchLogs,
        TestStage::Validation,
        TestStage::Destination,
    ];
    for stage in all {
        let report = StageReport { stage, found: Vec::new(), warnings: Vec::new(), problem: None };
        let mut desk = Desk { report, settings: connector };
        let ended = match stage {
            TestStage::Configuration => configuration(&mut desk, settings, &mut carried),
            TestStage::Authentication => authentication(&mut desk, &access, &mut carried).await,
            TestStage::FetchLogs => fetch_logs(&mut desk, &mut carried).await,
            TestStage::Validation => validation(&mut desk, &mut carried).await,
            TestStage::Destination => destination(&mut desk, settings, &mut carried).await,
        };
        desk.report.problem = ended.err().map(|error| error.problem());
        on_stage(&desk.report);
        let failed = desk.report.problem.is_some();
        stages.push(desk.report);
        if failed {
            break;
        }
    }
    let failed = stages.iter().find_map(|stage| {
        let problem = stage.problem.as_ref()?;
        Some(format!("{} Stage: {}", stage.stage.name(), problem.message))
    });
    let report = TestReport {
        connector: connector.name.clone(),
        successful: failed.is_none(),
        message: failed.unwrap_or_else(|| "Connection successful".to_owned()),
        at: rfc3339(clock::now()),
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        stages,
    };
    remember(&ledger, &report).await?;
    Ok(report)
}

async fn remember(ledger: &Arc<dyn Ledger>, report: &TestReport) -> Result<()> {
    let mut record = ledger.connector(&report.connector).await?;
    record.test = serde_json::to_value(report).ok();
    Ok(ledger.set_connector(&report.connector, &record).await?)
}

fn configuration(desk: &mut Desk<'_>, settings: &Settings, carried: &mut Carried) -> Result<()> {
    let org_settings = desk.settings.org_settings(&settings.vault)?;
    if org_settings.login_url.is_none() && is_login_host(&org_settings.instance_url) {
        desk.warn(format!(
            "{} serves every org; give your org's own My Domain, https://NAME.my.salesforce.com",
            org_settings.instance_url.host_str().unwrap_or_default()
        ));
    }
    carried.org = Some(Org::new(org_settings)?);
    for config in &settings.destinations {
        if desk.settings.destinations.iter().any(|name| name == config.name()) {
            config.build(&settings.vault)?;
        }
    }
    desk.found(format!("{} is well-formed, and every secret is there", desk.settings.instance_url));
    Ok(())
}

fn is_login_host(url: &url::Url) -> bool {
    matches!(url.host_str(), Some("login.salesforce.com" | "test.salesforce.com"))
}

async fn authentication(desk: &mut Desk<'_>, access: &Access, carried: &mut Carried) -> Result<()> {
    let Some(org) = &carried.org else { return Ok(()) };
    let signed_in = access.sign_in(&desk.settings.name, org, true).await?;
    desk.found(format!(
        "signed in as {} to org {}",
        desk.settings.user.as_deref().unwrap_or(&signed_in.user_id),
        signed_in.org_id
    ));
    if signed_in.instance_url.host_str() != desk.settings.instance_url.host_str() {
        desk.found(format!("the org's data is at {}", signed_in.instance_url));
    }
    if let Some(org_time) = org.server_time() {
        let skew = org_time.duration_since(Timestamp::now()).as_secs().abs();
        if skew > 120 {
            desk.warn(format!("the clocks of this machine and the org differ by {skew} s"));
        }
    }
    carried.org_id = signed_in.org_id;
    Ok(())
}

async fn fetch_logs(desk: &mut Desk<'_>, carried: &mut Carried) -> Result<()> {
    let Some(org) = &carried.org else { return Ok(()) };
    let version = org.negotiate_version().await?;
    carried.shape = org.log_file_shape().await?;
    let hourly = carried.shape.has_interval;
    desk.found(format!(
        "API version {version}; event log files are {} in this org",
        if hourly { "hourly and daily" } else { "daily only" }
    ));
    if !hourly && desk.settings.interval == crate::config::IntervalPolicy::Hourly {
        desk.warn("hourly files are asked for, but this org has none: nothing would arrive");
    }
    let now = org.server_time().unwrap_or_else(Timestamp::now);
    let listing = Listing {
        select: if hourly { IntervalChoice::Both } else { IntervalChoice::Daily },
        shape: carried.shape.clone(),
        after: now - SignedDuration::from_hours(4 * 24),
        before: None,
        event_types: Vec::new(),
    };
    let mut types = std::collections::BTreeSet::new();
    let (mut files, mut newest) = (0_u64, None::<LogFile>);
    let mut pages = org.list(listing);
    while let Some(page) = pages.next().await {
        for file in page?.files {
            files += 1;
            types.insert(file.event_type.clone());
            if newest.as_ref().is_none_or(|newest| newest.created_date <= file.created_date) {
                newest = Some(file.clone());
            }
            let smaller = carried.file.as_ref().is_none_or(|kept| file.length < kept.length);
            if smaller {
                carried.file = Some(file);
            }
        }
    }
    match &newest {
        Some(file) => {
            let age = ago(now.duration_since(file.created_date));
            desk.found(format!(
                "{files} files of {} event types in the last four days; the newest is {}, made {age} ago",
                types.len(), file.event_type
            ));
        }
        None => desk.warn(
            "the org lists no event log files in the last four days: either nothing happened, \
             or Event Monitoring is not licensed or \"Generate event log files\" is off",
        ),
    }
    licence(desk, &types);
    budget(desk, org).await;
    Ok(())
}

/// A span in the unit that suits it.
fn ago(span: SignedDuration) -> String {
    match span.as_mins() {
        minutes @ ..=119 => format!("{} minutes", minutes.max(0)),
        minutes => format!("{} hours", minutes / 60),
    }
}

/// Says so when only the free event types appear.
fn licence(desk: &mut Desk<'_>, types: &std::collections::BTreeSet<String>) {
    let free = |name: &String| {
        orgtap_events::catalogue::find(name).is_some_and(|event_type| event_type.free)
    };
    if !types.is_empty() && types.iter().all(free) {
        desk.warn(format!(
            "only event types that need no licence appear ({}); they are kept for one day, so \
             collect at least daily. Everything else needs the Event Monitoring licence",
            types.iter().cloned().collect::<Vec<_>>().join(", ")
        ));
    }
}

async fn budget(desk: &mut Desk<'_>, org: &Org) {
    match org.limits().await {
        Ok(Some(limits)) => {
            if let Some(daily) = limits.daily_api_requests() {
                desk.found(format!(
                    "{} of {} API calls are left today",
                    daily.remaining, daily.max
                ));
            }
        }
        _ => {
            if let Some(usage) = org.api_usage() {
                desk.found(format!("{} of {} API calls are used today", usage.used, usage.allowed));
            }
        }
    }
}

/// The most bytes of a file that are looked at.
const LOOK: usize = 4 * 1024 * 1024;

async fn validation(desk: &mut Desk<'_>, carried: &mut Carried) -> Result<()> {
    let (Some(org), Some(file)) = (&carried.org, &carried.file) else {
        desk.warn("there is no file to try");
        return Ok(());
    };
    let download = org.download(&file.id).await?;
    let encoding = download.encoding;
    let mut body = download.body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() > LOOK {
            break;
        }
    }
    let unit = Arc::new(UnitInfo {
        connector: desk.settings.name.clone(),
        org_id: carried.org_id.clone(),
        event_type: file.event_type.clone(),
        log_file_id: file.id.clone(),
        interval: file.interval.unwrap_or(Interval::Daily),
        sequence: file.sequence,
        log_date: file.log_date,
        created_date: file.created_date,
        length: file.length,
    });
    let whole = bytes.len() <= LOOK;
    let (rows, sample) = decode_some(bytes, encoding, &unit, whole)?;
    desk.found(format!("{} {} downloaded and decoded: {rows} rows", file.event_type, file.id));
    carried.sample = sample;
    Ok(())
}

/// Decodes what was downloaded; answers the rows and the first event as a batch.
fn decode_some(
    bytes: Vec<u8>,
    encoding: Encoding,
    unit: &Arc<UnitInfo>,
    whole: bool,
) -> Result<(u64, Option<Batch>), UnitFault> {
    let cursor = std::io::Cursor::new(bytes);
    let stream: Box<dyn std::io::Read> = match encoding {
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(cursor)),
        Encoding::Identity => Box::new(cursor),
    };
    let mut reader = Reader::new(stream);
    let (mut plan, mut rows, mut sample) = (None::<Plan>, 0, None);
    loop {
        let item = match reader.next_item() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(_) if !whole => break,
            Err(error) => return Err(UnitFault::Damaged(error.source.to_string())),
        };
        let Item::Row(row) = item else { continue };
        let Some(plan) = &mut plan else {
            let compiled = Plan::compile(&row, unit);
            plan = Some(compiled.map_err(|error| UnitFault::Foreign(error.to_string()))?);
            continue;
        };
        rows += 1;
        if sample.is_none() && row.len() == plan.width() {
            let mut out = Vec::new();
            let hash = plan.hash(&row);
            let encoded = plan.encode(&row, hash, 1, rows, &mut out);
            sample = Some(sample_batch(unit, out, encoded.time));
        }
    }
    Ok((rows, sample))
}

fn sample_batch(unit: &Arc<UnitInfo>, mut event: Vec<u8>, time: i64) -> Batch {
    let end = u32::try_from(event.len()).unwrap_or(0);
    event.push(b'\n');
    Batch {
        id: format!("test-{}", unit.key()),
        unit: Arc::clone(unit),
        rows: 0..1,
        ends_unit: true,
        events: Events::new(Bytes::from(event), vec![end], vec![time]),
    }
}

/// An event for a test when the org has none to offer.
fn made_up(connector: &str, org_id: &str) -> Result<Batch, UnitFault> {
    let now = Timestamp::now();
    let unit = Arc::new(UnitInfo {
        connector: connector.to_owned(),
        org_id: org_id.to_owned(),
        event_type: "Login".to_owned(),
        log_file_id: "0AT000000000000AAA".to_owned(),
        interval: Interval::Daily,
        sequence: 0,
        log_date: now,
        created_date: now,
        length: 0,
    });
    let csv = b"EVENT_TYPE,USER_NAME,LOGIN_STATUS\nLogin,orgtap-test-connection,LOGIN_NO_ERROR\n";
    let (_, sample) = decode_some(csv.to_vec(), Encoding::Identity, &unit, true)?;
    sample.ok_or_else(|| UnitFault::Foreign("no sample".to_owned()))
}

async fn destination(
    desk: &mut Desk<'_>,
    settings: &Settings,
    carried: &mut Carried,
) -> Result<()> {
    let sample = match carried.sample.take() {
        Some(sample) => sample,
        None => made_up(&desk.settings.name, &carried.org_id)?,
    };
    for config in &settings.destinations {
        if !desk.settings.destinations.iter().any(|name| name == config.name()) {
            continue;
        }
        let destination = config.build(&settings.vault)?;
        let checked = destination.check(sample.clone()).await?;
        desk.found(format!("{}: {}", destination.name(), checked.proof));
        if let Some(leaves) = checked.leaves {
            desk.found(format!("{}: {leaves}", destination.name()));
        }
    }
    Ok(())
}
