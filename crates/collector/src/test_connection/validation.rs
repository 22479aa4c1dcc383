//! Validation: one real file, downloaded and decoded.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use orgtap_codec::csv::{Item, Reader};
use orgtap_destinations::{Batch, Events};
use orgtap_events::raw::Plan;
use orgtap_events::{Interval, UnitInfo};
use orgtap_salesforce::Encoding;
use orgtap_transport::words::counted;

use super::{Carried, Desk};
use crate::error::{Result, UnitFault};

/// The most bytes of a file that are looked at.
const LOOK: usize = 4 * 1024 * 1024;

pub(super) async fn run(desk: &mut Desk<'_>, carried: &mut Carried) -> Result<()> {
    let (Some(org), Some(file)) = (&carried.org, &carried.file) else {
        desk.warn("there is no file to try");
        return Ok(());
    };
    let download = org.download(&file.id).await?;
    let encoding = download.encoding;
    let mut body = download.body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() > LOOK {
            break;
        }
    }
    let unit = Arc::new(UnitInfo {
        connector: desk.settings.name.clone(),
        org_id: carried.org_id.clone(),
        event_type: file.event_type.clone(),
        log_file_id: file.id.clone(),
        interval: file.interval.unwrap_or(Interval::Daily),
        sequence: file.sequence,
        log_date: file.log_date,
        created_date: file.created_date,
        length: file.length,
    });
    let whole = bytes.len() <= LOOK;
    let (rows, sample) = decode_some(bytes, encoding, &unit, whole)?;
    let part = if whole { "" } else { " in its first 4 MiB" };
    desk.found(format!(
        "{} {} downloaded and decoded: {}{part}",
        file.event_type,
        file.id,
        counted(rows, "row")
    ));
    carried.sample = sample;
    Ok(())
}

/// Decodes what was downloaded; answers the rows and the first event as a batch.
pub(super) fn decode_some(
    bytes: Vec<u8>,
    encoding: Encoding,
    unit: &Arc<UnitInfo>,
    whole: bool,
) -> Result<(u64, Option<Batch>), UnitFault> {
    let cursor = std::io::Cursor::new(bytes);
    let stream: Box<dyn std::io::Read> = match encoding {
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(cursor)),
        Encoding::Identity => Box::new(cursor),
    };
    let mut reader = Reader::new(stream);
    let (mut plan, mut rows, mut sample) = (None::<Plan>, 0, None);
    loop {
        let item = match reader.next_item() {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(_) if !whole => break,
            Err(error) => return Err(UnitFault::Damaged(error.source.to_string())),
        };
        let Item::Row(row) = item else { continue };
        let Some(plan) = &mut plan else {
            let compiled = Plan::compile(&row, unit);
            plan = Some(compiled.map_err(|error| UnitFault::Foreign(error.to_string()))?);
            continue;
        };
        rows += 1;
        if sample.is_none() && row.len() == plan.width() {
            let mut out = Vec::new();
            let (when, hash) = (plan.when(&row), plan.hash(&row));
            plan.encode(&row, when, hash, 1, rows, &mut out);
            sample = Some(sample_batch(unit, out, when.at));
        }
    }
    Ok((rows, sample))
}

fn sample_batch(unit: &Arc<UnitInfo>, mut event: Vec<u8>, time: i64) -> Batch {
    let end = u32::try_from(event.len()).unwrap_or(0);
    event.push(b'\n');
    Batch {
        id: format!("test-{}", unit.key()),
        unit: Arc::clone(unit),
        rows: 0..1,
        ends_unit: true,
        letters: false,
        events: Events::new(Bytes::from(event), vec![end], vec![time]),
    }
}
