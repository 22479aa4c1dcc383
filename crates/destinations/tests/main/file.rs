//! Files: what is on the disk, when, and after every kind of interruption.

use std::collections::BTreeMap;
use std::fs;
use std::future::ready;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use orgtap_destinations::file::{Compression, FileDestination, unit_path};
use orgtap_destinations::suite::{
    Condition, Harness, Worker, batch_of, poll_times, uids, unit, units,
};
use orgtap_destinations::{Batch, Destination, Kind, contract_suite};
use orgtap_events::UnitInfo;
use orgtap_transport::{Disposition, Explain};
use tempfile::TempDir;

struct Files {
    folder: TempDir,
    destination: Arc<dyn Destination>,
}

impl Files {
    fn new(compression: Compression) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("events");
        let destination = Arc::new(FileDestination::new("files", &directory, compression));
        Self { folder, destination }
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    /// Every file a watcher of the folder would take, with its contents.
    fn visible(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect(&self.directory(), &mut found);
        found.retain(|path, _| !name(path).starts_with('.'));
        found
    }

    /// Drops a stream as a crash would: its temporary files stay, and nobody holds them.
    fn crash(&self, stream: Box<dyn orgtap_destinations::Stream>) {
        let mut found = BTreeMap::new();
        collect(&self.directory(), &mut found);
        drop(stream);
        for (path, bytes) in found.into_iter().filter(|(path, _)| name(path).starts_with('.')) {
            fs::write(path, bytes).unwrap();
        }
    }

    fn leftovers(&self) -> usize {
        let mut found = BTreeMap::new();
        collect(&self.directory(), &mut found);
        found.keys().filter(|path| name(path).starts_with('.')).count()
    }
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn collect(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            // A stream that was abandoned may still be taking its temporary file away.
            match fs::read(&path) {
                Ok(bytes) => drop(found.insert(path, bytes)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{}", path.display()),
            }
        }
    }
}

/// The lines of a file, by decoders that are not the ones under test where possible.
fn lines(path: &Path, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match path.extension().unwrap().to_str().unwrap() {
        "gz" => {
            flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        }
        "zst" => plain = zstd::decode_all(bytes).unwrap(),
        "ndjson" => plain.extend_from_slice(bytes),
        other => panic!("unexpected {other}"),
    }
    plain
}

/// The `event_uid`s in lines, in order.
fn uids_in(lines: &[u8]) -> Vec<String> {
    let events = serde_json::Deserializer::from_slice(lines).into_iter::<serde_json::Value>();
    events
        .map(|event| event.unwrap()["_orgtap"]["event_uid"].as_str().unwrap().to_owned())
        .collect()
}

#[async_trait]
impl Harness for Files {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::clone(&self.destination)
    }

    async fn set(&mut self, condition: Condition) -> bool {
        let (directory, aside) = (self.directory(), self.folder.path().join("aside"));
        match condition {
            Condition::Well => {
                if directory.is_file() {
                    fs::remove_file(&directory).unwrap();
                    fs::rename(&aside, &directory).unwrap();
                }
            }
            // The mount is gone: something else stands where the folder was.
            Condition::Down => {
                fs::create_dir_all(&directory).unwrap();
                fs::rename(&directory, &aside).unwrap();
                fs::write(&directory, "not a folder").unwrap();
            }
            _ => return false,
        }
        true
    }

    async fn arrived(&mut self, _: usize) -> Vec<String> {
        let mut arrived = Vec::new();
        for (path, bytes) in self.visible() {
            arrived.extend(uids_in(&lines(&path, &bytes)));
        }
        arrived
    }
}

contract_suite!(plain_files, ready(Files::new(Compression::None)));
contract_suite!(gzip_files, ready(Files::new(Compression::Gzip)));
contract_suite!(zstd_files, ready(Files::new(Compression::Zstd)));

async fn deliver(files: &Files, batches: Vec<Batch>) {
    Worker::new(files.destination(), batches).attempt().await.unwrap();
}

