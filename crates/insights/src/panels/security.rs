//! Security Insights.

use std::collections::BTreeMap;

use orgtap_events::time::{DAY, rfc3339};
use orgtap_ledger::{By, LedgerError, Named, Notable, OTHERS, Span};

use super::ask::{About, Asking};
use super::compare::volume;
use super::monitoring::series;
use super::top::{Number, ROWS, SideBySide, Top, name};
use crate::login::{Outcome, label, outcome};
use crate::measure::{
    ADDRESS, ADDRESS_FAILED, AGENT, BETWEEN, CHANGE, CLIENT, COUNTRY, COUNTRY_FOUND, NETWORK,
    NETWORK_FAILED, STATUS, WHO_AS_WHOM,
};
use crate::panel::{Body, Cell, Column, Kind, Line, Panel, Unit};

/// How long all is new that a connector brings.
const SETTLING: i64 = 7 * DAY;
/// Rows of tables of single events.
const EVENTS: usize = 50;
/// Names looked through for what is to be shown of them.
const MANY: usize = 200;

const SIGN_INS: About = About {
    id: "sign_ins",
    title: "Sign-ins",
    question: "How many sign-ins succeeded and failed?",
    needs: &["Login"],
};
const REASONS: About = About {
    id: "sign_in_reasons",
    title: "Why sign-ins failed",
    question: "For which reasons did sign-ins fail?",
    needs: &["Login"],
};
const ADDRESSES: SideBySide = SideBySide {
    about: About {
        id: "sign_ins_by_address",
        title: "Sign-ins by address",
        question: "From which addresses do people sign in, and from which do they fail?",
        needs: &["Login"],
    },
    name: "Address",
    first: (ADDRESS, "Sign-ins"),
    second: (ADDRESS_FAILED, "Not successful"),
};
const LOGIN_AS: About = About {
    id: "login_as",
    title: "Who acted as whom",
    question: "Which users signed in as somebody else?",
    needs: &["LoginAs"],
};
const EXPORTS: About = About {
    id: "export_volume",
    title: "Exports against the usual",
    question: "Who exports more than in the four weeks before?",
    needs: &["ReportExport", "WaveDownload", "DocumentAttachmentDownloads", "ContentTransfer"],
};
const API: About = About {
    id: "api_volume",
    title: "API volume against the usual",
    question: "Who moves more records over the API than in the four weeks before?",
    needs: &["API", "RestApi", "BulkApi", "BulkApi2"],
};
const CHANGES: About = About {
    id: "latest_changes",
    title: "Latest permission and set-up changes",
    question: "What was changed last in permissions and set-up, and by whom?",
    needs: &[
        "PermissionUpdate",
        "GroupMembership",
        "PackageInstall",
        "ChangeSetOperation",
        "MetadataApiOperation",
        "Sandbox",
    ],
};
const CHANGES_BY_KIND: Top = Top {
    about: About {
        id: "changes_by_kind",
        title: "Changes by kind",
        question: "How many permission and set-up changes of each kind were made?",
        needs: CHANGES.needs,
    },
    dimension: CHANGE,
    name: ("Change", Kind::Text),
    by: By::Events,
    numbers: &[("Times", Number::Events)],
};
const COUNTRIES: SideBySide = SideBySide {
    about: About {
        id: "sign_ins_by_country",
        title: "Sign-ins by country",
        question: "From which countries do people sign in, as the org says and as your database does?",
        needs: &["Login"],
    },
    name: "Country",
    first: (COUNTRY, "Says the org"),
    second: (COUNTRY_FOUND, "By address"),
};
const NETWORKS: SideBySide = SideBySide {
    about: About {
        id: "sign_ins_by_network",
        title: "Sign-ins by network",
        question: "From whose networks do people sign in, and from which do they fail?",
        needs: &["Login"],
    },
    name: "Network",
    first: (NETWORK, "Sign-ins"),
    second: (NETWORK_FAILED, "Not successful"),
};

/// What is new for a user: kind, heading, and the panel.
const NEW: [(&str, &str, About); 3] = [
    (
        ADDRESS,
        "Address",
        About {
            id: "new_addresses",
            title: "New addresses",
            question: "Who signed in from an address not seen of them before?",
            needs: &["Login"],
        },
    ),
    (
        CLIENT,
        "Application",
        About {
            id: "new_clients",
            title: "New applications",
            question: "Who used an application over the API not seen of them before?",
            needs: &["API", "RestApi", "ApiTotalUsage"],
        },
    ),
    (
        AGENT,
        "Program",
        About {
            id: "new_agents",
            title: "New programs",
            question: "Who used a browser or program not seen of them before?",
            needs: &["Login", "RestApi"],
        },
    ),
];

pub(super) async fn panels(asking: &Asking<'_>) -> Result<Vec<Panel>, LedgerError> {
    let mut panels =
        vec![sign_ins(asking).await?, reasons(asking).await?, ADDRESSES.panel(asking).await?];
    // The column that an address was looked up for.
    for (sides, column) in [(&COUNTRIES, 2), (&NETWORKS, 1)] {
        let mut panel = sides.panel(asking).await?;
        without_database(&mut panel, column);
        panels.push(panel);
    }
    for (kind, heading, about) in &NEW {
        panels.push(first_seen(asking, kind, heading, about).await?);
    }
    panels.push(login_as(asking).await?);
    panels.push(volume(asking, &EXPORTS, (By::Events, "Exports", Kind::Count)).await?);
    panels.push(volume(asking, &API, (By::Rows, "Records", Kind::Count)).await?);
    panels.push(CHANGES_BY_KIND.panel(asking).await?);
    panels.push(changes(asking).await?);
    Ok(panels)
}

