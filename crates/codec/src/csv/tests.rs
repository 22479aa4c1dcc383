//! The scanner against a slow, obvious parser, and its manners towards bad files.

use std::io::Read;

use proptest::prelude::*;

use super::mask::Way;
use super::{Block, Blocks, Cell, Item, Malformed, Plain, Reader, Row, Step, resync, scan_row};

/// Gives its bytes in pieces of the given sizes, over and over.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()];
        self.turn += 1;
        let count = size.min(out.len()).min(self.rest.len());
        out[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

/// Gives the same in blocks of these sizes. Each third of them can only be read, and some are in part;
/// now and then it promises one and gives none.
struct InBlocks<'a> {
    pieces: Pieces<'a>,
    block: Block,
    asked: usize,
}

impl InBlocks<'_> {
    fn turn(&mut self) -> std::io::Result<()> {
        if self.block.is_empty() {
            let size = self.pieces.sizes[self.pieces.turn % self.pieces.sizes.len()];
            self.block.fill(&mut self.pieces, size.min(1 << 16))?;
        }
        Ok(())
    }
}

impl Read for InBlocks<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.turn()?;
        self.block.read(out)
    }
}

impl Blocks for InBlocks<'_> {
    fn swap(&mut self, block: &mut Block) -> std::io::Result<bool> {
        self.turn()?;
        self.asked += 1;
        if self.asked.is_multiple_of(5) {
            return Ok(true);
        }
        let whole = !self.block.is_empty() && !self.asked.is_multiple_of(3);
        if whole {
            std::mem::swap(block, &mut self.block);
        }
        Ok(whole)
    }
}

fn pieces<'a>(csv: &'a [u8], sizes: &[usize]) -> Pieces<'a> {
    Pieces { rest: csv, sizes: sizes.to_vec(), turn: 0 }
}

fn in_blocks<'a>(
    csv: &'a [u8],
    sizes: &[usize],
    start: usize,
    longest: usize,
) -> Reader<InBlocks<'a>> {
    let blocks = InBlocks { pieces: pieces(csv, sizes), block: Block::default(), asked: 0 };
    Reader::with(blocks, start, longest)
}

fn in_pieces<'a>(
    csv: &'a [u8],
    sizes: &[usize],
    start: usize,
    longest: usize,
) -> Reader<Plain<Pieces<'a>>> {
    Reader::with_limit(pieces(csv, sizes), start, longest)
}

/// A row as its cells, or what is wrong with it.
type Parsed = Vec<Result<Vec<Vec<u8>>, String>>;

fn read_all(csv: &[u8], sizes: &[usize], start: usize, longest: usize) -> Parsed {
    let read = items(in_pieces(csv, sizes, start, longest));
    assert_eq!(items(in_blocks(csv, sizes, start, longest)), read, "in blocks");
    read
}

fn items(mut reader: Reader<impl Blocks>) -> Parsed {
    let mut rows = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        rows.push(match item {
            Item::Row(row) => Ok(cells_of(&row)),
            Item::Malformed { why, .. } => Err(why.to_string()),
        });
    }
    rows
}

fn cells_of(row: &Row<'_>) -> Vec<Vec<u8>> {
    (0..row.len()).map(|i| row.cell(i).unwrap().into_owned()).collect()
}

fn read(csv: &str) -> Parsed {
    read_all(csv.as_bytes(), &[usize::MAX], 1 << 16, 1 << 24)
}

/// A row as the reader should give it.
#[expect(clippy::unnecessary_wraps, reason = "to be compared with what was parsed")]
fn cells(row: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    Ok(row.iter().map(|cell| cell.as_bytes().to_vec()).collect())
}

