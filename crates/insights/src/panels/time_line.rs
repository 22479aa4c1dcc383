//! One user's time line.

use std::collections::BTreeMap;

use orgtap_events::time::rfc3339;
use orgtap_ledger::{CompactString, LedgerError, Notable, RollupLedger, Session};

use super::Choice;
use crate::login::outcome;
use crate::panel::{Body, Cell, Column, Kind, Page, Panel};
use crate::text::short_id;

/// Sessions and event types looked at.
const SESSIONS: usize = 2_000;
/// Sessions shown.
const SHOWN: usize = 200;
/// Single events shown.
const EVENTS: usize = 500;

/// What one user did, sign-in by sign-in: `user` is the id a [`Cell::User`] has, or its long form.
/// Goes back as far as sign-ins are kept. Of all connectors together, each line says of which it is.
///
/// # Errors
/// Only the ledger's. An unknown user has empty panels.
pub async fn user_time_line(
    ledger: &dyn RollupLedger,
    user: &str,
    choice: &Choice,
) -> Result<Page, LedgerError> {
    let Choice { connector, from, to } = choice;
    let (connector, range) = (connector.as_deref(), (*from, *to));
    let user = short_id(user.as_bytes());
    let user = std::str::from_utf8(user).unwrap_or_default();
    let sessions = ledger.sessions(connector, user, range, SESSIONS).await?;
    let notables = ledger.notables_of_user(connector, user, range, EVENTS).await?;
    let mut panels = vec![sign_ins(sessions), events(notables)];
    if connector.is_some() {
        panels.iter_mut().for_each(without_connector);
    }
    let title = "User time line";
    Ok(Page { id: "user_time_line", title, from: rfc3339(*from), to: rfc3339(*to), panels })
}

/// Takes away the last column, which is the connector's.
fn without_connector(panel: &mut Panel) {
    if let Body::Table { columns, rows } = &mut panel.body {
        columns.pop();
        for row in rows {
            row.pop();
        }
    }
}

/// What is known of one sign-in.
#[derive(Default)]
struct SignIn {
    first: i64,
    last: i64,
    address: Option<CompactString>,
    events: i64,
    types: BTreeMap<CompactString, i64>,
}

fn sign_ins(sessions: Vec<(String, Session)>) -> Panel {
    let mut all: BTreeMap<(String, CompactString), SignIn> = BTreeMap::new();
    for (connector, part) in sessions {
        let one = all
            .entry((connector, part.login_key))
            .or_insert_with(|| SignIn { first: part.first_at, ..SignIn::default() });
        one.first = one.first.min(part.first_at);
        one.last = one.last.max(part.last_at);
        one.address = one.address.take().or(part.address);
        one.events += part.events;
        *one.types.entry(part.event_type).or_default() += part.events;
    }
    let mut all: Vec<((String, CompactString), SignIn)> = all.into_iter().collect();
    all.sort_by_key(|(_, one)| std::cmp::Reverse(one.last));
    let row = |((connector, key), one): ((String, CompactString), SignIn)| {
        let mut types: Vec<_> = one.types.into_iter().collect();
        types.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
        let types: Vec<String> =
            types.iter().map(|(kind, events)| format!("{kind} {events}")).collect();
        vec![
            Cell::text(rfc3339(one.first)),
            Cell::text(rfc3339(one.last)),
            one.address.map_or(Cell::None, Cell::text),
            Cell::Number(one.events),
            Cell::text(types.join(", ")),
            Cell::text(key),
            Cell::text(connector),
        ]
    };
    let columns = vec![
        Column { title: "First event", kind: Kind::Time },
        Column { title: "Last event", kind: Kind::Time },
        Column { title: "Address", kind: Kind::Text },
        Column { title: "Events", kind: Kind::Count },
        Column { title: "By type", kind: Kind::Text },
        Column { title: "Login key", kind: Kind::Text },
        Column { title: "Connector", kind: Kind::Text },
    ];
    let rows = all.into_iter().take(SHOWN).map(row).collect();
    Panel {
        id: "sessions",
        title: "Sign-ins and what followed",
        question: "When was this user signed in, from where, and what was done?",
        needs: Vec::new(),
        body: Body::Table { columns, rows },
        note: None,
    }
}

fn events(notables: Vec<(String, Notable)>) -> Panel {
    let some = |text: Option<CompactString>| text.map_or(Cell::None, Cell::text);
    let row = |(connector, one): (String, Notable)| {
        let what = match one.event_type.as_str() {
            "Login" => format!("sign-in {}", outcome(&one.what).words()),
            _ => one.event_type.to_string(),
        };
        vec![
            Cell::text(rfc3339(one.at)),
            Cell::text(what),
            Cell::text(one.what),
            Cell::text(one.detail),
            some(one.address),
            some(one.request_id),
            some(one.login_key),
            some(one.session_key),
            Cell::text(connector),
        ]
    };
    let columns = vec![
        Column { title: "When", kind: Kind::Time },
        Column { title: "What", kind: Kind::Text },
        Column { title: "As the org says it", kind: Kind::Text },
        Column { title: "More", kind: Kind::Text },
        Column { title: "Address", kind: Kind::Text },
        Column { title: "Request", kind: Kind::Text },
        Column { title: "Login key", kind: Kind::Text },
        Column { title: "Session key", kind: Kind::Text },
        Column { title: "Connector", kind: Kind::Text },
    ];
    let rows = notables.into_iter().map(row).collect();
    Panel {
        id: "events",
        title: "Single events",
        question: "Which sign-ins, exports and changes of this user are on record?",
        needs: Vec::new(),
        body: Body::Table { columns, rows },
        note: Some("At most 50 events of a kind are kept from one log file.".to_owned()),
    }
}