async fn sign_ins(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let points = asking.ledger.by_name(asking.asked(&["Login"], STATUS), asking.steps).await?;
    let steps = asking.times().len();
    let mut lines: BTreeMap<Outcome, Vec<i64>> = BTreeMap::new();
    for point in points {
        let how = if point.name == OTHERS { Outcome::Other } else { outcome(&point.name) };
        let values = lines.entry(how).or_insert_with(|| vec![0; steps]);
        if let Some(value) = values.get_mut(asking.step_of(point.start)) {
            *value += point.sums.events;
        }
    }
    let line = |(how, values): (Outcome, Vec<i64>)| Line { name: how.words().to_owned(), values };
    let lines = lines.into_iter().map(line).collect();
    Ok(asking.panel(&SIGN_INS, series(asking, Unit::Events, lines)))
}

async fn reasons(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let asked = asking.asked(&["Login"], STATUS);
    let found = asking.ledger.top(asked, &asking.spans, By::Events, MANY).await?;
    let failed = found.into_iter().filter(|named| outcome(&named.name) != Outcome::Success);
    let row = |Named { name: status, sums }: Named| {
        let words = label(&status).map_or(Cell::None, Cell::text);
        let how = outcome(&status).words();
        vec![name(&status, Kind::Text), words, Cell::text(how), Cell::Number(sums.events)]
    };
    let columns = vec![
        Column { title: "Status", kind: Kind::Text },
        Column { title: "In Login History", kind: Kind::Text },
        Column { title: "Outcome", kind: Kind::Text },
        Column { title: "Sign-ins", kind: Kind::Count },
    ];
    let rows = failed.take(ROWS).map(row).collect();
    Ok(asking.panel(&REASONS, Body::Table { columns, rows }))
}

/// Says so if nothing was looked up: if a column has no number but 0.
fn without_database(panel: &mut Panel, column: usize) {
    let Body::Table { rows, .. } = &panel.body else { return };
    let looked_up = rows.iter().any(|row| !matches!(row.get(column), Some(Cell::Number(0)) | None));
    if !looked_up {
        let how = "No address was looked up in this time: name databases at `insights.networks`. \
                   What comes from then on is looked up.";
        panel.note = Some(panel.note.take().map_or(how.to_owned(), |note| format!("{note} {how}")));
    }
}

async fn first_seen(
    asking: &Asking<'_>,
    kind: &str,
    heading: &'static str,
    about: &About,
) -> Result<Panel, LedgerError> {
    let Span { from, to, .. } = asking.steps;
    let (connector, range) = (asking.connector, (from, to));
    let found = asking.ledger.first_seen(connector, kind, range, SETTLING, EVENTS).await?;
    let row = |(connector, seen): (String, orgtap_ledger::Trait)| {
        vec![
            Cell::text(rfc3339(seen.first_at)),
            name(&seen.user, Kind::User),
            Cell::text(seen.value),
            Cell::text(rfc3339(seen.last_at)),
            Cell::text(connector),
        ]
    };
    let columns = vec![
        Column { title: "First seen", kind: Kind::Time },
        Column { title: "User", kind: Kind::User },
        Column { title: heading, kind: Kind::Text },
        Column { title: "Last seen", kind: Kind::Time },
        Column { title: "Connector", kind: Kind::Text },
    ];
    let rows = found.into_iter().map(row).collect();
    let mut panel = asking.panel(about, Body::Table { columns, rows });
    let learning = "What was there in a connector's first seven days of events is not called new.";
    panel.note = Some(panel.note.map_or(learning.to_owned(), |note| format!("{note} {learning}")));
    Ok(panel)
}

async fn login_as(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let asked = asking.asked(&["LoginAs"], WHO_AS_WHOM);
    let found = asking.ledger.top(asked, &asking.spans, By::Events, EVENTS).await?;
    let row = |named: Named| {
        let times = Cell::Number(named.sums.events);
        match named.name.split_once(BETWEEN) {
            Some((who, whom)) => vec![name(who, Kind::User), name(whom, Kind::User), times],
            None => vec![name(&named.name, Kind::User), Cell::None, times],
        }
    };
    let columns = vec![
        Column { title: "Who", kind: Kind::User },
        Column { title: "As whom", kind: Kind::User },
        Column { title: "Times", kind: Kind::Count },
    ];
    let rows = found.into_iter().map(row).collect();
    Ok(asking.panel(&LOGIN_AS, Body::Table { columns, rows }))
}

async fn changes(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let Span { from, to, .. } = asking.steps;
    let (connector, types, range) = (asking.connector, CHANGES.needs, (from, to));
    let found = asking.ledger.notables_of_types(connector, types, range, EVENTS).await?;
    let row = |one: Notable| {
        vec![
            Cell::text(rfc3339(one.at)),
            name(&one.user, Kind::User),
            Cell::text(one.event_type),
            Cell::text(one.what),
            Cell::text(one.detail),
            one.request_id.map_or(Cell::None, Cell::text),
        ]
    };
    let columns = vec![
        Column { title: "When", kind: Kind::Time },
        Column { title: "Who", kind: Kind::User },
        Column { title: "Event type", kind: Kind::Text },
        Column { title: "What", kind: Kind::Text },
        Column { title: "More", kind: Kind::Text },
        Column { title: "Request", kind: Kind::Text },
    ];
    let rows = found.into_iter().map(row).collect();
    Ok(asking.panel(&CHANGES, Body::Table { columns, rows }))
}
