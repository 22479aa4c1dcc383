//! `cargo x tidy`: house rules that compilers do not know.
//!
//! Reads files and `cargo metadata`, builds nothing. Each rule is a pure function from what it
//! looks at to what it found, so that each is tested with a planted offence.

mod codes;
mod commands;
mod direction;
mod files;
mod links;
mod words;

use std::fmt;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace::{self, Tree};

pub(crate) use commands::{Shown, shown};

/// Something against the rules.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 when it is about the whole file.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Checks the repository and prints what it found.
pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.done()?;
    report()
}

/// Prints what is against the rules; anything is an error.
pub(crate) fn report() -> Result<()> {
    let tree = workspace::tree()?;
    let findings = check(&tree)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} files are tidy", tree.files.len());
        Ok(())
    } else {
        bail!("findings: {}", findings.len())
    }
}

/// Everything against the rules, in order of place.
fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = direction::check(&workspace::crates()?);
    findings.extend(files::check(tree));
    findings.extend(words::check(tree));
    findings.extend(links::check(tree));
    findings.extend(codes::check(tree));
    findings.extend(commands::check(tree));
    findings.sort_unstable();
    Ok(findings)
}

/// A tree of made-up files, for the tests of the rules.
#[cfg(test)]
fn planted(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.paths.extend(path.match_indices('/').map(|(at, _)| path[..at].to_owned()));
        tree.paths.insert((*path).to_owned());
        let (path, text) = ((*path).to_owned(), (*text).to_owned());
        tree.files.push(workspace::File { path, text });
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let findings = check(&workspace::tree().unwrap()).unwrap();
        let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(shown.is_empty(), "\n{}", shown.join("\n"));
    }

    #[test]
    fn a_finding_names_its_place() {
        assert_eq!(Finding::new("a.rs", 3, "wrong").to_string(), "a.rs:3: wrong");
        assert_eq!(Finding::new("a.rs", 0, "wrong").to_string(), "a.rs: wrong");
    }
}
