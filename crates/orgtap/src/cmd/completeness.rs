//! `orgtap completeness`: what is delivered, what is missing, by event type and hour; from the ledger.

mod csv;
mod table;

use std::time::Duration;

use jiff::Timestamp;
use orgtap_collector::config::TypeFilter;
use orgtap_collector::{HourState, Period, Record, Until, completeness};
use orgtap_events::time::{DAY, rfc3339};
use serde_json::{Value, json};

use super::{chosen, ledger, say, settings};
use crate::cli::{By, Common, CompletenessArgs, Form};
use crate::exit::{Exit, usage};

/// The period shown unless another is asked for.
const USUAL: Duration = Duration::from_hours(30 * 24);

/// Runs the command.
pub(crate) async fn run(common: &Common, args: &CompletenessArgs) -> anyhow::Result<Exit> {
    let settings = settings(common)?;
    let connectors = chosen(&settings, &args.connectors)?;
    let types = TypeFilter::parse(args.types.iter().map(String::as_str))
        .map_err(|(_, error)| usage(format!("--types: {error}")))?;
    let period = period(args)?;
    let ledger = ledger(&settings).await?;
    let form = if common.json { Form::Json } else { args.format };
    let (mut exit, mut reports) = (Exit::Success, Vec::new());
    if form == Form::Csv {
        say(csv::header(args.by));
    }
    for connector in &connectors {
        let record = completeness(&*ledger, connector, period, |name| types.admits(name)).await?;
        let until = args.until.map(|until| record.until(until.as_microsecond()));
        exit = exit.max(until.as_ref().map_or(Exit::Success, exit_of));
        match form {
            Form::Json => reports.push(report(&record, args.by, until.as_ref())),
            Form::Csv => csv::lines(&record, args.by).iter().for_each(say),
            Form::Table => say(table::text(&record, args.by, until.as_ref())),
        }
    }
    if form == Form::Json {
        let (from, to) = (rfc3339(period.from), rfc3339(period.to));
        say(json!({ "from": from, "to": to, "connectors": reports }));
    }
    Ok(exit)
}

fn period(args: &CompletenessArgs) -> anyhow::Result<Period> {
    let now = args.at.unwrap_or_else(Timestamp::now);
    let to = args.to.or(args.until).unwrap_or(now);
    let from = match args.from {
        Some(from) => from,
        None => to.checked_sub(USUAL).map_err(|error| usage(error.to_string()))?,
    };
    if from > to {
        return Err(usage(format!("--from {from} is after {to}")));
    }
    if let Some(until) = args.until.filter(|until| *until > to) {
        return Err(usage(format!("--until {until} is after --to {to}")));
    }
    let [from, to, now] = [from, to, now].map(Timestamp::as_microsecond);
    Ok(Period { from, to, now })
}

/// What the answer to `--until` exits with.
fn exit_of(until: &Until) -> Exit {
    match (until.complete, until.waiting > 0 || !until.known) {
        (true, _) => Exit::Success,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Remarks,
    }
}

/// Hours of a type that belong together, with what they sum up to.
struct Group<'a> {
    event_type: &'a str,
    /// Begin of the hour or day; none for the whole period.
    begin: Option<i64>,
    hours: Vec<&'a orgtap_collector::HourRecord>,
}

/// The states, gravest last.
const STATES: [HourState; 5] =
    [HourState::Complete, HourState::Expected, HourState::Partial, HourState::Gap, HourState::Lost];

impl<'a> Group<'a> {
    /// The record cut into groups; `by` none makes one of each type.
    fn of(record: &'a Record, by: Option<By>) -> Vec<Self> {
        let begin = |hour: i64| match by {
            None => None,
            Some(By::Hour) => Some(hour),
            Some(By::Day) => Some(hour - hour.rem_euclid(DAY)),
        };
        let mut groups = Vec::new();
        for one in &record.types {
            for hours in one.hours.chunk_by(|a, b| begin(a.hour) == begin(b.hour)) {
                let begin = hours.first().and_then(|hour| begin(hour.hour));
                let (event_type, hours) = (one.event_type.as_str(), hours.iter().collect());
                groups.push(Self { event_type, begin, hours });
            }
        }
        groups
    }

    fn count(&self, state: HourState) -> usize {
        self.hours.iter().filter(|hour| hour.state == state).count()
    }

    fn first_gap(&self) -> Option<i64> {
        let missing = |state| matches!(state, HourState::Gap | HourState::Lost);
        self.hours.iter().find(|hour| missing(hour.state)).map(|hour| hour.hour)
    }

    fn sum(&self, of: impl Fn(&orgtap_collector::HourRecord) -> u64) -> u64 {
        self.hours.iter().map(|hour| of(hour)).sum()
    }
}

/// One connector in JSON: by hour every number, else sums.
fn report(record: &Record, by: Option<By>, until: Option<&Until>) -> Value {
    let known_to = rfc3339(record.known_to);
    let mut report = json!({ "connector": record.connector, "known_to": known_to });
    report["until"] = json!(until);
    if by == Some(By::Hour) {
        report["types"] = json!(record.types);
        return report;
    }
    let groups = Group::of(record, by);
    let types = groups.iter().map(|group| {
        let states: serde_json::Map<String, Value> = STATES
            .iter()
            .map(|state| (state.name().to_owned(), json!(group.count(*state))))
            .collect();
        json!({
            "event_type": group.event_type,
            "day": group.begin.map(|day| rfc3339(day).get(..10).unwrap_or_default().to_owned()),
            "hours": states,
            "first_gap": group.first_gap().map(rfc3339),
            "rows_hourly": group.sum(|hour| hour.rows_hourly),
            "rows_daily": group.sum(|hour| hour.rows_daily.unwrap_or_default()),
            "withheld": group.sum(|hour| hour.withheld.values().sum()),
            "repeats": group.sum(|hour| hour.repeats),
            "missing": group.sum(|hour| hour.missing),
            "late": group.sum(|hour| hour.late),
        })
    });
    report["types"] = types.collect();
    report
}
