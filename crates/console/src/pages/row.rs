//! One connector as lists and its own page show it.

use orgtap_collector::config::ConnectorSettings;
use orgtap_collector::{ConnectorState, ConnectorStatus};
use orgtap_transport::Problem;
use orgtap_transport::words::{about, bytes, count, counted, span};
use serde_json::Value;

use super::test::Tested;
use super::words::Moment;

/// Event types shown before the rest is counted.
const TYPES: usize = 3;

/// A connector's state, as a template shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown(pub(crate) ConnectorState);

impl Shown {
    /// Every state there is.
    pub(crate) const ALL: [Self; 6] = [
        Self(ConnectorState::Pending),
        Self(ConnectorState::Authenticating),
        Self(ConnectorState::Active),
        Self(ConnectorState::Degraded),
        Self(ConnectorState::Paused),
        Self(ConnectorState::Error),
    ];

    /// What people read.
    pub(crate) const fn word(self) -> &'static str {
        self.0.word()
    }

    /// The class in the style sheet.
    pub(crate) fn class(self) -> String {
        self.word().to_ascii_lowercase()
    }
}

/// A connector with its status, in words.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Address of the org, and the host in it.
    pub(crate) url: String,
    pub(crate) host: String,
    /// How it signs in, in words.
    pub(crate) flow: &'static str,
    /// Whether it can be changed here.
    pub(crate) is_saved: bool,
    pub(crate) is_paused: bool,
    pub(crate) state: Shown,
    pub(crate) reason: String,
    /// The first event types seen, and how many more there are.
    pub(crate) types: Vec<String>,
    pub(crate) more_types: usize,
    pub(crate) destinations: String,
    pub(crate) records: String,
    pub(crate) size: String,
    /// Events a second just now, while there are any.
    pub(crate) rate: Option<String>,
    pub(crate) polled: Option<Moment>,
    pub(crate) newest: Option<Moment>,
    /// Calls used of those the org allows.
    pub(crate) api: Option<String>,
    pub(crate) delivered: Vec<Delivered>,
    /// What a person should look at: in words, and where.
    pub(crate) open: Vec<(String, String)>,
    pub(crate) test: Option<Tested>,
    pub(crate) status: ConnectorStatus,
}

/// What one destination has of a connector.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) name: String,
    pub(crate) events: String,
    pub(crate) rejected: String,
    pub(crate) waiting: i64,
    pub(crate) waiting_words: String,
    /// When the last event arrived.
    pub(crate) at: Option<Moment>,
    /// How long the oldest file has waited for it.
    pub(crate) lag: Option<String>,
    /// What is withheld from it for its age.
    pub(crate) withheld: Option<String>,
}

impl Row {
    /// Puts a status into words.
    pub(crate) fn of(
        settings: &ConnectorSettings,
        status: ConnectorStatus,
        rate: Option<f64>,
    ) -> Self {
        let name = settings.name.clone();
        let mut types: Vec<(&String, &i64)> = status.event_types.iter().collect();
        // The busiest first; among equals by name.
        types.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let shown = types.iter().take(TYPES).map(|(name, _)| (*name).clone()).collect();
        let more_types = types.len().saturating_sub(TYPES);
        Self {
            description: settings.description.clone().unwrap_or_default(),
            url: settings.instance_url.to_string(),
            host: settings.instance_url.host_str().unwrap_or_default().to_owned(),
            flow: flow(settings),
            is_saved: settings.saved_in.is_some(),
            is_paused: status.state == ConnectorState::Paused,
            state: Shown(status.state),
            reason: status.reason.clone(),
            types: shown,
            more_types,
            destinations: settings.destinations.join(", "),
            records: count(status.admitted),
            size: bytes(status.bytes),
            rate: rate.map(|rate| format!("{}/s", about(rate))),
            polled: status.last_poll.as_deref().map(Moment::of),
            newest: status.newest_file.as_deref().map(Moment::of),
            api: status
                .api_usage
                .map(|(used, allowed)| format!("{} of {}", count(used), count(allowed))),
            delivered: delivered(&status),
            open: open(&name, &status),
            test: status.test.as_ref().and_then(Tested::of),
            status,
            name,
        }
    }

    /// Address of something to be done with it.
    pub(crate) fn to(&self, what: &str) -> String {
        format!("/connectors/{}/{what}", self.name)
    }

    /// Whether a word is found in what the row shows.
    pub(crate) fn matches(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&word);
        has(&self.name)
            || has(&self.description)
            || has(&self.url)
            || has(&self.destinations)
            || self.status.event_types.keys().any(|name| has(name))
    }
}

fn flow(settings: &ConnectorSettings) -> &'static str {
    use orgtap_collector::config::AuthFlow;
    match settings.sign_in.flow() {
        AuthFlow::Password => "User and password",
        AuthFlow::ClientCredentials => "Client credentials",
        AuthFlow::JwtBearer => "JWT bearer",
        AuthFlow::RefreshToken => "Refresh token",
    }
}

fn delivered(status: &ConnectorStatus) -> Vec<Delivered> {
    let destinations = status.destinations.iter();
    destinations
        .map(|one| Delivered {
            name: one.destination.clone(),
            events: count(one.delivered),
            rejected: count(one.rejected),
            waiting: one.waiting,
            waiting_words: match one.waiting {
                0 => "none".to_owned(),
                waiting => format!("{} waiting", counted(waiting, "file")),
            },
            at: one.delivered_at.as_deref().map(Moment::of),
            lag: (one.lag_s >= 60).then(|| span(one.lag_s)),
            withheld: (one.withheld > 0).then(|| {
                format!("{}, {}", counted(one.withheld, "file"), counted(one.withheld_rows, "row"))
            }),
        })
        .collect()
}

fn open(name: &str, status: &ConnectorStatus) -> Vec<(String, String)> {
    let page = |part: &str| format!("/connectors/{name}#{part}");
    let of = |number: i64, noun: &str, part: &str| {
        (number > 0).then(|| (counted(number, noun), page(part)))
    };
    let all = [
        of(status.gaps.as_ref().map_or(0, |gaps| gaps.hours), "gap", "completeness-title"),
        of(status.lost, "lost file", "completeness-title"),
        of(status.disputed, "disputed file", "completeness-title"),
        of(status.dead_letters, "dead letter", "letters"),
    ];
    all.into_iter().flatten().collect()
}

/// A problem as a template shows it.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) cause: Option<String>,
    pub(crate) remedy: Option<String>,
}

impl Trouble {
    /// Reads one back from how it was kept.
    pub(crate) fn of(kept: &Value) -> Option<Self> {
        serde_json::from_value::<Problem>(kept.clone()).ok().map(Self::from)
    }

    /// Reads the note the collector leaves with a unit; text of another kind is shown as it is.
    pub(crate) fn of_note(note: &str) -> Self {
        let kept = serde_json::from_str::<Value>(note).ok();
        let problem = kept.as_ref().and_then(|kept| Self::of(kept.get("problem")?));
        problem.unwrap_or_else(|| Self {
            code: String::new(),
            message: note.to_owned(),
            cause: None,
            remedy: None,
        })
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let said = |text: String| (!text.is_empty()).then_some(text);
        Self {
            code: problem.code,
            message: problem.message,
            cause: said(problem.cause),
            remedy: said(problem.remedy),
        }
    }
}
