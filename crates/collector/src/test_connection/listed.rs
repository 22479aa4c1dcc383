//! What log files the org has made in the last days.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use orgtap_salesforce::{IntervalChoice, Listing, LogFile, LogFileShape, Org};

use crate::error::Result;

/// How far back files are listed.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(4 * 24);

/// What a listing holds.
#[derive(Default)]
pub(crate) struct Listed {
    /// All of them.
    pub(crate) files: Vec<LogFile>,
    /// Newest file of each type.
    pub(crate) types: BTreeMap<String, Timestamp>,
    /// The newest of all.
    pub(crate) newest: Option<LogFile>,
    /// The smallest of all.
    pub(crate) smallest: Option<LogFile>,
}

impl Listed {
    /// Whether there are files, and only of event types that need no licence.
    pub(crate) fn is_free_only(&self) -> bool {
        let free = |name: &String| {
            orgtap_events::catalogue::find(name).is_some_and(|event_type| event_type.free)
        };
        !self.types.is_empty() && self.types.keys().all(free)
    }
}

/// Lists the last four days.
pub(crate) async fn list(org: &Org, shape: &LogFileShape, now: Timestamp) -> Result<Listed> {
    let listing = Listing {
        select: if shape.has_interval { IntervalChoice::Both } else { IntervalChoice::Daily },
        shape: shape.clone(),
        after: now - LOOK_BACK,
        before: None,
        log_dates: None,
        event_types: Vec::new(),
    };
    let mut listed = Listed::default();
    let mut pages = org.list(listing);
    while let Some(page) = pages.next().await {
        let page = page?;
        if page.restarted {
            listed = Listed::default();
        }
        for file in page.files {
            listed.files.push(file.clone());
            let newest = listed.types.entry(file.event_type.clone()).or_insert(file.created_date);
            *newest = (*newest).max(file.created_date);
            let is_newer = |kept: &LogFile| kept.created_date <= file.created_date;
            if listed.newest.as_ref().is_none_or(is_newer) {
                listed.newest = Some(file.clone());
            }
            if listed.smallest.as_ref().is_none_or(|kept| file.length < kept.length) {
                listed.smallest = Some(file);
            }
        }
    }
    Ok(listed)
}
