//! The last Test Connection of a connector, as it was kept.

use serde_json::Value;

use super::row::Trouble;
use super::words::Moment;

/// How a test went.
#[derive(Debug, Clone)]
pub(crate) struct Tested {
    pub(crate) successful: bool,
    /// `Connection successful`, or `STAGE Stage: REASON`.
    pub(crate) message: String,
    pub(crate) at: Moment,
    pub(crate) problem: Option<Trouble>,
    pub(crate) collects: Option<String>,
    pub(crate) stages: Vec<Stage>,
}

/// How one stage of it went.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) class: &'static str,
    pub(crate) findings: Vec<Finding>,
    pub(crate) message: Option<String>,
}

/// What it found.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) text: String,
    pub(crate) warning: bool,
}

impl Tested {
    /// Reads the report; none, where there is none that can be read.
    pub(crate) fn of(report: &Value) -> Option<Self> {
        let text = |of: &Value, key: &str| of.get(key)?.as_str().map(str::to_owned);
        let stages: Vec<&Value> =
            report.get("stages").and_then(Value::as_array).into_iter().flatten().collect();
        Some(Self {
            successful: report.get("successful")?.as_bool()?,
            message: text(report, "message")?,
            at: Moment::of(report.get("at")?.as_str()?),
            problem: stages.iter().find_map(|stage| Trouble::of(stage.get("problem")?)),
            collects: text(report, "collects"),
            stages: stages
                .iter()
                .map(|stage| Stage {
                    name: text(stage, "stage").unwrap_or_default(),
                    class: if text(stage, "message").is_some() { "failed" } else { "passed" },
                    findings: findings(stage),
                    message: text(stage, "message"),
                })
                .collect(),
        })
    }
}

fn findings(stage: &Value) -> Vec<Finding> {
    let all = stage.get("findings").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(|finding| {
        Some(Finding {
            text: finding.get("text")?.as_str()?.to_owned(),
            warning: finding.get("level").and_then(Value::as_str) == Some("warning"),
        })
    })
    .collect()
}