/// The slow, obvious parser: one byte at a time, for well-formed input.
fn oracle(csv: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut parser = csv_core::Reader::new();
    let (mut input, mut rows) = (csv, Vec::new());
    let mut row: Vec<Vec<u8>> = Vec::new();
    let mut cell = Vec::new();
    loop {
        let mut out = [0_u8; 7];
        let (result, read, wrote) = parser.read_field(input, &mut out);
        input = &input[read..];
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

#[test]
fn reads_quotes_newlines_and_commas_inside_cells() {
    let rows = read("\"A\",\"B\"\n\"a \"\"quoted\"\"\nline\",\"x,y\"\n\"\"\"q\"\"\",\"\"\n");
    assert_eq!(rows[1], cells(&["a \"quoted\"\nline", "x,y"]));
    assert_eq!(rows[2], cells(&["\"q\"", ""]));
}

#[test]
fn is_lenient_about_line_ends_marks_blanks_and_empty_lines() {
    let plain = read("\"A\",\"B\"\n\"1\",\"2\"\n");
    for odd in [
        "\u{feff}\"A\",\"B\"\n\"1\",\"2\"\n",
        "\"A\",\"B\"\r\n\"1\",\"2\"\r\n",
        "\"A\",\"B\"\n\"1\",\"2\"",
        "\"A\", \"B\"\n\n\r\n\"1\",  \"2\"\n\n",
        "A,B\n1,2\n",
    ] {
        assert_eq!(read(odd), plain, "{odd:?}");
    }
    assert!(read("").is_empty());
    assert!(read("\u{feff}").is_empty());
}

#[test]
fn a_malformed_row_is_named_and_the_next_one_is_read() {
    let rows = read("\"A\",\"B\"\n\"1\"x,\"2\"\n\"3\",\"4\"\n5\"6,7\n\"8\",\"9\"\n");
    assert_eq!(rows[1], Err(Malformed::AfterQuote { at: 0 }.to_string()));
    assert_eq!(rows[2], cells(&["3", "4"]));
    assert_eq!(rows[3], Err(Malformed::StrayQuote { at: 0 }.to_string()));
    assert_eq!(rows[4], cells(&["8", "9"]));
    assert_eq!(read("\"A\"\n\"open")[1], Err(Malformed::Unterminated.to_string()));
}

#[test]
fn a_row_beyond_the_limit_is_passed_over_in_bounded_memory() {
    let long = format!("\"A\"\n\"{}\n{}\"\n\"z\"\n", "x\"\"".repeat(5_000), "y".repeat(5_000));
    let rows = read_all(long.as_bytes(), &[1, 700], 64, 4_096);
    assert_eq!(rows[0], cells(&["A"]));
    assert_eq!(rows[1], Err(Malformed::TooLong.to_string()));
    assert_eq!(rows[2], cells(&["z"]));
    assert_eq!(rows.len(), 3);
    for sizes in [&[1_usize][..], &[700], &[usize::MAX]] {
        let mut reader = in_pieces(long.as_bytes(), sizes, 64, 4_096);
        assert!(matches!(reader.next_item(), Ok(Some(Item::Row(_)))));
        let Ok(Some(Item::Malformed { raw, .. })) = reader.next_item() else { panic!("too long") };
        assert_eq!(raw, &long.as_bytes()[4..4 + 4_096], "what is shown is the row's beginning");
    }
}

#[test]
fn offsets_and_raw_bytes_lead_back_to_the_file() {
    let csv = b"\xef\xbb\xbf\"A\"\n\"1\"x\n\"2\"\r\n\"3\"";
    let mut reader = Reader::with_limit(&csv[..], 16, 1 << 20);
    let mut places = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Row(row) => places.push((row.offset(), row.raw().to_vec())),
            Item::Malformed { offset, raw, .. } => places.push((offset, raw.to_vec())),
        }
    }
    for (offset, raw) in &places {
        let start = *offset as usize;
        assert_eq!(&csv[start..start + raw.len()], &raw[..]);
    }
    assert_eq!(places.len(), 4);
    assert_eq!(places[1], (7, b"\"1\"x\n".to_vec()));
}

