//! What a person chooses about a kit, and what of it is refused.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::address::{self, Range};
use super::error::KitError;

/// How Orgtap will sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The OAuth client-credentials flow.
    ClientCredentials,
    /// The OAuth JWT bearer flow.
    Jwt,
    /// The OAuth username-password flow.
    Password,
    /// Each of the others.
    All,
}

impl Flow {
    pub(super) fn has_client_credentials(self) -> bool {
        matches!(self, Self::ClientCredentials | Self::All)
    }

    pub(super) fn has_jwt(self) -> bool {
        matches!(self, Self::Jwt | Self::All)
    }

    pub(super) fn has_password(self) -> bool {
        matches!(self, Self::Password | Self::All)
    }

    /// Whether an external client app is needed, which all flows but the password's have.
    pub(super) fn has_app(self) -> bool {
        self != Self::Password
    }
}

/// What Orgtap will read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Event log files.
    EventLogFiles,
    /// Stored real-time events.
    RealTimeEvents,
    /// Event log objects.
    EventLogObjects,
    /// Login history.
    LoginHistory,
    /// The setup audit trail.
    SetupAuditTrail,
}

/// What a kit is made from.
#[derive(Debug, Clone)]
pub struct KitSettings {
    /// Developer name of the app, the permission set and the profile.
    pub name: String,
    /// What administrators read; the name with "Collector" if not given.
    pub label: Option<String>,
    /// How to sign in.
    pub flow: Flow,
    /// The user to run as, in the form of an e-mail address.
    pub user: Option<String>,
    /// Whom Salesforce writes to about the app.
    pub contact_email: String,
    /// What to read.
    pub sources: Vec<Source>,
    /// The version of the metadata, such as `66.0`.
    pub api_version: String,
    /// Days the org shall keep event log files; the org's own choice if not given.
    pub event_log_retention: Option<u16>,
    /// Addresses, networks and ranges Orgtap calls from.
    pub addresses: Vec<String>,
    /// Days the certificate is valid.
    pub certificate_days: u16,
    /// Whether a key that is there is replaced.
    pub new_key: bool,
    /// Whether a kit that is there is replaced.
    pub force: bool,
    /// The day on which the certificate is made.
    pub today: Date,
}

/// Settings that can be used.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) flow: Flow,
    pub(super) user: Option<String>,
    pub(super) contact_email: String,
    pub(super) sources: BTreeSet<Source>,
    /// The number before the dot.
    pub(super) api_version: u16,
    pub(super) retention: Option<u16>,
    pub(super) ranges: Vec<Range>,
    pub(super) certificate_days: u16,
    pub(super) today: Date,
}

impl Plan {
    /// Refuses what Salesforce would refuse, or what cannot be meant.
    pub(super) fn new(settings: &KitSettings) -> Result<Self, KitError> {
        let name = name(&settings.name)?;
        let label = match &settings.label {
            Some(label) => checked_label(label)?,
            None => format!("{} Collector", name.replace('_', " ")),
        };
        let sources: BTreeSet<Source> = settings.sources.iter().copied().collect();
        if sources.is_empty() {
            let cause = "A user who may read nothing is of no use.";
            let remedy = "Name at least one source, for example event-log-files.";
            return Err(KitError::setting("--sources", "", cause, remedy));
        }
        let user = settings.user.as_deref().map(|user| {
            let remedy = "Write a Salesforce user name, for example collector@acme.example.";
            mail("--user", user, remedy)
        });
        Ok(Self {
            name,
            label,
            flow: settings.flow,
            user: user.transpose()?,
            contact_email: mail(
                "--contact-email",
                &settings.contact_email,
                "Write an e-mail address, for example siem@acme.example.",
            )?,
            api_version: api_version(&settings.api_version)?,
            retention: retention(settings.event_log_retention, &sources)?,
            sources,
            ranges: address::ranges(&settings.addresses)?,
            certificate_days: certificate_days(settings.certificate_days)?,
            today: settings.today,
        })
    }

    pub(super) fn reads(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    /// The version as Salesforce writes it.
    pub(super) fn version(&self) -> String {
        format!("{}.0", self.api_version)
    }

    /// The permission set of the users that sign in to the app.
    pub(super) fn permission_set(&self) -> &str {
        &self.name
    }

    /// The permission set that keeps the password flow's user out of the browser.
    pub(super) fn api_only_set(&self) -> String {
        format!("{}_Api_Only", self.name)
    }

    /// The policies of the app, as Salesforce itself names those it makes with an app: under
    /// another name there would be two.
    pub(super) fn policies(&self) -> String {
        format!("{}_defaultPolicy", self.name)
    }
}

/// Longest developer name; suffixes come on top.
const LONGEST_NAME: usize = 40;

fn name(text: &str) -> Result<String, KitError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let sound = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(plain)
        && !text.ends_with('_')
        && !text.contains("__")
        && text.len() <= LONGEST_NAME;
    if sound {
        return Ok(text.to_owned());
    }
    let cause = format!(
        "A Salesforce developer name begins with a letter, has only ASCII letters, digits and \
         single underscores, does not end with an underscore, and has {LONGEST_NAME} characters \
         at most here."
    );
    Err(KitError::setting("--name", text, cause, "Choose another, for example Orgtap."))
}

