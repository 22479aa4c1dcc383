//! From the tree to the configuration as written, going on after a fault to find the others.
//!
//! Serde stops at the first thing that does not fit. Here that thing is told, passed over, and the
//! whole is read again, so that a person gets every problem of a file at once. What follows from a
//! problem already told (a key that is missing because it is misspelt) is not told again.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use super::fault::{FaultKind, MOST_FAULTS};
use super::reader::{At, Misfit, Reader, What};
use super::report::Report;
use super::tree::{Found, Node, path_of};
use super::words;
use super::written::{AuthFlow, Config};

/// The configuration as far as it could be read, and what had to be passed over.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) config: Config,
    skipped: HashSet<u32>,
}

impl Reading {
    /// The items of a top-level list that were read, in the order of the configuration's list.
    pub(super) fn items<'t>(&self, root: &'t Node, key: &str) -> Vec<&'t Node> {
        let items = root.get(key).map_or(&[][..], Node::items);
        items.iter().filter(|item| !self.skipped.contains(&item.id)).collect()
    }

    /// Whether a value is there and was read.
    pub(super) fn has(&self, node: &Node) -> bool {
        !self.skipped.contains(&node.id)
    }
}

/// Reads as much as can be read. None if the whole is not even a mapping.
pub(super) fn read(report: &mut Report<'_>, folder: &Path) -> Option<Reading> {
    let mut pass = Pass { report, skip: HashSet::new(), explained: HashSet::new() };
    for _ in 0..=2 * MOST_FAULTS {
        let reader = Reader { node: pass.report.root, skip: &pass.skip, folder };
        match Config::deserialize(reader) {
            Ok(config) => return Some(Reading { config, skipped: pass.skip }),
            Err(misfit) => {
                if !pass.pass_over(misfit) {
                    return None;
                }
            }
        }
    }
    None
}

struct Pass<'r, 't> {
    report: &'r mut Report<'t>,
    skip: HashSet<u32>,
    /// Keys that are missing for a reason already told, with the mapping they are missing in.
    explained: HashSet<(u32, String)>,
}

