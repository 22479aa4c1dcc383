//! Brings one unit from the org into the spool: stream, inspect, check, settle.
//!
//! The bytes go to disk as they come (gzip stays gzip; plain bytes are packed on the way). Only a
//! file that decompresses to its end and has the length the org announced gets its place.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use orgtap_codec::csv::Blocks;
use orgtap_events::UnitInfo;
use orgtap_ledger::Rollup;
use orgtap_salesforce::Encoding;
use orgtap_transport::disk::{place, settle};
use tokio::sync::mpsc;

use crate::connector::Connector;
use crate::counting::Counter;
use crate::error::{Error, Result, UnitFault};
use crate::inspect::{Besides, InspectError, Inspected, inspect, limit};
use crate::kept::Copy;
use crate::kill;
use crate::prepare::{Preparing, Ready};
use crate::spool::{Packing, Spool};
use crate::unpack::{Stopped, unpack};

/// A file this old whose length never matched is accepted as it is, when it keeps coming the same
/// and has rows.
const PATIENCE_WITH_LENGTH: jiff::SignedDuration = jiff::SignedDuration::from_hours(6);
/// How often the same bytes must have come by then.
const SAME_BYTES: i64 = 3;

/// A unit in the spool.
pub(crate) struct Fetched {
    /// Path below the spool.
    pub(crate) relative: String,
    /// Bytes on disk.
    pub(crate) spool_bytes: u64,
    /// What the first reading found.
    pub(crate) inspected: Inspected,
    /// What a person should know.
    pub(crate) warning: Option<String>,
    /// Its delivery, if that was prepared.
    pub(crate) ready: Option<Ready>,
    /// What its rows say, if that is counted.
    pub(crate) rollup: Option<Rollup>,
}

/// What earlier tries found: how many there were, and the content of the last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Earlier {
    /// Failed tries.
    pub(crate) attempts: i64,
    /// Content hash of the last try, if it was whole but of the wrong length.
    pub(crate) content_hash: Option<String>,
    /// Content hash of what was delivered, when that is to be fetched once more.
    pub(crate) delivered: Option<String>,
}

/// Files in the scratch folder that go with this value.
struct Scratch(Vec<PathBuf>);