fn checked_label(text: &str) -> Result<String, KitError> {
    let letters = text.chars().count();
    let printable =
        |letter: char| !letter.is_control() && !matches!(letter, '\u{fffe}' | '\u{ffff}');
    if (1..=80).contains(&letters) && text.trim() == text && text.chars().all(printable) {
        return Ok(text.to_owned());
    }
    let cause = "A label has 1 to 80 printable characters and no blank at either end.";
    Err(KitError::setting("--label", text, cause, "Choose another, for example Orgtap Collector."))
}

/// Longest user name and address.
const LONGEST_MAIL: usize = 80;

/// An address of plain characters only: it is shown in commands to copy.
fn mail(flag: &'static str, text: &str, remedy: &str) -> Result<String, KitError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
    let sound = text.split_once('@').is_some_and(|(local, host)| {
        let labels: Vec<&str> = host.split('.').collect();
        !local.is_empty()
            && local.bytes().all(plain)
            && !local.starts_with('-')
            && labels.len() > 1
            && labels.iter().all(|label| !label.is_empty() && label.bytes().all(plain))
            && text.len() <= LONGEST_MAIL
    });
    if sound {
        return Ok(text.to_owned());
    }
    let cause = format!(
        "It has the form NAME@HOST.DOMAIN, of letters, digits and the signs . _ + -, and \
         {LONGEST_MAIL} characters at most."
    );
    Err(KitError::setting(flag, text, cause, remedy))
}

/// The oldest version with every element that is written.
const OLDEST_API: u16 = 61;

fn api_version(text: &str) -> Result<u16, KitError> {
    let number = text.strip_suffix(".0").unwrap_or(text);
    let sound = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse() {
        Ok(number @ OLDEST_API..=999) if sound => Ok(number),
        _ => Err(KitError::setting(
            "--api-version",
            text,
            format!("A version is a number and .0, from {OLDEST_API}.0 on."),
            "Write one that the org has, for example 66.0, or leave the flag out.",
        )),
    }
}

fn retention(days: Option<u16>, sources: &BTreeSet<Source>) -> Result<Option<u16>, KitError> {
    let flag = "--event-log-retention";
    match days {
        Some(_) if !sources.contains(&Source::EventLogFiles) => Err(KitError::setting(
            flag,
            days.unwrap_or_default(),
            "It is about event log files, and those are not among the sources.",
            "Leave it out, or add event-log-files to --sources.",
        )),
        Some(days) if !(30..=365).contains(&days) => Err(KitError::setting(
            flag,
            days,
            "Salesforce keeps event log files for 30 to 365 days.",
            "Write a number from 30 to 365, or leave it out for what the org has now.",
        )),
        other => Ok(other),
    }
}

fn certificate_days(days: u16) -> Result<u16, KitError> {
    if (1..=3_650).contains(&days) {
        return Ok(days);
    }
    let cause = "A certificate is valid for 1 to 3650 days here.";
    Err(KitError::setting("--certificate-days", days, cause, "Write a number from 1 to 3650."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::tests::settings;

    fn refused(change: impl FnOnce(&mut KitSettings)) -> String {
        let mut settings = settings(Flow::All);
        change(&mut settings);
        let problem = orgtap_transport::Explain::problem(&Plan::new(&settings).unwrap_err());
        assert!(problem.cause.ends_with('.') && problem.remedy.ends_with('.'), "{problem:?}");
        problem.message
    }

    #[test]
    fn a_label_is_made_from_the_name() {
        let mut settings = settings(Flow::All);
        assert_eq!(Plan::new(&settings).unwrap().label, "Orgtap Collector");
        settings.name = "Acme_Siem".to_owned();
        assert_eq!(Plan::new(&settings).unwrap().label, "Acme Siem Collector");
        settings.label = Some("R&D \u{2014} logs".to_owned());
        assert_eq!(Plan::new(&settings).unwrap().label, "R&D \u{2014} logs");
    }

    #[test]
    fn names_that_salesforce_refuses_are_refused() {
        let long = "a".repeat(41);
        for name in ["", "1st", "_a", "a_", "a__b", "a b", "a-b", "a/../b", "caf\u{e9}", &long] {
            let message = refused(|settings| settings.name = name.to_owned());
            assert_eq!(message, format!("--name {name:?} cannot be used"));
        }
    }

    #[test]
    fn labels_and_addresses_that_could_break_a_file_or_a_command_are_refused() {
        for label in ["", " a", "a\nb", "a\u{0}", &"a".repeat(81)] {
            refused(|settings| settings.label = Some(label.to_owned()));
        }
        for user in ["", "a", "@b.c", "a@b", "a@b..c", "a@b.c;rm", "a'@b.c", "a b@c.d", "-a@b.c"] {
            refused(|settings| settings.user = Some(user.to_owned()));
            refused(|settings| settings.contact_email = user.to_owned());
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for version in ["", "60.0", "66.1", "+66.0", "v66.0", "1000.0", "66.0.0", "99999"] {
            refused(|settings| settings.api_version = version.to_owned());
        }
        for days in [0, 29, 366] {
            refused(|settings| settings.event_log_retention = Some(days));
        }
        for days in [0, 3_651] {
            refused(|settings| settings.certificate_days = days);
        }
        refused(|settings| settings.addresses = vec!["0.0.0.0/0".to_owned()]);
        refused(|settings| settings.sources.clear());
        refused(|settings| {
            settings.sources = vec![Source::LoginHistory];
            settings.event_log_retention = Some(30);
        });
    }

    #[test]
    fn versions_are_read_with_and_without_the_dot() {
        for version in ["66.0", "66"] {
            assert_eq!(api_version(version).unwrap(), 66);
        }
    }
}
