//! Fetch Logs: what may the user do, what does the org have, how much is left?

use jiff::{SignedDuration, Timestamp};
use orgtap_events::Interval;
use orgtap_salesforce::{IntervalChoice, LogFile, LogFileShape, Org};
use orgtap_transport::words::{count, counted};

use super::listed::{Listed, list};
use super::{Carried, Desk};
use crate::config::{ConnectorSettings, IntervalPolicy};
use crate::discover::choice;
use crate::error::Result;

/// Age of the newest file above which something is probably off: Salesforce makes daily files
/// within a day and speaks of up to three.
const STALE: SignedDuration = SignedDuration::from_hours(48);

/// A permission: API name, label, and what it is for.
struct Permission {
    name: &'static str,
    label: &'static str,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing works without it.
    Needed,
    /// Everything works without it, and will not for ever.
    Lasting(&'static str),
    /// Something works better with it.
    Useful(&'static str),
    /// The user should not have it.
    Excess(&'static str),
}

const PERMISSIONS: [Permission; 9] = [
    Permission { name: "ApiEnabled", label: "API Enabled", role: Role::Needed },
    Permission { name: "ViewEventLogFiles", label: "View Event Log Files", role: Role::Needed },
    Permission {
        name: "ApiUserOnly",
        label: "API Only User",
        role: Role::Useful("with it nobody can sign in to the user interface as this user"),
    },
    Permission {
        name: "ViewSetup",
        label: "View Setup and Configuration",
        role: Role::Useful("with it Orgtap can see all of the org's limits"),
    },
    Permission {
        name: "PasswordNeverExpires",
        label: "Password Never Expires",
        role: Role::Lasting("the connector stops when the password expires"),
    },
    Permission {
        name: "ModifyAllData",
        label: "Modify All Data",
        role: Role::Excess("Orgtap only reads"),
    },
    Permission {
        name: "ManageUsers",
        label: "Manage Users",
        role: Role::Excess("event log files do not need it"),
    },
    Permission {
        name: "CustomizeApplication",
        label: "Customize Application",
        role: Role::Excess("event log files do not need it"),
    },
    Permission {
        name: "TwoFactorApi",
        label: "Multi-Factor Authentication for API Logins",
        role: Role::Excess("the password flow then wants a one-time code in place of the token"),
    },
];

pub(super) async fn run(desk: &mut Desk<'_>, carried: &mut Carried) -> Result<()> {
    let Some(org) = carried.org.clone() else { return Ok(()) };
    let version = org.negotiate_version().await?;
    desk.found(format!("API version {version} will be used"));
    permissions(desk, &org).await;
    organization(desk, &org).await;
    let shape = org.log_file_shape().await?;
    interval(desk, &shape);
    let now = org.server_time().unwrap_or_else(Timestamp::now);
    let listed = list(&org, &shape, now).await?;
    files(desk, &listed, now);
    let known = known_types(desk, &shape);
    if let Ok(Some(oldest)) = org.oldest_log_file(&shape).await {
        let age = span(now.duration_since(oldest));
        desk.found(format!("the oldest file is {age} old: files are kept at least that long"));
    }
    licence(desk, &listed);
    budget(desk, &org).await;
    carried.collects = Some(collects(desk, &shape, &listed, known));
    carried.periods = periods(desk.settings, &shape, &listed);
    carried.file = listed.smallest;
    carried.shape = shape;
    Ok(())
}

/// Tells each permission that matters. What the org does not tell is left to the calls that follow.
async fn permissions(desk: &mut Desk<'_>, org: &Org) {
    let names = PERMISSIONS.map(|permission| permission.name);
    let Ok(held) = org.permissions(&names).await else {
        desk.warn("the org does not tell the user's permissions; the calls that follow will show");
        return;
    };
    let is_password =
        matches!(desk.settings.sign_in, crate::config::SignInSettings::Password { .. });
    let mut has = Vec::new();
    for permission in &PERMISSIONS {
        let label = permission.label;
        let about_password = matches!(permission.name, "PasswordNeverExpires" | "TwoFactorApi");
        match (held.get(permission.name).copied().flatten(), permission.role) {
            _ if about_password && !is_password => {}
            (Some(true), Role::Needed | Role::Lasting(_) | Role::Useful(_)) => has.push(label),
            (Some(false), Role::Needed) => desk.warn(format!(
                "the user lacks {label}, which nothing works without: give it a permission set \
                 with it (`orgtap setup-kit` makes one)"
            )),
            (Some(false), Role::Lasting(why)) => {
                desk.warn(format!("the user lacks {label}: {why}"));
            }
            (Some(false), Role::Useful(why)) => {
                desk.found(format!("the user lacks {label}: {why}"));
            }
            (Some(true), Role::Excess(why)) => {
                desk.warn(format!("the user has {label} and should not: {why}"));
            }
            (Some(false), Role::Excess(_)) | (None, _) => {}
        }
    }
    if !has.is_empty() {
        desk.found(format!("the user has {}", has.join(", ")));
    }
}

async fn organization(desk: &mut Desk<'_>, org: &Org) {
    let Ok(about) = org.organization().await else { return };
    let mut words: Vec<String> = Vec::new();
    words.extend(about.edition);
    if about.is_sandbox == Some(true) {
        words.push("a sandbox".to_owned());
    }
    words.extend(about.instance.map(|instance| format!("on {instance}")));
    if let Some(name) = about.name {
        desk.found(format!("the org is {name:?} ({})", words.join(", ")));
    }
    if let Some(ends) = about.trial_ends {
        let day = jiff::tz::Offset::UTC.to_datetime(ends).date();
        desk.warn(format!("the org is a trial that ends on {day}: nothing can be collected then"));
    }
}

fn interval(desk: &mut Desk<'_>, shape: &LogFileShape) {
    let what = if shape.has_interval { "hourly and daily" } else { "daily only" };
    desk.found(format!("EventLogFile can be read; log files are {what} in this org"));
    if !shape.has_interval && desk.settings.interval == IntervalPolicy::Hourly {
        desk.warn("hourly files are asked for, but this org has none: nothing would arrive");
    }
}

fn files(desk: &mut Desk<'_>, listed: &Listed, now: Timestamp) {
    let Some(newest) = &listed.newest else {
        desk.warn(
            "the org lists no event log files in the last four days: nothing happened, \"Generate \
             event log files\" is off (Setup > Event Monitoring Settings), or Event Monitoring is \
             not licensed",
        );
        return;
    };
    let age = now.duration_since(newest.created_date);
    desk.found(format!(
        "{} of {} in the last four days; the newest is {}, made {} ago",
        counted(listed.files.len() as u64, "file"),
        counted(listed.types.len() as u64, "event type"),
        newest.event_type,
        span(age)
    ));
    if age > STALE {
        desk.warn(
            "no file was made in the last two days, which is unusual: check \"Generate event log \
             files\" in Setup > Event Monitoring Settings",
        );
    }
}

/// The types of the org's that the connector's filter admits. Warns where it admits none.
fn known_types(desk: &mut Desk<'_>, shape: &LogFileShape) -> usize {
    let filter = &desk.settings.event_types;
    let admitted = shape.event_types.iter().filter(|name| filter.admits(name)).count();
    if admitted == 0 && !shape.event_types.is_empty() {
        desk.warn(
            "event_types admits none of the event types this org knows: nothing would arrive",
        );
    }
    admitted
}

/// A span in the unit that suits it.
fn span(span: SignedDuration) -> String {
    match span.as_mins() {
        minutes @ ..=119 => counted(minutes.max(0), "minute"),
        minutes @ 120..=2_879 => counted(minutes / 60, "hour"),
        minutes => counted(minutes / (24 * 60), "day"),
    }
}

/// Says so when only the free event types appear.
fn licence(desk: &mut Desk<'_>, listed: &Listed) {
    if listed.is_free_only() {
        let names = listed.types.keys().cloned().collect::<Vec<_>>().join(", ");
        desk.warn(format!(
            "no Event Monitoring licence, as it seems: only these {} types, kept one day ({names}); \
             collect at least daily",
            listed.types.len()
        ));
    }
}

async fn budget(desk: &mut Desk<'_>, org: &Org) {
    let left = match org.limits().await {
        Ok(Some(limits)) => limits.daily_api_requests().map(|it| (it.remaining, it.max)),
        _ => None,
    };
    let left = left.or_else(|| {
        let usage = org.api_usage()?;
        Some((usage.allowed.saturating_sub(usage.used), usage.allowed))
    });
    let Some((left, allowed)) = left else { return };
    desk.found(format!("{} of {} API calls are left today", count(left), count(allowed)));
    if left < allowed / 10 {
        desk.warn("less than a tenth of the org's API calls is left; other programs use them");
    }
}

/// Begins of the periods of those files that the connector collects.
fn periods(settings: &ConnectorSettings, shape: &LogFileShape, listed: &Listed) -> Vec<Timestamp> {
    let select = choice(settings, shape);
    let is_wanted = |file: &&LogFile| {
        let interval = file.interval.unwrap_or(Interval::Daily);
        let fits = match select {
            IntervalChoice::Both => true,
            IntervalChoice::Hourly => interval == Interval::Hourly,
            IntervalChoice::Daily => interval == Interval::Daily,
        };
        let is_early = settings.start.is_some_and(|start| file.created_date < start);
        fits && !is_early && settings.event_types.admits(&file.event_type)
    };
    listed.files.iter().filter(is_wanted).map(|file| file.log_date).collect()
}

/// What will be collected, in a sentence.
fn collects(desk: &Desk<'_>, shape: &LogFileShape, listed: &Listed, known: usize) -> String {
    let settings = desk.settings;
    let interval = match choice(settings, shape) {
        IntervalChoice::Hourly => "hourly",
        IntervalChoice::Daily => "daily",
        IntervalChoice::Both => "hourly and daily",
    };
    let present = listed.types.keys().filter(|name| settings.event_types.admits(name)).count();
    let since = match settings.start {
        Some(start) => format!("made since {}", jiff::tz::Offset::UTC.to_datetime(start).date()),
        None => "the org still has".to_owned(),
    };
    let poll = orgtap_transport::ConfigDuration::new(settings.poll_interval);
    format!(
        "{interval} log files of {known} event types ({present} of them seen in the last four days), \
         all {since}, looked for every {poll}, to {}",
        settings.destinations.join(", ")
    )
}
