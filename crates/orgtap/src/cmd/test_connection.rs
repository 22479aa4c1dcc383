//! `orgtap test-connection`: does it work, and if not, what is to be done?

use orgtap_collector::config::{ConnectorSettings, Settings};
use orgtap_collector::{Level, TestEvent, TestReport};
use orgtap_transport::Problem;
use orgtap_transport::words::{count, counted};
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
        let report = test(&settings, connector, common.json).await?;
        if !report.successful {
            worst = Exit::Blocked;
        }
        reports.push(serde_json::to_value(&report)?);
    }
    if common.json {
        say(json!({ "connectors": reports }));
    }
    Ok(worst)
}

/// Tests one connector and shows, unless `quiet`, each finding as it comes and the verdict.
pub(crate) async fn test(
    settings: &Settings,
    connector: &ConnectorSettings,
    quiet: bool,
) -> anyhow::Result<TestReport> {
    if quiet {
        return Ok(orgtap_collector::test_connection(settings, connector, |_| {}).await?);
    }
    say(format!("{} ({})", connector.name, connector.instance_url));
    let report = orgtap_collector::test_connection(settings, connector, show).await?;
    say(verdict(&report));
    Ok(report)
}

/// Shows what happens in a test.
pub(crate) fn show(event: TestEvent<'_>) {
    match event {
        TestEvent::Began(stage) => say(format!("  {}", stage.name())),
        TestEvent::Found(_, finding) => {
            let mark = match finding.level {
                Level::Ok => "ok",
                Level::Warning => "warning",
            };
            say(format!("    {mark:<8} {}", finding.text));
        }
        TestEvent::Ended(report) => {
            if let Some(message) = &report.message {
                say(format!("    {:<8} {message}", "FAILED"));
            }
        }
    }
}

/// How it ended, with its time, and what is to be done.
pub(crate) fn verdict(report: &TestReport) -> String {
    let mut text = format!("{}  ({})", report.message, moment(&report.at));
    if let Some(problem) = report.problem() {
        text.push('\n');
        text.push_str(&explanation(problem));
        return text;
    }
    if let Some(collects) = &report.collects {
        text.push_str(&format!("\n  will collect {collects}"));
    }
    if let Some((left, allowed)) = report.api_left {
        text.push_str(&format!(
            "\n  used {}; {} of {} are left in the org's day",
            counted(report.api_calls, "API call"),
            count(left),
            count(allowed)
        ));
    }
    match report.warnings().count() {
        0 => {}
        1 => text.push_str("\n  with a warning: see above"),
        many => text.push_str(&format!("\n  with {many} warnings: see above")),
    }
    text
}

/// Everything there is to say of a failed stage.
fn explanation(problem: &Problem) -> String {
    let mut lines = vec![format!("  what:    {}", problem.message)];
    if !problem.cause.is_empty() {
        lines.push(format!("  cause:   {}", problem.cause));
    }
    if !problem.possibilities.is_empty() {
        lines.push("  possible, the most likely first:".to_owned());
    }
    for (index, possible) in problem.possibilities.iter().enumerate() {
        lines.push(format!("    {}. {}", index + 1, possible.cause));
        lines.push(format!("       check:  {}", possible.check));
        lines.push(format!("       remedy: {}", possible.remedy));
    }
    if !problem.remedy.is_empty() {
        lines.push(format!("  remedy:  {}", problem.remedy));
    }
    lines.push(format!("  again:   {}", orgtap_collector::tries_again(problem)));
    lines.push(format!("  code:    {}", problem.code));
    lines.join("\n")
}
