//! Row indexes that are lost or damaged are made again: from the spool, or from the org, which must
//! still have the file as it was.
//!
//! Where neither can be, the unit that needs the index is set aside with a dead letter. A person who
//! replays that has chosen: the rows of the lost one are unknown from then on.

use std::sync::{Arc, Mutex};

use orgtap_codec::csv::Plain;
use orgtap_events::UnitInfo;
use orgtap_ledger::{Closing, DeadLetter, Lease, LetterChoice, Unit};
use orgtap_transport::Explain;
use orgtap_transport::disk::place;

use crate::admit::index::IndexReader;
use crate::admit::lane::LaneRows;
use crate::compare::{Compared, Known, compare_apart};
use crate::connector::Connector;
use crate::error::{Error, Result, UnitFault};
use crate::inspect::{Besides, inspect, limit};
use crate::letter;
use crate::reconcile::Terms;
use crate::replay::refetch;
use crate::spool::Spool;

/// Code of a lost row index.
pub(crate) const INDEX_LOST: &str = "OT-UNIT-06";

/// A unit and the decided ones of its lane, whose comparison failed.
pub(crate) struct Failed<'a> {
    pub(crate) unit: &'a Unit,
    pub(crate) earlier: Vec<&'a Unit>,
    pub(crate) terms: Terms,
    pub(crate) rows: &'a Arc<Mutex<LaneRows>>,
    pub(crate) error: Error,
}

/// Whether a comparison may have failed for an index that is lost or damaged.
pub(crate) fn is_called_for(error: &Error) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    match error {
        Error::Unit(UnitFault::IndexLost { .. }) => true,
        Error::Disk { source, .. } => matches!(source.kind(), InvalidData | UnexpectedEof),
        _ => false,
    }
}

/// Compares once more, with indexes made again.
pub(crate) async fn compare_again(
    connector: &Connector,
    lease: &Lease,
    failed: Failed<'_>,
) -> Result<Compared> {
    let Failed { unit, earlier, terms, rows, error } = failed;
    let own = mend(connector, lease, unit).await?;
    if let Mended::Lost(fault) = own {
        return Ok(Compared::Disputed(fault));
    }
    let mut any = own == Mended::Made;
    let mut known = Vec::with_capacity(earlier.len());
    for other in earlier {
        match mend(connector, lease, other).await? {
            Mended::Lost(fault) if !is_accepted(connector, unit).await? => {
                return Ok(Compared::Disputed(fault));
            }
            Mended::Lost(fault) => {
                any = true;
                tracing::warn!(
                    connector = connector.name(),
                    log_file = unit.listed.log_file_id,
                    event_type = unit.listed.lane.event_type,
                    "as chosen, rows that were delivered before may come twice: {fault}"
                );
                continue;
            }
            mended => any |= mended == Mended::Made,
        }
        known.push(Known::of(&connector.info(other)?, other));
    }
    if !any {
        return Err(error);
    }
    let this = Known::of(&connector.info(unit)?, unit);
    let compared = compare_apart(connector, this, known, terms, Arc::clone(rows), None).await?;
    Ok(compared.0)
}

/// The dead letter of a unit that was set aside, if it is for a lost index and there is none yet.
pub(crate) async fn letter(
    connector: &Connector,
    unit: &Unit,
    fault: &UnitFault,
) -> Result<Vec<DeadLetter>> {
    if !matches!(fault, UnitFault::IndexLost { .. }) || letters(connector, unit, false).await? {
        return Ok(Vec::new());
    }
    let problem = Error::Unit(fault.clone()).problem();
    Ok(vec![letter::of_unit(unit, None, problem)])
}

/// Whether a person has chosen to have a unit delivered all the same.
async fn is_accepted(connector: &Connector, unit: &Unit) -> Result<bool> {
    letters(connector, unit, true).await
}

/// Whether there are letters of a unit for a lost index: open ones, or replayed ones.
async fn letters(connector: &Connector, unit: &Unit, closed: bool) -> Result<bool> {
    let choice = LetterChoice {
        code: Some(INDEX_LOST.to_owned()),
        unit: Some(unit.id),
        closed,
        ..LetterChoice::of(connector.name())
    };
    let found = connector.ledger.letters(&choice, usize::MAX).await?;
    Ok(found.iter().any(|found| found.closed.is_none_or(|it| it.how == Closing::Replayed)))
}

/// What came of an index.
#[derive(PartialEq, Eq)]
enum Mended {
    Sound,
    Made,
    Lost(UnitFault),
}

/// Makes a unit's index again if it is lost or damaged.
async fn mend(connector: &Connector, lease: &Lease, unit: &Unit) -> Result<Mended> {
    let info = connector.info(unit)?;
    let (spool, of) = (connector.spool.clone(), Arc::clone(&info));
    let relative = unit.spool_path.clone().filter(|_| unit.spooled);
    let looking = tokio::task::spawn_blocking(move || {
        if is_sound(&spool, &of) {
            return Ok(Some(Mended::Sound));
        }
        match relative.map(|relative| rebuild(&spool, &of, &relative)) {
            Some(Ok(())) => Ok(Some(Mended::Made)),
            Some(Err(error)) if error.is_disk_full() => Err(error),
            // There are no bytes, or they are damaged too.
            _ => Ok(None),
        }
    });
    let found = looking.await.map_err(|error| Error::Worker(error.to_string()))??;
    let mended = match found {
        Some(Mended::Sound) => return Ok(Mended::Sound),
        Some(mended) => mended,
        None => match refetch(connector, lease, unit.id, true).await {
            Ok(_) => Mended::Made,
            Err(Error::Unit(why @ (UnitFault::NowhereLeft | UnitFault::Changed))) => {
                let (unit, why) = (info.key(), why.to_string());
                return Ok(Mended::Lost(UnitFault::IndexLost { unit, why }));
            }
            Err(error) => return Err(error),
        },
    };
    tracing::warn!(
        connector = connector.name(),
        log_file = info.log_file_id,
        event_type = info.event_type,
        "its row index was lost or damaged, and is made again"
    );
    Ok(mended)
}

/// Whether a unit's index is there, and is whole to its end.
fn is_sound(spool: &Spool, unit: &UnitInfo) -> bool {
    let Ok(mut index) = IndexReader::open(&spool.rows(unit)) else { return false };
    while index.head().is_some() {
        if index.advance().is_err() {
            return false;
        }
    }
    true
}

/// Makes an index from the spooled bytes.
fn rebuild(spool: &Spool, unit: &UnitInfo, relative: &str) -> Result<()> {
    let part = spool.part(unit, "rows");
    let path = spool.bytes(relative);
    let mut bytes = Plain(spool.open_bytes(relative).map_err(Error::disk(&path))?);
    inspect(&mut bytes, unit, limit(unit.length), &part, &spool.scratch(), Besides::default())
        .map_err(|error| error.at(&part))?;
    let to = spool.rows(unit);
    place(&part, &to).map_err(Error::disk(&to))
}
