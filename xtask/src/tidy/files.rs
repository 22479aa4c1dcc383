//! Names and sizes of source files.

use super::Finding;
use crate::workspace::{File, Tree};

/// Most lines of a source file.
const LONGEST: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["common", "core", "helper", "helpers", "misc", "types", "util", "utils"];

/// Files that are too long or called by a name that says nothing.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| file.extension() == "rs") {
        let lines = file.text.lines().count();
        if lines > LONGEST {
            let what = format!("{lines} lines: split it by what it is about ({LONGEST} at most)");
            findings.push(Finding::new(&file.path, 0, what));
        }
        let name = file.path.strip_suffix(".rs").unwrap_or(&file.path);
        if let Some(part) = name.split('/').find(|part| EMPTY_NAMES.contains(part)) {
            findings.push(Finding::new(&file.path, 0, nameless(part)));
        }
        findings.extend(inline_modules(file));
    }
    findings
}

fn nameless(name: &str) -> String {
    format!("`{name}` says nothing about what is inside: name the module by its subject")
}

/// Modules written inside a file.
fn inline_modules(file: &File) -> impl Iterator<Item = Finding> {
    file.lines().filter_map(|(number, line)| {
        let line = line.trim();
        let (before, after) = line.split_once("mod ")?;
        let name = after.strip_suffix('{')?.trim();
        let declares = before.is_empty() || before.starts_with("pub");
        (declares && EMPTY_NAMES.contains(&name))
            .then(|| Finding::new(&file.path, number, nameless(name)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    #[test]
    fn a_long_file_is_found_and_one_at_the_limit_is_not() {
        let (fits, long) = ("x\n".repeat(LONGEST), "x\n".repeat(LONGEST + 1));
        let found = check(&planted(&[("a.rs", &fits), ("b.rs", &long), ("c.md", &long)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "b.rs");
    }

    #[test]
    fn names_that_say_nothing_are_found_as_file_folder_and_module() {
        let found = check(&planted(&[
            ("crates/a/src/util.rs", ""),
            ("crates/a/src/common/mod.rs", ""),
            ("crates/a/src/lib.rs", "mod time;\n    pub(crate) mod helpers {\n}\n"),
            ("crates/core_dump/src/lib.rs", "mod utilities {}\nmod core_dump {\n"),
        ]));
        let places: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.line)).collect();
        assert_eq!(
            places,
            [
                ("crates/a/src/util.rs", 0),
                ("crates/a/src/common/mod.rs", 0),
                ("crates/a/src/lib.rs", 2)
            ]
        );
    }
}
