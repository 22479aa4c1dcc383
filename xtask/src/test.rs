//! `cargo x test`: the whole check of a change, from a fresh clone to a verdict.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::process::{cargo, each_line, each_line_within};
use crate::steps::Steps;
use crate::{bench, lint, reference, setup};

/// When no test has ended for so long, one has got stuck: each takes a few minutes at most.
const PATIENCE: Duration = Duration::from_mins(20);

/// Sets up, lints, builds, tests, compares generated pages, counts instructions; goes on after a
/// failure.
pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.done()?;
    let mut steps = Steps::default();
    if steps.run("setup", setup::all).is_none() {
        return steps.close();
    }
    lint::all(&mut steps);
    let mut tally = Tally::default();
    if let Some(binary) = steps.run("build", build) {
        steps.run("test", || run_tests(&mut tally));
        steps.run("docs", || reference::check(&binary));
    }
    steps.run("budgets", || bench::instructions(false));
    let verdict = steps.close();
    println!("\n{tally}");
    verdict
}

/// Builds all tests; answers where the `orgtap` binary is, which the tests of its package need.
fn build() -> Result<PathBuf> {
    let mut arguments = vec!["test", "--workspace", "--locked", "--no-run"];
    arguments.push("--message-format=json-render-diagnostics");
    let mut binary = None;
    each_line(&mut cargo(&arguments), |line| binary = executable(line).or(binary.take()))?;
    match binary {
        Some(binary) => Ok(binary),
        None => bail!("cargo built no `orgtap` binary; do its tests start it?"),
    }
}

/// Where the `orgtap` binary is, if this message of cargo says so.
pub(crate) fn executable(message: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = message.get("target")?;
    let is_it = target["name"] == "orgtap"
        && target["kind"] == serde_json::json!(["bin"])
        && message["profile"]["test"] == false;
    if is_it { Some(PathBuf::from(message.get("executable")?.as_str()?)) } else { None }
}

fn run_tests(tally: &mut Tally) -> Result<()> {
    let arguments = ["test", "--workspace", "--locked", "--no-fail-fast"];
    let mut slow = Slow::default();
    let ran = each_line_within(&mut cargo(&arguments), PATIENCE, |line| {
        println!("{line}");
        tally.add(line);
        slow.add(line);
    });
    if let Err(error) = ran {
        bail!("{error}{slow}");
    }
    if tally.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// Tests that have not ended after a minute.
#[derive(Debug, Default)]
struct Slow(BTreeSet<String>);

impl Slow {
    /// Adds what libtest says of a test that takes long, and removes one that has ended.
    fn add(&mut self, line: &str) {
        let Some(said) = line.strip_prefix("test ") else { return };
        if let Some((name, _)) = said.split_once(" has been running for over ") {
            self.0.insert(name.to_owned());
        } else if let Some((name, _)) = said.split_once(" ... ") {
            self.0.remove(name);
        }
    }
}

impl std::fmt::Display for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            let before = if at == 0 { "; not ended: " } else { ", " };
            write!(f, "{before}{name}")?;
        }
        Ok(())
    }
}

/// Tests counted over all of cargo's test programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`; passes others by.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.trim_start().strip_prefix("test result: ") else { return };
        let counts = counts.split_once(". ").map_or(counts, |(_, counts)| counts);
        for count in counts.split(';') {
            let Some((number, word)) = count.trim().split_once(' ') else { continue };
            let number = number.parse().unwrap_or(0);
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_counted_over_all_programs() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.20s");
        tally.add("test result: FAILED. 2 passed; 5 failed; 0 ignored; 0 measured; 0 filtered out");
        tally.add("test a_name ... ok");
        assert_eq!(tally, Tally { passed: 14, failed: 5, skipped: 1 });
        assert_eq!(tally.to_string(), "14 passed, 5 failed, 1 skipped");
    }

    #[test]
    fn tests_that_do_not_end_are_named() {
        let mut slow = Slow::default();
        assert_eq!(slow.to_string(), "");
        for name in ["a::one", "a::two", "three"] {
            slow.add(&format!("test {name} has been running for over 60 seconds"));
        }
        slow.add("test a::two ... ok");
        slow.add("test another ... ok");
        assert_eq!(slow.to_string(), "; not ended: a::one, three");
    }

    #[test]
    fn the_binary_is_found_and_its_test_program_is_not_it() {
        let message = |test: bool, kind: &str| {
            serde_json::json!({
                "reason": "compiler-artifact",
                "target": { "name": "orgtap", "kind": [kind] },
                "profile": { "test": test },
                "executable": "/t/debug/orgtap",
            })
            .to_string()
        };
        assert_eq!(executable(&message(false, "bin")), Some(PathBuf::from("/t/debug/orgtap")));
        assert_eq!(executable(&message(true, "bin")), None);
        assert_eq!(executable(&message(false, "lib")), None);
        assert_eq!(executable("warning: not JSON"), None);
    }
}
