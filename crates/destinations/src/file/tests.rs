//! Failures of a disk that only show inside: the rest is tested through the destination.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use super::Compression;
use super::part::{Part, Place, settle};
use super::path::Rows;
use crate::error::Kind;
use crate::suite::{batch, batch_of, unit};

fn place(root: &Path, compression: Compression) -> Place {
    Place { name: "files".into(), root: root.into(), seen: Arc::default(), compression }
}

#[test]
fn a_full_disk_is_told_from_other_failures() {
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let place = place(folder.path(), compression);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let temporary = folder.path().join("temporary");
        let mut part = Part::over(&place, full, temporary, folder.path().join("final")).unwrap();
        let written = part.write(&batch(50).events);
        let error = written.and_then(|()| part.end().map(|_| ())).unwrap_err();
        assert_eq!(error.kind(), Kind::DiskFull, "{compression:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_worker_thought_dead_and_its_successor_put_the_same_file_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path(), Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    let (first, second) = (batch_of(&unit, 0..9, false, 50), batch_of(&unit, 9..20, true, 50));
    let whole = batch_of(&unit, 0..20, true, 50);
    let path = folder.path().join(super::unit_path(&unit, Compression::None));
    let mut old = Part::create(&place, &unit, Rows::All).unwrap();
    old.write(&first.events).unwrap();
    let mut new = Part::create(&place, &unit, Rows::All).unwrap();
    new.write(&first.events).unwrap();
    for mut part in [old, new] {
        part.write(&second.events).unwrap();
        settle(vec![part.end().unwrap()]).unwrap();
        assert_eq!(&std::fs::read(&path).unwrap(), whole.events.ndjson());
    }
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn tries_of_a_unit_that_begin_at_once_do_not_take_each_others_file() {
    let folder = tempfile::tempdir().unwrap();
    let place = place(folder.path(), Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    let whole = batch_of(&unit, 0..3, true, 3);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let mut part = Part::create(&place, &unit, Rows::All).unwrap();
                    part.write(&whole.events).unwrap();
                    settle(vec![part.end().unwrap()]).unwrap();
                }
            });
        }
    });
    let path = folder.path().join(super::unit_path(&unit, Compression::None));
    assert_eq!(&std::fs::read(&path).unwrap(), whole.events.ndjson());
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}
