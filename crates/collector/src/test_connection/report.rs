//! What a test says, while it runs and afterwards.

use orgtap_transport::Problem;
use serde::Serialize;

/// A stage of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TestStage {
    /// Addresses, secrets, name service, proxy, TLS, clock, the destinations' settings.
    Configuration,
    /// The sign-in.
    Authentication,
    /// API version, permissions, what files there are, how many calls are left.
    #[serde(rename = "Fetch Logs")]
    FetchLogs,
    /// One real file, downloaded and decoded.
    Validation,
    /// One realistic event to each destination.
    Destination,
}

impl TestStage {
    /// Every stage, in order.
    pub const ALL: [Self; 5] = [
        Self::Configuration,
        Self::Authentication,
        Self::FetchLogs,
        Self::Validation,
        Self::Destination,
    ];

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

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and should be known.
    Warning,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How good it is.
    pub level: Level,
    /// What it is, in a sentence without its full stop.
    pub text: String,
}

/// What happens while a test runs, in order.
#[derive(Debug, Clone, Copy)]
pub enum TestEvent<'a> {
    /// A stage began.
    Began(TestStage),
    /// Something was found.
    Found(TestStage, &'a Finding),
    /// A stage ended, well or not.
    Ended(&'a StageReport),
}

/// How one stage went.
#[derive(Debug, Clone, Serialize)]
pub struct StageReport {
    /// Which.
    pub stage: TestStage,
    /// What was found, in order.
    pub findings: Vec<Finding>,
    /// Why it failed, in the words of DNIF's connector validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Why it failed, in ours: with cause, remedy and code.
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
    /// Calls the test made that count against the org's daily allowance.
    pub api_calls: u64,
    /// Calls left to all programs and calls allowed in the org's day, if the org said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_left: Option<(u64, u64)>,
    /// What will be collected, if the test came that far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collects: Option<String>,
    /// The stages that ran.
    pub stages: Vec<StageReport>,
}

impl TestReport {
    /// Why it failed, if it did.
    pub fn problem(&self) -> Option<&Problem> {
        self.stages.iter().find_map(|stage| stage.problem.as_ref())
    }

    /// Everything that works and should be known.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        let findings = self.stages.iter().flat_map(|stage| &stage.findings);
        findings.filter(|it| it.level == Level::Warning).map(|it| it.text.as_str())
    }
}
