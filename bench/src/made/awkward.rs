//! A small log file with everything in it that converters get wrong, and what it says.

/// Names of the columns.
pub(crate) const COLUMNS: [&str; 6] =
    ["EVENT_TYPE", "TIMESTAMP", "TIMESTAMP_DERIVED", "NUMBER", "TEXT", "EMPTY"];

/// The rows: what stands in each cell.
pub(crate) const ROWS: &[[&str; 6]] = &[
    ["RestApi", "20261122101530.120", "2026-11-22T10:15:30.120Z", "1", "plain", ""],
    ["RestApi", "20261122101531.000", "2026-11-22T10:15:31.000Z", "007", "a, b", ""],
    ["RestApi", "20261122101532.500", "2026-11-22T10:15:32.500Z", "1.50", "said \"no\"", ""],
    ["RestApi", "20261122101533.001", "2026-11-22T10:15:33.001Z", "1e5", "two\nlines", ""],
    [
        "RestApi",
        "20261122101534.010",
        "2026-11-22T10:15:34.010Z",
        "90071992547409931",
        "\"\n,\"",
        "",
    ],
    ["RestApi", "20261122101535.999", "2026-11-22T10:15:35.999Z", "-0", "crlf\r\ninside", ""],
    ["RestApi", "20261122101536.100", "2026-11-22T10:15:36.100Z", "true", "Łódź – naïve 🙈", ""],
    ["RestApi", "20261122101537.100", "2026-11-22T10:15:37.100Z", "null", "back\\slash\ttab", ""],
    ["RestApi", "20261122101538.100", "2026-11-22T10:15:38.100Z", "", "  blanks  ", ""],
];

/// The file: every value quoted, LF at the end of rows.
pub(crate) fn csv() -> Vec<u8> {
    let mut out = Vec::new();
    for row in std::iter::once(&COLUMNS).chain(ROWS) {
        let cells: Vec<String> =
            row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
        out.extend_from_slice(cells.join(",").as_bytes());
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_file_says_what_the_rows_say() {
        let file = super::csv();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&file[..]);
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), super::ROWS.len() + 1);
        for (record, row) in records[1..].iter().zip(super::ROWS) {
            assert_eq!(record.iter().collect::<Vec<_>>(), row);
        }
    }
}
