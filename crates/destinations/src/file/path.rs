//! Where a unit's file is. Every part of the path may come from the org, so none is trusted.

use orgtap_events::UnitInfo;
use orgtap_transport::disk::path_part;

use super::Compression;
use crate::Batch;

/// Which rows of a unit a file holds. Only one with all of them may pass for the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// All.
    All,
    /// These and all that follow: the others went elsewhere, because a destination of this name was
    /// of another type when the unit began.
    From(u64),
    /// Dead letters, of which this is the first.
    Letters(u64),
}

impl Rows {
    /// Those of a file that begins with a batch.
    pub(super) const fn beginning_with(batch: &Batch) -> Self {
        match batch.rows.start {
            first if batch.letters => Self::Letters(first),
            0 => Self::All,
            first => Self::From(first),
        }
    }
}

/// The folders of a unit, outermost first: connector, event type, day.
pub(super) fn folder(unit: &UnitInfo) -> [String; 3] {
    [path_part(&unit.connector), path_part(&unit.event_type), unit.day().to_string()]
}

/// The name of a file with rows of a unit.
pub(super) fn file_name(unit: &UnitInfo, rows: Rows, compression: Compression) -> String {
    let name = stem(unit);
    let suffix = compression.suffix();
    match rows {
        Rows::All => format!("{name}{suffix}"),
        Rows::From(row) => format!("{name}.from-{row}{suffix}"),
        Rows::Letters(row) => format!("{name}.letters-from-{row}{suffix}"),
    }
}

/// What the names of all temporary files of a unit begin with.
pub(super) fn temporary_prefix(unit: &UnitInfo) -> String {
    format!(".{}.", stem(unit))
}

fn stem(unit: &UnitInfo) -> String {
    path_part(&unit.key())
}
