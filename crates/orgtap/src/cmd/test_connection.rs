//! `orgtap test-connection`: does it work, and if not, what is to be done?

use orgtap_collector::{StageReport, TestReport};
use serde_json::json;

use super::{chosen, say, settings};
use crate::cli::{Common, ConnectorArgs};
use crate::exit::Exit;
use crate::render::moment;

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &ConnectorArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    let connectors = chosen(&settings, &args.connectors)?;
    let mut worst = Exit::Success;
    let mut reports = Vec::new();
    for connector in &connectors {
        if !common.json {
            say(format!("{} ({})", connector.name, connector.instance_url));
        }
        let on_stage = |stage: &StageReport| {
            if !common.json {
                say(stage_text(stage));
            }
        };
        let report = orgtap_collector::test_connection(&settings, connector, on_stage).await?;
        if !report.successful {
            worst = Exit::Blocked;
        }
        if common.json {
            reports.push(serde_json::to_value(&report)?);
        } else {
            say(verdict(&report));
        }
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(worst)
}

fn stage_text(report: &StageReport) -> String {
    let mark = if report.problem.is_some() { "FAILED" } else { "ok" };
    let mut lines = vec![format!("  {:<15} {mark}", report.stage.name())];
    lines.extend(report.found.iter().map(|text| format!("      {text}")));
    lines.extend(report.warnings.iter().map(|text| format!("      warning: {text}")));
    lines.join("\n")
}

fn verdict(report: &TestReport) -> String {
    let problem = report.stages.iter().find_map(|stage| stage.problem.as_ref());
    let mut text = format!("{}  ({})", report.message, moment(&report.at));
    if let Some(problem) = problem {
        text.push_str(&format!(
            "\n  cause:  {}\n  remedy: {}\n  code:   {}",
            problem.cause, problem.remedy, problem.code
        ));
    }
    text
}