impl Drop for Scratch {
    fn drop(&mut self) {
        for path in &self.0 {
            // Most are renamed away by now; the scratch folder is emptied at every start anyway.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Fetches a unit, and prepares its delivery on the way if told so. Nothing is left behind on
/// failure.
pub(crate) async fn fetch(
    connector: &Connector,
    unit: &Arc<UnitInfo>,
    earlier: &Earlier,
    preparing: Option<Preparing>,
) -> Result<Fetched> {
    let Connector { org, spool, progress, .. } = connector;
    // Who will read it a second time. Replays read the spool.
    let readers = match earlier.delivered {
        Some(_) => 0,
        None => connector.destinations.len() - usize::from(preparing.is_some()),
    };
    let download = org.download(&unit.log_file_id).await?;
    let packing = match download.encoding {
        Encoding::Gzip => Packing::Gzip,
        Encoding::Identity => Packing::Zstd,
    };
    let part = spool.part(unit, packing.ending());
    let rows = spool.part(unit, "rows");
    let _scratch = Scratch(vec![part.clone(), rows.clone()]);

    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    let taking = Taking {
        unit: Arc::clone(unit),
        packing,
        part: part.clone(),
        rows: rows.clone(),
        spool: spool.clone(),
        readers,
        counter: match (&preparing, &earlier.delivered) {
            (None, None) => connector.counting.counter(),
            // Counted where events are made of the rows; and what was delivered before, then.
            _ => Counter::default(),
        },
        preparing,
    };
    let taker = tokio::task::spawn_blocking(move || taking.take(receiver));
    let mut body = download.body;
    let mut trouble = None;
    // Room first, so that no piece waits here.
    while let Ok(room) = sender.reserve().await
        && let Some(piece) = body.next().await
    {
        kill::point("fetch.mid_download");
        match piece {
            Ok(piece) => {
                progress.downloaded.fetch_add(piece.len() as u64, Ordering::Relaxed);
                room.send(piece);
            }
            Err(error) => {
                trouble = Some(error);
                break;
            }
        }
    }
    drop(sender);
    let taken = taker.await.map_err(|error| Error::Worker(error.to_string()))?;
    if let Some(error) = trouble {
        // It had begun to come: the org answers, and other files may come whole.
        return Err(UnitFault::BrokenOff(error.to_string()).into());
    }
    let Taken { spool_bytes, inspected, copy, prepared: (ready, rollup) } = taken?;
    let warning = check_length(unit, &inspected, earlier, org.server_time())?;

    let relative = Spool::relative(unit, packing);
    let (to, rows_to) = (spool.bytes(&relative), spool.rows(unit));
    kill::point("fetch.before_rename");
    tokio::task::spawn_blocking(move || {
        place(&rows, &rows_to).map_err(Error::disk(&rows_to))?;
        settle(&part, &to).map_err(Error::disk(&to))
    })
    .await
    .map_err(|error| Error::Worker(error.to_string()))??;
    kill::point("fetch.after_rename");
    if let Some(copy) = copy {
        spool.kept.put(&relative, copy, readers);
    }
    Ok(Fetched { relative, spool_bytes, inspected, warning, ready, rollup })
}

/// The thread that takes a download in.
struct Taking {
    unit: Arc<UnitInfo>,
    packing: Packing,
    part: PathBuf,
    rows: PathBuf,
    spool: Spool,
    readers: usize,
    preparing: Option<Preparing>,
    counter: Counter,
}

/// What came of it.
struct Taken {
    /// Bytes on disk.
    spool_bytes: u64,
    inspected: Inspected,
    /// What the next reading need not find out again.
    copy: Option<Copy>,
    /// Its delivery, if that was prepared, and what its rows say, if that is counted.
    prepared: (Option<Ready>, Option<Rollup>),
}

impl Taking {
    /// Writes and inspects the pieces as they come.
    fn take(self, pieces: mpsc::Receiver<Bytes>) -> Result<Taken> {
        let Self { unit, packing, part, rows, spool, readers, mut preparing, mut counter } = self;
        let crew = preparing.as_ref().map(|one| Arc::clone(one.crew())).unwrap_or_default();
        let look = |bytes: &mut dyn Blocks| {
            let keep = if readers > 0 { spool.kept.begin(unit.length) } else { None };
            let keep = keep.map(RefCell::new);
            let (limit, scratch) = (limit(unit.length), spool.scratch());
            let (prepare, count) = (preparing.as_mut(), Some(&mut counter));
            let besides = Besides { keep: keep.as_ref(), prepare, count };
            let inspected = inspect(bytes, &unit, limit, &rows, &scratch, besides)?;
            let copy = keep.and_then(|keep| keep.into_inner().finish());
            let prepared = match preparing {
                Some(preparing) => preparing.finish(inspected.rows),
                None => (None, counter.finish()),
            };
            Ok::<_, InspectError>((inspected, copy, prepared))
        };
        match unpack(&part, packing, unit.length, pieces, &crew, look) {
            Ok((spool_bytes, (inspected, copy, prepared))) => {
                Ok(Taken { spool_bytes, inspected, copy, prepared })
            }
            Err(Stopped::Disk(source)) => Err(Error::Disk { path: part, source }),
            Err(Stopped::Reader(error)) => Err(error.at(&rows)),
        }
    }
}

/// Whether the length is right; or wrong, but not going to change any more.
fn check_length(
    unit: &UnitInfo,
    inspected: &Inspected,
    earlier: &Earlier,
    org_time: Option<jiff::Timestamp>,
) -> Result<Option<String>, UnitFault> {
    if let Some(delivered) = &earlier.delivered {
        // Whatever else it said would go out under the same name. The length was judged back then.
        let same = *delivered == inspected.content_hash;
        return if same { Ok(None) } else { Err(UnitFault::Changed) };
    }
    let (listed, found) = (unit.length, inspected.raw_bytes);
    if listed == found {
        return Ok(None);
    }
    let same = earlier.content_hash.as_deref() == Some(inspected.content_hash.as_str());
    let age = org_time.map(|now| now.duration_since(unit.created_date));
    let old = age.is_some_and(|age| age >= PATIENCE_WITH_LENGTH);
    // No rows where some were announced are what a proxy says that has nothing to say.
    let any = inspected.rows > 0 || found > listed;
    if same && old && any && earlier.attempts + 1 >= SAME_BYTES {
        return Ok(Some(format!(
            "accepted with {found} bytes although the org announced {listed}: the same bytes came {} times",
            earlier.attempts + 1
        )));
    }
    Err(UnitFault::Length { listed, found, content_hash: inspected.content_hash.clone() })
}
