//! `orgtap convert`: log files on disk to events.

use std::fs::File;
use std::io::{self, Write};

use anyhow::Context;
use orgtap_collector::{ConvertError, Out, convert};
use orgtap_transport::words::{bytes, count};
use serde_json::json;

use super::say_aside;
use crate::cli::{Common, ConvertArgs};
use crate::exit::Exit;

/// Runs the command.
pub(crate) fn run(common: &Common, args: &ConvertArgs) -> anyhow::Result<Exit> {
    let mut file = match &args.out {
        Some(path) => {
            let file =
                File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            Some(file)
        }
        None => None,
    };
    // What is no file, such as a named pipe, cannot be gone back to.
    let is_stream =
        file.as_ref().is_none_or(|file| !file.metadata().is_ok_and(|about| about.is_file()));
    let mut stdout = io::stdout();
    let mut exit = Exit::Success;
    for path in &args.files {
        let mut complain = |row: u64, offset: u64, why: &str| {
            // Standard output may be carrying the events.
            say_aside(&format!("{}: row {row} (byte {offset}): {why}", path.display()));
        };
        let out = match &mut file {
            Some(file) if is_stream => Out::Stream(file),
            Some(file) => Out::File(file),
            None => Out::Stream(&mut stdout),
        };
        let converted = tokio::task::block_in_place(|| convert(path, out, &mut complain));
        let converted = match converted {
            Err(ConvertError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(exit);
            }
            other => other.with_context(|| format!("cannot convert {}", path.display()))?,
        };
        if converted.undecodable > 0 {
            exit = Exit::Remarks;
        }
        if common.json {
            let told = json!({ "file": path, "events": converted.events,
                "undecodable": converted.undecodable, "bytes": converted.bytes });
            say_aside(&told.to_string());
        } else if args.out.is_some() {
            say_aside(&format!(
                "{}: {} events, {}; {} rows undecodable",
                path.display(),
                count(converted.events),
                bytes(converted.bytes),
                count(converted.undecodable)
            ));
        }
    }
    stdout.flush().context("cannot write the events")?;
    Ok(exit)
}
