//! Words that must not stand in the repository: unfinished work, places outside it, slips of the
//! pen.

use super::Finding;
use crate::workspace::{File, Tree};

/// Files whose text people write.
const WRITTEN: &[&str] = &["js", "md", "mjs", "py", "rs", "sh", "sql", "toml", "ts", "yaml", "yml"];

/// Marks of unfinished work. Pieced together so that this file passes its own check.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Places that a clone of the repository does not have.
const ELSEWHERE: &[&str] = &[
    concat!("../", "shared"),
    concat!("work", "/shared"),
    concat!("shared/", "facts"),
    concat!("shared/", "design"),
    concat!("facts", " file"),
];

/// Words that are only ever written twice in a row by mistake.
const NEVER_TWICE: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "not", "of",
    "on", "or", "the", "then", "this", "to", "with",
];

/// Common misspellings and what was meant.
const MISSPELT: &[(&str, &str)] = &[
    (concat!("acc", "omodate"), "accommodate"),
    (concat!("adr", "ess"), "address"),
    (concat!("beg", "ining"), "beginning"),
    (concat!("calen", "der"), "calendar"),
    (concat!("compat", "able"), "compatible"),
    (concat!("con", "sistant"), "consistent"),
    (concat!("defin", "ately"), "definitely"),
    (concat!("depend", "ant"), "dependent"),
    (concat!("exist", "ance"), "existence"),
    (concat!("inde", "pendant"), "independent"),
    (concat!("len", "ght"), "length"),
    (concat!("neces", "ary"), "necessary"),
    (concat!("occ", "ured"), "occurred"),
    (concat!("occur", "ence"), "occurrence"),
    (concat!("prece", "eding"), "preceding"),
    (concat!("reci", "eve"), "receive"),
    (concat!("re", "cieve"), "receive"),
    (concat!("refer", "ed"), "referred"),
    (concat!("sep", "erate"), "separate"),
    (concat!("succes", "ful"), "successful"),
    (concat!("t", "eh"), "the"),
    (concat!("unt", "ill"), "until"),
    (concat!("wi", "ch"), "which"),
];

/// Words that must not be there.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let written = |file: &&File| WRITTEN.contains(&file.extension()) || file.path == ".ci/run";
    tree.files.iter().filter(written).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        let mut found = |what: String| findings.push(Finding::new(&file.path, number, what));
        for place in ELSEWHERE.iter().filter(|place| line.contains(**place)) {
            found(format!("`{place}` is not in a clone of the repository"));
        }
        let mut before = "";
        for word in line.split(|letter: char| !letter.is_alphanumeric() && letter != '_') {
            if UNFINISHED.contains(&word) {
                found(format!("`{word}`: finish it, or file an issue"));
            }
            if let Some((_, meant)) = MISSPELT.iter().find(|(wrong, _)| *wrong == word) {
                found(format!("`{word}`: `{meant}` was meant"));
            }
            if word == before && NEVER_TWICE.contains(&word) && is_prose(file, line, word) {
                found(format!("`{word}` twice"));
            }
            before = word;
        }
    }
    findings
}

/// Whether the word stands twice, with a blank between, in text and not in code or data.
fn is_prose(file: &File, line: &str, word: &str) -> bool {
    let comment = matches!(file.extension(), "rs") && line.trim_start().starts_with("//");
    let twice = format!("{word} {word}");
    (comment || file.extension() == "md") && line.contains(&twice) && !line.contains('`')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&planted(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unfinished_work_is_found_as_a_word_only() {
        let mark = UNFINISHED[0];
        assert_eq!(found("a.rs", &format!("ok\n// {mark}: later\n")).len(), 1);
        assert_eq!(found("a.sql", &format!("-- {mark}\n")).len(), 1);
        assert!(found("a.rs", &format!("let {mark}S = 1;")).is_empty());
        assert!(found("a.json", mark).is_empty());
    }

    #[test]
    fn places_outside_the_repository_are_found() {
        for place in ELSEWHERE {
            assert_eq!(found("a.md", &format!("see {place}/x")).len(), 1, "{place}");
        }
    }

    #[test]
    fn slips_of_the_pen_are_found_in_prose() {
        assert_eq!(found("a.md", "one of the the rows"), ["a.md:1: `the` twice"]);
        assert_eq!(found("a.rs", "//! of the the rows").len(), 1);
        assert!(found("a.rs", "is is").is_empty());
        assert!(found("a.md", "from a, a and b").is_empty());
        let wrong = MISSPELT[0].0;
        assert_eq!(
            found("a.toml", wrong),
            [format!("a.toml:1: `{wrong}`: `accommodate` was meant")]
        );
    }
}
