//! `orgtap convert`: log files on disk to events.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use anyhow::Context;
use serde_json::json;

use crate::cli::{Common, ConvertArgs};
use crate::exit::Exit;
use crate::render::{bytes, count};

/// Runs the command.
#[expect(clippy::print_stderr, reason = "standard output may be carrying the events")]
pub(crate) fn run(common: &Common, args: &ConvertArgs) -> anyhow::Result<Exit> {
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let file =
                File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(io::stdout().lock()),
    };
    let mut exit = Exit::Success;
    for path in &args.files {
        let mut complain = |row: u64, offset: u64, why: &str| {
            eprintln!("{}: row {row} (byte {offset}): {why}", path.display());
        };
        let converted = tokio::task::block_in_place(|| {
            orgtap_collector::convert(path, &mut out, &mut complain)
        });
        let converted = match converted {
            Err(orgtap_collector::ConvertError::Write(error))
                if error.kind() == io::ErrorKind::BrokenPipe =>
            {
                return Ok(Exit::Success);
            }
            other => other.with_context(|| format!("cannot convert {}", path.display()))?,
        };
        if converted.undecodable > 0 {
            exit = Exit::Remarks;
        }
        if common.json {
            eprintln!(
                "{}",
                json!({ "file": path, "events": converted.events,
                    "undecodable": converted.undecodable, "bytes": converted.bytes })
            );
        } else if args.out.is_some() {
            eprintln!(
                "{}: {} events, {}; {} rows undecodable",
                path.display(),
                count(converted.events),
                bytes(converted.bytes),
                count(converted.undecodable)
            );
        }
    }
    out.flush().context("cannot write the events")?;
    Ok(exit)
}
