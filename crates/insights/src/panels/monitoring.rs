//! Monitoring Insights.

use std::collections::BTreeMap;

use orgtap_ledger::{ACTIVE_USERS, ALL_TYPES, By, LedgerError, Span, Step, TOTAL, USER};

use super::ask::{About, Asking};
use super::top::{Number, Top};
use crate::measure::{APP, CLIENT, ENTITY, ENTRY_POINT, EXCEPTION, PAGE, REPORT, VERSION};
use crate::panel::{Body, Figure, Kind, Line, OTHERS, Panel, Unit};

/// Lines of a chart, beside the others.
const LINES: usize = 9;

const EVENTS_BY_TYPE: About = About {
    id: "events_by_type",
    title: "Events by type",
    question: "How many events of each type happened?",
    needs: &[ALL_TYPES],
};
const ACTIVITY: About = About {
    id: "activity",
    title: "Activity",
    question: "How much happens, and how many people are active, compared with the time before?",
    needs: &[ALL_TYPES],
};
const ACTIVE: About = About {
    id: "active_users",
    title: "Active users",
    question: "How many different users were active on each day?",
    needs: &[ALL_TYPES],
};

/// All that the org's API answered, type by type. `ApiTotalUsage` counts the same calls again.
const CALLS: &[&str] = &["API", "RestApi", "BulkApi", "BulkApi2"];
const TOTAL_USAGE: &[&str] = &["ApiTotalUsage"];

const TABLES: &[Top] = &[
    Top {
        about: About {
            id: "most_active_users",
            title: "Most active users",
            question: "Who causes the most events? Users are counted by whole days (UTC).",
            needs: &[ALL_TYPES],
        },
        dimension: USER,
        name: ("User", Kind::User),
        by: By::Events,
        numbers: &[("Events", Number::Events)],
    },
    Top {
        about: About {
            id: "top_pages",
            title: "Top pages",
            question: "Which pages are opened most?",
            needs: &["LightningPageView", "URI", "VisualforceRequest"],
        },
        dimension: PAGE,
        name: ("Page", Kind::Text),
        by: By::Events,
        numbers: &[("Views", Number::Events)],
    },
    Top {
        about: About {
            id: "top_apps",
            title: "Top apps",
            question: "Which apps of the org do people work in?",
            needs: &["LightningPageView"],
        },
        dimension: APP,
        name: ("App", Kind::Text),
        by: By::Events,
        numbers: &[("Page views", Number::Events)],
    },
    Top {
        about: About {
            id: "reports_run",
            title: "Reports run",
            question: "Which reports are run most, and how many rows did they give?",
            needs: &["Report", "AsyncReportRun"],
        },
        dimension: REPORT,
        name: ("Report", Kind::Text),
        by: By::Events,
        numbers: &[("Runs", Number::Events), ("Rows", Number::Rows), ("Mean time", Number::Mean)],
    },
    Top {
        about: About {
            id: "reports_exported",
            title: "Reports exported",
            question: "Which reports are exported most?",
            needs: &["ReportExport"],
        },
        dimension: REPORT,
        name: ("Report", Kind::Text),
        by: By::Events,
        numbers: &[("Exports", Number::Events)],
    },
    Top {
        about: About {
            id: "slow_pages",
            title: "Slow pages",
            question: "Which pages kept somebody waiting longest?",
            needs: &["LightningPageView", "URI", "VisualforceRequest"],
        },
        dimension: PAGE,
        name: ("Page", Kind::Text),
        by: By::Longest,
        numbers: &[
            ("Longest", Number::Longest),
            ("Mean time", Number::Mean),
            ("Views", Number::Events),
        ],
    },
    Top {
        about: About {
            id: "slow_apex",
            title: "Slow Apex",
            question: "Which Apex code ran longest?",
            needs: &["ApexExecution", "ApexTrigger"],
        },
        dimension: ENTRY_POINT,
        name: ("Entry point", Kind::Text),
        by: By::Longest,
        numbers: &[
            ("Longest", Number::Longest),
            ("Mean time", Number::Mean),
            ("Runs", Number::Events),
        ],
    },
    Top {
        about: About {
            id: "exceptions",
            title: "Exceptions and errors",
            question: "What fails in Apex code and in people's browsers?",
            needs: &["ApexUnexpectedException", "LightningError"],
        },
        dimension: EXCEPTION,
        name: ("Kind", Kind::Text),
        by: By::Events,
        numbers: &[("Times", Number::Events)],
    },
];

/// Calls by program, object and version.
fn calls(needs: &'static [&'static str]) -> [Top; 3] {
    let one = |id, title, question, dimension, name| Top {
        about: About { id, title, question, needs },
        dimension,
        name: (name, Kind::Text),
        by: By::Events,
        numbers: if needs.len() > 1 {
            &[("Calls", Number::Events), ("Records", Number::Rows), ("Bytes", Number::Bytes)]
        } else {
            &[("Calls", Number::Events)]
        },
    };
    [
        one(
            "api_by_client",
            "API calls by application",
            "Which applications call the org's API?",
            CLIENT,
            "Application",
        ),
        one(
            "api_by_entity",
            "API calls by object",
            "Which objects do API calls read and write?",
            ENTITY,
            "Object",
        ),
        one(
            "api_by_version",
            "API calls by version",
            "Which versions of the API are in use?",
            VERSION,
            "Version",
        ),
    ]
}

