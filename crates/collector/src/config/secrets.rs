//! Where the file refers to secrets or, discouraged, holds them. Never looks at their values
//! except to see that there is one.

use super::fault::FaultKind;
use super::reader::At;
use super::report::Report;
use super::settings::StoredUse;
use super::tree::{Node, Value};
use super::words::is_secret;

/// A secret that stands in the file.
#[derive(Debug)]
pub(super) struct Plain<'t> {
    pub(super) node: &'t Node,
}

/// Refuses references that can never give anything.
pub(super) fn check(report: &mut Report<'_>) {
    let mut wrong: Vec<(u32, &'static str)> = Vec::new();
    each(report.root, "", &mut |secret| {
        if let Some(message) = fault_of(secret) {
            wrong.push((secret.id, message));
        }
    });
    for (id, message) in wrong {
        report.add(FaultKind::Value, At { id, key: false }, message);
    }
}

/// The secrets written out in the file, in its order.
pub(super) fn plain(root: &Node) -> Vec<Plain<'_>> {
    let mut found = Vec::new();
    each(root, "", &mut |node| {
        if node.text().is_some() {
            found.push(Plain { node });
        }
    });
    found
}

/// The entries of the vault the file refers to, in its order.
pub(super) fn stored(root: &Node) -> Vec<StoredUse> {
    let mut found = Vec::new();
    for (list, kind) in [("connectors", "connector"), ("destinations", "destination")] {
        for item in root.get(list).map_or(&[][..], Node::items) {
            let name = item.get("name").and_then(Node::text).unwrap_or_default();
            each(item, "", &mut |secret| {
                if let Some(entry) = secret.get("stored").and_then(Node::text) {
                    let (entry, name) = (entry.to_owned(), name.to_owned());
                    found.push(StoredUse { entry, kind, name });
                }
            });
        }
    }
    found
}

/// Calls with every value in the place of a secret.
fn each<'t>(node: &'t Node, parent: &str, call: &mut impl FnMut(&'t Node)) {
    for entry in node.entries() {
        if is_secret(&entry.key, parent) {
            call(&entry.node);
        } else {
            each(&entry.node, &entry.key, call);
        }
    }
    for item in node.items() {
        each(item, parent, call);
    }
}

fn fault_of(secret: &Node) -> Option<&'static str> {
    if secret.text() == Some("") {
        return Some("a secret cannot be empty");
    }
    let [only] = secret.entries() else { return None };
    match (only.key.as_str(), &only.node.value) {
        ("env", Value::Scalar { text, .. }) if !is_variable(text) => {
            Some("write the name of an environment variable, without `$`")
        }
        ("command", Value::List(words))
            if words.first().and_then(Node::text).is_none_or(str::is_empty) =>
        {
            Some("a command begins with a program")
        }
        _ => None,
    }
}

fn is_variable(name: &str) -> bool {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"$={}\"'".contains(c);
    !name.is_empty() && name.chars().all(plain)
}
