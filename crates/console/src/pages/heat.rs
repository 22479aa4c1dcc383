//! Completeness as a heat map: event types down, the hours of one day across.

use std::collections::BTreeMap;

use orgtap_collector::{HourRecord, HourState, Period, Record, completeness};
use orgtap_events::time::{DAY, HOUR, rfc3339};
use orgtap_transport::words::count;

use super::words::Moment;
use crate::app::App;
use crate::error::{Error, Result};

/// A state as a cell shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shade {
    pub(super) word: &'static str,
    pub(super) class: &'static str,
    pub(super) sign: &'static str,
}

/// How each state looks: sign, word and colour.
fn shade(state: HourState) -> Shade {
    let (word, sign) = match state {
        HourState::Complete => ("Complete", "✓"),
        HourState::Expected => ("Expected", "·"),
        HourState::Partial => ("Partial", "◔"),
        HourState::Gap => ("Gap", "!"),
        HourState::Lost => ("Lost", "✕"),
    };
    Shade { word, class: state.name(), sign }
}

/// A day of one connector.
pub(super) struct Heat {
    pub(super) day: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) rows: Vec<Line>,
}

/// One event type of it.
pub(super) struct Line {
    pub(super) event_type: String,
    /// 24, from midnight on; none where there is nothing to say.
    pub(super) cells: Vec<Option<Cell>>,
}

/// One hour of it.
pub(super) struct Cell {
    pub(super) hour: usize,
    pub(super) state: Shade,
    pub(super) title: String,
    pub(super) chosen: bool,
}

/// The hour that was asked about, explained.
pub(super) struct Explained {
    pub(super) event_type: String,
    pub(super) hour: usize,
    pub(super) word: &'static str,
    pub(super) reason: Option<String>,
    pub(super) remedy: Option<&'static str>,
    pub(super) facts: Vec<(&'static str, String)>,
}

impl Heat {
    #[expect(clippy::unused_self, reason = "the template calls it on the map")]
    pub(super) fn key(&self) -> Vec<Shade> {
        use HourState as It;
        [It::Complete, It::Partial, It::Expected, It::Gap, It::Lost].map(shade).to_vec()
    }

    /// Reads the record of a day: of the one asked for, else of the last that has files. `cell` is
    /// the hour to be explained, `TYPE@HOUR`.
    pub(super) async fn of(
        app: &App,
        connector: &str,
        day: Option<&str>,
        cell: Option<&str>,
    ) -> Result<(Self, Option<Explained>)> {
        let settings = app.settings();
        let connector = settings
            .connectors
            .iter()
            .find(|known| known.name == connector)
            .ok_or_else(|| Error::no(format!("connector {connector:?}")))?;
        let now = jiff::Timestamp::now().as_microsecond();
        let asked = day.map(begin_of).transpose()?;
        let from = match asked {
            Some(day) => day,
            None => last_day(app, &connector.name).await?.unwrap_or(now).div_euclid(DAY) * DAY,
        };
        let period = Period { from, to: from + DAY, now };
        let record = completeness(&**app.ledger(), connector, period, |_| true).await?;
        let chosen = cell.and_then(|cell| {
            let (event_type, hour) = cell.rsplit_once('@')?;
            Some((event_type, hour.parse::<usize>().ok().filter(|hour| *hour < 24)?))
        });
        let explained =
            chosen.and_then(|(event_type, hour)| explain(&record, from, event_type, hour));
        let heat = Self {
            day: date(from),
            before: Some(date(from - DAY)),
            after: (from + DAY <= now).then(|| date(from + DAY)),
            rows: lines(&record, from, chosen),
        };
        Ok((heat, explained))
    }
}

/// The last day of which something is delivered, or at least listed.
async fn last_day(app: &App, connector: &str) -> Result<Option<i64>> {
    let summary = app.ledger().summary(connector).await?;
    let delivered = summary.destinations.values().filter_map(|one| one.newest).max();
    // Files come hours after their hour: the day they tell of is the one before in the morning.
    Ok(delivered.or(summary.newest_file.map(|created| created - 6 * HOUR)))
}

fn begin_of(day: &str) -> Result<i64> {
    let date: jiff::civil::Date =
        day.parse().map_err(|_| Error::unusable("a day is written as 2026-11-25"))?;
    let midnight = jiff::tz::Offset::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::MIN));
    let midnight = midnight.map_err(|_| Error::unusable("that day is out of range"))?;
    Ok(midnight.as_microsecond())
}

