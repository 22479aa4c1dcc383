//! A file's numbers with decimals: the same rows, written differently.

/// Columns that are written so.
const NUMBERS: [&[u8]; 2] = [b"RUN_TIME", b"CPU_TIME"];

/// Writes the numbers of a CSV, all of whose values are in quotes, with so many decimals.
pub(super) fn with_decimals(csv: &[u8], decimals: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(csv.len() + csv.len() / 16);
    let mut numbers: Vec<usize> = Vec::new();
    let (mut column, mut quoted, mut header, mut start) = (0, false, true, 0);
    for (at, byte) in csv.iter().enumerate() {
        match byte {
            b'"' if quoted => {
                quoted = false;
                let value = &csv[start..at];
                if header && NUMBERS.contains(&value) {
                    numbers.push(column);
                }
                let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
                if !header && digits && numbers.contains(&column) {
                    out.push(b'.');
                    out.extend(std::iter::repeat_n(b'0', decimals));
                }
            }
            b'"' => {
                quoted = true;
                start = at + 1;
            }
            b',' if !quoted => column += 1,
            b'\n' if !quoted => (column, header) = (0, false),
            _ => {}
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_decimals_and_nothing_else_changes() {
        let csv = b"\"A\",\"RUN_TIME\",\"B\"\n\"1\",\"25\",\"a\"\"1,\n\"\n\"2\",\"\",\"\"";
        let written = with_decimals(csv, 2);
        assert_eq!(
            String::from_utf8_lossy(&written),
            "\"A\",\"RUN_TIME\",\"B\"\n\"1\",\"25.00\",\"a\"\"1,\n\"\n\"2\",\"\",\"\""
        );
    }
}
