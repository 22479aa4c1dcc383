//! Destination: one realistic event to each.

use std::sync::Arc;

use jiff::Timestamp;
use orgtap_destinations::Batch;
use orgtap_destinations::config::DestinationConfig;
use orgtap_events::time::rfc3339;
use orgtap_events::{Interval, UnitInfo};
use orgtap_salesforce::Encoding;
use orgtap_transport::ConfigDuration;

use super::validation::decode_some;
use super::{Carried, Desk};
use crate::clock;
use crate::config::Settings;
use crate::error::{Error, Result, UnitFault};
use crate::secrets;

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

/// Says what of the files listed the destination would not get for their age.
fn withheld(desk: &mut Desk<'_>, config: &DestinationConfig, periods: &[Timestamp]) {
    let (pacing, now) = (config.pacing(), clock::now());
    let (Some(max_age), Some(oldest)) = (pacing.max_age, pacing.oldest(now)) else { return };
    let (name, max_age) = (config.name(), ConfigDuration::new(max_age));
    let old = periods.iter().filter(|period| pacing.is_too_old(period.as_microsecond(), now));
    let (old, all, since) = (old.count(), periods.len(), rfc3339(oldest));
    let what = format!(
        "{name}: max_age {max_age} withholds {old} of the {all} files listed of the last four days, \
         those whose period began before {since}"
    );
    match (old, desk.settings.start) {
        (0, Some(_)) => desk.found(what),
        (_, Some(_)) => desk.warn(what),
        (_, None) => desk.warn(format!("{what}, and all older ones that the org still has")),
    }
}

pub(super) async fn run(
    desk: &mut Desk<'_>,
    settings: &Settings,
    carried: &mut Carried,
) -> Result<()> {
    let sample = match carried.sample.take() {
        Some(sample) => sample,
        None => made_up(&desk.settings.name, &carried.org_id)?,
    };
    // All are tried, so that a person hears of every one; the first failure is the stage's.
    let mut failed: Option<Error> = None;
    for config in &settings.destinations {
        if !desk.settings.destinations.iter().any(|name| name == config.name()) {
            continue;
        }
        let name = config.name();
        let checked = match secrets::destination(config, &settings.vault).await {
            Ok(destination) => destination.check(sample.clone()).await.map_err(Error::Destination),
            Err(error) => Err(error),
        };
        withheld(desk, config, &carried.periods);
        match checked {
            Ok(checked) => {
                desk.found(format!("{name}: {}", checked.proof));
                if let Some(leaves) = checked.leaves {
                    desk.found(format!("{name}: the test leaves {leaves} there"));
                }
            }
            Err(error) if failed.is_none() => failed = Some(error),
            Err(error) => desk.warn(format!("{name} fails too: {error}")),
        }
    }
    failed.map_or(Ok(()), Err)
}
