//! Where a unit's file is. Every part of the path may come from the org, so none is trusted.

use orgtap_events::UnitInfo;
use orgtap_transport::disk::path_part;

use super::Compression;

/// The folders of a unit, outermost first: connector, event type, day.
pub(super) fn folder(unit: &UnitInfo) -> [String; 3] {
    [path_part(&unit.connector), path_part(&unit.event_type), unit.day().to_string()]
}

/// The name of a unit's file.
///
/// A unit whose first rows went elsewhere, because a destination of this name was of another type
/// when it began, says so: the file must not pass for the whole unit nor replace it.
pub(super) fn file_name(unit: &UnitInfo, first_row: u64, compression: Compression) -> String {
    let name = stem(unit);
    let suffix = compression.suffix();
    if first_row == 0 {
        format!("{name}{suffix}")
    } else {
        format!("{name}.from-{first_row}{suffix}")
    }
}

/// What the names of all temporary files of a unit begin with.
pub(super) fn temporary_prefix(unit: &UnitInfo) -> String {
    format!(".{}.", stem(unit))
}

fn stem(unit: &UnitInfo) -> String {
    path_part(&unit.key())
}