#[tokio::test]
async fn a_unit_has_its_file_where_its_identity_says() {
    let files = Files::new(Compression::Zstd);
    let login = Arc::new(unit("acme", "Login", 3));
    let batches = vec![batch_of(&login, 0..5, false, 10), batch_of(&login, 5..9, true, 10)];
    let wanted: Vec<u8> = batches.iter().flat_map(|batch| batch.events.ndjson().to_vec()).collect();
    deliver(&files, batches).await;
    let path = unit_path(&login, Compression::Zstd);
    let key = login.key();
    assert_eq!(path, PathBuf::from(format!("acme/Login/2026-11-22/{key}.ndjson.zst")));
    let found = files.visible();
    assert_eq!(found.keys().collect::<Vec<_>>(), [&files.directory().join(&path)]);
    assert_eq!(lines(&path, &found[&files.directory().join(&path)]), wanted);
    assert_eq!(files.leftovers(), 0);
    let mode = fs::metadata(files.directory().join(&path)).unwrap().mode();
    assert_eq!(mode & 0o007, 0, "events are nobody else's business");
}

#[tokio::test]
async fn the_usual_tools_read_a_file_at_once() {
    for (compression, tool) in [(Compression::Gzip, "zcat"), (Compression::Zstd, "zstdcat")] {
        let files = Files::new(compression);
        let unit = Arc::new(unit("acme", "Login", 1));
        let batch = batch_of(&unit, 0..500, true, 300);
        let wanted = batch.events.ndjson().clone();
        deliver(&files, vec![batch]).await;
        let path = files.directory().join(unit_path(&unit, compression));
        let output = Command::new(tool).arg(path).stderr(Stdio::inherit()).output();
        let output = output.unwrap_or_else(|error| panic!("{tool}: {error}; apt-get install zstd"));
        assert!(output.status.success() && output.stdout == wanted, "{tool}");
    }
}

