//! Collects the faults of one file, each with its place.

use super::excerpt::Source;
use super::fault::{ConfigError, Fault, FaultKind, MOST_FAULTS};
use super::reader::At;
use super::tree::{Bytes, Found, Node, Parsed, path_of};
use super::words::{is_known, quoted};

/// Faults after which no more are collected: finding the place of one takes a while.
const ENOUGH: usize = 2 * MOST_FAULTS;

/// The faults of a file that could be read as a tree.
#[derive(Debug)]
pub(super) struct Report<'t> {
    origin: &'t str,
    source: Source<'t>,
    pub(super) root: &'t Node,
    found: Vec<(usize, Fault)>,
}

impl<'t> Report<'t> {
    /// Begins with the keys that stand twice.
    pub(super) fn new(origin: &'t str, text: &'t str, parsed: &'t Parsed) -> Self {
        let root = &parsed.root;
        let source = Source::read(text, root, &parsed.repeated);
        let mut report = Self { origin, source, root, found: Vec::new() };
        for again in parsed.repeated.iter().take(ENOUGH) {
            let first = report.line_of(&again.first);
            // A stranger may be a secret in the place of a key.
            let key = if is_known(&again.key) { quoted(&again.key) } else { "this key".to_owned() };
            let message = format!("{key} stands a second time; the first is on line {first}");
            report.push(FaultKind::Repeated, String::new(), message, &again.at);
        }
        report
    }

    /// The way from the top to a value.
    pub(super) fn way(&self, id: u32) -> Vec<Found<'t>> {
        self.root.way_to(id).unwrap_or_default()
    }

    /// Adds a fault of a value or its key.
    pub(super) fn add(&mut self, kind: FaultKind, at: At, message: impl Into<String>) {
        let way = self.way(at.id);
        let Some(last) = way.last() else { return };
        let bytes = match last.entry {
            Some(entry) if at.key || last.node.bytes.is_empty() => &entry.key_bytes,
            _ => &last.node.bytes,
        };
        self.push(kind, path_of(&way), message.into(), bytes);
    }

    /// Adds a fault of a value.
    pub(super) fn value(&mut self, node: &Node, message: impl Into<String>) {
        self.add(FaultKind::Value, At { id: node.id, key: false }, message);
    }

    fn push(&mut self, kind: FaultKind, path: String, message: String, bytes: &Bytes) {
        if self.found.len() >= ENOUGH {
            return;
        }
        let mut fault = Fault::new(kind, path, message);
        fault.place = Some(self.source.place(bytes));
        self.found.push((bytes.start, fault));
    }

    /// The line of some bytes, counted from 1.
    pub(super) fn line_of(&self, bytes: &Bytes) -> usize {
        self.source.place(bytes).line
    }

    /// How many faults there are by now.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// All faults in the order of the text; none if there were none.
    pub(super) fn into_error(mut self) -> Option<ConfigError> {
        self.found.sort_by_key(|(at, _)| *at);
        let faults: Vec<Fault> = self.found.into_iter().map(|(_, fault)| fault).collect();
        (!faults.is_empty()).then(|| ConfigError::new(self.origin, faults))
    }
}
