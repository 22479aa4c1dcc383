//! A lane's files as bytes: CSV, every value quoted.

use std::sync::Arc;

use jiff::Timestamp;

use super::column;
use super::delivery::{self, Edition, Layout};
use super::event::Event;
use super::facts::{DayText, Facts};
use super::lane::{self, Row};
use super::random::{Rng, mix_label};
use super::session::Day;

/// One event type on one UTC day: its events and its files.
#[derive(Debug)]
pub(super) struct Lane {
    /// The world.
    facts: Arc<Facts>,
    /// Number of the event type.
    event_type: usize,
    /// Who was there.
    day: Arc<Day>,
    /// The day in writing.
    text: DayText,
    /// First hour of the day whose events have the column a release adds; 24 when none has.
    added_from: u8,
    /// The events, by time.
    pub(super) rows: Vec<Row>,
    /// The files.
    pub(super) editions: Vec<Edition>,
}

impl Lane {
    /// Works out what happened and which files were made of it; writes none.
    pub(super) fn new(facts: &Arc<Facts>, event_type: usize, day: &Arc<Day>) -> Self {
        let name = &facts.types[event_type].name;
        let rows = lane::rows(&facts.config, name, day);
        let number = u8::try_from(event_type).unwrap_or(u8::MAX);
        let editions = delivery::editions(&facts.config, (number, name), day, &rows);
        let added_from = match delivery::release(&facts.config, name) {
            Some((on, _)) if on < day.number => 0,
            Some((on, hour)) if on == day.number => hour,
            _ => 24,
        };
        let text = facts.day_text(day.number);
        let (facts, day) = (Arc::clone(facts), Arc::clone(day));
        Self { facts, event_type, day, text, added_from, rows, editions }
    }

    /// Names of all columns any file of the type can have.
    pub(super) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.facts.types[self.event_type].columns.iter().map(|column| column.name.as_str())
    }

    /// Start of the day.
    pub(super) fn begins(&self) -> Timestamp {
        Timestamp::from_millisecond(self.day.start).unwrap_or_default()
    }

    /// Everything about row `n`.
    pub(super) fn event(&self, n: u32) -> Event<'_> {
        let row = &self.rows[n as usize];
        Event::new(&self.facts, self.event_type, &self.text, &self.day, row)
    }

    /// Appends the value `event` has in `column`, unquoted.
    pub(super) fn value(&self, event: &Event<'_>, column: usize, out: &mut Vec<u8>) {
        let facts = &self.facts.types[self.event_type];
        if column == facts.added() && event.row.hour() < self.added_from {
            return;
        }
        match event.quirks.hostile {
            Some(hostile) if hostile.column == column => hostile.write(out),
            _ => column::write(&facts.columns[column], event, out),
        }
    }

    /// A file's bytes.
    pub(super) fn write(&self, edition: &Edition) -> Vec<u8> {
        let columns = self.order(edition.layout);
        let mut out = Vec::new();
        self.write_header(&columns, &mut out);
        let mut scratch = Vec::new();
        for row in &edition.rows {
            let event = self.event(*row);
            for (n, column) in columns.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                scratch.clear();
                self.value(&event, *column, &mut scratch);
                quote(&scratch, &mut out);
            }
            out.push(b'\n');
        }
        if !edition.terminated && !edition.rows.is_empty() {
            out.pop();
        }
        out
    }

    /// Bytes each file has, in the order of `editions`; every row is made once for all of them.
    pub(super) fn lengths(&self) -> Vec<u64> {
        let added = self.facts.types[self.event_type].added();
        let mut scratch = Vec::new();
        let sizes: Vec<(u64, u64)> = (0..self.rows.len() as u32)
            .map(|n| {
                let event = self.event(n);
                let mut size = |column| {
                    scratch.clear();
                    self.value(&event, column, &mut scratch);
                    // Two quotes, and a comma or the end of the line.
                    let quotes: u64 = scratch.iter().map(|byte| u64::from(*byte == b'"')).sum();
                    scratch.len() as u64 + quotes + 3
                };
                ((0..added).map(&mut size).sum(), size(added))
            })
            .collect();
        let length = |edition: &Edition| {
            let mut header = Vec::new();
            self.write_header(&self.order(edition.layout), &mut header);
            let sizes = edition.rows.iter().map(|row| sizes[*row as usize]);
            let rows: u64 = sizes
                .map(|(known, added)| known + if edition.layout.extra { added } else { 0 })
                .sum();
            let cut = u64::from(!edition.terminated && !edition.rows.is_empty());
            header.len() as u64 + rows - cut
        };
        self.editions.iter().map(length).collect()
    }

    /// Appends the header row.
    fn write_header(&self, columns: &[usize], out: &mut Vec<u8>) {
        for (n, column) in columns.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            let name = &self.facts.types[self.event_type].columns[*column].name;
            quote(name.as_bytes(), out);
        }
        out.push(b'\n');
    }

    /// Which columns a file has, in order.
    fn order(&self, layout: Layout) -> Vec<usize> {
        let facts = &self.facts.types[self.event_type];
        let mut columns: Vec<usize> = (0..facts.added()).collect();
        let mut rng = Rng::about(mix_label(self.facts.config.seed, &facts.name), "order");
        let place = rng.range(1, columns.len() as u64 - 2) as usize;
        match layout.order {
            0 => {}
            1 => {
                let moved = columns.remove(place);
                columns.push(moved);
            }
            2 => columns.swap(place, place + 1),
            // The type stays first, all others change places.
            _ => columns[1..].rotate_left(place),
        }
        if layout.extra {
            columns.push(facts.added());
        }
        columns
    }
}

/// Appends `value` in quotes, its own quotes doubled.
fn quote(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if value.contains(&b'"') {
        for byte in value {
            if *byte == b'"' {
                out.push(b'"');
            }
            out.push(*byte);
        }
    } else {
        out.extend_from_slice(value);
    }
    out.push(b'"');
}
