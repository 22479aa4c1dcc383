//! What the panels of one page have in common.

use super::{BTreeMap, BY_HOUR, Choice, HOURS_KEPT, LedgerError, RollupLedger, Span, rfc3339};
use crate::panel::{Body, Cell, Need, Page, Panel};
use orgtap_events::time::{DAY, HOUR};
use orgtap_ledger::{ALL_TYPES, Asked, Step, TOTAL, USER};

/// The longest time that is looked at.
const LONGEST: i64 = 4_000 * DAY;

/// A page that is being made.
pub(super) struct Asking<'a> {
    pub(super) ledger: &'a dyn RollupLedger,
    pub(super) connector: Option<&'a str>,
    /// The time it is about, in steps.
    pub(super) spans: Vec<Span>,
    /// The same in steps of one length.
    pub(super) steps: Span,
    /// Event types that came, with their last hour.
    seen: BTreeMap<String, i64>,
    /// End of the last hour of which something is counted.
    counted_to: i64,
}

/// What a panel is, but for its answer.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) question: &'static str,
    pub(super) needs: &'static [&'static str],
}

impl<'a> Asking<'a> {
    pub(super) async fn new(
        ledger: &'a dyn RollupLedger,
        choice: &'a Choice,
    ) -> Result<Self, LedgerError> {
        let connector = choice.connector.as_deref();
        let seen: BTreeMap<_, _> = ledger.types_seen(connector).await?.into_iter().collect();
        let newest = seen.values().max().copied().unwrap_or_default();
        let (from, to) = (choice.from, choice.to.max(choice.from.saturating_add(1)));
        // Far away moments are nobody's: days are counted one by one.
        let (from, to) = (from.max(to.saturating_sub(LONGEST)).max(0), to.max(1));
        let by_hour = to - from <= BY_HOUR && from > newest - HOURS_KEPT + DAY;
        let spans = if by_hour { Span::hours(from, to) } else { Span::days(from, to) };
        let first = spans.first().map_or(from, |span| span.from);
        let last = spans.last().map_or(to, |span| span.to);
        let step = if by_hour { Step::Hour } else { Step::Day };
        let steps = Span { step, from: first, to: last };
        let counted_to = newest.saturating_add(HOUR);
        Ok(Self { ledger, connector, spans, steps, seen, counted_to })
    }

    /// Whether rows of a type ever came.
    pub(super) fn has(&self, event_type: &str) -> bool {
        self.seen.contains_key(event_type)
    }

    pub(super) fn asked<'q>(&'q self, event_types: &'q [&'q str], dimension: &'q str) -> Asked<'q> {
        Asked { connector: self.connector, event_types, dimension }
    }

    /// What is asked about a dimension; about users, of whom there are many, whole days.
    pub(super) fn spans_of(&self, dimension: &str) -> Vec<Span> {
        match dimension {
            USER => Span::days(self.steps.from, self.steps.to),
            _ => self.spans.clone(),
        }
    }

    /// Where the counts of a stretch of time end: at its end, or with the last hour that has come.
    pub(super) fn counted(&self, Span { from, to, .. }: Span) -> i64 {
        to.min(self.counted_to).max(from + HOUR)
    }

    /// The days of this page of which all has come, or the only one there is.
    pub(super) fn whole_days(&self) -> Span {
        let (step, day) = (Step::Day, Step::Day.micros());
        let from = step.start(self.steps.from);
        let last = step.start(self.steps.to - 1) + day;
        let counted = self.counted(Span { step, from, to: last });
        Span { step, from, to: step.start(counted).max(from + day) }
    }

    /// What of this page is compared, and the time before it that is as long: of a page about days,
    /// whole days.
    pub(super) fn compared(&self) -> [Vec<Span>; 2] {
        let (Span { from, to, .. }, spans): (_, fn(i64, i64) -> _) = match self.steps.step {
            Step::Hour => (Span { to: self.counted(self.steps), ..self.steps }, Span::hours),
            _ => (self.whole_days(), Span::days),
        };
        [spans(from, to), spans(from - (to - from), from)]
    }

    /// The day from which on something is counted, if it is in a stretch of time or before.
    pub(super) async fn counted_from(&self, before: i64) -> Result<Option<i64>, LedgerError> {
        let asked = self.asked(&[ALL_TYPES], TOTAL);
        let all = Span { step: Step::Day, from: before - LONGEST, to: before };
        let points = self.ledger.over_time(asked, all).await?;
        Ok(points.first().map(|point| point.start))
    }

    /// Starts of all steps.
    pub(super) fn times(&self) -> Vec<i64> {
        let Span { step, from, to } = self.steps;
        let count = usize::try_from((to - from) / step.micros()).unwrap_or_default();
        let starts = std::iter::successors(Some(from), |start| Some(start + step.micros()));
        starts.take(count).collect()
    }

    /// Which step a moment is in.
    pub(super) fn step_of(&self, start: i64) -> usize {
        usize::try_from((start - self.steps.from) / self.steps.step.micros()).unwrap_or(usize::MAX)
    }

    pub(super) fn panel(&self, about: &About, body: Body) -> Panel {
        let need = |event_type: &&str| {
            let last = match *event_type {
                ALL_TYPES => self.seen.values().max(),
                one => self.seen.get(one),
            };
            Need {
                event_type: (*event_type).to_owned(),
                seen: last.is_some(),
                last: last.map(|hour| rfc3339(*hour)),
            }
        };
        let needs: Vec<Need> = about.needs.iter().map(need).collect();
        let missing: Vec<&str> =
            needs.iter().filter(|need| !need.seen).map(|need| &*need.event_type).collect();
        let note = if missing.is_empty() {
            None
        } else if missing.len() == needs.len() {
            Some(format!("No rows of {} have come from the org so far.", list(&missing)))
        } else {
            Some(format!("Without {}: no rows of that kind have come so far.", list(&missing)))
        };
        let About { id, title, question, .. } = *about;
        Panel { id, title, question, needs, body, note }
    }

    /// The page, in which users have names.
    pub(super) async fn page(
        &self,
        id: &'static str,
        title: &'static str,
        mut panels: Vec<Panel>,
    ) -> Result<Page, LedgerError> {
        name_users(self.ledger, &mut panels).await?;
        let (from, to) = (rfc3339(self.steps.from), rfc3339(self.steps.to));
        Ok(Page { id, title, from, to, panels })
    }
}

/// Gives users their names, as far as these are known.
pub(super) async fn name_users(
    ledger: &dyn RollupLedger,
    panels: &mut [Panel],
) -> Result<(), LedgerError> {
    let mut cells: Vec<&mut Cell> = Vec::new();
    for panel in panels {
        if let Body::Table { rows, .. } = &mut panel.body {
            cells.extend(rows.iter_mut().flatten());
        }
    }
    let mut users: Vec<String> = cells
        .iter()
        .filter_map(|cell| match cell {
            Cell::User { id, .. } => Some(id.clone()),
            _ => None,
        })
        .collect();
    users.sort();
    users.dedup();
    let names: BTreeMap<String, String> = ledger.user_names(&users).await?.into_iter().collect();
    for cell in cells {
        if let Cell::User { id, name } = cell {
            *name = names.get(id).cloned();
        }
    }
    Ok(())
}

/// Words with commas, and `or` before the last.
fn list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