#[test]
fn a_failing_stream_says_how_far_it_came() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let mut reader = Reader::new(b"\"A\"\n".chain(Fails));
    assert!(matches!(reader.next_item(), Ok(Some(Item::Row(_)))));
    assert_eq!(reader.next_item().unwrap_err().offset, 4);
}

#[test]
fn empty_lines_without_end_take_no_room() {
    let lines = std::io::repeat(b'\n').take(100_000).chain(&b"\"a\"\n"[..]);
    let mut reader = Reader::with_limit(lines, 256, 1_000);
    assert!(matches!(reader.next_item(), Ok(Some(Item::Row(row))) if row.offset() == 100_000));
}

/// Cells that need care, to be quoted properly.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z ]{0,12}",
        "[\",\n\r a\u{e9}\u{1f600}]{0,10}",
        "[x\"]{30,90}"
    ]
}

fn written(rows: &[Vec<String>], line_end: &str, last: bool) -> String {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<_> =
                row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            cells.join(",")
        })
        .collect();
    lines.join(line_end) + if last { line_end } else { "" }
}

proptest! {
    #[test]
    fn agrees_with_the_slow_parser_however_the_input_is_cut(
        rows in prop::collection::vec(prop::collection::vec(cell(), 1..6), 0..12),
        crlf: bool,
        last: bool,
        sizes in prop::collection::vec(1_usize..40, 1..5),
        start in 16_usize..200,
    ) {
        let csv = written(&rows, if crlf { "\r\n" } else { "\n" }, last);
        let read = read_all(csv.as_bytes(), &sizes, start, 1 << 20);
        let slow: Parsed = oracle(csv.as_bytes()).into_iter().map(Ok).collect();
        prop_assert_eq!(&read, &slow);
        prop_assert_eq!(read.len(), rows.len());
    }

    #[test]
    fn any_bytes_give_the_same_items_however_they_are_cut(
        csv in prop::collection::vec(prop::sample::select(b"\"\",\n\r ab\xff\xef\xbb\xbf".to_vec()), 0..120),
        sizes in prop::collection::vec(1_usize..30, 1..4),
        start in 16_usize..64,
        longest in 16_usize..200,
    ) {
        let whole = read_all(&csv, &[usize::MAX], 1 << 10, longest);
        let cut = read_all(&csv, &sizes, start, longest);
        prop_assert_eq!(&whole, &cut);
        let rows: Parsed = whole.into_iter().flatten().map(Ok).collect();
        prop_assert_eq!(&rows, &gathered(&csv, in_pieces(&csv, &sizes, start, longest)));
        prop_assert_eq!(&rows, &gathered(&csv, in_blocks(&csv, &sizes, start, longest)));
    }
}

/// The rows among the items, as they are gathered; every other part of them is used again.
fn gathered(csv: &[u8], reader: Reader<impl Blocks>) -> Parsed {
    let mut reader = reader.gathering();
    let (mut rows, mut given, mut part) = (Vec::new(), 0, 0);
    let mut more = true;
    while more {
        more = match reader.next_item().unwrap() {
            Some(item) => {
                given += usize::from(matches!(item, Item::Row(_)));
                true
            }
            None => false,
        };
        while let Some(found) = if more { reader.take_full() } else { reader.take_rest() } {
            rows.extend(found.iter().map(|row| {
                assert_eq!(csv[row.offset() as usize..][..row.raw().len()], *row.raw());
                Ok(cells_of(&row))
            }));
            part += 1;
            if part % 2 == 0 {
                reader.reuse(found);
            }
        }
    }
    assert_eq!(rows.len(), given);
    rows
}

