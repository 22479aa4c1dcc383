//! Which of a unit's rows are delivered: its row index beside those of the lane's earlier units, on
//! disk, on a thread of its own.

use std::sync::{Arc, Mutex, PoisonError};

use orgtap_events::{Interval, UnitInfo};
use orgtap_ledger::{Unit, UnitId};
use orgtap_transport::disk::settle;

use crate::admit::agreement::Agreement;
use crate::admit::decisions::{Decided, Delivered, Earlier, decide};
use crate::admit::index::IndexReader;
use crate::admit::lane::LaneRows;
use crate::apart::{self, Twins};
use crate::connector::Connector;
use crate::error::{Error, Result, UnitFault};
use crate::kill;
use crate::prepare::Ready;
use crate::reconcile::{self, Terms};
use crate::spool::Spool;

/// A unit whose row index is needed, and its bytes if they are still there.
pub(crate) struct Known {
    id: UnitId,
    unit: Arc<UnitInfo>,
    rows: i64,
    relative: Option<String>,
    /// Whether its rows count as delivered.
    counts: bool,
}

impl Known {
    pub(crate) fn of(info: &Arc<UnitInfo>, unit: &Unit) -> Self {
        let relative = unit.spool_path.clone().filter(|_| unit.spooled);
        let (id, rows, counts) = (unit.id, unit.rows, reconcile::is_known(unit));
        Self { id, unit: Arc::clone(info), rows, relative, counts }
    }

    fn is_hourly(&self) -> bool {
        self.unit.interval == Interval::Hourly
    }

    /// The bytes, if they are still there.
    fn bytes(&self) -> Option<apart::Bytes<'_>> {
        Some((&self.unit, self.relative.as_deref()?))
    }

    /// Opens the index.
    fn open(&self, spool: &Spool) -> Result<IndexReader> {
        let unreadable = |error: std::io::Error| UnitFault::IndexLost {
            unit: self.unit.key(),
            why: error.to_string(),
        };
        Ok(IndexReader::open(&spool.rows(&self.unit)).map_err(unreadable)?)
    }
}

/// Compares on a thread of its own. Answers the prepared delivery as well, if it agrees.
pub(crate) async fn compare_apart(
    connector: &Connector,
    this: Known,
    earlier: Vec<Known>,
    terms: Terms,
    rows: Arc<Mutex<LaneRows>>,
    ready: Option<Ready>,
) -> Result<(Compared, Option<Ready>)> {
    let spool = connector.spool.clone();
    let comparing = tokio::task::spawn_blocking(move || {
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        let compared = compare(&spool, &this, &earlier, terms, &mut rows).inspect_err(|_| {
            // Not to be believed: it may come from a damaged index.
            *rows = LaneRows::default();
        })?;
        let record = spool.decisions(&this.unit);
        let ready = ready.filter(|ready| match &compared {
            Compared::Decided(decided) => ready.agrees(decided, &record),
            Compared::Disputed(_) => false,
        });
        Ok((compared, ready))
    });
    comparing.await.map_err(|error| Error::Worker(error.to_string()))?
}

/// What comparing a unit came to.
pub(crate) enum Compared {
    /// Which of its rows are delivered.
    Decided(Box<Decided>),
    /// None, since it does not agree with the lane's other copy.
    Disputed(UnitFault),
}

/// The comparison itself.
fn compare(
    spool: &Spool,
    this: &Known,
    earlier: &[Known],
    terms: Terms,
    rows: &mut LaneRows,
) -> Result<Compared> {
    if let Some(threshold) = terms.check
        && let Some(fault) = disagreement(spool, this, earlier, threshold)?
    {
        return Ok(Compared::Disputed(fault));
    }
    let own = this.open(spool)?;
    let mut others = Earlier::default();
    let counting = || earlier.iter().filter(|other| other.counts);
    let is_small = counting().map(|other| other.rows).sum::<i64>() <= LaneRows::LIMIT;
    for other in counting() {
        let (index, is_hourly) = (|| other.open(spool), other.is_hourly());
        match (is_small, is_hourly) {
            (true, _) if rows.has(other.id) => {}
            (true, _) => {
                rows.add(other.id, is_hourly, index()?).map_err(Error::disk(spool.scratch()))?;
            }
            (false, true) => others.hourly.push(index()?),
            (false, false) => others.daily.push(index()?),
        }
    }
    let delivered: &mut dyn Delivered = if is_small { rows } else { &mut others };
    let part = spool.part(&this.unit, "admit");
    let decided =
        decide(&part, &spool.scratch(), own, delivered, terms.rule).map_err(Error::disk(&part))?;
    if decided.exceptions > 0 {
        kill::point("admit.before_rename");
        let to = spool.decisions(&this.unit);
        settle(&part, &to).map_err(Error::disk(&to))?;
    }
    Ok(Compared::Decided(Box::new(decided)))
}

/// What is wrong with the unit's copy, if the lane's hourly and daily copies are written too
/// differently.
fn disagreement(
    spool: &Spool,
    this: &Known,
    earlier: &[Known],
    threshold: u8,
) -> Result<Option<UnitFault>> {
    let all = earlier.iter().chain([this]);
    let (hourly, daily): (Vec<&Known>, Vec<&Known>) = all.partition(|known| known.is_hourly());
    let open = |copy: &[&Known]| copy.iter().map(|known| known.open(spool)).collect::<Result<_>>();
    let (mut hours, mut days): (Vec<_>, Vec<_>) = (open(&hourly)?, open(&daily)?);
    let agreement = Agreement::of(&mut hours, &mut days).map_err(Error::disk(spool.scratch()))?;
    let apart = agreement.apart();
    if agreement.reaches(threshold, apart) {
        return Ok(None);
    }
    let twins = Twins::among(
        spool,
        &rows_of(&hourly, &agreement.hourly_rows),
        &rows_of(&daily, &agreement.daily_rows),
    );
    // Copies with so little in common may name requests differently too.
    let is_telling = agreement.both >= apart && agreement.remembers_all();
    let apart = twins.most.filter(|_| is_telling).unwrap_or(apart);
    if agreement.reaches(threshold, apart) {
        return Ok(None);
    }
    let (both, rows) = (agreement.both, agreement.both + apart);
    Ok(Some(UnitFault::Disagree { rows, both, example: twins.example }))
}

/// These rows, by unit.
fn rows_of<'a>(copy: &[&'a Known], rows: &[(usize, u64)]) -> Vec<apart::Rows<'a>> {
    let mut all: Vec<apart::Rows<'_>> = copy.iter().map(|it| (it.bytes(), Vec::new())).collect();
    for (unit, row) in rows {
        all[*unit].1.push(*row);
    }
    for (_, rows) in &mut all {
        rows.sort_unstable();
    }
    all
}
