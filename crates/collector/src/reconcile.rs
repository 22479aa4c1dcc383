//! Hourly and daily copies of a lane's rows: what becomes of a unit beside the other copy.
//!
//! Only decides from the configuration and from what the ledger says of the lane; rows are compared
//! in `admit`.

use orgtap_events::Interval;
use orgtap_ledger::unit::State;
use orgtap_ledger::{ConnectorRecord, Ledger, Unit};

use crate::admit::decisions::Rule;
use crate::clock;
use crate::config::{ConnectorSettings, IntervalPolicy, Reconcile};
use crate::error::Result;

/// How a unit is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// What becomes of its new rows.
    pub(crate) rule: Rule,
    /// The least agreement of the two copies, in percent, if it must be looked at first.
    pub(crate) check: Option<u8>,
}

impl Terms {
    /// All new rows are admitted, whatever the other copy says.
    pub(crate) const NONE: Self = Self { rule: Rule::Admit, check: None };

    /// For a unit of a lane.
    pub(crate) fn of(settings: &ConnectorSettings, unit: &Unit, lane: &[Unit]) -> Self {
        let others = || lane.iter().filter(|other| is_hourly(other) != is_hourly(unit));
        let beside = others().any(is_to_be_had);
        let reconcile = settings.reconcile;
        let rule = match reconcile {
            _ if is_hourly(unit) || !beside => Rule::Admit,
            Reconcile::Report => Rule::Withhold,
            _ if others().any(is_decided) => Rule::Count,
            Reconcile::Deliver | Reconcile::Off => Rule::Admit,
        };
        // Of a withheld unit nothing can come twice; nor beside a copy that brought nothing.
        let delivers = reconcile != Reconcile::Off && rule != Rule::Withhold;
        let beside = others().any(|other| is_decided(other) && other.admitted > 0);
        let check = (delivers && beside).then_some(settings.reconcile_threshold);
        Self { rule, check: check.filter(|threshold| *threshold > 0) }
    }
}

/// Whether a daily unit is not wanted, because the lane has hourly ones.
pub(crate) fn is_covered(settings: &ConnectorSettings, unit: &Unit, lane: &[Unit]) -> bool {
    settings.interval == IntervalPolicy::Auto
        && settings.reconcile == Reconcile::Off
        && !is_hourly(unit)
        && lane.iter().any(|other| is_hourly(other) && is_to_be_had(other))
}

/// Whether a unit's rows count as delivered when others of the lane are compared with it. Those of
/// a unit with withheld rows do not: what it did deliver, an earlier unit has too.
pub(crate) fn is_known(unit: &Unit) -> bool {
    is_decided(unit) && unit.rows - unit.admitted - unit.repeats - unit.undecodable == 0
}

/// Whether it is decided which rows of a unit are delivered.
pub(crate) fn is_decided(unit: &Unit) -> bool {
    matches!(unit.state, State::Admitted | State::Done)
}

/// The settings that disputed units depend on, in words: when they change, those are decided again.
fn words(settings: &ConnectorSettings) -> String {
    let reconcile = match settings.reconcile {
        Reconcile::Off => "off",
        Reconcile::Report => "report",
        Reconcile::Deliver => "deliver",
    };
    let interval = match settings.interval {
        IntervalPolicy::Auto | IntervalPolicy::Both => "both",
        IntervalPolicy::Hourly => "hourly",
        IntervalPolicy::Daily => "daily",
    };
    format!("{interval}, {reconcile}, {} %", settings.reconcile_threshold)
}

/// Has disputed units decided again if what they were disputed under has changed.
pub(crate) async fn reconsider(ledger: &dyn Ledger, settings: &ConnectorSettings) -> Result<()> {
    let record = ledger.connector(&settings.name).await?;
    let words = Some(words(settings));
    if record.reconcile == words {
        return Ok(());
    }
    let units = ledger.reconsider(&settings.name, clock::now()).await?;
    if units > 0 {
        let connector = &settings.name;
        tracing::info!(connector, units, "disputed units are decided again under {words:?}");
    }
    let change = |record: &mut ConnectorRecord| record.reconcile.clone_from(&words);
    Ok(ledger.change_connector(&settings.name, Box::new(change)).await?)
}

/// Whether a unit is of the hourly copy.
pub(crate) fn is_hourly(unit: &Unit) -> bool {
    unit.listed.interval == Interval::Hourly.name()
}

fn is_to_be_had(unit: &Unit) -> bool {
    unit.state != State::Vanished
}
