//! The identity of a row: a 128-bit hash of what it says, whatever order its columns come in.
//!
//! A row's canonical form is its scope (org and event type) and then every column with a value,
//! in the byte order of the column names: the XXH3-64 of the name, and the value with its length
//! before it. The hash of the form is XXH3-128.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128, xxh3_128_with_seed};

use crate::copy::Appender;
use crate::csv::{DOUBLED, Row};

/// Hashes rows of one header.
#[derive(Debug, Clone)]
pub struct RowHasher {
    /// The scope's part of every form.
    scope: Vec<u8>,
    /// Cells in the order of their names, each with its name's part of the form.
    columns: Vec<(usize, u64)>,
    form: Vec<u8>,
}

impl RowHasher {
    /// Prepares for rows with these columns. `names[i]` names cell `i` and must be unique.
    pub fn new<S: AsRef<str>>(scope: &[&str], names: &[S]) -> Self {
        let mut parts = Vec::new();
        for part in scope {
            parts.extend_from_slice(&(part.len() as u32).to_le_bytes());
            parts.extend_from_slice(part.as_bytes());
        }
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by(|a, b| names[*a].as_ref().cmp(names[*b].as_ref()));
        let columns = order
            .into_iter()
            .map(|index| (index, xxh3_64(names[index].as_ref().as_bytes())))
            .collect();
        Self { scope: parts, columns, form: Vec::with_capacity(4096) }
    }

    /// The row's hash.
    #[expect(unsafe_code, reason = "room is made for the row at once, not for each piece")]
    pub fn hash(&mut self, row: &Row<'_>) -> u128 {
        self.form.clear();
        // The values, and for each what stands before it.
        let room = row.raw().len() + self.columns.len() * HEAD;
        self.form.extend_from_slice(&self.scope);
        let mut form = Appender::new(&mut self.form, room);
        for (index, name) in &self.columns {
            let Some(cell) = row.cells().get(*index) else { continue };
            if cell.is_blank() {
                continue;
            }
            if cell.marks() & DOUBLED == 0 {
                // SAFETY: each of the row's cells is appended once, behind a head, and there is
                // room for them. They do not overlap, so together they are no longer than the row.
                unsafe {
                    form.fixed(head(*name, (cell.end() - cell.start()) as u32));
                    form.cell(row, *cell);
                }
            } else {
                let content = row.cell(*index).unwrap_or_default();
                form.aside(room, |form| {
                    form.extend_from_slice(&head(*name, content.len() as u32));
                    form.extend_from_slice(&content);
                });
            }
        }
        form.finish();
        xxh3_128(&self.form)
    }
}

/// Bytes before a value in the form.
const HEAD: usize = 12;

/// What stands before a value in the form.
fn head(name: u64, length: u32) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&name.to_le_bytes());
    head[8..].copy_from_slice(&length.to_le_bytes());
    head
}

/// The identity of the `occurrence`-th (from 1) among identical rows.
pub fn occurrence(row: u128, occurrence: u64) -> u128 {
    if occurrence <= 1 { row } else { xxh3_128_with_seed(&row.to_le_bytes(), occurrence) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::csv::{Item, Reader};

    fn hash(csv: &str, names: &[&str]) -> u128 {
        let mut reader = Reader::new(csv.as_bytes());
        match reader.next_item().unwrap() {
            Some(Item::Row(row)) => RowHasher::new(&["00D", "Login"], names).hash(&row),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_order_of_columns_and_empty_ones_do_not_matter() {
        let plain = hash(r#""1","2""#, &["A", "B"]);
        assert_eq!(plain, hash(r#""2","1""#, &["B", "A"]));
        assert_eq!(plain, hash(r#""2","","1""#, &["B", "NEW", "A"]));
        assert_ne!(plain, hash(r#""2","1""#, &["A", "B"]));
    }

    #[test]
    fn quoting_does_not_matter_and_content_does() {
        assert_eq!(hash(r#""x",y"#, &["A", "B"]), hash(r#"x,"y""#, &["A", "B"]));
        assert_ne!(hash(r#""x""","y""#, &["A", "B"]), hash(r#""x","y""#, &["A", "B"]));
        assert_ne!(hash(r#""ab","c""#, &["A", "B"]), hash(r#""a","bc""#, &["A", "B"]));
    }

    #[test]
    fn the_hash_is_fixed_for_ever() {
        // Changing this number breaks the identity of every event delivered so far.
        let known =
            hash(r#""Login","20231218054831.655","a""b""#, &["EVENT_TYPE", "TIMESTAMP", "C"]);
        assert_eq!(format!("{known:032x}"), "d6cb73e799dbda7ffb1d5887b0915e47");
        assert_eq!(format!("{:032x}", occurrence(known, 2)), "1f989efb87ac0dbc237449e10ef9f8bf");
        assert_eq!(occurrence(known, 1), known);
    }
}
