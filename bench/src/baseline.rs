//! What Orgtap is compared with, as far as it is ours: reading gzip and nothing else, and two
//! converters on the `csv` crate, the shortest one and one that is tuned.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::read::MultiGzDecoder;

/// Size of buffers for files: larger ones gained nothing.
const BUFFER: usize = 256 * 1024;

/// `orgtap-bench gunzip`: unpacks a file and drops the content; answers its bytes.
pub(crate) fn gunzip(path: &Path) -> Result<u64> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut reader = MultiGzDecoder::new(io::BufReader::with_capacity(BUFFER, file));
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        match reader.read(&mut buffer).with_context(|| format!("unpacking {}", path.display()))? {
            0 => return Ok(bytes),
            read => bytes += read as u64,
        }
    }
}

/// `orgtap-bench minimal`: the converter one writes first, with what the crates do by default.
/// Every non-empty cell of every row as JSON; answers the rows.
pub(crate) fn minimal(from: &Path, to: &Path) -> Result<u64> {
    let (from, to) = open(from, to)?;
    shortest(from, BufWriter::new(to))
}

fn shortest(from: impl Read, mut out: impl Write) -> Result<u64> {
    let mut rows = 0;
    for row in csv::Reader::from_reader(from).deserialize() {
        let mut row: BTreeMap<String, String> = row?;
        row.retain(|_, cell| !cell.is_empty());
        serde_json::to_writer(&mut out, &row)?;
        out.write_all(b"\n")?;
        rows += 1;
    }
    out.flush()?;
    Ok(rows)
}

/// `orgtap-bench tuned`: the same events with all one can do about it: one record for all rows,
/// keys made once, an escape of its own, large buffers. Cells stay in the order of the columns.
pub(crate) fn tuned(from: &Path, to: &Path) -> Result<u64> {
    let (from, to) = open(from, to)?;
    quickest(from, BufWriter::with_capacity(BUFFER, to))
}

fn open(from: &Path, to: &Path) -> Result<(File, File)> {
    let source = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let out = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok((source, out))
}

fn quickest(from: impl Read, mut out: impl Write) -> Result<u64> {
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(BUFFER).from_reader(from);
    let keys: Vec<Vec<u8>> = reader
        .byte_headers()?
        .iter()
        .map(|name| {
            let mut key = Vec::new();
            string(name, &mut key);
            key.push(b':');
            key
        })
        .collect();
    let mut record = csv::ByteRecord::new();
    let mut line = Vec::new();
    let mut rows = 0;
    while reader.read_byte_record(&mut record)? {
        line.clear();
        line.push(b'{');
        for (key, cell) in keys.iter().zip(&record) {
            if cell.is_empty() {
                continue;
            }
            if line.len() > 1 {
                line.push(b',');
            }
            line.extend_from_slice(key);
            string(cell, &mut line);
        }
        line.extend_from_slice(b"}\n");
        out.write_all(&line)?;
        rows += 1;
    }
    out.flush()?;
    Ok(rows)
}

/// Appends a JSON string: what needs no escape is copied in one piece.
fn string(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut start = 0;
    for (at, byte) in text.iter().enumerate() {
        if *byte >= b' ' && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => {
                let digits = [HEX[usize::from(other >> 4)], HEX[usize::from(other & 15)]];
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
    }
    out.extend_from_slice(&text[start..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::awkward;

    fn says_what_the_rows_say(rows: u64, out: &[u8]) {
        assert_eq!(rows, awkward::ROWS.len() as u64);
        let lines: Vec<&[u8]> = out.trim_ascii_end().split(|byte| *byte == b'\n').collect();
        assert_eq!(lines.len(), awkward::ROWS.len());
        for (line, row) in lines.iter().zip(awkward::ROWS) {
            let event: serde_json::Value = serde_json::from_slice(line).unwrap();
            for (name, cell) in awkward::COLUMNS.iter().zip(row) {
                let expected = (!cell.is_empty()).then_some(*cell);
                assert_eq!(event[name].as_str(), expected, "{name}");
            }
        }
    }

    #[test]
    fn the_minimal_converter_says_what_the_rows_say() {
        let mut out = Vec::new();
        let rows = shortest(&awkward::csv()[..], &mut out).unwrap();
        says_what_the_rows_say(rows, &out);
    }

    #[test]
    fn the_tuned_converter_says_what_the_rows_say() {
        let mut out = Vec::new();
        let rows = quickest(&awkward::csv()[..], &mut out).unwrap();
        says_what_the_rows_say(rows, &out);
    }
}
