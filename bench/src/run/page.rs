//! The page of results and its JSON.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::report::{Comparison, Target, table, targets};

/// Everything that came of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    /// What it ran on.
    pub(crate) machine: Vec<(String, String)>,
    /// What ran.
    pub(crate) tools: Vec<(String, String)>,
    /// Why the figures are worth little, if they are.
    pub(crate) busy: Option<String>,
    /// Whether data and runs were cut down.
    pub(crate) quick: bool,
    /// What was compared.
    pub(crate) comparisons: Vec<Comparison>,
}

/// How to read the tables.
const READING: &str = "\
Everything lies on a memory file system and every connection is on the loopback. The sides of a
comparison ran in turns; wall and CPU are medians, the peak is the largest of all runs. CPU and peak
are of the measured processes alone, as the kernel tells them (wait4); the org and the sink run
beside them on the same cores. Rates are of CSV bytes, whatever was on the wire. Log files are made
up: 36 columns like `RestApi` of a busy org with 400 sessions at work at once, every value quoted,
about a fifth of the cells empty, gzip at level 6.
";

impl Page {
    /// The page.
    pub(crate) fn text(&self) -> String {
        let mut out = String::from("# What Orgtap costs\n\n");
        out += if self.quick {
            "Written by `cargo x bench --quick`: small data, few runs, not for quoting.\n"
        } else {
            "Written by `cargo x bench`.\n"
        };
        out += &format!("\n{READING}");
        if let Some(busy) = &self.busy {
            out += &format!("\n{busy}\n");
        }
        let mut rows = vec![vec!["machine and tools".to_owned(), String::new()]];
        let facts = self.machine.iter().chain(&self.tools);
        rows.extend(facts.map(|(name, value)| vec![name.clone(), value.clone()]));
        out += &format!("\n{}", table(&rows));
        let all: Vec<&Target> = self.comparisons.iter().flat_map(|one| &one.targets).collect();
        let missed = all.iter().filter(|target| !target.is_met()).count();
        out += &format!("\n{} of {} targets are met.", all.len() - missed, all.len());
        if missed > 0 {
            out += " Missed:\n\n";
            out += &targets(all.into_iter().filter(|target| !target.is_met()));
        } else {
            out.push('\n');
        }
        for comparison in &self.comparisons {
            out += &format!("\n{}", comparison.section());
        }
        out
    }

    /// Writes page and JSON into a folder. A comparison that failed is an error after that.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let (page, json) = (folder.join("RESULTS.md"), folder.join("results.json"));
        let text = self.text();
        let missed: Vec<&Target> = self
            .comparisons
            .iter()
            .flat_map(|one| &one.targets)
            .filter(|target| !target.is_met())
            .collect();
        if missed.is_empty() {
            println!("\nevery target that was looked at is met");
        } else {
            println!("\nMISSED targets:\n\n{}", targets(missed.into_iter()));
        }
        fs::write(&page, text).with_context(|| format!("cannot write {}", page.display()))?;
        fs::write(&json, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("cannot write {}", json.display()))?;
        println!("written: {} and {}", page.display(), json.display());
        let failed: Vec<&str> = self
            .comparisons
            .iter()
            .filter(|one| one.failure.is_some())
            .map(|one| one.name.as_str())
            .collect();
        if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::report::{Unit, Wanted};

    #[test]
    fn a_missed_target_is_said_plainly_and_is_no_failure() {
        let target = |found| Target::new("x", found, Wanted::AtLeast(4.0), Unit::Times);
        let one = Comparison {
            name: "convert".into(),
            targets: vec![target(3.0), target(5.0)],
            ..Comparison::default()
        };
        let mut page = Page {
            machine: Vec::new(),
            tools: Vec::new(),
            busy: None,
            quick: true,
            comparisons: vec![one],
        };
        let folder = tempfile::tempdir().unwrap();
        page.write(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join("RESULTS.md")).unwrap();
        assert!(text.contains("1 of 2 targets are met. Missed:"), "{text}");
        page.comparisons[0].failure = Some("no".into());
        let error = page.write(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "failed: convert");
        assert!(page.text().contains("FAILED: no"));
    }
}