pub(super) async fn panels(asking: &Asking<'_>) -> Result<Vec<Panel>, LedgerError> {
    let mut panels =
        vec![activity(asking).await?, events_by_type(asking).await?, active_users(asking).await?];
    for table in TABLES {
        panels.push(table.panel(asking).await?);
    }
    // The one type says everything about calls, where the org has it.
    let needs = if asking.has("ApiTotalUsage") { TOTAL_USAGE } else { CALLS };
    for table in calls(needs) {
        panels.push(table.panel(asking).await?);
    }
    Ok(panels)
}

async fn events_by_type(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let points = asking.ledger.over_time(asking.asked(&[], TOTAL), asking.steps).await?;
    let times = asking.times();
    let mut lines: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for point in points {
        let values = lines.entry(point.event_type).or_insert_with(|| vec![0; times.len()]);
        if let Some(value) = values.get_mut(asking.step_of(point.start)) {
            *value += point.sums.events;
        }
    }
    let lines = lines.into_iter().map(|(name, values)| Line { name, values }).collect();
    Ok(asking.panel(&EVENTS_BY_TYPE, series(asking, Unit::Events, greatest(lines))))
}

/// The greatest lines first, and the others as one.
fn greatest(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| std::cmp::Reverse(line.values.iter().sum::<i64>()));
    if lines.len() > LINES + 1 {
        let rest = lines.split_off(LINES);
        let steps = rest.first().map_or(0, |line| line.values.len());
        let mut values = vec![0; steps];
        for line in rest {
            values.iter_mut().zip(line.values).for_each(|(all, one)| *all += one);
        }
        lines.push(Line { name: OTHERS.to_owned(), values });
    }
    lines
}

pub(super) fn series(asking: &Asking<'_>, unit: Unit, lines: Vec<Line>) -> Body {
    let times = asking.times().into_iter().map(orgtap_events::time::rfc3339).collect();
    Body::Series { unit, step_hours: asking.steps.step.hours(), times, lines }
}

async fn active_users(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let asked = asking.asked(&[ALL_TYPES], ACTIVE_USERS);
    let step = Step::Day;
    let (from, to) = (step.start(asking.steps.from), asking.steps.to);
    let to = step.start(to - 1) + step.micros();
    let points = asking.ledger.over_time(asked, Span { step, from, to }).await?;
    let days = usize::try_from((to - from) / step.micros()).unwrap_or_default();
    let mut values = vec![0; days];
    for point in &points {
        let day = usize::try_from((point.start - from) / step.micros()).unwrap_or(usize::MAX);
        if let Some(value) = values.get_mut(day) {
            *value = point.sums.events;
        }
    }
    let starts = std::iter::successors(Some(from), |start| Some(start + step.micros()));
    let times = starts.take(days).map(orgtap_events::time::rfc3339).collect();
    let lines = if points.is_empty() {
        Vec::new()
    } else {
        vec![Line { name: "Active users".to_owned(), values }]
    };
    let body = Body::Series { unit: Unit::Users, step_hours: step.hours(), times, lines };
    Ok(asking.panel(&ACTIVE, body))
}

/// Sum, greatest and number of days with users between two moments.
async fn users(asking: &Asking<'_>, from: i64, to: i64) -> Result<Option<(i64, i64)>, LedgerError> {
    let (asked, step) = (asking.asked(&[ALL_TYPES], ACTIVE_USERS), Step::Day);
    let points = asking.ledger.over_time(asked, Span { step, from, to }).await?;
    let users = points.iter().map(|point| point.sums.events);
    let days = i64::try_from(points.len()).unwrap_or(i64::MAX);
    Ok((days > 0).then(|| (users.clone().sum::<i64>() / days, users.max().unwrap_or_default())))
}

async fn activity(asking: &Asking<'_>) -> Result<Panel, LedgerError> {
    let asked = asking.asked(&[ALL_TYPES], TOTAL);
    let total = |found: Vec<orgtap_ledger::Named>| found.first().map(|named| named.sums.events);
    let [now, before] = asking.compared();
    let now = total(asking.ledger.top(asked, &now, By::Events, 1).await?);
    let before = total(asking.ledger.top(asked, &before, By::Events, 1).await?);
    let Span { from, to, .. } = asking.whole_days();
    let (here, there) =
        (users(asking, from, to).await?, users(asking, from - (to - from), from).await?);
    let week = Step::Week;
    let this = week.start(asking.steps.to - 1);
    let asked = asking.asked(&[ALL_TYPES], ACTIVE_USERS);
    let span = Span { step: week, from: this - week.micros(), to: this + week.micros() };
    let weeks = asking.ledger.over_time(asked, span).await?;
    let in_week = |start| weeks.iter().find(|point| point.start == start).map(|p| p.sums.events);
    // One that is not over is not held against a whole one.
    let is_whole = asking.counted(span) == span.to;
    let by_hour = asking.steps.step == Step::Hour;
    let figure = |label: &str, value: Option<i64>, unit, before| Figure {
        label: label.to_owned(),
        value: value.unwrap_or_default(),
        unit,
        before,
    };
    let figures = vec![
        figure(if by_hour { "Events" } else { "Events on whole days" }, now, Unit::Events, before),
        figure(
            "Users on an average day",
            here.map(|(mean, _)| mean),
            Unit::Users,
            there.map(|(mean, _)| mean),
        ),
        figure(
            "Users on the busiest day",
            here.map(|(_, most)| most),
            Unit::Users,
            there.map(|(_, most)| most),
        ),
        figure(
            "Users in the last week (from Monday)",
            in_week(this),
            Unit::Users,
            in_week(this - week.micros()).filter(|_| is_whole),
        ),
    ];
    Ok(asking.panel(&ACTIVITY, Body::Figures { figures }))
}
