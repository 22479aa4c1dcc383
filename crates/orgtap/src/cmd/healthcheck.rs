//! `orgtap healthcheck`: is `orgtap run` alive and polling?

use std::time::Duration;

use orgtap_collector::ConnectorState;
use serde_json::json;

use super::{run, say};
use crate::cli::{Common, HealthcheckArgs};
use crate::exit::Exit;

/// The shortest silence that is a sign of trouble.
const SHORTEST: Duration = Duration::from_secs(600);

/// Runs the command. Reads the ledger only; asks neither the org nor a destination.
pub(crate) async fn run(common: &Common, args: &HealthcheckArgs) -> anyhow::Result<Exit> {
    let settings = run::settings(common)?;
    let mut troubles = Vec::new();
    if !orgtap_collector::is_running(&settings.data_dir) {
        troubles.push("orgtap is not running on this data folder".to_owned());
    }
    if orgtap_collector::ledger_path(&settings.data_dir).exists() {
        let ledger = orgtap_collector::open_ledger(&settings.data_dir).await?;
        let status = orgtap_collector::status(&settings, &ledger).await?;
        let now = jiff::Timestamp::now();
        for (one, connector) in status.connectors.iter().zip(&settings.connectors) {
            if one.state == ConnectorState::Error {
                troubles.push(format!("{}: {}", one.connector, one.reason));
            }
            // A look that a pause or the API budget puts off is not overdue, and a restart would not
            // help.
            if one.api_restraint.is_some() || one.state == ConnectorState::Paused {
                continue;
            }
            let longest =
                args.max_age.unwrap_or_else(|| (connector.poll_interval * 3).max(SHORTEST));
            // Who has only begun has not polled yet.
            let times = [&one.last_good_poll, &one.begun_at].into_iter().flatten();
            let since = times.filter_map(|text| text.parse::<jiff::Timestamp>().ok()).max();
            let age = since.map(|since| now.duration_since(since).as_secs());
            if age.is_some_and(|age| age > i64::try_from(longest.as_secs()).unwrap_or(i64::MAX)) {
                troubles.push(format!("{}: not polled for {} s", one.connector, age.unwrap_or(0)));
            }
        }
    }
    let healthy = troubles.is_empty();
    if common.json {
        say(json!({ "healthy": healthy, "troubles": troubles }));
    } else if healthy {
        say("healthy");
    } else {
        troubles.iter().for_each(say);
    }
    Ok(if healthy { Exit::Success } else { Exit::Failure })
}