/// The scanner alone, over the whole input: rows as their cells are written, or what is wrong.
fn scanned(csv: &[u8]) -> Parsed {
    let (mut at, mut rows, mut cells) = (0, Vec::new(), Vec::<Cell>::new());
    if csv.starts_with(b"\xef\xbb\xbf") {
        at = 3;
    }
    loop {
        match &csv[at..] {
            [b'\n', ..] | [b'\r'] => at += 1,
            [b'\r', b'\n', ..] => at += 2,
            _ => match scan_row(csv, at, true, &mut cells) {
                Ok(Step::Row { next }) => {
                    let written = |cell: &Cell| csv[cell.start()..cell.end()].to_vec();
                    rows.push(Ok(cells.iter().map(written).collect()));
                    at = next;
                }
                Ok(_) => return rows,
                Err(why) => {
                    let from = match why {
                        Malformed::AfterQuote { at } | Malformed::StrayQuote { at } => at,
                        _ => at,
                    };
                    rows.push(Err(why.to_string()));
                    at = resync(csv, from).unwrap_or(csv.len());
                }
            },
        }
    }
}

/// What the reader gives, in the same words.
fn indexed(csv: &[u8], sizes: &[usize], start: usize, way: Way) -> Parsed {
    let read = as_written(csv, in_pieces(csv, sizes, start, 1 << 20).by(way));
    let blocks = as_written(csv, in_blocks(csv, sizes, start, 1 << 20).by(way));
    assert_eq!(blocks, read, "in blocks");
    read
}

fn as_written(csv: &[u8], mut reader: Reader<impl Blocks>) -> Parsed {
    let mut rows = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        rows.push(match item {
            Item::Row(row) => {
                assert_eq!(row.raw(), &csv[row.offset() as usize..][..row.raw().len()]);
                Ok((0..row.len()).map(|i| row.written(i).unwrap().0.to_vec()).collect())
            }
            Item::Malformed { why, .. } => Err(why.to_string()),
        });
    }
    rows
}

/// Lines that are mostly sound, some of them long, some with a fault.
fn line() -> impl Strategy<Value = String> {
    let sound = prop::collection::vec(cell(), 1..9).prop_map(|row| written(&[row], "\n", true));
    prop_oneof![
        9 => sound,
        1 => "[a-z,]{0,80}\r?\n",
        1 => "[\"a, \r]{0,80}\n",
        1 => Just("\"a\", \"b\"\n".to_owned()),
        1 => Just("\"a\"\r\n".to_owned()),
    ]
}

proptest! {
    #[test]
    fn the_index_and_the_scanner_agree_on_every_input(
        lines in prop::collection::vec(line(), 0..40),
        spoilt in prop::option::of((any::<prop::sample::Index>(), prop::sample::select(b"\",\n\r a\xff".to_vec()))),
        end in 0_usize..70,
        sizes in prop::collection::vec(1_usize..700, 1..4),
        start in 16_usize..3_000,
    ) {
        let mut csv = lines.concat().into_bytes();
        csv.truncate(csv.len().saturating_sub(end));
        if let (Some((at, byte)), false) = (spoilt, csv.is_empty()) {
            let at = at.index(csv.len());
            csv[at] = byte;
        }
        let expected = scanned(&csv);
        for way in Way::all() {
            prop_assert_eq!(&indexed(&csv, &sizes, start, way), &expected);
            prop_assert_eq!(&indexed(&csv, &[usize::MAX], 1 << 16, way), &expected);
        }
    }

    #[test]
    fn a_cell_without_marks_can_be_copied_as_it_is(
        lines in prop::collection::vec(line(), 0..40),
    ) {
        let csv = lines.concat();
        let mut reader = Reader::new(csv.as_bytes());
        while let Some(item) = reader.next_item().unwrap() {
            let Item::Row(row) = item else { continue };
            for (index, cell) in row.cells().iter().enumerate() {
                let (written, doubled) = row.written(index).unwrap();
                let plain = written.iter().all(|byte| {
                    (0x20..0x80).contains(byte) && *byte != b'\\' && *byte != b'"'
                });
                prop_assert!(plain || cell.marks() != 0);
                prop_assert_eq!(doubled, written.contains(&b'"'));
            }
        }
    }
}