impl<'t> Pass<'_, 't> {
    /// Tells what did not fit. False if there is nothing to read without it.
    fn pass_over(&mut self, misfit: Misfit) -> bool {
        let at = misfit.at.unwrap_or(At { id: self.report.root.id, key: false });
        let way = self.report.way(at.id);
        match misfit.what {
            What::UnknownKey { key, known } => self.unknown_key(&way, at, &key, known),
            What::MissingKey(key) => self.missing_key(&way, at, key),
            What::UnknownWord { word, known } => {
                let (kind, message) = unknown_word(&way, &word, known);
                self.report.add(kind, at, message);
                self.skip_end(&way, at)
            }
            What::Shape { found, wanted } => self.misfit(&way, at, shape(found, &wanted)),
            What::Other(message) => self.misfit(&way, at, message),
        }
    }

    /// A mapping that no longer fits because something in it was passed over is not told.
    fn misfit(&mut self, way: &[Found<'t>], at: At, message: String) -> bool {
        let entries = way.last().map_or(&[][..], |stop| stop.node.entries());
        if at.key || !entries.iter().any(|entry| self.skip.contains(&entry.node.id)) {
            self.report.add(FaultKind::Value, at, message);
        }
        self.skip_end(way, at)
    }

    fn unknown_key(
        &mut self,
        way: &[Found<'t>],
        at: At,
        key: &str,
        known: &'static [&'static str],
    ) -> bool {
        let depth = if at.key { way.len().saturating_sub(1) } else { way.len() };
        let way = way.get(..depth).unwrap_or(way);
        let Some(parent) = way.last() else { return false };
        let Some(node) = parent.node.get(key) else { return false };
        let meant = words::nearest(key, known.iter().copied());
        let (kind, message) = stranger(way, key, meant, known);
        if let Some(meant) = meant {
            self.explained.insert((parent.node.id, meant.to_owned()));
        }
        self.report.add(kind, At { id: node.id, key: true }, message);
        self.skip.insert(node.id)
    }

    fn missing_key(&mut self, way: &[Found<'t>], at: At, key: &'static str) -> bool {
        let Some(map) = way.last() else { return false };
        let mut missing = vec![key.to_owned()];
        if general_path(way) == "connectors[]" {
            missing = words::required_of_a_connector();
            // Those of the flow too, so that a person hears of all at once.
            let flow = match map.node.get("auth").and_then(Node::text) {
                None => Some(AuthFlow::usual(map.node.get("salesforce_user_password").is_some())),
                Some(word) => AuthFlow::of_word(word),
            };
            let needs = flow.map_or(&[][..], AuthFlow::needs);
            missing.extend(needs.iter().map(|key| (*key).to_owned()));
            missing.retain(|key| map.node.get(key).is_none_or(|node| self.skip.contains(&node.id)));
        }
        missing.retain(|key| !self.explained.contains(&(map.node.id, key.clone())));
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let keys = words::listed(missing.iter().map(String::as_str), "and");
            self.report.add(FaultKind::MissingKey, at, format!("missing key{plural} {keys}"));
        }
        self.skip_end(way, At { key: false, ..at })
    }

    /// Passes over the value at the end of a way, or, if only its key was read, what it is in.
    fn skip_end(&mut self, way: &[Found<'t>], at: At) -> bool {
        let end = way.len().saturating_sub(if at.key { 2 } else { 1 });
        let (Some(stop), Some(parent)) =
            (way.get(end), end.checked_sub(1).and_then(|above| way.get(above)))
        else {
            return false;
        };
        if let Some(entry) = stop.entry {
            self.explained.insert((parent.node.id, entry.key.clone()));
        }
        self.skip.insert(stop.node.id)
    }
}

/// Whether a way leads through a key that holds secrets.
fn holds_secret(way: &[Found<'_>]) -> bool {
    way.iter().filter_map(|stop| stop.entry).any(|entry| words::holds_secret(&entry.key))
}

/// A path with `[]` for every number, which says what kind of thing stands there.
fn general_path(way: &[Found<'_>]) -> String {
    let path = path_of(way);
    let mut general = String::with_capacity(path.len());
    let mut in_brackets = false;
    for c in path.chars() {
        in_brackets = (in_brackets || c == '[') && c != ']';
        if !in_brackets || c == '[' {
            general.push(c);
        }
    }
    general
}

/// What to say of a key that is not known in the mapping at the end of a way.
fn stranger(
    way: &[Found<'_>],
    key: &str,
    meant: Option<&str>,
    known: &'static [&'static str],
) -> (FaultKind, String) {
    let name = words::quoted(key);
    let all = || words::listed(known.iter().copied(), "and");
    let message = if words::is_planned_key(&general_path(way), key) {
        return (FaultKind::NotAvailable, format!("{name} is not available in this version"));
    } else if let Some(meant) = meant {
        format!("unknown key {name}; did you mean `{meant}`?")
    } else if holds_secret(way) {
        // A password in braces is a mapping with the password as its key.
        format!("this key is not known here; known are {}", all())
    } else if let Some(home) = words::home_of(key) {
        format!("{name} does not belong here but {home}")
    } else {
        format!("unknown key {name}; known here: {}", all())
    };
    (FaultKind::UnknownKey, message)
}

/// Words in the place of a secret are not repeated.
fn unknown_word(
    way: &[Found<'_>],
    word: &str,
    known: &'static [&'static str],
) -> (FaultKind, String) {
    let hidden = holds_secret(way);
    let path = general_path(way);
    if words::is_planned_word(&path, word) {
        // An address after `postgres:` may hold a password.
        let word = word.split(':').next().unwrap_or("");
        let message = format!("{} is not available in this version", words::quoted(word));
        return (FaultKind::NotAvailable, message);
    }
    let what = if hidden { "this".to_owned() } else { words::quoted(word) };
    let message = if let Some(meant) = words::nearest(word, known.iter().copied()) {
        format!("{what} is not known here; did you mean `{meant}`?")
    } else {
        let all = words::listed(known.iter().copied(), "or");
        format!("{what} is not known here; write {all}")
    };
    (FaultKind::Value, message)
}

/// What is wanted and what is there, in words for people who do not program.
fn shape(found: &str, wanted: &str) -> String {
    let wanted = match wanted {
        "a string" | "string" | "path string" | "string or map" => "a text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "u8" | "u16" | "u32" | "u64" | "usize" | "i64" | "i32" => "a whole number",
        wanted if wanted.starts_with("a nonzero ") => "a whole number above 0",
        wanted if wanted.starts_with("struct ") => "a mapping",
        wanted if wanted.starts_with("a secret:") => "a secret",
        other => other,
    };
    match found {
        "nothing" => format!("{wanted} is wanted here, and there is nothing"),
        "a number" if wanted.starts_with("a whole number") => {
            format!("{wanted} is wanted here, and this one is too large or too small")
        }
        _ => format!("{wanted} is wanted here, not {found}"),
    }
}
