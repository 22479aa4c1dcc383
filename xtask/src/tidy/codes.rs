//! Error codes: each one in the sources has a section in the documentation, and the other way
//! round.

use std::collections::BTreeMap;

use super::Finding;
use crate::workspace::{File, Tree};

/// The page with a section for each code.
const PAGE: &str = "docs/errors.md";

/// What codes are about.
const AREAS: &[&str] = &["AUTH", "ORG", "DEST", "LEDGER", "CONF", "UNIT", "DISK", "VAULT", "WEB"];

/// Codes without a section, sections without a code, codes of an unknown area.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    if !tree.paths.contains(PAGE) {
        return vec![Finding::new(PAGE, 0, "is missing: `cargo x docs` writes it")];
    }
    let mut used: BTreeMap<&str, (&File, usize)> = BTreeMap::new();
    let mut documented: BTreeMap<&str, usize> = BTreeMap::new();
    for file in &tree.files {
        let source = file.path.starts_with("crates/") && file.extension() == "rs";
        for (number, line) in file.lines() {
            for code in codes(line) {
                if source {
                    used.entry(code).or_insert((file, number));
                }
                if file.path == PAGE && line.starts_with('#') {
                    documented.entry(code).or_insert(number);
                }
            }
        }
    }
    let mut findings = Vec::new();
    for (code, (file, number)) in &used {
        let area = code.split('-').nth(1).unwrap_or_default();
        if !AREAS.contains(&area) {
            let what = format!("{code}: codes are about one of {}", AREAS.join(", "));
            findings.push(Finding::new(&file.path, *number, what));
        } else if !documented.contains_key(code) {
            let what = format!("{code} has no section in {PAGE}: `cargo x docs` writes it");
            findings.push(Finding::new(&file.path, *number, what));
        }
    }
    for (code, number) in documented.iter().filter(|(code, _)| !used.contains_key(*code)) {
        let what = format!("{code} is not in the sources any more: `cargo x docs` removes it");
        findings.push(Finding::new(PAGE, *number, what));
    }
    findings
}

/// The codes in a line, such as `OT-AUTH-01`.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("OT-").filter_map(|(start, _)| {
        let rest = &line[start..];
        let end = rest
            .find(|letter: char| {
                !letter.is_ascii_uppercase() && !letter.is_ascii_digit() && letter != '-'
            })
            .unwrap_or(rest.len());
        let code = &rest[..end];
        let mut parts = code.split('-').skip(1);
        let (area, number) = (parts.next()?, parts.next()?);
        let sound = !area.is_empty()
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 2
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && parts.next().is_none();
        let alone = !line[..start].ends_with(|letter: char| letter.is_alphanumeric());
        (sound && alone).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    #[test]
    fn codes_are_read_out_of_a_line() {
        let line = "code: \"OT-AUTH-01\", // like OT-ORG-22; not ROOT-ORG-01, OT-<AREA>-<NN>";
        assert_eq!(codes(line).collect::<Vec<_>>(), ["OT-AUTH-01", "OT-ORG-22"]);
        assert_eq!(codes("OT-AUTH-1 OT--01 OT-AUTH-01-02").count(), 0);
    }

    #[test]
    fn a_missing_page_is_one_finding() {
        let found =
            check(&planted(&[("crates/a/src/error.rs", "\"OT-AUTH-01\"\n\"OT-AUTH-02\"\n")]));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_code_without_a_section_and_a_section_without_a_code_are_found() {
        let found = check(&planted(&[
            ("crates/a/src/error.rs", "\"OT-AUTH-01\"\n\"OT-AUTH-02\"\n\"OT-HOME-01\"\n"),
            ("docs/errors.md", "# Errors\nOT-AUTH-02\n## OT-AUTH-01: no\n## OT-ORG-09\n"),
        ]));
        let places: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.line)).collect();
        assert_eq!(
            places,
            [("crates/a/src/error.rs", 2), ("crates/a/src/error.rs", 3), ("docs/errors.md", 4)]
        );
    }
}