fn date(micros: i64) -> String {
    rfc3339(micros).chars().take(10).collect()
}

fn lines(record: &Record, from: i64, chosen: Option<(&str, usize)>) -> Vec<Line> {
    let line = |of: &orgtap_collector::TypeRecord| {
        let mut cells: Vec<Option<Cell>> = (0..24).map(|_| None).collect();
        for it in &of.hours {
            let hour = usize::try_from((it.hour - from) / HOUR).unwrap_or(usize::MAX);
            if let Some(cell) = cells.get_mut(hour) {
                let state = shade(it.state);
                let why = it.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                *cell = Some(Cell {
                    hour,
                    state,
                    title: format!("{} {hour:02}:00, {}{why}", of.event_type, state.word),
                    chosen: chosen == Some((&of.event_type, hour)),
                });
            }
        }
        Line { event_type: of.event_type.clone(), cells }
    };
    let said = record.types.iter().filter(|of| !of.hours.is_empty());
    said.map(line).collect()
}

fn explain(record: &Record, from: i64, event_type: &str, hour: usize) -> Option<Explained> {
    let of = record.types.iter().find(|of| of.event_type == event_type)?;
    let begin = from + i64::try_from(hour).ok()? * HOUR;
    let it = of.hours.iter().find(|it| it.hour == begin)?;
    let mut reason = it.reason.clone();
    if it.inferred {
        let more = "Concluded from what this event type did in the weeks before, not from a file.";
        reason = Some(reason.map_or(more.to_owned(), |reason| format!("{reason}. {more}")));
    }
    Some(Explained {
        event_type: event_type.to_owned(),
        hour,
        word: shade(it.state).word,
        reason,
        remedy: it.remedy,
        facts: facts(it),
    })
}

fn facts(it: &HourRecord) -> Vec<(&'static str, String)> {
    let number = |value: u64| count(i64::try_from(value).unwrap_or(i64::MAX));
    let mut facts = vec![
        ("Files listed", number(it.files_listed)),
        ("Files fetched", number(it.files_fetched)),
        ("Rows in hourly files", number(it.rows_hourly)),
        ("Rows in the daily file", it.rows_daily.map_or("not decided yet".to_owned(), number)),
    ];
    let delivered: &BTreeMap<String, u64> = &it.delivered;
    for (destination, rows) in delivered {
        facts.push(("Delivered", format!("{} to {destination}", number(*rows))));
    }
    let seldom = [
        ("Repeats dropped", it.repeats),
        ("Missing in hourly files", it.missing),
        ("Brought late by the daily file", it.late),
        ("Files made anew", it.reissued),
        ("Files that cannot be decoded", it.rejected),
        ("Disputed files", it.disputed),
        ("Open dead letters of its files", it.set_aside),
    ];
    facts.extend(seldom.into_iter().filter(|(_, of)| *of > 0).map(|(what, of)| (what, number(of))));
    for (what, when) in [("First listed", it.first_listed), ("Last change", it.last_change)] {
        facts.extend(when.map(|when| (what, Moment::at(when).plain())));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_and_nonsense_is_refused() {
        assert_eq!(begin_of("1970-01-02").unwrap(), DAY);
        assert_eq!(date(begin_of("2026-11-25").unwrap()), "2026-11-25");
        for nonsense in ["", "yesterday", "2026-13-01", "-9999-01-01x", "99999-01-01"] {
            assert!(begin_of(nonsense).is_err(), "{nonsense}");
        }
    }
}