#[tokio::test]
async fn hostile_names_do_not_leave_the_directory() {
    let files = Files::new(Compression::None);
    for (hour, event_type) in
        ["../../escaped", "..", "/etc/x", ".", "", "a/b", "a\0b"].into_iter().enumerate()
    {
        let mut unit = unit("../acme", event_type, u32::try_from(hour).unwrap());
        unit.log_file_id = "../../id".to_owned();
        deliver(&files, vec![batch_of(&Arc::new(unit), 0..2, true, 10)]).await;
    }
    let found = files.visible();
    assert_eq!(found.len(), 7);
    for path in found.keys() {
        let below = path.strip_prefix(files.directory()).unwrap();
        assert_eq!(below.components().count(), 4, "{}", below.display());
    }
    assert_eq!(fs::read_dir(files.folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn nothing_is_visible_before_the_end_and_nothing_is_durable() {
    let files = Files::new(Compression::Zstd);
    let unit = Arc::new(unit("acme", "Login", 1));
    let mut stream = files.destination.open().await.unwrap();
    let receipt = stream.write(batch_of(&unit, 0..5, false, 10)).await.unwrap();
    assert!(!receipt.durable);
    let receipt = stream.flush().await.unwrap();
    assert!(!receipt.durable, "a part of a unit is never durable");
    assert!(files.visible().is_empty());
    assert_eq!(files.leftovers(), 1);
    stream.write(batch_of(&unit, 5..5, true, 10)).await.unwrap();
    assert!(stream.flush().await.unwrap().durable);
    assert_eq!((files.visible().len(), files.leftovers()), (1, 0));
}

#[tokio::test]
async fn a_flush_in_mid_unit_makes_the_units_before_it_visible() {
    let files = Files::new(Compression::None);
    let (first, second) = (Arc::new(unit("acme", "Login", 1)), Arc::new(unit("acme", "Login", 2)));
    let mut stream = files.destination.open().await.unwrap();
    stream.write(batch_of(&first, 0..5, true, 10)).await.unwrap();
    stream.write(batch_of(&second, 0..5, false, 10)).await.unwrap();
    assert!(!stream.flush().await.unwrap().durable);
    assert_eq!(files.visible().len(), 1);
}

#[tokio::test]
async fn small_units_are_made_safe_together_and_large_ones_at_once() {
    let files = Files::new(Compression::Zstd);
    let mut stream = files.destination.open().await.unwrap();
    let mut durable = 0;
    for hour in 0..100 {
        let unit = Arc::new(unit("acme", "Login", hour));
        let receipt = stream.write(batch_of(&unit, 0..1, true, 10)).await.unwrap();
        if receipt.durable {
            durable += 1;
            assert_eq!(files.visible().len() as u32, hour + 1);
        }
    }
    assert!((2..=10).contains(&durable), "{durable}");
    assert!(files.leftovers() <= 32, "open files are bounded");
    let large = Arc::new(unit("acme", "Login", 100));
    let receipt = stream.write(batch_of(&large, 0..5, true, 1 << 20)).await.unwrap();
    assert!(receipt.durable);
    assert_eq!(files.visible().len(), 101);
}

#[tokio::test]
async fn a_unit_begun_again_gives_the_same_bytes() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let undisturbed = Files::new(compression);
        deliver(&undisturbed, units("acme")).await;
        let wanted: Vec<Vec<u8>> = undisturbed.visible().into_values().collect();
        assert_eq!(wanted.len(), 3, "the unit without events has no file");
        let files = Files::new(compression);
        // Interrupted after every possible batch.
        for writes in 0..units("acme").len() {
            let mut stream = files.destination.open().await.unwrap();
            for batch in units("acme").into_iter().take(writes) {
                stream.write(batch).await.unwrap();
            }
            files.crash(stream);
        }
        assert!(files.leftovers() > 0);
        deliver(&files, units("acme")).await;
        assert_eq!(files.visible().into_values().collect::<Vec<_>>(), wanted);
        assert_eq!(files.leftovers(), 0, "leftovers of dead runs are removed");
        // Delivered once more, by order: replaced by the same.
        deliver(&files, units("acme")).await;
        assert_eq!(files.visible().into_values().collect::<Vec<_>>(), wanted);
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_takes_its_temporary_files_along() {
    let files = Files::new(Compression::Gzip);
    let mut stream = files.destination.open().await.unwrap();
    for batch in units("acme").into_iter().take(6) {
        stream.write(batch).await.unwrap();
    }
    assert!(files.leftovers() > 0);
    drop(stream);
    assert_eq!(files.leftovers(), 0);
}

#[tokio::test]
async fn an_abandoned_write_leaves_no_file_that_passes_for_whole() {
    let files = Files::new(Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    for _ in 0..20 {
        let mut stream = files.destination.open().await.unwrap();
        poll_times(stream.write(batch_of(&unit, 0..200, false, 100)), 1).await;
    }
    assert!(files.visible().is_empty());
    deliver(&files, vec![batch_of(&unit, 0..200, true, 100)]).await;
    assert_eq!(files.visible().len(), 1);
}

#[tokio::test]
async fn the_rest_of_a_unit_does_not_replace_the_whole() {
    let files = Files::new(Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    let whole = batch_of(&unit, 0..10, true, 10);
    deliver(&files, vec![whole.clone()]).await;
    deliver(&files, vec![batch_of(&unit, 4..10, true, 10)]).await;
    let found = files.visible();
    assert_eq!(found.len(), 2);
    let path = files.directory().join(unit_path(&unit, Compression::None));
    assert_eq!(&found[&path], whole.events.ndjson());
    assert!(found.keys().any(|path| name(path).ends_with(".from-4.ndjson")));
}

/// A batch of a replay of dead letters.
fn letters(unit: &Arc<UnitInfo>, rows: Range<u64>, ends: bool) -> Batch {
    Batch { letters: true, ..batch_of(unit, rows, ends, 10) }
}

#[tokio::test]
async fn dead_letters_have_a_file_of_their_own_whatever_lies_between_them() {
    let files = Files::new(Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    let batches = vec![
        letters(&unit, 3..4, false),
        letters(&unit, 7..9, false),
        letters(&unit, 12..13, true),
    ];
    let wanted = uids(&batches);
    deliver(&files, batches).await;
    let found = files.visible();
    let (path, bytes) = found.first_key_value().unwrap();
    assert!(found.len() == 1 && name(path).ends_with(".letters-from-3.ndjson"), "{found:?}");
    assert_eq!(uids_in(bytes), wanted);
}

#[tokio::test]
async fn dead_letters_do_not_take_the_name_of_the_whole_unit_or_its_rest() {
    let files = Files::new(Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    deliver(&files, vec![batch_of(&unit, 0..10, true, 10)]).await;
    deliver(&files, vec![batch_of(&unit, 4..10, true, 10)]).await;
    let before = files.visible();
    deliver(&files, vec![letters(&unit, 0..1, true)]).await;
    deliver(&files, vec![letters(&unit, 4..5, true)]).await;
    let after = files.visible();
    assert_eq!((before.len(), after.len()), (2, 4));
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
}

#[tokio::test]
async fn dead_letters_out_of_order_or_among_other_rows_are_refused() {
    let files = Files::new(Compression::None);
    let unit = Arc::new(unit("acme", "Login", 1));
    for (first, second) in [
        (letters(&unit, 4..6, false), letters(&unit, 5..7, true)),
        (letters(&unit, 4..6, false), letters(&unit, 2..3, true)),
        (letters(&unit, 4..6, false), batch_of(&unit, 6..7, true, 10)),
        (batch_of(&unit, 0..6, false, 10), letters(&unit, 6..7, true)),
    ] {
        let mut stream = files.destination.open().await.unwrap();
        stream.write(first).await.unwrap();
        let error = stream.write(second).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Misused);
    }
    assert!(files.visible().is_empty());
}

#[tokio::test]
async fn rows_out_of_turn_are_refused() {
    let files = Files::new(Compression::None);
    let (first, second) = (Arc::new(unit("acme", "Login", 1)), Arc::new(unit("acme", "Login", 2)));
    for wrong in [batch_of(&first, 6..9, true, 10), batch_of(&second, 5..9, true, 10)] {
        let mut stream = files.destination.open().await.unwrap();
        stream.write(batch_of(&first, 0..5, false, 10)).await.unwrap();
        let error = stream.write(wrong).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Misused);
    }
    assert!(files.visible().is_empty());
}

#[tokio::test]
async fn a_directory_that_is_gone_is_not_made_anew_beneath_a_lost_mount() {
    let files = Files::new(Compression::None);
    let whole = |hour| batch_of(&Arc::new(unit("acme", "Login", hour)), 0..5, true, 10);
    deliver(&files, vec![whole(1)]).await;
    // Whoever takes the files away may take their folders along.
    fs::remove_dir_all(files.directory().join("acme")).unwrap();
    deliver(&files, vec![whole(2)]).await;
    fs::remove_dir_all(files.directory()).unwrap();
    let mut worker = Worker::new(files.destination(), vec![whole(3)]);
    let error = worker.attempt().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Storage);
    assert!(matches!(error.disposition(), Disposition::Retry { .. }));
    assert_eq!(files.destination.check(whole(3)).await.unwrap_err().kind(), Kind::Storage);
    assert!(!files.directory().exists());
    fs::create_dir(files.directory()).unwrap();
    worker.attempt().await.unwrap();
    assert_eq!(files.visible().len(), 1);
}

#[tokio::test]
async fn a_check_leaves_no_file() {
    let files = Files::new(Compression::Zstd);
    let checked = files.destination.check(units("acme").remove(0)).await.unwrap();
    assert_eq!(checked.leaves, None);
    assert_eq!((files.visible().len(), files.leftovers()), (0, 0));
    assert_eq!(uids(&units("acme")).len(), 84);
}
