//! What Orgtap is compared with, as far as it is ours: reading gzip and nothing else, and the
//! shortest converter one would write on the `csv` crate.

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

/// `orgtap-bench minimal`: every non-empty cell of every row as JSON; answers the rows.
pub(crate) fn minimal(from: &Path, to: &Path) -> Result<u64> {
    let file = File::open(from).with_context(|| format!("cannot read {}", from.display()))?;
    let out = File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    convert(file, BufWriter::with_capacity(BUFFER, out))
}

fn convert(from: impl Read, mut out: impl Write) -> Result<u64> {
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

    #[test]
    fn the_minimal_converter_says_what_the_rows_say() {
        let mut out = Vec::new();
        let rows = convert(&awkward::csv()[..], &mut out).unwrap();
        assert_eq!(rows, awkward::ROWS.len() as u64);
        for (line, row) in out.split(|byte| *byte == b'\n').zip(awkward::ROWS) {
            let event: serde_json::Value = serde_json::from_slice(line).unwrap();
            for (name, cell) in awkward::COLUMNS.iter().zip(row) {
                let expected = (!cell.is_empty()).then_some(*cell);
                assert_eq!(event[name].as_str(), expected, "{name}");
            }
        }
    }
}
