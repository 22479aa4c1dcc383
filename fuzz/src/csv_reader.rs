//! The CSV reader: the same rows however the input is cut, the same as a slow reader's, and no
//! byte unaccounted for.

use std::io::{self, Read};

use orgtap_codec::csv::{Item, Malformed, Reader};

/// First bytes of the input that say how the rest is cut.
const KNOBS: usize = 4;
/// The most of a malformed row that the reader shows, bytes.
const SHOWN: usize = 64 * 1024;

/// Reads the bytes after the first four as CSV, cut as those say.
pub fn csv_reader(data: &[u8]) {
    let Some((knobs, csv)) = data.split_first_chunk::<KNOBS>() else { return };
    let sizes = [usize::from(knobs[0]) + 1, usize::from(knobs[1]) + 1];
    let start = usize::from(knobs[2]);
    cut_anywhere(csv, &sizes, start, 1 << 24);
    cut_anywhere(csv, &sizes, start, usize::from(knobs[3]) * 4);
    every_byte_is_in_its_place(csv, &sizes, start);
    agrees_with_the_slow_reader(csv);
    cells_come_back(csv, &sizes, start);
}

/// What came of a place in the input: a row's cells, or why there are none.
type Parsed = Result<Vec<Vec<u8>>, String>;

/// Gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: &'a [usize],
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let count = size.min(out.len()).min(self.rest.len());
        out[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

/// Reads to the end; memory cannot fail.
fn each(csv: &[u8], sizes: &[usize], start: usize, longest: usize, mut take: impl FnMut(Item<'_>)) {
    let mut reader = Reader::with_limit(Pieces { rest: csv, sizes, turn: 0 }, start, longest);
    while let Some(item) = reader.next_item().expect("memory cannot fail") {
        take(item);
    }
}

fn read(csv: &[u8], sizes: &[usize], start: usize, longest: usize) -> Vec<Parsed> {
    let mut rows = Vec::new();
    each(csv, sizes, start, longest, |item| {
        rows.push(match item {
            Item::Row(row) => Ok((0..row.len())
                .map(|index| row.cell(index).expect("a row has its cells").into_owned())
                .collect()),
            Item::Malformed { why, .. } => Err(why.to_string()),
        });
    });
    rows
}

fn cut_anywhere(csv: &[u8], sizes: &[usize], start: usize, longest: usize) {
    let whole = read(csv, &[usize::MAX], 1 << 14, longest);
    assert_eq!(read(csv, sizes, start, longest), whole, "rows depend on how the input is cut");
}

/// Items stand where they say, in order, with nothing but empty lines between them.
fn every_byte_is_in_its_place(csv: &[u8], sizes: &[usize], start: usize) {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let mut at = if csv.starts_with(MARK) { MARK.len() } else { 0 };
    each(csv, sizes, start, 1 << 24, |item| {
        let (offset, raw) = match item {
            Item::Row(row) => (row.offset(), row.raw()),
            Item::Malformed { why: Malformed::TooLong, .. } => panic!("nothing here is too long"),
            Item::Malformed { offset, raw, .. } => (offset, raw),
        };
        let offset = usize::try_from(offset).expect("an offset in memory");
        assert!(offset >= at, "items overlap");
        assert!(csv[at..offset].iter().all(|byte| b"\r\n".contains(byte)), "bytes were passed by");
        assert_eq!(&csv[offset..offset + raw.len()], raw, "bytes from another place");
        at = if raw.len() < SHOWN { offset + raw.len() } else { offset };
    });
    assert!(
        csv.len() - at >= SHOWN || csv[at..].iter().all(|byte| b"\r\n".contains(byte)),
        "bytes were lost at the end"
    );
}

/// Where our leniency and theirs do not differ, the rows are the same.
fn agrees_with_the_slow_reader(csv: &[u8]) {
    let blank_before_quote = csv.windows(2).any(|pair| pair == b" \"");
    if csv.contains(&b'\r') || csv.starts_with(b"\xef\xbb\xbf") || blank_before_quote {
        return;
    }
    let rows: Result<Vec<_>, _> = read(csv, &[usize::MAX], 1 << 14, 1 << 24).into_iter().collect();
    if let Ok(rows) = rows {
        assert_eq!(rows, slowly(csv), "the slow reader reads other rows");
    }
}

/// One byte at a time, by a reader that others wrote.
fn slowly(mut csv: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut parser = csv_core::Reader::new();
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let mut out = [0_u8; 64];
        let (result, read, wrote) = parser.read_field(csv, &mut out);
        csv = &csv[read..];
        cell.extend_from_slice(&out[..wrote]);
        match result {
            csv_core::ReadFieldResult::Field { record_end } => {
                row.push(std::mem::take(&mut cell));
                if record_end {
                    rows.push(std::mem::take(&mut row));
                }
            }
            csv_core::ReadFieldResult::End => return rows,
            _ => {}
        }
    }
}

/// The bytes taken as cells, written as CSV, come back as they were.
fn cells_come_back(data: &[u8], sizes: &[usize], start: usize) {
    let (row_end, cell_end) = (0x1e, 0x1f);
    let rows: Vec<Vec<Vec<u8>>> = data
        .split(|byte| *byte == row_end)
        .map(|row| row.split(|byte| *byte == cell_end).map(<[u8]>::to_vec).collect())
        .collect();
    let mut csv = Vec::new();
    for row in &rows {
        for (index, cell) in row.iter().enumerate() {
            csv.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
            for byte in cell {
                csv.push(*byte);
                if *byte == b'"' {
                    csv.push(b'"');
                }
            }
            csv.push(b'"');
        }
        csv.push(b'\n');
    }
    let back: Result<Vec<_>, _> = read(&csv, sizes, start, 1 << 24).into_iter().collect();
    assert_eq!(back.expect("what was written well is read"), rows, "cells changed on the way");
    assert_eq!(slowly(&csv), rows, "the slow reader reads other cells");
}
