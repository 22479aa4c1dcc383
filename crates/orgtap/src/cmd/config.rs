//! `orgtap config`: check, schema, example.

use orgtap_collector::config;
use orgtap_transport::words::counted;
use serde_json::json;

use super::say;
use crate::cli::{Common, ConfigArgs, ConfigWhat};
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(common: &Common, args: &ConfigArgs) -> anyhow::Result<Exit> {
    match args.what {
        ConfigWhat::Check => {
            let settings = config::load(&common.config)?;
            if common.json {
                say(json!({ "ok": true, "warnings": settings.warnings }));
                return Ok(Exit::Success);
            }
            for warning in &settings.warnings {
                say(format!("warning: {warning}"));
            }
            let saved = settings.connectors.iter().filter(|one| one.saved_in.is_some()).count();
            let saved = if saved > 0 { format!(" ({saved} saved)") } else { String::new() };
            say(format!(
                "{} is sound: {}{saved}, {}",
                common.config.display(),
                counted(settings.connectors.len() as u64, "connector"),
                counted(settings.destinations.len() as u64, "destination")
            ));
            if settings.connectors.is_empty() {
                say("there is no connector yet; `orgtap connector add` makes one");
            }
        }
        ConfigWhat::Schema => say(serde_json::to_string_pretty(&config::schema())?),
        ConfigWhat::Example => say(config::example().trim_end()),
    }
    Ok(Exit::Success)
}
